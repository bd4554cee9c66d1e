//! The feeds on odd days: small pages, one stamp for many, late commits, merges, an emptied bin.

use std::sync::Arc;
use std::time::Duration;

use crm_core::{Change, Cursor, Feed, Field, Lookup, ObjectKind, RemoteId, SharedProvider};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::{Late, SalesforceFake, SalesforceOptions};
use crm_testkit::fake::{Fields, Touch};
use crm_testkit::fault::{Aim, Fault};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::room::{at, harness, with};

const KIND: ObjectKind = ObjectKind::Contact;
const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(5);

/// A fake whose queries give three rows at a time, whatever they ask for.
fn small_pages() -> (Harness, Arc<SalesforceFake>) {
    with(SalesforceOptions { page_max: 3, ..Default::default() })
}

async fn begun(harness: &Harness, provider: &SharedProvider, feed: Feed) -> Option<Cursor> {
    harness.pass(LONG);
    let cursor = harness.drain(provider, feed, None).await.cursor;
    harness.pass(LONG);
    cursor
}

fn touch_all(harness: &Harness, ids: Option<Vec<String>>) {
    let at_ms = Some(harness.fake.clock().now_ms());
    let touch = Touch { kind: "Contact".to_owned(), ids, at_ms, fields: Fields::new() };
    harness.fake.touch(&touch).unwrap();
}

#[tokio::test]
async fn pages_smaller_than_asked_for_lose_and_repeat_nothing() {
    let (harness, fake) = small_pages();
    let mut seeded = harness.seed_many(10);
    seeded.sort();
    let provider = harness.provider();
    let mut cursor = None;
    let mut ids = Vec::new();
    loop {
        let page = harness.page(&provider, Feed::Changes, cursor.as_ref()).await;
        ids.extend(page.changes.iter().map(|change| match change {
            Change::Observed(remote) => remote.id.clone(),
            other @ (Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. }) => {
                panic!("{other:?}")
            }
        }));
        cursor = Some(page.next);
        // The vendor's own cursors are of no matter.
        fake.with(|org, _| org.drop_cursors());
        if !page.more {
            break;
        }
    }
    assert_eq!(ids, seeded);
}

#[tokio::test]
async fn one_stamp_for_all_is_read_over_many_pages_by_both_feeds() {
    for feed in [Feed::Changes, Feed::Fresh] {
        let (harness, _) = small_pages();
        let mut seeded = harness.seed_many(10);
        seeded.sort();
        let provider = harness.provider();
        let cursor = begun(&harness, &provider, Feed::Changes).await;
        touch_all(&harness, None);
        harness.pass(SHORT);
        let drained = harness.drain(&provider, feed, cursor).await;
        assert_eq!(drained.ids(), seeded, "{feed:?}");
        assert_eq!(drained.changes.len(), seeded.len(), "{feed:?}: each once");
        assert_eq!(drained.pages, 4, "{feed:?}");
        let next = harness.drain(&provider, Feed::Changes, drained.cursor).await;
        assert_eq!(next.ids(), seeded, "{feed:?}: within the overlap they come again");
    }
}

#[tokio::test]
async fn what_happened_in_the_second_of_the_first_page_is_on_every_page() {
    for feed in [Feed::Changes, Feed::Fresh, Feed::Deletions] {
        let options = SalesforceOptions { page_max: 3, ..Default::default() };
        let harness = at("2026-11-24T08:00:00.250Z", options);
        let mut seeded = harness.seed_many(10);
        seeded.sort();
        let provider = harness.provider();
        let begin = if feed == Feed::Fresh { Feed::Changes } else { feed };
        let cursor = begun(&harness, &provider, begin).await;
        if feed == Feed::Deletions {
            for id in &seeded {
                harness.fake.delete("Contact", id.as_str()).unwrap();
            }
        } else {
            touch_all(&harness, None);
        }
        harness.pass(Duration::from_millis(500));
        let drained = harness.drain(&provider, feed, cursor).await;
        let ids: Vec<_> = drained.changes.iter().map(named).collect();
        assert_eq!(ids, seeded, "{feed:?}: each once");
        assert_eq!(drained.pages, 4, "{feed:?}");
    }
}

fn named(change: &Change) -> RemoteId {
    match change {
        Change::Observed(remote) => remote.id.clone(),
        Change::Touched { id, .. } | Change::Missing { id } => id.clone(),
        Change::Merged { winner, .. } => winner.clone(),
    }
}

#[tokio::test]
async fn edits_while_pages_are_read_come_once_more_and_end() {
    let (harness, _) = small_pages();
    let seeded = harness.seed_many(9);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    touch_all(&harness, None);
    harness.pass(SHORT);
    let mut cursor = cursor;
    let mut pages = 0;
    loop {
        let page = harness.page(&provider, Feed::Changes, cursor.as_ref()).await;
        cursor = Some(page.next);
        pages += 1;
        assert!(pages < 10, "an account that is always busy does not hold the reader for ever");
        if !page.more {
            break;
        }
        harness.pass(SHORT);
        harness.edit(&seeded[0], Field::CITY, &format!("City {pages}"));
        harness.pass(SHORT);
    }
    let next = harness.drain(&provider, Feed::Changes, cursor).await;
    assert!(next.ids().contains(&seeded[0]));
}

