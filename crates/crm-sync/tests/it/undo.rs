//! Taking runs back, over random worlds of 20 to 60 people: all accounts are as they were, except
//! where somebody edited since, and those fields are listed. The process may die at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::{
    Clock, Field, Fields, Lookup, ObjectKind, Provider, RemoteId, RunId, SharedProvider, Value,
};
use crm_store::{MemoryStore, SharedStore, Stage, Store};
use crm_sync::{Approval, Engine, EngineError, Stays, UndoMode, UndoReport};
use crm_testkit::clock::ManualClock;
use crm_testkit::memory::{Deed, MemoryProvider, Realm, Weather};
use crm_testkit::simulation::crowd::Crowd;
use crm_testkit::simulation::executor::{Ended, Executor};
use crm_testkit::simulation::life::Life;
use crm_testkit::simulation::mortal::{MortalProvider, MortalStore, Process};
use crm_testkit::simulation::trace::Trace;
use crm_testkit::simulation::{Keep, Mood, Rule, Scenario};
use crm_testkit::world::Rng;
use uuid::Uuid;

use crate::simulation::pilot;

const KIND: ObjectKind = ObjectKind::Contact;
/// Longer than every lag, overlap and wait.
const LONG: Duration = Duration::from_mins(20);

/// What every account shows: by account and record.
type Picture = BTreeMap<(usize, RemoteId), Fields>;

struct World {
    scenario: Scenario,
    clock: Arc<ManualClock>,
    realm: Arc<Realm>,
    plain: Vec<Arc<MemoryProvider>>,
    store: Arc<MemoryStore>,
    process: Arc<Process>,
    runs: u128,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut scenario = Scenario::of(seed);
        scenario.mood = Mood::Calm;
        scenario.people = 20 + seed % 41;
        let start = "2026-03-02T09:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let realm = Realm::new(Arc::clone(&clock), &scenario.profiles, seed);
        let open = |index| Arc::new(MemoryProvider::open(&realm, index).unwrap());
        let plain = (0..scenario.profiles.len()).map(open).collect();
        let life = Life::new(Rng::new(seed).fork("life"), 200);
        let process = Process { life, trace: Trace::new(Keep::Tail), clock: Arc::clone(&clock) };
        let store = Arc::new(MemoryStore::new());
        let process = Arc::new(process);
        process.life.spare();
        Self { scenario, clock, realm, plain, store, process, runs: 0 }
    }

    fn engine(&self) -> Engine {
        let mortal = self.plain.iter().map(|provider| {
            let inner = Arc::clone(provider) as SharedProvider;
            Arc::new(MortalProvider::new(inner, Arc::clone(&self.process))) as SharedProvider
        });
        let inner = Arc::clone(&self.store) as SharedStore;
        let store = Arc::new(MortalStore::new(inner, Arc::clone(&self.process)));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let topology = pilot::topology(&self.scenario);
        Engine::new(topology, mortal.collect(), store, clock, pilot::options()).unwrap()
    }

    fn run(&mut self) -> RunId {
        self.runs += 1;
        RunId::from_uuid(Uuid::from_u128(self.runs))
    }

    fn drive<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let ended = Executor::new(&self.clock).run(future, || self.process.life.is_dead());
        let ended = match ended {
            Ended::Done(done) => Some(done),
            Ended::Died => None,
            Ended::Deadlock | Ended::Endless => panic!("the engine is stuck"),
        };
        self.store.restart();
        self.process.life.revive();
        ended
    }

    fn sync(&mut self) -> (RunId, u64) {
        self.clock.advance(LONG);
        let run = self.run();
        let engine = self.engine();
        let report = self.drive(engine.sync(run, Approval::Given, &())).unwrap().unwrap();
        (run, report.writes())
    }

    fn undo(&mut self, target: RunId, mode: UndoMode) -> UndoReport {
        let run = self.run();
        let engine = self.engine();
        self.drive(engine.undo(target, run, mode, &())).unwrap().unwrap()
    }

    fn picture(&self) -> Picture {
        let mut picture = Picture::new();
        for (index, provider) in self.plain.iter().enumerate() {
            let ids = self.realm.live(index, KIND);
            let found = self.drive(provider.get(KIND, &ids)).unwrap().unwrap();
            for (id, lookup) in ids.into_iter().zip(found) {
                let Lookup::Found(remote) = lookup else { panic!("{id} lives") };
                picture.insert((index, id), remote.fields);
            }
        }
        picture
    }

    fn name(&self, account: usize) -> crm_core::ProviderId {
        self.plain[account].id().clone()
    }

    /// Lets users edit some records, and returns which cells.
    fn edit(&self, rng: &mut Rng) -> BTreeSet<(usize, RemoteId, Field)> {
        let mut edited = BTreeSet::new();
        let before = self.picture();
        for n in 0..3 {
            let account = usize::try_from(rng.below(self.plain.len() as u64)).unwrap();
            let (field, pick) = (Field::JOB_TITLE, rng.below(1_000));
            let value = Some(format!("Since {n}"));
            self.realm.perform(Deed::Edit { account, kind: KIND, pick, field, value });
        }
        for (key, fields) in self.picture() {
            let was = before.get(&key).and_then(|fields| fields.get(Field::JOB_TITLE).cloned());
            if fields.get(Field::JOB_TITLE) != was.as_ref() {
                edited.insert((key.0, key.1, Field::JOB_TITLE));
            }
        }
        edited
    }
}

