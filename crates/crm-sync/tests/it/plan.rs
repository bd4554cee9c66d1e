//! Written plans on random worlds: what is made equals what was planned, item by item; what moved
//! meanwhile is left out; a death in between does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{Action, EntityId, Field, Fields, ObjectKind, ProviderId, Ref, RemoteId, Value};
use crm_store::Store;
use crm_sync::{Applied, Approval, EngineError, Plan, PlanAction, PlanFault, PlanItem, Why};
use crm_testkit::memory::{Deed, Weather};
use crm_testkit::simulation::crowd::Crowd;
use crm_testkit::world::Rng;

use crate::world::{LONG, MORE_KINDS, Made, World};

/// What is to become, or became, of a record: by entity and connection.
type Writes = BTreeMap<(EntityId, ProviderId), (PlanAction, BTreeMap<Field, String>)>;

fn text(value: Option<&Value>) -> String {
    serde_json::to_string(&value).unwrap()
}

impl World {
    fn plan_to(&mut self) -> (Plan, Vec<u8>) {
        let run = self.run();
        let engine = self.engine();
        let mut file = Vec::new();
        let plan = self.drive(engine.plan_to(run, &mut file, &())).unwrap().unwrap();
        (plan, file)
    }

    fn apply(&mut self, file: &Vec<u8>) -> Result<Applied, EngineError> {
        let run = self.run();
        let engine = self.engine();
        self.drive(engine.apply(file, run, &())).unwrap()
    }

    /// Applies a plan, however often the process dies.
    fn apply_for_sure(&mut self, file: &Vec<u8>, met: &mut Met) -> Applied {
        self.hurry("apply");
        let mut left = Vec::new();
        for _ in 0..200 {
            let run = self.run();
            let engine = self.engine();
            match self.drive(engine.apply(file, run, &())) {
                Some(applied) => {
                    let applied = applied.unwrap();
                    if !applied.stays.contains_key(&Why::Waits) {
                        self.spare();
                        return applied;
                    }
                    left = applied.left;
                }
                None => met.deaths += 1,
            }
        }
        panic!("seed {}: a plan that never ends: {left:#?}", self.scenario.seed);
    }

    fn entity(&self, provider: &ProviderId, kind: ObjectKind, id: &RemoteId) -> Option<EntityId> {
        let found = self.drive(self.store.links(provider, kind, std::slice::from_ref(id)));
        found.unwrap().unwrap().remove(0).map(|found| found.entity)
    }

    /// Returns a value as a plan spells it.
    fn ours(&self, provider: &ProviderId, value: &Value) -> Value {
        let one = |value: &Value| match value.as_reference() {
            Some(Ref::Remote(kind, id)) => {
                Value::Ref(Ref::Entity(self.entity(provider, *kind, id).unwrap()))
            }
            Some(Ref::Entity(_)) | None => value.clone(),
        };
        let Value::List(members) = value else { return one(value) };
        let mut members: Vec<Value> = members.iter().map(one).collect();
        members.sort();
        Value::List(members)
    }

    /// Returns what was made since the last time, record by record: a record may be made in
    /// several steps.
    fn made(&self) -> Writes {
        let made: Vec<Made> = std::mem::take(&mut *self.made.lock().unwrap());
        let mut writes = Writes::new();
        for (provider, write, written) in made {
            let entity = match &write.action {
                Action::Create { uid, .. } => uid.entity(),
                Action::Update { id, .. } | Action::Delete { id } => {
                    self.entity(&provider, write.kind, id)
                }
            };
            let (action, fields) = match &write.action {
                Action::Create { fields, .. } => (PlanAction::Create, fields.clone()),
                Action::Update { patch, .. } => {
                    let set = patch.iter().filter_map(|(f, value)| Some((f, value?.clone())));
                    (PlanAction::Update, set.collect::<Fields>())
                }
                Action::Delete { .. } => (PlanAction::Archive, Fields::new()),
            };
            let cleared: Vec<Field> = match &write.action {
                Action::Update { patch, .. } => {
                    patch.iter().filter(|(_, value)| value.is_none()).map(|(f, _)| f).collect()
                }
                Action::Create { .. } | Action::Delete { .. } => Vec::new(),
            };
            let refused = |field: Field| written.refused.iter().any(|(known, _)| *known == field);
            let set = fields.iter().map(|(f, v)| (f, Some(self.ours(&provider, v))));
            let all = set.chain(cleared.into_iter().map(|field| (field, None)));
            let all = all.filter(|(field, _)| !refused(*field));
            let all = all.map(|(field, value)| (field, text(value.as_ref())));
            let all: Vec<_> = all.collect();
            let slot = writes.entry((entity.unwrap(), provider));
            slot.or_insert((action, BTreeMap::new())).1.extend(all);
        }
        writes
    }

