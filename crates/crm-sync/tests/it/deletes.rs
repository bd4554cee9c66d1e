//! Deleted and merged records, and the guard that stops a run.

use std::time::Duration;

use crm_core::{Field, ObjectKind, RemoteId, Value};
use crm_store::{
    ConflictState, Contender, Entity, EntityState, JournalQuery, LinkState, Seq, Store,
};
use crm_sync::{Approval, Deletes, EngineError, Flow, Guard};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{NORTH, SOUTH};

use crate::town::{KIND, Town};

fn flow(deletes: Deletes) -> Flow {
    Flow { deletes, ..Flow::new(ObjectKind::Contact) }
}

fn town(people: usize, deletes: Deletes) -> Town {
    let mut town = Town::new(&[&NORTH, &SOUTH], flow(deletes));
    for number in 0..people {
        let (name, mail) = (format!("Novak{number}"), format!("p{number}@mail.example"));
        town.person(2, &[(Field::LAST_NAME, &name), (Field::EMAIL, &mail)]);
    }
    town.sync();
    // What was just listed is no longer looked at for fresh.
    town.pass(Duration::from_mins(10));
    town.sync();
    town
}

fn delete(town: &Town, account: usize, count: usize) {
    for _ in 0..count {
        town.realm.perform(Deed::Delete { account, kind: KIND, pick: 0 });
    }
}

fn live(town: &Town) -> [usize; 2] {
    [town.realm.live(0, KIND).len(), town.realm.live(1, KIND).len()]
}

fn refused(town: &mut Town) -> EngineError {
    let run = town.next_run();
    town.run(town.engine.sync(run, Approval::Given, &())).unwrap_err()
}

/// Deleting 30 % on one side stops the run, whatever it would have done with the deletes; run
/// again it stops again, and only who says how many may go lets them.
#[test]
pub(crate) fn a_mass_delete_stops_the_run_before_anything_is_done() {
    for deletes in [Deletes::Unlink, Deletes::Propagate] {
        let mut town = town(80, deletes);
        delete(&town, 0, 24);
        town.pass(Duration::from_mins(10));
        let run = town.next_run();
        let stops = town.run(town.engine.plan(run, &())).unwrap().stops;
        assert_eq!(
            stops.iter().map(|stop| (stop.found, stop.limit)).collect::<Vec<_>>(),
            [(24, 20)]
        );
        for _ in 0..2 {
            let error = refused(&mut town);
            assert!(matches!(&error, EngineError::Guarded(excess) if **excess == stops[0]));
            let said = format!("{error}");
            assert!(said.starts_with("north: 24 contacts were deleted there"), "{said}");
            assert!(error.hint().unwrap().contains("crm sync --max-deletes 24"), "{error:?}");
            assert_eq!(live(&town), [56, 80]);
            let counts = town.run(town.store.counts(ObjectKind::Contact)).unwrap();
            assert!(counts.links.iter().all(|links| links.live == 80), "{counts:?}");
            town.pass(Duration::from_mins(20));
        }
        town.guard(Guard { deletes: Some(24), ..Guard::default() });
        town.sync();
        town.pass(Duration::from_mins(2));
        town.sync();
        let left = if deletes == Deletes::Unlink { 80 } else { 56 };
        assert_eq!(live(&town), [56, left]);
    }
}

#[test]
pub(crate) fn a_delete_spreads_only_where_it_shall_and_after_the_hold() {
    for (deletes, left) in [(Deletes::Unlink, 5), (Deletes::Archive, 4), (Deletes::Propagate, 4)] {
        let mut town = town(5, deletes);
        delete(&town, 0, 1);
        town.pass(Duration::from_mins(10));
        town.sync();
        assert_eq!(live(&town)[0], 4);
        town.pass(Duration::from_mins(10));
        town.sync();
        assert_eq!(live(&town), [4, left], "{deletes:?}");
        // It is not made again, and nothing more happens.
        town.pass(Duration::from_mins(10));
        assert_eq!(town.sync().writes(), 0);
        assert_eq!(live(&town), [4, left]);
    }
}

