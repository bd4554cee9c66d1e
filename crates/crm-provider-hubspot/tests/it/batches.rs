//! Batches that fail in part, or as a whole, or not where they should.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crm_core::{
    Action, ErrorKind, Field, Fields, Lookup, MatchKey, Patch, RemoteId, Result, Value, Written,
};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::hubspot::{HubSpotOptions, MergedId, MergedInBatch};
use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::fault::{Aim, Fault};
use http::{Request, Response};
use serde_json::json;

use crate::room::{behind, harness, with};

const UPDATE: &str = "/batch/update";

fn kinds(results: Vec<Result<Written>>) -> Vec<Option<ErrorKind>> {
    results.into_iter().map(|result| result.err().map(|error| error.kind().clone())).collect()
}

fn without_person(n: usize, harness: &Harness, field: Field, text: &str) -> crm_core::Write {
    let mut write = harness.create(n);
    if let Action::Create { fields, .. } = &mut write.action {
        fields.insert(field, Value::text(text));
    }
    write
}

#[tokio::test]
async fn a_207_settles_each_item_by_itself() {
    let harness = harness();
    let taken = harness.seed(0);
    let provider = harness.provider();
    let writes = [
        harness.create(1),
        harness.create(0),
        without_person(2, &harness, Field::EMAIL, "not an address"),
        harness.create(3),
    ];
    let results = kinds(harness.apply(&provider, &writes).await);
    let conflict = ErrorKind::Conflict { existing: Some(taken) };
    let invalid = ErrorKind::Validation { field: Some(Field::EMAIL) };
    assert_eq!(results, [None, Some(conflict), Some(invalid), None]);
    assert_eq!(harness.live(), 3);
    assert_eq!(harness.requests("/batch/upsert"), 1, "one batch told it all");
}

#[tokio::test]
async fn a_409_for_the_whole_batch_is_halved_until_each_item_has_its_truth() {
    let (harness, fake) = with(HubSpotOptions::default());
    harness.seed(5);
    // Without trace ids the vendor refuses a batch with one bad item as a whole.
    let answer = move |request: &Request<Bytes>| {
        let mut untraced = request.clone();
        if request.uri().path().ends_with("/batch/upsert") {
            let mut body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            for input in body["inputs"].as_array_mut().unwrap() {
                input.as_object_mut().unwrap().remove("objectWriteTraceId");
            }
            *untraced.body_mut() = serde_json::to_vec(&body).unwrap().into();
        }
        fake.respond(&untraced)
    };
    let (provider, _server) = behind(&harness, Arc::new(answer));
    let writes: Vec<_> = (0..16).map(|n| harness.create(n)).collect();
    let results = kinds(harness.apply(&provider, &writes).await);
    for (n, kind) in results.into_iter().enumerate() {
        // Then it does not say whose address it is.
        let conflict = ErrorKind::Conflict { existing: None };
        assert_eq!(kind, (n == 5).then_some(conflict), "{n}");
    }
    assert_eq!(harness.live(), 16);
    // 16, 8, 4, 2, 1 and the other half each time.
    assert_eq!(harness.requests("/batch/upsert"), 9);
}

#[tokio::test]
async fn a_lacking_property_fails_those_that_have_it_and_is_not_searched_for() {
    let harness = harness();
    let fake = Arc::clone(&harness.fake);
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let answer = move |request: &Request<Bytes>| {
        let body = String::from_utf8_lossy(request.body());
        if !body.contains("\"website\":\"") {
            return fake.respond(request);
        }
        count.fetch_add(1, Ordering::SeqCst);
        let body = json!({
            "status": "error",
            "category": "VALIDATION_ERROR",
            "message": "Property values were not valid",
            "errors": [{
                "message": "Property \"website\" does not exist",
                "code": "PROPERTY_DOESNT_EXIST",
                "context": { "propertyName": ["website"] },
            }],
        });
        Outcome::Reply(Response::builder().status(400).body(body.to_string().into()).unwrap())
    };
    let (provider, _server) = behind(&harness, Arc::new(answer));
    let write = |n: usize| match n % 2 {
        0 => harness.create(n),
        _ => without_person(n, &harness, Field::WEBSITE, "https://pine.example"),
    };
    let writes: Vec<_> = (0..20).map(write).collect();
    let results = kinds(harness.apply(&provider, &writes).await);
    for (n, kind) in results.into_iter().enumerate() {
        let invalid = ErrorKind::Validation { field: Some(Field::WEBSITE) };
        assert_eq!(kind, (n % 2 == 1).then_some(invalid), "{n}");
    }
    assert_eq!(harness.live(), 10);
    assert_eq!(refused.load(Ordering::SeqCst), 1);
    assert_eq!(harness.requests("/batch/upsert"), 1);
}

