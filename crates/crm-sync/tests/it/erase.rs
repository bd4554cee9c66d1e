//! Erasure: nothing is left, nothing comes back, and what was begun is ended.

use std::time::Duration;

use crm_core::{EntityId, Field, ObjectKind, ProviderId};
use crm_store::{AuditKind, ErasureStage, RecordFate, Seq, Store};
use crm_sync::{Erase, EraseMode, EraseReport, Flow, Records, explain};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{NORTH, SOUTH};

use crate::town::{KIND, Town};

const NAME: &str = "Canarsson";
const MAIL: &str = "canary@mail.example";
const PHONE: &str = "+442079460958";

fn town() -> Town {
    town_of(vec![Flow::new(ObjectKind::Contact)])
}

fn town_of(flows: Vec<Flow>) -> Town {
    let mut town = Town::of(&[&NORTH, &SOUTH], flows);
    canary(&town, 0);
    canary(&town, 1);
    town.person(2, &[(Field::LAST_NAME, "Other"), (Field::EMAIL, "other@mail.example")]);
    settle(&mut town);
    // Something for the history, the journal and the conflicts.
    town.edit(0, Field::LAST_NAME, "Canarsson-One");
    town.edit(1, Field::LAST_NAME, "Canarsson-Two");
    settle(&mut town);
    town
}

fn canary(town: &Town, account: usize) {
    let values = [(Field::LAST_NAME, NAME), (Field::EMAIL, MAIL), (Field::PHONE, PHONE)];
    let values = values.map(|(field, text)| (field, text.to_owned())).to_vec();
    town.realm.perform(Deed::Create { account, kind: KIND, values, ties: Vec::new() });
}

fn settle(town: &mut Town) {
    for _ in 0..2 {
        town.sync();
        town.pass(Duration::from_mins(10));
    }
}

fn found(town: &Town) -> Vec<EntityId> {
    town.run(explain::find(&*town.store, KIND, MAIL)).unwrap()
}

fn what(town: &Town, records: Records, mode: EraseMode) -> Erase {
    Erase { kind: KIND, entities: found(town), records, mode }
}

fn erase(town: &mut Town, records: Records, mode: EraseMode) -> EraseReport {
    let (run, what) = (town.next_run(), what(town, records, mode));
    town.run(town.engine.erase(what, run, &())).unwrap()
}

/// Returns everything that the store holds, as text.
fn dump(town: &Town) -> String {
    format!("{:?}", town.store)
}

/// Says of what is left where it is.
fn assert_forgotten(town: &Town) {
    let left = dump(town);
    for trace in ["Canarsson", "canary", "2079460958"] {
        let place = left.find(trace).map(|at| &left[at.saturating_sub(300)..at + 40]);
        assert_eq!(place, None, "{trace} is left");
    }
}

fn live(town: &Town) -> [usize; 2] {
    [town.realm.live(0, KIND).len(), town.realm.live(1, KIND).len()]
}

#[test]
fn a_plan_changes_nothing() {
    let mut town = town();
    let before = dump(&town);
    let report = erase(&mut town, Records::Delete, EraseMode::Plan);
    // The one that its record in the south founded at first is one of them.
    assert_eq!((report.entities, report.records.len()), (2, 2));
    let fates: Vec<RecordFate> = report.records.iter().map(|record| record.fate).collect();
    assert_eq!(fates, [RecordFate::Archived, RecordFate::Archived]);
    assert_eq!((dump(&town), report.erasure), (before, None));
    assert_eq!(live(&town), [2, 2]);
}

#[test]
fn nothing_is_left_in_the_store_and_records_are_deleted() {
    let mut town = town();
    assert!(dump(&town).contains("Canarsson") && dump(&town).contains("canary"));
    let report = erase(&mut town, Records::Delete, EraseMode::Do);
    let erasure = report.erasure.unwrap();
    assert_eq!((erasure.stage, erasure.open.len()), (ErasureStage::Done, 0));
    // The address and two records.
    assert_eq!(erasure.digests.len(), 3);
    let south = &erasure.fates[&ProviderId::new("south")];
    assert_eq!(south[&RecordFate::Archived], 1);
    assert_forgotten(&town);
    assert_eq!(live(&town), [1, 1]);
    let check = town.run(town.store.verify_audit()).unwrap();
    assert_eq!(check.broken, None);
    let entries = town.run(town.store.audit(0, 0)).unwrap();
    assert!(entries.iter().any(|entry| entry.what == AuditKind::Erased));
    // The others go on.
    settle(&mut town);
    town.edit(0, Field::LAST_NAME, "Another");
    settle(&mut town);
    assert_eq!(town.value(1, Field::LAST_NAME).as_deref(), Some("Another"));
    assert_eq!(town.run(town.store.verify_audit()).unwrap().broken, None);
}

