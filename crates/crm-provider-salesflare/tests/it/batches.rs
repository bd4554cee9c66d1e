//! Writes: arrays that are taken whole or not at all, and rows that are sent whole.

use crm_core::{Action, ErrorKind, Field, Fields, Patch, Value};
use crm_testkit::contract::provider::Harness;
use serde_json::json;

use crate::room;

fn patch(pairs: &[(Field, Option<&str>)]) -> Patch {
    pairs.iter().map(|(field, text)| (*field, text.map(Value::text))).collect()
}

fn members(pairs: &[(&str, &str)]) -> crm_testkit::fake::Fields {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect()
}

fn stored(harness: &Harness, table: &str, id: &str, name: &str) -> Option<String> {
    let record = harness.fake.record(table, id).unwrap();
    record["fields"][name].as_str().map(str::to_owned)
}

/// One record that is refused is found by halving; all others are made, each once.
#[tokio::test]
async fn a_bad_record_in_an_array_is_found() {
    let harness = room::harness();
    let provider = harness.provider();
    let mut writes: Vec<_> = (0..12).map(|n| harness.create(n)).collect();
    if let Action::Create { fields, .. } = &mut writes[7].action {
        fields.insert(
            Field::COUNTRY,
            Value::text("a country with a name of far more than fifty letters"),
        );
    }
    let results = harness.apply(&provider, &writes).await;
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(written) => {
                assert_eq!(
                    stored(&harness, "contacts", written.id.as_str(), "email"),
                    harness.name(n)
                );
                assert!(written.version.is_some(), "it was read again");
            }
            Err(error) => {
                assert_eq!(n, 7);
                let field = Some(Field::COUNTRY);
                assert_eq!(*error.kind(), ErrorKind::Validation { field });
            }
        }
    }
    assert_eq!(harness.live(), 11);
}

/// A part of an address or a position leaves the rest of it, and the account's own fields stay.
#[tokio::test]
async fn the_rest_of_a_nested_row_stays() {
    let harness = room::harness();
    let provider = harness.provider();
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let id = written.id.as_str();
    let more = [("address.street", "1 Elm Rd"), ("position.organisation", "Elm")];
    harness.fake.patch("contacts", id, &members(&more)).unwrap();
    let change = patch(&[(Field::CITY, Some("Lund")), (Field::JOB_TITLE, None)]);
    harness.apply_one(&provider, harness.change(1, &written.id, change)).await.unwrap();
    let held = |name| stored(&harness, "contacts", id, name);
    assert_eq!(held("address.city").as_deref(), Some("Lund"));
    assert_eq!(held("address.street").as_deref(), Some("1 Elm Rd"));
    assert_eq!(held("position.organisation").as_deref(), Some("Elm"));
    assert_eq!(held("position.role"), None);
    assert!(held("custom.crm_sync_uid").is_some());
}

/// A new owner takes the place of the first assignee; a changed text keeps our signature.
#[tokio::test]
async fn a_task_keeps_its_other_assignees_and_its_signature() {
    let harness = room::tasks();
    let provider = harness.provider();
    let written = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let id = written.id.as_str();
    harness.fake.patch("tasks", id, &members(&[("assignees", "31,33")])).unwrap();
    let change =
        patch(&[(Field::OWNER, Some("oskar.lind@sales.example")), (Field::SUBJECT, Some("Walk"))]);
    harness.apply_one(&provider, harness.change(1, &written.id, change)).await.unwrap();
    assert_eq!(stored(&harness, "tasks", id, "assignees").as_deref(), Some("32,33"));
    let text = stored(&harness, "tasks", id, "description").unwrap();
    assert!(text.starts_with("Walk\n\ncrm-sync:"), "{text}");
    let read = provider.get(harness.room.kind, std::slice::from_ref(&written.id)).await.unwrap();
    let [crm_core::Lookup::Found(remote)] = read.as_slice() else { panic!("{read:?}") };
    assert!(remote.uid.is_some());
    assert_eq!(remote.fields.get(Field::SUBJECT).map(Value::display).as_deref(), Some("Walk"));
}

/// A currency is said when a deal is made, and never afterwards.
#[tokio::test]
async fn a_currency_is_written_once() {
    let harness = room::deals();
    let provider = harness.provider();
    let make = |code: &str| {
        let mut fields: Fields = harness.record(0);
        fields.insert(Field::CURRENCY, Value::text(code));
        let write = harness.create(0);
        let Action::Create { uid, .. } = write.action else { panic!("a create") };
        harness.write(0, Action::Create { uid, fields })
    };
    let written = harness.apply_one(&provider, make("EUR")).await.unwrap();
    assert_eq!(
        stored(&harness, "opportunities", written.id.as_str(), "currency").as_deref(),
        Some("2")
    );
    let field = Some(Field::CURRENCY);
    let refused = harness.apply_one(&provider, make("XTS")).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field });
    let same = patch(&[(Field::CURRENCY, Some("EUR")), (Field::TITLE, Some("Renamed"))]);
    harness.apply_one(&provider, harness.change(1, &written.id, same)).await.unwrap();
    assert_eq!(
        stored(&harness, "opportunities", written.id.as_str(), "name").as_deref(),
        Some("Renamed")
    );
    let other = patch(&[(Field::CURRENCY, Some("GBP"))]);
    let refused =
        harness.apply_one(&provider, harness.change(2, &written.id, other)).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Validation { field });
}
