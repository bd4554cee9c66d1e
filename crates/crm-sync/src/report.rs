//! What a plan says and what a run did, in the form that `--json` prints: keys sorted.

use std::collections::BTreeMap;

use crm_core::{EntityId, Field, ObjectKind, ProviderError, ProviderId, RunId, Usage, Value};
use crm_store::{Conflict, Entity};
use serde::{Deserialize, Serialize};

use crate::Excess;
use crate::written::PlanAction;

/// What a sync would do.
#[expect(clippy::struct_field_names, reason = "the name that its JSON has")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id: the run that made it.
    pub plan_id: RunId,
    /// The fingerprint of the counts and samples.
    pub hash: String,
    /// `planned` before the first sync of a kind, `live` afterwards.
    pub state: String,
    /// What would be done, by kind.
    pub kinds: BTreeMap<ObjectKind, KindPlan>,
    /// What it would cost, by connection.
    pub cost: BTreeMap<ProviderId, Cost>,
    /// What a sync would stop at before it does that, until it is told that so many are right.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stops: Vec<Excess>,
    /// The file that it was written to, if it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<PlanFile>,
}

/// What was written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The file's fingerprint.
    pub hash: String,
    /// How many writes it has.
    pub items: u64,
    /// How many entities they concern.
    pub records: u64,
}

impl Plan {
    /// Returns how many writes it would make.
    pub fn writes(&self) -> u64 {
        self.kinds.values().map(KindPlan::writes).sum()
    }
}

/// How many samples of each action a plan shows.
const SAMPLES_MAX: usize = 20;

/// What would be, or was, done with one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindPlan {
    /// Records tied together by uid or e-mail address.
    pub link_exact: u64,
    /// Records tied together by phone and name.
    pub link_probable: u64,
    /// Records to make, by connection.
    pub create: BTreeMap<ProviderId, u64>,
    /// Records to change, by connection.
    pub update_records: BTreeMap<ProviderId, u64>,
    /// Fields to change, by connection and field.
    pub update: BTreeMap<ProviderId, BTreeMap<Field, u64>>,
    /// Records to delete, by connection.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub delete: BTreeMap<ProviderId, u64>,
    /// Fields on which the sides differ, by field.
    pub conflict: BTreeMap<Field, u64>,
    /// Records left alone, by reason.
    pub skip: BTreeMap<String, u64>,
    /// Writes that cannot be made, by reason.
    pub blocked: BTreeMap<String, u64>,
    /// Examples, by action.
    pub samples: BTreeMap<String, Vec<Sample>>,
}

impl KindPlan {
    /// Returns how many records would be written.
    pub fn writes(&self) -> u64 {
        let counts = [&self.create, &self.update_records, &self.delete];
        counts.into_iter().flat_map(BTreeMap::values).sum()
    }

    /// Adds an example, unless there are enough.
    pub(crate) fn sample(&mut self, action: &str, sample: Sample) {
        let samples = self.samples.entry(action.to_owned()).or_default();
        if samples.len() < SAMPLES_MAX {
            samples.push(sample);
        }
    }
}

/// One example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The entity.
    pub entity: EntityId,
    /// Who it is, as a person would say it.
    pub label: String,
    /// The connection that would be written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider: Option<ProviderId>,
    /// The fields and their new values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fields: BTreeMap<Field, Option<String>>,
    /// The reason, for what is skipped or blocked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What a person can do about what is blocked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

/// Requests of one connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Requests that read records.
    pub reads: u64,
    /// Requests that write records.
    pub writes: u64,
    /// All requests made, with tokens and probes.
    pub made: u64,
    /// The fewest requests that any correct engine needs for this.
    pub bound: u64,
    /// Those of `reads` and `bound` that a sweep made, which reads everything again.
    #[serde(skip_serializing_if = "is_none", default)]
    pub swept: u64,
    /// Seconds at the pace that the account allows.
    pub seconds: f64,
    /// The share of the day's budget, where there is one.
    pub quota_share: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The run.
    pub run_id: RunId,
    /// The fingerprint of what was done.
    pub hash: String,
    /// `success`, or `partial` if something was left.
    pub state: String,
    /// What was done, by kind.
    pub kinds: BTreeMap<ObjectKind, KindReport>,
    /// What it cost, by connection.
    pub calls: BTreeMap<ProviderId, Cost>,
    /// Conflicts met in this run.
    pub conflicts: Vec<Conflict>,
    /// Connections that failed, and without which the run went on.
    #[serde(default)]
    pub paused: BTreeMap<ProviderId, Paused>,
    /// Fields that connections lost or gained since the last run.
    #[serde(default)]
    pub drift: Vec<SchemaDrift>,
}

/// A field that a connection lost or gained since the last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDrift {
    /// The connection.
    pub provider: ProviderId,
    /// The kind.
    pub kind: ObjectKind,
    /// The field.
    pub field: Field,
    /// What happened.
    pub change: SchemaChange,
}

