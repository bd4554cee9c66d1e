//! The guard: a run that would do too much stops before it does it.

use std::collections::BTreeMap;

use crm_core::{Action, Field, ObjectKind, ProviderId, mutant};

use super::Session;
use super::work::Job;
use crate::decide::Decision;
use crate::{EngineError, Excess, Rules};

/// So many deletes are never too many.
const DELETES_MIN: u64 = 20;
/// Beyond that, one in so many records.
const DELETES_SHARE: u64 = 100;

/// What a run has done so far of what the guard limits, of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toll {
    deletes: BTreeMap<ProviderId, u64>,
    creates: BTreeMap<ProviderId, u64>,
    updates: BTreeMap<(ProviderId, Field), u64>,
}

impl Toll {
    /// Adds what a decision would do.
    fn add(&mut self, rules: &Rules, decision: &Decision) {
        let named = |side: &usize| rules.sides.get(*side).map(|side| side.provider.clone());
        for provider in decision.died.iter().filter_map(named) {
            *self.deletes.entry(provider).or_default() += 1;
        }
        for (side, write) in &decision.writes {
            let Some(provider) = named(side) else { continue };
            match &write.action {
                Action::Create { .. } => *self.creates.entry(provider).or_default() += 1,
                Action::Update { patch, .. } => {
                    for (field, _) in patch.iter() {
                        *self.updates.entry((provider.clone(), field)).or_default() += 1;
                    }
                }
                // Its cause was counted.
                Action::Delete { .. } => {}
            }
        }
    }
}

impl Session<'_> {
    /// Adds what a batch would do, and refuses it if that is too much.
    pub(super) async fn guard(&mut self, rules: &Rules, jobs: &[Job]) -> Result<(), EngineError> {
        mutant!(GuardOff, return Ok(()));
        let mut toll = self.toll.get(&rules.kind).cloned().unwrap_or_default();
        for decision in jobs.iter().filter_map(|job| job.decision.as_ref()) {
            toll.add(rules, decision);
        }
        // What is made by a plan was looked at.
        let planned = self.first || self.carrying.is_some();
        if let Some(excess) = self.excesses(rules, &toll, planned).await?.into_iter().next() {
            return Err(EngineError::Guarded(Box::new(excess)));
        }
        self.toll.insert(rules.kind, toll);
        Ok(())
    }

    /// Adds what a planned decision would do.
    pub(super) fn note_toll(&mut self, rules: &Rules, decision: &Decision) {
        self.toll.entry(rules.kind).or_default().add(rules, decision);
    }

    /// Returns what a sync would stop at that does what was planned.
    pub(super) async fn stops(
        &self,
        flows: &[Rules],
        first: &[ObjectKind],
    ) -> Result<Vec<Excess>, EngineError> {
        let mut stops = Vec::new();
        for rules in flows {
            if let Some(toll) = self.toll.get(&rules.kind) {
                stops.extend(self.excesses(rules, toll, first.contains(&rules.kind)).await?);
            }
        }
        Ok(stops)
    }

    /// Returns of what there is too much; only of deletes where the rest was planned.
    async fn excesses(
        &self,
        rules: &Rules,
        toll: &Toll,
        planned: bool,
    ) -> Result<Vec<Excess>, EngineError> {
        let guard = self.engine.options.guard;
        let excess = |provider: &ProviderId, what: &str, found: u64, limit: u64, option: &str| {
            let (provider, what, option) = (provider.clone(), what.to_owned(), option.to_owned());
            Excess { provider, kind: rules.kind, what, found, limit, option }
        };
        let mut excesses = Vec::new();
        for (provider, found) in &toll.deletes {
            let limit = match guard.deletes {
                Some(limit) => limit,
                None => self.usual_deletes(rules, provider).await?,
            };
            if *found > limit {
                let what = "were deleted there";
                excesses.push(excess(provider, what, *found, limit, "max-deletes"));
            }
        }
        if planned {
            return Ok(excesses);
        }
        for (provider, found) in &toll.creates {
            if let Some(limit) = guard.creates.filter(|limit| found > limit) {
                let what = "would be made there";
                excesses.push(excess(provider, what, *found, limit, "max-creates"));
            }
        }
        for ((provider, field), found) in &toll.updates {
            if let Some(limit) = guard.updates_per_field.filter(|limit| found > limit) {
                let what = format!("would get another {field} there");
                excesses.push(excess(provider, &what, *found, limit, "max-updates-per-field"));
            }
        }
        Ok(excesses)
    }

    async fn usual_deletes(
        &self,
        rules: &Rules,
        provider: &ProviderId,
    ) -> Result<u64, EngineError> {
        let counts = self.engine.store.counts(rules.kind).await?;
        let linked = counts.links.iter().find(|links| links.provider == *provider);
        Ok(linked.map_or(0, |links| links.live / DELETES_SHARE).max(DELETES_MIN))
    }
}
