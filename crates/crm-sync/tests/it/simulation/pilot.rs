//! The engine as the simulation starts it. Shared by the test and by the example.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{ProviderId, RunId, TenantId};
use crm_store::{MemoryStore, SharedStore, Store};
use crm_store_sqlite::InlineStore;
use crm_sync::{
    Approval, Direction, Engine, FirstSync, Flow, Guard, Join, Options, Policy, Topology,
};
use crm_testkit::simulation::{Base, Done, Errand, Flight, Pilot, Rule, Scenario, Scene};

/// Which store the engine works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The reference.
    Memory,
    /// SQLite in memory, on the same thread.
    Sqlite,
}

/// Starts engines on one sort of store.
#[derive(Debug)]
pub(crate) struct EnginePilot(pub(crate) Ground);

/// An embedded ledger, under the simulation's name for it.
#[derive(Debug)]
struct Ledger(Arc<InlineStore>);

impl Base for Ledger {
    fn shared(&self) -> SharedStore {
        Arc::clone(&self.0) as Arc<dyn Store>
    }

    fn restart(&self) {
        self.0.restart();
    }
}

impl Pilot for EnginePilot {
    fn start(&self, scene: &Scene, errand: Errand, run: RunId) -> Flight {
        let engine = Engine::new(
            topology(&scene.scenario),
            scene.providers.clone(),
            Arc::clone(&scene.store),
            Arc::clone(&scene.clock),
            options(),
        );
        Box::pin(async move {
            let engine = engine.map_err(|error| error.to_string())?;
            match errand {
                Errand::Plan => {
                    let planned = engine.plan(run, &()).await;
                    planned.map(|_plan| Done::default()).map_err(|error| error.to_string())
                }
                Errand::Sync => {
                    let synced = engine.sync(run, Approval::Given, &()).await;
                    let done = synced.map(|report| Done { writes: report.writes() });
                    done.map_err(|error| error.to_string())
                }
            }
        })
    }

    fn store(&self) -> Result<Box<dyn Base>, String> {
        Ok(match self.0 {
            Ground::Memory => Box::new(Arc::new(MemoryStore::new())),
            Ground::Sqlite => {
                let store = InlineStore::in_memory().map_err(|error| error.to_string())?;
                Box::new(Ledger(Arc::new(store)))
            }
        })
    }
}

pub(crate) fn options() -> Options {
    Options {
        first_sync: FirstSync::Preview,
        // Small, so that a run takes several batches.
        lease_max: 7,
        wait_max: Duration::from_mins(1),
        retry_base: Duration::from_secs(1),
        // The crowd deletes most of a small world.
        guard: Guard { deletes: Some(u64::MAX), ..Guard::default() },
        sweep_every: None,
        #[cfg(crm_mutants)]
        mutant: crm_core::mutant::chosen(),
    }
}

pub(crate) fn topology(scenario: &Scenario) -> Topology {
    let mut names = scenario.profiles.iter().map(|profile| ProviderId::new(profile.name));
    let primary = names.next().unwrap_or_else(|| ProviderId::new("nobody"));
    let owner = names.clone().next().unwrap_or_else(|| primary.clone());
    let rules = scenario.field_rules.iter();
    let field_policy: BTreeMap<_, _> =
        rules.map(|(field, rule)| (*field, policy(*rule, &owner))).collect();
    let flows = scenario.kinds.iter().map(|kind| Flow {
        direction: Direction::Bidirectional,
        allow_clear: scenario.allow_clear.clone(),
        policy: policy(scenario.rule, &owner),
        field_policy: field_policy.clone(),
        ..Flow::new(*kind)
    });
    let (flows, secondary) = (flows.collect(), names.collect());
    Topology { tenant: TenantId::default(), primary, secondary, flows }
}

fn policy(rule: Rule, owner: &ProviderId) -> Policy {
    match rule {
        Rule::Primary => Policy::PrimaryWins,
        Rule::Secondary => Policy::SecondaryWins,
        Rule::Latest => Policy::LatestWins,
        Rule::Strict => Policy::StrictLatest,
        Rule::Complete => Policy::MostComplete,
        Rule::Owner => Policy::Owner(owner.clone()),
        Rule::Longest => Policy::Merged(Join::ByType),
        Rule::Manual => Policy::Manual,
    }
}
