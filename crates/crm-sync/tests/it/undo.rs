//! Taking runs back, over random worlds of 20 to 60 people: all accounts are as they were, except
//! where somebody edited since, and those fields are listed. The process may die at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crm_core::{Field, ObjectKind, RemoteId, RunId, Value};
use crm_store::{Stage, Store};
use crm_sync::{Approval, EngineError, Stays, UndoMode, UndoReport};
use crm_testkit::memory::Weather;
use crm_testkit::simulation::Rule;
use crm_testkit::simulation::crowd::Crowd;
use crm_testkit::world::Rng;

use crate::world::{Cell, LONG, MORE_KINDS, Picture, World};

const KIND: ObjectKind = ObjectKind::Contact;

/// Asserts that two pictures are the same, except where somebody edited or the report says why.
fn compare(
    world: &World,
    wanted: &Picture,
    found: &Picture,
    edited: &BTreeSet<Cell>,
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
    for (account, kind, id, _) in edited {
        let there = found.contains_key(&(*account, *kind, id.clone()));
        assert!(there, "{whose}: {id}, on which somebody worked, is gone");
    }
    let keys: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    for key in keys {
        let (account, kind, id) = key;
        let (Some(was), Some(is)) = (wanted.get(key), found.get(key)) else {
            let made = found.contains_key(key);
            assert!(made && listed(*account, id, None), "{whose}: {id} there: {made}");
            continue;
        };
        let fields: BTreeSet<Field> = was.iter().chain(is.iter()).map(|(field, _)| field).collect();
        for field in fields {
            let (was, is): (Option<&Value>, _) = (was.get(field), is.get(field));
            let theirs = edited.contains(&(*account, *kind, id.clone(), field));
            // What somebody edited since stands as it is.
            let excused = !theirs && listed(*account, id, Some(field));
            assert!(was == is || excused, "{whose}: {id} {field} was {was:?}, is {is:?}");
        }
    }
    for left in report.left.iter().filter(|left| left.why == Stays::EditedSince) {
        let theirs = edited.iter().any(|(account, _, id, field)| {
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
    ties: u64,
}

/// Returns how many references were restored.
fn ties(report: &UndoReport) -> u64 {
    let fields = report.restored.values().flatten();
    let refers = |field: &Field| {
        [Field::CONTACTS, Field::COMPANY_REF, Field::PARENT, Field::DEAL].contains(field)
    };
    fields.filter(|(field, _)| refers(field)).map(|(_, count)| count).sum()
}

/// Takes a run back, however often the process dies.
fn undo_for_sure(world: &mut World, target: RunId, met: &mut Met) -> UndoReport {
    world.hurry("undo");
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
    world.spare();
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
    for (account, kind, id, field) in &edited {
        let key = (*account, *kind, id.clone());
        if let (Some(cells), Some(now)) = (wanted.get_mut(&key), now.get(&key)) {
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
    met.ties += ties(&planned);
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
    let mut again = done.approve_again.clone();
    again.sort_unstable();
    assert_eq!((done.open, &again), (0, &scenario.kinds), "seed {seed}");
    compare(&world, &before, &world.picture(), &BTreeSet::new(), &done, &format!("seed {seed}"));
    met.restored += done.fields();
    met.archived += done.records();
    met.ties += ties(&done);
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
    let told = |plan: &crm_sync::Plan| {
        let kinds = plan.kinds.iter();
        let told = |(kind, p): (&ObjectKind, &crm_sync::KindPlan)| {
            format!("{kind}: {:?} {:?} {:?} {:?}", p.create, p.update, p.skip, p.blocked)
        };
        kinds.map(told).collect::<Vec<_>>()
    };
    let same = again.writes() == plan.writes() || !timeless;
    assert!(same, "seed {seed}: {:#?} {:#?}", told(&again), told(&plan));
    world.sync();
    let (_, writes) = world.sync();
    assert_eq!(writes, 0, "seed {seed}");
    let values = |picture: &Picture| {
        // Records that were made anew have other ids.
        let told = |value: &Value| match value.members().first().and_then(Value::as_reference) {
            Some(_) => format!("{} ties", value.members().len()),
            None => format!("{value:?}"),
        };
        let rows = picture.iter().map(|((account, kind, _), fields)| {
            let fields = fields.iter().map(|(field, value)| format!("{field}: {}", told(value)));
            format!("{account} {kind} {:?}", fields.collect::<Vec<_>>())
        });
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

/// Undo of references: a deal's people, a person's company.
#[test]
fn a_later_run_of_all_kinds_is_taken_back() {
    let mut met = Met::default();
    for seed in MORE_KINDS..MORE_KINDS + 40 {
        later_run(seed, &mut met);
    }
    println!("{met:?}");
    let some = met.restored > 0 && met.archived > 0 && met.edited > 0 && met.deaths > 0;
    assert!(some && met.golden > 0 && met.ties > 0, "{met:?}");
}

#[test]
fn a_first_sync_of_all_kinds_is_taken_back() {
    let mut met = Met::default();
    for seed in MORE_KINDS + 100..MORE_KINDS + 120 {
        first_run(seed, &mut met);
    }
    println!("{met:?}");
    assert!(met.restored > 0 && met.archived > 0 && met.deaths > 0, "{met:?}");
    assert!(met.timeless > 0 && met.ties > 0, "{met:?}");
}

#[test]
fn nobody_takes_back_an_unknown_run() {
    let mut world = World::new(1);
    let (target, run) = (world.run(), world.run());
    let engine = world.engine();
    let refused = world.drive(engine.undo(target, run, UndoMode::Do, &())).unwrap();
    assert!(matches!(refused, Err(EngineError::UnknownRun(_))));
}
