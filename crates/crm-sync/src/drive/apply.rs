//! Applying a written plan: its entities are worked on as a sync would, behind a
//! [gate](super::carry) that lets nothing through but what was planned.
//!
//! The file is read several times and never kept: to see that it is whole, to count what moved,
//! to work, and to say what became of each write. A process that dies leaves announcements
//! behind; applied again, the plan goes on where it was.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{EntityId, Feed, Field, ObjectKind, Priority, ProviderId, RunId, Value};
use crm_store::{
    Actor, AuditKind, AuditNote, Commit, Entity, EntityState, Journal, JournalAction, JournalQuery,
    Mutation, RunStatus, Seq, Shadow, Stage, WrittenPlan,
};

use super::Session;
use super::carry::{self, Carrying};
use super::work::Job;
use crate::event::{Event, Phase};
use crate::fault::PlanFault;
use crate::report::{self, Applied, Outcome, Unapplied, Why};
use crate::written::{self, PlanAction, PlanItem, PlanSource, Planned, Reading, Whole};
use crate::{Engine, EngineError, Progress, Report, Rules};

/// How many entities are read at once where nothing is written.
const SCAN: usize = 1_000;

/// How often the entities at hand are looked at again: an answer that is lost again and again is
/// left for the next time.
const ROUNDS_MAX: usize = 50;

/// How often the whole plan is gone through for what waited for something later in it.
const PASSES_MAX: usize = 3;

/// Carries a written plan out.
pub(crate) async fn apply(
    engine: &Engine,
    source: &dyn PlanSource,
    run: RunId,
    progress: &dyn Progress,
) -> Result<Applied, EngineError> {
    Priority::Background.scope(carried_out(engine, source, run, progress)).await
}

async fn carried_out(
    engine: &Engine,
    source: &dyn PlanSource,
    run: RunId,
    progress: &dyn Progress,
) -> Result<Applied, EngineError> {
    let plan = written::verified(source)?;
    let mut known = recognised(engine, &plan).await?;
    if known.done {
        return Ok(again(&plan, &known, run));
    }
    let mut session = Session::open(engine, run, progress);
    session.whole = true;
    let flows = session.prepare().await?;
    let carrying = Carrying { runs: known.runs.clone(), ..Carrying::default() };
    session.carrying = Some(Carrying { records: plan.records, ..carrying });
    session.refuse_moved(source, &plan, &flows).await?;
    known.runs.push(run);
    if let Some(carrying) = &mut session.carrying {
        carrying.runs.push(run);
    }
    session.log(RunStatus::Running, None).await?;
    session.remember(&known).await?;
    session.note_approval(&plan).await?;
    let done = session.apply_all(source, &plan, &flows).await;
    if let Ok(applied) = &done {
        known.done = !applied.stays.contains_key(&Why::Waits);
        session.remember(&known).await?;
    }
    session.conclude(done, Applied::outcome).await
}

/// Finds out whether the plan is one of this store, these accounts and this configuration.
async fn recognised(engine: &Engine, plan: &Whole) -> Result<WrittenPlan, EngineError> {
    let known = engine.store.written_plan(&plan.hash).await?;
    let Some(known) = known else { return Err(PlanFault::OtherStore.into()) };
    for (connection, account) in &plan.head.accounts {
        if engine.store.account(connection).await?.as_ref() != Some(account) {
            return Err(PlanFault::OtherStore.into());
        }
    }
    if plan.head.rules != carry::fingerprint(&engine.topology) {
        return Err(PlanFault::OtherRules.into());
    }
    Ok(known)
}

/// Says that a plan was carried out before.
fn again(plan: &Whole, known: &WrittenPlan, run: RunId) -> Applied {
    let report = Report {
        run_id: run,
        hash: String::new(),
        state: "success".to_owned(),
        kinds: BTreeMap::new(),
        calls: BTreeMap::new(),
        conflicts: Vec::new(),
        drift: Vec::new(),
        paused: BTreeMap::new(),
    };
    Applied {
        plan: plan.hash.clone(),
        already: known.runs.last().copied(),
        planned: plan.items,
        carried_out: 0,
        stays: BTreeMap::new(),
        left: Vec::new(),
        report,
    }
}

fn of_kind(flows: &[Rules], kind: ObjectKind) -> Result<&Rules, PlanFault> {
    flows.iter().find(|rules| rules.kind == kind).ok_or(PlanFault::OtherRules)
}

