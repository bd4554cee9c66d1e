//! Writes that meet duplicate rules, locks, deleted records, and each other.

use std::sync::{Arc, Mutex};

use crm_core::{
    Action, Applied, Disposition, ErrorKind, Field, Fields, Patch, RemoteId, SharedProvider, Write,
};
use crm_testkit::contract::provider::{Connect, Credentials, Harness};
use crm_testkit::dialect::salesforce::{DuplicateRule, SalesforceOptions};
use crm_testkit::fake::{Bin, Fake};
use crm_testkit::fault::{Aim, Fault};
use crm_testkit::serve::{Server, Site};
use http::Request;
use serde_json::json;

use crate::room::{failure, harness, open, with};

fn guarded_by(rule: DuplicateRule) -> Harness {
    with(SalesforceOptions { duplicate_rule: rule, ..Default::default() }).0
}

#[tokio::test]
async fn a_duplicate_rule_that_finds_one_record_names_it() {
    for rule in [DuplicateRule::Alert, DuplicateRule::Block] {
        let harness = guarded_by(rule);
        let existing = harness.seed(1);
        let provider = harness.provider();
        let writes = [harness.create(0), harness.create(1), harness.create(2)];
        let mut results = harness.apply(&provider, &writes).await;
        let conflict = failure(results.remove(1));
        assert_eq!(conflict, ErrorKind::Conflict { existing: Some(existing) }, "{rule:?}");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(harness.live(), 3, "never saved all the same");
        // One collection, and one call for the record that was refused.
        assert_eq!(provider.usage().writes, 2);
    }
}

#[tokio::test]
async fn a_duplicate_rule_that_finds_several_is_for_a_person() {
    let harness = guarded_by(DuplicateRule::Block);
    harness.seed(1);
    harness.seed(1);
    let error = harness.apply_one(&harness.provider(), harness.create(1)).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Park);
    assert_eq!(error.code(), Some("DUPLICATES_DETECTED"));
    assert_eq!(harness.live(), 2);
}

#[tokio::test]
async fn a_locked_record_was_certainly_not_written() {
    let harness = harness();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::BatchItem(1));
    let write = |(n, id)| harness.update(n, id, Field::CITY, "Lund");
    let writes: Vec<Write> = ids.iter().enumerate().map(write).collect();
    let mut results = harness.apply(&provider, &writes).await;
    let error = results.remove(1).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Transient { applied: Applied::No });
    assert_eq!(error.code(), Some("UNABLE_TO_LOCK_ROW"));
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(harness.stored(&ids[1], Field::CITY).as_deref(), Some("Brno"));
}

#[tokio::test]
async fn failures_of_one_collection_keep_to_their_records() {
    let harness = harness();
    let ids = harness.seed_many(2);
    harness.fake.delete("Contact", ids[0].as_str()).unwrap();
    let provider = harness.provider();
    let mut nameless = harness.create(1);
    if let Action::Create { fields, .. } = &mut nameless.action {
        fields.set(Field::LAST_NAME, None);
    }
    let long = "x".repeat(81);
    let writes = [
        harness.create(0),
        nameless,
        harness.update(3, &ids[0], Field::CITY, "Lund"),
        harness.update(4, &RemoteId::from("no id"), Field::CITY, "Lund"),
        harness.update(5, &ids[1], Field::LAST_NAME, &long),
        harness.update(6, &ids[1], Field::EMAIL, "not an address"),
        harness.write(7, Action::Delete { id: ids[0].clone() }),
        harness.update(8, &ids[1], Field::CITY, "Lund"),
    ];
    let results = harness.apply(&provider, &writes).await;
    let outcomes: Vec<_> =
        results.into_iter().map(|result| result.map_err(|error| error.kind().clone())).collect();
    let invalid = |field| Err(ErrorKind::Validation { field: Some(field) });
    let refusals = [
        invalid(Field::LAST_NAME),
        Err(ErrorKind::NotFound),
        Err(ErrorKind::NotFound),
        invalid(Field::LAST_NAME),
        invalid(Field::EMAIL),
        Err(ErrorKind::NotFound),
    ];
    assert_eq!(outcomes[1..7], refusals);
    assert!(outcomes[0].is_ok() && outcomes[7].is_ok(), "{outcomes:?}");
    assert_eq!(harness.stored(&ids[1], Field::CITY).as_deref(), Some("Lund"));
}

#[tokio::test]
async fn two_writes_to_one_record_go_one_after_the_other() {
    let harness = harness();
    let provider = harness.provider();
    let id = harness.seed(5);
    let mut again = harness.create(0);
    if let Action::Create { fields, .. } = &mut again.action {
        *fields = Fields::new();
        fields.insert(Field::LAST_NAME, crm_core::Value::text("Second"));
    }
    let writes = [
        harness.create(0),
        harness.update(1, &id, Field::CITY, "Lund"),
        again,
        harness.update(3, &id, Field::CITY, "Turku"),
    ];
    let results = harness.apply(&provider, &writes).await;
    let ids: Vec<_> = results.into_iter().map(|result| result.unwrap().id).collect();
    assert_eq!(ids[0], ids[2]);
    assert_eq!(harness.live(), 2);
    assert_eq!(harness.stored(&ids[0], Field::LAST_NAME).as_deref(), Some("Second"));
    assert_eq!(harness.stored(&id, Field::CITY).as_deref(), Some("Turku"));
}

#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let harness = harness();
    let id = harness.seed(0);
    let patch = Patch::new();
    let action = Action::Update { id: id.clone(), patch, expected: None };
    let provider = harness.provider();
    assert_eq!(harness.apply_one(&provider, harness.write(0, action)).await.unwrap().id, id);
}