/// Asserts that two pictures are the same, except where somebody edited or the report says why.
fn compare(
    world: &World,
    wanted: &Picture,
    found: &Picture,
    edited: &BTreeSet<(usize, RemoteId, Field)>,
    report: &UndoReport,
    whose: &str,
) {
    let listed = |account: usize, id: &RemoteId, field: Option<Field>| {
        report.left.iter().any(|left| {
            left.provider == world.name(account)
                && left.remote == *id
                && (left.field.is_none() || left.field == field)
        })
    };
    for (account, id, _) in edited {
        let there = found.contains_key(&(*account, id.clone()));
        assert!(there, "{whose}: {id}, on which somebody worked, is gone");
    }
    let keys: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    for key in keys {
        let (account, id) = key;
        let (Some(was), Some(is)) = (wanted.get(key), found.get(key)) else {
            let made = found.contains_key(key);
            assert!(made && listed(*account, id, None), "{whose}: {id} there: {made}");
            continue;
        };
        let fields: BTreeSet<Field> = was.iter().chain(is.iter()).map(|(field, _)| field).collect();
        for field in fields {
            let (was, is): (Option<&Value>, _) = (was.get(field), is.get(field));
            let theirs = edited.contains(&(*account, id.clone(), field));
            // What somebody edited since stands as it is.
            let excused = !theirs && listed(*account, id, Some(field));
            assert!(was == is || excused, "{whose}: {id} {field} was {was:?}, is {is:?}");
        }
    }
    for left in report.left.iter().filter(|left| left.why == Stays::EditedSince) {
        let theirs = edited.iter().any(|(account, id, field)| {
            world.name(*account) == left.provider
                && *id == left.remote
                && left.field.is_none_or(|of| of == *field)
        });
        // What a side stored in a form of its own, without saying so, looks like an edit.
        let own_form = world.scenario.profiles.iter().any(|profile| {
            let rewrites = || profile.rewrites.iter().map(|(field, _)| *field);
            profile.name == left.provider.as_str()
                && left.field.map_or(rewrites().count() > 0, |of| rewrites().any(|f| f == of))
        });
        assert!(theirs || own_form, "{whose}: nobody edited {left:?}");
    }
}

#[derive(Debug, Default)]
struct Met {
    restored: u64,
    archived: u64,
    edited: u64,
    deaths: u32,
    golden: u64,
    timeless: u32,
}

/// Takes a run back, however often the process dies.
fn undo_for_sure(world: &mut World, target: RunId, met: &mut Met) -> UndoReport {
    let life = Life::new(Rng::new(world.scenario.seed).fork("undo"), 200);
    let (trace, clock) = (Trace::new(Keep::Tail), Arc::clone(&world.clock));
    world.process = Arc::new(Process { life, trace, clock });
    let mut total: Option<UndoReport> = None;
    for _ in 0..100 {
        let run = world.run();
        let engine = world.engine();
        match world.drive(engine.undo(target, run, UndoMode::Do, &())) {
            Some(report) => {
                total = Some(report.unwrap());
                break;
            }
            None => met.deaths += 1,
        }
    }
    world.process.life.spare();
    total.expect("an undo that never ends")
}

