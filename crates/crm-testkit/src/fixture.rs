//! Fixtures: one exchange with a vendor per file (`fixtures/README.md` has the format).
//!
//! A room's suite loads all of its kind, lets the real room make the call against a [`Replay`],
//! and compares both directions: the request that was sent with `request`, and what the room made
//! of `response` with `canonical` or `error`. A new file needs no new code.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture fails its test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crm_core::{Field, FieldType, Fields, Normalizer, ObjectKind, Ref, Remote, RemoteId, normal};
use http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::fake::{Call, Outcome};
use crate::serve::{Server, Site};

/// The time on the wall when no header of the fixture says another.
const DATE: &str = "Mon, 02 Nov 2026 08:00:00 GMT";

/// One exchange.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// Where the shape was learnt, and when.
    pub source: String,
    /// What is asked.
    pub request: Asked,
    /// What is answered.
    pub response: Answered,
    /// What the answer means; with `error`, what was to be written.
    #[serde(default)]
    pub canonical: Option<Canonical>,
    /// The name of the kind of error that the answer means.
    #[serde(default)]
    pub error: Option<String>,
    /// What else the room asks for on the way: JSON by path.
    #[serde(default)]
    pub beside: BTreeMap<String, Value>,
    /// Why the case exists.
    pub note: String,
}

/// A request.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The query, decoded.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The JSON body.
    #[serde(default)]
    pub body: Value,
}

/// An answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers that matter.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; text is sent as it stands, anything else as JSON.
    #[serde(default)]
    pub body: Value,
}

/// A record in our words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canonical {
    /// What it is.
    pub kind: ObjectKind,
    /// The provider's id.
    pub id: RemoteId,
    /// Our own unique value.
    #[serde(default)]
    pub uid: Option<String>,
    /// Ids of records merged into it.
    #[serde(default)]
    pub aliases: Vec<RemoteId>,
    /// Its values by our names of the fields; null clears, in an update.
    pub fields: BTreeMap<Field, Option<String>>,
}

impl Canonical {
    /// Returns the values.
    pub fn values(&self) -> Fields {
        let pairs = self.changes().into_iter();
        pairs.filter_map(|(field, value)| Some((field, value?))).collect()
    }

    /// Returns the values, with those that clear.
    pub fn changes(&self) -> Vec<(Field, Option<crm_core::Value>)> {
        let value = |(field, text): (&Field, &Option<String>)| {
            let spec = crm_core::schema::spec(self.kind, *field);
            let ty = spec.map_or(FieldType::Text, |spec| spec.ty);
            (*field, text.as_ref().and_then(|text| value_of(ty, text)))
        };
        self.fields.iter().map(value).collect()
    }

    /// Compares a decoded record with this one: values in their original spelling.
    ///
    /// # Panics
    /// If they differ.
    pub fn check(&self, name: &str, remote: &Remote) {
        assert_eq!(remote.kind, self.kind, "{name}");
        assert_eq!(remote.id, self.id, "{name}");
        let uid = remote.uid.as_ref().map(|uid| uid.as_str().to_owned());
        assert_eq!(uid, self.uid, "{name}");
        assert_eq!(remote.aliases, self.aliases, "{name}");
        self.check_fields(name, &remote.fields);
    }

    /// Compares decoded fields with these.
    ///
    /// # Panics
    /// If they differ.
    pub fn check_fields(&self, name: &str, fields: &Fields) {
        let shown: BTreeMap<_, _> = fields.iter().map(|(f, v)| (f, v.display())).collect();
        let valued = |(field, text): (&Field, &Option<String>)| Some((*field, text.clone()?));
        let expected: BTreeMap<_, _> = self.fields.iter().filter_map(valued).collect();
        assert_eq!(shown, expected, "{name}");
    }
}

