//! Taking a run back: every entity is read, decided on, announced, written and settled, page by
//! page. A process that dies in between leaves announcements behind; the run is taken back again,
//! and what was done is found done.

use std::collections::BTreeMap;

use crm_core::{Action, ErrorKind, ObjectKind, ProviderError, RunId, Write, Written};
use crm_store::{
    Actor, AuditKind, AuditNote, Commit, Conflict, ConflictQuery, Entity, EntityState, History,
    Journal, JournalQuery, LinkState, Mark, Mutation, Run, RunStatus, Seq, Stage,
};

use super::Session;
use super::refs::{View, entities_in};
use crate::decide::undo::{self, Order, Past, Undo};
use crate::decide::{Seen, Ties, journal, key_hashes, settle};
use crate::event::{Event, Phase};
use crate::undo::{Left, Stays, UndoMode, UndoReport, Undone};
use crate::{Engine, EngineError, Progress, Rules};

/// How many entities are read at once.
const SCAN: usize = 500;
/// How many runs are looked through.
const RUNS_MAX: usize = 100_000;

/// Returns the counter that says that a run carried out the first sync of a kind.
pub(super) fn first_of(kind: ObjectKind) -> String {
    format!("first_{}", kind.name())
}

/// Takes a run back.
pub(crate) async fn undo(
    engine: &Engine,
    target: RunId,
    run: RunId,
    mode: UndoMode,
    progress: &dyn Progress,
) -> Result<UndoReport, EngineError> {
    let mut session = Session::open(engine, run, progress);
    session.whole = true;
    let known = engine.store.runs(RUNS_MAX).await?.into_iter().find(|known| known.id == target);
    let known = known.ok_or(EngineError::UnknownRun(target))?;
    let mut report = UndoReport::new(run, target, mode);
    if mode == UndoMode::Do {
        session.tell(RunStatus::Running, &report, None).await?;
    }
    let done = session.undo_all(&known, &mut report).await;
    if mode == UndoMode::Do {
        let status = match &done {
            Ok(()) if report.stays.is_empty() && report.open == 0 => RunStatus::Success,
            Ok(()) => RunStatus::Partial,
            Err(_) => RunStatus::Failed,
        };
        let error = done.as_ref().err().map(ToString::to_string);
        let noted = session.tell(status, &report, error).await;
        done?;
        noted?;
    } else {
        done?;
    }
    Ok(report)
}

/// One entity between its decision and the settling of its writes.
struct Case {
    undo: Undo,
    before: Entity,
    /// The entity as it is stored while its writes are under way.
    announced: Option<Entity>,
    seen: Vec<Seen>,
    ties: Ties,
    journal: Vec<Journal>,
    open: u64,
}

/// What the store knows of an entity.
struct Rows {
    journal: Vec<Journal>,
    history: Vec<History>,
    conflicts: Vec<Conflict>,
}

