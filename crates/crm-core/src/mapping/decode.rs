//! Wire JSON to fields, by table.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{FieldRule, Mapping, Wire};
use crate::{Field, FieldType, Fields, Normalizer, ObjectKind, Ref, Value, normal};

/// A JSON object as a list of its members: the map type costs more than the parser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row<'a>(pub Vec<(Cow<'a, str>, Scalar<'a>)>);

impl<'a> Row<'a> {
    /// Returns a member.
    pub fn get(&self, name: &str) -> Option<&Scalar<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Returns a member that is text and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Scalar::Text(text) if !text.is_empty() => Some(text),
            Scalar::Text(_)
            | Scalar::Null
            | Scalar::Bool(_)
            | Scalar::Integer(_)
            | Scalar::Number(_)
            | Scalar::Nested => None,
        }
    }
}

/// One member of a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, through its shortest text: exact to fifteen digits.
    Number(Decimal),
    /// A string.
    Text(Cow<'a, str>),
    /// An object or array, which no field of ours is.
    Nested,
}

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(24));
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    members.push((name.0, map.next_value()?));
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(ScalarVisitor)? {
            Scalar::Text(text) => Ok(Self(text)),
            Scalar::Null
            | Scalar::Bool(_)
            | Scalar::Integer(_)
            | Scalar::Number(_)
            | Scalar::Nested => Err(de::Error::custom("a member's name must be text")),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(yes))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number)
            .map_or_else(|_| Scalar::Number(Decimal::from(number)), Scalar::Integer))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar<'de>, E> {
        let text = number.to_string();
        normal::decimal(&text)
            .map(Scalar::Number)
            .ok_or_else(|| E::custom(format!("the number {text} is out of range")))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}

/// What a row says of our fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The fields that have a value.
    pub fields: Fields,
    /// The fields that were read: those asked for, without what the vendor left out and what
    /// could not be understood.
    pub read: Arc<[Field]>,
    /// The fields whose value could not be understood.
    pub unreadable: Vec<Field>,
}

/// Reads the fields of a row. `asked` are the fields that the request named, sorted.
pub fn decode(
    mapping: &Mapping,
    normalizer: Normalizer,
    row: &Row<'_>,
    asked: &Arc<[Field]>,
) -> Decoded {
    let mut present = 0;
    let mut unreadable = Vec::new();
    let mut values = Vec::with_capacity(row.0.len().min(asked.len()));
    let mut seen = Vec::with_capacity(asked.len());
    for (name, scalar) in &row.0 {
        let Some(rule) = mapping.rule_of_remote(name) else {
            continue;
        };
        if rule.wire.is_translated() {
            continue;
        }
        if asked.binary_search(&rule.field).is_err() {
            continue;
        }
        match value(rule, normalizer, scalar) {
            Ok(found) => {
                present += 1;
                seen.push(rule.field);
                values.extend(found.map(|value| (rule.field, value)));
            }
            Err(Unreadable) => unreadable.push(rule.field),
        }
    }
    let read = if present == asked.len() {
        Arc::clone(asked)
    } else {
        seen.sort_unstable();
        seen.into()
    };
    Decoded { fields: values.into_iter().collect(), read, unreadable }
}

impl Decoded {
    /// Notes what a room found out itself of a field; `None` is blank.
    pub fn note(&mut self, field: Field, value: Option<Value>) {
        self.fields.set(field, value);
        if let Err(index) = self.read.binary_search(&field) {
            let mut read = self.read.to_vec();
            read.insert(index, field);
            self.read = read.into();
        }
    }
}

struct Unreadable;

fn value(
    rule: &FieldRule,
    normalizer: Normalizer,
    scalar: &Scalar<'_>,
) -> Result<Option<Value>, Unreadable> {
    let text = match scalar {
        Scalar::Null => return Ok(None),
        Scalar::Text(text) if text.is_empty() => return Ok(None),
        Scalar::Text(text) => Cow::Borrowed(text.as_ref()),
        Scalar::Bool(yes) => Cow::Borrowed(if *yes { "true" } else { "false" }),
        Scalar::Integer(number) => Cow::Owned(number.to_string()),
        Scalar::Number(number) => Cow::Owned(number.to_string()),
        Scalar::Nested => return Err(Unreadable),
    };
    if let Wire::Choice(table) = rule.wire {
        let canonical = table.iter().find(|(_, remote)| *remote == text);
        // A choice without an entry stays itself rather than being lost.
        return Ok(Some(Value::Choice(canonical.map_or(&*text, |(name, _)| *name).into())));
    }
    match rule.ty {
        FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
            Ok(normalizer.text(rule.ty, &text))
        }
        FieldType::Integer => some(text.trim().parse().ok().map(Value::Integer)),
        FieldType::Decimal | FieldType::Money => some(normal::decimal(&text).map(Value::Decimal)),
        FieldType::Bool => some(text.trim().parse().ok().map(Value::Bool)),
        FieldType::Date => some(normal::date(&text).map(Value::Date)),
        FieldType::Instant if rule.wire == Wire::Day => {
            some(normal::date(&text).and_then(normal::noon).map(Value::Instant))
        }
        FieldType::Instant => some(normal::instant(&text).map(Value::Instant)),
        FieldType::Choice(_) => Ok(Some(Value::Choice(text.as_ref().into()))),
        FieldType::List => Ok(list(&text)),
        FieldType::Reference(kind) => Ok(Some(remote_ref(kind, &text))),
        FieldType::References(kind) => {
            let mut members: Vec<Value> = members(&text).map(|id| remote_ref(kind, id)).collect();
            members.sort();
            members.dedup();
            Ok((!members.is_empty()).then_some(Value::List(members)))
        }
    }
}

fn some(value: Option<Value>) -> Result<Option<Value>, Unreadable> {
    value.map(Some).ok_or(Unreadable)
}

/// Both vendors of this release join the members of a set by semicolons.
fn list(text: &str) -> Option<Value> {
    let mut members: Vec<Value> = members(text).map(Value::text).collect();
    members.sort();
    members.dedup();
    (!members.is_empty()).then_some(Value::List(members))
}

fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|member| !member.is_empty())
}

fn remote_ref(kind: ObjectKind, id: &str) -> Value {
    Value::Ref(Ref::Remote(kind, id.into()))
}
