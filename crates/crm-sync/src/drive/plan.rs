//! Planning: the same reads and the same decisions as a sync, and nothing is carried out.
//!
//! Before the first sync of a kind its snapshot is what is decided about; afterwards the entities
//! that have a mark. What the ledger learns while a plan is made is what a sync would learn, too:
//! rows, marks, where feeds go on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crm_core::{
    Action, Deletion, EntityId, Feed, Field, ObjectKind, Priority, ProviderId, RunId, Value, Write,
};
use crm_store::{Commit, Entity, EntityState, Mutation, Seq, Stage, WrittenPlan};

use super::refs::View;
use super::work::Job;
use super::{Session, carry, reads, tally};
use crate::decide::{self, Decision, Seen, oscillation};
use crate::event::{Event, Phase};
use crate::report::{self, Cost, PlanFile};
use crate::topology::Side;
use crate::written::{Base, PlanAction, PlanHead, PlanItem, Sheet};
use crate::{Engine, EngineError, Plan, Progress, Rules};

/// How many entities are read at once.
const SCAN: usize = 1_000;

/// What is kept of a plan that is being made.
#[derive(Default)]
pub(crate) struct Planning<'e> {
    /// Where it is written to.
    sheet: Option<Sheet<'e>>,
    /// The rules of all kinds.
    rules: Vec<Rules>,
    /// Records of planned entities that were found deleted.
    dying: BTreeSet<(ProviderId, EntityId)>,
}

/// Finds out what a sync would do.
pub(crate) async fn plan<'e>(
    engine: &'e Engine,
    run: RunId,
    out: Option<&'e mut (dyn std::io::Write + Send + Sync)>,
    progress: &'e dyn Progress,
) -> Result<Plan, EngineError> {
    Priority::Background.scope(planned(engine, run, out, progress)).await
}

async fn planned<'e>(
    engine: &'e Engine,
    run: RunId,
    out: Option<&'e mut (dyn std::io::Write + Send + Sync)>,
    progress: &'e dyn Progress,
) -> Result<Plan, EngineError> {
    let mut session = Session::open(engine, run, progress);
    session.planning = true;
    session.whole = true;
    let flows = session.prepare().await?;
    let mut first = Vec::new();
    for rules in &flows {
        session.recover(rules).await?;
        if engine.store.stage(rules.kind).await? == Stage::Live {
            session.poll(rules, Feed::Changes).await?;
            session.poll(rules, Feed::Deletions).await?;
        } else {
            session.snapshot(rules).await?;
            first.push(rules.kind);
        }
    }
    let state = if first.is_empty() { "live" } else { "planned" };
    session.plans.rules.clone_from(&flows);
    if let Some(out) = out {
        let mut sheet = Sheet::new(out);
        sheet.head(&session.head(state, first.clone()).await?)?;
        session.plans.sheet = Some(sheet);
    }
    for rules in &flows {
        session.plan_kind(rules, first.contains(&rules.kind)).await?;
    }
    let file = session.end_of_file().await?;
    let stops = session.stops(&flows, &first).await?;
    let plan = Plan { stops, file, ..session.plan_result(&flows, state) };
    for kind in first {
        let planned = Stage::Planned { plan: serde_json::to_value(&plan)? };
        let mutations = vec![Mutation::Stage(kind, planned)];
        engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
    }
    Ok(plan)
}

