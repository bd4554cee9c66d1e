//! The query language of Zoho: the only place in this crate where a query is put together.
//!
//! Names of fields and modules come from the mapping (`&'static str`, part of this program);
//! everything that comes from outside is a [`Literal`] and is escaped here. Conditions are joined
//! two by two, each pair in brackets: the language knows no longer chains.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

/// The most values of one `in`.
pub(crate) const LIST_MAX: usize = 50;

/// A statement that reads rows of one module.
#[derive(Clone, Debug)]
pub(crate) struct Select<'a> {
    /// The columns, in order.
    pub(crate) columns: &'a [&'static str],
    /// The module.
    pub(crate) from: &'static str,
    /// Which rows; there must be a condition.
    pub(crate) filter: Filter,
    /// What the rows are sorted by, most important first, upwards.
    pub(crate) order_by: &'static [&'static str],
    /// The largest number of rows.
    pub(crate) limit: u16,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The column has the value.
    Is(&'static str, Literal),
    /// The column is greater than the value.
    After(&'static str, Literal),
    /// The column is the value or greater.
    From(&'static str, Literal),
    /// The column is the value or less.
    UpTo(&'static str, Literal),
    /// The column has one of the values.
    OneOf(&'static str, Vec<Literal>),
    /// Both hold.
    Both(Box<Self>, Box<Self>),
    /// One of the two holds.
    Either(Box<Self>, Box<Self>),
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Text; an id is text as well.
    Text(String),
    /// A point in time, to whole seconds.
    Moment(Timestamp),
}

impl Literal {
    /// Makes a text value.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl Filter {
    /// Joins two conditions that must both hold.
    pub(crate) fn and(self, other: Self) -> Self {
        Self::Both(Box::new(self), Box::new(other))
    }

    /// Returns the condition that a row comes after a place in the order of stamp and id.
    pub(crate) fn beyond(
        stamp: &'static str,
        id: &'static str,
        (at, last): (Timestamp, &str),
    ) -> Self {
        let moment = Literal::Moment(at);
        let same = Self::Is(stamp, moment.clone()).and(Self::After(id, Literal::text(last)));
        Self::Either(Box::new(same), Box::new(Self::After(stamp, moment)))
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Is(name, value) => write!(out, "{name} = {value}"),
            Self::After(name, value) => write!(out, "{name} > {value}"),
            Self::From(name, value) => write!(out, "{name} >= {value}"),
            Self::UpTo(name, value) => write!(out, "{name} <= {value}"),
            Self::OneOf(name, values) => {
                write!(out, "{name} in (")?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(out, "{comma}{value}")?;
                }
                out.write_char(')')
            }
            Self::Both(one, other) => join(one, " and ", other, out),
            Self::Either(one, other) => join(one, " or ", other, out),
        }
    }
}

fn join(one: &Filter, word: &str, other: &Filter, out: &mut String) -> fmt::Result {
    out.write_char('(')?;
    one.write(out)?;
    out.write_str(word)?;
    other.write(out)?;
    out.write_char(')')
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                f.write_char('\'')?;
                for ch in text.chars() {
                    if matches!(ch, '\'' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(ch)?;
                }
                f.write_char('\'')
            }
            Self::Moment(at) => write!(f, "'{}'", moment(*at)),
        }
    }
}

impl fmt::Display for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut filter = String::new();
        self.filter.write(&mut filter)?;
        write!(f, "select {} from {} where {filter}", self.columns.join(", "), self.from)?;
        if !self.order_by.is_empty() {
            write!(f, " order by {} asc", self.order_by.join(" asc, "))?;
        }
        write!(f, " limit {}", self.limit)
    }
}

/// Returns a time as the vendor takes it: with an offset and without fractions.
pub(crate) fn moment(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.display_with_offset(jiff::tz::Offset::UTC).to_string()
}

/// What a query costs in credits.
pub(crate) const fn cost(limit: u16) -> u32 {
    match limit {
        0..=200 => 1,
        201..=1_000 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(filter: Filter) -> String {
        let select = Select {
            columns: &["id", "Email"],
            from: "Contacts",
            filter,
            order_by: &["Modified_Time", "id"],
            limit: 200,
        };
        select.to_string()
    }

    #[test]
    fn pairs_stand_in_brackets_and_times_have_an_offset() {
        let at: Timestamp = "2026-05-14T08:36:18.5Z".parse().unwrap();
        let beyond = Filter::beyond("Modified_Time", "id", (at, "71"));
        let filter = Filter::UpTo("Modified_Time", Literal::Moment(at)).and(beyond);
        assert_eq!(
            written(filter),
            "select id, Email from Contacts where (Modified_Time <= '2026-05-14T08:36:18+00:00' \
             and ((Modified_Time = '2026-05-14T08:36:18+00:00' and id > '71') or Modified_Time > \
             '2026-05-14T08:36:18+00:00')) order by Modified_Time asc, id asc limit 200"
        );
    }

    #[test]
    fn what_comes_from_outside_stays_inside_its_quotes() {
        let odd = vec![Literal::text("o'neil\\"), Literal::text("x")];
        assert!(
            written(Filter::OneOf("Email", odd))
                .contains(r"where Email in ('o\'neil\\','x') order")
        );
    }

    /// Reads a quoted text back, and what stands behind it.
    fn unquoted(text: &str) -> Option<(String, &str)> {
        let mut held = String::new();
        let mut chars = text.strip_prefix('\'')?.char_indices();
        while let Some((at, ch)) = chars.next() {
            match ch {
                '\\' => held.push(chars.next()?.1),
                '\'' => return Some((held, text.get(at + 2..)?)),
                _ => held.push(ch),
            }
        }
        None
    }

    proptest::proptest! {
        /// Nothing that comes from outside ends its quotes early.
        #[test]
        fn every_text_is_read_back_as_it_was(text in ".*") {
            let written = Literal::text(text.as_str()).to_string();
            proptest::prop_assert_eq!(unquoted(&written), Some((text, "")));
        }
    }
}
