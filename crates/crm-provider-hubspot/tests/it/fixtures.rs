//! The exchanges of `fixtures/hubspot/contact`: what is sent, and what the answer means.
//!
//! Which call is made follows from the request, so a new file needs no new code.

use std::sync::Arc;

use crm_core::{
    Action, Change, Cursor, Feed, Lookup, MatchKey, ObjectKind, Result, SharedProvider, Uid, Write,
    WriteKey, Written,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

use crate::room;

const KIND: ObjectKind = ObjectKind::Contact;
/// What a poll reads again, in milliseconds.
const OVERLAP_MS: i64 = 120_000;

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::running(1)));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "access_token": "token-1" })).unwrap()
}

#[tokio::test]
async fn requests_and_answers_are_as_recorded() {
    let fixtures = load("hubspot", "contact");
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        let replay = fixture.replay();
        let provider = connect(&replay.url);
        let outcome = run(&provider, fixture).await;
        let name = outcome.err().map(|error| error.kind().name().to_owned());
        assert_eq!(name, fixture.error, "{}", fixture.name);
        replay.check(fixture);
    }
}

async fn run(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let (_, call) = fixture.request.path.split_once("/contacts").unwrap();
    match call {
        "" => list(provider, fixture).await,
        "/search" => search(provider, fixture).await,
        "/batch/read" if fixture.request.body.get("idProperty").is_some() => {
            find(provider, fixture).await
        }
        "/batch/read" => get(provider, fixture).await,
        "/batch/upsert" | "/batch/update" | "/batch/archive" => write(provider, fixture).await,
        other => panic!("{}: no call has the path {other}", fixture.name),
    }
}

fn inputs(fixture: &Fixture) -> Vec<&str> {
    let inputs = fixture.request.body["inputs"].as_array().unwrap();
    inputs.iter().map(|input| input["id"].as_str().unwrap()).collect()
}

fn results(fixture: &Fixture) -> &[Value] {
    fixture.response.body["results"].as_array().unwrap()
}

async fn get(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let ids: Vec<_> = inputs(fixture).into_iter().map(Into::into).collect();
    let lookups = provider.get(KIND, &ids).await?;
    let [Lookup::Found(remote)] = lookups.as_slice() else {
        panic!("{}: {lookups:?}", fixture.name);
    };
    fixture.canonical.as_ref().unwrap().check(&fixture.name, remote);
    let shown = &results(fixture)[0]["properties"];
    let version = remote.version.as_ref().map(|version| &*version.0);
    assert_eq!(version, shown["lastmodifieddate"].as_str());
    // Read is what the answer shows, with and without a value.
    let mapping = provider.capabilities().object(KIND).unwrap().mapping;
    let read = mapping.rules.iter().filter(|rule| shown.get(rule.remote).is_some());
    assert_eq!(*remote.read, read.map(|rule| rule.field).collect::<Vec<_>>());
    Ok(())
}

async fn find(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let by_uid = fixture.request.body["idProperty"] == "crm_sync_uid";
    let key = |value: &str| {
        if by_uid {
            MatchKey::Uid(Uid::parse(value).unwrap())
        } else {
            MatchKey::Email(value.into())
        }
    };
    let keys: Vec<_> = inputs(fixture).into_iter().map(key).collect();
    let found = provider.find(KIND, &keys).await?;
    assert_eq!(found.len(), usize::from(fixture.canonical.is_some()), "{}", fixture.name);
    for remote in &found {
        fixture.canonical.as_ref().unwrap().check(&fixture.name, remote);
    }
    Ok(())
}

async fn list(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let archived = fixture.request.query["archived"] == "true";
    let feed = if archived { Feed::Deletions } else { Feed::Changes };
    let page = provider.changes(KIND, feed, None).await?;
    assert!(!page.more, "{}", fixture.name);
    assert_eq!(page.changes.len(), results(fixture).len());
    for (change, row) in page.changes.iter().zip(results(fixture)) {
        match change {
            Change::Observed(remote) if !archived => {
                fixture.canonical.as_ref().unwrap().check(&fixture.name, remote);
            }
            Change::Missing { id } if archived => assert_eq!(*id.as_str(), row["id"]),
            Change::Observed(_)
            | Change::Touched { .. }
            | Change::Missing { .. }
            | Change::Merged { .. } => panic!("{}: {change:?}", fixture.name),
        }
    }
    Ok(())
}

async fn search(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let filters = &fixture.request.body["filterGroups"][0]["filters"];
    let filter = |name: &str, operator: &str| {
        let mut all = filters.as_array().unwrap().iter();
        let fits = |one: &&Value| one["propertyName"] == name && one["operator"] == operator;
        all.find(fits).and_then(|one| one["value"].as_str())
    };
    let instant = |text: &str, later: i64| {
        jiff::Timestamp::from_millisecond(text.parse::<i64>().unwrap() + later).unwrap()
    };
    let from = filter("lastmodifieddate", "GTE").unwrap();
    let settled = instant(from, OVERLAP_MS);
    let window = filter("lastmodifieddate", "LTE").map(|until| {
        json!({
            "fresh": false,
            "from": instant(from, 0),
            // The cursor keeps the second; the filter reaches to its end.
            "until": instant(until, -999),
            "last": filter("hs_object_id", "GT"),
            "edge": "0",
            "over": true,
        })
    });
    let watermark = json!({ "settled": settled, "polled": settled });
    let cursor = json!({ "phase": "poll", "watermark": watermark, "window": window });
    let page = provider.changes(KIND, Feed::Changes, Some(&Cursor(cursor.to_string()))).await?;
    assert_eq!(page.changes.len(), results(fixture).len());
    for (change, row) in page.changes.iter().zip(results(fixture)) {
        let Change::Touched { id, version } = change else { panic!("{change:?}") };
        assert_eq!(*id.as_str(), row["id"]);
        assert_eq!(*version.as_ref().unwrap().0, row["properties"]["lastmodifieddate"]);
    }
    Ok(())
}

async fn write(provider: &SharedProvider, fixture: &Fixture) -> Result<()> {
    let canonical = fixture.canonical.as_ref().unwrap();
    let id = canonical.id.clone();
    let action = if let Some(uid) = &canonical.uid {
        Action::Create { uid: Uid::parse(uid).unwrap(), fields: canonical.values() }
    } else if fixture.request.path.ends_with("/archive") {
        Action::Delete { id }
    } else {
        Action::Update { id, patch: canonical.changes().into_iter().collect(), expected: None }
    };
    let key = WriteKey::from_uuid("6c0d1f5e-8a57-5f0e-9b1c-2f4f3a7d9e11".parse().unwrap());
    let outcome = provider.apply(&[Write { key, kind: KIND, action }]).await?;
    let written: Written = outcome.into_results().remove(0)?;
    assert_eq!(written.id, canonical.id, "{}", fixture.name);
    if let Some(stored) = &written.stored {
        canonical.check_fields(&fixture.name, stored);
        let version = &results(fixture)[0]["properties"]["lastmodifieddate"];
        assert_eq!(*written.version.unwrap().0, *version);
    }
    Ok(())
}
