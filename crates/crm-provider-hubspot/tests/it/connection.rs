//! Credentials, properties, and the ways in which HubSpot asks for patience.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crm_core::{Disposition, ErrorKind, Field, ObjectKind, PauseCause, Repair, SharedProvider};
use crm_provider_hubspot::REGISTRATION;
use crm_testkit::contract::provider::{Credentials, Harness};
use crm_testkit::dialect::hubspot::{HubSpotOptions, Setup};
use crm_testkit::fake::{Fake as _, Outcome};
use crm_testkit::fault::{Aim, Fault, RetryAfter};
use http::{Method, Request, Response};
use jiff::SignedDuration;
use serde_json::json;

use crate::room::{behind, harness, open, setup, with};

const TOKEN: &str = "POST /oauth/token";

fn grant(refresh_token: &str) -> serde_json::Value {
    json!({
        "client_id": "sandbox-hubspot-app",
        "client_secret": "sandbox-hubspot-secret",
        "refresh_token": refresh_token,
    })
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_call_repeated() {
    let harness = harness();
    let id = harness.seed(0);
    let way = harness.way(Credentials::Right);
    let provider = open(&way, &grant("sandbox-hubspot-refresh")).unwrap();
    let kind = harness.room.kind;
    provider.get(kind, std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 1);
    harness.fake.script(Aim::path("/batch/update"), Fault::TokenExpired);
    let write = harness.update(0, &id, Field::CITY, "Aarhus");
    harness.apply_one(&provider, write).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 2);
    assert_eq!(harness.requests("/batch/update"), 2, "refused before it was carried out");
    assert_eq!(harness.stored(&id, Field::CITY).as_deref(), Some("Aarhus"));
    // Tokens live half an hour: the next one is fetched before the old one is refused.
    harness.pass(Duration::from_mins(30));
    let before = harness.requests(harness.room.read_path);
    provider.get(kind, &[id]).await.unwrap();
    assert_eq!(harness.requests(TOKEN), 3);
    assert_eq!(harness.requests(harness.room.read_path) - before, 1);
}

#[tokio::test]
async fn a_refused_grant_says_what_to_set() {
    let harness = harness();
    let provider = open(&harness.way(Credentials::Right), &grant("a-revoked-one")).unwrap();
    let error = provider.probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("HUBSPOT_REFRESH_TOKEN"), "{error:?}");
}

#[tokio::test]
async fn a_static_token_that_is_refused_says_what_to_set() {
    let harness = harness();
    let error = harness.connect(Credentials::Wrong).probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
    assert!(error.hint().unwrap().contains("HUBSPOT_API_KEY"), "{error:?}");
    // The edge's own way of refusing it.
    harness.fake.script(Aim::default(), Fault::Html(530));
    let error = harness.provider().probe().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_any_request() {
    let harness = harness();
    let way = harness.way(Credentials::Right);
    let cases = [
        (json!({}), "no credentials"),
        (json!({ "client_id": "app" }), "client_secret and refresh_token"),
        (json!({ "acess_token": "token-1" }), "acess_token"),
    ];
    for (settings, part) in cases {
        let error = open(&way, &settings).unwrap_err();
        assert!(error.message().contains(part), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    assert_eq!(harness.requests(""), 0);
}

#[tokio::test]
async fn a_bare_account_is_found_lacking_and_mended() {
    let (harness, _) = with(HubSpotOptions { setup: Setup::Bare, ..Default::default() });
    let provider = harness.provider();
    let error = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("crm check --fix")), "{error:?}");
    assert!(matches!(error.disposition(), Disposition::Park), "{error}");
    let account = provider.probe().await.unwrap();
    let kinds: Vec<_> = account.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, ObjectKind::ALL, "one for each kind, whatever its forms");
    for finding in &account.findings {
        assert!(finding.blocking);
        assert_eq!(finding.repair, Some(Repair::UidField));
        provider.repair(finding).await.unwrap();
        // Once more is no error: the answer to the first may have been lost.
        provider.repair(finding).await.unwrap();
    }
    let account = provider.probe().await.unwrap();
    assert!(account.findings.iter().all(|finding| !finding.blocking), "{account:?}");
    harness.apply_one(&provider, harness.create(0)).await.unwrap();
    assert_eq!(harness.live(), 1);
}

#[tokio::test]
async fn a_property_that_is_there_is_mended_however_the_refusal_is_spelled() {
    let (harness, fake) = with(HubSpotOptions { setup: Setup::Bare, ..Default::default() });
    let finding = harness.provider().probe().await.unwrap().findings.remove(0);
    let refused = |made: Made| {
        let fake = Arc::clone(&fake);
        let answer = move |request: &Request<Bytes>| {
            if request.method() != Method::POST || !request.uri().path().contains("/properties/") {
                return fake.respond(request);
            }
            if made == Made::Yes {
                fake.respond(request);
            }
            let body = json!({
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": "The property crm_sync_uid cannot be made",
            });
            Outcome::Reply(Response::builder().status(400).body(body.to_string().into()).unwrap())
        };
        behind(&harness, Arc::new(answer))
    };
    let (provider, _server) = refused(Made::No);
    provider.repair(&finding).await.unwrap_err();
    let (provider, _server) = refused(Made::Yes);
    provider.repair(&finding).await.unwrap();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Yes,
    No,
}

