//! The query language of Salesforce: the only place in this crate where a query is put together.
//!
//! Names of fields and objects come from the mapping (`&'static str`, part of this program);
//! everything that comes from outside is a [`Literal`] and is escaped here. That is the whole
//! defence against injection, so the tests parse what this file writes with another parser.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The most values in one `IN` list: keeps a statement selective and its address short.
pub const LIST_MAX: usize = 100;

/// The most bytes that the values of one `IN` list may take in an address. Salesforce accepts
/// 16,384 bytes of address and headers; the rest of the statement and a token need their share.
pub const LIST_BYTES_MAX: usize = 8_000;

/// A statement that reads rows of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select<'a> {
    /// The fields, in order.
    pub fields: &'a [&'static str],
    /// The object.
    pub from: &'static str,
    /// Which rows; all if there is no condition.
    pub filter: Option<Filter>,
    /// What the rows are sorted by, most important first.
    pub order_by: &'a [&'static str],
    /// The largest number of rows.
    pub limit: Option<u16>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The field has the value.
    Is(&'static str, Literal),
    /// The field has another value, or none.
    IsNot(&'static str, Literal),
    /// The field is greater than the value.
    After(&'static str, Literal),
    /// The field is the value or greater.
    From(&'static str, Literal),
    /// The field is the value or less.
    UpTo(&'static str, Literal),
    /// The field has one of the values.
    OneOf(&'static str, Vec<Literal>),
    /// All hold.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Text; an id is text as well.
    Text(String),
    /// A point in time.
    Moment(Timestamp),
    /// Yes.
    True,
    /// No.
    False,
}

impl Literal {
    /// Makes a text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// The place of a row in the order of stamp and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row's stamp.
    pub stamp: Timestamp,
    /// The row's id.
    pub id: String,
}

impl Filter {
    /// Returns the condition that a row comes after a place in the order of the two fields.
    /// Rows with equal stamps are told apart by id, so none is lost at the edge of a page.
    pub fn beyond(stamp: &'static str, id: &'static str, place: &Place) -> Self {
        let moment = Literal::Moment(place.stamp);
        Self::Any(vec![
            Self::All(vec![
                Self::Is(stamp, moment.clone()),
                Self::After(id, Literal::text(&place.id)),
            ]),
            Self::After(stamp, moment),
        ])
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Is(name, value) => write!(out, "{name} = {value}"),
            Self::IsNot(name, value) => write!(out, "{name} != {value}"),
            Self::After(name, value) => write!(out, "{name} > {value}"),
            Self::From(name, value) => write!(out, "{name} >= {value}"),
            Self::UpTo(name, value) => write!(out, "{name} <= {value}"),
            Self::OneOf(name, values) => {
                write!(out, "{name} IN (")?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(out, "{comma}{value}")?;
                }
                out.write_char(')')
            }
            Self::All(parts) => join(parts, " AND ", out),
            Self::Any(parts) => join(parts, " OR ", out),
        }
    }
}

/// Joined conditions are always wrapped: the language refuses a bare mix of `AND` and `OR`.
fn join(parts: &[Filter], word: &str, out: &mut String) -> fmt::Result {
    out.write_char('(')?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.write_str(word)?;
        }
        part.write(out)?;
    }
    out.write_char(')')
}

impl fmt::Display for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT {} FROM {}", self.fields.join(", "), self.from)?;
        if let Some(filter) = &self.filter {
            let mut condition = String::new();
            filter.write(&mut condition)?;
            write!(f, " WHERE {condition}")?;
        }
        if !self.order_by.is_empty() {
            write!(f, " ORDER BY {}", self.order_by.join(", "))?;
        }
        if let Some(limit) = self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                f.write_char('\'')?;
                for symbol in text.chars() {
                    match symbol {
                        '\'' => f.write_str("\\'")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        other => f.write_char(other)?,
                    }
                }
                f.write_char('\'')
            }
            // Audit stamps are whole seconds, but a watermark of ours need not be.
            Self::Moment(moment) => write!(f, "{moment:.3}"),
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
        }
    }
}

/// Splits values into lists that one statement can carry. A value that could never be stored is
/// left out by the caller, so no single value exceeds the bound.
pub fn lists(values: Vec<Literal>) -> Vec<Vec<Literal>> {
    let mut lists: Vec<Vec<Literal>> = Vec::new();
    let mut room = 0;
    for value in values {
        let cost = address_bytes(&format!("{value},"));
        match lists.last_mut() {
            Some(list) if list.len() < LIST_MAX && cost <= room => {
                room -= cost;
                list.push(value);
            }
            Some(_) | None => {
                room = LIST_BYTES_MAX.saturating_sub(cost);
                lists.push(vec![value]);
            }
        }
    }
    lists
}

/// Returns how long text is in an address.
fn address_bytes(text: &str) -> usize {
    utf8_percent_encode(text, NON_ALPHANUMERIC).map(str::len).sum()
}
