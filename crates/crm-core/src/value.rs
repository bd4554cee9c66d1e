//! Values of fields. Two values are equal when their *normal forms* are equal: another spelling
//! of the same phone number is the same number.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{EntityId, ObjectKind, RemoteId};

/// Text with its original spelling and, where it differs, the key that it is compared by.
#[derive(Clone, Debug)]
pub struct Text {
    raw: Arc<str>,
    key: Option<Arc<str>>,
}

impl Text {
    /// Makes text that is compared as it is spelled.
    pub fn plain(raw: impl Into<Arc<str>>) -> Self {
        Self { raw: raw.into(), key: None }
    }

    /// Makes text with the key that it is compared by.
    pub fn keyed(raw: impl Into<Arc<str>>, key: &str) -> Self {
        let raw = raw.into();
        let key = (*raw != *key).then(|| key.into());
        Self { raw, key }
    }

    /// Returns the original spelling.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns what the text is compared by.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.raw)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.raw, &other.raw) || self.key() == other.key()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(other.key())
    }
}

/// What a reference points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ref {
    /// An entity of ours.
    Entity(EntityId),
    /// A record of the provider that holds the reference.
    Remote(ObjectKind, RemoteId),
}

/// The value of one field. Absence is not a value: see [`Fields`](crate::Fields) and
/// [`Patch`](crate::Patch).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Text, compared by its key.
    Text(Text),
    /// A whole number.
    Integer(i64),
    /// A decimal number, or an amount of money in the record's currency. Never a float.
    Decimal(Decimal),
    /// Yes or no.
    Bool(bool),
    /// A day without a time zone.
    Date(Date),
    /// A point in time.
    Instant(Timestamp),
    /// One of a fixed set of canonical names.
    Choice(Arc<str>),
    /// A sorted set of values.
    List(Vec<Self>),
    /// A reference to another record.
    Ref(Ref),
}

impl Value {
    /// Makes a text value that is compared as it is spelled.
    pub fn text(raw: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::plain(raw))
    }

    /// Returns the original spelling of a text or choice.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.raw()),
            Self::Choice(name) => Some(name),
            Self::Integer(_)
            | Self::Decimal(_)
            | Self::Bool(_)
            | Self::Date(_)
            | Self::Instant(_)
            | Self::List(_)
            | Self::Ref(_) => None,
        }
    }

    /// Returns what a reference points at.
    pub fn as_reference(&self) -> Option<&Ref> {
        match self {
            Self::Ref(to) => Some(to),
            Self::Text(_)
            | Self::Integer(_)
            | Self::Decimal(_)
            | Self::Bool(_)
            | Self::Date(_)
            | Self::Instant(_)
            | Self::Choice(_)
            | Self::List(_) => None,
        }
    }

    /// Returns the members of a set; a single value is a set of one.
    pub fn members(&self) -> &[Self] {
        if let Self::List(members) = self { members } else { std::slice::from_ref(self) }
    }

    /// Returns the value as a person reads it.
    pub fn display(&self) -> String {
        match self {
            Self::Text(text) => text.raw().to_owned(),
            Self::Choice(name) => name.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
            Self::Date(date) => date.to_string(),
            Self::Instant(instant) => instant.to_string(),
            Self::List(values) => values.iter().map(Self::display).collect::<Vec<_>>().join(", "),
            Self::Ref(Ref::Entity(id)) => id.to_string(),
            Self::Ref(Ref::Remote(kind, id)) => format!("{kind} {id}"),
        }
    }
}

/// The stored form. Text, the common case, is a bare JSON string; the rest says what it is.
#[derive(Serialize, Deserialize)]
enum Tagged {
    #[serde(rename = "t")]
    Keyed(Arc<str>, Arc<str>),
    #[serde(rename = "d")]
    Decimal(Decimal),
    #[serde(rename = "day")]
    Date(Date),
    #[serde(rename = "at")]
    Instant(Timestamp),
    #[serde(rename = "c")]
    Choice(Arc<str>),
    #[serde(rename = "e")]
    Entity(EntityId),
    #[serde(rename = "r")]
    Remote(ObjectKind, RemoteId),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tagged = match self {
            Self::Text(Text { raw, key: None }) => return serializer.serialize_str(raw),
            Self::Integer(number) => return serializer.serialize_i64(*number),
            Self::Bool(yes) => return serializer.serialize_bool(*yes),
            Self::List(values) => return values.serialize(serializer),
            Self::Text(Text { raw, key: Some(key) }) => {
                Tagged::Keyed(Arc::clone(raw), Arc::clone(key))
            }
            Self::Decimal(number) => Tagged::Decimal(*number),
            Self::Date(date) => Tagged::Date(*date),
            Self::Instant(instant) => Tagged::Instant(*instant),
            Self::Choice(name) => Tagged::Choice(Arc::clone(name)),
            Self::Ref(Ref::Entity(id)) => Tagged::Entity(*id),
            Self::Ref(Ref::Remote(kind, id)) => Tagged::Remote(*kind, id.clone()),
        };
        tagged.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> de::Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let tagged = Tagged::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(match tagged {
            Tagged::Keyed(raw, key) => Value::Text(Text { raw, key: Some(key) }),
            Tagged::Decimal(number) => Value::Decimal(number),
            Tagged::Date(date) => Value::Date(date),
            Tagged::Instant(instant) => Value::Instant(instant),
            Tagged::Choice(name) => Value::Choice(name),
            Tagged::Entity(id) => Value::Ref(Ref::Entity(id)),
            Tagged::Remote(kind, id) => Value::Ref(Ref::Remote(kind, id)),
        })
    }
}
