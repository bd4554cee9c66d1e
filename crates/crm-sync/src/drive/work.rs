//! Working off marks: lease, look, decide, announce, write, settle.

use std::collections::BTreeMap;

use crm_core::{Disposition, PauseCause, ProviderId, Write, mutant};
use crm_store::{
    Commit, Entity, EntityState, Journal, LeaseRequest, Leased, Mark, Mutation, StoreError,
};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::Session;
use super::merge::{self, Absorbed};
use super::refs::View;
use crate::decide::settle::{self, Settled};
use crate::decide::{self, Decision, Seen, State, Ties, journal, oscillation};
use crate::event::{Event, Phase};
use crate::{Base, EngineError, Rules};

/// How long a lease lasts: longer than any batch takes with all its retries.
const LEASE: std::time::Duration = std::time::Duration::from_mins(15);

/// Decisions committed at once: larger transactions gain little (measured).
const COMMIT_MAX: usize = 500;

/// One entity between its decision and the settling of its writes.
pub(super) struct Job {
    pub entity: Entity,
    /// The lease under which it is worked on, if there is one.
    pub fence: Option<u64>,
    pub attempts: u32,
    pub decision: Option<Decision>,
    /// What the records showed that the decision was made on.
    pub base: BTreeMap<ProviderId, Base>,
    /// The records that entities have which this one refers to.
    pub ties: Ties,
    /// What it was decided on, where it may have to be decided again.
    pub view: Option<View>,
    /// The writes under way, with their side.
    pub writes: Vec<(usize, Write)>,
    /// When it is to be looked at again.
    pub again: Option<Mark>,
    /// Writes that were applied.
    pub journal: Vec<Journal>,
}

impl Job {
    pub(super) fn new(entity: Entity, fence: Option<u64>) -> Self {
        Self {
            attempts: entity.mark.map_or(0, |mark| mark.attempts),
            entity,
            fence,
            decision: None,
            base: BTreeMap::new(),
            ties: Ties::default(),
            view: None,
            writes: Vec::new(),
            again: None,
            journal: Vec::new(),
        }
    }
}

