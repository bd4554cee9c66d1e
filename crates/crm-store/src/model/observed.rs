//! The stored form of a read: what was read is what has a value and what is blank, so that the
//! name of a field with a value is stored once.

use std::sync::Arc;

use crm_core::{Field, Fields};
use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Observation;

#[derive(Deserialize)]
struct In {
    fields: Fields,
    /// Fields that were read and are blank.
    #[serde(default)]
    blank: Vec<Field>,
    /// Everything that was read, where that is not the two together.
    #[serde(default)]
    read: Option<Arc<[Field]>>,
    at: Timestamp,
}

impl Serialize for Observation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Observation", 3)?;
        out.serialize_field("fields", &self.fields)?;
        match blanks(self) {
            Some(blank) => out.serialize_field("blank", &blank)?,
            None => out.serialize_field("read", &self.read)?,
        }
        out.serialize_field("at", &self.at)?;
        out.end()
    }
}

/// Returns what was read and is blank; `None` if there are values of fields that were not read,
/// or the list is not sorted.
fn blanks(observation: &Observation) -> Option<Vec<Field>> {
    let mut values = observation.fields.iter().map(|(field, _)| field).peekable();
    let mut blank = Vec::new();
    let mut last = None;
    for field in observation.read.iter().copied() {
        if last.is_some_and(|last| last >= field) {
            return None;
        }
        last = Some(field);
        if values.next_if_eq(&field).is_none() {
            blank.push(field);
        }
    }
    values.next().is_none().then_some(blank)
}

impl<'de> Deserialize<'de> for Observation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let In { fields, mut blank, read, at } = In::deserialize(deserializer)?;
        let read = read.unwrap_or_else(|| {
            blank.extend(fields.iter().map(|(field, _)| field));
            blank.sort_unstable();
            blank.into()
        });
        Ok(Self { fields, read, at })
    }
}