    fn begin(&mut self) -> Crowd<'static> {
        // The crowd lives as long as the test.
        let scenario = Box::leak(Box::new(self.scenario.clone()));
        let mut crowd = Crowd::new(scenario);
        crowd.populate(&self.realm);
        self.clock.advance(LONG);
        self.realm.set_weather(&Weather::default());
        crowd
    }
}

fn items(file: &[u8]) -> Vec<PlanItem> {
    let text = std::str::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let items = &lines[1..lines.len() - 1];
    items.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn planned(file: &[u8]) -> Writes {
    let fields = |item: PlanItem| {
        let fields = item.fields.iter().map(|(field, value)| (*field, text(value.as_ref())));
        ((item.entity, item.connection), (item.action, fields.collect()))
    };
    items(file).into_iter().map(fields).collect()
}

#[derive(Debug, Default)]
struct Met {
    creates: usize,
    updates: usize,
    archives: usize,
    ties: usize,
    refused: u64,
    moved: u64,
    deaths: u32,
    refusals: u32,
}

/// Asserts that what was made is what was planned, but for what the report lists.
fn compare(seed: u64, planned: &Writes, made: &Writes, applied: &Applied, met: &mut Met) {
    let deaths = met.deaths > 0;
    let left = |key: &(EntityId, ProviderId), field: Option<Field>| {
        applied.left.iter().any(|left| {
            (left.entity, &left.connection) == (key.0, &key.1)
                && (left.fields.is_empty() || field.is_none_or(|f| left.fields.contains(&f)))
        })
    };
    for (key, (action, fields)) in made {
        let (wanted, values) = planned.get(key).unwrap_or_else(|| {
            panic!("seed {seed}: {key:?} was not planned: {action:?} {fields:?}")
        });
        // The answer to a create may have died with the process.
        let same = action == wanted || (deaths && *action == PlanAction::Update);
        assert!(same, "seed {seed}: {key:?} {action:?} {wanted:?}");
        for (field, value) in fields {
            let wanted = values.get(field);
            let part = left(key, Some(*field));
            assert!(wanted == Some(value) || part, "seed {seed}: {key:?} {field}: {value}");
        }
    }
    for (key, (action, fields)) in planned {
        let Some((_, done)) = made.get(key) else {
            // Who dies does not hear what became of a write.
            assert!(
                deaths || left(key, None),
                "seed {seed}: {key:?} {action:?} was not made: {:#?}",
                applied.left
            );
            continue;
        };
        for (field, value) in fields {
            let same = done.get(field) == Some(value);
            assert!(
                deaths || same || left(key, Some(*field)),
                "seed {seed}: {key:?} {field} {value}"
            );
        }
        met.ties += fields.values().filter(|value| value.contains("\"e\":")).count();
        match action {
            PlanAction::Create => met.creates += 1,
            PlanAction::Update => met.updates += 1,
            PlanAction::Archive | PlanAction::Delete => met.archives += 1,
        }
    }
    met.refused += applied.stays.get(&Why::Refused).copied().unwrap_or(0);
    met.moved += applied.stays.get(&Why::Moved).copied().unwrap_or(0);
}

/// Plans, applies, and compares; nothing happens in between.
fn round(world: &mut World, met: &mut Met, deaths: bool) {
    let seed = world.scenario.seed;
    let before = world.picture();
    let (plan, file) = world.plan_to();
    let (again, same) = world.plan_to();
    assert_eq!((&plan.kinds, &file), (&again.kinds, &same), "seed {seed}: another plan");
    assert_eq!(world.picture(), before, "seed {seed}: a plan wrote");
    let wanted = planned(&file);
    assert_eq!(plan.writes(), wanted.len() as u64, "seed {seed}: counts and items");
    let applied =
        if deaths { world.apply_for_sure(&file, met) } else { world.apply(&file).unwrap() };
    let made = world.made();
    compare(seed, &wanted, &made, &applied, met);
    // A CRM's own form of a write whose answer died with the process is taken for an edit.
    let excused = |why: &Why| *why == Why::Refused || (deaths && *why == Why::Overtaken);
    assert!(applied.stays.keys().all(excused), "seed {seed}: {:#?}", applied.left);
    assert_eq!(applied.planned, wanted.len() as u64);
    let stays: u64 = applied.stays.values().sum();
    let heard = applied.already.is_none();
    assert!(!heard || applied.carried_out + stays == applied.planned, "seed {seed}");
    assert!(heard || deaths, "seed {seed}");
    let second = world.apply(&file).unwrap();
    assert!(second.already.is_some(), "seed {seed}");
    assert_eq!(world.made(), Writes::new(), "seed {seed}: applied twice");
}

fn quiet(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    let mut crowd = world.begin();
    let deaths = seed.is_multiple_of(10);
    round(&mut world, met, deaths);
    world.clock.advance(LONG);
    for _ in 0..4 {
        crowd.act(&world.realm);
        world.clock.advance(Duration::from_secs(30));
    }
    world.clock.advance(LONG);
    round(&mut world, met, deaths);
    if !seed.is_multiple_of(5) {
        return;
    }
    // What was left to a sync comes to an end.
    for _ in 0..3 {
        world.sync();
    }
    let (_, writes) = world.sync();
    assert_eq!(writes, 0, "seed {seed}: no end");
}

fn moving(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    world.begin();
    let (_, file) = world.plan_to();
    let wanted = planned(&file);
    let records: std::collections::BTreeSet<EntityId> =
        wanted.keys().map(|(entity, _)| *entity).collect();
    let mut rng = Rng::new(seed).fork("moves");
    let before = world.picture();
    let edits = if seed.is_multiple_of(2) { 3 } else { 60 };
    for n in 0..edits {
        let account = usize::try_from(rng.below(world.plain.len() as u64)).unwrap();
        let (kind, field, pick) = (ObjectKind::Contact, Field::JOB_TITLE, rng.bits());
        let value = Some(format!("Moved {n}"));
        world.realm.perform(Deed::Edit { account, kind, pick, field, value });
    }
    let accounts: Vec<ProviderId> = (0..world.plain.len()).map(|n| world.name(n)).collect();
    let now = world.picture();
    let moved = now.iter().filter(|(key, fields)| before.get(*key) != Some(*fields));
    let moved = moved.filter_map(|(key, _)| world.entity(&accounts[key.0], key.1, &key.2));
    let moved: std::collections::BTreeSet<EntityId> =
        moved.filter(|entity| records.contains(entity)).collect();
    if seed.is_multiple_of(3) {
        world.clock.advance(LONG);
    }
    match world.apply(&file) {
        Ok(applied) => {
            let made = world.made();
            compare(seed, &wanted, &made, &applied, met);
            let listed = applied.left.iter().filter(|left| left.why == Why::Moved);
            let listed: std::collections::BTreeSet<EntityId> =
                listed.map(|left| left.entity).collect();
            assert_eq!(listed, moved, "seed {seed}: {:#?}", applied.left);
            for (entity, _) in made.keys() {
                assert!(!moved.contains(entity), "seed {seed}: {entity} moved");
            }
        }
        Err(EngineError::PlanFile(PlanFault::Moved { limit: 5, planned, .. })) => {
            assert_eq!(planned, records.len() as u64);
            assert!(moved.len() > 5, "seed {seed}: {} moved", moved.len());
            met.refusals += 1;
            let made = world.made();
            assert!(made.keys().all(|(entity, _)| !moved.contains(entity)), "seed {seed}");
        }
        Err(error) => panic!("seed {seed}: {error}"),
    }
    for _ in 0..4 {
        world.sync();
    }
    let (_, writes) = world.sync();
    assert_eq!(writes, 0, "seed {seed}: no end");
}

/// Two hundred worlds, together with those of [`what_moved_is_left_out`].
fn made_as_planned(seeds: std::ops::Range<u64>) -> Met {
    let mut met = Met::default();
    for seed in seeds {
        quiet(seed, &mut met);
    }
    println!("{met:?}");
    assert!(met.creates > 0 && met.updates > 0 && met.deaths > 0, "{met:?}");
    met
}

#[test]
fn what_is_made_of_people_is_what_was_planned() {
    made_as_planned(0..40);
}

#[test]
fn what_is_made_of_all_kinds_is_what_was_planned() {
    let met = made_as_planned(MORE_KINDS..MORE_KINDS + 25);
    assert!(met.ties > 0, "{met:?}");
}

#[test]
fn what_is_made_of_more_kinds_is_what_was_planned() {
    let met = made_as_planned(MORE_KINDS + 25..MORE_KINDS + 50);
    assert!(met.ties > 0, "{met:?}");
}

#[test]
fn what_is_made_of_three_kinds_is_what_was_planned() {
    let met = made_as_planned(MORE_KINDS + 50..MORE_KINDS + 75);
    assert!(met.ties > 0, "{met:?}");
}

#[test]
fn what_is_made_of_other_kinds_is_what_was_planned() {
    let met = made_as_planned(MORE_KINDS + 75..MORE_KINDS + 100);
    assert!(met.ties > 0, "{met:?}");
}

#[test]
fn what_moved_is_left_out() {
    let mut met = Met::default();
    for seed in 0..60 {
        moving(seed + if seed % 3 == 0 { 0 } else { MORE_KINDS }, &mut met);
    }
    println!("{met:?}");
    assert!(met.moved > 0 && met.refusals > 0, "{met:?}");
}

#[test]
fn only_the_store_that_made_a_plan_applies_it() {
    let mut world = World::new(3);
    world.begin();
    let (_, file) = world.plan_to();
    let mut other = World::new(3);
    other.begin();
    let refused = other.apply(&file).unwrap_err();
    assert!(matches!(refused, EngineError::PlanFile(PlanFault::OtherStore)), "{refused}");
    assert!(refused.hint().unwrap().contains("store.sqlite"), "{refused:?}");
    let text = String::from_utf8(file.clone()).unwrap();
    for (broken, at) in [
        (text.replacen("\"create\"", "\"update\"", 1), "changed after"),
        (text.lines().take(4).fold(String::new(), |all, line| all + line + "\n"), "the end"),
        (text[..text.len() - 40].to_owned(), "damaged"),
        (text.clone() + "{}\n", "changed after"),
    ] {
        let refused = world.apply(&broken.into_bytes()).unwrap_err();
        assert!(refused.to_string().contains(at), "{refused}");
    }
    let later = text.replacen("{\"crm_plan\":1", "{\"crm_plan\":9", 1).into_bytes();
    let refused = world.apply(&later).unwrap_err().to_string();
    assert_eq!(refused, "the plan has form 9, which this release of crm does not read");
    for foreign in [b"no plan".to_vec(), Vec::new(), vec![0xff, 0xfe], b"{}".to_vec()] {
        let refused = world.apply(&foreign).unwrap_err().to_string();
        assert_eq!(refused, "this file is no plan of crm");
    }
    assert!(world.made().is_empty());
    assert_eq!(world.apply(&file).unwrap().stays.get(&Why::Moved), None);
    // Whoever takes the run back can plan anew, and apply that.
    let run = world.drive(world.store.runs(1)).unwrap().unwrap().remove(0).id;
    world.undo(run, crm_sync::UndoMode::Do);
    world.clock.advance(LONG);
    let (_, anew) = world.plan_to();
    world.made.lock().unwrap().clear();
    assert!(world.apply(&anew).unwrap().already.is_none());
    assert!(!world.made().is_empty());
}

/// After a sync did what a plan had, nothing of it is left to be applied.
#[test]
fn a_plan_that_a_sync_overtook_does_no_harm() {
    let mut world = World::new(5);
    world.begin();
    let (_, file) = world.plan_to();
    let run = world.run();
    let engine = world.engine();
    world.drive(engine.sync(run, Approval::Given, &())).unwrap().unwrap();
    world.made();
    world.clock.advance(LONG);
    let refused = world.apply(&file).unwrap_err();
    assert!(matches!(refused, EngineError::PlanFile(PlanFault::Moved { .. })), "{refused}");
    assert!(world.made().is_empty());
}
