//! The loop: what is repeated, what is not, how long it waits, and what it says at the end.

use std::sync::Arc;
use std::time::Duration;

use crm_core::{Applied, ErrorKind, Operation, ProviderId, Quota, Result};
use crm_http::{
    Client, Effect, Failure, Reply, Request, RetryPolicy, SystemClock, Verdict, Window,
};
use serde_json::Value;

use crate::recorder::{Recorder, policy};
use crate::site::{Act, Site, json, with};

fn classify(failure: &Failure<'_>) -> Verdict {
    failure.by_status()
}

fn client(site: &Site, clock: &Arc<Recorder>) -> Client {
    let id = ProviderId::new("acme");
    let clock = Arc::clone(clock);
    let builder = Client::builder(&id, &site.url, clock).retry(policy()).seed(7);
    builder.request_id_headers(&["x-trace"]).build().unwrap()
}

fn read() -> Request {
    Request::get(Operation::Get, "/things/1").endpoint("GET /things/{id}")
}

fn write(effect: Effect) -> Request {
    let body = serde_json::json!({"name": "Ada"});
    Request::post(Operation::Apply, "/things").json(&body).effect(effect)
}

fn rows(reply: &Reply) -> Result<usize> {
    let value: Value = reply.json()?;
    let rows = value.get("rows").and_then(Value::as_array);
    rows.map(Vec::len).ok_or_else(|| reply.malformed("no rows"))
}

#[tokio::test]
async fn a_success_is_one_request_and_no_wait() {
    let site = Site::acts(vec![|| json(200, r#"{"rows":[1,2]}"#)]);
    let clock = Recorder::start();
    let client = client(&site, &clock);
    let request = read().query("q", "a b").header("x-extra", "1");
    assert_eq!(client.fetch(request, &classify, rows).await.unwrap(), 2);
    let heard = site.heard();
    assert!(heard[0].is("GET /things/1?q=a+b HTTP/1.1"), "{}", heard[0].head);
    assert_eq!(heard[0].header("x-extra"), Some("1"));
    assert!(heard[0].header("user-agent").unwrap().starts_with("crm-sync/"));
    assert!(clock.waits().is_empty());
    let usage = client.usage();
    assert_eq!((usage.reads, usage.writes, usage.other), (1, 0, 0));
    assert_eq!(usage.endpoints["GET /things/{id}"], 1);
}

#[tokio::test]
async fn retry_after_in_seconds_is_obeyed_also_for_a_write() {
    let site = Site::acts(vec![|| with(429, "retry-after", "7"), || json(200, "{}")]);
    let clock = Recorder::start();
    let client = client(&site, &clock);
    client.send(write(Effect::Write), &classify).await.unwrap();
    assert_eq!(site.heard().len(), 2);
    assert_eq!(site.heard()[1].body, r#"{"name":"Ada"}"#);
    let waits = clock.waits();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0] > Duration::from_secs(5), "{waits:?}");
    assert!(waits[0] <= Duration::from_secs(7), "{waits:?}");
    assert_eq!(client.usage().writes, 2);
}

#[tokio::test]
async fn retry_after_as_a_date_is_compared_with_the_providers_clock() {
    let limited = || {
        let date = "Tue, 24 Nov 2026 10:00:00 GMT".to_owned();
        let after = "Tue, 24 Nov 2026 10:00:20 GMT".to_owned();
        let headers = vec![("date", date), ("retry-after", after)];
        Act::Answer(503, headers, Vec::new())
    };
    let site = Site::acts(vec![limited, || json(200, "{}")]);
    let clock = Recorder::start();
    client(&site, &clock).send(read(), &classify).await.unwrap();
    assert_eq!(clock.waits(), [Duration::from_secs(20)]);
}

#[tokio::test]
async fn a_limited_lane_holds_back_everybody_on_it_and_nobody_else() {
    let site = Site::start(|heard| match heard.number {
        0 => with(429, "retry-after", "3600"),
        _ => json(200, "{}"),
    });
    let clock = Recorder::start();
    let client = client(&site, &clock);
    let search = || read().lane("search");
    let error = client.send(search(), &classify).await.unwrap_err();
    let hour = Some(Duration::from_hours(1));
    assert_eq!(*error.kind(), ErrorKind::RateLimited { retry_after: hour });
    // An hour is too long to wait inside a call: it is said, and nothing is sent.
    let error = client.send(search(), &classify).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExhausted { until: Some(_) }), "{error}");
    client.send(read(), &classify).await.unwrap();
    assert_eq!(site.heard().len(), 2);
    assert!(clock.waits().is_empty());
}

