//! The drift audit and the slow sweep: what feeds lost is found, and mended.

use std::time::Duration;

use crm_core::{Field, ObjectKind, ProviderId};
use crm_store::{Entity, EntityState, LinkState, Seq, Store};
use crm_sync::verify::{Matter, SideCheck};
use crm_sync::{EngineError, Extent, Flow, Known, Policy, Repair, Verify, VerifyReport};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{EAST, NORTH, SOUTH, WEST};

use crate::town::{KIND, Town};

const DAY: Duration = Duration::from_hours(24);
const FULL: Verify = Verify { extent: Extent::Full, repair: Repair::No };
const REPAIR: Verify = Verify { extent: Extent::Full, repair: Repair::Mark };

fn fill(town: &Town, accounts: usize, people: usize) {
    for number in 0..people {
        let (name, mail) = (format!("Novak{number}"), format!("p{number}@mail.example"));
        let values =
            [(Field::LAST_NAME, &*name), (Field::EMAIL, &mail), (Field::JOB_TITLE, "Head")];
        town.person(accounts, &values);
    }
}

/// Makes a town in which everybody is in step, and has been for a while.
fn town(people: usize) -> Town {
    let mut town = Town::new(&[&NORTH, &SOUTH, &WEST], Flow::new(ObjectKind::Contact));
    fill(&town, 3, people);
    settle(&mut town);
    town
}

fn settle(town: &mut Town) {
    town.sync();
    town.pass(Duration::from_mins(10));
    town.sync();
    town.pass(Duration::from_mins(10));
}

fn verify(town: &mut Town, what: Verify) -> VerifyReport {
    let run = town.next_run();
    town.run(town.engine.verify(run, what, &())).unwrap()
}

fn side<'r>(report: &'r VerifyReport, name: &str) -> &'r SideCheck {
    &report.kinds[&KIND].connections[&ProviderId::new(name)]
}

fn unseen(town: &Town, account: usize, field: Field, text: &str) {
    let value = Some(text.to_owned());
    town.realm.perform_unseen(Deed::Edit { account, kind: KIND, pick: 0, field, value });
}

fn matters(report: &VerifyReport) -> Vec<Matter> {
    report.kinds[&KIND].samples.iter().map(|sample| sample.what).collect()
}

#[test]
fn those_in_step_agree_in_every_field() {
    let mut town = town(30);
    let report = verify(&mut town, FULL);
    assert_eq!((report.state.as_str(), report.differences(), report.marked), ("agree", 0, 0));
    for name in ["north", "south", "west"] {
        let found = side(&report, name);
        assert_eq!((found.records, found.compared), (30, 30), "{name}");
        assert!(found.fields.len() > 3, "{found:?}");
        for field in found.fields.values() {
            assert_eq!((field.agreement, field.interval), (Some(100.0), None));
        }
        // Five pages, and the probe.
        assert_eq!(report.calls[&ProviderId::new(name)].made, 6);
    }
}

/// A change whose stamp did not move is one that no poll will ever tell of.
#[test]
fn a_lost_change_is_found_and_repaired() {
    let mut town = town(30);
    unseen(&town, 1, Field::JOB_TITLE, "Chief");
    assert_eq!(town.sync().writes(), 0, "the feeds do not know");
    town.pass(Duration::from_mins(10));
    let report = verify(&mut town, FULL);
    assert_eq!((report.state.as_str(), report.differences()), ("differ", 1));
    let field = &side(&report, "south").fields[&Field::JOB_TITLE];
    assert_eq!((field.compared, field.equal, field.differing), (30, 29, 1));
    let sample = &report.kinds[&KIND].samples[0];
    assert_eq!((sample.what, sample.field), (Matter::Changed, Some(Field::JOB_TITLE)));
    assert_eq!((sample.shown.as_deref(), sample.agreed.as_deref()), (Some("Chief"), Some("Head")));
    // It was told, and nothing else.
    assert_eq!(town.sync().writes(), 0);
    town.pass(Duration::from_mins(10));
    assert_eq!(verify(&mut town, REPAIR).marked, 1);
    town.sync();
    assert_eq!(town.value(0, Field::JOB_TITLE).as_deref(), Some("Chief"));
    assert_eq!(town.value(2, Field::JOB_TITLE).as_deref(), Some("Chief"));
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(verify(&mut town, FULL).differences(), 0);
}