/// Returns the value that a text displays: a reference is `contact 501`, and the members of a set
/// have commas between them.
fn value_of(ty: FieldType, text: &str) -> Option<crm_core::Value> {
    use crm_core::Value as Ours;
    let refer = |kind: ObjectKind, text: &str| {
        let id = text.trim().strip_prefix(kind.name()).unwrap().trim();
        Ours::Ref(Ref::Remote(kind, id.into()))
    };
    match ty {
        FieldType::Text | FieldType::Email | FieldType::Phone | FieldType::Url => {
            Normalizer::default().text(ty, text)
        }
        FieldType::Integer => Some(Ours::Integer(text.parse().unwrap())),
        FieldType::Decimal | FieldType::Money => {
            Some(Ours::Decimal(normal::decimal(text).unwrap()))
        }
        FieldType::Bool => Some(Ours::Bool(text.parse().unwrap())),
        FieldType::Date => Some(Ours::Date(text.parse().unwrap())),
        FieldType::Instant => Some(Ours::Instant(text.parse().unwrap())),
        FieldType::Choice(_) => Some(Ours::Choice(text.into())),
        FieldType::List => Some(Ours::List(text.split(", ").map(Ours::text).collect())),
        FieldType::Reference(kind) => Some(refer(kind, text)),
        FieldType::References(kind) => {
            Some(Ours::List(text.split(", ").map(|text| refer(kind, text)).collect()))
        }
    }
}

/// Reads all fixtures of a provider's kind, in the order of their names.
///
/// # Panics
/// If there is none, or a file is broken.
pub fn load(provider: &str, kind: &str) -> Vec<Fixture> {
    let folder = folder().join(provider).join(kind);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixture in {}", folder.display());
    paths.iter().map(|path| read(path)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn read(path: &Path) -> Fixture {
    let text = std::fs::read_to_string(path).unwrap();
    let parsed: Result<Fixture, _> = serde_json::from_str(&text);
    let mut fixture = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fixture.name = path.file_stem().unwrap().to_string_lossy().into_owned();
    fixture
}

impl Fixture {
    /// Serves the answer to whatever is asked, and remembers what was asked.
    ///
    /// # Panics
    /// If no loopback port is free.
    pub fn replay(&self) -> Replay {
        self.replay_beside(&[])
    }

    /// Does the same for a room that asks for other things first: a request for one of these
    /// paths gets the JSON beside it, and is not remembered.
    ///
    /// # Panics
    /// If no loopback port is free.
    pub fn replay_beside(&self, asides: &[(&str, Value)]) -> Replay {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), self.response.clone());
        let aside = |(path, body): &(&str, Value)| {
            let answer = Answered { status: 200, headers: BTreeMap::new(), body: body.clone() };
            ((*path).to_owned(), answer)
        };
        let asides: BTreeMap<String, Answered> = asides.iter().map(aside).collect();
        let handler = move |request: &Request<Bytes>| {
            if let Some(aside) = asides.get(request.uri().path()) {
                return Outcome::Reply(aside.response());
            }
            log.lock().unwrap_or_else(PoisonError::into_inner).push(asked(request));
            Outcome::Reply(answer.response())
        };
        let server = Server::start(vec![Site::bind(0, Arc::new(handler)).unwrap()]).unwrap();
        let url = server.url(0).unwrap();
        Replay { url, seen, _server: server }
    }
}

impl Answered {
    fn response(&self) -> Response<Bytes> {
        let body = match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(text.clone()),
            json @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Bytes::from(json.to_string())
            }
        };
        let mut builder = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if !self.headers.keys().any(|name| name.eq_ignore_ascii_case("date")) {
            builder = builder.header("date", DATE);
        }
        builder.body(body).unwrap()
    }
}

fn asked(request: &Request<Bytes>) -> Asked {
    let call = Call::new(request);
    let text = String::from_utf8_lossy(request.body());
    Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: call.query_pairs().iter().cloned().collect(),
        body: call.json().unwrap_or_else(|_not_json| {
            if text.is_empty() { Value::Null } else { Value::String(text.into_owned()) }
        }),
    }
}

/// A server that gives one fixture's answer.
#[derive(Debug)]
pub struct Replay {
    /// Where it listens.
    pub url: String,
    seen: Arc<Mutex<Vec<Asked>>>,
    _server: Server,
}

impl Replay {
    /// Returns what was asked, in order.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares the first request with the fixture's.
    ///
    /// # Panics
    /// If they differ.
    pub fn check(&self, fixture: &Fixture) {
        let seen = self.seen();
        let name = &fixture.name;
        assert_eq!(seen.first(), Some(&fixture.request), "{name}: the request differs");
    }
}
