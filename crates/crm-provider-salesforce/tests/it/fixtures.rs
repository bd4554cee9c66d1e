//! The exchanges of `fixtures/salesforce/KIND`: what is sent, and what the answer means.
//!
//! The first part of a file's name says which call is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{
    Action, Change, Feed, Field, Lookup, MatchKey, ObjectCapability, ObjectKind, ProviderError,
    Remote, RemoteId, Result, SharedProvider, Uid, Value, Wire, Write, WriteKey,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Canonical, Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::json;

use crate::room;

/// The column that only orgs with several currencies have.
const CURRENCY: &str = "CurrencyIsoCode";
const ROOT: &str = "/services/data/v67.0";

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::running(1)));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "access_token": "token-1" })).unwrap()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What every org answers: the version, and to the survey all that is mapped, two users, and
/// three stages.
fn org(provider: &SharedProvider) -> Vec<(String, serde_json::Value)> {
    let mut parts = Vec::new();
    let mut part = |name: &str, body: serde_json::Value| {
        parts.push(json!({ "referenceId": name, "httpStatusCode": 200, "body": body }));
    };
    let field = |name: &str| {
        let ours = name == "Crm_Sync_Uid__c";
        json!({ "name": name, "createable": true, "updateable": true, "nillable": true,
            "externalId": ours, "unique": ours })
    };
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for mapping in provider.capabilities().objects.iter().flat_map(ObjectCapability::mappings) {
        let own = mapping.rules.iter().filter(|rule| rule.wire != Wire::Variant);
        let own = own.map(|rule| rule.remote.split(' ').next().unwrap());
        let all = own.chain(mapping.uid).filter(|column| *column != CURRENCY);
        columns.entry(mapping.remote).or_default().extend(all);
    }
    for (name, columns) in columns {
        let fields: Vec<_> = columns.into_iter().map(field).collect();
        part(name, json!({ "createable": true, "updateable": true, "fields": fields }));
    }
    part(room::ROLES, json!({ "createable": true, "updateable": true, "fields": [] }));
    let user = |id: &str, email: &str, active: bool| json!({ "Id": id, "Email": email, "IsActive": active });
    let petra = user("005Kp000001PetrIAC", "Petra@Org.example", true);
    let ines = user("005Kp000001InesIAC", "ines@org.example", false);
    part("users", json!({ "done": true, "records": [petra, ines] }));
    let stage = |name: &str, place: i64, closed: bool| {
        json!({ "ApiName": name, "MasterLabel": name, "IsActive": true, "IsClosed": closed,
            "IsWon": closed, "SortOrder": place })
    };
    let rows = [
        stage("Qualification", 2, false),
        stage("Prospecting", 1, false),
        stage("Signed", 3, true),
    ];
    part("stages", json!({ "done": true, "records": rows }));
    vec![
        ("/services/data".to_owned(), json!([{ "version": "67.0" }])),
        (format!("{ROOT}/composite"), json!({ "compositeResponse": parts })),
    ]
}

/// A fixture on its way.
struct Case<'f> {
    fixture: &'f Fixture,
    kind: ObjectKind,
    provider: SharedProvider,
}

