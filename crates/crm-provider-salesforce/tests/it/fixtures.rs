//! The exchanges of `fixtures/salesforce/contact`: what is sent, and what the answer means.
//!
//! The first part of a file's name says which call is made.

use std::sync::Arc;

use crm_core::{
    Action, Change, Feed, Field, Lookup, MatchKey, ObjectKind, ProviderError, Remote, RemoteId,
    Result, SharedProvider, Uid, Value, Write, WriteKey,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Canonical, Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::json;

use crate::room;

const KIND: ObjectKind = ObjectKind::Contact;

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::running(1)));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "access_token": "token-1" })).unwrap()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn get(provider: &SharedProvider, fixture: &Fixture) -> Result<Remote> {
    let id = RemoteId::from(text(&fixture.request.body["ids"][0]));
    match provider.get(KIND, &[id]).await?.remove(0) {
        Lookup::Found(remote) => Ok(remote),
        other @ (Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone) => {
            panic!("{}: {other:?}", fixture.name)
        }
    }
}

async fn find(provider: &SharedProvider, wanted: &Canonical) -> Result<Remote> {
    let key = if let Some(uid) = &wanted.uid {
        MatchKey::Uid(Uid::parse(uid).unwrap())
    } else {
        let values = wanted.values();
        let email = values.get(Field::EMAIL).and_then(Value::as_str);
        MatchKey::Email(email.unwrap().into())
    };
    Ok(provider.find(KIND, &[key]).await?.remove(0))
}

async fn change(provider: &SharedProvider, feed: Feed) -> Result<Change> {
    let page = provider.changes(KIND, feed, None).await?;
    assert!(!page.more);
    Ok(page.changes.into_iter().next().unwrap())
}

async fn apply(provider: &SharedProvider, wanted: &Canonical) -> Result<RemoteId> {
    let action = if let Some(uid) = &wanted.uid {
        Action::Create { uid: Uid::parse(uid).unwrap(), fields: wanted.values() }
    } else {
        let patch = wanted.changes().into_iter().collect();
        Action::Update { id: wanted.id.clone(), patch, expected: None }
    };
    let key =
        WriteKey::derive("0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d10".parse().unwrap(), provider.id(), 1);
    let write = Write { key, kind: KIND, action };
    Ok(provider.apply(&[write]).await?.into_results().remove(0)?.id)
}

fn refused<T>(fixture: &Fixture, answer: Result<T>) -> Option<T> {
    let kind = answer.as_ref().err().map(|error: &ProviderError| error.kind().name().to_owned());
    assert_eq!(kind, fixture.error, "{}", fixture.name);
    answer.ok()
}

async fn run(fixture: &Fixture) {
    let name = fixture.name.as_str();
    let replay = fixture.replay_beside(&[("/services/data", json!([{ "version": "67.0" }]))]);
    let provider = connect(&replay.url);
    let wanted = fixture.canonical.as_ref();
    let check = |remote: Option<Remote>| {
        if let Some(remote) = remote {
            wanted.unwrap().check(name, &remote);
            assert_eq!(remote.read.len(), 12, "{name}: every field was read");
            assert_eq!(remote.version.unwrap().0.as_ref(), "2026-11-02T07:58:21.000+0000");
        }
    };
    match name.split('-').next().unwrap() {
        "get" => check(refused(fixture, get(&provider, fixture).await)),
        "find" => check(refused(fixture, find(&provider, wanted.unwrap()).await)),
        "list" => match refused(fixture, change(&provider, Feed::Changes).await) {
            Some(Change::Observed(remote)) => check(Some(remote)),
            other @ Some(
                Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. },
            ) => {
                panic!("{name}: {other:?}")
            }
            None => {}
        },
        "bin" => match refused(fixture, change(&provider, Feed::Deletions).await) {
            Some(Change::Missing { id } | Change::Merged { winner: id, .. }) => {
                assert_eq!(id, wanted.unwrap().id, "{name}");
            }
            other @ (Some(Change::Observed(_) | Change::Touched { .. }) | None) => {
                panic!("{name}: {other:?}")
            }
        },
        "create" | "update" => {
            if let Some(id) = refused(fixture, apply(&provider, wanted.unwrap()).await) {
                assert_eq!(id, wanted.unwrap().id, "{name}");
            }
        }
        other => panic!("no call is named {other}"),
    }
    replay.check(fixture);
}

#[tokio::test]
async fn each_exchange_is_sent_and_understood_as_it_stands() {
    let fixtures = load("salesforce", "contact");
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        run(fixture).await;
    }
}
