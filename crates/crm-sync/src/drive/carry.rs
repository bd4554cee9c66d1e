//! Carrying a written plan out: which decisions may be acted on.
//!
//! The engine decides as it always does; a gate between the decision and its announcement lets
//! only those through that the plan has, about records that show what they showed then. What is
//! stopped is not even stored: the entity keeps its mark, and the next sync decides about it.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Action, EntityId, Field, ProviderId, RunId, Value, Write};
use crm_store::{Entity, JournalQuery};
use jiff::Timestamp;
use uuid::Uuid;

use super::Session;
use super::plan::item_of;
use super::work::Job;
use crate::decide::{Decision, Seen};
use crate::fault::PlanFault;
use crate::written::{Base, PlanAction, PlanItem, Planned};
use crate::{EngineError, FieldPlan, Rules, Topology};

/// So many moved records are never too many.
const MOVED_MIN: u64 = 5;
/// Beyond that, one in so many.
const MOVED_SHARE: u64 = 100;

/// The written plan that is carried out.
#[derive(Debug, Default)]
pub(crate) struct Carrying {
    /// The runs that carry it out: this one, and those that did not come to their end.
    pub runs: Vec<RunId>,
    /// The planned writes of the entities at hand.
    pub planned: BTreeMap<EntityId, Vec<PlanItem>>,
    /// Connections whose record was written by one of the runs, of the entities at hand.
    pub ours: BTreeMap<EntityId, BTreeSet<ProviderId>>,
    /// Planned entities whose records moved.
    pub moved: BTreeSet<EntityId>,
    /// Planned entities with which something else would be done by now.
    pub differs: BTreeSet<EntityId>,
    /// Planned entities of which some changes are left to the next sync.
    pub late: BTreeSet<EntityId>,
    /// Entities that were stopped, of those at hand.
    pub stopped: BTreeSet<EntityId>,
    /// How many planned entities there are.
    pub records: u64,
}

impl Carrying {
    /// Returns whether no run worked on the plan before this one.
    pub(crate) fn is_fresh(&self) -> bool {
        self.runs.len() <= 1
    }

    /// Returns how many records may have moved.
    pub(crate) fn limit(&self) -> u64 {
        (self.records / MOVED_SHARE).max(MOVED_MIN)
    }

    /// Returns whether nothing more is done with an entity.
    pub(crate) fn is_stopped(&self, entity: EntityId) -> bool {
        [&self.stopped, &self.moved, &self.differs].iter().any(|set| set.contains(&entity))
    }

    /// Refuses to go on if too many records moved.
    pub(crate) fn check(&self, moved: u64) -> Result<(), PlanFault> {
        let (limit, planned) = (self.limit(), self.records);
        if moved > limit {
            return Err(PlanFault::Moved { moved, planned, limit });
        }
        Ok(())
    }

    /// Returns whether a connection's record is, or may be, what one of the runs made of it.
    fn is_ours(&self, entity: &Entity, provider: &ProviderId) -> bool {
        let written = self.ours.get(&entity.id).is_some_and(|ours| ours.contains(provider));
        let signed = |run: Option<RunId>| run.is_some_and(|run| self.runs.contains(&run));
        let link = entity.link(provider);
        let open = link.is_some_and(|link| {
            link.claim.as_ref().is_some_and(|claim| signed(claim.run))
                || link.intents.iter().any(|intent| signed(intent.run))
        });
        written || open
    }

    /// Returns whether records of a planned entity show something else than they did. `asked` says
    /// whose records are known.
    pub(crate) fn has_moved(
        &self,
        entity: &Entity,
        planned: &[PlanItem],
        shown: &BTreeMap<ProviderId, Base>,
        asked: impl Fn(&ProviderId) -> bool,
    ) -> bool {
        let Some(then) = planned.first().map(|item| &item.base) else { return false };
        let sides: BTreeSet<&ProviderId> = then.keys().chain(shown.keys()).collect();
        let mut sides = sides.into_iter().filter(|side| asked(side));
        sides.any(|side| !self.is_ours(entity, side) && shown.get(side) != then.get(side))
    }
}

