//! The engine: decide what to sync, then drive it.
//!
//! Two halves that meet only in values. [`decide`] is pure: an entity, what each side shows of
//! it, and the rules give a decision. The driving half reads, asks for decisions, commits them
//! *before* it calls a provider, writes, and commits what became of it. Every public method of
//! [`Engine`] is one plain future: dropping it is the death of the process, and the next run
//! finds in the store all that it needs.

mod conflict;
pub mod decide;
mod drive;
mod erase;
mod error;
mod event;
pub mod explain;
mod fault;
mod policy;
pub mod problem;
mod report;
mod topology;
mod undo;
pub mod verify;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{Clock, ProviderId, RunId, SharedProvider};
use crm_store::{Conflict, ConflictQuery, SharedStore};

pub use conflict::{ConflictRef, Resolution, Ruling, UnknownResolution, resolve, value_of};
pub use decide::standing::{Astray, Known};
pub use drive::Verify;
pub use erase::{Erase, EraseMode, EraseReport, ErasedRecord, Records};
pub use error::{EngineError, Excess};
pub use event::{Event, Phase, Progress};
pub use explain::{Explanation, explain};
pub use fault::PlanFault;
pub use policy::{Join, Policy, Preset, UnknownPolicy};
pub use problem::{Problem, ProblemClass};
pub use report::{
    Applied, Cost, KindPlan, KindReport, Outcome, Paused, Plan, PlanFile, Report, Sample,
    SchemaChange, SchemaDrift, Unapplied, Why,
};
pub use topology::{Deletes, Direction, FieldPlan, Flow, Role, Rules, Side, Topology};
pub use undo::{Left, Stays, UndoMode, UndoReport, Undone};
pub use verify::{Extent, Repair, VerifyReport};
pub use written::{Base, PlanAction, PlanHead, PlanItem, PlanSource};

/// Keeps connections in step.
pub struct Engine {
    topology: Topology,
    providers: BTreeMap<ProviderId, SharedProvider>,
    store: SharedStore,
    clock: Arc<dyn Clock>,
    options: Options,
}

/// How the engine works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the first sync needs an approved plan.
    pub first_sync: FirstSync,
    /// The most entities worked on at once. Large enough that a read of 2,000 and a write of 200
    /// are not cut into small calls, small enough that little is open when the process dies.
    pub lease_max: usize,
    /// The longest wait for something that is due later; what is due after it is left for the
    /// next run.
    pub wait_max: Duration,
    /// The first wait after a failure; each further one is four times as long.
    pub retry_base: Duration,
    /// How much a run may do before it stops and asks.
    pub guard: Guard,
    /// How often everything is read again, for each connection and kind; `None` is never.
    pub sweep_every: Option<Duration>,
    /// How it is broken, to test the tests.
    #[cfg(crm_mutants)]
    pub mutant: Option<crm_core::mutant::Mutant>,
}

/// How much a run may do before it stops: one bad mapping, import or click must not change a
/// whole CRM. The first sync has a plan instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// The most records found deleted in one connection; `None` is 20, or 1 % of those that are
    /// linked there if that is more.
    pub deletes: Option<u64>,
    /// The most records made in one connection.
    pub creates: Option<u64>,
    /// The most records of one connection in which one field is changed.
    pub updates_per_field: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_sync: FirstSync::Preview,
            lease_max: 2_000,
            wait_max: Duration::from_mins(1),
            retry_base: Duration::from_secs(1),
            guard: Guard::default(),
            sweep_every: None,
            #[cfg(crm_mutants)]
            mutant: crm_core::mutant::chosen(),
        }
    }
}

/// Whether the first sync needs an approved plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstSync {
    /// Nothing is written before the plan is approved.
    #[default]
    Preview,
    /// The configuration approves it.
    Auto,
}

/// Whether a person approved the first sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Yes.
    Given,
    /// No.
    Withheld,
}