#[tokio::test]
async fn two_writes_to_one_record_go_one_after_the_other() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let cities = ["Lund", "Aarhus", "Turku"];
    let write = |(n, city): (usize, &&str)| harness.update(n, &id, Field::CITY, city);
    let mut writes: Vec<_> = cities.iter().enumerate().map(write).collect();
    writes.extend([harness.create(7), harness.create(7)]);
    let results = harness.apply(&provider, &writes).await;
    let ids: Vec<_> = results.into_iter().map(|result| result.unwrap().id).collect();
    assert_eq!(harness.stored(&id, Field::CITY).as_deref(), Some("Turku"));
    assert_eq!(ids[3], ids[4], "one uid is one record");
    assert_eq!(harness.live(), 2);
    assert_eq!(harness.requests(UPDATE), 3);
}

#[tokio::test]
async fn a_clear_is_an_empty_text_beside_other_changes() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let patch: Patch =
        [(Field::PHONE, None), (Field::CITY, Some(Value::text("Lund")))].into_iter().collect();
    let action = Action::Update { id: id.clone(), patch, expected: None };
    let written = harness.apply_one(&provider, harness.write(0, action)).await.unwrap();
    let stored: Fields = written.stored.unwrap();
    assert_eq!((stored.get(Field::PHONE), stored.len()), (None, 1));
    assert_eq!(harness.stored(&id, Field::PHONE), None);
    assert_eq!(harness.stored(&id, Field::CITY).as_deref(), Some("Lund"));
}

#[tokio::test]
async fn an_item_that_failed_to_be_read_is_not_taken_for_absent() {
    let harness = harness();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    harness.fake.script(Aim::path("/batch/read"), Fault::BatchItem(1));
    let lookups = provider.get(harness.room.kind, &ids).await.unwrap();
    assert!(lookups.iter().all(|lookup| matches!(lookup, Lookup::Found(_))), "{lookups:?}");
    harness.fake.script(Aim::path("/batch/read"), Fault::BatchItem(0));
    let keys = [MatchKey::Email("ada.1@mail.example".into())];
    assert_eq!(provider.find(harness.room.kind, &keys).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_merged_record_is_told_whatever_a_batch_answers_for_its_id() {
    for merged_id in [MergedId::New, MergedId::Primary] {
        for merged_in_batch in [MergedInBatch::Survivor, MergedInBatch::Missing] {
            let options = HubSpotOptions { merged_id, merged_in_batch, ..Default::default() };
            merged(&with(options).0).await;
        }
    }
}

async fn merged(harness: &Harness) {
    let ids = harness.seed_many(3);
    let (winner, loser) = (ids[0].as_str(), ids[1].as_str());
    let survivor = RemoteId::from(harness.fake.merge("contacts", winner, loser).unwrap());
    let provider = harness.provider();
    // Alone, and in one batch with the survivor.
    let alone = provider.get(harness.room.kind, &ids[1..2]).await.unwrap();
    assert_eq!(alone, [Lookup::MergedInto(survivor.clone())]);
    let all = [ids[1].clone(), survivor.clone(), ids[2].clone()];
    let lookups = provider.get(harness.room.kind, &all).await.unwrap();
    assert_eq!(lookups[0], Lookup::MergedInto(survivor.clone()));
    let Lookup::Found(remote) = &lookups[1] else { panic!("{lookups:?}") };
    assert!(remote.aliases.contains(&ids[1]), "{remote:?}");
    assert!(matches!(&lookups[2], Lookup::Found(other) if other.id == ids[2]));
}