impl Session<'_> {
    /// Stops decisions that the plan does not have. Without a plan everything passes.
    pub(super) fn gate(&mut self, rules: &Rules, jobs: &mut [Job]) -> Result<(), EngineError> {
        let now = self.now();
        let Some(carrying) = &mut self.carrying else { return Ok(()) };
        for job in jobs {
            let id = job.entity.id;
            let planned = carrying.planned.get(&id).map_or(&[][..], Vec::as_slice);
            let moved = carrying.has_moved(&job.entity, planned, &job.base, |_| true);
            let Some(decision) = &mut job.decision else {
                carrying.stopped.insert(id);
                continue;
            };
            let fits = |(side, write): &(usize, Write)| {
                let item = item_of(rules, &decision.entity, *side, write, &job.base);
                item.is_some_and(|item| planned.iter().any(|planned| permits(planned, &item)))
            };
            let strange: Vec<usize> = decision
                .writes
                .iter()
                .enumerate()
                .filter(|(_, write)| !fits(write))
                .map(|(at, _)| at)
                .collect();
            // Without a planned write nothing is to be read for one.
            let idle = !planned.is_empty() || decision.reread.is_empty();
            let begun = rules.sides.iter().any(|s| carrying.is_ours(&job.entity, &s.provider));
            if !moved && idle && strange.is_empty() {
                if decision.names_company.is_some() {
                    // A company that it names and nobody has is founded by the next sync.
                    decision.later = Some(now);
                    carrying.stopped.insert(id);
                }
                continue;
            }
            carrying.stopped.insert(id);
            if !moved && idle && begun && postpone(decision, rules, &strange, now) {
                carrying.late.insert(id);
                continue;
            }
            if !planned.is_empty() {
                let stopped = match (begun, moved) {
                    (true, _) => &mut carrying.late,
                    (false, true) => &mut carrying.moved,
                    (false, false) => &mut carrying.differs,
                };
                stopped.insert(id);
            }
            job.decision = None;
        }
        let moved = u64::try_from(carrying.moved.len()).unwrap_or(u64::MAX);
        Ok(carrying.check(moved)?)
    }

    /// Returns what the records of an entity show, where that is compared with a plan.
    pub(super) fn base_of(
        &self,
        rules: &Rules,
        entity: EntityId,
        seen: &[Seen],
    ) -> BTreeMap<ProviderId, Base> {
        let planned = self.carrying.as_ref().map(|carrying| carrying.planned.get(&entity));
        match planned {
            None if !self.planning => BTreeMap::new(),
            None => base_of(rules, seen, None),
            Some(planned) => {
                let then = planned.and_then(|items| Some(&items.first()?.base));
                base_of(rules, seen, then)
            }
        }
    }

    /// Reads which records of entities the runs of the plan wrote.
    pub(super) async fn recall(&mut self, planned: &[Planned]) -> Result<(), EngineError> {
        let Some(runs) = self.carrying.as_ref().map(|carrying| carrying.runs.clone()) else {
            return Ok(());
        };
        let mut ours = BTreeMap::new();
        let asked = if runs.is_empty() { &[][..] } else { planned };
        for record in asked {
            let query = JournalQuery { entity: Some(record.entity), ..JournalQuery::default() };
            let rows = self.engine.store.journal(query).await?;
            let rows = rows.into_iter().filter(|row| runs.contains(&row.run));
            let written: BTreeSet<ProviderId> = rows.map(|row| row.provider).collect();
            if !written.is_empty() {
                ours.insert(record.entity, written);
            }
        }
        if let Some(carrying) = &mut self.carrying {
            carrying.ours = ours;
        }
        Ok(())
    }
}

/// Takes changes out of a decision that follow from what the plan did, a CRM's own form of a value
/// for instance: the next sync makes them. Returns whether that can be done.
fn postpone(decision: &mut Decision, rules: &Rules, strange: &[usize], now: Timestamp) -> bool {
    let strange = strange.iter().filter_map(|at| decision.writes.get(*at));
    let strange: Vec<(usize, Write)> = strange.cloned().collect();
    if !strange.iter().all(|(_, write)| matches!(write.action, Action::Update { .. })) {
        return false;
    }
    for (index, write) in &strange {
        let side = rules.sides.get(*index);
        let link = side.and_then(|side| decision.entity.link_mut(&side.provider));
        let Some(link) = link else { continue };
        if let Some(at) = link.intents.iter().rposition(|intent| intent.key == write.key) {
            link.intents.remove(at);
        }
    }
    decision.writes.retain(|write| !strange.contains(write));
    decision.later = Some(now);
    true
}

