//! Whether a record shows what is known of it, field by field, by the same comparison as the
//! merge: with the shadow (R1), with our own announced writes (R2), and with the golden value as
//! the side stores it (R3). Nothing is decided here.

use crm_core::{Field, Remote};
use crm_store::{Entity, Link, LinkSlot, Shadow};
use serde::{Deserialize, Serialize};

use super::merge::{announced, was_read};
use crate::Rules;
use crate::topology::{FieldPlan, Side};

/// How a field of a record stands to what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It shows the golden value as its side stores it.
    Equal,
    /// It shows something else, and that is known.
    Known(Known),
    /// It shows something else, and nobody knows.
    Astray(Astray),
}

/// Why a difference is none that anybody must mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// An open conflict freezes the field.
    Frozen,
    /// The side refused the value.
    Refused,
    /// Nothing is written to the record until somebody mends it.
    Parked,
    /// Work on the record is due or announced.
    Pending,
    /// The record was changed after the last sync: the next one reads it.
    News,
    /// A reference waits for a record.
    Waits,
    /// The field is not written on that side.
    OneWay,
    /// The sides agreed to differ: after an undo, or since the side needs a value.
    Settled,
}

/// How a record went astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Astray {
    /// It shows something else than it was last known to show.
    Changed,
    /// It shows what it was known to show, is behind the golden value, and nothing would write it.
    Behind,
}

/// Whether a record was changed after everything was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It was.
    New,
    /// It was not, or its stamp says so.
    Old,
}

/// Compares a record with what is known of it, and tells of each field that takes part and was
/// read.
pub fn compare(
    entity: &Entity,
    index: usize,
    remote: &Remote,
    rules: &Rules,
    age: Age,
    mut tell: impl FnMut(Field, Standing),
) {
    let value = |field| entity.golden.value(field).or_else(|| remote.fields.get(field));
    let rules = rules.of(value);
    let Some(side) = rules.sides.get(index) else { return };
    let Some(link) = entity.link(&side.provider) else { return };
    let at = At { entity, index, side, link, remote, age };
    for plan in &rules.fields {
        if plan.rules.get(index).copied().flatten().is_some() && was_read(remote, plan.field) {
            tell(plan.field, at.standing(plan));
        }
    }
}

#[derive(Clone, Copy)]
struct At<'a> {
    entity: &'a Entity,
    index: usize,
    side: &'a Side,
    link: &'a Link,
    remote: &'a Remote,
    age: Age,
}

impl At<'_> {
    fn standing(&self, plan: &FieldPlan) -> Standing {
        let blank = LinkSlot::default();
        let slot = self.link.slots.slot(plan.field).unwrap_or(&blank);
        let is_shadow = slot.shadow.is(self.remote.fields.get(plan.field));
        let refers = plan.ty.refers_to().is_some();
        let behind = slot.ack < self.entity.golden.version(plan.field);
        // What a reference is to be depends on which records there are: who acknowledged it
        // holds it.
        let equal = if refers { is_shadow && !behind } else { self.shows_golden(plan) };
        if equal {
            return Standing::Equal;
        }
        if self.entity.golden.frozen(plan.field).is_some() {
            return Standing::Known(Known::Frozen);
        }
        if self.is_pending() || self.is_own_write(plan) {
            return Standing::Known(Known::Pending);
        }
        if !is_shadow {
            return match self.age {
                Age::New => Standing::Known(Known::News),
                Age::Old => Standing::Astray(Astray::Changed),
            };
        }
        if !behind {
            return Standing::Known(Known::Settled);
        }
        self.why_behind(plan, slot)
    }

    fn why_behind(&self, plan: &FieldPlan, slot: &LinkSlot) -> Standing {
        let version = self.entity.golden.version(plan.field);
        let rule = plan.rules.get(self.index).copied().flatten();
        let refused = slot.refused.as_ref().is_some_and(|refused| refused.version >= version);
        let parked = self.link.parked.as_ref();
        if !plan.writes(self.side) || rule.is_some_and(|rule| !rule.writable) {
            Standing::Known(Known::OneWay)
        } else if refused {
            Standing::Known(Known::Refused)
        } else if parked.is_some_and(|parked| parked.version >= self.entity.version) {
            Standing::Known(Known::Parked)
        } else if plan.ty.refers_to().is_some() {
            Standing::Known(Known::Waits)
        } else {
            let value = self.entity.golden.value(plan.field);
            let projected = rule.zip(value).and_then(|(rule, value)| rule.project(value));
            let stays = projected.is_none() && rule.is_some_and(|rule| rule.required);
            if stays || slot.shadow == Shadow::None {
                // Nothing may be cleared that must be there, and a side that was never met is met
                // where somebody changes it.
                Standing::Known(Known::Settled)
            } else {
                Standing::Astray(Astray::Behind)
            }
        }
    }

    /// R3.
    fn shows_golden(&self, plan: &FieldPlan) -> bool {
        let shown = self.remote.fields.get(plan.field);
        let golden = self.entity.golden.value(plan.field);
        if golden == shown {
            return true;
        }
        let rule = plan.rules.get(self.index).copied().flatten();
        let projected = rule.zip(golden).and_then(|(rule, golden)| rule.project(golden));
        projected.as_deref() == shown
    }

    /// R2: what an announced write of ours would show.
    fn is_own_write(&self, plan: &FieldPlan) -> bool {
        let shown = self.remote.fields.get(plan.field);
        let rule = plan.rules.get(self.index).copied().flatten();
        let open = self.link.intents.iter().any(|intent| !intent.watched);
        open && rule.is_some_and(|rule| announced(self.link, plan.field, shown, rule).is_some())
    }

    fn is_pending(&self) -> bool {
        self.entity.mark.is_some() || self.link.observed.is_some() || self.link.is_open()
    }
}
