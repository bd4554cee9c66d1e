//! What is particular to Salesflare's lists: offsets that move, archived rows, prints.

use std::sync::Arc;

use crm_core::{Change, ErrorKind, Feed, Field, RemoteId};
use crm_testkit::contract::provider::{Connect, Credentials};
use crm_testkit::dialect::salesflare::SalesflareOptions;
use crm_testkit::fake::Fake as _;
use crm_testkit::serve::{Server, Site};
use serde_json::json;

use crate::room;

/// Records that go while a list is read move those behind them; none of these is skipped.
#[tokio::test]
async fn a_record_that_goes_between_two_pages_hides_no_other() {
    for harness in [room::harness(), room::companies(), room::tasks()] {
        let seeded = harness.seed_many(230);
        let provider = harness.provider();
        let first = harness.page(&provider, Feed::Changes, None).await;
        assert!(first.more);
        // The last row of the page goes, and so do some before it.
        for id in &seeded[95..100] {
            harness.delete(id);
        }
        let rest = harness.drain(&provider, Feed::Changes, Some(first.next)).await;
        let mut ids: Vec<RemoteId> = rest.ids();
        ids.sort_by_key(|id| id.as_str().parse::<u64>().unwrap());
        assert_eq!(ids, seeded[100..], "{}", harness.room.table);
    }
}

/// A contact that a user archives is gone from the lists, and found archived.
#[tokio::test]
async fn an_archived_contact_is_told_as_missing() {
    let harness = room::harness();
    let ids = harness.seed_many(2);
    let provider = harness.provider();
    let begun = harness.drain(&provider, Feed::Changes, None).await;
    let fields = [("archived".to_owned(), json!(true))].into_iter().collect();
    harness.fake.patch("contacts", ids[0].as_str(), &fields).unwrap();
    let news = harness.drain(&provider, Feed::Changes, begun.cursor).await;
    assert!(news.changes.contains(&Change::Missing { id: ids[0].clone() }), "{news:?}");
    let lookups = provider.get(harness.room.kind, &ids[..1]).await.unwrap();
    assert_eq!(lookups, [crm_core::Lookup::Archived]);
}

/// What is read whole tells what is not there any more, without the feed of deletions.
#[tokio::test]
async fn a_scan_tells_what_is_no_more() {
    let harness = room::companies();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    let begun = harness.drain(&provider, Feed::Changes, None).await;
    harness.delete(&ids[1]);
    let news = harness.drain(&provider, Feed::Changes, begun.cursor).await;
    assert_eq!(news.changes, [Change::Missing { id: ids[1].clone() }]);
    let quiet = harness.drain(&provider, Feed::Changes, news.cursor).await;
    assert_eq!(quiet.changes, []);
}

/// Only a change of what we read, or of the change time, is news.
#[tokio::test]
async fn a_scan_is_silent_about_what_looks_the_same() {
    let harness = room::tasks();
    let ids = harness.seed_many(3);
    let provider = harness.provider();
    let begun = harness.drain(&provider, Feed::Changes, None).await;
    harness.edit(&ids[2], Field::SUBJECT, "Walk");
    let news = harness.drain(&provider, Feed::Changes, begun.cursor).await;
    assert_eq!(news.ids(), [ids[2].clone()]);
}

/// An order that the server does not keep would lose records; it is noticed.
#[tokio::test]
async fn a_list_out_of_order_is_refused() {
    let harness = room::companies();
    harness.seed_many(30);
    let fake = Arc::clone(&harness.fake);
    let answer = move |request: &http::Request<bytes::Bytes>| {
        let target = request.uri().to_string().replace("order_by=id", "order_by=name+desc");
        let mut asked = request.clone();
        *asked.uri_mut() = target.parse().unwrap();
        fake.respond(&asked)
    };
    let server = Server::start(vec![Site::bind(0, Arc::new(answer)).unwrap()]).unwrap();
    let connect = Connect { url: server.url(0).unwrap(), ..harness.way(Credentials::Right) };
    let provider = room::open(&connect, &json!({ "api_key": "sandbox-salesflare-key" })).unwrap();
    let refused = provider.changes(harness.room.kind, Feed::Changes, None).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Malformed { .. }), "{refused}");
}

/// Tasks of all users are seen, also those of one who left.
#[tokio::test]
async fn tasks_of_every_user_are_seen() {
    let (harness, fake) = room::of(room::task(), SalesflareOptions::default());
    let members = [("assignees", "33")];
    let id = harness.seed_with(&harness.record(0), &members);
    let idle = harness.seed_with(&harness.record(1), &[("assignees", "39")]);
    let page = harness.drain(&harness.provider(), Feed::Changes, None).await;
    let mut expected = vec![id, idle];
    expected.sort();
    assert_eq!(page.ids(), expected);
    assert!(fake.counters().requests("GET /users") >= 1);
}
