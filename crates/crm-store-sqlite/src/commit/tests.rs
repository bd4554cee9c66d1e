use crm_core::ProviderId;
use crm_store::{Commit, Entity, Link, Mutation, Stage, StoreError};

use super::*;

const KIND: ObjectKind = ObjectKind::Contact;

fn stage(stage: Stage) -> Commit {
    Commit { mutations: vec![Mutation::Stage(KIND, stage)], ..Commit::default() }
}

#[test]
fn a_full_disk_changes_nothing_and_is_survived() {
    let mut ledger = SqliteLedger::in_memory().unwrap();
    ledger.commit(stage(Stage::Snapshot)).unwrap();
    let pages = |ledger: &SqliteLedger, most: i64| {
        ledger.connection.pragma_update_and_check(None, "max_page_count", most, |_row| Ok(()))
    };
    pages(&ledger, 60).unwrap();
    let plan = serde_json::json!("x".repeat(1_000_000));
    let error = ledger.commit(stage(Stage::Planned { plan })).unwrap_err();
    assert_eq!(error.to_string(), "the store cannot be written: the disk is full");
    assert_eq!(ledger.stage(KIND).unwrap(), Stage::Snapshot);
    ledger.commit(stage(Stage::Matching)).unwrap();
    assert_eq!(ledger.stage(KIND).unwrap(), Stage::Matching);
}

fn linked(number: u128, provider: &str) -> Commit {
    let id = EntityId::from_uuid(uuid::Uuid::from_u128(number));
    let link = Link::new(ProviderId::from(provider), number.to_string().into());
    let mutations =
        vec![Mutation::Entity(Box::new(Entity::new(id, KIND))), Mutation::Link(id, Box::new(link))];
    Commit { expected: vec![(id, 0)], fences: Vec::new(), mutations }
}

#[test]
fn a_connection_of_a_refused_commit_has_no_number() {
    let mut ledger = SqliteLedger::in_memory().unwrap();
    let mut refused = linked(1, "hubspot");
    refused.expected.push((EntityId::from_uuid(uuid::Uuid::nil()), 7));
    assert!(matches!(ledger.commit(refused), Err(StoreError::Raced)));
    assert_eq!(ledger.places.len(), 0);
    ledger.commit(linked(1, "salesforce")).unwrap();
    assert_eq!(ledger.places.number(&ProviderId::from("salesforce")), Some(1));
}

#[test]
fn there_are_at_most_63_connections() {
    let mut ledger = SqliteLedger::in_memory().unwrap();
    for number in 1..=63 {
        ledger.commit(linked(number, &format!("crm-{number}"))).unwrap();
    }
    let error = ledger.commit(linked(64, "crm-64")).unwrap_err();
    assert!(error.to_string().contains("at most 63 connections"), "{error}");
    assert!(error.hint().is_some());
    ledger.commit(linked(65, "crm-63")).unwrap();
}

#[test]
fn a_wrong_number_of_an_entity_is_noticed() {
    let mut ledger = SqliteLedger::in_memory().unwrap();
    ledger.commit(linked(1, "hubspot")).unwrap();
    ledger.commit(linked(2, "hubspot")).unwrap();
    ledger.known = Known::default();
    let ids = [1, 2].map(|number| EntityId::from_uuid(uuid::Uuid::from_u128(number)));
    let read = ledger.entities(&ids).unwrap();
    ledger.known = Known::default();
    let [Some(first), Some(second)] = read.as_slice() else { panic!("{read:?}") };
    let mixed = Entity { seq: second.seq, ..first.clone() };
    let mutations = vec![Mutation::Entity(Box::new(mixed))];
    let expected = vec![(first.id, first.row_version)];
    let commit = Commit { expected, fences: Vec::new(), mutations };
    assert!(matches!(ledger.commit(commit), Err(StoreError::Raced)));
    assert_eq!(ledger.entities(&ids).unwrap(), read);
}