fn later_run(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    let scenario = world.scenario.clone();
    let mut crowd = Crowd::new(&scenario);
    crowd.populate(&world.realm);
    world.clock.advance(LONG);
    world.realm.set_weather(&Weather::default());
    world.sync();
    world.sync();
    for _ in 0..4 {
        crowd.act(&world.realm);
        world.clock.advance(Duration::from_secs(30));
    }
    let before = world.picture();
    let (run, _) = world.sync();
    let mut rng = Rng::new(seed).fork("since");
    let edited = if seed.is_multiple_of(2) { BTreeSet::new() } else { world.edit(&mut rng) };
    world.clock.advance(LONG);
    let mut wanted = before;
    let now = world.picture();
    for (account, id, field) in &edited {
        if let (Some(cells), Some(now)) =
            (wanted.get_mut(&(*account, id.clone())), now.get(&(*account, id.clone())))
        {
            cells.set(*field, now.get(*field).cloned());
        }
    }
    let planned = world.undo(run, UndoMode::Plan);
    assert_eq!(world.picture(), now, "seed {seed}: a plan wrote");
    let whole = !seed.is_multiple_of(3);
    let done = if whole {
        let done = world.undo(run, UndoMode::Do);
        assert_eq!((&planned.restored, &planned.archived), (&done.restored, &done.archived));
        assert_eq!(planned.left, done.left, "seed {seed}");
        done
    } else {
        undo_for_sure(&mut world, run, met)
    };
    assert_eq!(done.open, 0, "seed {seed}");
    compare(&world, &wanted, &world.picture(), &edited, &done, &format!("seed {seed}"));
    met.restored += planned.fields();
    met.archived += planned.records();
    met.golden += planned.golden;
    met.edited += done.stays.get(&Stays::EditedSince).copied().unwrap_or(0);
    let again = world.undo(run, UndoMode::Do);
    assert_eq!((again.fields(), again.records(), again.golden), (0, 0, 0), "seed {seed}");
    if edited.is_empty() {
        let settled = world.picture();
        let (_, writes) = world.sync();
        assert_eq!(writes, 0, "seed {seed}: the next sync did the run again");
        assert_eq!(world.picture(), settled, "seed {seed}");
    } else {
        world.sync();
        world.sync();
        let (_, writes) = world.sync();
        assert_eq!(writes, 0, "seed {seed}: no end");
    }
}

fn first_run(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    let scenario = world.scenario.clone();
    let mut crowd = Crowd::new(&scenario);
    crowd.populate(&world.realm);
    world.clock.advance(LONG);
    let before = world.picture();
    let plan_run = world.run();
    let engine = world.engine();
    let plan = world.drive(engine.plan(plan_run, &())).unwrap().unwrap();
    let (run, _) = world.sync();
    let after = world.picture();
    let done = if seed.is_multiple_of(2) {
        world.undo(run, UndoMode::Do)
    } else {
        undo_for_sure(&mut world, run, met)
    };
    assert_eq!((done.open, &done.approve_again), (0, &vec![KIND]), "seed {seed}");
    compare(&world, &before, &world.picture(), &BTreeSet::new(), &done, &format!("seed {seed}"));
    met.restored += done.fields();
    met.archived += done.records();
    let stage = world.drive(world.store.stage(KIND)).unwrap().unwrap();
    assert!(matches!(stage, Stage::Planned { .. }), "seed {seed}");
    let refused = world.run();
    let engine = world.engine();
    let refused = world.drive(engine.sync(refused, Approval::Withheld, &())).unwrap();
    assert!(matches!(refused, Err(EngineError::NotApproved { .. })), "seed {seed}");
    // The next plan says what the first one said, and carrying it out leads to the same.
    world.clock.advance(LONG);
    let plan_run = world.run();
    let engine = world.engine();
    let again = world.drive(engine.plan(plan_run, &())).unwrap().unwrap();
    // Only where the time of a change has a say does it matter that ours came last.
    let rules = || scenario.field_rules.values().chain([&scenario.rule]);
    let timeless = done.left.is_empty() && rules().all(|rule| *rule != Rule::Latest);
    met.timeless += u32::from(timeless);
    assert!(again.writes() == plan.writes() || !timeless, "seed {seed}");
    world.sync();
    let (_, writes) = world.sync();
    assert_eq!(writes, 0, "seed {seed}");
    let values = |picture: &Picture| {
        let rows = picture.iter().map(|((account, _), fields)| format!("{account} {fields:?}"));
        let mut rows: Vec<String> = rows.collect();
        rows.sort_unstable();
        rows
    };
    let (now, then) = (values(&world.picture()), values(&after));
    assert!(now == then || !timeless, "seed {seed}: {now:#?} {then:#?}");
}

#[test]
pub(crate) fn a_later_run_is_taken_back() {
    let mut met = Met::default();
    for seed in 0..50 {
        later_run(seed, &mut met);
    }
    println!("{met:?}");
    let some = met.restored > 0 && met.archived > 0 && met.edited > 0 && met.deaths > 0;
    assert!(some && met.golden > 0, "{met:?}");
}

#[test]
pub(crate) fn a_first_sync_is_taken_back_and_needs_a_new_approval() {
    let mut met = Met::default();
    for seed in 100..125 {
        first_run(seed, &mut met);
    }
    println!("{met:?}");
    assert!(met.restored > 0 && met.archived > 0 && met.deaths > 0, "{met:?}");
    assert!(met.timeless > 0, "{met:?}");
}

#[test]
fn nobody_takes_back_an_unknown_run() {
    let mut world = World::new(1);
    let (target, run) = (world.run(), world.run());
    let engine = world.engine();
    let refused = world.drive(engine.undo(target, run, UndoMode::Do, &())).unwrap();
    assert!(matches!(refused, Err(EngineError::UnknownRun(_))));
}
