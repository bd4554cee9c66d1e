//! Bad weather: refusals, errors, and answers that never arrive.

use jiff::SignedDuration;

use crm_core::{Applied, Disposition, ErrorKind};

use super::harness::{Harness, failure, found};
use crate::fault::{Aim, Fault, RetryAfter};

/// More attempts than a bounded retry makes.
const ATTEMPTS_MAX: u64 = 10;
/// What a 429 asks for.
const WAIT_SECONDS: u32 = 3;

/// After a 429 the same call is made again, not before the time it asked for, and once.
pub async fn a_429_is_honoured(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    for after in [RetryAfter::Seconds(WAIT_SECONDS), RetryAfter::Date(WAIT_SECONDS)] {
        let requests = harness.requests(harness.room.read_path);
        harness.fake.script(Aim::path(harness.room.read_path), Fault::RateLimited(after));
        let before = harness.fake.clock().now();
        let lookups = provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
        found(lookups.first().unwrap());
        let waited = harness.fake.clock().now().duration_since(before);
        // A date in a header has whole seconds.
        let least = SignedDuration::from_secs(i64::from(WAIT_SECONDS) - 1);
        assert!(waited >= least, "waited {waited} for {after:?}");
        assert_eq!(harness.requests(harness.room.read_path) - requests, 2);
    }
}

/// A 503 is tried again, but not for ever.
pub async fn a_503_is_retried_within_bounds(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    let path = harness.room.read_path;
    harness.fake.script(Aim::path(path), Fault::Status(503));
    let lookups = provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
    found(lookups.first().unwrap());
    assert_eq!(harness.requests(path), 2);
    for _ in 0..ATTEMPTS_MAX {
        harness.fake.script(Aim::path(path), Fault::Status(503));
    }
    let error = provider.get(harness.room.kind, &[id]).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Transient { applied: Applied::No });
    assert_eq!(error.status(), Some(503));
    let tried = harness.requests(path) - 2;
    assert!((1..ATTEMPTS_MAX).contains(&tried), "{tried} attempts");
}

/// A read whose answer is lost or unreadable is made again.
pub async fn a_lost_read_is_repeated(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Garbled, Fault::Html(502)] {
        harness.fake.script(Aim::path(harness.room.read_path), fault);
        let lookups = provider.get(harness.room.kind, std::slice::from_ref(&id)).await.unwrap();
        found(lookups.first().unwrap());
    }
}

/// A create whose answer is lost says that its fate is unknown, and is sent once. The record can
/// then be found by its uid.
pub async fn a_lost_create_is_unknown_and_not_repeated(harness: &Harness) {
    let provider = harness.provider();
    let path = harness.room.create_path;
    harness.fake.script(Aim::path(path), Fault::CutAfter);
    let error = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Transient { applied: Applied::Unknown });
    assert_eq!(error.disposition(), Disposition::Verify);
    assert_eq!(harness.requests(path), 1);
    assert_eq!(harness.live(), 1);
    let keys = [crm_core::MatchKey::Uid(super::harness::uid(0))];
    assert_eq!(provider.find(harness.room.kind, &keys).await.unwrap().len(), 1);
}

/// An update whose answer is lost, or that a server error follows, says the same, also where it
/// was not applied.
pub async fn a_lost_update_is_unknown_and_not_repeated(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    let path = harness.room.update_path;
    let faults = [
        (Fault::CutAfter, "Aarhus"),
        (Fault::CutBefore, "Lund"),
        (Fault::StatusAfter(500), "Turku"),
    ];
    for (n, (fault, city)) in faults.into_iter().enumerate() {
        let before = harness.requests(path);
        harness.fake.script(Aim::path(path), fault);
        let write = harness.update(n, &id, harness.speech().text, city);
        let result = harness.apply_one(&provider, write).await;
        let unknown = ErrorKind::Transient { applied: Applied::Unknown };
        assert_eq!(failure(result), unknown, "{fault:?}");
        assert_eq!(harness.requests(path) - before, 1, "{fault:?}");
        let applied = fault != Fault::CutBefore;
        let stored = harness.stored(&id, harness.speech().text);
        assert_eq!(stored.as_deref() == Some(city), applied, "{fault:?}");
    }
}

/// A write whose answer cannot be read may have been applied, and is not repeated.
pub async fn an_unreadable_answer_to_a_write_is_unknown(harness: &Harness) {
    let provider = harness.provider();
    let path = harness.room.create_path;
    harness.fake.script(Aim::path(path), Fault::Garbled);
    let error = harness.apply_one(&provider, harness.create(0)).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Verify, "{error}");
    assert_eq!(harness.requests(path), 1);
    assert_eq!(harness.live(), 1);
}
