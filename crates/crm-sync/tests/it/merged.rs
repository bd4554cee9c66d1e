//! What records that were merged in one CRM mean for those that refer to them elsewhere.

use std::time::Duration;

use crm_core::{Field, ObjectKind, RemoteId};
use crm_store::{Entity, EntityState, Seq, Store};
use crm_sync::Flow;
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{NORTH, SOUTH, WEST};

use crate::town::{KIND, Town};

const FIRM: ObjectKind = ObjectKind::Company;
const DEAL: ObjectKind = ObjectKind::Deal;

fn pass(town: &mut Town) -> u64 {
    town.pass(Duration::from_mins(10));
    town.sync().writes()
}

fn person(town: &Town, account: usize, name: &str) {
    let mail = format!("{name}@mail.example");
    let values = vec![(Field::LAST_NAME, name.to_owned()), (Field::EMAIL, mail)];
    town.realm.perform(Deed::Create { account, kind: KIND, values, ties: Vec::new() });
}

fn refers(town: &Town, account: usize, kind: ObjectKind, field: Field) -> Vec<String> {
    let ids = town.realm.live(account, kind);
    let value = ids.first().and_then(|id| town.realm.stored(account, kind, id, field));
    value.iter().flat_map(crm_core::Value::members).map(crm_core::Value::display).collect()
}

fn entities(town: &Town, kind: ObjectKind) -> Vec<Entity> {
    town.run(town.store.scan(kind, Seq::default(), 100)).unwrap()
}

/// A deal names two people who are merged in the south. In the north the one who lost stays as a
/// duplicate, and stands for the other: whoever takes the other out of the deal in the south takes
/// both out of it in the north.
#[test]
fn a_duplicate_leaves_a_set_with_the_one_it_is_of() {
    let mut town = Town::of(&[&SOUTH, &NORTH], vec![Flow::new(KIND), Flow::new(DEAL)]);
    for account in 0..2 {
        for name in ["Lind", "Novak", "Quist"] {
            person(&town, account, name);
        }
    }
    let values = vec![(Field::TITLE, "Roof".to_owned())];
    let ties = (0..3).map(|to| (Field::CONTACTS, to)).collect();
    town.realm.perform(Deed::Create { account: 0, kind: DEAL, values, ties });
    town.sync();
    pass(&mut town);
    assert_eq!(refers(&town, 1, DEAL, Field::CONTACTS).len(), 3);
    town.realm.perform(Deed::Merge { account: 0, kind: KIND, winner: 0, loser: 1 });
    pass(&mut town);
    assert_eq!(refers(&town, 0, DEAL, Field::CONTACTS).len(), 2);
    assert_eq!(refers(&town, 1, DEAL, Field::CONTACTS).len(), 3, "nobody took anybody out");
    let (account, kind, field) = (0, DEAL, Field::CONTACTS);
    town.realm.perform(Deed::Untie { account, kind, pick: 0, field, from: 0 });
    pass(&mut town);
    assert_eq!(refers(&town, 1, DEAL, Field::CONTACTS), ["contact north-3"]);
    assert_eq!(pass(&mut town), 0);
}

/// That one became the other is no change of those that refer to them: nothing is written.
#[test]
fn who_refers_to_a_merged_record_did_not_change() {
    let mut town = Town::of(&[&SOUTH, &NORTH], vec![Flow::new(FIRM), Flow::new(KIND)]);
    for account in 0..2 {
        for name in ["Works", "Sons"] {
            let domain = format!("{name}.example");
            let values = vec![(Field::NAME, name.to_owned()), (Field::DOMAIN, domain)];
            town.realm.perform(Deed::Create { account, kind: FIRM, values, ties: Vec::new() });
        }
        person(&town, account, "Lind");
    }
    let (account, kind, field) = (0, KIND, Field::COMPANY_REF);
    town.realm.perform(Deed::Tie { account, kind, pick: 0, field, to: 1 });
    town.sync();
    pass(&mut town);
    let before = refers(&town, 1, KIND, field);
    assert_eq!(before.len(), 1);
    town.realm.perform(Deed::Merge { account: 0, kind: FIRM, winner: 0, loser: 1 });
    pass(&mut town);
    town.edit(0, Field::JOB_TITLE, "Roofer");
    pass(&mut town);
    // In the north the duplicate stands for the company that is left.
    assert_eq!(refers(&town, 1, KIND, field), before);
    let left = entities(&town, FIRM).into_iter().find(|it| it.state == EntityState::Live);
    let agreed = town.entity().golden.value(field).map(crm_core::Value::display);
    assert_eq!(agreed, left.map(|it| it.id.to_string()));
    assert_eq!(pass(&mut town), 0);
}

/// A company whose parent is merged into it has no parent; where both are still there, they are
/// left as they are.
#[test]
fn nobody_becomes_its_own_parent() {
    let mut town = Town::of(&[&SOUTH, &NORTH], vec![Flow::new(FIRM)]);
    for account in 0..2 {
        for name in ["Works", "Sons"] {
            let domain = format!("{name}.example");
            let values = vec![(Field::NAME, name.to_owned()), (Field::DOMAIN, domain)];
            town.realm.perform(Deed::Create { account, kind: FIRM, values, ties: Vec::new() });
        }
    }
    let (account, kind, field) = (0, FIRM, Field::PARENT);
    town.realm.perform(Deed::Tie { account, kind, pick: 0, field, to: 1 });
    town.sync();
    pass(&mut town);
    let before = refers(&town, 1, FIRM, field);
    assert_eq!(before.len(), 1);
    town.realm.perform(Deed::Merge { account: 0, kind: FIRM, winner: 0, loser: 1 });
    pass(&mut town);
    pass(&mut town);
    let works = entities(&town, FIRM).into_iter().find(|it| it.state == EntityState::Live);
    let works = works.unwrap();
    assert_eq!(works.golden.value(field), None);
    assert_eq!(works.golden.frozen(field), None);
    assert_eq!(refers(&town, 1, FIRM, field), before);
    let history = town.run(town.store.history(works.id)).unwrap();
    let row = history.iter().find(|row| row.field == field).unwrap();
    assert_eq!((row.rule.as_str(), row.after.as_ref()), ("itself", None));
    assert_eq!(pass(&mut town), 0);
}

/// The records of a duplicate stay its own, whoever else has its address now.
#[test]
fn a_duplicate_keeps_its_records() {
    let mut town = Town::new(&[&SOUTH, &NORTH, &WEST], Flow::new(KIND));
    for account in 0..3 {
        person(&town, account, "Lind");
        person(&town, account, "Novak");
    }
    town.sync();
    pass(&mut town);
    town.realm.perform(Deed::Merge { account: 0, kind: KIND, winner: 0, loser: 1 });
    pass(&mut town);
    let duplicate = || {
        let held = |it: &Entity| matches!(it.state, EntityState::Held { of: Some(_), .. });
        entities(&town, KIND).into_iter().find(held).unwrap()
    };
    let records = |it: &Entity| -> Vec<Option<RemoteId>> {
        it.links.iter().map(|link| link.remote.clone()).collect()
    };
    let before = duplicate();
    assert_eq!(before.links.iter().filter(|link| link.is_live()).count(), 2);
    let records_before = records(&before);
    person(&town, 0, "Novak");
    town.pass(Duration::from_mins(10));
    let run = crm_core::RunId::from_uuid(uuid::Uuid::from_u128(99));
    town.run(town.engine.sync(run, crm_sync::Approval::Given, &())).unwrap();
    assert_eq!(records(&duplicate()), records_before);
}
