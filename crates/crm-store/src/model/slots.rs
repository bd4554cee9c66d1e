//! What a provider is known to hold, per field.

use crm_core::{Field, Value};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Details;
use super::entries::{Entries, Listed};

/// The last value that was read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shadow {
    /// Nothing was ever read: there is no base.
    #[default]
    None,
    /// The field was blank.
    Blank,
    /// The field had this value.
    Held(Value),
}

impl Shadow {
    /// Makes the shadow of a read.
    pub fn of(value: Option<Value>) -> Self {
        value.map_or(Self::Blank, Self::Held)
    }

    /// Returns whether a read shows the same value.
    pub fn is(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::None, _) | (Self::Blank, Some(_)) | (Self::Held(_), None) => false,
            (Self::Blank, None) => true,
            (Self::Held(held), Some(value)) => held == value,
        }
    }

    /// Returns the value, if one is held.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::None | Self::Blank => None,
            Self::Held(value) => Some(value),
        }
    }
}

/// What a provider is known to hold of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkSlot {
    /// The last value that was read back.
    pub shadow: Shadow,
    /// The golden version that the provider is known to hold.
    pub ack: u64,
    /// The golden version that the provider refused, and why.
    pub refused: Option<Refusal>,
}

/// A value that a provider did not accept. The record's other fields go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The golden version that was refused; a newer one is tried again.
    #[serde(rename = "v")]
    pub version: u64,
    /// What the provider said, one line.
    #[serde(rename = "m")]
    pub message: String,
    /// The circumstances, where they are known.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none", default)]
    pub details: Option<Box<Details>>,
}

impl Refusal {
    /// Returns how often it was refused in a row, as far as that was counted.
    pub fn attempts(&self) -> u32 {
        self.details.as_ref().map_or(0, |details| details.attempts)
    }
}

/// The slots of a link, sorted by field. A field that is not here was never read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots(Vec<(Field, LinkSlot)>);

impl Slots {
    /// Makes slots from a list in any order.
    pub fn from_slots(mut slots: Vec<(Field, LinkSlot)>) -> Self {
        slots.sort_by_key(|(field, _)| *field);
        Self(slots)
    }

    /// Returns the slot of a field.
    pub fn slot(&self, field: Field) -> Option<&LinkSlot> {
        let index = self.0.binary_search_by_key(&field, |(f, _)| *f).ok()?;
        self.0.get(index).map(|(_, slot)| slot)
    }

    /// Returns the slot of a field, making it if need be.
    pub fn slot_mut(&mut self, field: Field) -> &mut LinkSlot {
        let index = match self.0.binary_search_by_key(&field, |(f, _)| *f) {
            Ok(index) => index,
            Err(index) => {
                self.0.insert(index, (field, LinkSlot::default()));
                index
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found or just inserted")]
        &mut self.0[index].1
    }

    /// Returns the golden version that the provider is known to hold of a field.
    pub fn ack(&self, field: Field) -> u64 {
        self.slot(field).map_or(0, |slot| slot.ack)
    }

    /// Returns the slots in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Field, &LinkSlot)> {
        self.0.iter().map(|(field, slot)| (*field, slot))
    }

    /// Returns the slots in order, to be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (Field, &mut LinkSlot)> {
        self.0.iter_mut().map(|(field, slot)| (*field, slot))
    }

    /// Returns whether nothing was ever read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets every base: the next read is a first contact.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

/// Values with `null` for blank; the version that most slots have once; exceptions per field.
#[derive(Deserialize)]
struct In {
    f: Listed<Field, Option<Value>>,
    a: u64,
    #[serde(default)]
    x: Listed<Field, u64>,
    /// Slots without a base, with their versions.
    #[serde(default)]
    n: Listed<Field, u64>,
    #[serde(default)]
    r: Listed<Field, Refusal>,
}

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = || self.0.iter();
        let based = || slots().filter(|(_, slot)| slot.shadow != Shadow::None);
        let shared = based().next().map_or(0, |(_, slot)| slot.ack);
        let ack = |(field, slot): &(Field, LinkSlot)| (*field, slot.ack);
        let exceptions = || based().filter(|(_, slot)| slot.ack != shared).map(ack);
        let baseless = || slots().filter(|(_, slot)| slot.shadow == Shadow::None).map(ack);
        let refused = || slots().filter_map(|(field, slot)| Some((field, slot.refused.as_ref()?)));
        let mut out = serializer.serialize_map(None)?;
        let values = || based().map(|(field, slot)| (field, slot.shadow.value()));
        out.serialize_entry("f", &Entries(values))?;
        out.serialize_entry("a", &shared)?;
        if exceptions().next().is_some() {
            out.serialize_entry("x", &Entries(exceptions))?;
        }
        if baseless().next().is_some() {
            out.serialize_entry("n", &Entries(baseless))?;
        }
        if refused().next().is_some() {
            out.serialize_entry("r", &Entries(refused))?;
        }
        out.end()
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let In { f, a, mut x, n, r } = In::deserialize(deserializer)?;
        let mut slots = Self(Vec::with_capacity(f.0.len() + n.0.len()));
        for (field, value) in f.0 {
            let ack = x.take(&field).unwrap_or(a);
            slots.0.push((field, LinkSlot { shadow: Shadow::of(value), ack, refused: None }));
        }
        for (field, ack) in n.0 {
            slots.0.push((field, LinkSlot { shadow: Shadow::None, ack, refused: None }));
        }
        slots.0.sort_by_key(|(field, _)| *field);
        for (field, refusal) in r.0 {
            slots.slot_mut(field).refused = Some(refusal);
        }
        Ok(slots)
    }
}
