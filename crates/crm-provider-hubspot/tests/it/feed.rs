//! Windows of the search, and recycle bins of more than one page.

use std::time::Duration;

use crm_core::{Change, Cursor, Feed, Field, Lookup, RemoteId, SharedProvider};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::hubspot::{HubSpotOptions, Sorting};
use crm_testkit::fake::{Fields, Touch};

use crate::room::{at, harness, with};

const HOUR: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(5);

async fn begun(harness: &Harness, provider: &SharedProvider, feed: Feed) -> Option<Cursor> {
    let cursor = harness.drain(provider, feed, None).await.cursor;
    harness.pass(HOUR);
    cursor
}

fn touch_all(harness: &Harness) {
    touch_now(harness);
    harness.pass(SHORT);
}

fn touch_now(harness: &Harness) {
    let touch = Touch {
        kind: "contacts".to_owned(),
        ids: None,
        at_ms: Some(harness.fake.clock().now_ms()),
        fields: Fields::new(),
    };
    harness.fake.touch(&touch).unwrap();
}

#[tokio::test]
async fn what_was_touched_in_the_second_of_the_first_search_is_on_every_page() {
    for feed in [Feed::Changes, Feed::Fresh] {
        let harness = at("2026-11-24T08:00:00.250Z");
        let provider = harness.provider();
        let mut seeded = harness.seed_many(450);
        seeded.sort();
        let cursor = begun(&harness, &provider, Feed::Changes).await;
        // The `Date` header will name the second, and leave out what has passed of it.
        touch_now(&harness);
        harness.pass(Duration::from_millis(500));
        let drained = harness.drain(&provider, feed, cursor).await;
        assert_eq!(drained.ids(), seeded, "{feed:?}");
        assert_eq!((drained.changes.len(), drained.pages), (450, 3), "{feed:?}: each once");
        // Later in the same second: the mark stands at its beginning.
        harness.edit(&seeded[7], Field::CITY, "Aarhus");
        harness.pass(SHORT);
        let fresh = harness.drain(&provider, Feed::Fresh, drained.cursor).await;
        assert!(fresh.ids().contains(&seeded[7]), "{feed:?}");
    }
}

#[tokio::test]
async fn the_fresh_feed_reads_again_only_what_was_read_within_the_second_of_the_window() {
    let harness = at("2026-11-24T08:00:00.250Z");
    let provider = harness.provider();
    // In the order of their ids, as the windows are.
    let seeded = harness.seed_many(1_000);
    let sorted = |ids: &[RemoteId]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids
    };
    let mut cursor = begun(&harness, &provider, Feed::Changes).await;
    touch_now(&harness);
    harness.pass(Duration::from_millis(500));
    for _ in 0..2 {
        let page = harness.page(&provider, Feed::Changes, cursor.as_ref()).await;
        cursor = Some(page.next);
    }
    // In the rest of that second: one that was read, and one that was not.
    harness.edit(&seeded[7], Field::CITY, "Aarhus");
    harness.edit(&seeded[650], Field::CITY, "Aarhus");
    harness.pass(SHORT);
    let rest = harness.drain(&provider, Feed::Changes, cursor).await;
    assert_eq!(rest.ids(), sorted(&seeded[400..]));
    harness.pass(SHORT);
    // Only an answer tells that the second is over, so the third page counts as within it.
    let fresh = harness.drain(&provider, Feed::Fresh, rest.cursor).await;
    assert_eq!(fresh.ids(), sorted(&seeded[..600]));
    harness.edit(&seeded[900], Field::CITY, "Aarhus");
    harness.pass(SHORT);
    let fresh = harness.drain(&provider, Feed::Fresh, fresh.cursor).await;
    assert_eq!(fresh.ids(), seeded[900..=900]);
}

#[tokio::test]
async fn twelve_thousand_equal_stamps_pass_the_cap_of_ten_thousand() {
    let (harness, _) = with(HubSpotOptions { sorting: Sorting::Sloppy, ..Default::default() });
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    let mut seeded = harness.seed_many(12_000);
    harness.pass(HOUR);
    touch_all(&harness);
    let drained = harness.drain(&provider, Feed::Changes, cursor).await;
    assert_eq!(drained.changes.len(), seeded.len());
    seeded.sort();
    assert_eq!(drained.ids(), seeded);
    let counters = harness.fake.counters();
    let search = &counters.endpoints["POST /crm/objects/contacts/search"];
    assert_eq!(search.requests, 60);
    assert_eq!(search.statuses.keys().copied().collect::<Vec<_>>(), [200]);
    assert_eq!(harness.fake.window("search").unwrap().exceeded(), 0);
}

