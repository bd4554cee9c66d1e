//! The driving half: it awaits, and decides nothing.
//!
//! One loop: read the feeds ([`intake`]), work until nothing is due ([`work`]), look once more at
//! what is newer. State moves only in commits; every write was announced by one.

mod adopt;
mod apply;
mod carry;
mod census;
mod drift;
mod erase;
mod first;
mod guard;
mod intake;
mod merge;
mod mirror;
mod notes;
mod pause;
mod plan;
mod reads;
mod refs;
mod survivors;
mod sweep;
mod tally;
mod ties;
mod undo;
mod verify;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crm_core::{
    Account, Feed, ObjectKind, Priority, ProviderId, RunId, SharedProvider, Usage, mutant,
};
use crm_store::{
    Actor, AuditKind, AuditNote, Commit, ConflictQuery, ConflictState, Mark, Mutation, Run,
    RunStatus, Stage,
};
use jiff::{SignedDuration, Timestamp};

use crate::event::{Event, Phase};
use crate::report::{self, Cost};
use crate::{Approval, Engine, EngineError, FirstSync, Plan, Progress, Report, Rules, Topology};
pub(crate) use apply::apply;
use carry::Carrying;
pub(crate) use erase::{erase, resume};
use plan::Planning;
pub(crate) use plan::plan;
use tally::Tally;
pub(crate) use undo::undo;
pub use verify::Verify;
pub(crate) use verify::verify;

/// One run.
pub(crate) struct Session<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) progress: &'e dyn Progress,
    pub(crate) run: RunId,
    pub(crate) started: Timestamp,
    pub(crate) tally: Tally,
    /// Whether the first sync of the kind at hand is being carried out: the snapshot was
    /// complete, so nobody needs to be looked up again before a create.
    pub(crate) first: bool,
    /// Whether nothing is carried out: what is planned to be made counts as made.
    pub(crate) planning: bool,
    /// What is kept of a plan that is being made.
    plans: Planning<'e>,
    /// The written plan that is carried out, if one is.
    carrying: Option<Carrying>,
    toll: BTreeMap<ObjectKind, guard::Toll>,
    /// Kinds whose first sync this run carries out.
    firsts: BTreeSet<ObjectKind>,
    usage: BTreeMap<ProviderId, Usage>,
    /// Whether what the run says is worth nothing unless every connection answers.
    pub(crate) whole: bool,
    pauses: BTreeMap<ProviderId, pause::Pause>,
    /// When what this run does not wait for is due.
    next_run: Option<Timestamp>,
}

/// The counter that says without how many connections a run went on.
const PAUSED: &str = "paused";

/// Returns how many records the plan put together that is carried out now.
fn linked_by(stage: &Stage, kind: ObjectKind) -> u64 {
    let Stage::Planned { plan } = stage else { return 0 };
    let plan = serde_json::from_value::<Plan>(plan.clone()).ok();
    let kind = plan.as_ref().and_then(|plan| plan.kinds.get(&kind));
    kind.map_or(0, |kind| kind.link_exact + kind.link_probable)
}

/// Brings all connections in step.
pub(crate) async fn sync(
    engine: &Engine,
    run: RunId,
    approval: Approval,
    progress: &dyn Progress,
) -> Result<Report, EngineError> {
    let mut session = Session::open(engine, run, progress);
    session.refuse_unapproved(approval).await?;
    session.log(RunStatus::Running, None).await?;
    let done = Priority::Realtime.scope(session.sync_all()).await;
    session.conclude(done, Report::outcome).await
}