/// What happened to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaChange {
    /// It is not there any more, or hidden: it is left alone until it is back.
    Lost,
    /// It takes part from now on: all records are looked at.
    Gained,
}

/// Why a run went on without a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// What it said.
    pub message: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Paused {
    pub(crate) fn of(error: &ProviderError) -> Self {
        Self { message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

/// What was done with one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KindReport {
    /// What was done, in the words of the plan.
    #[serde(flatten)]
    pub done: KindPlan,
    /// Rows and hints that were read.
    pub processed: u64,
    /// Records that were looked at and left as they are.
    pub unchanged: u64,
    /// Records made, over all connections.
    pub created: u64,
    /// Records changed, over all connections.
    pub updated: u64,
    /// Records tied together.
    pub linked: u64,
    /// Links that ended because a record was deleted.
    pub unlinked: u64,
    /// Writes that failed.
    pub failed: u64,
    /// Entities that wait: for a retry, a quota, a person.
    pub waiting: u64,
    /// Conflicts that a person must decide, in all.
    pub open_conflicts: u64,
    /// Links parked and fields refused, in all.
    pub parked: u64,
}

impl Report {
    /// Returns how many records were written.
    pub fn writes(&self) -> u64 {
        self.kinds.values().map(|kind| kind.created + kind.updated).sum()
    }

    /// Returns whether nothing was left.
    pub fn outcome(&self) -> Outcome {
        let left = |kind: &KindReport| kind.waiting + kind.open_conflicts + kind.parked;
        if self.paused.is_empty() && self.kinds.values().all(|kind| left(kind) == 0) {
            Outcome::Success
        } else {
            Outcome::Partial
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Success,
    /// Something was left: open conflicts, parked records, work that waits.
    Partial,
}

/// Returns who an entity is, as a person would say it.
pub(crate) fn label(entity: &Entity) -> String {
    let text = |field| {
        let golden = entity.golden.value(field);
        let seen = || {
            let mut observed = entity.links.iter().filter_map(|link| link.observed.as_ref());
            observed.find_map(|observed| observed.fields.get(field))
        };
        golden.or_else(seen).and_then(Value::as_str).map(str::to_owned)
    };
    let name: Vec<String> =
        [Field::FIRST_NAME, Field::LAST_NAME, Field::NAME, Field::TITLE, Field::SUBJECT]
            .into_iter()
            .filter_map(text)
            .collect();
    match (name.is_empty(), text(Field::EMAIL)) {
        (false, Some(email)) => format!("{} <{email}>", name.join(" ")),
        (false, None) => name.join(" "),
        (true, Some(email)) => email,
        (true, None) => entity.id.to_string(),
    }
}

/// Returns what a connection used between two moments.
pub(crate) fn used(before: &Usage, after: &Usage) -> Cost {
    Cost {
        reads: after.reads.saturating_sub(before.reads),
        writes: after.writes.saturating_sub(before.writes),
        made: after.requests().saturating_sub(before.requests()),
        ..Cost::default()
    }
}

/// Returns the fingerprint of anything that prints the same JSON.
pub(crate) fn fingerprint(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).simple().to_string()
}

/// What became of a written plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The fingerprint of the plan's file.
    pub plan: String,
    /// The run that carried it out before; nothing was done then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub already: Option<RunId>,
    /// How many writes were planned.
    pub planned: u64,
    /// How many of them are carried out, by this run or one before.
    pub carried_out: u64,
    /// How many are not, by reason.
    pub stays: BTreeMap<Why, u64>,
    /// Those that are not, the first ones.
    pub left: Vec<Unapplied>,
    /// What this run did.
    #[serde(flatten)]
    pub report: Report,
}

/// The most lines of what is not carried out; the counts have all.
const LEFT_MAX: usize = 10_000;

impl Applied {
    /// Returns whether all of the plan was carried out.
    pub fn outcome(&self) -> Outcome {
        if self.stays.is_empty() { Outcome::Success } else { Outcome::Partial }
    }

    pub(crate) fn leave(&mut self, left: Unapplied) {
        *self.stays.entry(left.why).or_default() += 1;
        if self.left.len() < LEFT_MAX {
            self.left.push(left);
        }
    }
}

/// A planned write that was not carried out, or not all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unapplied {
    /// The kind.
    pub kind: ObjectKind,
    /// The entity.
    pub entity: EntityId,
    /// Who it is, as a person would say it.
    pub label: String,
    /// The connection that was to be written.
    pub connection: ProviderId,
    /// What was to be done.
    pub action: PlanAction,
    /// The fields concerned; none for the whole record.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<Field>,
    /// Why.
    pub why: Why,
    /// What was said, where a connection refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// Why a planned write was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The records show something else than when the plan was made.
    Moved,
    /// The connection refused it.
    Refused,
    /// It waits: for an answer, a quota, a record that it refers to. Apply the plan again.
    Waits,
    /// Something else would be written by now: a record that it refers to was left out, or another
    /// run or a person's decision came first.
    Overtaken,
}
