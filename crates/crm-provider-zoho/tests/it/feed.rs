//! Feeds: pages of queries, pages by token, merges that look like deletions.

use std::time::Duration;

use crm_core::{Change, Feed, Lookup, ObjectKind};
use crm_testkit::dialect::zoho::ZohoOptions;
use crm_testkit::fake::Fake as _;
use serde_json::json;

use crate::room::{at, of, opened};

const NOW: &str = "2026-11-24T08:00:00Z";
const LONG: Duration = Duration::from_hours(1);

/// More records than a list gives by page number come all the same, at the price of a query.
#[tokio::test]
async fn a_long_list_is_few_calls() {
    let (harness, _) = at(NOW, ZohoOptions { daily_credits: 5_000, ..ZohoOptions::default() });
    let provider = opened(&harness, &json!({}));
    let mut seeded = harness.seed_many(4_100);
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    seeded.sort();
    assert_eq!((drained.ids(), drained.pages), (seeded, 3));
    assert_eq!(harness.requests("coql"), 3);
    let quotas = harness.fake.counters().quotas;
    // Three queries of three credits, the survey, and no more.
    assert!(quotas["daily"]["used"].as_u64().unwrap() <= 9 + 14, "{quotas}");
}

/// A token of a page that died while we were away is no end: the window is read anew.
#[tokio::test]
async fn a_dead_page_token_begins_the_list_anew() {
    let (harness, _) = at_tasks();
    let provider = opened(&harness, &json!({}));
    let mut seeded = harness.seed_many(450);
    let first = harness.page(&provider, Feed::Changes, None).await;
    assert!(first.more);
    harness.pass(Duration::from_hours(25));
    let rest = harness.drain(&provider, Feed::Changes, Some(first.next)).await;
    seeded.sort();
    assert_eq!(rest.ids(), seeded, "all of them again");
    // The same of a poll.
    harness.pass(LONG);
    let touch = crm_testkit::fake::Touch {
        kind: "Tasks".to_owned(),
        at_ms: Some(harness.fake.clock().now_ms()),
        ..crm_testkit::fake::Touch::default()
    };
    harness.fake.touch(&touch).unwrap();
    harness.pass(Duration::from_secs(5));
    let page = harness.page(&provider, Feed::Changes, rest.cursor.as_ref()).await;
    assert!(page.more);
    harness.pass(Duration::from_hours(25));
    let rest = harness.drain(&provider, Feed::Changes, Some(page.next)).await;
    assert_eq!(rest.ids(), seeded);
}

fn at_tasks()
-> (crm_testkit::contract::provider::Harness, std::sync::Arc<crm_testkit::dialect::zoho::ZohoFake>)
{
    of(ObjectKind::Activity, ZohoOptions::default())
}

/// A merge is two changes to us: one record is gone, the other has what belonged to it.
#[tokio::test]
async fn a_merge_looks_like_a_deletion() {
    let (harness, fake) = at(NOW, ZohoOptions::default());
    let provider = opened(&harness, &json!({}));
    let ids = harness.seed_many(2);
    harness.pass(LONG);
    let deletions = harness.drain(&provider, Feed::Deletions, None).await;
    assert_eq!(deletions.changes, []);
    let changes = harness.drain(&provider, Feed::Changes, None).await;
    harness.pass(LONG);
    fake.merge("Contacts", ids[0].as_str(), ids[1].as_str()).unwrap();
    harness.pass(Duration::from_secs(5));
    let deletions = harness.drain(&provider, Feed::Deletions, deletions.cursor).await;
    assert_eq!(deletions.changes, [Change::Missing { id: ids[1].clone() }]);
    let drained = harness.drain(&provider, Feed::Changes, changes.cursor).await;
    assert_eq!(drained.ids(), [ids[0].clone()]);
    let lookups = provider.get(ObjectKind::Contact, &ids).await.unwrap();
    assert!(matches!(lookups.as_slice(), [Lookup::Found(_), Lookup::Gone]));
}

/// Times are shown in the zone of the org and mean the same everywhere.
#[tokio::test]
async fn the_zone_of_the_org_does_not_matter() {
    for offset_minutes in [-570, 0, 345] {
        let (harness, _) = at(NOW, ZohoOptions { offset_minutes, ..ZohoOptions::default() });
        let provider = opened(&harness, &json!({}));
        let id = harness.seed(0);
        let read = harness.read(&provider, &id).await;
        assert_eq!(read.modified_at.unwrap().to_string(), NOW);
        harness.pass(LONG);
        let cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
        harness.pass(LONG);
        harness.edit(&id, crm_core::Field::CITY, "Aarhus");
        harness.pass(Duration::from_secs(1));
        let drained = harness.drain(&provider, Feed::Changes, cursor).await;
        assert_eq!(drained.ids(), [id]);
    }
}