impl<'e> Session<'e> {
    fn open(engine: &'e Engine, run: RunId, progress: &'e dyn Progress) -> Self {
        let usage =
            engine.providers.iter().map(|(id, provider)| (id.clone(), provider.usage())).collect();
        Self {
            engine,
            progress,
            run,
            started: engine.clock.now(),
            tally: Tally::default(),
            first: false,
            planning: false,
            plans: Planning::default(),
            carrying: None,
            toll: BTreeMap::new(),
            firsts: BTreeSet::new(),
            usage,
            whole: false,
            pauses: BTreeMap::new(),
            next_run: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    pub(crate) fn provider(&self, id: &ProviderId) -> Result<&'e SharedProvider, EngineError> {
        let found = self.engine.providers.get(id);
        found.ok_or_else(|| EngineError::UnknownConnection(id.clone()))
    }

    fn phase(&self, kind: ObjectKind, phase: Phase) {
        self.progress.event(&Event::Phase { kind, phase });
    }

    /// Probes every account, refuses to go on where something must be mended, and compiles the
    /// rules of each kind.
    async fn prepare(&mut self) -> Result<Vec<Rules>, EngineError> {
        let topology: &'e Topology = &self.engine.topology;
        let Some(first) = topology.flows.first() else {
            // Nothing is enabled: nobody is asked anything.
            return Ok(Vec::new());
        };
        self.phase(first.kind, Phase::Probe);
        for (provider, account) in self.probe().await? {
            let kinds = |kind| topology.flows.iter().any(|flow| flow.kind == kind);
            let blocking = account.findings.into_iter().find(|f| f.blocking && kinds(f.kind));
            if let Some(finding) = blocking {
                return Err(EngineError::Blocked { provider, finding: Box::new(finding) });
            }
            self.recognise(provider, account.id).await?;
        }
        let capabilities = self
            .engine
            .providers
            .iter()
            .map(|(id, provider)| (id.clone(), provider.capabilities()))
            .collect();
        Ok(topology
            .flows
            .iter()
            .map(|flow| Rules::compile(topology, flow, &capabilities))
            .collect())
    }

    /// Asks every account about itself; leaves out those without which the run goes on.
    async fn probe(&mut self) -> Result<Vec<(ProviderId, Account)>, EngineError> {
        let names: Vec<&'e ProviderId> = self.engine.topology.ranked().collect();
        let this = &*self;
        let probes = names
            .iter()
            .map(|name| async { Ok::<_, EngineError>(this.provider(name)?.probe().await) });
        let answers = futures_util::future::try_join_all(probes).await?;
        let mut accounts = Vec::with_capacity(names.len());
        for (name, mut answer) in names.into_iter().zip(answers) {
            loop {
                match answer {
                    Ok(account) => accounts.push((name.clone(), account)),
                    Err(error) => {
                        self.pause(name, error)?;
                        if self.resume(name).await {
                            answer = self.provider(name)?.probe().await;
                            continue;
                        }
                    }
                }
                break;
            }
        }
        Ok(accounts)
    }

    /// Notes which account a connection reaches; refuses another one than the ledger is about.
    async fn recognise(&self, provider: ProviderId, found: String) -> Result<(), EngineError> {
        match self.engine.store.account(&provider).await? {
            Some(known) if known == found => Ok(()),
            Some(known) => {
                let (known, found) = (known.into(), found.into());
                Err(EngineError::OtherAccount { provider, known, found })
            }
            None => {
                let mutations = vec![Mutation::Account { provider, account: found }];
                self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
                Ok(())
            }
        }
    }

    async fn refuse_unapproved(&self, approval: Approval) -> Result<(), EngineError> {
        if approval == Approval::Given || self.engine.options.first_sync == FirstSync::Auto {
            return Ok(());
        }
        let mut kinds = Vec::new();
        for flow in &self.engine.topology.flows {
            if self.engine.store.stage(flow.kind).await? != Stage::Live {
                kinds.push(flow.kind.plural());
            }
        }
        if kinds.is_empty() {
            return Ok(());
        }
        Err(EngineError::NotApproved { kinds: kinds.join(", ") })
    }

    async fn sync_all(&mut self) -> Result<Report, EngineError> {
        let flows = self.prepare().await?;
        self.go_on_erasing().await?;
        for rules in &flows {
            self.recover(rules).await?;
            self.notice_drift(rules).await?;
            self.try_ties_again(rules).await?;
            let stage = self.engine.store.stage(rules.kind).await?;
            self.first = stage != Stage::Live;
            if self.first {
                self.tally.kind(rules.kind).linked += linked_by(&stage, rules.kind);
                Priority::Background.scope(self.snapshot(rules)).await?;
                self.firsts.insert(rules.kind);
                let running = Mutation::Run(Box::new(self.row(RunStatus::Running, None)));
                let approved = Mutation::Audit(Box::new(self.approved(rules.kind)));
                let mutations = vec![Mutation::Stage(rules.kind, Stage::Live), running, approved];
                self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
            }
            self.poll(rules, Feed::Changes).await?;
            self.poll(rules, Feed::Deletions).await?;
            let worked = if self.first {
                Priority::Background.scope(self.work(rules)).await?
            } else {
                self.work(rules).await?
            };
            if worked || self.first {
                // Work takes time: what came meanwhile is seen in this run too. Where there was
                // nothing to do, the feeds were read a moment ago.
                self.first = false;
                self.poll(rules, Feed::Fresh).await?;
                self.work(rules).await?;
            }
        }
        // What a later kind brought to light of an earlier one.
        for rules in &flows {
            let due = self.engine.store.next_due(rules.kind).await?;
            if flows.len() > 1 && due.is_some_and(|due| due <= self.now()) {
                self.work(rules).await?;
            }
        }
        for rules in &flows {
            if Priority::Background.scope(self.sweep(rules)).await? {
                self.work(rules).await?;
            }
        }
        self.report(&flows).await
    }

    /// Marks what a process that died had announced and not settled.
    async fn recover(&self, rules: &Rules) -> Result<(), EngineError> {
        mutant!(NoRecovery, return Ok(()));
        let mark = Mark { due: self.now(), attempts: 0 };
        let mutations = vec![Mutation::Recover { kind: rules.kind, mark }];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    /// Returns the run's row. It says which first syncs it carried out, since taking it back means
    /// more than taking back another one.
    fn row(&self, status: RunStatus, error: Option<String>) -> Run {
        let mut counters = self.tally.counters();
        let firsts = self.firsts.iter().map(|kind| (undo::first_of(*kind), 1));
        counters.extend(firsts);
        let paused = u64::try_from(self.paused().len()).unwrap_or(u64::MAX);
        counters.extend((paused > 0).then(|| (PAUSED.to_owned(), paused)));
        Run {
            id: self.run,
            started: self.started,
            ended: (status != RunStatus::Running).then(|| self.now()),
            status,
            error,
            counters,
        }
    }

    fn approved(&self, kind: ObjectKind) -> AuditNote {
        AuditNote {
            at: self.now(),
            run: Some(self.run),
            actor: Actor::Person,
            what: AuditKind::PlanApproved,
            entity: None,
            provider: None,
            detail: Some(kind.name().to_owned()),
        }
    }

    /// Logs how the run ended.
    async fn conclude<T>(
        &self,
        done: Result<T, EngineError>,
        outcome: impl FnOnce(&T) -> report::Outcome,
    ) -> Result<T, EngineError> {
        match &done {
            Ok(what) => {
                let status = match outcome(what) {
                    report::Outcome::Success => RunStatus::Success,
                    report::Outcome::Partial => RunStatus::Partial,
                };
                self.log(status, None).await?;
            }
            Err(error) => {
                // The first error counts; a store that fails now has said so already.
                let logged = self.log(RunStatus::Failed, Some(error.to_string())).await;
                tracing::warn!(%error, logged = logged.is_ok(), "run failed");
            }
        }
        done
    }

    async fn log(&self, status: RunStatus, error: Option<String>) -> Result<(), EngineError> {
        let run = self.row(status, error);
        let mutations = vec![Mutation::Run(Box::new(run))];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    async fn report(&mut self, flows: &[Rules]) -> Result<Report, EngineError> {
        for rules in flows {
            let counts = self.engine.store.counts(rules.kind).await?;
            let kind = self.tally.kind(rules.kind);
            kind.waiting = counts.marked;
            kind.parked = counts.parked;
        }
        let query = ConflictQuery { state: Some(ConflictState::Open), entity: None, limit: 0 };
        for conflict in self.engine.store.conflicts(query).await? {
            self.tally.kind(conflict.kind).open_conflicts += 1;
        }
        let mut calls = BTreeMap::new();
        for (id, provider) in &self.engine.providers {
            let before = self.usage.get(id).cloned().unwrap_or_default();
            let mut cost = report::used(&before, &provider.usage());
            price(provider, &mut cost);
            let (reads, writes) = self.tally.bound(id);
            cost.swept = self.tally.sweeps(id);
            cost.bound = reads + writes;
            cost.seconds = self.now().duration_since(self.started).as_secs_f64();
            calls.insert(id.clone(), cost);
        }
        // A copy: the run's log counts them too.
        let kinds = self.tally.kinds.clone();
        let mut report = Report {
            run_id: self.run,
            hash: String::new(),
            state: String::new(),
            kinds,
            calls,
            conflicts: std::mem::take(&mut self.tally.conflicts),
            paused: self.paused(),
            drift: std::mem::take(&mut self.tally.drift),
        };
        report.hash = report::fingerprint(&report.kinds);
        let state = match report.outcome() {
            report::Outcome::Success => "success",
            report::Outcome::Partial => "partial",
        };
        state.clone_into(&mut report.state);
        Ok(report)
    }
}

/// Adds the share of the day's budget.
pub(crate) fn price(provider: &SharedProvider, cost: &mut Cost) {
    let capabilities = provider.capabilities();
    let day = Duration::from_hours(24);
    let daily = capabilities.quotas.iter().find(|quota| quota.window == day);
    let requests = cost.made.max(cost.reads + cost.writes);
    cost.quota_share = daily.map(|quota| ratio(requests, quota.limit));
}

/// Seconds that so many requests take at the pace that the account allows.
pub(crate) fn seconds(provider: &SharedProvider, requests: u64) -> f64 {
    let capabilities = provider.capabilities();
    let paces = capabilities.quotas.iter().filter(|quota| quota.name != "search");
    paces
        .map(|quota| ratio(requests, quota.limit.max(1)) * quota.window.as_secs_f64())
        .filter(|seconds| *seconds > 1.0)
        .fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "a share for people, never for counting")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Returns an instant later.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