impl Session<'_> {
    async fn remember(&self, plan: &WrittenPlan) -> Result<(), EngineError> {
        let mutations = vec![Mutation::WrittenPlan(Box::new(plan.clone()))];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    async fn note_approval(&self, plan: &Whole) -> Result<(), EngineError> {
        let note = AuditNote {
            at: self.now(),
            run: Some(self.run),
            actor: Actor::Person,
            what: AuditKind::PlanApproved,
            entity: None,
            provider: None,
            detail: Some(plan.hash.clone()),
        };
        let mutations = vec![Mutation::Audit(Box::new(note))];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    /// Reads what is new, and refuses a plan of which too much moved. Nothing is written.
    async fn refuse_moved(
        &mut self,
        source: &dyn PlanSource,
        plan: &Whole,
        flows: &[Rules],
    ) -> Result<(), EngineError> {
        for rules in flows {
            self.recover(rules).await?;
            match self.engine.store.stage(rules.kind).await? {
                Stage::Live => self.poll(rules, Feed::Changes).await?,
                Stage::Planned { .. } if plan.head.first.contains(&rules.kind) => {
                    self.poll(rules, Feed::Changes).await?;
                }
                Stage::New | Stage::Snapshot | Stage::Matching | Stage::Planned { .. } => {
                    return Err(PlanFault::OtherStore.into());
                }
            }
            self.poll(rules, Feed::Deletions).await?;
        }
        let mut reading = Reading::begin(source)?;
        let mut moved = 0;
        loop {
            let chunk = reading.chunk(SCAN)?;
            let Some(kind) = chunk.first().map(|first| first.kind) else { return Ok(()) };
            let rules = of_kind(flows, kind)?;
            self.recall(&chunk).await?;
            let entities = self.at_hand(chunk).await?;
            let views = self.look(rules, &entities, &[]).await?;
            let Some(carrying) = &self.carrying else { return Ok(()) };
            for (entity, view) in entities.iter().zip(&views) {
                let planned = carrying.planned.get(&entity.id).map_or(&[][..], Vec::as_slice);
                let shown = self.base_of(rules, entity.id, &view.seen);
                let tied = |side: &ProviderId| entity.link(side).is_some();
                moved += u64::from(
                    !is_alive(entity) || carrying.has_moved(entity, planned, &shown, tied),
                );
            }
            moved +=
                u64::try_from(carrying.planned.len().saturating_sub(entities.len())).unwrap_or(0);
            carrying.check(moved)?;
        }
    }

    /// Makes entities those at hand, and reads them.
    async fn at_hand(&mut self, chunk: Vec<Planned>) -> Result<Vec<Entity>, EngineError> {
        let ids: Vec<EntityId> = chunk.iter().map(|planned| planned.entity).collect();
        if let Some(carrying) = &mut self.carrying {
            let planned = chunk.into_iter().map(|planned| (planned.entity, planned.items));
            carrying.planned = planned.collect();
            carrying.stopped.clear();
        }
        Ok(self.engine.store.entities(&ids).await?.into_iter().flatten().collect())
    }

    async fn apply_all(
        &mut self,
        source: &dyn PlanSource,
        plan: &Whole,
        flows: &[Rules],
    ) -> Result<Applied, EngineError> {
        for rules in flows {
            if self.engine.store.stage(rules.kind).await? != Stage::Live {
                self.approve(rules).await?;
            }
        }
        for pass in 0..PASSES_MAX {
            let fresh = pass == 0 && self.carrying.as_ref().is_some_and(Carrying::is_fresh);
            let worked = self.pass(source, plan, flows, fresh).await?;
            if worked == 0 {
                break;
            }
            tracing::debug!(pass, worked, "plan gone through");
        }
        for rules in flows {
            if plan.head.first.contains(&rules.kind) {
                self.agree(rules).await?;
            }
        }
        let report = self.report(flows).await?;
        let mut applied = Applied {
            plan: plan.hash.clone(),
            already: None,
            planned: plan.items,
            carried_out: 0,
            stays: BTreeMap::new(),
            left: Vec::new(),
            report,
        };
        self.account_for(source, &mut applied).await?;
        let state = match applied.outcome() {
            Outcome::Success => "success",
            Outcome::Partial => "partial",
        };
        state.clone_into(&mut applied.report.state);
        Ok(applied)
    }

    /// Lets a kind go live: its plan is approved.
    async fn approve(&mut self, rules: &Rules) -> Result<(), EngineError> {
        let stage = self.engine.store.stage(rules.kind).await?;
        self.tally.kind(rules.kind).linked += super::linked_by(&stage, rules.kind);
        self.firsts.insert(rules.kind);
        let running = Mutation::Run(Box::new(self.row(RunStatus::Running, None)));
        let approved = Mutation::Audit(Box::new(self.approved(rules.kind)));
        let mutations = vec![Mutation::Stage(rules.kind, Stage::Live), running, approved];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    /// Goes through the plan once; returns how many entities were worked on. Of a `fresh` plan
    /// nothing was done before.
    async fn pass(
        &mut self,
        source: &dyn PlanSource,
        plan: &Whole,
        flows: &[Rules],
        fresh: bool,
    ) -> Result<u64, EngineError> {
        let mut reading = Reading::begin(source)?;
        let (mut worked, mut done) = (0, 0);
        loop {
            let chunk = reading.chunk(self.engine.options.lease_max)?;
            let Some(kind) = chunk.first().map(|first| first.kind) else { break };
            let rules = of_kind(flows, kind)?;
            self.first = plan.head.first.contains(&kind);
            self.phase(kind, Phase::Work);
            if !fresh {
                self.recall(&chunk).await?;
            }
            done += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            self.at_hand(chunk).await?;
            worked += self.rounds(rules).await?;
            let total = Some(plan.records);
            self.progress.event(&Event::Worked { kind, done, total });
        }
        Ok(worked)
    }

    /// Works on the entities at hand until nothing is due that is worth waiting for.
    async fn rounds(&mut self, rules: &Rules) -> Result<u64, EngineError> {
        let limit = super::after(self.now(), self.engine.options.wait_max);
        let mut worked = 0;
        for _ in 0..ROUNDS_MAX {
            let Some(carrying) = &self.carrying else { break };
            let open = carrying.planned.keys().filter(|id| !carrying.is_stopped(**id));
            let ids: Vec<EntityId> = open.copied().collect();
            let entities = self.engine.store.entities(&ids).await?.into_iter().flatten();
            let marked = entities.filter(|entity| is_alive(entity) && entity.mark.is_some());
            let marked: Vec<Entity> = marked.collect();
            let due = |entity: &Entity| entity.mark.map(|mark| mark.due);
            let Some(next) = marked.iter().filter_map(due).min().filter(|due| *due <= limit) else {
                break;
            };
            if next > self.now() {
                self.wait(next).await;
            }
            let now = self.now();
            let ready = marked.into_iter().filter(|entity| due(entity).is_some_and(|d| d <= now));
            worked += self.carry(rules, ready.collect()).await?;
        }
        Ok(worked)
    }

    /// Works on some entities; returns how many of them the gate let through.
    async fn carry(&mut self, rules: &Rules, entities: Vec<Entity>) -> Result<u64, EngineError> {
        let mut jobs: Vec<Job> =
            entities.into_iter().map(|entity| Job::new(entity, None)).collect();
        self.decide(rules, &mut jobs).await?;
        if !self.first {
            self.adopt_twins(rules, &mut jobs).await?;
        }
        self.gate(rules, &mut jobs)?;
        jobs.retain(|job| job.decision.is_some());
        self.guard(rules, &jobs).await?;
        let worked = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
        self.announce(rules, &mut jobs).await?;
        // Before anything is written: what is looked at again then is ours.
        if let Some(carrying) = &mut self.carrying {
            for job in &jobs {
                let sides = job.writes.iter().filter_map(|(side, _)| rules.sides.get(*side));
                let ours = carrying.ours.entry(job.entity.id).or_default();
                ours.extend(sides.map(|side| side.provider.clone()));
            }
        }
        self.write(rules, &mut jobs).await?;
        Ok(worked)
    }

    /// Notes what the first sync of a kind agrees on where nothing is to be written.
    async fn agree(&mut self, rules: &Rules) -> Result<(), EngineError> {
        self.first = true;
        if let Some(carrying) = &mut self.carrying {
            carrying.planned.clear();
            carrying.ours.clear();
        }
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(rules.kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else { return Ok(()) };
            after = last;
            let now = self.now();
            let due = |entity: &Entity| entity.mark.is_some_and(|mark| mark.due <= now);
            let due = page.into_iter().filter(|entity| is_alive(entity) && due(entity));
            self.carry(rules, due.collect()).await?;
        }
    }

    /// Says what became of each planned write.
    async fn account_for(
        &mut self,
        source: &dyn PlanSource,
        applied: &mut Applied,
    ) -> Result<(), EngineError> {
        let mut reading = Reading::begin(source)?;
        loop {
            let chunk = reading.chunk(SCAN)?;
            if chunk.is_empty() {
                return Ok(());
            }
            let ids: Vec<EntityId> = chunk.iter().map(|planned| planned.entity).collect();
            let entities = self.engine.store.entities(&ids).await?;
            for (planned, entity) in chunk.iter().zip(entities) {
                let query =
                    JournalQuery { entity: Some(planned.entity), ..JournalQuery::default() };
                let rows = self.engine.store.journal(query).await?;
                for item in &planned.items {
                    match self.fate(item, entity.as_ref(), &rows) {
                        None => applied.carried_out += 1,
                        Some(left) => applied.leave(left),
                    }
                }
            }
        }
    }

    /// Returns why a planned write was not carried out, if it was not.
    fn fate(
        &self,
        item: &PlanItem,
        entity: Option<&Entity>,
        rows: &[Journal],
    ) -> Option<Unapplied> {
        let carrying = self.carrying.as_ref()?;
        let link = entity.and_then(|entity| entity.link(&item.connection));
        let ours = rows
            .iter()
            .filter(|row| row.provider == item.connection && carrying.runs.contains(&row.run));
        let ours: Vec<&Journal> = ours.collect();
        let made = ours.iter().any(|row| row.action == JournalAction::Create);
        let gone = ours.iter().any(|row| row.action == JournalAction::Delete);
        let changed: BTreeSet<Field> =
            ours.iter().flat_map(|row| &row.changes).map(|change| change.field).collect();
        let done = |(field, value): (&Field, &Option<Value>)| {
            let Some(slot) = link.and_then(|link| link.slots.slot(*field)) else { return false };
            let written = match item.action {
                PlanAction::Update => changed.contains(field),
                PlanAction::Create => slot.ack > 0 || entity.is_some_and(|e| is_filler(e, *field)),
                PlanAction::Archive | PlanAction::Delete => false,
            };
            let tied = value.as_ref().filter(|value| refers(value));
            slot.refused.is_none() && tied.map_or(written, |value| is_tied(value, &slot.shadow))
        };
        let open = || item.fields.iter().filter(|field| !done(*field)).map(|(field, _)| *field);
        let fields: Vec<Field> = match item.action {
            PlanAction::Archive | PlanAction::Delete if gone => return None,
            PlanAction::Archive | PlanAction::Delete => Vec::new(),
            PlanAction::Create if !made => Vec::new(),
            PlanAction::Create | PlanAction::Update => open().collect(),
        };
        let begun = made || !changed.is_empty();
        if begun && fields.is_empty() {
            return None;
        }
        // Of a record that was not made, any field may be what was refused.
        let concerned = item.fields.keys().filter(|f| fields.is_empty() || fields.contains(f));
        let refusals = concerned.filter_map(|field| {
            link?.slots.slot(*field)?.refused.as_ref().map(|refused| &refused.message)
        });
        let parked = link.and_then(|link| link.parked.as_ref()).map(|parked| &parked.message);
        let message = refusals.chain(parked).next().cloned();
        let why = if carrying.moved.contains(&item.entity) {
            Why::Moved
        } else if message.is_some() {
            Why::Refused
        } else if [&carrying.differs, &carrying.late].iter().any(|of| of.contains(&item.entity)) {
            Why::Overtaken
        } else if entity.is_some_and(|entity| waits(entity, item, &fields)) {
            Why::Waits
        } else {
            Why::Overtaken
        };
        Some(Unapplied {
            kind: item.kind,
            entity: item.entity,
            label: entity.map_or_else(|| item.entity.to_string(), report::label),
            connection: item.connection.clone(),
            action: item.action,
            fields,
            why,
            message: message.filter(|_| why == Why::Refused),
        })
    }
}

/// Returns whether an entity can be worked on.
const fn is_alive(entity: &Entity) -> bool {
    match entity.state {
        EntityState::Live | EntityState::Tombstone { .. } => true,
        EntityState::Held { .. } | EntityState::Merged { .. } => false,
    }
}

/// Returns whether something is still to come: another attempt, or the record that a field of the
/// item refers to. A field that a person must decide about does not wait for the plan.
fn waits(entity: &Entity, item: &PlanItem, fields: &[Field]) -> bool {
    let open = || fields.iter().filter(|field| entity.golden.frozen(**field).is_none());
    let ties = || open().filter_map(|field| item.fields.get(field)?.as_ref());
    let marked = entity.mark.is_some() && (fields.is_empty() || open().next().is_some());
    marked || ties().any(refers)
}

/// Returns whether a field has no golden value: what was sent is a filler.
fn is_filler(entity: &Entity, field: Field) -> bool {
    entity.golden.version(field) == 0
}

fn refers(value: &Value) -> bool {
    value.members().iter().any(|member| member.as_reference().is_some())
}

/// Returns whether a record is known to refer to all that was planned.
fn is_tied(planned: &Value, shadow: &Shadow) -> bool {
    let held = shadow.value().map_or(&[][..], Value::members);
    planned.members().iter().all(|member| held.contains(member))
}
