//! The declarative half of a provider: which field is called what there, and how its value is
//! written. Compiled from the room's `provider.toml`.

mod decode;
mod encode;
mod project;

pub use decode::{Decoded, Row, Scalar, decode};
pub use encode::{encode, encode_fields};

use crate::{Field, FieldType, ObjectKind};

/// The table of one kind at one vendor.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The kind.
    pub kind: ObjectKind,
    /// The vendor's name of the kind, as it stands in paths (`contacts`, `Contact`).
    pub remote: &'static str,
    /// The vendor's name of our unique field.
    pub uid: Option<&'static str>,
    /// How a field is cleared.
    pub clear: Clear,
    /// Where a kind has several forms at the vendor: the value of `type` that this one is for.
    pub variant: Option<&'static str>,
    /// Members, by the vendor's names, that tell this form from others of the same remote name;
    /// a new record gets them.
    pub fixed: &'static [(&'static str, &'static str)],
    /// One rule for each field, sorted by field.
    pub rules: &'static [FieldRule],
}

impl Mapping {
    /// Returns the rule of a field.
    pub fn rule(&self, field: Field) -> Option<&FieldRule> {
        let index = self.rules.binary_search_by_key(&field, |rule| rule.field).ok()?;
        self.rules.get(index)
    }

    /// Returns the rule of a field by the vendor's name.
    pub fn rule_of_remote(&self, remote: &str) -> Option<&FieldRule> {
        self.rules.iter().find(|rule| rule.remote == remote)
    }
}

/// How a vendor stores one field.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// The field.
    pub field: Field,
    /// The vendor's name of it.
    pub remote: &'static str,
    /// Its type.
    pub ty: FieldType,
    /// How the value is written on the wire.
    pub wire: Wire,
    /// What the vendor does to a value that it stores.
    pub form: Form,
    /// Whether we may write it.
    pub writable: bool,
    /// Whether a create without it is refused.
    pub required: bool,
    /// Whether the vendor does not have it by itself: `crm check --fix` makes it.
    pub custom: bool,
    /// The most characters that the vendor accepts.
    pub length_max: Option<u16>,
}

/// How a field is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// By an empty string; `null` is ignored (HubSpot).
    EmptyString,
    /// By `null` (Salesforce).
    Null,
}

/// How a value is written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A JSON string.
    Text,
    /// A JSON number.
    Number,
    /// A number inside a JSON string.
    NumberText,
    /// A JSON boolean.
    Bool,
    /// `"true"` or `"false"`.
    BoolText,
    /// `"YYYY-MM-DD"`.
    Date,
    /// ISO 8601 in UTC with milliseconds.
    Instant,
    /// One of the vendor's own names: canonical name, vendor's name.
    Choice(&'static [(&'static str, &'static str)]),
    /// `"YYYY-MM-DD"` for a point in time: noon UTC of that day, which is the same day almost
    /// everywhere.
    Day,
    /// The id of the record referred to.
    Id,
    /// Not in the row: the room reads and writes the tie by calls of its own.
    Related,
    /// The form of the record itself says it.
    Variant,
    /// The id of a user; the room turns it into an e-mail address.
    Owner,
    /// The id of a stage; the room turns it into one of ours by the account's pipelines.
    Stage,
}

impl Wire {
    /// Returns whether the room itself reads and writes the value, by what it knows of the
    /// account: the table alone cannot.
    pub const fn is_translated(self) -> bool {
        match self {
            Self::Related | Self::Variant | Self::Owner | Self::Stage => true,
            Self::Text
            | Self::Number
            | Self::NumberText
            | Self::Bool
            | Self::BoolText
            | Self::Date
            | Self::Instant
            | Self::Choice(_)
            | Self::Day
            | Self::Id => false,
        }
    }
}

/// What a vendor does to a value that it stores: our model of it. A wrong model costs one write
/// per change, never correctness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// What becomes of upper case.
    pub letter_case: LetterCase,
    /// Longer text is cut to so many characters.
    pub cut_at: Option<u16>,
    /// Of a set only so many members are kept. Which ones is the vendor's matter: a set that it
    /// shows agrees with a larger one if it is part of it and as large as can be.
    pub members_max: Option<u16>,
    /// Numbers are rounded to so many decimals.
    pub decimals: Option<u8>,
}

impl Form {
    /// The vendor stores what it is given.
    pub const FAITHFUL: Self =
        Self { letter_case: LetterCase::Kept, cut_at: None, decimals: None, members_max: None };
}

/// What becomes of upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterCase {
    /// It is kept.
    Kept,
    /// Everything becomes lower case.
    Lowered,
}

#[cfg(test)]
mod tests;
