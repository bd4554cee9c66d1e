//! Feeds: pages of one stamp, edits between pages, late commits, the bin and the log.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::{Change, Feed, Field, Lookup, ObjectKind, RemoteId};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::{Late, SalesforceOptions};
use crm_testkit::fake::{Fake as _, Fields, Touch};
use crm_testkit::fault::{Aim, Fault};
use serde_json::json;

use crate::room::{harness, with};

const KIND: ObjectKind = ObjectKind::Contact;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const PAGE: usize = 2_000;

/// Gives all records one stamp, the present.
fn touch_all(harness: &Harness) {
    let touch = Touch {
        kind: "Contact".to_owned(),
        ids: None,
        at_ms: Some(harness.fake.clock().now_ms()),
        fields: Fields::new(),
    };
    harness.fake.touch(&touch).unwrap();
}

/// Returns how often each record was shown.
fn shown(changes: &[Change]) -> BTreeMap<RemoteId, usize> {
    let mut shown = BTreeMap::new();
    for change in changes {
        let Change::Observed(remote) = change else { panic!("{change:?}") };
        *shown.entry(remote.id.clone()).or_default() += 1;
    }
    shown
}

#[tokio::test]
async fn edits_between_the_pages_of_one_stamp_are_seen_once_by_this_poll_or_the_next() {
    let harness = harness();
    let ids = harness.seed_many(2 * PAGE + 5);
    let provider = harness.provider();
    harness.pass(HOUR);
    let cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
    harness.pass(HOUR);
    touch_all(&harness);
    harness.pass(Duration::from_secs(5));
    let first = harness.page(&provider, Feed::Changes, cursor.as_ref()).await;
    assert!(first.more && first.changes.len() == PAGE);
    // One that was read, one that was not: both move behind the end of the window.
    harness.pass(Duration::from_secs(5));
    let (read, unread) = (&ids[3], &ids[2 * PAGE + 1]);
    harness.edit(read, Field::CITY, "Aarhus");
    harness.edit(unread, Field::CITY, "Lund");
    let rest = harness.drain(&provider, Feed::Changes, Some(first.next)).await;
    let all: Vec<Change> = first.changes.into_iter().chain(rest.changes).collect();
    let seen = shown(&all);
    assert!(seen.values().all(|count| *count == 1));
    assert_eq!(seen.len(), ids.len() - 1, "the unread one left the window");
    let next = harness.drain(&provider, Feed::Changes, rest.cursor).await;
    let seen = shown(&next.changes);
    assert!(seen.contains_key(read) && seen.contains_key(unread));
}

#[tokio::test]
async fn pages_that_the_org_makes_smaller_are_read_to_the_end() {
    let options = SalesforceOptions { page_max: 200, ..SalesforceOptions::default() };
    let (harness, _fake) = with(options);
    let ids = harness.seed_many(450);
    let provider = harness.provider();
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!((drained.pages, drained.changes.len()), (3, ids.len()));
    touch_all(&harness);
    let poll = harness.drain(&provider, Feed::Changes, drained.cursor).await;
    assert_eq!((poll.pages, shown(&poll.changes).len()), (3, ids.len()));
}

#[tokio::test]
async fn what_commits_later_than_its_stamp_is_seen_within_the_overlap() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    let provider = harness.provider();
    harness.pass(HOUR);
    let cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
    harness.pass(HOUR);
    let now_ms = harness.fake.clock().now_ms();
    let change = Late {
        kind: "Contact".to_owned(),
        id: id.to_string(),
        fields: json!({ "MailingCity": "Aarhus" }).as_object().unwrap().clone(),
        stamp_ms: now_ms,
        visible_ms: now_ms + 40_000,
    };
    fake.with(|org, _world| org.change_late(change));
    harness.pass(Duration::from_secs(30));
    let early = harness.drain(&provider, Feed::Changes, cursor).await;
    assert_eq!(early.changes, []);
    harness.pass(Duration::from_secs(30));
    let late = harness.drain(&provider, Feed::Changes, early.cursor).await;
    assert_eq!(late.ids(), [id]);
}

