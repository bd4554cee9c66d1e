//! What `schema.toml` compiles to: the kinds, their fields and what each field means.

use crate::{Field, ObjectKind};

/// What values a field takes, and how they are brought to normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text, compared after Unicode NFC and trimming.
    Text,
    /// An e-mail address, compared in lower case.
    Email,
    /// A phone number, compared as E.164.
    Phone,
    /// A web address.
    Url,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// An amount in the currency that the record's `currency` field names.
    Money,
    /// Yes or no.
    Bool,
    /// A day without a time zone.
    Date,
    /// A point in time.
    Instant,
    /// One of these canonical names.
    Choice(&'static [&'static str]),
    /// A sorted set of texts.
    List,
    /// A reference to a record of that kind.
    Reference(ObjectKind),
}

impl FieldType {
    /// Returns whether values of the type are sets: those of several sides are merged member by
    /// member.
    pub const fn is_set(self) -> bool {
        match self {
            Self::List => true,
            Self::Text
            | Self::Email
            | Self::Phone
            | Self::Url
            | Self::Integer
            | Self::Decimal
            | Self::Money
            | Self::Bool
            | Self::Date
            | Self::Instant
            | Self::Choice(_)
            | Self::Reference(_) => false,
        }
    }
}

/// What a field of one kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// The kind that has the field.
    pub kind: ObjectKind,
    /// The field.
    pub field: Field,
    /// Its name, in snake case.
    pub name: &'static str,
    /// Its type.
    pub ty: FieldType,
    /// Whether it is personal data.
    pub pii: bool,
    /// What it means.
    pub doc: &'static str,
}

/// Returns the fields of a kind, sorted by number.
pub fn fields(kind: ObjectKind) -> &'static [FieldSpec] {
    crate::generated::schema::fields(kind)
}

/// Returns what a field of a kind is.
pub fn spec(kind: ObjectKind, field: Field) -> Option<&'static FieldSpec> {
    let specs = fields(kind);
    let index = specs.binary_search_by_key(&field, |spec| spec.field).ok()?;
    specs.get(index)
}

/// Returns the name of a field.
pub(crate) fn name_of(field: Field) -> Option<&'static str> {
    let names = crate::generated::schema::NAMES;
    let index = names.binary_search_by_key(&field.0, |(number, _)| *number).ok()?;
    names.get(index).map(|(_, name)| *name)
}

/// Returns the field of a name, in snake case or camel case.
pub(crate) fn field_named(name: &str) -> Option<Field> {
    let by_name = crate::generated::schema::BY_NAME;
    let find = |name: &str| {
        let index = by_name.binary_search_by_key(&name, |(known, _)| known).ok()?;
        by_name.get(index).map(|(_, field)| *field)
    };
    find(name).or_else(|| {
        let camel = name.chars().any(char::is_uppercase);
        camel.then(|| find(&snake_case(name))).flatten()
    })
}

/// Returns `firstName` as `first_name`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_uppercase() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}