#[test]
pub(crate) fn whoever_edits_a_doomed_record_saves_it() {
    let mut town = town(3, Deletes::Propagate);
    delete(&town, 0, 1);
    town.pass(Duration::from_mins(10));
    // Nobody waits for the hold here.
    town.impatient();
    town.sync();
    let doomed = town.entity();
    let states: Vec<_> = doomed.links.iter().map(|link| &link.state).collect();
    assert!(matches!(states[..], [LinkState::Gone { .. }, LinkState::Doomed { .. }]), "{states:?}");
    town.edit(1, Field::JOB_TITLE, "Saved");
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(live(&town), [2, 3]);
    assert!(town.entity().links[1].is_live());
}

#[test]
pub(crate) fn a_restored_record_saves_the_doomed_ones() {
    let mut town = town(3, Deletes::Propagate);
    delete(&town, 0, 1);
    town.pass(Duration::from_mins(10));
    town.impatient();
    town.sync();
    town.realm.perform(Deed::Restore { account: 0, kind: KIND, pick: 0 });
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(live(&town), [3, 3]);
    assert!(town.entity().links.iter().all(crm_store::Link::is_live));
}

/// What comes back is met for the first time: it contends although it is as it was, and here the
/// primary wins.
#[test]
pub(crate) fn a_restored_record_has_a_say() {
    let mut town = town(1, Deletes::Unlink);
    town.edit(0, Field::JOB_TITLE, "Before");
    town.pass(Duration::from_mins(10));
    town.sync();
    delete(&town, 0, 1);
    town.pass(Duration::from_mins(10));
    town.sync();
    town.edit(1, Field::JOB_TITLE, "Meanwhile");
    town.pass(Duration::from_mins(10));
    town.sync();
    town.realm.perform(Deed::Restore { account: 0, kind: KIND, pick: 0 });
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("Before"));
    let lost = town.conflicts(ConflictState::Auto);
    let mut losers = lost.iter().flat_map(|conflict| &conflict.contenders);
    assert!(losers.any(|loser| loser.value == Some(Value::text("Meanwhile"))), "{lost:?}");
}

/// A process dies as soon as its write has landed, and the record is deleted before anybody looks:
/// when it comes back, what it shows is signed as our own.
#[test]
fn a_lost_write_to_a_deleted_record_is_signed_when_it_comes_back() {
    let mut landed = 0;
    for seed in 0..400 {
        let mut town = town(1, Deletes::Unlink);
        town.edit(1, Field::JOB_TITLE, "Edited");
        town.pass(Duration::from_mins(10));
        let (engine, process) = town.mortal(seed, 300);
        let run = town.next_run();
        town.run_until(engine.sync(run, Approval::Given, &()), || process.life.is_dead());
        town.store.restart();
        let query = JournalQuery::default();
        let signed = |town: &Town| !town.run(town.store.journal(query)).unwrap().is_empty();
        if town.value(0, Field::JOB_TITLE).is_none() || signed(&town) {
            continue;
        }
        landed += 1;
        delete(&town, 0, 1);
        town.pass(Duration::from_mins(2));
        town.sync();
        town.realm.perform(Deed::Restore { account: 0, kind: KIND, pick: 0 });
        town.pass(Duration::from_mins(2));
        town.sync();
        assert!(signed(&town), "seed {seed}");
    }
    assert!(landed > 0);
}

