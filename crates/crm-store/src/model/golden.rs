//! The golden values. Stored as plain values, with the provenance that most fields share once
//! per row and exceptions per field.

use crm_core::{Field, ProviderId, RunId, Value};
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ConflictId;
use super::entries::{Entries, Listed};

/// The golden values of an entity, sorted by field. A field that is not here never had a value
/// and has no version: it contends with nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Golden {
    slots: Vec<(Field, GoldenSlot)>,
    frozen: Vec<(Field, ConflictId)>,
    flips: Vec<(Field, Flips)>,
}

/// What is remembered of a field that changes often: only what a decision needs to see that it
/// goes to and fro.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flips {
    /// The newest values that the field took, oldest first.
    #[serde(rename = "t")]
    pub turns: Vec<Turn>,
    /// When the record is looked at again, if the field is frozen because it goes to and fro.
    #[serde(rename = "l", skip_serializing_if = "Option::is_none", default)]
    pub look: Option<Look>,
}

/// One value that a field took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The golden version that it took.
    #[serde(rename = "v")]
    pub version: u64,
    /// When.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// The hash of the value.
    #[serde(rename = "h")]
    pub value: u32,
}

/// When a record is looked at again of which nothing but a frozen field seems to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Not before.
    #[serde(rename = "d")]
    pub due: Timestamp,
    /// The wait that led there, in seconds; the next one is twice as long.
    #[serde(rename = "w")]
    pub wait_s: u32,
}

/// One golden value.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenSlot {
    /// The value; `None` if it was cleared.
    pub value: Option<Value>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// Where a golden value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The golden version that the value took.
    #[serde(rename = "v")]
    pub version: u64,
    /// The provider; `None` if it is nobody's alone: a person decided, or values were joined.
    #[serde(rename = "p", skip_serializing_if = "Option::is_none", default)]
    pub source: Option<ProviderId>,
    /// When it was changed there at the latest.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Timestamp>,
    /// The run that accepted it.
    #[serde(rename = "r")]
    pub run: RunId,
}

impl Golden {
    /// Makes golden values from slots in any order.
    pub fn from_slots(mut slots: Vec<(Field, GoldenSlot)>) -> Self {
        slots.sort_by_key(|(field, _)| *field);
        Self { slots, ..Self::default() }
    }

    /// Returns the slot of a field.
    pub fn slot(&self, field: Field) -> Option<&GoldenSlot> {
        let index = self.slots.binary_search_by_key(&field, |(f, _)| *f).ok()?;
        self.slots.get(index).map(|(_, slot)| slot)
    }

    /// Returns the value of a field.
    pub fn value(&self, field: Field) -> Option<&Value> {
        self.slot(field)?.value.as_ref()
    }

    /// Returns the version of a field; 0 if it never had a value.
    pub fn version(&self, field: Field) -> u64 {
        self.slot(field).map_or(0, |slot| slot.provenance.version)
    }

    /// Sets a field.
    pub fn set(&mut self, field: Field, slot: GoldenSlot) {
        match self.slots.binary_search_by_key(&field, |(f, _)| *f) {
            Ok(index) => {
                if let Some(known) = self.slots.get_mut(index) {
                    known.1 = slot;
                }
            }
            Err(index) => self.slots.insert(index, (field, slot)),
        }
    }

    /// Returns the fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Field, &GoldenSlot)> {
        self.slots.iter().map(|(field, slot)| (*field, slot))
    }

    /// Returns the open conflict that freezes a field everywhere.
    pub fn frozen(&self, field: Field) -> Option<ConflictId> {
        self.frozen.iter().find(|(frozen, _)| *frozen == field).map(|(_, id)| *id)
    }

    /// Freezes a field until the conflict is settled.
    pub fn freeze(&mut self, field: Field, conflict: ConflictId) {
        self.thaw(field);
        self.frozen.push((field, conflict));
    }

    /// Lets a field go on; returns the conflict that froze it.
    pub fn thaw(&mut self, field: Field) -> Option<ConflictId> {
        let index = self.frozen.iter().position(|(frozen, _)| *frozen == field)?;
        Some(self.frozen.remove(index).1)
    }

    /// Returns what is remembered of a field that changes often.
    pub fn flips(&self, field: Field) -> Option<&Flips> {
        self.flips.iter().find(|(flipping, _)| *flipping == field).map(|(_, flips)| flips)
    }

    /// Remembers of a field that it changes often, or forgets it.
    pub fn set_flips(&mut self, field: Field, flips: Option<Flips>) {
        self.flips.retain(|(flipping, _)| *flipping != field);
        self.flips.extend(flips.map(|flips| (field, flips)));
    }

    /// Returns the fields that are frozen because they go to and fro, with their next look.
    pub fn looks(&self) -> impl Iterator<Item = (Field, Look)> {
        self.flips.iter().filter_map(|(field, flips)| Some((*field, flips.look?)))
    }

    /// Returns whether nothing was decided yet.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

#[derive(Deserialize)]
struct In {
    f: Listed<Field, Option<Value>>,
    #[serde(default)]
    p: Option<Provenance>,
    #[serde(default)]
    x: Listed<Field, Provenance>,
    #[serde(default)]
    z: Vec<(Field, ConflictId)>,
    #[serde(default)]
    w: Vec<(Field, Flips)>,
}

impl Serialize for Golden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = || self.slots.iter();
        let shared = slots().next().map(|(_, slot)| &slot.provenance);
        let exceptions = || slots().filter(|(_, slot)| shared != Some(&slot.provenance));
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("f", &Entries(|| slots().map(|(field, slot)| (field, &slot.value))))?;
        if let Some(shared) = shared {
            out.serialize_entry("p", shared)?;
        }
        if exceptions().next().is_some() {
            let exceptions = || exceptions().map(|(field, slot)| (field, &slot.provenance));
            out.serialize_entry("x", &Entries(exceptions))?;
        }
        if !self.frozen.is_empty() {
            out.serialize_entry("z", &self.frozen)?;
        }
        if !self.flips.is_empty() {
            out.serialize_entry("w", &self.flips)?;
        }
        out.end()
    }
}

impl<'de> Deserialize<'de> for Golden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let In { f, p, mut x, z, w } = In::deserialize(deserializer)?;
        let missing = || serde::de::Error::custom("a golden value without provenance");
        let mut slots = Vec::with_capacity(f.0.len());
        for (field, value) in f.0 {
            let provenance = x.take(&field).or_else(|| p.clone()).ok_or_else(missing)?;
            slots.push((field, GoldenSlot { value, provenance }));
        }
        slots.sort_by_key(|(field, _)| *field);
        Ok(Self { slots, frozen: z, flips: w })
    }
}
