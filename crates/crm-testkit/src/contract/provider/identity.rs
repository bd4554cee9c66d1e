//! Who we are to the provider, and what we may ask.

use crm_core::{Action, ErrorKind, Feed, MatchKey, ObjectKind, RemoteId};

use super::harness::{Credentials, Harness, failure, uid};
use crate::fault::{Aim, Fault};

/// More requests than a refusal may cost: one try, one renewal, one more try.
const REFUSAL_REQUESTS_MAX: u64 = 4;

/// A probe names the account and its clock, and finds nothing amiss in a complete account.
pub async fn probe_names_the_account(harness: &Harness) {
    let before = harness.fake.clock().now();
    let provider = harness.provider();
    let account = provider.probe().await.unwrap();
    let capabilities = provider.capabilities();
    assert!(!account.name.is_empty());
    assert!(!account.api_version.is_empty());
    // The header that tells the time has whole seconds.
    assert!(account.now.as_second() >= before.as_second(), "{account:?}");
    assert!(account.now <= harness.fake.clock().now());
    assert!(account.findings.iter().all(|finding| !finding.blocking), "{account:?}");
    // The account, its users and pipelines, and a few for each table.
    let tables: usize = capabilities.objects.iter().map(|object| object.mappings().count()).sum();
    assert!(harness.requests("") <= 4 + 2 * tables as u64, "a probe is cheap");
}

/// Credentials that the provider refuses are `Auth`, after a bounded number of requests.
pub async fn wrong_credentials_are_refused(harness: &Harness) {
    let provider = harness.connect(Credentials::Wrong);
    assert_eq!(failure(provider.probe().await), ErrorKind::Auth);
    assert!(harness.requests("") <= REFUSAL_REQUESTS_MAX);
    let id = harness.seed(0);
    assert_eq!(failure(provider.get(harness.room.kind, &[id]).await), ErrorKind::Auth);
    assert!(harness.requests("") <= 2 * REFUSAL_REQUESTS_MAX);
}

/// A missing right is `Forbidden`, not `Auth`, and is not asked for again and again.
pub async fn missing_rights_are_told_apart(harness: &Harness) {
    let id = harness.seed(0);
    let provider = harness.provider();
    harness.fake.script(Aim::path(harness.room.any_path), Fault::Status(403));
    assert_eq!(failure(provider.get(harness.room.kind, &[id]).await), ErrorKind::Forbidden);
    assert_eq!(harness.requests(harness.room.any_path), 1);
}

/// The connection's own count of its requests is the fake's.
pub async fn usage_is_what_the_fake_counted(harness: &Harness) {
    let provider = harness.provider();
    let id = harness.seed(0);
    provider.probe().await.unwrap();
    provider.get(harness.room.kind, &[id]).await.unwrap();
    harness.apply_one(&provider, harness.create(1)).await.unwrap();
    let usage = provider.usage();
    assert_eq!(usage.requests(), harness.requests(""), "{usage:?}");
    assert!(usage.writes >= 1);
    assert!(usage.reads >= 1);
    assert_eq!(usage.endpoints.values().sum::<u64>(), usage.requests());
}

/// A kind that is not declared is refused by every operation, without a request.
pub async fn undeclared_kinds_are_refused_without_a_request(harness: &Harness) {
    let provider = harness.provider();
    let capabilities = provider.capabilities();
    let undeclared = |kind: &ObjectKind| capabilities.object(*kind).is_none();
    let ids = [RemoteId::from(harness.room.nobody)];
    let keys = [MatchKey::Uid(uid(0))];
    for kind in ObjectKind::ALL.into_iter().filter(undeclared) {
        assert_eq!(failure(provider.get(kind, &ids).await), ErrorKind::Unsupported);
        assert_eq!(failure(provider.find(kind, &keys).await), ErrorKind::Unsupported);
        for feed in [Feed::Changes, Feed::Fresh, Feed::Deletions] {
            let page = provider.changes(kind, feed, None).await;
            assert_eq!(failure(page), ErrorKind::Unsupported);
        }
        let mut write = harness.write(0, Action::Delete { id: harness.room.nobody.into() });
        write.kind = kind;
        let outcome = provider.apply(&[write]).await;
        let refused = outcome.and_then(|outcome| outcome.into_results().remove(0));
        assert_eq!(failure(refused), ErrorKind::Unsupported);
    }
    assert_eq!(harness.requests(""), 0);
}
