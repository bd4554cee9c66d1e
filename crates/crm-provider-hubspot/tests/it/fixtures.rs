//! The exchanges of `fixtures/hubspot/KIND`: what is sent, and what the answer means.
//!
//! Which call is made follows from the request, so a new file needs no new code.

use std::sync::Arc;

use crm_core::{
    Action, Change, Cursor, Feed, Lookup, MatchKey, ObjectKind, RemoteId, Result, SharedProvider,
    Uid, Wire, Write, WriteKey, Written,
};
use crm_testkit::contract::provider::{Connect, Credentials, FakeTime};
use crm_testkit::fixture::{Fixture, load};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

use crate::room;

/// What a poll reads again, in milliseconds.
const OVERLAP_MS: i64 = 120_000;
const OBJECTS: &str = "/crm/objects/2026-09/";
const TIES: &str = "/crm/associations/2026-09/";

/// A fixture on its way: the call, with what the file leaves unsaid.
struct Case<'f> {
    fixture: &'f Fixture,
    kind: ObjectKind,
    /// The type of record, as paths spell it.
    table: String,
    /// What is asked of the type.
    call: String,
}

fn connect(url: &str) -> SharedProvider {
    let clock = Arc::new(FakeTime(FakeClock::running(1)));
    let connect = Connect { url: url.to_owned(), credentials: Credentials::Right, clock };
    room::open(&connect, &json!({ "access_token": "token-1" })).unwrap()
}

/// What every account answers: two owners, the usual pipeline, and records that are tied to none.
fn account() -> Vec<(String, Value)> {
    let owner = |id: &str, email: &str| json!({ "id": id, "email": email, "archived": false });
    let stage = |id: &str| json!({ "id": id, "label": id, "archived": false });
    let stages = ["appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon"];
    let pipeline = json!({
        "id": "default",
        "label": "Sales Pipeline",
        "archived": false,
        "stages": stages.map(stage),
    });
    let owners = [owner("61", "lena.moreau@sales.example"), owner("62", "tom.berg@sales.example")];
    let mut asides = vec![
        ("/crm/owners/2026-09".to_owned(), json!({ "results": owners })),
        ("/crm/pipelines/2026-09/deals".to_owned(), json!({ "results": [pipeline] })),
    ];
    for from in ["contacts", "companies", "deals", "tasks", "calls", "meetings", "notes", "emails"]
    {
        for to in ["contacts", "companies", "deals"] {
            let path = format!("{TIES}{from}/{to}/batch/read");
            asides.push((path, json!({ "status": "COMPLETE", "results": [] })));
        }
    }
    asides
}

