//! Tokens, scopes, credits, data centres, and what an org lacks.

use std::time::Duration;

use crm_core::{Applied, ErrorKind, Field, Lookup, ObjectKind, RemoteId, Repair};
use crm_testkit::contract::provider::Credentials;
use crm_testkit::dialect::zoho::{OrgFields, ZohoOptions};
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{at, failure, of, open, open_with, opened, with};

const NOW: &str = "2026-11-24T08:00:00Z";

fn tokens(harness: &crm_testkit::contract::provider::Harness) -> u64 {
    harness.requests("oauth")
}

/// One token for all calls, renewed before it ends, and once where it was killed.
#[tokio::test]
async fn a_token_is_shared_and_renewed() {
    let (harness, fake) = at(NOW, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let id = harness.seed(0);
    for _ in 0..3 {
        harness.read(&provider, &id).await;
    }
    assert_eq!(tokens(&harness), 1);
    harness.pass(Duration::from_mins(61));
    harness.read(&provider, &id).await;
    assert_eq!(tokens(&harness), 2);
    fake.with(|zoho, _| crm_testkit::fake::Dialect::kill_tokens(zoho));
    harness.read(&provider, &id).await;
    assert_eq!(tokens(&harness), 3);
}

/// The accounts server refuses with status 200, and in words alone when asked too often.
#[tokio::test]
async fn refusals_of_tokens_are_told_apart() {
    let (harness, fake) = at(NOW, ZohoOptions::default());
    let wrong = json!({ "client_id": "another", "client_secret": "word", "refresh_token": "word" });
    let provider = open(&harness.way(Credentials::Right), &wrong).unwrap();
    let error = provider.probe().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (&ErrorKind::Auth, Some(200)));
    assert_eq!(error.code(), Some("invalid_client"));
    assert!(error.hint().unwrap().contains("ZOHO_DATA_CENTER"), "{error:?}");

    let provider = opened(&harness, &json!({}));
    let id = harness.seed(0);
    for _ in 0..10 {
        harness.read(&provider, &id).await;
        fake.with(|zoho, _| crm_testkit::fake::Dialect::kill_tokens(zoho));
    }
    let blocked = provider.get(ObjectKind::Contact, std::slice::from_ref(&id)).await;
    let wait = Some(Duration::from_mins(10));
    assert_eq!(failure(blocked), ErrorKind::RateLimited { retry_after: wait });
    harness.pass(Duration::from_mins(10));
    harness.read(&provider, &id).await;
}

/// A missing scope has the status of a dead token, and is no reason to spend another one.
#[tokio::test]
async fn a_missing_scope_is_no_dead_token() {
    let (harness, _) = with(ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    harness.fake.script(Aim::path("/crm/v8/org"), Fault::Status(401));
    let error = provider.probe().await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Forbidden);
    assert!(error.hint().unwrap().contains("ZohoCRM.modules.ALL"));
    assert_eq!(tokens(&harness), 1);
}

/// Credits are counted as the vendor counts them, and their end is told from mere haste.
#[tokio::test]
async fn credits_are_counted_and_their_end_is_known() {
    let options = ZohoOptions { daily_credits: 40, ..ZohoOptions::default() };
    let (harness, _) = at(NOW, options);
    let provider = opened(&harness, &json!({}));
    let writes: Vec<_> = (0..25).map(|n| harness.create(n)).collect();
    for result in harness.apply(&provider, &writes).await {
        result.unwrap();
    }
    // Ten of the survey, three for 25 records.
    let used = |name: &str| {
        let quotas = harness.fake.counters().quotas;
        quotas[name]["used"].as_u64().unwrap()
    };
    assert_eq!(used("daily"), provider.usage().quotas[0].used);
    assert_eq!(used("daily"), harness.asked() + 2);
    let id = RemoteId::from("7100000000000399998");
    let mut answer = Ok(Vec::new());
    for _ in 0..40 {
        answer = provider.get(ObjectKind::Contact, std::slice::from_ref(&id)).await;
        if answer.is_err() {
            break;
        }
    }
    // Our own count ends before the vendor's does, since answers told what is left.
    assert!(matches!(failure(answer), ErrorKind::QuotaExhausted { .. }));
    let quotas = harness.fake.counters().quotas;
    assert_eq!(quotas["daily"]["exceeded"], 0, "{quotas}");
    assert!(used("daily") >= 39);
}

