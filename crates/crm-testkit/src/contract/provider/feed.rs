//! The feeds: everything once, then everything that changes, and what was deleted.

use std::time::Duration;

use crm_core::{Change, Cursor, Detection, Feed, RemoteId, SharedProvider};

use super::harness::{Drained, Harness, found, id_of, value};
use crate::fake::Touch;
use crate::fault::Profile;

/// Long enough for every overlap and lag to be over.
const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(5);
/// How many records are edited one after the other.
const RECORDS: usize = 20;

/// Reads a feed from its beginning to the present, long after the last change.
async fn begun(harness: &Harness, provider: &SharedProvider, feed: Feed) -> Cursor {
    harness.pass(LONG);
    let cursor = harness.drain(provider, feed, None).await.cursor;
    harness.pass(LONG);
    cursor.unwrap()
}

fn shows(drained: &Drained, id: &RemoteId) -> bool {
    drained.changes.iter().any(|change| id_of(change) == *id)
}

/// From the beginning each record comes exactly once, over more than one page, and as a read
/// where the vendor's lists are consistent.
pub async fn the_beginning_shows_each_record_once(harness: &Harness) {
    let capability = harness.capability();
    let page_max = usize::from(capability.page_max.get());
    let mut seeded = harness.seed_many(page_max + 3);
    let bin = seeded.pop().unwrap();
    harness.delete(&bin);
    let drained = harness.drain(&harness.provider(), Feed::Changes, None).await;
    assert_eq!(drained.pages, 1 + harness.room.streams);
    assert_eq!(drained.changes.len(), seeded.len());
    seeded.sort();
    assert_eq!(drained.ids(), seeded);
    let Some(Change::Observed(remote)) = drained.changes.first() else {
        assert!(!capability.list_consistent, "a consistent list is a read");
        return;
    };
    assert!(capability.list_consistent);
    let name = harness.speech().name;
    assert_eq!(value(remote, name), harness.stored(&remote.id, name));
    assert!(remote.version.is_some());
}

/// A record that changes after its page was read, and before the last page, comes again.
pub async fn a_change_during_the_listing_is_not_lost(harness: &Harness) {
    let page_max = usize::from(harness.capability().page_max.get());
    harness.seed_many(page_max + 2);
    harness.pass(LONG);
    let provider = harness.provider();
    let page = harness.first_page(&provider).await;
    assert!(page.more);
    let early = id_of(page.changes.first().unwrap());
    // The edit is old when the listing ends: only the time at which it began helps.
    harness.edit(&early, harness.speech().text, "Aarhus");
    harness.pass(LONG);
    let rest = harness.drain(&provider, Feed::Changes, Some(page.next)).await;
    assert!(!shows(&rest, &early), "the rest of the list does not show it again");
    let poll = harness.drain(&provider, Feed::Changes, rest.cursor).await;
    assert!(shows(&poll, &early));
}

/// An edit made after the beginning is seen by the next poll.
pub async fn an_edit_is_seen_by_the_next_poll(harness: &Harness) {
    let seeded = harness.seed_many(5);
    let provider = harness.provider();
    let cursor = begun(harness, &provider, Feed::Changes).await;
    let edited = seeded.get(3).unwrap();
    harness.edit(edited, harness.speech().text, "Aarhus");
    let drained = harness.drain(&provider, Feed::Changes, Some(cursor)).await;
    assert_eq!(drained.ids(), std::slice::from_ref(edited));
    // What the poll says of the record, or a read after it, shows the edit.
    let lookups = provider.get(harness.room.kind, &drained.ids()).await.unwrap();
    let remote = found(lookups.first().unwrap());
    assert_eq!(value(remote, harness.speech().text).as_deref(), Some("Aarhus"));
    let hinted = drained.changes.iter().filter_map(|change| match change {
        Change::Observed(remote) => remote.version.clone(),
        Change::Touched { version, .. } => version.clone(),
        Change::Missing { .. } | Change::Merged { .. } => None,
    });
    assert!(hinted.into_iter().all(|version| Some(version) == remote.version));
}

/// When nothing changed since longer than the overlap, a poll is one request (for each type of
/// record that the vendor keeps apart) and says nothing.
pub async fn nothing_new_is_one_quiet_request(harness: &Harness) {
    harness.seed_many(5);
    let provider = harness.provider();
    let streams = harness.room.streams;
    let deletion_streams = harness.room.deletion_streams.unwrap_or(streams);
    for (feed, streams) in [(Feed::Changes, streams), (Feed::Deletions, deletion_streams)] {
        let cursor = begun(harness, &provider, feed).await;
        let before = harness.asked();
        let drained = harness.drain(&provider, feed, Some(cursor)).await;
        assert_eq!(drained.changes, [], "{feed:?}");
        assert_eq!(harness.asked() - before, streams as u64, "{feed:?}");
    }
}

