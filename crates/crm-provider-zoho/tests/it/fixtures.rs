//! The exchanges of `fixtures/zoho/KIND`: what is sent, and what the answer means.
//!
//! The first part of a file's name says which call is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{
    Action, Change, Feed, Field, Lookup, MatchKey, ObjectCapability, ObjectKind, ProviderError,
    Remote, Result, SharedProvider, Uid, Value, Wire, Write, WriteKey,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Canonical, Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::json;

use crate::room;

/// The column that only orgs with several currencies have.
const CURRENCY: &str = "Currency";
const FIELDS: &str = "/crm/v8/settings/fields";

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::manual("2026-11-02T08:00:00Z".parse().unwrap())));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "access_token": "token-1" })).unwrap()
}

/// What every org answers to the survey: all that is mapped, two users, and three stages.
fn org(provider: &SharedProvider) -> Vec<(String, serde_json::Value)> {
    let mut columns: BTreeSet<&str> = BTreeSet::new();
    for mapping in provider.capabilities().objects.iter().flat_map(ObjectCapability::mappings) {
        let own = mapping.rules.iter().filter(|rule| rule.wire != Wire::Variant);
        let own = own.map(|rule| rule.remote.split(' ').next().unwrap());
        columns.extend(own.chain(mapping.uid).filter(|column| *column != CURRENCY));
    }
    let stage = |name: &str, place: u32, forecast: &str| {
        json!({ "actual_value": name, "display_value": name, "sequence_number": place,
            "forecast_type": forecast })
    };
    let stages = json!([
        stage("Needs Analysis", 2, "Open"),
        stage("Qualification", 1, "Open"),
        stage("Signed", 3, "Closed Won"),
    ]);
    let field = |name: &str| {
        let unique =
            if name == "Crm_Sync_Uid" { json!({ "casesensitive": "false" }) } else { json!({}) };
        let options = if name == "Stage" { stages.clone() } else { json!([]) };
        json!({ "api_name": name, "unique": unique, "pick_list_values": options })
    };
    let fields: Vec<_> = columns.into_iter().map(field).collect();
    let user =
        |id: &str, email: &str, status: &str| json!({ "id": id, "email": email, "status": status });
    let petra = user("7100000000000235002", "Petra@Org.example", "active");
    let ines = user("7100000000000235004", "ines@org.example", "deleted");
    let pipeline = json!({ "actual_value": "Standard", "default": true, "maps": stages });
    vec![
        (FIELDS.to_owned(), json!({ "fields": fields })),
        ("/crm/v8/settings/layouts".to_owned(), json!({ "layouts": [{ "id": "7101" }] })),
        ("/crm/v8/settings/pipeline".to_owned(), json!({ "pipeline": [pipeline] })),
        ("/crm/v8/users".to_owned(), json!({ "users": [petra, ines], "info": {} })),
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

    async fn get(&self) -> Result<Option<Remote>> {
        let id = self.wanted().id.clone();
        let expected = self.fixture.name.split('-').nth(1);
        match self.provider.get(self.kind, &[id]).await?.remove(0) {
            Lookup::Found(remote) => Ok(Some(remote)),
            Lookup::Archived if expected == Some("archived") => Ok(None),
            Lookup::Gone if expected == Some("gone") => Ok(None),
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

    async fn change(&self, feed: Feed) -> Result<Option<Change>> {
        let page = self.provider.changes(self.kind, feed, None).await?;
        Ok(page.changes.into_iter().next())
    }

    async fn apply(&self) -> Result<crm_core::RemoteId> {
        let wanted = self.wanted();
        let action = match self.fixture.name.split('-').next().unwrap() {
            "create" => Action::Create {
                uid: Uid::parse(wanted.uid.as_ref().unwrap()).unwrap(),
                fields: wanted.values(),
            },
            "update" => Action::Update {
                id: wanted.id.clone(),
                patch: wanted.changes().into_iter().collect(),
                expected: Some(crm_core::Version("2026-11-02T07:58:21Z".into())),
            },
            _ => Action::Delete { id: wanted.id.clone() },
        };
        let entity = "0b9bd9ff-1c8e-5c0f-9f0e-5e2a3f1c7d10".parse().unwrap();
        let key = WriteKey::derive(entity, self.provider.id(), 1);
        let write = Write { key, kind: self.kind, action };
        let result = self.provider.apply(&[write]).await?.into_results().remove(0);
        result.map(|written| written.id)
    }

    fn check(&self, remote: Option<Remote>) {
        let name = self.fixture.name.as_str();
        let Some(remote) = remote else { return };
        self.wanted().check(name, &remote);
        let capabilities = self.provider.capabilities();
        let capability = capabilities.object(self.kind).unwrap();
        let variant = remote.fields.get(Field::TYPE).and_then(Value::as_str);
        let rules = capability.mapping_of(variant).unwrap().rules.iter();
        let taking_part = rules.filter(|rule| !capability.suspended.contains(&rule.field));
        // What a shared column holds for another field says nothing of this one.
        let all: Vec<Field> = taking_part.map(|rule| rule.field).collect();
        let silent: Vec<_> = all.iter().filter(|field| !remote.read.contains(field)).collect();
        let told = self.fixture.note.contains("takes no part");
        assert_eq!(!silent.is_empty(), told, "{name}: not read: {silent:?}");
    }

    async fn run(&self) {
        let name = self.fixture.name.as_str();
        let fixture = self.fixture;
        match name.split('-').next().unwrap() {
            "get" => self.check(refused(fixture, self.get().await).flatten()),
            "find" => {
                let found = refused(fixture, self.find().await).unwrap();
                assert_eq!(found.is_empty(), name.contains("nobody"), "{name}");
                self.check(found.into_iter().next());
            }
            "list" => match refused(fixture, self.change(Feed::Changes).await).flatten() {
                Some(Change::Observed(remote)) => self.check(Some(remote)),
                other @ Some(
                    Change::Touched { .. } | Change::Missing { .. } | Change::Merged { .. },
                ) => {
                    panic!("{name}: {other:?}")
                }
                None => assert!(fixture.canonical.is_none(), "{name}: nothing was listed"),
            },
            "bin" => match refused(fixture, self.change(Feed::Deletions).await).flatten() {
                Some(Change::Missing { id }) => assert_eq!(id, self.wanted().id, "{name}"),
                other @ Some(
                    Change::Observed(_) | Change::Touched { .. } | Change::Merged { .. },
                ) => {
                    panic!("{name}: {other:?}")
                }
                None => assert!(fixture.canonical.is_none(), "{name}: nothing was deleted"),
            },
            "create" | "update" | "delete" => {
                if let Some(id) = refused(fixture, self.apply().await) {
                    assert_eq!(id, self.wanted().id, "{name}");
                }
            }
            other => panic!("no call is named {other}"),
        }
    }
}

fn refused<T>(fixture: &Fixture, answer: Result<T>) -> Option<T> {
    let kind = answer.as_ref().err().map(|error: &ProviderError| error.kind().name().to_owned());
    assert_eq!(kind, fixture.error, "{}: {:?}", fixture.name, answer.as_ref().err());
    answer.ok()
}

async fn all_of(kind: ObjectKind) {
    let fixtures = load("zoho", kind.name());
    assert!(fixtures.len() >= 10);
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for fixture in &fixtures {
        *calls.entry(fixture.name.split('-').next().unwrap()).or_default() += 1;
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
    assert!(calls.len() >= 6, "{calls:?}");
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
