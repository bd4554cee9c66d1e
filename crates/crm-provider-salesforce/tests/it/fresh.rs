//! The fresh feed: what others changed, without what we wrote ourselves.

use std::time::Duration;

use crm_core::{Cursor, Feed, Field, RemoteId, SharedProvider};
use crm_testkit::contract::provider::Harness;
use crm_testkit::dialect::salesforce::SalesforceOptions;
use serde_json::json;

use crate::room::{harness, opened, with};

const LONG: Duration = Duration::from_hours(1);
/// Longer than the second that a look reads again.
const SHORT: Duration = Duration::from_secs(5);

async fn begun(harness: &Harness, provider: &SharedProvider) -> Option<Cursor> {
    harness.pass(LONG);
    let cursor = harness.drain(provider, Feed::Changes, None).await.cursor;
    harness.pass(LONG);
    cursor
}

async fn write(harness: &Harness, provider: &SharedProvider, id: &RemoteId, city: &str) {
    let write = harness.update(0, id, Field::CITY, city);
    harness.apply_one(provider, write).await.unwrap();
    harness.pass(SHORT);
}

#[tokio::test]
async fn own_writes_are_left_out_and_later_edits_by_users_are_not() {
    let harness = harness();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider).await;
    write(&harness, &provider, &ids[0], "Lund").await;
    let made = harness.apply_one(&provider, harness.create(7)).await.unwrap().id;
    harness.edit(&ids[1], Field::CITY, "Aarhus");
    harness.pass(SHORT);
    let first = harness.drain(&provider, Feed::Fresh, cursor).await;
    assert_eq!(first.ids(), [ids[1].clone()]);
    harness.edit(&ids[0], Field::CITY, "Turku");
    harness.edit(&made, Field::CITY, "Turku");
    harness.pass(SHORT);
    let second = harness.drain(&provider, Feed::Fresh, first.cursor).await;
    let mut edited = [ids[0].clone(), made.clone()];
    edited.sort();
    assert_eq!(second.ids(), edited);
    // A full poll has them all, whoever changed them last.
    write(&harness, &provider, &ids[0], "Lund").await;
    let full = harness.drain(&provider, Feed::Changes, second.cursor).await;
    let mut all = [ids[0].clone(), ids[1].clone(), made];
    all.sort();
    assert_eq!(full.ids(), all);
}

#[tokio::test]
async fn an_edit_that_a_write_of_ours_covers_is_found_by_the_next_full_poll() {
    let harness = harness();
    let id = harness.seed(0);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider).await;
    harness.edit(&id, Field::JOB_TITLE, "Architect");
    write(&harness, &provider, &id, "Lund").await;
    let fresh = harness.drain(&provider, Feed::Fresh, cursor).await;
    assert_eq!(fresh.ids(), []);
    harness.pass(LONG);
    let full = harness.drain(&provider, Feed::Changes, fresh.cursor).await;
    assert_eq!(full.ids(), [id]);
}

#[tokio::test]
async fn a_run_that_wrote_much_is_followed_by_one_page() {
    let (harness, _) = with(SalesforceOptions { page_max: 3, ..Default::default() });
    let ids = harness.seed_many(20);
    let provider = harness.provider();
    let cursor = begun(&harness, &provider).await;
    let writes = ids.iter().enumerate();
    let writes: Vec<_> = writes.map(|(n, id)| harness.update(n, id, Field::CITY, "Lund")).collect();
    harness.apply(&provider, &writes).await;
    harness.pass(SHORT);
    let before = harness.requests("/query");
    let fresh = harness.drain(&provider, Feed::Fresh, cursor).await;
    assert_eq!((fresh.pages, fresh.changes.len()), (1, 0));
    assert_eq!(harness.requests("/query") - before, 1, "nobody is asked who we are");
    let full = harness.drain(&provider, Feed::Changes, fresh.cursor).await;
    assert_eq!(full.ids().len(), ids.len());
}

#[tokio::test]
async fn with_a_bare_token_nothing_is_left_out() {
    let access_token = Some("token-1".to_owned());
    let (harness, _) = with(SalesforceOptions { access_token, ..Default::default() });
    let id = harness.seed(0);
    let provider = opened(&harness, &json!({ "access_token": "token-1" }));
    let cursor = begun(&harness, &provider).await;
    write(&harness, &provider, &id, "Lund").await;
    let fresh = harness.drain(&provider, Feed::Fresh, cursor).await;
    assert_eq!(fresh.ids(), [id]);
}