#[tokio::test]
async fn a_read_is_repeated_through_every_sort_of_trouble() {
    let troubles: Vec<fn() -> Act> = vec![
        || json(503, "down"),
        || Act::Cut,
        || Act::CutBody,
        || Act::Answer(200, Vec::new(), b"<html>".to_vec()),
        || json(408, ""),
        || json(200, r#"{"rows":"none"}"#),
    ];
    for trouble in troubles {
        let site = Site::acts(vec![trouble, || json(200, r#"{"rows":[1]}"#)]);
        let clock = Recorder::start();
        let client = client(&site, &clock);
        assert_eq!(client.fetch(read(), &classify, rows).await.unwrap(), 1);
        assert_eq!(site.heard().len(), 2);
        let waits = clock.waits();
        assert_eq!(waits.len(), 1);
        assert!(waits[0] <= Duration::from_millis(500), "{waits:?}");
    }
}

#[tokio::test]
async fn a_write_of_unknown_fate_is_not_repeated() {
    let troubles: Vec<fn() -> Act> =
        vec![|| json(503, "down"), || Act::Cut, || Act::CutBody, || {
            Act::Answer(201, Vec::new(), b"<html>".to_vec())
        }];
    for trouble in troubles {
        let site = Site::acts(vec![trouble, || json(200, r#"{"rows":[1]}"#)]);
        let clock = Recorder::start();
        let client = client(&site, &clock);
        let outcome = client.fetch(write(Effect::Write), &classify, rows).await;
        let error = outcome.unwrap_err();
        let applied = Applied::Unknown;
        let unknown = [ErrorKind::Transient { applied }, ErrorKind::Malformed { applied }];
        assert!(unknown.contains(error.kind()), "{error:?}");
        assert_eq!(site.heard().len(), 1);
        assert!(clock.waits().is_empty());
    }
}

#[tokio::test]
async fn an_idempotent_write_is_repeated_and_its_doubt_is_kept() {
    let site = Site::acts(vec![|| Act::CutBody, || json(200, "{}")]);
    let clock = Recorder::start();
    let request = || write(Effect::IdempotentWrite);
    client(&site, &clock).send(request(), &classify).await.unwrap();
    assert_eq!(site.heard().len(), 2);

    // The first attempt may have been applied; that the others were not does not change it.
    let site = Site::acts(vec![|| Act::Cut, || with(429, "retry-after", "1")]);
    let error = client(&site, &clock).send(request(), &classify).await.unwrap_err();
    let applied = Applied::Unknown;
    assert_eq!(*error.kind(), ErrorKind::Transient { applied });
    assert!(error.to_string().contains("may have been applied"), "{error}");

    // A definite answer stands.
    let site = Site::acts(vec![|| Act::Cut, || json(409, "{}")]);
    let error = client(&site, &clock).send(request(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict { existing: None });
}

#[tokio::test]
async fn repetition_ends_without_a_last_wait_and_with_the_last_error() {
    let site = Site::start(|heard| with(503, "x-trace", &format!("t-{}", heard.number)));
    let clock = Recorder::start();
    let error = client(&site, &clock).send(read(), &classify).await.unwrap_err();
    assert_eq!(site.heard().len(), 4);
    let waits = clock.waits();
    assert_eq!(waits.len(), 3, "{waits:?}");
    for (wait, bound_ms) in waits.iter().zip([500, 1_000, 2_000]) {
        assert!(*wait <= Duration::from_millis(bound_ms), "{waits:?}");
    }
    assert_eq!(error.request_id(), Some("t-3"));
    assert_eq!(error.status(), Some(503));
    assert_eq!(error.operation(), Some(Operation::Get));
    assert_eq!(error.provider().unwrap().as_str(), "acme");
}

#[tokio::test]
async fn what_will_not_change_is_not_repeated() {
    for (status, expected) in [
        (400, ErrorKind::Validation { field: None }),
        (401, ErrorKind::Auth),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict { existing: None }),
        (412, ErrorKind::Stale),
        (302, ErrorKind::Permanent),
    ] {
        let site = Site::start(move |_| with(status, "location", "/elsewhere"));
        let clock = Recorder::start();
        let error = client(&site, &clock).send(read(), &classify).await.unwrap_err();
        assert_eq!(*error.kind(), expected, "{status}");
        assert_eq!(site.heard().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_room_can_ask_for_a_longer_wait() {
    let site = Site::acts(vec![|| json(423, "{}"), || json(200, "{}")]);
    let clock = Recorder::start();
    let locked = |failure: &Failure<'_>| {
        let applied = Applied::No;
        assert_eq!(failure.status(), 423);
        let verdict = Verdict::new(ErrorKind::Transient { applied }, "the record is locked");
        verdict.wait_min(Duration::from_secs(2))
    };
    client(&site, &clock).send(write(Effect::Write), &locked).await.unwrap();
    assert_eq!(clock.waits(), [Duration::from_secs(2)]);
}

#[tokio::test]
async fn bodies_are_bounded_announced_or_not() {
    let bodies: [fn() -> Act; 2] =
        [|| Act::Answer(200, Vec::new(), vec![b' '; 5_000]), || Act::Stream(vec![b' '; 5_000])];
    for big in bodies {
        let site = Site::acts(vec![big]);
        let id = ProviderId::new("acme");
        let build = |max| {
            let builder = Client::builder(&id, &site.url, Recorder::start());
            builder.retry(policy()).body_max(max).build().unwrap()
        };
        let reply = build(5_000).send(read(), &classify).await.unwrap();
        assert_eq!(reply.body().len(), 5_000);
        let error = build(4_999).send(read(), &classify).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Permanent, "{error}");
        assert_eq!(site.heard().len(), 2);
        let write = write(Effect::Write);
        let error = build(4_999).send(write, &classify).await.unwrap_err();
        let applied = Applied::Unknown;
        assert_eq!(*error.kind(), ErrorKind::Malformed { applied }, "{error}");
    }
}

#[tokio::test]
async fn an_attempt_has_an_end() {
    let site = Site::acts(vec![|| Act::Slow(Duration::from_secs(30)), || json(200, "{}")]);
    let id = ProviderId::new("acme");
    let slow = RetryPolicy {
        attempt_max: Duration::from_millis(1_500),
        retries_max: 1,
        ..RetryPolicy::default()
    };
    let clock = Arc::new(SystemClock::new());
    let builder = Client::builder(&id, &site.url, clock).retry(slow);
    let client = builder.build().unwrap();
    let error = client.send(write(Effect::Write), &classify).await.unwrap_err();
    let applied = Applied::Unknown;
    assert_eq!(*error.kind(), ErrorKind::Transient { applied }, "{error}");
    client.send(read(), &classify).await.unwrap();
}

#[tokio::test]
async fn an_unreachable_host_certainly_applied_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let id = ProviderId::new("acme");
    let clock = Recorder::start();
    let builder = Client::builder(&id, &url, Arc::<Recorder>::clone(&clock));
    let client = builder.retry(policy()).build().unwrap();
    let error = client.send(write(Effect::Write), &classify).await.unwrap_err();
    let applied = Applied::No;
    assert_eq!(*error.kind(), ErrorKind::Transient { applied }, "{error}");
    assert!(error.to_string().contains(&url), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(clock.waits().len(), 3);
}

#[tokio::test]
async fn repetitions_are_a_fifth_of_the_requests_when_a_provider_is_down() {
    let site = Site::acts(vec![|| json(503, "down")]);
    let client = client(&site, &Recorder::start());
    for _ in 0..100 {
        client.send(read(), &classify).await.unwrap_err();
    }
    let repeated = site.heard().len() - 100;
    assert!((20..=41).contains(&repeated), "{repeated}");
}

#[tokio::test]
async fn a_quota_of_the_day_is_reported_and_not_slept_through() {
    let site = Site::acts(vec![|| json(200, "{}")]);
    let id = ProviderId::new("acme");
    let clock = Recorder::start();
    let daily = Window::new(Quota { name: "daily", limit: 3, window: Duration::from_hours(24) });
    let builder = Client::builder(&id, &site.url, Arc::<Recorder>::clone(&clock));
    let client = builder.retry(policy()).windows([daily]).build().unwrap();
    for _ in 0..3 {
        client.send(read(), &classify).await.unwrap();
    }
    let error = client.send(read(), &classify).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExhausted { until: Some(_) }), "{error}");
    assert!(error.to_string().contains("`daily`"), "{error}");
    assert_eq!(site.heard().len(), 3);
    assert!(clock.waits().is_empty());
    let quota = &client.usage().quotas[0];
    assert_eq!((quota.name.as_str(), quota.limit, quota.used), ("daily", 3, 3));
}

#[tokio::test]
async fn headers_correct_the_windows_whatever_the_status() {
    let site = Site::acts(vec![|| with(404, "x-left", "0")]);
    let id = ProviderId::new("acme");
    let daily =
        Window::new(Quota { name: "daily", limit: 1_000, window: Duration::from_hours(24) });
    let builder = Client::builder(&id, &site.url, Recorder::start());
    let observed = builder.windows([daily]).observer(|lane, headers, pacer| {
        assert_eq!(lane, "default");
        if headers.contains_key("x-left") {
            pacer.observe("daily", 50, 0, None);
        }
    });
    let client = observed.retry(policy()).build().unwrap();
    let error = client.send(read(), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound);
    let error = client.send(read(), &classify).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::QuotaExhausted { .. }), "{error}");
    assert_eq!(site.heard().len(), 1);
}

#[tokio::test]
async fn nothing_personal_is_shown() {
    let site = Site::acts(vec![|| json(200, r#"{"email":"ada@people.example"}"#)]);
    let client = client(&site, &Recorder::start());
    let reply = client.send(read(), &classify).await.unwrap();
    assert!(!format!("{reply:?}{client:?}").contains("ada@"));
    let error = client.send(Request::get(Operation::Get, "relative"), &classify).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Permanent);
}

#[tokio::test]
async fn a_scaled_clock_runs_and_sleeps_faster() {
    use crm_core::Clock;
    let clock = SystemClock::scaled(1_000);
    let real = SystemClock::new();
    let (began, really_began) = (clock.now(), real.now());
    clock.sleep(Duration::from_mins(5)).await;
    let passed = clock.now().duration_since(began);
    assert!(passed.as_secs() >= 300, "{passed:?}");
    let really = real.now().duration_since(really_began);
    assert!(really.as_secs() < 60, "{really:?}");
}

#[tokio::test]
async fn no_more_requests_than_allowed_are_under_way_at_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (inside, peak) = (Arc::clone(&now), Arc::clone(&most));
    let site = Site::start(move |_| {
        peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        inside.fetch_sub(1, Ordering::SeqCst);
        json(200, "{}")
    });
    let id = ProviderId::new("acme");
    let builder = Client::builder(&id, &site.url, Recorder::start()).retry(policy());
    let client = builder.in_flight_max(3).build().unwrap();
    let calls = (0..12).map(|_| client.send(read(), &classify));
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(site.heard().len(), 12);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