/// Whoever comes in with the address, or is restored, is left alone.
#[test]
fn what_was_erased_does_not_come_back() {
    let mut town = town();
    erase(&mut town, Records::Delete, EraseMode::Do);
    town.realm.perform(Deed::Restore { account: 0, kind: KIND, pick: 0 });
    town.pass(Duration::from_mins(10));
    let report = town.sync();
    assert!(report.kinds[&KIND].done.skip["erased"] >= 1, "{report:?}");
    assert_eq!((report.writes(), live(&town)), (0, [2, 1]));
    town.pass(Duration::from_mins(10));
    // Another record with the address.
    canary(&town, 1);
    let report = town.sync();
    assert!(report.kinds[&KIND].done.skip["erased"] >= 1, "{report:?}");
    assert_eq!((report.writes(), live(&town)), (0, [2, 2]));
    assert_forgotten(&town);
    // And verify knows.
    let run = town.next_run();
    let checked = town.run(town.engine.verify(run, crm_sync::Verify::default(), &())).unwrap();
    assert_eq!(checked.differences(), 0);
    let north = &checked.kinds[&KIND].connections[&ProviderId::new("north")];
    assert_eq!(north.known["erased"], 1);
}

#[test]
fn records_that_are_kept_are_left_alone() {
    let mut town = town();
    let report = erase(&mut town, Records::Keep, EraseMode::Do);
    let erasure = report.erasure.unwrap();
    assert_eq!(erasure.stage, ErasureStage::Done);
    assert_eq!(erasure.fates[&ProviderId::new("north")][&RecordFate::Kept], 1);
    assert_eq!(live(&town), [2, 2]);
    // Edited, they are not taken in, nor written.
    town.edit(0, Field::LAST_NAME, "Canarsson-Three");
    town.pass(Duration::from_mins(10));
    assert_eq!(town.sync().writes(), 0);
    assert_eq!(town.value(1, Field::LAST_NAME).as_deref(), Some("Canarsson-One"));
    assert_forgotten(&town);
}

/// The process dies between any two steps: the next one ends what was begun.
#[test]
fn an_erasure_that_was_begun_is_ended() {
    let (mut before, mut between) = (0, 0);
    for seed in 0..80 {
        let mut town = town();
        let (run, what) = (town.next_run(), what(&town, Records::Delete, EraseMode::Do));
        let (engine, process) = town.mortal(seed, 1_500);
        town.run_until(engine.erase(what, run, &()), || process.life.is_dead());
        town.store.restart();
        let begun = town.run(town.store.erasures()).unwrap();
        settle(&mut town);
        let erasures = town.run(town.store.erasures()).unwrap();
        if begun.is_empty() {
            // Nothing was done yet.
            before += 1;
            assert_eq!((erasures.len(), live(&town)), (0, [2, 2]), "{seed}");
        } else {
            between += u32::from(begun[0].stage != ErasureStage::Done);
            assert_eq!(erasures[0].stage, ErasureStage::Done, "{seed}: {erasures:?}");
            assert_eq!(live(&town), [1, 1], "{seed}");
            assert_forgotten(&town);
        }
        assert_eq!(town.run(town.store.verify_audit()).unwrap().broken, None);
    }
    assert!(before > 5 && between > 10, "{before} before, {between} in the middle");
}

/// Companies, deals and activities are erased alike; what referred to them does no more.
#[test]
fn what_refers_to_it_lets_go() {
    let flows = vec![Flow::new(ObjectKind::Company), Flow::new(ObjectKind::Contact)];
    let mut town = Town::of(&[&NORTH, &SOUTH], flows);
    let company = |name: &str| vec![(Field::NAME, name.to_owned())];
    let (kind, ties) = (ObjectKind::Company, Vec::new());
    let values = company("Canary Works");
    town.realm.perform(Deed::Create { account: 0, kind, values, ties });
    let values = vec![(Field::LAST_NAME, "Other".to_owned())];
    let ties = vec![(Field::COMPANY_REF, 0)];
    town.realm.perform(Deed::Create { account: 0, kind: KIND, values, ties });
    settle(&mut town);
    assert_eq!(town.realm.live(1, kind).len(), 1);
    let page = town.run(town.store.scan(kind, Seq::default(), 9)).unwrap();
    let entities = vec![page[0].id];
    let what = Erase { kind, entities, records: Records::Delete, mode: EraseMode::Do };
    let run = town.next_run();
    let report = town.run(town.engine.erase(what, run, &())).unwrap();
    assert_eq!(report.referring[&KIND], 1);
    settle(&mut town);
    assert_eq!((town.realm.live(0, kind).len(), town.realm.live(1, kind).len()), (0, 0));
    let person = town.run(town.store.scan(KIND, Seq::default(), 9)).unwrap().remove(0);
    assert!(person.links.iter().all(crm_store::Link::is_live), "{person:?}");
    assert!(!dump(&town).contains("Canary"));
    town.pass(Duration::from_mins(10));
    assert_eq!(town.sync().writes(), 0);
}

/// With credentials of other accounts nothing is deleted there; the store forgets all the same.
#[test]
fn records_of_other_accounts_are_not_touched() {
    let mut town = town();
    let others = vec![("north", "another account"), ("south", "yet another account")];
    for (provider, account) in others {
        let (provider, account) = (ProviderId::new(provider), account.to_owned());
        let mutations = vec![crm_store::Mutation::Account { provider, account }];
        let commit = crm_store::Commit { mutations, ..Default::default() };
        town.run(town.store.commit(commit)).unwrap();
    }
    let report = erase(&mut town, Records::Delete, EraseMode::Do);
    assert_eq!(report.stuck.len(), 2, "{:?}", report.stuck);
    assert_eq!(live(&town), [2, 2]);
    assert_eq!(report.erasure.unwrap().stage, ErasureStage::Records);
    assert_forgotten(&town);
}