#[tokio::test]
async fn a_server_error_of_a_write_leaves_its_fate_open() {
    let (harness, _) = with(ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    harness.fake.script(Aim::path("/upsert"), Fault::StatusAfter(500));
    let result = harness.apply_one(&provider, harness.create(0)).await;
    assert_eq!(failure(result), ErrorKind::Transient { applied: Applied::Unknown });
}

/// What a new org lacks is named and made, for each kind, and then nothing is amiss.
#[tokio::test]
async fn a_bare_org_is_mended() {
    let options = ZohoOptions { fields: OrgFields::Bare, ..ZohoOptions::default() };
    let (harness, _) = with(options);
    let provider = opened(&harness, &json!({}));
    let account = provider.probe().await.unwrap();
    let blocked = account.findings.iter().filter(|finding| finding.blocking);
    let blocked: Vec<ObjectKind> = blocked.map(|finding| finding.kind).collect();
    assert_eq!(blocked.len(), 4, "{:#?}", account.findings);
    let suspended = |kind| {
        let capabilities = provider.capabilities();
        capabilities.object(kind).unwrap().suspended.contains(&Field::COMPANY)
    };
    assert!(suspended(ObjectKind::Contact));
    let refused = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("crm check --fix"));
    for finding in account.findings.iter().filter(|finding| finding.repair.is_some()) {
        provider.repair(finding).await.unwrap();
    }
    let account = provider.probe().await.unwrap();
    assert_eq!(account.findings, [], "all is mended");
    assert!(!suspended(ObjectKind::Contact));
    harness.apply_one(&provider, harness.create(0)).await.unwrap();
    let again = harness.apply_one(&provider, harness.create(0)).await.unwrap();
    assert_eq!(harness.live(), 1, "the new field is unique: {again:?}");
    let nothing = crm_core::Finding { repair: None, ..finding(Repair::UidField) };
    assert_eq!(failure(provider.repair(&nothing).await), ErrorKind::Unsupported);
}

fn finding(repair: Repair) -> crm_core::Finding {
    crm_core::Finding {
        kind: ObjectKind::Contact,
        message: "something".to_owned(),
        hint: "something".to_owned(),
        repair: Some(repair),
        blocking: true,
    }
}

/// An org with several currencies shows them, and its amounts have one.
#[tokio::test]
async fn currencies_are_known_where_there_are_several() {
    let currencies = vec!["EUR".to_owned(), "USD".to_owned()];
    let options = ZohoOptions { currencies, ..ZohoOptions::default() };
    let (harness, _) = of(ObjectKind::Deal, options);
    let provider = opened(&harness, &json!({}));
    provider.probe().await.unwrap();
    let capabilities = provider.capabilities();
    let known = capabilities.metadata.currencies.as_ref().unwrap();
    assert_eq!(known.iter().map(|code| &**code).collect::<Vec<_>>(), ["EUR", "USD"]);
    let id = harness.seed_with(&harness.record(0), &[("Currency", "USD")]);
    let read = harness.read(&provider, &id).await;
    assert_eq!(read.fields.get(Field::CURRENCY).unwrap().display(), "USD");
}

/// What settings are missing is said before anything is sent.
#[test]
fn incomplete_settings_are_refused() {
    let (harness, _) = with(ZohoOptions::default());
    let way = harness.way(Credentials::Right);
    let none = open_with(&way, &json!({})).unwrap_err();
    assert!(none.hint().unwrap().contains("ZOHO_CLIENT_ID"));
    let half = open_with(&way, &json!({ "client_id": "word" })).unwrap_err();
    assert!(half.to_string().contains("client_secret and refresh_token"), "{half}");
    let center = json!({ "access_token": "word", "data_center": "moon" });
    assert!(open_with(&way, &center).unwrap_err().hint().unwrap().contains("us, eu, in, au"));
    let stages = json!({ "access_token": "word", "stages": { "Pilot": "halfway" } });
    assert!(open_with(&way, &stages).unwrap_err().to_string().contains("halfway"));
    let fine = json!({ "access_token": "word", "data_center": "EU", "concurrency": 10 });
    open_with(&way, &fine).unwrap();
    assert_eq!(harness.requests(""), 0);
}

/// A bare token works until it ends; then an error says what to set.
#[tokio::test]
async fn a_token_alone_works_for_an_hour() {
    let options =
        ZohoOptions { access_token: Some("token-1".to_owned()), ..ZohoOptions::default() };
    let (harness, _) = at(NOW, options);
    let settings = json!({ "access_token": "token-1" });
    let provider = open(&harness.way(Credentials::Right), &settings).unwrap();
    let id = harness.seed(0);
    let found = provider.get(ObjectKind::Contact, std::slice::from_ref(&id)).await.unwrap();
    assert!(matches!(found[0], Lookup::Found(_)));
    harness.pass(Duration::from_mins(61));
    let error = provider.get(ObjectKind::Contact, &[id]).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("ZOHO_REFRESH_TOKEN"));
}