#[tokio::test]
async fn a_merge_names_winner_and_loser_and_the_winner_is_seen_as_changed() {
    let harness = harness();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    harness.pass(HOUR);
    let deletions = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    let changes = harness.drain(&provider, Feed::Changes, None).await.cursor;
    harness.pass(HOUR);
    harness.fake.merge("Contact", ids[0].as_str(), ids[1].as_str()).unwrap();
    harness.fake.delete("Contact", ids[2].as_str()).unwrap();
    harness.pass(Duration::from_secs(5));
    let drained = harness.drain(&provider, Feed::Deletions, deletions).await;
    let merged = Change::Merged { winner: ids[0].clone(), losers: vec![ids[1].clone()] };
    let missing = Change::Missing { id: ids[2].clone() };
    assert_eq!(drained.changes.len(), 2);
    assert!(drained.changes.contains(&merged) && drained.changes.contains(&missing));
    let drained = harness.drain(&provider, Feed::Changes, changes).await;
    assert_eq!(drained.ids(), [ids[0].clone()]);
}

#[tokio::test]
async fn many_deletions_of_one_second_cross_the_edges_of_pages() {
    let options = SalesforceOptions { page_max: 200, ..SalesforceOptions::default() };
    let (harness, _fake) = with(options);
    let mut ids = harness.seed_many(450);
    let provider = harness.provider();
    let cursor = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    for id in &ids {
        harness.fake.delete("Contact", id.as_str()).unwrap();
    }
    harness.pass(Duration::from_secs(5));
    let drained = harness.drain(&provider, Feed::Deletions, cursor).await;
    ids.sort();
    assert_eq!(drained.changes.len(), ids.len());
    let named = drained.changes.iter().map(|change| match change {
        Change::Missing { id } => id.clone(),
        other => panic!("{other:?}"),
    });
    let mut named: Vec<RemoteId> = named.collect();
    named.sort();
    assert_eq!(named, ids);
}

#[tokio::test]
async fn a_restored_record_is_no_longer_missing_and_is_seen_again() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    let provider = harness.provider();
    harness.pass(HOUR);
    let cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
    let deletions = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    harness.pass(HOUR);
    harness.fake.delete("Contact", id.as_str()).unwrap();
    let named = harness.drain(&provider, Feed::Deletions, deletions).await;
    assert_eq!(named.changes, [Change::Missing { id: id.clone() }]);
    fake.with(|org, world| org.undelete(world, "Contact", id.as_str())).unwrap();
    let lookups = provider.get(KIND, std::slice::from_ref(&id)).await.unwrap();
    assert!(matches!(lookups.as_slice(), [Lookup::Found(_)]), "{lookups:?}");
    assert_eq!(harness.drain(&provider, Feed::Changes, cursor).await.ids(), [id]);
    let quiet = harness.drain(&provider, Feed::Deletions, named.cursor).await;
    assert_eq!(quiet.changes, []);
}

#[tokio::test]
async fn the_log_of_deletions_is_read_once_a_day_and_after_any_pause() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let log = "/deleted";
    let mut cursor = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    harness.pass(HOUR);
    harness.fake.delete("Contact", id.as_str()).unwrap();
    cursor = harness.drain(&provider, Feed::Deletions, cursor).await.cursor;
    assert_eq!(harness.requests(log), 0);
    harness.pass(DAY);
    let drained = harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(harness.requests(log), 1);
    // The bin is past, the log still tells.
    assert_eq!(drained.changes, [Change::Missing { id }]);
    cursor = drained.cursor;
    for _ in 0..3 {
        harness.pass(HOUR);
        cursor = harness.drain(&provider, Feed::Deletions, cursor).await.cursor;
    }
    assert_eq!(harness.requests(log), 1);
    // Longer than the log reaches back: the vendor would refuse an earlier start.
    harness.pass(20 * DAY);
    harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(harness.requests(log), 2);
}

#[tokio::test]
async fn a_feed_outlives_a_cut_and_a_garbled_page() {
    let harness = harness();
    let ids = harness.seed_many(PAGE + 1);
    let provider = harness.provider();
    for fault in [Fault::CutAfter, Fault::Garbled, Fault::Status(503), Fault::TokenExpired] {
        harness.fake.script(Aim::path("/query"), fault);
    }
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!((drained.pages, shown(&drained.changes).len()), (2, ids.len()));
}

#[tokio::test]
async fn a_cursor_of_one_feed_is_not_taken_for_the_other() {
    let harness = harness();
    let provider = harness.provider();
    let changes = harness.drain(&provider, Feed::Changes, None).await.cursor;
    let deletions = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    let before = harness.requests("");
    provider.changes(KIND, Feed::Deletions, changes.as_ref()).await.unwrap_err();
    provider.changes(KIND, Feed::Changes, deletions.as_ref()).await.unwrap_err();
    assert_eq!(harness.requests(""), before);
}