impl Case<'_> {
    fn wanted(&self) -> &Canonical {
        self.fixture.canonical.as_ref().unwrap()
    }

    async fn get(&self) -> Result<Remote> {
        let id = RemoteId::from(text(&self.fixture.request.body["ids"][0]));
        match self.provider.get(self.kind, &[id]).await?.remove(0) {
            Lookup::Found(remote) => Ok(remote),
            other @ (Lookup::Archived | Lookup::MergedInto(_) | Lookup::Gone) => {
                panic!("{}: {other:?}", self.fixture.name)
            }
        }
    }

    async fn find(&self) -> Result<Vec<Remote>> {
        let wanted = self.wanted();
        let values = wanted.values();
        let key = if let Some(uid) = &wanted.uid {
            MatchKey::Uid(Uid::parse(uid).unwrap())
        } else if let Some(site) = values.get(Field::WEBSITE) {
            MatchKey::Domain(site.as_str().unwrap().into())
        } else {
            let email = values.get(Field::EMAIL).and_then(Value::as_str);
            MatchKey::Email(email.unwrap().into())
        };
        self.provider.find(self.kind, &[key]).await
    }

    async fn change(&self, feed: Feed) -> Result<Change> {
        let page = self.provider.changes(self.kind, feed, None).await?;
        Ok(page.changes.into_iter().next().unwrap())
    }

    async fn apply(&self) -> Result<RemoteId> {
        let wanted = self.wanted();
        let action = if self.fixture.name.starts_with("delete") {
            Action::Delete { id: wanted.id.clone() }
        } else if let Some(uid) = &wanted.uid {
            Action::Create { uid: Uid::parse(uid).unwrap(), fields: wanted.values() }
        } else {
            let patch = wanted.changes().into_iter().collect();
            Action::Update { id: wanted.id.clone(), patch, expected: None }
        };
        let entity = "0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d10".parse().unwrap();
        let key = WriteKey::derive(entity, self.provider.id(), 1);
        let write = Write { key, kind: self.kind, action };
        Ok(self.provider.apply(&[write]).await?.into_results().remove(0)?.id)
    }

    fn check(&self, remote: Option<Remote>) {
        let Some(remote) = remote else { return };
        let name = &self.fixture.name;
        self.wanted().check(name, &remote);
        assert_eq!(&*remote.version.unwrap().0, "2026-11-02T07:58:21.000+0000");
        let variant = remote.fields.get(Field::TYPE).and_then(Value::as_str);
        let capabilities = self.provider.capabilities();
        let capability = capabilities.object(self.kind).unwrap();
        let rules = capability.mapping_of(variant).unwrap().rules;
        let taking_part =
            rules.iter().filter(|rule| capability.suspended.binary_search(&rule.field).is_err());
        // What a shared column holds for another field says nothing of this one.
        let all: Vec<Field> = taking_part.map(|rule| rule.field).collect();
        let silent: Vec<_> = all.iter().filter(|field| !remote.read.contains(field)).collect();
        let told = self.fixture.note.contains("takes no part");
        assert_eq!(!silent.is_empty(), told, "{name}: not read: {silent:?}");
    }

    async fn run(&self) {
        let name = self.fixture.name.as_str();
        let (fixture, wanted) = (self.fixture, self.fixture.canonical.as_ref());
        match name.split('-').next().unwrap() {
            "get" => self.check(refused(fixture, self.get().await)),
            "find" => {
                let found = refused(fixture, self.find().await).unwrap();
                assert_eq!(found.is_empty(), name.contains("nobody"), "{name}");
                self.check(found.into_iter().next());
            }
            "list" => match refused(fixture, self.change(Feed::Changes).await) {
                Some(Change::Observed(remote)) => self.check(Some(remote)),
                other @ Some(
                    Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. },
                ) => {
                    panic!("{name}: {other:?}")
                }
                None => {}
            },
            "bin" => match refused(fixture, self.change(Feed::Deletions).await) {
                Some(Change::Missing { id } | Change::Merged { winner: id, .. }) => {
                    assert_eq!(id, wanted.unwrap().id, "{name}");
                }
                other @ (Some(Change::Observed(_) | Change::Touched { .. }) | None) => {
                    panic!("{name}: {other:?}")
                }
            },
            "create" | "update" | "delete" => {
                if let Some(id) = refused(fixture, self.apply().await) {
                    assert_eq!(id, wanted.unwrap().id, "{name}");
                }
            }
            other => panic!("no call is named {other}"),
        }
    }
}

fn refused<T>(fixture: &Fixture, answer: Result<T>) -> Option<T> {
    let kind = answer.as_ref().err().map(|error: &ProviderError| error.kind().name().to_owned());
    assert_eq!(kind, fixture.error, "{}", fixture.name);
    answer.ok()
}

async fn all_of(kind: ObjectKind) {
    let fixtures = load("salesforce", kind.name());
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        // What the org answers does not depend on where it is.
        let mut asides = org(&connect("http://127.0.0.1:1"));
        asides.extend(fixture.beside.clone());
        let asides: Vec<_> =
            asides.iter().map(|(path, body)| (path.as_str(), body.clone())).collect();
        let replay = fixture.replay_beside(&asides);
        let case = Case { fixture, kind, provider: connect(&replay.url) };
        case.run().await;
        replay.check(fixture);
    }
}

#[tokio::test]
async fn companies_are_sent_and_understood_as_they_stand() {
    all_of(ObjectKind::Company).await;
}

#[tokio::test]
async fn contacts_are_sent_and_understood_as_they_stand() {
    all_of(ObjectKind::Contact).await;
}

#[tokio::test]
async fn deals_are_sent_and_understood_as_they_stand() {
    all_of(ObjectKind::Deal).await;
}

#[tokio::test]
async fn activities_are_sent_and_understood_as_they_stand() {
    all_of(ObjectKind::Activity).await;
}