#[tokio::test]
async fn a_429_without_a_header_waits_as_its_policy_says() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    harness.fake.script(Aim::path("/batch/read"), Fault::RateLimited(RetryAfter::Silent));
    let before = harness.fake.clock().now();
    provider.get(harness.room.kind, &[id]).await.unwrap();
    let waited = harness.fake.clock().now().duration_since(before);
    assert!(waited >= SignedDuration::from_secs(10), "{waited}");
}

#[tokio::test]
async fn a_used_up_day_pauses_until_midnight_of_the_account() {
    let (harness, _) = with(HubSpotOptions { daily: 4, ..Default::default() });
    let id = harness.seed(0);
    let kind = harness.room.kind;
    let settings = json!({ "access_token": "sandbox-hubspot-token" });
    let mut setup = setup(&harness.way(Credentials::Right), &settings);
    setup.kinds = Some(vec![kind]);
    setup.quota_reserve = 0;
    let provider = (REGISTRATION.open)(setup).unwrap();
    // Three requests that also tell the limit and the account's time zone, and one.
    provider.probe().await.unwrap();
    provider.get(kind, std::slice::from_ref(&id)).await.unwrap();
    let seen = harness.requests("");
    let error = provider.get(kind, std::slice::from_ref(&id)).await.unwrap_err();
    assert_eq!(harness.requests(""), seen, "it is known beforehand");
    let Disposition::Pause(PauseCause::Until(Some(until))) = error.disposition() else {
        panic!("{error}");
    };
    // The fake's account keeps UTC.
    assert_eq!(until.as_second() % 86_400, 0, "{until}");
    assert!(until > harness.fake.clock().now());
    // Another app of the account is told by the refusal, and does not go on asking.
    let refused = harness.provider().get(kind, &[id]).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::QuotaExhausted { until: None });
    assert_eq!(harness.requests("") - seen, 1);
}

#[tokio::test]
async fn locks_and_migrations_are_waited_for() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    for status in [423, 477, 502, 522] {
        harness.fake.script(Aim::path("/batch/read"), Fault::Status(status));
        provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
    }
    // A locked record was not written: the write is safe to repeat.
    harness.fake.script(Aim::path("/batch/update"), Fault::Status(423));
    let write = harness.update(0, &id, Field::CITY, "Aarhus");
    harness.apply_one(&provider, write).await.unwrap();
    assert_eq!(harness.requests("/batch/update"), 2);
}

async fn reads(harness: &Harness, provider: &SharedProvider, count: usize) {
    let id = harness.seed(0);
    for _ in 0..count {
        provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
    }
}

#[tokio::test]
async fn headers_correct_the_pace() {
    // Published are 190 in ten seconds; this account has fewer, and only headers say so.
    let (harness, _) = with(HubSpotOptions { burst: 40, ..Default::default() });
    reads(&harness, &harness.provider(), 100).await;
    let window = harness.fake.window("ten_secondly").unwrap();
    assert_eq!((window.exceeded(), window.limit()), (0, 40));
    assert!(window.peak() <= 40);
}

#[tokio::test]
async fn headers_do_not_raise_a_limit_that_is_configured() {
    let harness = harness();
    let settings = json!({ "access_token": "sandbox-hubspot-token" });
    let mut setup = setup(&harness.way(Credentials::Right), &settings);
    setup.quotas.insert("burst".to_owned(), 20);
    let provider = (REGISTRATION.open)(setup).unwrap();
    reads(&harness, &provider, 50).await;
    let window = harness.fake.window("ten_secondly").unwrap();
    assert_eq!(window.limit(), 190, "which every answer says");
    assert!(window.peak() <= 20, "{}", window.peak());
    let burst = provider.usage().quotas.into_iter().find(|quota| quota.name == "burst").unwrap();
    assert_eq!(burst.limit, 20);
}

#[tokio::test]
async fn batches_are_as_small_as_configured_and_never_larger_than_the_vendor_takes() {
    for (wish, expected, calls) in [(2, 2, 3), (500, 100, 1)] {
        let harness = harness();
        let settings = json!({ "access_token": "sandbox-hubspot-token" });
        let mut setup = setup(&harness.way(Credentials::Right), &settings);
        setup.batch_max = NonZeroU16::new(wish);
        let provider = (REGISTRATION.open)(setup).unwrap();
        let capabilities = provider.capabilities();
        let object = capabilities.object(harness.room.kind).unwrap();
        assert_eq!((object.write_max.get(), object.read_max.get()), (expected, expected));
        let writes: Vec<_> = (0..5).map(|n| harness.create(n)).collect();
        let results = harness.apply(&provider, &writes).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(harness.requests("/batch/upsert"), calls);
    }
}
