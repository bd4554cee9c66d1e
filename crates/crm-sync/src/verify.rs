//! What a drift audit found, in the form that `--json` prints.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, RunId};
use serde::{Deserialize, Serialize};

use crate::decide::standing::{Astray, Known, Standing};
use crate::report::Cost;

/// The most differences that are shown one by one.
const SAMPLES_MAX: usize = 20;

/// How much is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All records of all connections.
    #[default]
    Full,
    /// The records of so many entities of each kind, drawn at random.
    Sample(usize),
}

/// What is done about differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// They are told, and nothing is stored.
    #[default]
    No,
    /// What differs is marked, so that the next sync looks at it. Nothing is taken over from
    /// here: what is seen by a sweep is a hint.
    Mark,
}

/// What a drift audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Its run.
    pub run_id: RunId,
    /// How much was read.
    pub extent: Extent,
    /// `agree`, or `differ`.
    pub state: String,
    /// What was found, by kind.
    pub kinds: BTreeMap<ObjectKind, KindCheck>,
    /// Entities that were marked for the next sync.
    pub marked: u64,
    /// Requests, by connection.
    pub calls: BTreeMap<ProviderId, Cost>,
}

impl VerifyReport {
    /// Returns how many differences nobody knew of.
    pub fn differences(&self) -> u64 {
        let sides = self.kinds.values().flat_map(|kind| kind.connections.values());
        sides.map(SideCheck::differences).sum()
    }
}

/// What was found of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KindCheck {
    /// What was found, by connection.
    pub connections: BTreeMap<ProviderId, SideCheck>,
    /// Some of the differences.
    pub samples: Vec<Difference>,
}

impl KindCheck {
    pub(crate) fn side(&mut self, provider: &ProviderId) -> &mut SideCheck {
        self.connections.entry(provider.clone()).or_default()
    }

    pub(crate) fn sample(&mut self, make: impl FnOnce() -> Difference) {
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(make());
        }
    }
}

/// What was found of one kind in one connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SideCheck {
    /// Records that were read.
    pub records: u64,
    /// Those of them whose fields were compared.
    pub compared: u64,
    /// Records that belong to nobody, and were there at the last sync.
    pub unlinked: u64,
    /// Linked records that are not there.
    pub missing: u64,
    /// Second records of one entity.
    pub doubled: u64,
    /// Records that count as deleted and are there.
    pub returned: u64,
    /// Records that are left alone, and that is known: by reason.
    pub known: BTreeMap<String, u64>,
    /// What the fields showed.
    pub fields: BTreeMap<Field, FieldCheck>,
}

impl SideCheck {
    /// Returns how many differences nobody knew of.
    pub fn differences(&self) -> u64 {
        let fields: u64 = self.fields.values().map(|field| field.differing).sum();
        fields + self.unlinked + self.missing + self.doubled + self.returned
    }

    pub(crate) fn know(&mut self, why: &str) {
        *self.known.entry(why.to_owned()).or_default() += 1;
    }
}

/// What one field showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FieldCheck {
    /// How often it was compared.
    pub compared: u64,
    /// How often it showed what it should.
    pub equal: u64,
    /// How often it showed something else, and nobody knew.
    pub differing: u64,
    /// How often it showed something else, and that was known: by reason.
    pub known: BTreeMap<Known, u64>,
    /// The share of equal ones in per cent, known differences left out; none if nothing is left.
    pub agreement: Option<f64>,
    /// Where that share of all records lies with 95 % confidence, if some were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl FieldCheck {
    pub(crate) fn note(&mut self, standing: Standing) {
        self.compared += 1;
        match standing {
            Standing::Equal => self.equal += 1,
            Standing::Known(why) => *self.known.entry(why).or_default() += 1,
            Standing::Astray(_) => self.differing += 1,
        }
    }

    pub(crate) fn conclude(&mut self, extent: Extent) {
        let judged = self.equal + self.differing;
        if judged == 0 {
            return;
        }
        self.agreement = Some(100.0 * ratio(self.equal, judged));
        self.interval = match extent {
            Extent::Full => None,
            Extent::Sample(_) => Some(wilson(self.equal, judged)),
        };
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The connection.
    pub provider: ProviderId,
    /// The record.
    pub record: RemoteId,
    /// The entity, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// The field, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// What is the matter.
    pub what: Matter,
    /// What the record shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// What was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed: Option<String>,
}

/// What is the matter with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// It shows something else than it was last known to show.
    Changed,
    /// It is behind the agreed value, and nothing would write it.
    Behind,
    /// It belongs to nobody.
    Unlinked,
    /// It is not there.
    Missing,
    /// It is a second record of one entity.
    Doubled,
    /// It counts as deleted, and is there.
    Returned,
}

impl From<Astray> for Matter {
    fn from(astray: Astray) -> Self {
        match astray {
            Astray::Changed => Self::Changed,
            Astray::Behind => Self::Behind,
        }
    }
}

/// The normal distribution's value for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Returns the Wilson score interval of a share, in per cent: unlike the usual one it is right
/// for shares near 100 %, where ours are.
fn wilson(hits: u64, of: u64) -> [f64; 2] {
    let count = float(of);
    let share = ratio(hits, of);
    let square = Z * Z;
    let middle = square.mul_add(1.0 / (2.0 * count), share);
    let spread = (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let scale = 1.0 + square / count;
    let bound = |sign: f64| 100.0 * (sign * Z).mul_add(spread, middle) / scale;
    [bound(-1.0).max(0.0), bound(1.0).min(100.0)]
}

fn ratio(part: u64, whole: u64) -> f64 {
    float(part) / float(whole)
}

#[expect(clippy::cast_precision_loss, reason = "a share for people, never for counting")]
const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: [f64; 2], expected: [f64; 2]) -> bool {
        found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.01)
    }

    /// Worked out by hand from the formula.
    #[test]
    fn the_interval_is_wilsons() {
        assert!(near(wilson(10, 10), [72.25, 100.0]), "{:?}", wilson(10, 10));
        assert!(near(wilson(0, 10), [0.0, 27.75]), "{:?}", wilson(0, 10));
        assert!(near(wilson(81, 263), [25.53, 36.62]), "{:?}", wilson(81, 263));
    }

    #[test]
    fn known_differences_do_not_lower_the_agreement() {
        let mut field = FieldCheck::default();
        field.note(Standing::Equal);
        field.note(Standing::Known(Known::Frozen));
        field.conclude(Extent::Full);
        assert_eq!((field.compared, field.agreement), (2, Some(100.0)));
        field.note(Standing::Astray(Astray::Changed));
        field.conclude(Extent::Full);
        assert_eq!((field.differing, field.agreement, field.interval), (1, Some(50.0), None));
    }

    #[test]
    fn nothing_compared_is_no_agreement() {
        let mut field = FieldCheck::default();
        field.note(Standing::Known(Known::Pending));
        field.conclude(Extent::Sample(1));
        assert_eq!((field.agreement, field.interval), (None, None));
    }
}