/// Two people merged in one CRM are one: their records elsewhere stay until somebody merges them
/// there too, and are neither written nor made again.
#[test]
pub(crate) fn people_merged_in_one_crm_are_one_entity() {
    let mut town = town(3, Deletes::Unlink);
    let south = town.realm.live(1, KIND);
    town.realm.perform(Deed::Merge { account: 0, kind: KIND, winner: 0, loser: 1 });
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(live(&town), [2, 3]);
    let page = town.run(town.store.scan(ObjectKind::Contact, Seq::default(), 9)).unwrap();
    let winner = page[0].id;
    assert_eq!(page[0].state, EntityState::Live);
    let held = EntityState::Held { reason: "merged_elsewhere".to_owned(), of: Some(winner) };
    assert_eq!(page[1].state, held);
    let south_only: Vec<bool> = page[1].links.iter().map(crm_store::Link::is_live).collect();
    assert_eq!(south_only, [false, true]);
    // An edit of the duplicate changes nothing elsewhere, and one of the survivor does.
    edit(&town, &south[1], "Duplicate");
    edit(&town, &south[0], "Survivor");
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(town.value(0, Field::JOB_TITLE).as_deref(), Some("Survivor"));
    assert_eq!(live(&town), [2, 3]);
    // Merged there too, the duplicate is gone.
    town.realm.perform(Deed::Merge { account: 1, kind: KIND, winner: 0, loser: 1 });
    town.pass(Duration::from_mins(10));
    town.sync();
    let page = town.run(town.store.scan(ObjectKind::Contact, Seq::default(), 9)).unwrap();
    assert_eq!(page[1].state, EntityState::Merged { into: winner });
    town.pass(Duration::from_mins(10));
    assert_eq!(town.sync().writes(), 0);
    assert_eq!(live(&town), [2, 2]);
}

fn edit(town: &Town, id: &RemoteId, text: &str) {
    let pick = town.realm.live(1, KIND).iter().position(|known| known == id).unwrap();
    let (pick, value) = (u64::try_from(pick).unwrap(), Some(text.to_owned()));
    town.realm.perform(Deed::Edit { account: 1, kind: KIND, pick, field: Field::JOB_TITLE, value });
}

/// The record of the one that is gone moves to the one that is left, where that has none.
#[test]
pub(crate) fn a_merge_brings_records_along() {
    let mut town = Town::new(&[&NORTH, &SOUTH], flow(Deletes::Unlink));
    town.person(1, &[(Field::LAST_NAME, "Kept"), (Field::EMAIL, "kept@mail.example")]);
    town.sync();
    // The winner's own copy is deleted, the loser keeps hers.
    town.pass(Duration::from_mins(10));
    town.realm.perform(Deed::Delete { account: 1, kind: KIND, pick: 0 });
    town.pass(Duration::from_mins(10));
    town.sync();
    town.person(1, &[(Field::LAST_NAME, "Other"), (Field::EMAIL, "other@mail.example")]);
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(live(&town), [2, 1]);
    town.realm.perform(Deed::Merge { account: 0, kind: KIND, winner: 0, loser: 1 });
    town.pass(Duration::from_mins(10));
    town.sync();
    let entity = town.entity();
    assert!(entity.links.iter().all(crm_store::Link::is_live), "{entity:#?}");
    assert_eq!(live(&town), [1, 1]);
    assert_eq!(town.value(0, Field::LAST_NAME), town.value(1, Field::LAST_NAME));
}

/// A record is merged into one that nobody knew: what the survivor shows is no edit of what the
/// other one showed.
#[test]
pub(crate) fn the_survivor_of_a_merge_is_met_for_the_first_time() {
    let mut town = town(1, Deletes::Unlink);
    town.edit(1, Field::JOB_TITLE, "Golden");
    town.pass(Duration::from_mins(10));
    town.sync();
    let named = |field, text: &str| (field, text.to_owned());
    let values = vec![named(Field::LAST_NAME, "Novak0"), named(Field::JOB_TITLE, "Survivor")];
    town.realm.perform(Deed::Create { account: 1, kind: KIND, values, ties: Vec::new() });
    town.realm.perform(Deed::Merge { account: 1, kind: KIND, winner: 1, loser: 0 });
    town.pass(Duration::from_mins(10));
    town.sync();
    let lost = town.conflicts(ConflictState::Auto);
    let values = [Value::text("Golden"), Value::text("Survivor")].map(Some);
    let both = |field, contenders: &[Contender]| {
        let contends =
            |value: &Option<Value>| contenders.iter().any(|contender| contender.value == *value);
        field == Field::JOB_TITLE && values.iter().all(contends)
    };
    assert!(lost.iter().any(|it| both(it.field, &it.contenders)), "{lost:#?}");
}

