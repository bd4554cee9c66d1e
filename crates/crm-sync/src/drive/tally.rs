//! Counting what a run does.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Action, Field, ObjectKind, ProviderId, Write};
use crm_store::{Conflict, ConflictId, ConflictState, Entity, Journal, JournalAction};

use crate::Rules;
use crate::decide::{Decision, preflight};
use crate::report::{self, Cost, KindPlan, KindReport, Sample, SchemaDrift};

/// The most conflicts that a report lists; the store has them all.
const CONFLICTS_MAX: usize = 1_000;

/// What a run has done so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kinds: BTreeMap<ObjectKind, KindReport>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) drift: Vec<SchemaDrift>,
    /// Names of companies that a plan would make.
    pub(crate) companies: BTreeSet<String>,
    /// Those of them that wait for a person.
    open: BTreeSet<ConflictId>,
    /// Rows listed, records read by id, records written; by connection: the lower bound.
    needed: BTreeMap<ProviderId, Needed>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Needed {
    pages: u64,
    swept: u64,
    reads: u64,
    writes: u64,
}

impl Tally {
    pub(crate) fn kind(&mut self, kind: ObjectKind) -> &mut KindReport {
        self.kinds.entry(kind).or_default()
    }

    /// Notes a page of a feed; every poll needs one at least.
    pub(crate) fn listed(&mut self, provider: &ProviderId, pages: u64) {
        self.needed.entry(provider.clone()).or_default().pages += pages;
    }

    /// Notes a page of a sweep.
    pub(crate) fn swept(&mut self, provider: &ProviderId, pages: u64) {
        self.listed(provider, pages);
        self.needed.entry(provider.clone()).or_default().swept += pages;
    }

    /// Returns how many pages sweeps have read.
    pub(crate) fn sweeps(&self, provider: &ProviderId) -> u64 {
        self.needed.get(provider).map_or(0, |needed| needed.swept)
    }

    /// Notes records read by id.
    pub(crate) fn read(&mut self, provider: &ProviderId, records: usize, read_max: u16) {
        self.needed.entry(provider.clone()).or_default().reads += calls(records, read_max);
    }

    /// Notes records written.
    pub(crate) fn wrote(&mut self, provider: &ProviderId, writes: &[&Write], write_max: u16) {
        let creates = writes.iter().filter(|w| matches!(w.action, Action::Create { .. })).count();
        let needed = self.needed.entry(provider.clone()).or_default();
        needed.writes += calls(creates, write_max) + calls(writes.len() - creates, write_max);
    }

    /// Notes what a write came to.
    pub(crate) fn settled(&mut self, rules: &Rules, side: usize, write: &Write, applied: bool) {
        let Some(side) = rules.sides.get(side) else { return };
        match &write.action {
            _ if !applied => self.kind(rules.kind).failed += 1,
            Action::Create { .. } => self.created(rules.kind, &side.provider),
            Action::Update { patch, .. } => {
                let fields = patch.iter().map(|(field, _)| field);
                self.updated(rules.kind, &side.provider, fields);
            }
            Action::Delete { .. } => {}
        }
    }

    /// Notes writes whose answers were lost, and that were applied all the same.
    pub(crate) fn learned(&mut self, rows: &[Journal]) {
        for row in rows {
            match row.action {
                JournalAction::Create => self.created(row.kind, &row.provider),
                JournalAction::Update => {
                    let fields = row.changes.iter().map(|change| change.field);
                    self.updated(row.kind, &row.provider, fields);
                }
                JournalAction::Delete => {}
            }
        }
    }

    fn created(&mut self, kind: ObjectKind, provider: &ProviderId) {
        let kind = self.kind(kind);
        kind.created += 1;
        *kind.done.create.entry(provider.clone()).or_default() += 1;
    }

    fn updated(
        &mut self,
        kind: ObjectKind,
        provider: &ProviderId,
        fields: impl Iterator<Item = Field>,
    ) {
        let kind = self.kind(kind);
        kind.updated += 1;
        *kind.done.update_records.entry(provider.clone()).or_default() += 1;
        let by_field = kind.done.update.entry(provider.clone()).or_default();
        for field in fields {
            *by_field.entry(field).or_default() += 1;
        }
    }

    /// Returns the fewest reads and writes for what was done.
    pub(crate) fn bound(&self, provider: &ProviderId) -> (u64, u64) {
        let needed = self.needed.get(provider).copied().unwrap_or_default();
        (needed.pages + needed.reads, needed.writes)
    }

    /// Notes the conflicts of a decision.
    pub(crate) fn conflicts(&mut self, kind: ObjectKind, conflicts: &[Conflict]) {
        for conflict in conflicts {
            // An open one is found again whenever its record is looked at.
            let known = conflict.state == ConflictState::Open && !self.open.insert(conflict.id);
            if conflict.state != ConflictState::Stale && !known {
                *self.kind(kind).done.conflict.entry(conflict.field).or_default() += 1;
                if self.conflicts.len() < CONFLICTS_MAX {
                    self.conflicts.push(conflict.clone());
                }
            }
        }
    }