#[tokio::test]
async fn records_that_change_while_pages_are_read_are_not_missed() {
    let harness = harness();
    let provider = harness.provider();
    let seeded = harness.seed_many(450);
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    touch_all(&harness);
    let first = harness.page(&provider, Feed::Changes, cursor.as_ref()).await;
    assert!(first.more && first.changes.len() == 200);
    // Some that were read, some that were not: all of them leave the window.
    let edited: Vec<_> = seeded.iter().step_by(30).cloned().collect();
    harness.pass(SHORT);
    for id in &edited {
        harness.edit(id, Field::CITY, "Aarhus");
    }
    let rest = harness.drain(&provider, Feed::Changes, Some(first.next)).await;
    let missed = edited.iter().filter(|id| !rest.ids().contains(id)).count();
    assert_eq!(missed, edited.len(), "the window is fixed");
    // Long after: only the watermark brings them back.
    harness.pass(HOUR);
    let next = harness.drain(&provider, Feed::Changes, rest.cursor).await;
    for id in &edited {
        assert!(next.ids().contains(id), "{id} was lost");
    }
    assert_eq!(200 + rest.changes.len() + edited.iter().skip(7).count(), seeded.len());
}

#[tokio::test]
async fn what_search_does_not_show_yet_a_read_does() {
    let lag = Duration::from_mins(1);
    let lag_max_ms = u64::try_from(lag.as_millis()).unwrap();
    let (harness, _) = with(HubSpotOptions { lag_max_ms, ..Default::default() });
    let seeded = harness.seed_many(40);
    let provider = harness.provider();
    harness.pass(HOUR);
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    for id in &seeded {
        harness.edit(id, Field::CITY, "Aarhus");
    }
    let early = harness.drain(&provider, Feed::Changes, cursor).await;
    assert!(early.changes.len() < seeded.len(), "the fake's index lags");
    for lookup in provider.get(harness.room.kind, &seeded).await.unwrap() {
        let Lookup::Found(remote) = lookup else { panic!("{lookup:?}") };
        assert_eq!(remote.fields.get(Field::CITY).unwrap().display(), "Aarhus");
    }
    // The fresh feed moves on without the watermark; the full one still brings them all.
    harness.pass(SHORT);
    let fresh = harness.drain(&provider, Feed::Fresh, early.cursor).await;
    harness.pass(lag);
    let late = harness.drain(&provider, Feed::Changes, fresh.cursor).await;
    assert_eq!(late.ids().len(), seeded.len());
}

#[tokio::test]
async fn a_window_that_the_fresh_feed_left_is_not_taken_for_a_full_one() {
    let harness = harness();
    let seeded = harness.seed_many(401);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider, Feed::Changes).await;
    harness.edit(&seeded[0], Field::CITY, "Aarhus");
    harness.pass(SHORT);
    let polled = harness.drain(&provider, Feed::Changes, cursor).await;
    touch_all(&harness);
    let left = harness.page(&provider, Feed::Fresh, polled.cursor.as_ref()).await;
    assert!(left.more);
    // The process ended here; the next one begins with the full feed.
    let all = harness.drain(&provider, Feed::Changes, Some(left.next)).await;
    assert_eq!(all.ids().len(), seeded.len());
}

async fn missing(
    harness: &Harness,
    provider: &SharedProvider,
    after: &mut Option<Cursor>,
) -> Vec<RemoteId> {
    let drained = harness.drain(provider, Feed::Deletions, after.take()).await;
    *after = drained.cursor;
    let ids = drained.changes.into_iter().map(|change| match change {
        Change::Missing { id } => id,
        Change::Observed(_) | Change::Touched { .. } | Change::Merged { .. } => {
            panic!("{change:?}")
        }
    });
    ids.collect()
}

#[tokio::test]
async fn a_long_recycle_bin_is_swept_hourly_and_goes_on_where_it_stopped() {
    let harness = harness();
    let seeded = harness.seed_many(260);
    for id in &seeded[..250] {
        harness.fake.delete("contacts", id.as_str()).unwrap();
    }
    harness.pass(HOUR);
    let provider = harness.provider();
    let mut cursor = None;
    assert_eq!(missing(&harness, &provider, &mut cursor).await.len(), 250);
    assert_eq!(harness.requests("?archived"), 3);
    // Within the hour only the first page is read; a deletion behind it waits.
    harness.pass(HOUR / 2);
    let late = seeded.last().unwrap();
    harness.fake.delete("contacts", late.as_str()).unwrap();
    assert_eq!(missing(&harness, &provider, &mut cursor).await, []);
    assert_eq!(harness.requests("?archived"), 4);
    // Then the bin is swept, here in two runs of the process.
    harness.pass(HOUR / 2 + SHORT);
    let page = harness.page(&provider, Feed::Deletions, cursor.as_ref()).await;
    assert!(page.more && page.changes.is_empty());
    cursor = Some(page.next);
    let provider = harness.provider();
    assert_eq!(missing(&harness, &provider, &mut cursor).await, std::slice::from_ref(late));
    assert_eq!(harness.requests("?archived"), 7);
    harness.pass(HOUR * 2);
    assert_eq!(missing(&harness, &provider, &mut cursor).await, [], "it was told");
}