/// A record waits, since another one has its address, and that one is merged into it: it is theirs.
#[test]
fn a_record_that_waits_is_inherited() {
    let mut town = town(1, Deletes::Unlink);
    let twin = [(Field::LAST_NAME, "Other"), (Field::EMAIL, "p0@mail.example")];
    let values = twin.map(|(field, text)| (field, text.to_owned())).to_vec();
    town.realm.perform(Deed::Create { account: 1, kind: KIND, values, ties: Vec::new() });
    town.pass(Duration::from_mins(10));
    town.sync();
    let entities = |town: &Town| town.run(town.store.scan(KIND, Seq::default(), 9)).unwrap();
    let waits = |entity: &Entity| matches!(entity.state, EntityState::Held { of: None, .. });
    assert!(entities(&town).last().is_some_and(waits), "{:#?}", entities(&town));
    town.realm.perform(Deed::Merge { account: 1, kind: KIND, winner: 1, loser: 0 });
    for _ in 0..2 {
        town.pass(Duration::from_mins(10));
        town.sync();
    }
    let all = entities(&town);
    let (heir, rest) = (&all[0], all.last().unwrap());
    assert!(heir.links.iter().all(crm_store::Link::is_live), "{heir:#?}");
    assert_eq!(heir.links[1].remote, town.realm.live(1, KIND).into_iter().next());
    assert_eq!(rest.state, EntityState::Merged { into: heir.id });
}

/// A record that was edited while the other one was deleted is not even doomed.
#[test]
pub(crate) fn an_edit_beside_a_delete_wins() {
    let mut town = town(3, Deletes::Propagate);
    delete(&town, 0, 1);
    town.edit(1, Field::JOB_TITLE, "Kept");
    for _ in 0..3 {
        town.pass(Duration::from_mins(10));
        town.sync();
        assert_eq!(live(&town), [2, 3]);
    }
    assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("Kept"));
}

/// A deleted person leaves the deals of that CRM by themselves; nobody took them off the deal.
#[test]
pub(crate) fn whoever_is_deleted_in_one_crm_stays_with_the_deal_in_the_other() {
    let flows = vec![flow(Deletes::Unlink), Flow::new(ObjectKind::Deal)];
    let mut town = Town::of(&[&NORTH, &SOUTH], flows);
    for name in ["Kept", "Deleted"] {
        let mail = format!("{name}@mail.example");
        town.person(2, &[(Field::LAST_NAME, name), (Field::EMAIL, &mail)]);
    }
    let kind = ObjectKind::Deal;
    let values = vec![(Field::TITLE, "Screen".to_owned())];
    let deal = Deed::Create { account: 0, kind, values, ties: Vec::new() };
    town.realm.perform(deal);
    for to in 0..2 {
        let field = Field::CONTACTS;
        town.realm.perform(Deed::Tie { account: 0, kind, pick: 0, field, to });
    }
    town.sync();
    let people = |town: &Town, account| {
        let id = town.realm.live(account, kind).remove(0);
        let shown = town.realm.stored(account, kind, &id, Field::CONTACTS);
        shown.map_or(0, |shown| shown.members().len())
    };
    assert_eq!([people(&town, 0), people(&town, 1)], [2, 2]);
    town.realm.perform(Deed::Delete { account: 0, kind: ObjectKind::Contact, pick: 1 });
    for _ in 0..2 {
        town.pass(Duration::from_mins(10));
        town.sync();
        assert_eq!([people(&town, 0), people(&town, 1)], [1, 2]);
    }
    // Whoever comes back is part of the deal again.
    town.realm.perform(Deed::Restore { account: 0, kind: ObjectKind::Contact, pick: 0 });
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!([people(&town, 0), people(&town, 1)], [2, 2]);
}