impl Engine {
    /// Makes an engine over connections, a store and a clock.
    ///
    /// # Errors
    /// If the topology names a connection that is not there, or fewer than two.
    pub fn new(
        mut topology: Topology,
        providers: Vec<SharedProvider>,
        store: SharedStore,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, EngineError> {
        #[cfg(crm_mutants)]
        crm_core::mutant::choose(options.mutant);
        // What is referred to comes first.
        topology.flows.sort_by_key(|flow| flow.kind);
        let providers: BTreeMap<_, _> =
            providers.into_iter().map(|provider| (provider.id().clone(), provider)).collect();
        if let Some(missing) = topology.ranked().find(|name| !providers.contains_key(*name)) {
            return Err(EngineError::UnknownConnection(missing.clone()));
        }
        if let Some(owner) = topology.owners().find(|name| !providers.contains_key(*name)) {
            return Err(EngineError::UnknownConnection(owner.clone()));
        }
        if topology.secondary.is_empty() {
            return Err(EngineError::OneConnection(topology.primary));
        }
        Ok(Self { topology, providers, store, clock, options })
    }

    /// Finds out what a sync would do. Reads, and writes nothing to any connection.
    pub async fn plan(&self, run: RunId, progress: &dyn Progress) -> Result<Plan, EngineError> {
        Box::pin(drive::plan(self, run, None, progress)).await
    }

    /// Finds out what a sync would do, and writes every planned write down, for
    /// [`apply`](Self::apply): as a stream, one JSON object a line. The same state gives the same
    /// text. It holds values of records.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and if `out` cannot be written.
    pub async fn plan_to(
        &self,
        run: RunId,
        out: &mut (dyn std::io::Write + Send + Sync),
        progress: &dyn Progress,
    ) -> Result<Plan, EngineError> {
        Box::pin(drive::plan(self, run, Some(out), progress)).await
    }

    /// Carries a written plan out: that, and nothing else. It is a run of its own and can be
    /// repeated after a failure; what was carried out before is not done again.
    ///
    /// Records that show something else than when the plan was made are left out and told.
    ///
    /// # Errors
    /// If the plan is damaged or was made with another store, account or configuration
    /// ([`PlanFault`]), or if more than five of its records, and more than one in a hundred,
    /// changed since.
    pub async fn apply(
        &self,
        plan: &dyn PlanSource,
        run: RunId,
        progress: &dyn Progress,
    ) -> Result<Applied, EngineError> {
        Box::pin(drive::apply(self, plan, run, progress)).await
    }

    /// Reads conflicts, newest first: what waits for a person, and what was decided.
    pub async fn conflicts(&self, query: ConflictQuery) -> Result<Vec<Conflict>, EngineError> {
        Ok(self.store.conflicts(query).await?)
    }

    /// Carries a person's decision about an open conflict out, and makes no request: the next
    /// sync writes what follows. `primary` and `secondary` (the first one) name connections, too.
    ///
    /// # Errors
    /// If the conflict is no longer open or not as it was shown, or the decision does not fit it.
    pub async fn resolve(
        &self,
        conflict: impl Into<ConflictRef> + Send,
        resolution: Resolution,
        by: &str,
        run: RunId,
    ) -> Result<Conflict, EngineError> {
        let resolution = match resolution {
            Resolution::Take(name) => Resolution::Take(self.topology.named(name)),
            Resolution::Values(values) => Resolution::Values(values),
        };
        let ruling = Ruling { conflict: conflict.into(), resolution, by: by.to_owned(), run };
        resolve(&*self.store, &ruling, self.clock.now()).await
    }

    /// Takes back what a run did, as far as nobody touched it since. It is a run of its own, with
    /// the id `run`, and can be repeated: what was taken back stays so.
    pub async fn undo(
        &self,
        target: RunId,
        run: RunId,
        mode: UndoMode,
        progress: &dyn Progress,
    ) -> Result<UndoReport, EngineError> {
        Box::pin(drive::undo(self, target, run, mode, progress)).await
    }

    /// Compares what is there with what is known, and tells where they differ. Nothing is written
    /// to any connection.
    ///
    /// # Errors
    /// If nothing was synchronised yet, or a connection or the store fails.
    pub async fn verify(
        &self,
        run: RunId,
        what: Verify,
        progress: &dyn Progress,
    ) -> Result<VerifyReport, EngineError> {
        Box::pin(drive::verify(self, run, what, progress)).await
    }

    /// Erases entities with all their values, or tells what that would do. What cannot be ended
    /// now is ended by the next run, or by [`Engine::resume_erasures`].
    pub async fn erase(
        &self,
        what: Erase,
        run: RunId,
        progress: &dyn Progress,
    ) -> Result<EraseReport, EngineError> {
        Box::pin(drive::erase(self, what, run, progress)).await
    }

    /// Ends erasures that were begun; returns why records are still there, by connection.
    pub async fn resume_erasures(
        &self,
        run: RunId,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<ProviderId, String>, EngineError> {
        Box::pin(drive::resume(self, run, progress)).await
    }

    /// Brings all connections in step.
    pub async fn sync(
        &self,
        run: RunId,
        approval: Approval,
        progress: &dyn Progress,
    ) -> Result<Report, EngineError> {
        Box::pin(drive::sync(self, run, approval, progress)).await
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("topology", &self.topology)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