impl Session<'_> {
    /// Returns what a written plan is about.
    async fn head(&self, state: &str, first: Vec<ObjectKind>) -> Result<PlanHead, EngineError> {
        let mut accounts = BTreeMap::new();
        for name in self.engine.topology.ranked() {
            if let Some(account) = self.engine.store.account(name).await? {
                accounts.insert(name.clone(), account);
            }
        }
        let rules = carry::fingerprint(&self.engine.topology);
        Ok(PlanHead::new(state.to_owned(), accounts, first, rules))
    }

    /// Ends the file, and notes that this store made it.
    async fn end_of_file(&mut self) -> Result<Option<PlanFile>, EngineError> {
        let Some(mut sheet) = self.plans.sheet.take() else { return Ok(None) };
        let file = sheet.end()?;
        let made =
            WrittenPlan { hash: file.hash.clone(), at: self.now(), runs: Vec::new(), done: false };
        // A plan that was carried out can only be made again if that was taken back.
        let mutations = vec![Mutation::WrittenPlan(Box::new(made))];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(Some(file))
    }

    /// Decides about everything of one kind that a sync would decide about.
    async fn plan_kind(&mut self, rules: &Rules, first: bool) -> Result<(), EngineError> {
        let kind = rules.kind;
        self.phase(kind, Phase::Plan);
        let counts = self.engine.store.counts(kind).await?;
        let total = Some(if first { counts.live } else { counts.marked });
        let limit = super::after(self.now(), self.engine.options.wait_max);
        let due = |entity: &Entity| entity.mark.is_some_and(|mark| mark.due <= limit);
        let (mut after, mut done) = (Seq::default(), 0);
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                return Ok(());
            };
            after = last;
            for entity in &page {
                if let EntityState::Held { reason, .. } = &entity.state {
                    let reason = reason.clone();
                    self.tally.held(entity, &reason);
                }
            }
            if first {
                let live = page.into_iter().filter(|entity| entity.state == EntityState::Live);
                done += self.plan_snapshot(rules, live.collect()).await?;
            } else {
                let marked = page.into_iter().filter(due);
                done += self.plan_marked(rules, marked.collect()).await?;
            }
            self.progress.event(&Event::Worked { kind, done, total });
        }
    }

    /// Decides about entities by what the lists showed of them.
    async fn plan_snapshot(
        &mut self,
        rules: &Rules,
        page: Vec<Entity>,
    ) -> Result<u64, EngineError> {
        let rows = page.iter().map(|entity| stored_rows(rules, entity)).collect();
        let views = self.view(rules, &page, rows).await?;
        let count = page.len();
        for (entity, view) in page.into_iter().zip(views) {
            self.count_link(rules.kind, &entity);
            let base = self.base_of(rules, entity.id, &view.seen);
            let decision = self.decision(rules, &entity, view);
            self.count_company(rules, &decision);
            self.note_planned(rules, &decision, &base)?;
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Looks at marked entities and decides about them.
    async fn plan_marked(&mut self, rules: &Rules, page: Vec<Entity>) -> Result<u64, EngineError> {
        let count = page.len();
        let mut jobs = Vec::new();
        for entity in page {
            match entity.state {
                EntityState::Live | EntityState::Tombstone { .. } => {}
                EntityState::Held { .. } | EntityState::Merged { .. } => continue,
            }
            if oscillation::postponed(&entity, rules, self.now()).is_some() {
                self.tally.held(&entity, "goes_to_and_fro");
            } else {
                jobs.push(Job::new(entity, None));
            }
        }
        self.decide(rules, &mut jobs).await?;
        self.found_companies(rules, &mut jobs).await?;
        self.adopt_twins(rules, &mut jobs).await?;
        for Job { entity, decision, base, .. } in jobs {
            let waits = match decision {
                None => Some("match_in_doubt"),
                Some(_) if carry::is_merged(&base) => Some("merged_elsewhere"),
                Some(decision) if !decision.reread.is_empty() => {
                    // Its fate is open: nobody can say yet what will be done.
                    Some("waits_for_an_answer")
                }
                Some(decision) => {
                    if entity.links.iter().any(|link| link.is_live() && link.slots.is_empty()) {
                        self.count_link(rules.kind, &entity);
                    }
                    self.note_planned(rules, &decision, &base)?;
                    None
                }
            };
            if let Some(reason) = waits {
                self.tally.held(&entity, reason);
            }
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Counts a decision, and writes it down.
    fn note_planned(
        &mut self,
        rules: &Rules,
        decision: &Decision,
        base: &BTreeMap<ProviderId, Base>,
    ) -> Result<(), EngineError> {
        let limit = super::after(self.now(), self.engine.options.wait_max);
        let ripe = decide::ripe(decision, rules, limit);
        let writes = || decision.writes.iter().chain(&ripe);
        self.tally.planned(rules, decision, writes());
        self.note_toll(rules, decision);
        if writes().next().is_some() {
            let died = decision.died.iter().filter_map(|side| rules.sides.get(*side));
            let died = died.map(|side| (side.provider.clone(), decision.entity.id));
            self.plans.dying.extend(died);
        }
        let Some(sheet) = &mut self.plans.sheet else { return Ok(()) };
        for (side, write) in writes() {
            if let Some(item) = item_of(rules, &decision.entity, *side, write, base) {
                sheet.item(&item)?;
            }
        }
        Ok(())
    }

    fn count_link(&mut self, kind: ObjectKind, entity: &Entity) {
        if entity.links.len() < 2 {
            return;
        }
        let emails: BTreeSet<_> = entity
            .links
            .iter()
            .filter_map(|link| link.observed.as_ref()?.fields.get(Field::EMAIL))
            .collect();
        let plan = &mut self.tally.kind(kind).done;
        let exact = emails.len() == 1;
        *(if exact { &mut plan.link_exact } else { &mut plan.link_probable }) += 1;
    }

    /// Returns whether a planned entity's record was found deleted in a connection.
    pub(super) fn is_dying(&self, provider: &ProviderId, entity: EntityId) -> bool {
        !self.plans.dying.is_empty() && self.plans.dying.contains(&(provider.clone(), entity))
    }

    /// Returns whether a plan makes the record of an entity in a connection: then others can
    /// refer to it.
    pub(super) fn will_make(&self, entity: &Entity, provider: &ProviderId) -> bool {
        let marked = entity.mark.is_some() && entity.state == EntityState::Live;
        let mut kinds = self.plans.rules.iter();
        let Some(rules) = kinds.find(|rules| rules.kind == entity.kind).filter(|_| marked) else {
            return false;
        };
        let seen = stored_rows(rules, entity);
        let decision = self.decision(rules, entity, View { seen, ..View::default() });
        let makes = |(side, write): &(usize, Write)| {
            let side = rules.sides.get(*side).map(|side| &side.provider);
            matches!(write.action, Action::Create { .. }) && side == Some(provider)
        };
        decision.writes.iter().any(makes)
    }

    fn plan_result(&mut self, flows: &[Rules], state: &str) -> Plan {
        let mut kinds: BTreeMap<_, _> = std::mem::take(&mut self.tally.kinds)
            .into_iter()
            .map(|(kind, report)| (kind, report.done))
            .collect();
        let mut cost = BTreeMap::new();
        for (id, provider) in &self.engine.providers {
            let before = self.usage.get(id).cloned().unwrap_or_default();
            let made = report::used(&before, &provider.usage()).made;
            let mut planned = Cost { made, ..Cost::default() };
            let day = Duration::from_hours(24);
            let quotas = &provider.capabilities().quotas;
            let budget = quotas.iter().find(|quota| quota.window == day).map(|quota| quota.limit);
            for rules in flows {
                if let Some(plan) = kinds.get_mut(&rules.kind) {
                    tally::forecast(&mut planned, rules, id, plan, budget);
                }
            }
            planned.bound = planned.reads + planned.writes;
            planned.seconds = super::seconds(provider, planned.bound);
            planned.quota_share = budget.map(|budget| super::ratio(planned.bound, budget));
            cost.insert(id.clone(), planned);
        }
        let hash = report::fingerprint(&kinds);
        Plan {
            plan_id: self.run,
            hash,
            state: state.to_owned(),
            kinds,
            cost,
            stops: Vec::new(),
            file: None,
        }
    }
}

/// Returns what the lists showed of an entity, by side.
fn stored_rows(rules: &Rules, entity: &Entity) -> Vec<Seen> {
    let row = |side: &Side| {
        let link = entity.link(&side.provider)?;
        let (id, observed) = (link.remote.as_ref()?, link.observed.as_ref()?);
        Some(Seen::Fresh(reads::remote_of(rules, link, id, observed)))
    };
    rules.sides.iter().map(|side| row(side).unwrap_or(Seen::Unread)).collect()
}

/// Returns a decided write as a plan has it: in our terms, as it is announced.
pub(super) fn item_of(
    rules: &Rules,
    entity: &Entity,
    side: usize,
    write: &Write,
    base: &BTreeMap<ProviderId, Base>,
) -> Option<PlanItem> {
    let side = rules.sides.get(side)?;
    let link = entity.link(&side.provider)?;
    let (action, fields): (_, BTreeMap<Field, Option<Value>>) = match &write.action {
        Action::Create { .. } => {
            let claimed = link.claim.iter().flat_map(|claim| &claim.fields);
            let fields = claimed.map(|(field, value, _)| (*field, Some(value.clone())));
            (PlanAction::Create, fields.collect())
        }
        Action::Update { .. } => {
            let announced = link.intents.iter().rfind(|intent| intent.key == write.key)?;
            let fields = announced.fields.iter().map(|(field, value, _)| (*field, value.clone()));
            (PlanAction::Update, fields.collect())
        }
        Action::Delete { .. } => {
            let archives = side.capability.deletion == Deletion::Archive;
            let action = if archives { PlanAction::Archive } else { PlanAction::Delete };
            (action, BTreeMap::new())
        }
    };
    Some(PlanItem {
        kind: rules.kind,
        entity: entity.id,
        connection: side.provider.clone(),
        action,
        record: link.remote.clone(),
        fields,
        base: base.clone(),
    })
}