#[tokio::test]
async fn a_commit_later_than_its_stamp_is_seen_within_the_lag() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    let now_ms = harness.fake.clock().now_ms();
    let fields = json!({ "MailingCity": "Lund" }).as_object().unwrap().clone();
    let (kind, visible_ms) = ("Contact".to_owned(), now_ms + 8_000);
    let late = Late { kind, id: id.to_string(), fields, stamp_ms: now_ms, visible_ms };
    fake.with(|org, _| org.change_late(late));
    harness.pass(SHORT);
    let early = harness.drain(&provider, Feed::Changes, cursor).await;
    assert_eq!(early.ids(), []);
    harness.pass(SHORT);
    let late = harness.drain(&provider, Feed::Changes, early.cursor).await;
    assert_eq!(late.ids(), [id]);
}

#[tokio::test]
async fn a_stamp_at_the_very_edge_of_the_overlap_is_seen() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    let position: serde_json::Value = serde_json::from_str(&cursor.as_ref().unwrap().0).unwrap();
    let settled: Timestamp = position["mark"]["settled"].as_str().unwrap().parse().unwrap();
    let overlap = harness.capability().overlap;
    let edge = settled.checked_sub(SignedDuration::try_from(overlap).unwrap()).unwrap();
    let fields = json!({ "MailingCity": "Lund" }).as_object().unwrap().clone();
    let (kind, stamp_ms) = ("Contact".to_owned(), edge.as_millisecond());
    let visible_ms = harness.fake.clock().now_ms();
    let late = Late { kind, id: id.to_string(), fields, stamp_ms, visible_ms };
    fake.with(|org, _| org.change_late(late));
    let drained = harness.drain(&provider, Feed::Changes, cursor).await;
    assert_eq!(drained.ids(), [id]);
}

#[tokio::test]
async fn a_merge_names_its_winner_and_a_delete_does_not() {
    let (harness, fake) = small_pages();
    let seeded = harness.seed_many(7);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Deletions).await;
    let merged: Vec<&RemoteId> = seeded[1..3].iter().collect();
    for loser in &merged {
        harness.fake.merge("Contact", seeded[0].as_str(), loser.as_str()).unwrap();
    }
    for id in &seeded[3..6] {
        harness.fake.delete("Contact", id.as_str()).unwrap();
    }
    fake.with(|org, world| org.undelete(world, "Contact", seeded[5].as_str())).unwrap();
    harness.pass(SHORT);
    let drained = harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(drained.pages, 2);
    let lost =
        |id: &RemoteId| Change::Merged { winner: seeded[0].clone(), losers: vec![id.clone()] };
    let gone = |id: &RemoteId| Change::Missing { id: id.clone() };
    let expected = [lost(&seeded[1]), lost(&seeded[2]), gone(&seeded[3]), gone(&seeded[4])];
    assert_eq!(drained.changes, expected);
}

#[tokio::test]
async fn what_left_the_bin_unseen_is_named_by_the_log_within_a_day() {
    let (harness, fake) = with(SalesforceOptions::default());
    let id = harness.seed(0);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Deletions).await;
    harness.fake.delete("Contact", id.as_str()).unwrap();
    assert_eq!(fake.with(|org, world| org.empty_bin(world, "Contact")), Ok(1));
    harness.pass(SHORT);
    let soon = harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(soon.changes, []);
    harness.pass(Duration::from_hours(24));
    let later = harness.drain(&provider, Feed::Deletions, soon.cursor).await;
    assert_eq!(later.changes, [Change::Missing { id }]);
    assert_eq!(harness.requests("/deleted"), 1);
    harness.pass(LONG);
    let quiet = harness.drain(&provider, Feed::Deletions, later.cursor).await;
    assert_eq!((quiet.changes, quiet.pages), (Vec::new(), 1));
    assert_eq!(harness.requests("/deleted"), 1);
    // Longer than the log reaches back: the vendor would refuse an earlier start.
    harness.pass(20 * 24 * LONG);
    harness.drain(&provider, Feed::Deletions, quiet.cursor).await;
    assert_eq!(harness.requests("/deleted"), 2);
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
        other @ (Change::Observed(_) | Change::Touched { .. } | Change::Merged { .. }) => {
            panic!("{other:?}")
        }
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
    harness.pass(LONG);
    let cursor = harness.drain(&provider, Feed::Changes, None).await.cursor;
    let deletions = harness.drain(&provider, Feed::Deletions, None).await.cursor;
    harness.pass(LONG);
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
async fn a_feed_outlives_a_cut_and_a_garbled_page() {
    let harness = harness();
    let ids = harness.seed_many(2_001);
    let provider = harness.provider();
    for fault in [Fault::CutAfter, Fault::Garbled, Fault::Status(503), Fault::TokenExpired] {
        harness.fake.script(Aim::path("/query"), fault);
    }
    let drained = harness.drain(&provider, Feed::Changes, None).await;
    assert_eq!((drained.pages, drained.ids().len()), (2, ids.len()));
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