    /// Notes what a decision would do.
    pub(crate) fn planned<'w>(
        &mut self,
        rules: &Rules,
        decision: &Decision,
        writes: impl Iterator<Item = &'w (usize, Write)>,
    ) {
        let label = report::label(&decision.entity);
        let entity = decision.entity.id;
        let plan = &mut self.kind(rules.kind).done;
        for (side, write) in writes {
            let Some(side) = rules.sides.get(*side) else {
                continue;
            };
            count_write(plan, &side.provider, &label, &decision.entity, write);
        }
        for (side, reason) in &decision.skipped {
            *plan.blocked.entry(reason.clone()).or_default() += 1;
            let provider = rules.sides.get(*side).map(|side| side.provider.clone());
            let remedy = Some(preflight::remedy_of(reason).to_owned());
            let (reason, fields) = (Some(reason.clone()), BTreeMap::new());
            plan.sample(
                "blocked",
                Sample { entity, label: label.clone(), provider, fields, reason, remedy },
            );
        }
        for conflict in &decision.conflicts {
            let fields = conflict
                .contenders
                .iter()
                .map(|side| side.value.as_ref().map(crm_core::Value::display))
                .next()
                .map(|value| BTreeMap::from([(conflict.field, value)]))
                .unwrap_or_default();
            let reason = Some(conflict.rule.clone());
            let provider = conflict.winner.clone();
            plan.sample(
                "conflict",
                Sample { entity, label: label.clone(), provider, fields, reason, remedy: None },
            );
        }
        self.conflicts(rules.kind, &decision.conflicts);
    }

    /// Notes an entity that is left alone.
    pub(crate) fn held(&mut self, entity: &Entity, reason: &str) {
        let plan = &mut self.kind(entity.kind).done;
        *plan.skip.entry(reason.to_owned()).or_default() += 1;
        plan.sample(
            "skip",
            Sample {
                entity: entity.id,
                label: report::label(entity),
                provider: entity.links.first().map(|link| link.provider.clone()),
                fields: BTreeMap::new(),
                reason: Some(reason.to_owned()),
                remedy: None,
            },
        );
    }

    /// Returns the counters of a run.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = BTreeMap::new();
        let mut add = |name: &str, count: u64| {
            *counters.entry(name.to_owned()).or_default() += count;
        };
        for kind in self.kinds.values() {
            add("processed", kind.processed);
            add("created", kind.created);
            add("updated", kind.updated);
            add("linked", kind.linked);
            add("unlinked", kind.unlinked);
            add("unchanged", kind.unchanged);
            add("failed", kind.failed);
            add("conflicts", kind.done.conflict.values().sum());
        }
        counters
    }
}

fn count_write(
    plan: &mut KindPlan,
    provider: &ProviderId,
    label: &str,
    entity: &Entity,
    write: &Write,
) {
    let (action, fields) = match &write.action {
        Action::Create { fields, .. } => {
            *plan.create.entry(provider.clone()).or_default() += 1;
            let shown = fields.iter().map(|(field, value)| (field, Some(value.display())));
            ("create", shown.collect())
        }
        Action::Update { patch, .. } => {
            *plan.update_records.entry(provider.clone()).or_default() += 1;
            let by_field = plan.update.entry(provider.clone()).or_default();
            for (field, _) in patch.iter() {
                *by_field.entry(field).or_default() += 1;
            }
            let shown = patch.iter().map(|(field, v)| (field, v.map(crm_core::Value::display)));
            ("update", shown.collect())
        }
        Action::Delete { .. } => {
            *plan.delete.entry(provider.clone()).or_default() += 1;
            ("delete", BTreeMap::new())
        }
    };
    let (entity, label, provider) = (entity.id, label.to_owned(), Some(provider.clone()));
    let (reason, remedy) = (None, None);
    plan.sample(action, Sample { entity, label, provider, fields, reason, remedy });
}

/// Adds what a plan of one kind costs a connection. What is beyond its budget of a day is blocked
/// until the next one.
pub(crate) fn forecast(
    cost: &mut Cost,
    rules: &Rules,
    id: &ProviderId,
    plan: &mut KindPlan,
    budget: Option<u64>,
) {
    let Some(side) = rules.side(id).and_then(|side| rules.sides.get(side)) else {
        return;
    };
    let count = |map: &BTreeMap<ProviderId, u64>| map.get(id).copied().unwrap_or_default();
    let (creates, updates) = (count(&plan.create), count(&plan.update_records));
    let deletes = count(&plan.delete);
    let (read_max, write_max) =
        (u64::from(side.capability.read_max.get()), u64::from(side.capability.write_max.get()));
    let before = cost.reads + cost.writes;
    cost.reads += (updates + deletes).div_ceil(read_max);
    let writes = [creates, updates, deletes].map(|records| records.div_ceil(write_max));
    cost.writes += writes.iter().sum::<u64>();
    let Some(budget) = budget else { return };
    let beyond = (cost.reads + cost.writes).saturating_sub(budget.max(before));
    let beyond = beyond.saturating_mul(write_max).min(creates + updates + deletes);
    if beyond > 0 {
        *plan.blocked.entry("quota".to_owned()).or_default() += beyond;
    }
}

fn calls(records: usize, most: u16) -> u64 {
    u64::try_from(records.div_ceil(usize::from(most))).unwrap_or(u64::MAX)
}