/// Records that share one stamp are all seen, also where they fill more than one page.
pub async fn equal_stamps_lose_nothing_across_a_page_edge(harness: &Harness) {
    let page_max = usize::from(harness.capability().hint_page_max.get());
    let mut seeded = harness.seed_many(page_max + 2);
    let provider = harness.provider();
    let cursor = begun(harness, &provider, Feed::Changes).await;
    let touch = Touch {
        kind: harness.room.table.to_owned(),
        ids: None,
        at_ms: Some(harness.fake.clock().now_ms()),
        fields: crate::fake::Fields::new(),
    };
    assert_eq!(harness.fake.touch(&touch).unwrap(), seeded.len() as u64);
    harness.pass(SHORT);
    let before = harness.asked();
    let drained = harness.drain(&provider, Feed::Changes, Some(cursor)).await;
    seeded.sort();
    assert_eq!(drained.ids(), seeded);
    assert_eq!(harness.asked() - before, 1 + harness.room.streams as u64);
}

/// Edits that become visible later than their stamps say are seen all the same.
pub async fn a_late_index_loses_nothing(harness: &Harness) {
    let seeded = harness.seed_many(RECORDS);
    let provider = harness.provider();
    let mut cursor = Some(begun(harness, &provider, Feed::Changes).await);
    harness.fake.set_faults(Profile::Lag.rates(), 11);
    let mut seen = Vec::new();
    for id in &seeded {
        harness.edit(id, harness.speech().text, "Aarhus");
        let drained = harness.drain(&provider, Feed::Changes, cursor).await;
        seen.extend(drained.ids());
        cursor = drained.cursor;
        harness.pass(SHORT);
    }
    for _ in 0..15 {
        harness.pass(SHORT);
        let drained = harness.drain(&provider, Feed::Changes, cursor).await;
        seen.extend(drained.ids());
        cursor = drained.cursor;
    }
    seen.sort();
    seen.dedup();
    let mut all = seeded;
    all.sort();
    assert_eq!(seen, all);
}

/// The fresh feed shows only what is newer than the last poll, and takes nothing away from the
/// next full poll.
pub async fn fresh_reads_the_news_and_leaves_the_watermark(harness: &Harness) {
    let seeded = harness.seed_many(3);
    let [old, new, _] = seeded.as_slice() else { panic!("three") };
    let provider = harness.provider();
    let cursor = begun(harness, &provider, Feed::Changes).await;
    harness.edit(old, harness.speech().text, "Aarhus");
    harness.pass(SHORT);
    let drained = harness.drain(&provider, Feed::Changes, Some(cursor)).await;
    assert_eq!(drained.ids(), std::slice::from_ref(old));
    harness.pass(SHORT);
    harness.edit(new, harness.speech().text, "Aarhus");
    // Polls end at whole seconds of the provider's time.
    harness.pass(SHORT);
    let drained = harness.drain(&provider, Feed::Fresh, drained.cursor).await;
    assert_eq!(drained.ids(), std::slice::from_ref(new));
    harness.pass(SHORT);
    let drained = harness.drain(&provider, Feed::Fresh, drained.cursor).await;
    assert_eq!(drained.ids(), []);
    let drained = harness.drain(&provider, Feed::Changes, drained.cursor).await;
    if harness.capability().detection == Detection::FullScan {
        // Both feeds read everything: what one of them told is known.
        assert_eq!(drained.ids(), []);
        return;
    }
    assert!(shows(&drained, old) && shows(&drained, new), "the overlap is read in full");
}

/// A deletion is named by the delete feed, after it happened and not before.
pub async fn deletions_are_named(harness: &Harness) {
    let seeded = harness.seed_many(3);
    let [kept, deleted, _] = seeded.as_slice() else { panic!("three") };
    let provider = harness.provider();
    let cursor = begun(harness, &provider, Feed::Deletions).await;
    harness.delete(deleted);
    harness.pass(SHORT);
    let drained = harness.drain(&provider, Feed::Deletions, Some(cursor)).await;
    assert_eq!(drained.changes, [Change::Missing { id: deleted.clone() }]);
    assert!(!shows(&drained, kept));
    let cursor = {
        harness.pass(LONG);
        harness.drain(&provider, Feed::Deletions, drained.cursor).await.cursor
    };
    harness.pass(LONG);
    let quiet = harness.drain(&provider, Feed::Deletions, cursor).await;
    assert_eq!(quiet.changes, [], "it is not named for ever");
}

/// A cursor that was stored goes on, in another process, where the first one stopped.
pub async fn a_cursor_survives_the_process(harness: &Harness) {
    let page_max = usize::from(harness.capability().page_max.get());
    let mut seeded = harness.seed_many(page_max + 2);
    let first = harness.first_page(&harness.provider()).await;
    assert!(first.more);
    let stored = serde_json::to_string(&first.next).unwrap();
    let restored: Cursor = serde_json::from_str(&stored).unwrap();
    let rest = harness.drain(&harness.provider(), Feed::Changes, Some(restored)).await;
    let mut ids: Vec<_> = first.changes.iter().chain(&rest.changes).map(id_of).collect();
    assert_eq!(ids.len(), seeded.len(), "each record once");
    ids.sort();
    seeded.sort();
    assert_eq!(ids, seeded);
    let foreign = Cursor("a cursor of somebody else".to_owned());
    let before = harness.requests("");
    let provider = harness.provider();
    let refused = provider.changes(harness.room.kind, Feed::Changes, Some(&foreign));
    refused.await.unwrap_err();
    assert_eq!(harness.requests(""), before);
}