#[test]
fn a_lost_delete_is_found_and_repaired() {
    let mut town = town(30);
    town.realm.perform_unseen(Deed::Delete { account: 1, kind: KIND, pick: 3 });
    town.sync();
    town.pass(Duration::from_mins(10));
    let report = verify(&mut town, REPAIR);
    let found = side(&report, "south");
    assert_eq!((found.records, found.missing, report.differences()), (29, 1, 1));
    assert_eq!(matters(&report), [Matter::Missing]);
    town.sync();
    let gone = entities(&town).into_iter().filter(|entity| {
        let link = entity.link(&ProviderId::new("south"));
        link.is_some_and(|link| matches!(link.state, LinkState::Gone { .. }))
    });
    assert_eq!(gone.count(), 1);
    town.pass(Duration::from_mins(10));
    assert_eq!(verify(&mut town, FULL).differences(), 0);
}

#[test]
fn a_record_that_no_feed_told_of_is_found_and_repaired() {
    let mut town = town(10);
    let values = [(Field::LAST_NAME, "Lost"), (Field::EMAIL, "lost@mail.example")];
    let values = values.map(|(field, text)| (field, text.to_owned())).to_vec();
    let ties = Vec::new();
    town.realm.perform_unseen(Deed::Create { account: 2, kind: KIND, values, ties });
    town.sync();
    town.pass(Duration::from_mins(10));
    let report = verify(&mut town, REPAIR);
    assert_eq!((side(&report, "west").unlinked, report.differences(), report.marked), (1, 1, 1));
    town.sync();
    assert_eq!(town.realm.live(0, KIND).len(), 11);
    town.pass(Duration::from_mins(10));
    assert_eq!(verify(&mut town, FULL).differences(), 0);
}

#[test]
fn what_the_next_sync_reads_anyway_is_news() {
    let mut town = town(10);
    town.edit(1, Field::JOB_TITLE, "Chief");
    town.person(1, &[(Field::LAST_NAME, "New"), (Field::EMAIL, "new@mail.example")]);
    let report = verify(&mut town, FULL);
    assert_eq!(report.differences(), 0);
    let south = side(&report, "south");
    assert_eq!(side(&report, "north").known["news"], 1);
    assert_eq!(south.fields[&Field::JOB_TITLE].known[&Known::News], 1);
}

#[test]
fn an_open_conflict_is_known() {
    let mut flow = Flow::new(ObjectKind::Contact);
    flow.field_policy.insert(Field::JOB_TITLE, Policy::Manual);
    let mut town = Town::new(&[&NORTH, &SOUTH], flow);
    fill(&town, 2, 5);
    settle(&mut town);
    town.edit(0, Field::JOB_TITLE, "Chief");
    town.edit(1, Field::JOB_TITLE, "Boss");
    settle(&mut town);
    let report = verify(&mut town, FULL);
    assert_eq!(report.differences(), 0);
    for name in ["north", "south"] {
        let field = &side(&report, name).fields[&Field::JOB_TITLE];
        assert_eq!((field.equal, field.known[&Known::Frozen]), (4, 1));
        assert_eq!(field.agreement, Some(100.0));
    }
}

/// A list of hints proves nothing: each record is read.
#[test]
fn lists_that_are_not_consistent_are_read_by_id() {
    let mut town = Town::new(&[&NORTH, &EAST], Flow::new(ObjectKind::Contact));
    fill(&town, 2, 12);
    settle(&mut town);
    unseen(&town, 1, Field::LAST_NAME, "Other");
    let report = verify(&mut town, FULL);
    let east = side(&report, "east");
    assert_eq!((east.records, east.fields[&Field::LAST_NAME].differing), (12, 1));
    assert_eq!(report.differences(), 1);
}

#[test]
fn a_sample_tells_how_sure_it_is() {
    let mut town = town(40);
    let sample = Verify { extent: Extent::Sample(15), repair: Repair::No };
    let report = verify(&mut town, sample);
    for name in ["north", "south", "west"] {
        let found = side(&report, name);
        assert_eq!((found.records, found.compared), (15, 15));
        let field = &found.fields[&Field::EMAIL];
        let [low, high] = field.interval.unwrap();
        assert!(field.agreement == Some(100.0) && low > 75.0 && low < 85.0 && high >= 100.0);
    }
    // Of fewer than asked for, all are read, and what is wrong is found.
    unseen(&town, 0, Field::JOB_TITLE, "Chief");
    let all = Verify { extent: Extent::Sample(1_000), repair: Repair::Mark };
    let report = verify(&mut town, all);
    assert_eq!((side(&report, "north").compared, report.differences()), (40, 1));
    town.sync();
    assert_eq!(town.value(2, Field::JOB_TITLE).as_deref(), Some("Chief"));
}

