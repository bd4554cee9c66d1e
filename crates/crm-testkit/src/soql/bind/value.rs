//! The bound form of a literal: checked against its column, ready to compare.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::super::ast::Literal;
use super::super::problem::Problem;
use super::super::schema::{Column, Schema, Shape};

/// A value that is ready to compare.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// No value.
    Null,
    /// True or false.
    Flag(bool),
    /// Text in lower case.
    Text(String),
    /// A long id.
    Id(String),
    /// A number.
    Number(f64),
    /// From the first day up to, and without, the second.
    Days(Date, Date),
    /// From the first instant up to, and without, the second.
    Moments(Timestamp, Timestamp),
}

impl Bound {
    /// Returns the text or id, if it is one.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Id(text) => Some(text.clone()),
            Self::Null | Self::Flag(_) | Self::Number(_) | Self::Days(..) | Self::Moments(..) => {
                None
            }
        }
    }
}

/// Checks a literal against a column.
pub(super) fn bound<S: Schema>(
    schema: &S,
    column: &Column,
    literal: &Literal,
) -> Result<Bound, Problem> {
    let today = schema.now().to_zoned_datetime(TimeZone::UTC).date();
    let outside = || {
        let what = format!("value of filter criterion for field '{}' is out of range", column.name);
        Problem::plain("INVALID_FIELD", what)
    };
    match (column.shape, literal) {
        (Shape::Flag, Literal::Null) => Err(wrong(column)),
        (_, Literal::Null) => Ok(Bound::Null),
        (Shape::Text | Shape::Choices, Literal::Text(text)) if text.is_empty() => Ok(Bound::Null),
        (Shape::Text | Shape::Choices, Literal::Text(text)) => Ok(Bound::Text(text.to_lowercase())),
        (Shape::Id, Literal::Text(text)) if text.is_empty() => Ok(Bound::Null),
        (Shape::Id, Literal::Text(text)) => schema.long_id(text).map(Bound::Id).ok_or_else(|| {
            Problem::plain("INVALID_QUERY_FILTER_OPERATOR", format!("invalid ID field: {text}"))
        }),
        (Shape::Flag, Literal::Flag(flag)) => Ok(Bound::Flag(*flag)),
        (Shape::Int | Shape::Real, Literal::Number(number)) => {
            number.parse().map(Bound::Number).map_err(|_out_of_range| outside())
        }
        (Shape::Day, Literal::Day(day)) => {
            let next = day.checked_add(1.day()).map_err(|_out_of_range| outside())?;
            Ok(Bound::Days(*day, next))
        }
        (Shape::Moment, Literal::Moment(moment)) => {
            let next = moment.checked_add(1.millisecond()).map_err(|_out_of_range| outside())?;
            Ok(Bound::Moments(*moment, next))
        }
        (Shape::Day, Literal::Period(period)) => {
            let (first, after) = period.days(today).ok_or_else(outside)?;
            Ok(Bound::Days(first, after))
        }
        (Shape::Moment, Literal::Period(period)) => {
            let (first, after) = period.days(today).ok_or_else(outside)?;
            let midnight = |day: Date| {
                let zoned =
                    day.to_zoned_datetime(TimeZone::UTC).map_err(|_out_of_range| outside())?;
                Ok::<_, Problem>(zoned.timestamp())
            };
            Ok(Bound::Moments(midnight(first)?, midnight(after)?))
        }
        _ => Err(wrong(column)),
    }
}

fn wrong(column: &Column) -> Problem {
    let (kind, quotes) = match column.shape {
        Shape::Id => ("id", "should be enclosed in quotes"),
        Shape::Text | Shape::Choices | Shape::Compound => {
            ("string", "should be enclosed in quotes")
        }
        Shape::Flag => ("boolean", "should not be enclosed in quotes"),
        Shape::Int => ("int", "should not be enclosed in quotes"),
        Shape::Real => ("double", "should not be enclosed in quotes"),
        Shape::Day => ("date", "should not be enclosed in quotes"),
        Shape::Moment => ("dateTime", "should not be enclosed in quotes"),
    };
    let what = format!(
        "value of filter criterion for field '{}' must be of type {kind} and {quotes}",
        column.name
    );
    Problem::plain("INVALID_FIELD", what)
}
