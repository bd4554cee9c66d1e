//! Records: what was read, what is known, what is to change.
//!
//! *Absent*, *blank* and *valued* are three things. In [`Fields`] a missing field is absent;
//! [`Remote`] says by [`Remote::read`] which absent fields were read and found blank; in a
//! [`Patch`] `None` clears.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{self, Deserializer};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::{KeyKind, ObjectKind, RemoteId, Uid, Value};

/// The name of a field, as a number that never changes (`schema.toml`, `number`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(pub u16);

impl Field {
    /// Returns the name, or `field_N` for a number this release does not know.
    pub fn name(self) -> std::borrow::Cow<'static, str> {
        crate::schema::name_of(self)
            .map_or_else(|| format!("field_{}", self.0).into(), std::borrow::Cow::Borrowed)
    }

    /// Returns the field of that name; `firstName` and `first_name` are the same.
    pub fn from_name(name: &str) -> Option<Self> {
        crate::schema::field_named(name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = Field;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Field, E> {
                Field::from_name(name)
                    .or_else(|| name.strip_prefix("field_")?.parse().ok().map(Field))
                    .ok_or_else(|| E::custom(format!("unknown field `{name}`")))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Fields that have a value, sorted by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Field, Value)>);

impl Fields {
    /// Makes an empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes an empty set with room for `count` fields.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Returns the value of a field.
    pub fn get(&self, field: Field) -> Option<&Value> {
        let index = self.0.binary_search_by_key(&field, |(f, _)| *f).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// Sets or, with `None`, removes a field.
    pub fn set(&mut self, field: Field, value: Option<Value>) {
        match (self.0.binary_search_by_key(&field, |(f, _)| *f), value) {
            (Ok(index), Some(value)) => {
                if let Some(slot) = self.0.get_mut(index) {
                    slot.1 = value;
                }
            }
            (Ok(index), None) => {
                self.0.remove(index);
            }
            (Err(index), Some(value)) => self.0.insert(index, (field, value)),
            (Err(_), None) => {}
        }
    }

    /// Sets a field.
    pub fn insert(&mut self, field: Field, value: Value) {
        self.set(field, Some(value));
    }

    /// Returns the fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// Returns how many fields have a value.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no field has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies a patch.
    pub fn apply(&mut self, patch: &Patch) {
        for (field, value) in patch.iter() {
            self.set(field, value.cloned());
        }
    }
}

impl FromIterator<(Field, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(iter: I) -> Self {
        let mut fields: Vec<_> = iter.into_iter().collect();
        fields.sort_by_key(|(field, _)| *field);
        fields.dedup_by_key(|(field, _)| *field);
        Self(fields)
    }
}

impl IntoIterator for Fields {
    type Item = (Field, Value);
    type IntoIter = std::vec::IntoIter<(Field, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in &self.0 {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(std::marker::PhantomData)).map(|mut entries| {
            entries.sort_by_key(|(field, _)| *field);
            Self(entries)
        })
    }
}

struct Entries<V>(std::marker::PhantomData<V>);

impl<'de, V: Deserialize<'de>> de::Visitor<'de> for Entries<V> {
    type Value = Vec<(Field, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from field names to values")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// Fields to change, sorted by field; `None` clears.
///
/// Of a set it may also say what the set was: who writes it then adds and removes only the
/// members that differ, and leaves alone what somebody else added meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    changes: Vec<(Field, Option<Value>)>,
    bases: Vec<(Field, Value)>,
}

impl Patch {
    /// Makes an empty patch.
    pub const fn new() -> Self {
        Self { changes: Vec::new(), bases: Vec::new() }
    }

    /// Adds or replaces a change.
    pub fn set(&mut self, field: Field, value: Option<Value>) {
        match self.changes.binary_search_by_key(&field, |(f, _)| *f) {
            Ok(index) => {
                if let Some(slot) = self.changes.get_mut(index) {
                    slot.1 = value;
                }
            }
            Err(index) => self.changes.insert(index, (field, value)),
        }
    }

    /// Says what a set was before the change.
    pub fn set_base(&mut self, field: Field, base: Value) {
        self.bases.retain(|(known, _)| *known != field);
        self.bases.push((field, base));
        self.bases.sort_by_key(|(field, _)| *field);
    }

    /// Returns which members of a set come, and which go.
    pub fn members(&self, field: Field) -> (Vec<&Value>, Vec<&Value>) {
        let change = self.changes.iter().find(|(known, _)| *known == field);
        let wanted = change.and_then(|(_, value)| value.as_ref()).map_or(&[][..], Value::members);
        let base = self.bases.iter().find(|(known, _)| *known == field);
        let base = base.map_or(&[][..], |(_, base)| base.members());
        let come = wanted.iter().filter(|member| !base.contains(member)).collect();
        let go = base.iter().filter(|member| !wanted.contains(member)).collect();
        (come, go)
    }

    /// Removes a change; returns whether there was one.
    pub fn remove(&mut self, field: Field) -> bool {
        let found = self.changes.binary_search_by_key(&field, |(f, _)| *f);
        found.is_ok_and(|index| {
            self.changes.remove(index);
            true
        })
    }

    /// Returns whether the patch changes a field.
    pub fn contains(&self, field: Field) -> bool {
        self.changes.binary_search_by_key(&field, |(f, _)| *f).is_ok()
    }

    /// Returns the changes in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Field, Option<&Value>)> {
        self.changes.iter().map(|(field, value)| (*field, value.as_ref()))
    }

    /// Returns how many fields change.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl FromIterator<(Field, Option<Value>)> for Patch {
    fn from_iter<I: IntoIterator<Item = (Field, Option<Value>)>>(iter: I) -> Self {
        let mut patch = Self::new();
        for (field, value) in iter {
            patch.set(field, value);
        }
        patch
    }
}

impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.changes.len()))?;
        for (field, value) in &self.changes {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(std::marker::PhantomData)).map(|mut entries| {
            entries.sort_by_key(|(field, _)| *field);
            Self { changes: entries, bases: Vec::new() }
        })
    }
}

