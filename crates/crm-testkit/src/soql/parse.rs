//! Reads the text of a query into a tree.

mod condition;

use super::ast::{Function, Group, Item, Nulls, Order, Path, Query, Sort, Spot};
use super::problem::Problem;
use super::token::{Kind, Token, tokens};

/// The longest statement, in characters.
const LENGTH_MAX: usize = 100_000;
/// The largest `OFFSET`.
const OFFSET_MAX: u64 = 2_000;
/// How deep conditions may be nested; the vendor's own limit is not published.
const DEPTH_MAX: usize = 100;

/// Words that end a clause and therefore are never an alias.
const RESERVED: [&str; 16] = [
    "WHERE", "ORDER", "GROUP", "LIMIT", "OFFSET", "HAVING", "WITH", "FOR", "USING", "FROM", "ALL",
    "AND", "OR", "NOT", "ASC", "DESC",
];

/// Parses one statement.
pub fn parse(text: &str) -> Result<Query, Problem> {
    if text.chars().count() > LENGTH_MAX {
        let what = "SOQL statements cannot be longer than 100000 characters";
        return Err(Problem::plain("MALFORMED_QUERY", what));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let query = parser.query(Place::Top)?;
    match parser.kind() {
        Kind::End => Ok(query),
        Kind::Name(_)
        | Kind::Text(_)
        | Kind::Number(_)
        | Kind::Day(_)
        | Kind::Moment(_)
        | Kind::Symbol(_) => Err(parser.unexpected()),
    }
}

/// Where a query stands, which decides what it may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Child,
    Set,
}

#[derive(Debug)]
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self, place: Place) -> Result<Query, Problem> {
        self.expect_word("SELECT")?;
        let mut select = vec![self.item(place)?];
        while self.take_symbol(",") {
            select.push(self.item(place)?);
        }
        self.expect_word("FROM")?;
        let from = self.path()?;
        let alias = self.alias();
        let filter = if self.take_word("WHERE") { Some(self.condition()?) } else { None };
        let mut group_by = Vec::new();
        if self.take_word("GROUP") {
            self.expect_word("BY")?;
            group_by = self.paths()?;
        }
        let mut order_by = Vec::new();
        if self.take_word("ORDER") {
            self.expect_word("BY")?;
            order_by.push(self.sort()?);
            while self.take_symbol(",") {
                order_by.push(self.sort()?);
            }
        }
        let limit = if self.take_word("LIMIT") { Some(self.count()?) } else { None };
        let offset = if self.take_word("OFFSET") { Some(self.count()?) } else { None };
        if offset.is_some_and(|offset| offset > OFFSET_MAX) {
            let what = "Maximum SOQL offset allowed is 2000";
            return Err(Problem::plain("NUMBER_OUTSIDE_VALID_RANGE", what));
        }
        Ok(Query { select, from, alias, filter, group_by, order_by, limit, offset })
    }

    fn item(&mut self, place: Place) -> Result<Item, Problem> {
        if place == Place::Top && self.take_symbol("(") {
            let child = self.query(Place::Child)?;
            self.expect_symbol(")")?;
            return Ok(Item::Child(Box::new(child)));
        }
        if self.kind_after() != &Kind::Symbol("(") {
            return self.path().map(Item::Field);
        }
        let start = self.next;
        let name = self.name()?;
        self.expect_symbol("(")?;
        if name.eq_ignore_ascii_case("FIELDS") {
            let group = match self.name()?.to_ascii_uppercase().as_str() {
                "ALL" => Group::All,
                "STANDARD" => Group::Standard,
                "CUSTOM" => Group::Custom,
                _ => return Err(self.unexpected_before()),
            };
            self.expect_symbol(")")?;
            return Ok(Item::Fields(group));
        }
        let function = match name.to_ascii_uppercase().as_str() {
            "COUNT" if place == Place::Top && self.take_symbol(")") => return Ok(Item::CountRows),
            "COUNT" => Function::Count,
            "COUNT_DISTINCT" => Function::CountDistinct,
            "MIN" => Function::Min,
            "MAX" => Function::Max,
            "SUM" => Function::Sum,
            "AVG" => Function::Avg,
            _ => return Err(self.unexpected_at(start)),
        };
        if place != Place::Top {
            return Err(self.unexpected_at(start));
        }
        let path = self.path()?;
        self.expect_symbol(")")?;
        Ok(Item::Aggregate { function, path, alias: self.alias() })
    }

    fn alias(&mut self) -> Option<String> {
        let Kind::Name(name) = self.kind() else {
            return None;
        };
        if RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word)) {
            return None;
        }
        let name = name.clone();
        self.next += 1;
        Some(name)
    }

    fn path(&mut self) -> Result<Path, Problem> {
        let spot = Spot(self.at());
        let mut names = vec![self.name()?];
        while self.take_symbol(".") {
            names.push(self.name()?);
        }
        Ok(Path { names, spot })
    }

    fn paths(&mut self) -> Result<Vec<Path>, Problem> {
        let mut paths = vec![self.path()?];
        while self.take_symbol(",") {
            paths.push(self.path()?);
        }
        Ok(paths)
    }

    fn sort(&mut self) -> Result<Sort, Problem> {
        let path = self.path()?;
        let order = if self.take_word("DESC") {
            Order::Descending
        } else {
            self.take_word("ASC");
            Order::Ascending
        };
        let mut nulls = Nulls::First;
        if self.take_word("NULLS") {
            if self.take_word("LAST") {
                nulls = Nulls::Last;
            } else {
                self.expect_word("FIRST")?;
            }
        }
        Ok(Sort { path, order, nulls })
    }

    fn count(&mut self) -> Result<u64, Problem> {
        if let Kind::Number(number) = self.kind()
            && let Ok(count) = number.parse()
        {
            self.next += 1;
            return Ok(count);
        }
        Err(self.unexpected())
    }

    fn name(&mut self) -> Result<String, Problem> {
        if let Kind::Name(name) = self.kind()
            && !["SELECT", "FROM", "WHERE"].iter().any(|word| name.eq_ignore_ascii_case(word))
        {
            let name = name.clone();
            self.next += 1;
            return Ok(name);
        }
        Err(self.unexpected())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = matches!(self.kind(), Kind::Name(name) if name.eq_ignore_ascii_case(word));
        self.next += usize::from(taken);
        taken
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let taken = matches!(self.kind(), Kind::Symbol(found) if *found == symbol);
        self.next += usize::from(taken);
        taken
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Problem> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Problem> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn kind(&self) -> &Kind {
        self.tokens.get(self.next).map_or(&Kind::End, |token| &token.kind)
    }

    fn kind_after(&self) -> &Kind {
        self.tokens.get(self.next + 1).map_or(&Kind::End, |token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |token| token.at)
    }

    fn unexpected(&self) -> Problem {
        self.unexpected_at(self.next)
    }

    fn unexpected_before(&self) -> Problem {
        self.unexpected_at(self.next.saturating_sub(1))
    }

    fn unexpected_at(&self, index: usize) -> Problem {
        match self.tokens.get(index) {
            Some(token) => Problem::unexpected(self.text, token.at, &token.kind.shown()),
            None => Problem::unexpected(self.text, self.text.len(), "<EOF>"),
        }
    }
}
