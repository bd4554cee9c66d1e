//! What the evaluator asks of the world it queries: names first, rows second.

use std::sync::Arc;

use jiff::Timestamp;

use super::ast::Group;
use super::cell::Cell;

/// An object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Its place in the world's table of types.
    pub index: usize,
    /// Its name as the vendor writes it.
    pub name: Arc<str>,
}

/// How a column is written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An id of this or of another record.
    Id,
    /// Text, compared without regard to case.
    Text,
    /// Several choices joined by `;`.
    Choices,
    /// True or false.
    Flag,
    /// A whole number.
    Int,
    /// A number.
    Real,
    /// A day.
    Day,
    /// An instant.
    Moment,
    /// A read-only composition of other columns.
    Compound,
}

/// What a query may do with a column, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uses(pub u8);

impl Uses {
    /// The column may stand in `WHERE`.
    pub const FILTER: Self = Self(1);
    /// The column may stand in `ORDER BY`.
    pub const SORT: Self = Self(2);
    /// The column may stand in `GROUP BY`.
    pub const GROUP: Self = Self(4);

    /// Returns true if everything in `use_` is allowed.
    pub fn allow(self, use_: Self) -> bool {
        self.0 & use_.0 == use_.0
    }

    /// Returns both sets together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A column of an object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its place among the columns of its type.
    pub index: u16,
    /// Its name as the vendor writes it.
    pub name: Arc<str>,
    /// How it is written and compared.
    pub shape: Shape,
    /// What a query may do with it.
    pub uses: Uses,
}

/// A way from a row to one other row or to many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name as the vendor writes it.
    pub name: Arc<str>,
    /// The type at the other end.
    pub entity: Entity,
    /// The column with the id: of this row for a parent, of the other rows for children.
    pub column: u16,
}

/// Whether deleted and archived rows are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Only live rows (`query`).
    Live,
    /// All rows (`queryAll`).
    Everything,
}

/// The names of a world.
pub trait Schema {
    /// Returns the object type called `name`, in any case of letters.
    fn entity(&self, name: &str) -> Option<Entity>;
    /// Returns a column by name, in any case of letters.
    fn column(&self, entity: &Entity, name: &str) -> Option<Column>;
    /// Returns the columns of a group, in the order of the describe answer.
    fn columns(&self, entity: &Entity, group: Group) -> Vec<Column>;
    /// Returns the way to a parent row.
    fn parent(&self, entity: &Entity, name: &str) -> Option<Relation>;
    /// Returns the way to child rows.
    fn children(&self, entity: &Entity, name: &str) -> Option<Relation>;
    /// Returns the long form of an id, or `None` if it is not one.
    fn long_id(&self, id: &str) -> Option<String>;
    /// Returns the time, for `TODAY` and its like.
    fn now(&self) -> Timestamp;
}

/// The rows of a world.
pub trait Source: Schema {
    /// A handle of a row.
    type Row: Copy;
    /// Returns the rows of a type in the order of their ids.
    fn rows(&self, entity: &Entity, reach: Reach) -> impl Iterator<Item = Self::Row>;
    /// Returns a row by its long id.
    fn find(&self, entity: &Entity, id: &str, reach: Reach) -> Option<Self::Row>;
    /// Returns a value of a row.
    fn cell(&self, row: Self::Row, column: u16) -> Cell<'_>;
}
