//! The values that rows hold, and how the language compares them.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// True or false.
    Flag(bool),
    /// Text, an id, a picklist's value.
    Text(&'a str),
    /// A whole number of 32 bits.
    Int(i32),
    /// A number with a fraction.
    Real(f64),
    /// A day.
    Day(Date),
    /// An instant.
    Moment(Timestamp),
}

impl<'a> Cell<'a> {
    /// Returns the text, if it is one.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null
            | Self::Flag(_)
            | Self::Int(_)
            | Self::Real(_)
            | Self::Day(_)
            | Self::Moment(_) => None,
        }
    }

    /// Returns the number, if it is one.
    pub fn as_number(self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(f64::from(number)),
            Self::Real(number) => Some(number),
            Self::Null | Self::Flag(_) | Self::Text(_) | Self::Day(_) | Self::Moment(_) => None,
        }
    }

    /// Returns true for `Null`.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// Orders two cells of one column; `Null` is smallest, text is compared without regard to
    /// case.
    pub fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => compare_text(one, two),
            (Self::Flag(one), Self::Flag(two)) => one.cmp(&two),
            (Self::Day(one), Self::Day(two)) => one.cmp(&two),
            (Self::Moment(one), Self::Moment(two)) => one.cmp(&two),
            (one, two) => match (one.as_number(), two.as_number()) {
                (Some(one), Some(two)) => one.total_cmp(&two),
                _ => two.is_null().cmp(&one.is_null()),
            },
        }
    }
}

/// Orders two texts without regard to case.
pub fn compare_text(one: &str, two: &str) -> Ordering {
    if one.is_ascii() && two.is_ascii() {
        let one = one.bytes().map(|byte| byte.to_ascii_lowercase());
        return one.cmp(two.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    one.chars().flat_map(char::to_lowercase).cmp(two.chars().flat_map(char::to_lowercase))
}