#[test]
fn nothing_can_be_compared_before_the_first_sync() {
    let mut town = Town::new(&[&NORTH, &SOUTH], Flow::new(ObjectKind::Contact));
    let run = town.next_run();
    let error = town.run(town.engine.verify(run, FULL, &())).unwrap_err();
    assert!(matches!(error, EngineError::NeverSynced { .. }), "{error:?}");
}

/// The sweep waits for its interval, finds what the feeds lost, and is counted apart.
#[test]
fn the_sweep_repairs_what_feeds_lost() {
    let mut town = town(250);
    town.sweeping(DAY * 7);
    // From now on the interval is counted.
    town.sync();
    unseen(&town, 1, Field::JOB_TITLE, "Chief");
    town.realm.perform_unseen(Deed::Delete { account: 2, kind: KIND, pick: 7 });
    let values = [(Field::LAST_NAME, "Lost"), (Field::EMAIL, "lost@mail.example")];
    let values = values.map(|(field, text)| (field, text.to_owned())).to_vec();
    let ties = Vec::new();
    town.realm.perform_unseen(Deed::Create { account: 0, kind: KIND, values, ties });
    town.pass(DAY * 6);
    let early = town.sync();
    assert_eq!((early.writes(), early.calls[&ProviderId::new("south")].swept), (0, 0));
    town.pass(DAY);
    let report = town.sync();
    let swept: Vec<u64> = report.calls.values().map(|cost| cost.swept).collect();
    assert!(swept.iter().all(|pages| *pages > 0), "{swept:?}");
    assert_eq!(town.value(0, Field::JOB_TITLE).as_deref(), Some("Chief"));
    assert_eq!(town.realm.live(1, KIND).len(), 251);
    let live = |entity: &Entity| {
        let west = entity.link(&ProviderId::new("west"));
        west.is_some_and(|link| matches!(link.state, LinkState::Gone { .. }))
    };
    assert_eq!(entities(&town).iter().filter(|entity| live(entity)).count(), 1);
    // Not again before another week is over.
    town.pass(DAY);
    let after = town.sync();
    assert_eq!((after.writes(), after.calls[&ProviderId::new("south")].swept), (0, 0));
    assert_eq!(verify(&mut town, FULL).differences(), 0);
}

/// A process that dies in the middle of a sweep leaves behind where it was.
#[test]
fn a_sweep_goes_on_where_it_was() {
    let mut town = town(450);
    town.sweeping(DAY);
    town.sync();
    let last = u64::try_from(town.realm.live(1, KIND).len() - 1).unwrap();
    let (field, value) = (Field::JOB_TITLE, Some("Chief".to_owned()));
    let deed = Deed::Edit { account: 1, kind: KIND, pick: last, field, value };
    town.realm.perform_unseen(deed);
    town.pass(DAY);
    // The second page of the south is not reached.
    let run = town.next_run();
    let south = ProviderId::new("south");
    let mut sync = Box::pin(town.engine.sync(run, crm_sync::Approval::Given, &()));
    let half = |town: &Town| {
        let cursor = town.store.cursor(&south, KIND, "sweep");
        let known = futures_now(cursor).unwrap();
        known.is_some_and(|known| known.0.contains("after"))
    };
    assert!(town.run_until(&mut sync, || half(&town)), "it was not in the middle");
    drop(sync);
    town.store.restart();
    let before = futures_now(town.store.cursor(&south, KIND, "sweep")).unwrap().unwrap();
    assert!(before.0.contains("after"), "{before:?}");
    let report = town.sync();
    let whole = 450_u64.div_ceil(7);
    assert!(report.calls[&south].swept < whole, "{report:?}");
    let id = town.realm.live(0, KIND).pop().unwrap();
    let stored = town.realm.stored(0, KIND, &id, Field::JOB_TITLE);
    assert_eq!(stored.map(|value| value.display()).as_deref(), Some("Chief"));
}

/// Runs a call to a store in memory, which never waits.
fn futures_now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = std::task::Waker::noop();
    match future.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn entities(town: &Town) -> Vec<Entity> {
    let all = town.run(town.store.scan(KIND, Seq::default(), 1_000)).unwrap();
    all.into_iter().filter(|entity| entity.state == EntityState::Live).collect()
}