/// A provider's own version of a record: compared for equality only, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub Arc<str>);

/// Who wrote a record last, where the vendor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// Our own connection.
    Ours,
    /// Somebody else: a user, a workflow, another integration.
    Other,
}

/// A record as one provider returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// What the record is.
    pub kind: ObjectKind,
    /// The provider's id.
    pub id: RemoteId,
    /// The provider's version of the record.
    pub version: Option<Version>,
    /// When the record was last modified, by the provider's clock.
    pub modified_at: Option<Timestamp>,
    /// Who modified it.
    pub author: Option<Author>,
    /// Our own unique value, if the record carries one: we created it.
    pub uid: Option<Uid>,
    /// Ids of records that were merged into this one.
    pub aliases: Vec<RemoteId>,
    /// The fields that were read, sorted. One that is here but not in `fields` is blank; one
    /// that is not here is unknown and takes no part in a merge.
    pub read: Arc<[Field]>,
    /// The fields that have a value.
    pub fields: Fields,
}

/// What the provider says of an id. `Gone` is the vendor's word (404, 410), never an inference
/// from an absence in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The record is there.
    Found(Remote),
    /// The record lies in the recycle bin.
    Archived,
    /// The record was merged into another one.
    MergedInto(RemoteId),
    /// There is no such record.
    Gone,
}

/// Something by which a record can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MatchKey {
    /// Our own unique value.
    Uid(Uid),
    /// An e-mail address in normal form.
    Email(Arc<str>),
    /// A phone number in normal form, with the surname in lower case.
    Phone {
        /// The number.
        number: Arc<str>,
        /// The surname, NFC, lower case.
        surname: Arc<str>,
    },
    /// A company's web domain.
    Domain(Arc<str>),
    /// A name, with what tells the record from its namesakes.
    Name {
        /// The name, NFC, lower case.
        name: Arc<str>,
        /// The amount of a deal, else empty.
        with: Arc<str>,
    },
}

impl MatchKey {
    /// Returns what sort of key it is.
    pub const fn kind(&self) -> KeyKind {
        match self {
            Self::Uid(_) => KeyKind::Uid,
            Self::Email(_) => KeyKind::Email,
            Self::Phone { .. } => KeyKind::Phone,
            Self::Domain(_) => KeyKind::Domain,
            Self::Name { .. } => KeyKind::Name,
        }
    }
}