#[tokio::test]
async fn writes_say_who_they_are_and_never_ask_for_duplicates() {
    let (harness, fake) = with(SalesforceOptions {
        duplicate_rule: DuplicateRule::Alert,
        ..SalesforceOptions::default()
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handler = move |request: &Request<_>| {
        let header = |name| request.headers().get(name).cloned();
        let entry = (request.method().clone(), header("sforce-call-options"));
        log.lock().unwrap().push((entry, header("sforce-duplicate-rule-header")));
        fake.respond(request)
    };
    let server = Server::start(vec![Site::bind(0, Arc::new(handler)).unwrap()]).unwrap();
    let clock = harness.way(Credentials::Right).clock;
    let connect = Connect { url: server.url(0).unwrap(), credentials: Credentials::Right, clock };
    let settings = json!({ "client_id": "sandbox-client", "client_secret": "sandbox-secret" });
    let provider = open(&connect, &settings).unwrap();
    let id = harness.seed(1);
    let writes = [
        harness.create(1),
        harness.update(1, &id, Field::CITY, "Lund"),
        harness.write(2, Action::Delete { id: id.clone() }),
    ];
    assert_eq!(harness.apply(&provider, &writes).await.len(), 3);
    let seen = seen.lock().unwrap();
    let writes = seen.iter().filter(|((method, _), _)| *method != "GET" && *method != "POST");
    let mut count = 0;
    for ((method, caller), duplicates) in writes {
        assert_eq!(caller.as_ref().unwrap(), "client=crm-sync", "{method}");
        assert_eq!(*duplicates, None);
        count += 1;
    }
    assert!(count >= 3, "{seen:?}");
}

#[tokio::test]
async fn each_kind_of_write_has_its_own_collection_and_keeps_its_place() {
    let harness = harness();
    let ids = harness.seed_many(4);
    let provider = harness.provider();
    let delete = |n: usize| harness.write(n, Action::Delete { id: ids[n].clone() });
    let writes = [
        delete(0),
        harness.create(10),
        harness.update(1, &ids[1], Field::CITY, "Lund"),
        harness.update(2, &"003000000000zzzAAA".into(), Field::CITY, "Lund"),
        harness.write(3, Action::Delete { id: "no id".into() }),
        harness.create(11),
        delete(3),
    ];
    let results = harness.apply(&provider, &writes).await;
    let kinds: Vec<Option<ErrorKind>> =
        results.iter().map(|result| result.as_ref().err().map(|e| e.kind().clone())).collect();
    let gone = Some(ErrorKind::NotFound);
    assert_eq!(kinds, [None, None, None, gone.clone(), gone, None, None]);
    assert_eq!(results[0].as_ref().unwrap().id, ids[0]);
    assert_eq!(results[6].as_ref().unwrap().id, ids[3]);
    assert_eq!(harness.live(), 4);
    assert_eq!(harness.fake.records("Contact", Bin::Archived).unwrap().len(), 2);
    assert_eq!(harness.requests("PATCH /services/data/composite/sobjects"), 2);
    assert_eq!(harness.requests("DELETE /services/data/composite/sobjects"), 1);
}

async fn doubt(harness: &Harness, provider: &SharedProvider, fault: Fault, write: Write) {
    let path = "/composite/sobjects";
    let before = harness.requests(path);
    harness.fake.script(Aim::path(path), fault);
    let error = harness.apply_one(provider, write).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Verify, "{fault:?}: {error}");
    assert_eq!(harness.requests(path) - before, 1, "{fault:?}");
}

#[tokio::test]
async fn a_write_in_doubt_is_never_sent_again_by_itself() {
    let harness = harness();
    let provider = harness.provider();
    let faults = [
        Fault::CutAfter,
        Fault::CutBefore,
        Fault::StatusAfter(503),
        Fault::Garbled,
        Fault::Html(502),
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        doubt(&harness, &provider, fault, harness.create(n)).await;
        let id = harness.seed(100 + n);
        let write = harness.update(n, &id, Field::CITY, "Lund");
        doubt(&harness, &provider, fault, write).await;
        let write = harness.write(n, Action::Delete { id });
        doubt(&harness, &provider, fault, write).await;
    }
    // A quota, a full house or a dead token is certainly not a write: those are repeated.
    harness.fake.script(Aim::path("/composite/sobjects"), Fault::TokenExpired);
    let silent = Fault::RateLimited(crm_testkit::fault::RetryAfter::Silent);
    harness.fake.script(Aim::path("/composite/sobjects"), silent);
    assert!(harness.apply_one(&provider, harness.create(50)).await.is_ok());
}

#[tokio::test]
async fn the_days_quota_holds_back_without_an_end() {
    // One is for the survey.
    let options = SalesforceOptions { daily_limit: 4, ..SalesforceOptions::default() };
    let (harness, _fake) = with(options);
    let provider = harness.provider();
    for n in 0..3 {
        harness.apply_one(&provider, harness.create(n)).await.unwrap();
    }
    let refused = harness.apply_one(&provider, harness.create(3)).await;
    assert!(matches!(failure(refused), ErrorKind::QuotaExhausted { .. }));
    assert_eq!(harness.live(), 3);
    assert_eq!(harness.fake.window("daily").unwrap().exceeded(), 0);
    let daily = provider.usage().quotas.into_iter().find(|quota| quota.name == "daily").unwrap();
    assert_eq!((daily.used, daily.limit), (4, 4), "the header corrected our window");
}
