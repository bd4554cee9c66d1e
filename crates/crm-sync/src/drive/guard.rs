//! The guard: a run that would do too much stops before it does it.

use std::collections::BTreeMap;

use crm_core::{Action, Field, ProviderId, mutant};

use super::Session;
use super::work::Job;
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

impl Session<'_> {
    /// Adds what a batch would do, and refuses it if that is too much.
    pub(super) async fn guard(&mut self, rules: &Rules, jobs: &[Job]) -> Result<(), EngineError> {
        let mut toll = self.toll.get(&rules.kind).cloned().unwrap_or_default();
        let named = |side: &usize| rules.sides.get(*side).map(|side| side.provider.clone());
        for decision in jobs.iter().filter_map(|job| job.decision.as_ref()) {
            for provider in decision.died.iter().filter_map(named) {
                *toll.deletes.entry(provider).or_default() += 1;
            }
            for (side, write) in &decision.writes {
                let Some(provider) = named(side) else { continue };
                match &write.action {
                    Action::Create { .. } => *toll.creates.entry(provider).or_default() += 1,
                    Action::Update { patch, .. } => {
                        for (field, _) in patch.iter() {
                            *toll.updates.entry((provider.clone(), field)).or_default() += 1;
                        }
                    }
                    // Its cause was counted.
                    Action::Delete { .. } => {}
                }
            }
        }
        self.check(rules, &toll).await?;
        self.toll.insert(rules.kind, toll);
        Ok(())
    }

    async fn check(&self, rules: &Rules, toll: &Toll) -> Result<(), EngineError> {
        mutant!(GuardOff, return Ok(()));
        let guard = self.engine.options.guard;
        let excess = |provider: &ProviderId, what: &str, found, limit, option| Excess {
            provider: provider.clone(),
            kind: rules.kind,
            what: what.to_owned(),
            found,
            limit,
            option,
        };
        for (provider, found) in &toll.deletes {
            let limit = match guard.deletes {
                Some(limit) => limit,
                None => self.usual_deletes(rules, provider).await?,
            };
            if *found > limit {
                return refuse(excess(
                    provider,
                    "were deleted there",
                    *found,
                    limit,
                    "max-deletes",
                ));
            }
        }
        if self.first || self.carrying.is_some() {
            // What is made was planned.
            return Ok(());
        }
        for (provider, found) in &toll.creates {
            if let Some(limit) = guard.creates.filter(|limit| found > limit) {
                let what = "would be made there";
                return refuse(excess(provider, what, *found, limit, "max-creates"));
            }
        }
        for ((provider, field), found) in &toll.updates {
            if let Some(limit) = guard.updates_per_field.filter(|limit| found > limit) {
                let what = format!("would get another {field} there");
                return refuse(excess(provider, &what, *found, limit, "max-updates-per-field"));
            }
        }
        Ok(())
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

fn refuse(excess: Excess) -> Result<(), EngineError> {
    Err(EngineError::Guarded(Box::new(excess)))
}