async fn all_of(kind: ObjectKind) {
    let fixtures = load("hubspot", kind.name());
    assert!(fixtures.len() >= 10);
    for fixture in &fixtures {
        let mut asides = account();
        asides.retain(|(path, _)| {
            *path != fixture.request.path && !fixture.beside.contains_key(path)
        });
        asides.extend(fixture.beside.clone());
        let asides: Vec<(&str, Value)> =
            asides.iter().map(|(path, body)| (path.as_str(), body.clone())).collect();
        let replay = fixture.replay_beside(&asides);
        let provider = connect(&replay.url);
        let outcome = Case::of(fixture, kind).run(&provider).await;
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

impl<'f> Case<'f> {
    fn of(fixture: &'f Fixture, kind: ObjectKind) -> Self {
        let path = fixture.request.path.as_str();
        let (rest, is_tie) = match path.strip_prefix(OBJECTS) {
            Some(rest) => (rest, false),
            None => (path.strip_prefix(TIES).unwrap(), true),
        };
        let (table, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let call = match (is_tie, rest.ends_with("/batch/read")) {
            (true, true) => "batch/read",
            (true, false) => "batch/update",
            (false, _) => rest,
        };
        Self { fixture, kind, table: table.to_owned(), call: call.to_owned() }
    }

    async fn run(&self, provider: &SharedProvider) -> Result<()> {
        match self.call.as_str() {
            "" => self.list(provider).await,
            "search" if self.by_uid() => self.find(provider).await,
            "search" => self.search(provider).await,
            "batch/read" if self.fixture.request.body.get("idProperty").is_some() => {
                self.find(provider).await
            }
            "batch/read" => self.get(provider).await,
            "batch/upsert" | "batch/create" | "batch/update" | "batch/archive" => {
                self.write(provider).await
            }
            other => panic!("{}: no call has the path {other}", self.fixture.name),
        }
    }

    fn by_uid(&self) -> bool {
        let body = &self.fixture.request.body;
        let filter = &body["filterGroups"][0]["filters"][0]["propertyName"];
        body["idProperty"] == "crm_sync_uid" || filter == "crm_sync_uid"
    }

    fn modified(&self) -> &'static str {
        if self.table == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" }
    }

    /// Returns our id of a record.
    fn id(&self, id: &str) -> RemoteId {
        match self.kind {
            ObjectKind::Activity => format!("{}/{id}", self.table).into(),
            ObjectKind::Company | ObjectKind::Contact | ObjectKind::Deal => id.into(),
        }
    }

    fn inputs(&self) -> Vec<&str> {
        let inputs = self.fixture.request.body["inputs"].as_array().unwrap();
        inputs.iter().map(|input| input["id"].as_str().unwrap()).collect()
    }

    fn results(&self) -> &[Value] {
        self.fixture.response.body["results"].as_array().unwrap()
    }

    /// Returns a cursor of the type that the fixture is about.
    fn cursor(&self, position: Option<Value>) -> Option<Cursor> {
        if self.kind != ObjectKind::Activity {
            return position.map(|position| Cursor(position.to_string()));
        }
        let of = position.map_or_else(|| json!({}), |position| json!({ &self.table: position }));
        let round = json!({ "fresh": false, "left": [self.table] });
        Some(Cursor(json!({ "phase": "forms", "of": of, "round": round }).to_string()))
    }

    async fn get(&self, provider: &SharedProvider) -> Result<()> {
        let name = &self.fixture.name;
        let ids: Vec<RemoteId> = match &self.fixture.canonical {
            Some(canonical) if canonical.aliases.is_empty() => vec![canonical.id.clone()],
            Some(_) | None => self.inputs().into_iter().map(|id| self.id(id)).collect(),
        };
        let lookups = provider.get(self.kind, &ids).await?;
        let [Lookup::Found(remote)] = lookups.as_slice() else { panic!("{name}: {lookups:?}") };
        self.fixture.canonical.as_ref().unwrap().check(name, remote);
        if self.fixture.request.path.starts_with(TIES) {
            return Ok(());
        }
        let shown = &self.results()[0]["properties"];
        let version = remote.version.as_ref().map(|version| &*version.0);
        assert_eq!(version, shown[self.modified()].as_str());
        // Read is what the answer shows, with and without a value, and what is asked for apart.
        let capabilities = provider.capabilities();
        let object = capabilities.object(self.kind).unwrap();
        let mapping = object.mappings().find(|table| table.remote == self.table).unwrap();
        let read = mapping.rules.iter().filter(|rule| {
            matches!(rule.wire, Wire::Related | Wire::Variant) || shown.get(rule.remote).is_some()
        });
        let unknown = ["9999", "stranger"].map(Value::from);
        let read = read.filter(|rule| !unknown.contains(&shown[rule.remote]));
        assert_eq!(*remote.read, read.map(|rule| rule.field).collect::<Vec<_>>(), "{name}");
        Ok(())
    }

    async fn find(&self, provider: &SharedProvider) -> Result<()> {
        let values: Vec<String> = if self.call == "search" {
            let values = &self.fixture.request.body["filterGroups"][0]["filters"][0]["values"];
            values.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
        } else {
            self.inputs().into_iter().map(str::to_owned).collect()
        };
        let key = |value: &String| {
            if self.by_uid() {
                MatchKey::Uid(Uid::parse(value).unwrap())
            } else {
                MatchKey::Email(value.as_str().into())
            }
        };
        let keys: Vec<_> = values.iter().map(key).collect();
        let found = provider.find(self.kind, &keys).await?;
        let name = &self.fixture.name;
        assert_eq!(found.len(), usize::from(self.fixture.canonical.is_some()), "{name}");
        for remote in &found {
            self.fixture.canonical.as_ref().unwrap().check(name, remote);
        }
        Ok(())
    }

    async fn list(&self, provider: &SharedProvider) -> Result<()> {
        let name = &self.fixture.name;
        let archived = self.fixture.request.query["archived"] == "true";
        let feed = if archived { Feed::Deletions } else { Feed::Changes };
        let page = provider.changes(self.kind, feed, self.cursor(None).as_ref()).await?;
        assert!(!page.more, "{name}");
        assert_eq!(page.changes.len(), self.results().len());
        for (change, row) in page.changes.iter().zip(self.results()) {
            match change {
                Change::Observed(remote) if !archived => {
                    self.fixture.canonical.as_ref().unwrap().check(name, remote);
                }
                Change::Missing { id } if archived => {
                    assert_eq!(*id, self.id(row["id"].as_str().unwrap()));
                }
                Change::Observed(_)
                | Change::Touched { .. }
                | Change::Missing { .. }
                | Change::Merged { .. } => panic!("{name}: {change:?}"),
            }
        }
        Ok(())
    }

    async fn search(&self, provider: &SharedProvider) -> Result<()> {
        let filters = &self.fixture.request.body["filterGroups"][0]["filters"];
        let filter = |name: &str, operator: &str| {
            let mut all = filters.as_array().unwrap().iter();
            let fits = |one: &&Value| one["propertyName"] == name && one["operator"] == operator;
            all.find(fits).and_then(|one| one["value"].as_str())
        };
        let instant = |text: &str, later: i64| {
            jiff::Timestamp::from_millisecond(text.parse::<i64>().unwrap() + later).unwrap()
        };
        let from = filter(self.modified(), "GTE").unwrap();
        let settled = instant(from, OVERLAP_MS);
        let window = filter(self.modified(), "LTE").map(|until| {
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
        let position = json!({ "phase": "poll", "watermark": watermark, "window": window });
        let cursor = self.cursor(Some(position));
        let page = provider.changes(self.kind, Feed::Changes, cursor.as_ref()).await?;
        assert_eq!(page.changes.len(), self.results().len());
        for (change, row) in page.changes.iter().zip(self.results()) {
            let Change::Touched { id, version } = change else { panic!("{change:?}") };
            assert_eq!(*id, self.id(row["id"].as_str().unwrap()));
            assert_eq!(*version.as_ref().unwrap().0, row["properties"][self.modified()]);
        }
        Ok(())
    }

    async fn write(&self, provider: &SharedProvider) -> Result<()> {
        let canonical = self.fixture.canonical.as_ref().unwrap();
        let id = canonical.id.clone();
        let action = if let Some(uid) = &canonical.uid {
            Action::Create { uid: Uid::parse(uid).unwrap(), fields: canonical.values() }
        } else if self.call == "batch/archive" {
            Action::Delete { id }
        } else {
            Action::Update { id, patch: canonical.changes().into_iter().collect(), expected: None }
        };
        let key = WriteKey::from_uuid("6c0d1f5e-8a57-5f0e-9b1c-2f4f3a7d9e11".parse().unwrap());
        let outcome = provider.apply(&[Write { key, kind: self.kind, action }]).await?;
        let written: Written = outcome.into_results().remove(0)?;
        assert_eq!(written.id, canonical.id, "{}", self.fixture.name);
        if self.fixture.request.path.starts_with(TIES) {
            return Ok(());
        }
        if let Some(stored) = &written.stored.filter(|_| self.call != "batch/archive") {
            canonical.check_fields(&self.fixture.name, stored);
            let version = &self.results()[0]["properties"][self.modified()];
            assert_eq!(*written.version.unwrap().0, *version);
        }
        Ok(())
    }
}