/// Returns whether a plan has a write. A record may be made without what waits for another one,
/// which is added as soon as that is there.
fn permits(planned: &PlanItem, write: &PlanItem) -> bool {
    let same = planned.connection == write.connection && planned.kind == write.kind;
    let action = match (planned.action, write.action) {
        (PlanAction::Create, PlanAction::Create | PlanAction::Update) => true,
        (PlanAction::Update, PlanAction::Update) => planned.record == write.record,
        (PlanAction::Archive | PlanAction::Delete, PlanAction::Archive | PlanAction::Delete) => {
            planned.record == write.record
        }
        (PlanAction::Create | PlanAction::Update | PlanAction::Archive | PlanAction::Delete, _) => {
            false
        }
    };
    let fits = |(field, value): (&Field, &Option<Value>)| {
        planned.fields.get(field).is_some_and(|planned| fits(planned.as_ref(), value.as_ref()))
    };
    same && action && write.fields.iter().all(fits)
}

/// Returns whether a value is the planned one, to the letter, or a part of the planned set of
/// references.
fn fits(planned: Option<&Value>, value: Option<&Value>) -> bool {
    let letters = |value: Option<&Value>| serde_json::to_string(&value).ok();
    if letters(planned) == letters(value) {
        return true;
    }
    let (Some(Value::List(planned)), Some(Value::List(part))) = (planned, value) else {
        return false;
    };
    let refers = planned.iter().all(|member| member.as_reference().is_some());
    refers && part.iter().all(|member| planned.contains(member))
}

/// Returns what the sides show, as fingerprints. Fields that were not read then are left out now.
fn base_of(
    rules: &Rules,
    seen: &[Seen],
    then: Option<&BTreeMap<ProviderId, Base>>,
) -> BTreeMap<ProviderId, Base> {
    let mut base = BTreeMap::new();
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        let told = |hash: &str| Base { record: None, hash: hash.to_owned(), unread: Vec::new() };
        let shown = match seen {
            Seen::Unread | Seen::Closed => continue,
            Seen::Gone => told("gone"),
            Seen::MergedInto { .. } => told(MERGED),
            Seen::Absent => told("absent"),
            Seen::Fresh(remote) | Seen::Listed(remote) => {
                let mut text = String::new();
                let mut unread = Vec::new();
                let then = then.and_then(|then| then.get(&side.provider));
                let then = then.map_or(&[][..], |then| &then.unread);
                let has = |plan: &&FieldPlan| plan.rules.get(index).copied().flatten().is_some();
                for plan in rules.fields.iter().filter(has) {
                    let read = remote.read.binary_search(&plan.field).is_ok();
                    if !read || then.contains(&plan.field) {
                        unread.push(plan.field);
                        continue;
                    }
                    text.push_str(&plan.field.name());
                    text.push('\u{1f}');
                    if let Some(value) = remote.fields.get(plan.field) {
                        spell(&mut text, value);
                    }
                    text.push('\u{1e}');
                }
                Base { record: Some(remote.id.clone()), hash: short(&text), unread }
            }
        };
        base.insert(side.provider.clone(), shown);
    }
    base
}

const MERGED: &str = "merged";

/// Returns whether a record was found merged into another one.
pub(super) fn is_merged(base: &BTreeMap<ProviderId, Base>) -> bool {
    base.values().any(|base| base.hash == MERGED)
}

/// Another spelling of the same value is no change.
fn spell(text: &mut String, value: &Value) {
    match value {
        Value::Text(value) => text.push_str(value.key()),
        Value::List(members) => {
            for member in members {
                spell(text, member);
                text.push('\u{1d}');
            }
        }
        Value::Decimal(number) => text.push_str(&number.normalize().to_string()),
        Value::Integer(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Choice(_)
        | Value::Ref(_) => text.push_str(&value.display()),
    }
}

fn short(text: &str) -> String {
    let (high, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).as_u64_pair();
    format!("{high:016x}")
}

/// Returns the fingerprint of a configuration.
pub(super) fn fingerprint(topology: &Topology) -> String {
    short(&format!("{topology:?}"))
}
