//! The exchanges of `fixtures/salesflare/KIND`: what is sent, and what the answer means.
//!
//! Which call is made follows from the request, so a new file needs no new code.

use std::sync::Arc;

use crm_core::{
    Action, Change, Cursor, Feed, Lookup, MatchKey, ObjectKind, RemoteId, Result, SharedProvider,
    Uid, Write, WriteKey,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

use crate::room;

/// What a poll reads again, and the second that `modification_after` may leave out.
const OVERLAP_MS: i64 = 181_000;

/// A fixture on its way.
struct Case<'f> {
    fixture: &'f Fixture,
    kind: ObjectKind,
}

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::running(1)));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "api_key": "token-1" })).unwrap()
}

/// What every account answers: two users, the usual pipeline, three currencies.
fn account() -> Vec<(String, Value)> {
    let user = |id: u32, email: &str| json!({ "id": id, "email": email, "disabled": false });
    let users = [user(31, "ana.roy@sales.example"), user(32, "tom.berg@sales.example")];
    let stage = |id: u32, name: &str, fixed: u32| json!({ "id": id, "name": name, "fixed_stage": fixed, "order": id });
    let stages = [
        stage(481, "Lead", 0),
        stage(483, "Qualified", 0),
        stage(484, "Proposal made", 0),
        stage(485, "Won", 1),
        stage(486, "Lost", 2),
    ];
    let pipeline = json!({ "id": 76, "name": "Default", "archived": false, "stages": stages });
    let currency = |id: u32, iso: &str| json!({ "id": id, "iso": iso });
    vec![
        ("/users".to_owned(), json!(users)),
        ("/pipelines".to_owned(), json!([pipeline])),
        ("/currencies".to_owned(), json!([currency(1, "USD"), currency(2, "EUR")])),
    ]
}

async fn all_of(kind: ObjectKind) {
    let fixtures = load("salesflare", kind.name());
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        let mut asides = account();
        asides.extend(fixture.beside.clone());
        let asides: Vec<(&str, Value)> =
            asides.iter().map(|(path, body)| (path.as_str(), body.clone())).collect();
        let replay = fixture.replay_beside(&asides);
        let outcome = Case { fixture, kind }.run(&connect(&replay.url)).await;
        let name = outcome.err().map(|error| error.kind().name().to_owned());
        assert_eq!(name, fixture.error, "{}", fixture.name);
        replay.check(fixture);
    }
}

#[tokio::test]
async fn contacts_are_as_recorded() {
    all_of(ObjectKind::Contact).await;
}

#[tokio::test]
async fn companies_are_as_recorded() {
    all_of(ObjectKind::Company).await;
}

#[tokio::test]
async fn deals_are_as_recorded() {
    all_of(ObjectKind::Deal).await;
}

#[tokio::test]
async fn activities_are_as_recorded() {
    all_of(ObjectKind::Activity).await;
}

impl Case<'_> {
    async fn run(&self, provider: &SharedProvider) -> Result<()> {
        let request = &self.fixture.request;
        if request.method != "GET" {
            return self.write(provider).await;
        }
        let asks = |name: &str| request.query.get(name).map(String::as_str);
        if let Some(custom) = asks("custom") {
            let custom: Value = serde_json::from_str(custom).unwrap();
            let uid = custom["crm_sync_uid"].as_str().unwrap();
            return self.find(provider, MatchKey::Uid(Uid::parse(uid).unwrap())).await;
        }
        if self.fixture.name == "find_uid" {
            let uid = self.fixture.canonical.as_ref().unwrap().uid.as_ref().unwrap();
            return self.find(provider, MatchKey::Uid(Uid::parse(uid).unwrap())).await;
        }
        if let Some(email) = asks("email") {
            return self.find(provider, MatchKey::Email(email.into())).await;
        }
        if let Some(domain) = asks("domain") {
            return self.find(provider, MatchKey::Domain(domain.into())).await;
        }
        let alone = request.path.split('/').nth(2);
        match asks("id").or(alone) {
            Some(id) => self.get(provider, &id.into()).await,
            None => self.list(provider, asks("modification_after")).await,
        }
    }

    async fn get(&self, provider: &SharedProvider, id: &RemoteId) -> Result<()> {
        let name = &self.fixture.name;
        let lookups = provider.get(self.kind, std::slice::from_ref(id)).await?;
        match (lookups.as_slice(), &self.fixture.canonical) {
            ([Lookup::Found(remote)], Some(canonical)) => {
                canonical.check(name, remote);
                let body = &self.fixture.response.body;
                let row = body.get(0).unwrap_or(body);
                let version = remote.version.as_ref().map(|version| &*version.0);
                assert_eq!(version, row["modification_date"].as_str());
            }
            ([Lookup::Archived], None) => assert!(name.contains("archived"), "{name}"),
            ([Lookup::Gone], None) => assert!(name.contains("gone"), "{name}"),
            (lookups, _) => panic!("{name}: {lookups:?}"),
        }
        Ok(())
    }

    async fn find(&self, provider: &SharedProvider, key: MatchKey) -> Result<()> {
        let found = provider.find(self.kind, &[key]).await?;
        let name = &self.fixture.name;
        assert_eq!(found.len(), usize::from(self.fixture.canonical.is_some()), "{name}");
        for remote in &found {
            self.fixture.canonical.as_ref().unwrap().check(name, remote);
        }
        Ok(())
    }

    async fn list(&self, provider: &SharedProvider, after: Option<&str>) -> Result<()> {
        let name = &self.fixture.name;
        let cursor = after.map(|after| {
            let after: jiff::Timestamp = after.parse().unwrap();
            let settled = after.as_millisecond() + OVERLAP_MS;
            let settled = jiff::Timestamp::from_millisecond(settled).unwrap();
            let watermark = json!({ "settled": settled, "polled": settled });
            Cursor(json!({ "poll": { "watermark": watermark, "window": null } }).to_string())
        });
        let page = provider.changes(self.kind, Feed::Changes, cursor.as_ref()).await?;
        assert!(!page.more, "{name}");
        let rows = self.fixture.response.body.as_array().unwrap();
        assert_eq!(page.changes.len(), rows.len(), "{name}");
        for (change, row) in page.changes.iter().zip(rows) {
            match change {
                Change::Observed(remote) => {
                    self.fixture.canonical.as_ref().unwrap().check(name, remote);
                }
                Change::Touched { id, .. } if self.kind == ObjectKind::Deal => {
                    assert_eq!(id.as_str(), row["id"].to_string());
                }
                Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. } => {
                    panic!("{name}: {change:?}")
                }
            }
        }
        Ok(())
    }

    async fn write(&self, provider: &SharedProvider) -> Result<()> {
        let canonical = self.fixture.canonical.as_ref().unwrap();
        let id = canonical.id.clone();
        let action = match self.fixture.request.method.as_str() {
            "POST" => {
                let uid = Uid::parse(canonical.uid.as_ref().unwrap()).unwrap();
                Action::Create { uid, fields: canonical.values() }
            }
            "DELETE" => Action::Delete { id },
            _ => {
                let patch = canonical.changes().into_iter().collect();
                Action::Update { id, patch, expected: None }
            }
        };
        let key = WriteKey::from_uuid("6c0d1f5e-8a57-5f0e-9b1c-2f4f3a7d9e11".parse().unwrap());
        let outcome = provider.apply(&[Write { key, kind: self.kind, action }]).await?;
        let written = outcome.into_results().remove(0)?;
        assert_eq!(written.id, canonical.id, "{}", self.fixture.name);
        Ok(())
    }
}
