//! The tree of a parsed query. `Display` writes it back as text that parses to the same tree.

use jiff::Timestamp;
use jiff::civil::Date;

use super::moment::Period;

/// Where a name stood in the text; never part of a comparison between trees.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spot(pub usize);

impl PartialEq for Spot {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Spot {}

/// A dotted path such as `Account.Owner.Name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The names between the dots, at least one.
    pub names: Vec<String>,
    /// Where the path began.
    pub spot: Spot,
}

/// One query, or a child query inside the select list.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What is selected, in order.
    pub select: Vec<Item>,
    /// The object type; in a child query, the relationship's name.
    pub from: Path,
    /// The short name given to the type.
    pub alias: Option<String>,
    /// The condition, if any.
    pub filter: Option<Condition>,
    /// The grouping fields, if any.
    pub group_by: Vec<Path>,
    /// The sort, most important key first.
    pub order_by: Vec<Sort>,
    /// The largest number of rows.
    pub limit: Option<u64>,
    /// How many rows to leave out at the start.
    pub offset: Option<u64>,
}

/// One entry of the select list.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A field of the row or of one of its parents.
    Field(Path),
    /// `COUNT()`: only the number of rows.
    CountRows,
    /// `FIELDS(…)`.
    Fields(Group),
    /// `SUM(Amount) total` and its like.
    Aggregate {
        /// The function.
        function: Function,
        /// The field it reads.
        path: Path,
        /// The name of the result; `expr0`, `expr1`, … where none is given.
        alias: Option<String>,
    },
    /// `(SELECT … FROM Contacts)`.
    Child(Box<Query>),
}

/// The groups of `FIELDS(…)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Every field.
    All,
    /// The vendor's own fields.
    Standard,
    /// The fields that this org added.
    Custom,
}

/// The aggregate functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Rows with a value.
    Count,
    /// Different values.
    CountDistinct,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The total.
    Sum,
    /// The mean.
    Avg,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of them; at least two.
    And(Vec<Self>),
    /// Any of them; at least two.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// `Field = value` and its like.
    Compare {
        /// The field.
        path: Path,
        /// The operator.
        operator: Operator,
        /// The value.
        value: Literal,
        /// Where the value stood.
        spot: Spot,
    },
    /// `Field LIKE 'a%'`.
    Like {
        /// The field.
        path: Path,
        /// The pattern.
        pattern: Vec<Piece>,
    },
    /// `Field IN (…)`, `Field NOT IN (…)`.
    Member {
        /// The field.
        path: Path,
        /// Inside or outside.
        side: Side,
        /// The set.
        set: Set,
        /// Where the set stood.
        spot: Spot,
    },
    /// `Field INCLUDES ('a;b', 'c')`, `Field EXCLUDES (…)`.
    Choice {
        /// The field.
        path: Path,
        /// Inside or outside.
        side: Side,
        /// Each entry is a list of choices that must all be there, joined by `;`.
        values: Vec<String>,
    },
}

/// The set of a membership test.
#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    /// Values written out.
    Listed(Vec<Literal>),
    /// The one selected field of another query.
    Query(Box<Query>),
}

/// Whether a membership test asks for members or for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `IN`, `INCLUDES`.
    Inside,
    /// `NOT IN`, `EXCLUDES`.
    Outside,
}

/// The comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A piece of a `LIKE` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Exactly this character.
    Char(char),
    /// `_`: any one character.
    One,
    /// `%`: any number of characters.
    Many,
}

/// A value written in a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `TRUE`, `FALSE`
    Flag(bool),
    /// `'text'`, decoded
    Text(String),
    /// A number, as written
    Number(String),
    /// `2026-05-06`
    Day(Date),
    /// `2026-05-06T11:32:21Z`
    Moment(Timestamp),
    /// `TODAY`, `LAST_N_DAYS:3`, …
    Period(Period),
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The field.
    pub path: Path,
    /// Up or down.
    pub order: Order,
    /// Where rows without a value go.
    pub nulls: Nulls,
}

/// The direction of a sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Where rows without a value are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Before all others (the default).
    First,
    /// After all others.
    Last,
}