impl Session<'_> {
    /// Works until nothing is due that is worth waiting for; returns whether there was anything.
    pub(super) async fn work(&mut self, rules: &Rules) -> Result<bool, EngineError> {
        self.phase(rules.kind, Phase::Work);
        let limit = super::after(self.now(), self.engine.options.wait_max);
        let mut done = 0;
        let mut total = self.engine.store.counts(rules.kind).await?.marked;
        loop {
            let request = LeaseRequest {
                kind: rules.kind,
                now: self.now(),
                lease: LEASE,
                limit: self.engine.options.lease_max,
            };
            let leased = self.engine.store.lease(request).await?;
            if leased.is_empty() {
                match self.engine.store.next_due(rules.kind).await? {
                    Some(due) if due <= limit && Some(due) != self.next_run => {
                        self.wait(due).await;
                    }
                    Some(_) | None => return Ok(done > 0),
                }
                continue;
            }
            done += u64::try_from(leased.len()).unwrap_or(u64::MAX);
            total = total.max(done);
            self.batch(rules, leased).await?;
            let kind = rules.kind;
            self.progress.event(&Event::Worked { kind, done, total: Some(total) });
        }
    }

    pub(super) async fn wait(&self, due: Timestamp) {
        let now = self.now();
        self.progress.event(&Event::Waiting { until: due });
        let wait = due.duration_since(now).max(jiff::SignedDuration::from_millis(1));
        self.engine.clock.sleep(wait.unsigned_abs()).await;
    }

    async fn batch(&mut self, rules: &Rules, leased: Vec<Leased>) -> Result<(), EngineError> {
        let mut jobs = Vec::with_capacity(leased.len());
        for Leased { entity, fence } in leased {
            if let Some(due) = oscillation::postponed(&entity, rules, self.now()) {
                self.postpone(&entity, fence, due).await?;
                continue;
            }
            match entity.state {
                EntityState::Held { of: Some(of), .. } => {
                    self.settle_duplicate(rules, &entity, of, fence).await?;
                }
                EntityState::Held { of: None, .. } => {
                    let (id, attempts) = (entity.id, entity.mark.map_or(0, |mark| mark.attempts));
                    match self.reconsider(rules, entity, fence).await {
                        // Another one of this batch came first: it is looked at again.
                        Err(EngineError::Store(StoreError::Raced)) => {
                            let mark = Mark { due: self.now(), attempts };
                            let mutations = vec![Mutation::Mark(id, Some(mark))];
                            let fences = vec![(id, fence)];
                            let commit = Commit { fences, mutations, ..Commit::default() };
                            match self.engine.store.commit(commit).await {
                                // Who came first has marked it.
                                Ok(()) | Err(StoreError::Raced) => {}
                                Err(error) => return Err(error.into()),
                            }
                        }
                        done => done?,
                    }
                }
                EntityState::Merged { into } if !entity.links.is_empty() => {
                    self.settle_duplicate(rules, &entity, into, fence).await?;
                }
                EntityState::Merged { .. } => self.release(&entity, fence).await?,
                EntityState::Live | EntityState::Tombstone { .. } => {
                    jobs.push(Job::new(entity, Some(fence)));
                }
            }
        }
        self.decide(rules, &mut jobs).await?;
        self.found_companies(rules, &mut jobs).await?;
        if !self.first && !mutant!(NoTwinCheck) {
            self.adopt_twins(rules, &mut jobs).await?;
        }
        self.guard(rules, &jobs).await?;
        self.announce(rules, &mut jobs).await?;
        self.write(rules, &mut jobs).await
    }

    /// Drops the mark of an entity that needs no work.
    async fn release(&self, entity: &Entity, fence: u64) -> Result<(), EngineError> {
        let fences = vec![(entity.id, fence)];
        let mutations = vec![Mutation::Mark(entity.id, None)];
        self.engine.store.commit(Commit { fences, mutations, ..Commit::default() }).await?;
        Ok(())
    }

    /// Puts an entity off of which nothing seems to change but a field that goes to and fro. What
    /// is due earlier would stay so, did the mark not count an attempt.
    pub(super) async fn postpone(
        &self,
        entity: &Entity,
        fence: u64,
        due: Timestamp,
    ) -> Result<(), EngineError> {
        let attempts = entity.mark.map_or(1, |mark| mark.attempts.max(1));
        let mutations = vec![Mutation::Mark(entity.id, Some(Mark { due, attempts }))];
        let commit = Commit { fences: vec![(entity.id, fence)], mutations, ..Commit::default() };
        match self.engine.store.commit(commit).await {
            // Somebody noticed a change meanwhile, and marked it anew.
            Ok(()) | Err(StoreError::Raced) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks at what each side shows and decides; where a listed row is about to be overwritten,
    /// looks again and decides again.
    pub(super) async fn decide(
        &mut self,
        rules: &Rules,
        jobs: &mut [Job],
    ) -> Result<(), EngineError> {
        let entities: Vec<Entity> = jobs.iter().map(|job| job.entity.clone()).collect();
        let views = self.look(rules, &entities, &[]).await?;
        let listed: Vec<Vec<usize>> = views.iter().map(|view| listed_sides(&view.seen)).collect();
        let acts = !self.planning && self.carrying.is_none();
        for (job, view) in jobs.iter_mut().zip(views) {
            job.ties = view.ties.clone();
            job.base = self.base_of(rules, job.entity.id, &view.seen);
            let merged = merge::merged_away(&view.seen).filter(|_| acts);
            let absorbed = match &merged {
                Some((side, into)) => self.absorb(rules, job, *side, into).await?,
                None => Absorbed::No,
            };
            if absorbed == Absorbed::Yes {
                job.decision = None;
                continue;
            }
            job.view = rules.company_to_record.then(|| view.clone());
            let mut decision = self.decision(rules, &job.entity, view);
            if absorbed == Absorbed::Later {
                decision.reread.extend(merged.map(|(side, _)| side));
            }
            job.decision = Some(decision);
        }
        let again: Vec<Vec<usize>> = jobs
            .iter()
            .zip(listed)
            .map(|(job, listed)| {
                let reread = job.decision.as_ref().map_or(&[][..], |d| &d.reread);
                listed.into_iter().filter(|side| reread.contains(side)).collect()
            })
            .collect();
        if again.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let chosen: Vec<usize> = again
            .iter()
            .enumerate()
            .filter(|(_, sides)| !sides.is_empty())
            .map(|(i, _)| i)
            .collect();
        let pick = |i: &usize| entities.get(*i).cloned();
        let entities: Vec<Entity> = chosen.iter().filter_map(pick).collect();
        let again: Vec<Vec<usize>> = chosen.iter().filter_map(|i| again.get(*i).cloned()).collect();
        let views = self.look(rules, &entities, &again).await?;
        for (index, view) in chosen.into_iter().zip(views) {
            if let Some(job) = jobs.get_mut(index) {
                job.ties = view.ties.clone();
                job.base = self.base_of(rules, job.entity.id, &view.seen);
                job.view = rules.company_to_record.then(|| view.clone());
                job.decision = Some(self.decision(rules, &job.entity, view));
            }
        }
        Ok(())
    }

    pub(super) fn decision(&self, rules: &Rules, entity: &Entity, view: View) -> Decision {
        let View { seen, names, ties, unknown, lost, companies } = view;
        let (now, run) = (self.now(), self.run);
        let entity = entity.clone();
        let state = State { entity, seen, names, ties, unknown, lost, companies, now, run };
        decide::decide(state, rules)
    }

    /// Commits the decisions: golden values, shadows, conflicts, and the intents and claims that
    /// announce the writes.
    pub(super) async fn announce(
        &mut self,
        rules: &Rules,
        jobs: &mut Vec<Job>,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let mut commits = Vec::with_capacity(jobs.len());
        let mut learned = Vec::new();
        for job in jobs.iter_mut() {
            let Some(mut decision) = job.decision.take() else {
                continue;
            };
            self.count(rules, job, &decision);
            learned.extend(decision.journal.iter().cloned());
            let again = (!decision.reread.is_empty()).then(|| self.backoff(job.attempts, now));
            // A mark that counts an attempt replaces the one under which this was looked at.
            let attempts = job.attempts.max(1);
            let closed = decision.closed.iter().filter_map(|side| rules.sides.get(*side));
            let open_at = closed.map(|side| self.due_after_pause(&side.provider)).min();
            let later = decision.later.into_iter().chain(open_at).min();
            let later = later.map(|due| Mark { due, attempts });
            let mark = match (again, later) {
                (Some(again), Some(later)) if later.due < again.due => Some(later),
                (again, later) => again.or(later),
            };
            job.writes = std::mem::take(&mut decision.writes);
            job.again = mark;
            job.entity = decision.entity.clone();
            job.entity.row_version += 1;
            commits.push((decision.entity.id, decision.commit(rules, mark, job.fence)));
        }
        let raced = self.commit_all(commits).await?;
        jobs.retain(|job| !raced.contains(&job.entity.id));
        learned.retain(|row| !raced.contains(&row.entity));
        self.tally.learned(&learned);
        Ok(())
    }

    fn count(&mut self, rules: &Rules, job: &Job, decision: &Decision) {
        self.tally.conflicts(rules.kind, &decision.conflicts);
        let live = |entity: &Entity| entity.links.iter().filter(|link| link.is_live()).count();
        let (before, after) = (live(&job.entity), live(&decision.entity));
        let kind = self.tally.kind(rules.kind);
        kind.unlinked += u64::try_from(before.saturating_sub(after)).unwrap_or(0);
        kind.unchanged += u64::from(decision.writes.is_empty() && !decision.entity_changed);
        for (_, reason) in &decision.skipped {
            *kind.done.blocked.entry(reason.clone()).or_default() += 1;
        }
    }

    fn backoff(&self, attempts: u32, now: Timestamp) -> Mark {
        let factor = 4_u32.saturating_pow(attempts.min(10));
        let wait = self.engine.options.retry_base.saturating_mul(factor).min(BACKOFF_MAX);
        Mark { due: super::after(now, wait), attempts: attempts.saturating_add(1) }
    }

    /// Commits many small commits in few transactions. Where somebody else was faster, each is
    /// tried alone; returns whose commit was refused.
    pub(super) async fn commit_all(
        &self,
        commits: Vec<(crm_core::EntityId, Commit)>,
    ) -> Result<Vec<crm_core::EntityId>, EngineError> {
        let mut raced = Vec::new();
        for chunk in commits.chunks(COMMIT_MAX) {
            let mut joint = Commit::default();
            for (_, commit) in chunk {
                joint.expected.extend(commit.expected.iter().copied());
                joint.fences.extend(commit.fences.iter().copied());
                joint.mutations.extend(commit.mutations.iter().cloned());
            }
            match self.engine.store.commit(joint).await {
                Ok(()) => continue,
                Err(StoreError::Raced) => {}
                Err(error) => return Err(error.into()),
            }
            for (id, commit) in chunk {
                match self.engine.store.commit(commit.clone()).await {
                    Ok(()) => {}
                    Err(StoreError::Raced) => raced.push(*id),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(raced)
    }

    /// Sends the announced writes and settles each.
    pub(super) async fn write(
        &mut self,
        rules: &Rules,
        jobs: &mut [Job],
    ) -> Result<(), EngineError> {
        let mut batches: Vec<(Vec<usize>, Vec<Write>)> =
            vec![Default::default(); rules.sides.len()];
        for (at, job) in jobs.iter().enumerate() {
            for (side, write) in &job.writes {
                if let Some((jobs, writes)) = batches.get_mut(*side) {
                    jobs.push(at);
                    writes.push(write.clone());
                }
            }
        }
        for (side, (_, writes)) in rules.sides.iter().zip(&batches) {
            let most = side.capability.write_max.get();
            self.tally.wrote(&side.provider, &writes.iter().collect::<Vec<_>>(), most);
        }
        let this = &*self;
        let calls = rules.sides.iter().zip(&batches).map(|(side, (_, writes))| async move {
            if writes.is_empty() {
                return Ok(None);
            }
            Ok::<_, EngineError>(Some(this.provider(&side.provider)?.apply(writes).await))
        });
        let outcomes = join_all(calls).await;
        let mut failed = Vec::new();
        for (index, (outcome, (owners, writes))) in outcomes.into_iter().zip(batches).enumerate() {
            let results = match outcome? {
                None => continue,
                Some(Ok(outcome)) => {
                    let results = outcome.into_results();
                    mutant!(BatchMixedUp => results.into_iter().rev().collect(), results)
                }
                Some(Err(error)) => {
                    let told = not_sent(&error, writes.len());
                    failed.push((index, error));
                    told
                }
            };
            for ((at, write), result) in owners.into_iter().zip(&writes).zip(results) {
                if let Err(error) = &result
                    && matches!(error.disposition(), Disposition::Pause(_))
                    && failed.iter().all(|(side, _)| *side != index)
                {
                    failed.push((index, retold(error)));
                }
                if let Some(job) = jobs.get_mut(at) {
                    self.settle(rules, index, job, write, result).await?;
                }
            }
        }
        let touched: Vec<&mut Job> = jobs.iter_mut().filter(|job| !job.writes.is_empty()).collect();
        let commits = touched.into_iter().map(|job| (job.entity.id, settled_commit(rules, job)));
        let commits = commits.collect();
        self.commit_all(commits).await?;
        for (index, error) in failed {
            if let Some(side) = rules.sides.get(index) {
                self.pause(&side.provider, error)?;
            }
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        rules: &Rules,
        side: usize,
        job: &mut Job,
        write: &Write,
        result: Result<crm_core::Written, crm_core::ProviderError>,
    ) -> Result<(), EngineError> {
        let now = self.now();
        self.tally.settled(rules, side, write, result.is_ok());
        if let Err(error) = &result {
            tracing::debug!(%error, entity = %job.entity.id, "write refused");
        }
        let written = result.as_ref().ok().map(|written| written.id.clone());
        let of = rules
            .sides
            .get(side)
            .zip(written)
            .map(|(side, record)| (side, record, journal::before(&job.entity, side, write)));
        let settled = settle::settle(&mut job.entity, rules, &job.ties, side, write, result, now);
        if let Some((side, record, before)) = of {
            let when = (self.run, now);
            let row = journal::applied(&job.entity, side, write, record, before, when);
            mutant!(JournalRowMissing => (), job.journal.push(row));
        }
        let mark = match settled {
            Settled::Applied | Settled::Parked => None,
            Settled::Again(wait) => {
                Some(Mark { due: super::after(now, wait), attempts: job.attempts + 1 })
            }
            Settled::Backoff => Some(self.backoff(job.attempts, now)),
            Settled::Paused(cause) => {
                let due = match (cause, rules.sides.get(side)) {
                    (PauseCause::Until(Some(until)), _) => until,
                    (PauseCause::Until(None) | PauseCause::Connection, Some(side))
                        if self.can_lose(&side.provider) =>
                    {
                        self.put_off()
                    }
                    // The run ends with this.
                    (PauseCause::Until(None) | PauseCause::Connection, _) => now,
                };
                let attempts = mutant!(PauseCountsAttempt => job.attempts + 1, job.attempts.max(1));
                Some(Mark { due, attempts })
            }
            Settled::Adopt(existing) => self.adopt(rules, side, job, existing).await?,
        };
        if let Some(mark) = mark {
            let earlier = job.again.is_none_or(|known| mark.due < known.due);
            if earlier {
                job.again = Some(mark);
            }
        }
        Ok(())
    }
}

/// The longest wait between two attempts.
const BACKOFF_MAX: std::time::Duration = std::time::Duration::from_mins(5);

fn listed_sides(row: &[Seen]) -> Vec<usize> {
    let listed = |seen: &Seen| matches!(seen, Seen::Listed(_));
    row.iter().enumerate().filter(|(_, seen)| listed(seen)).map(|(index, _)| index).collect()
}

/// Says of each write of a call that was never sent that it was not applied.
pub(super) fn not_sent(
    error: &crm_core::ProviderError,
    count: usize,
) -> Vec<Result<crm_core::Written, crm_core::ProviderError>> {
    std::iter::repeat_with(|| Err(retold(error))).take(count).collect()
}

/// Says an error once more.
fn retold(error: &crm_core::ProviderError) -> crm_core::ProviderError {
    let told = crm_core::ProviderError::new(error.kind().clone(), error.message());
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

/// Returns the commit of what became of an entity's writes.
fn settled_commit(rules: &Rules, job: &mut Job) -> Commit {
    let id = job.entity.id;
    let sides: std::collections::BTreeSet<usize> =
        job.writes.iter().map(|(side, _)| *side).collect();
    let mut mutations = Vec::with_capacity(sides.len() + 1);
    for side in sides {
        let link = rules.sides.get(side).and_then(|side| job.entity.link(&side.provider));
        mutations.extend(link.map(|link| Mutation::Link(id, Box::new(link.clone()))));
    }
    if job.again.is_some() {
        mutations.push(Mutation::Mark(id, job.again));
    }
    let journal = std::mem::take(&mut job.journal).into_iter();
    mutations.extend(journal.map(|row| Mutation::Journal(Box::new(row))));
    Commit { expected: vec![(id, job.entity.row_version)], fences: Vec::new(), mutations }
}