impl Session<'_> {
    async fn tell(
        &self,
        status: RunStatus,
        report: &UndoReport,
        error: Option<String>,
    ) -> Result<(), EngineError> {
        let run = Run {
            id: self.run,
            started: self.started,
            ended: (status != RunStatus::Running).then(|| self.now()),
            status,
            error,
            counters: report.counters(),
        };
        let mut mutations = vec![Mutation::Run(Box::new(run))];
        if status == RunStatus::Running {
            mutations.push(Mutation::Audit(Box::new(AuditNote {
                at: self.now(),
                run: Some(self.run),
                actor: Actor::Person,
                what: AuditKind::RunUndone,
                entity: None,
                provider: None,
                detail: Some(report.undone.to_string()),
            })));
        }
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    async fn undo_all(&mut self, known: &Run, report: &mut UndoReport) -> Result<(), EngineError> {
        let flows = self.prepare().await?;
        // What is written last is taken back first.
        for rules in flows.iter().rev() {
            let first = known.counters.contains_key(&first_of(rules.kind));
            let open = report.open;
            self.undo_kind(rules, first, report).await?;
            if first {
                report.approve_again.push(rules.kind);
                if report.mode == UndoMode::Do && report.open == open {
                    let planned = Stage::Planned { plan: serde_json::Value::Null };
                    let mutations = vec![Mutation::Stage(rules.kind, planned)];
                    self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
                }
            }
        }
        Ok(())
    }

    async fn undo_kind(
        &mut self,
        rules: &Rules,
        first: bool,
        report: &mut UndoReport,
    ) -> Result<(), EngineError> {
        let kind = rules.kind;
        self.progress.event(&Event::Phase { kind, phase: Phase::Undo });
        let mut after = Seq::default();
        let mut done = 0;
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                return Ok(());
            };
            after = last;
            done += u64::try_from(page.len()).unwrap_or(0);
            self.undo_page(rules, page, first, report).await?;
            self.progress.event(&Event::Worked { kind, done, total: None });
        }
    }

    async fn undo_page(
        &mut self,
        rules: &Rules,
        page: Vec<Entity>,
        first: bool,
        report: &mut UndoReport,
    ) -> Result<(), EngineError> {
        let target = report.undone;
        let mut entities = Vec::new();
        let mut rows = Vec::new();
        for entity in page {
            match entity.state {
                EntityState::Live | EntityState::Tombstone { .. } => {}
                EntityState::Held { .. } | EntityState::Merged { .. } => continue,
            }
            let of = self.rows_of(&entity).await?;
            let golden = || entity.golden.iter().any(|(_, slot)| slot.provenance.run == target);
            if of.journal.iter().any(|row| row.run == target)
                || of.history.iter().any(|row| row.run == target)
                || (first && golden())
            {
                entities.push(entity);
                rows.push(of);
            }
        }
        let all: Vec<Vec<usize>> =
            entities.iter().map(|_| (0..rules.sides.len()).collect()).collect();
        let seen = self.look(rules, &entities, &all).await?;
        // What was referred to then is named by the journal alone.
        let changes = rows.iter().flat_map(|of| &of.journal).flat_map(|row| &row.changes);
        let then = changes.filter_map(|change| change.before.value()).flat_map(entities_in);
        let then = self.records(rules, then.collect()).await?;
        let order = Order { target, run: self.run, now: self.now(), first };
        let mut cases = Vec::new();
        for ((entity, of), view) in entities.into_iter().zip(rows).zip(seen) {
            let Rows { journal, history, conflicts } = &of;
            let View { seen, ties, .. } = view;
            let ties = ties.with(&then);
            let past = Past { journal, history, conflicts, seen: &seen, ties: &ties };
            let rules = rules.of(|field| entity.golden.value(field));
            let undo = undo::decide(entity.clone(), &past, order, rules);
            report.already += undo.already;
            report.golden += u64::try_from(undo.history.len()).unwrap_or(0);
            undo.left.iter().for_each(|left| report.leave(left.clone()));
            let (announced, journal) = (None, Vec::new());
            cases.push(Case { undo, before: entity, announced, seen, ties, journal, open: 0 });
        }
        if report.mode == UndoMode::Plan {
            let told = cases.into_iter().flat_map(|case| case.undo.undone);
            for told in told {
                report.count(told);
            }
            return Ok(());
        }
        self.undo_announced(&mut cases).await?;
        self.undo_write(rules, &mut cases, report).await?;
        self.undo_settled(rules, cases, first, report).await
    }

    async fn rows_of(&self, entity: &Entity) -> Result<Rows, EngineError> {
        let store = &self.engine.store;
        let query = JournalQuery { entity: Some(entity.id), ..JournalQuery::default() };
        let journal = store.journal(query).await?;
        let history = store.history(entity.id).await?;
        let query = ConflictQuery { entity: Some(entity.id), ..ConflictQuery::default() };
        let conflicts =
            if journal.is_empty() { Vec::new() } else { store.conflicts(query).await? };
        Ok(Rows { journal, history, conflicts })
    }

    /// Commits what returns, and the announcements of the writes.
    async fn undo_announced(&self, cases: &mut [Case]) -> Result<(), EngineError> {
        let mut commits = Vec::new();
        for case in cases.iter_mut().filter(|case| case.undo.changed) {
            let entity = &case.undo.entity;
            let mut commit = stored(&case.before, entity, entity.mark);
            let history = case.undo.history.iter().cloned();
            commit.mutations.extend(history.map(|row| Mutation::History(Box::new(row))));
            commits.push((entity.id, commit));
            case.undo.entity.row_version += 1;
            case.announced = Some(case.undo.entity.clone());
        }
        self.undo_commit(commits).await
    }

    async fn undo_commit(
        &self,
        commits: Vec<(crm_core::EntityId, Commit)>,
    ) -> Result<(), EngineError> {
        let raced = self.commit_all(commits).await?;
        if raced.is_empty() { Ok(()) } else { Err(crm_store::StoreError::Raced.into()) }
    }

    async fn undo_write(
        &mut self,
        rules: &Rules,
        cases: &mut [Case],
        report: &mut UndoReport,
    ) -> Result<(), EngineError> {
        for (index, side) in rules.sides.iter().enumerate() {
            let mut writes = Vec::new();
            let mut owners = Vec::new();
            for (at, case) in cases.iter().enumerate() {
                for (_, write) in case.undo.writes.iter().filter(|(of, _)| *of == index) {
                    owners.push(at);
                    writes.push(write.clone());
                }
            }
            if writes.is_empty() {
                continue;
            }
            let results = match self.provider(&side.provider)?.apply(&writes).await {
                Ok(outcome) => outcome.into_results(),
                Err(error) => super::work::not_sent(&error, writes.len()),
            };
            for ((at, write), result) in owners.into_iter().zip(&writes).zip(results) {
                if let Some(case) = cases.get_mut(at) {
                    self.undo_settle(rules, index, case, write, result, report);
                }
            }
        }
        Ok(())
    }

    fn undo_settle(
        &self,
        rules: &Rules,
        index: usize,
        case: &mut Case,
        write: &Write,
        result: Result<Written, ProviderError>,
        report: &mut UndoReport,
    ) {
        let (now, run) = (self.now(), self.run);
        let Some(side) = rules.sides.get(index) else { return };
        let told: Vec<Undone> = case
            .undo
            .undone
            .iter()
            .filter(|undone| undone.provider == side.provider)
            .cloned()
            .collect();
        let gone = matches!(
            (&result, &write.action),
            (Err(error), Action::Delete { .. }) if *error.kind() == ErrorKind::NotFound
        );
        let applied = result.is_ok() || gone;
        let kept = result.as_ref().err().map(|error| (settle::is_open(error), error.to_string()));
        let entity = &mut case.undo.entity;
        let before = journal::before(entity, side, write);
        if !gone {
            settle::settle(entity, rules, &case.ties, index, write, result, now);
        }
        if applied
            && let (Action::Delete { .. }, Some(link)) =
                (&write.action, entity.link_mut(&side.provider))
        {
            link.state = LinkState::Gone { at: now };
            link.intents.clear();
        }
        if applied {
            let record = told.first().map(|told| told.remote.clone());
            if let Some(record) = record {
                let when = (run, now);
                case.journal.push(journal::applied(entity, side, write, record, before, when));
            }
            for told in told {
                report.count(told);
            }
            return;
        }
        let Some((open, message)) = kept else { return };
        if !open && let Some(link) = entity.link_mut(&side.provider) {
            link.intents.retain(|intent| intent.key != write.key);
            // What could not be taken back is no problem of the next sync.
            link.parked = case.before.link(&side.provider).and_then(|link| link.parked.clone());
        }
        if open {
            case.open += 1;
            report.open += 1;
            return;
        }
        for told in told {
            let Undone { entity, label, provider, remote, field, .. } = told;
            let (why, message) = (Stays::Refused, Some(message.clone()));
            report.leave(Left { entity, label, provider, remote, field, why, message });
        }
    }

    async fn undo_settled(
        &self,
        rules: &Rules,
        cases: Vec<Case>,
        first: bool,
        report: &mut UndoReport,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let mut commits = Vec::new();
        for case in cases {
            let before = case.announced.unwrap_or(case.before);
            let mut entity = case.undo.entity;
            let mut mark = entity.mark;
            let mut gone = Vec::new();
            if first && case.open == 0 && entity.state == EntityState::Live {
                gone = undo::forget(&mut entity, &case.seen, &case.undo.writes, now, rules);
                mark = Some(Mark { due: now, attempts: 0 });
            } else if case.undo.writes.is_empty() {
                continue;
            } else if case.open > 0 {
                mark = Some(Mark { due: now, attempts: 0 });
            }
            let mut commit = stored(&before, &entity, mark);
            let unlinked = gone.into_iter().map(|name| Mutation::Unlink(entity.id, name));
            commit.mutations.extend(unlinked);
            let journal = case.journal.into_iter();
            commit.mutations.extend(journal.map(|row| Mutation::Journal(Box::new(row))));
            commits.push((entity.id, commit));
        }
        self.undo_commit(commits).await?;
        tracing::debug!(open = report.open, "page taken back");
        Ok(())
    }
}

/// Returns the commit of an entity, its links and its match keys.
fn stored(before: &Entity, after: &Entity, mark: Option<Mark>) -> Commit {
    let id = after.id;
    let links: BTreeMap<_, _> = before.links.iter().map(|link| (&link.provider, link)).collect();
    let mut row = after.clone();
    row.links.clear();
    row.mark = mark;
    let mut mutations = vec![Mutation::Entity(Box::new(row))];
    for link in after.links.iter().filter(|link| links.get(&link.provider) != Some(link)) {
        mutations.push(Mutation::Link(id, Box::new(link.clone())));
    }
    let (old, new) = (key_hashes(before), key_hashes(after));
    if old != new {
        mutations.push(Mutation::Keys {
            entity: id,
            kind: after.kind,
            remove: old.iter().filter(|key| !new.contains(key)).copied().collect(),
            add: new.iter().filter(|key| !old.contains(key)).copied().collect(),
        });
    }
    Commit { expected: vec![(id, after.row_version)], fences: Vec::new(), mutations }
}
