//! The tables `fixtures/sync/*.toml` as values: each row is a state, and what must come of it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crm_core::mapping::Clear;
use crm_core::{
    Access, Author, Capabilities, Concurrency, Deletion, Detection, EntityId, Field, FieldRule,
    FieldType, Fields, Form, Mapping, ObjectCapability, ObjectKind, ProviderId, Remote, RemoteId,
    RunId, TenantId, Value, Wire, WriteKey,
};
use crm_store::{
    ConflictId, Entity, Flips, GoldenSlot, Intent, Link, Look, Provenance, Shadow, Turn,
};
use crm_sync::decide::{Seen, State, oscillation};
use crm_sync::{Direction, Flow, Policy, Preset, Rules, Topology};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

pub(super) const FIELD: Field = Field::JOB_TITLE;

/// The present of every row, in seconds: more than a day after the times of most.
const NOW: i64 = 100_000;

static MAPPING: Mapping = Mapping {
    kind: ObjectKind::Contact,
    remote: "people",
    uid: None,
    clear: Clear::Null,
    variant: None,
    fixed: &[],
    rules: &[FieldRule {
        field: FIELD,
        remote: "title",
        ty: FieldType::Text,
        wire: Wire::Text,
        form: Form::FAITHFUL,
        writable: true,
        required: false,
        custom: false,
        length_max: None,
    }],
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// What the page says above it.
    #[serde(rename = "about")]
    _about: String,
    pub(super) case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default, rename = "type")]
    ty: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    field_direction: Option<String>,
    #[serde(default)]
    allow_clear: bool,
    #[serde(default)]
    frozen: Option<String>,
    #[serde(default)]
    golden: Option<GoldenCell>,
    sides: Vec<SideCell>,
    pub(super) expect: Expect,
    pub(super) why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenCell {
    value: toml::Value,
    version: u64,
    /// Which side it came from; the primary if left out.
    #[serde(default)]
    source: usize,
    #[serde(default)]
    at: Option<i64>,
    /// The values that it took lately, with their times.
    #[serde(default)]
    turns: Vec<(toml::Value, i64)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SideCell {
    #[serde(default)]
    shadow: Option<toml::Value>,
    #[serde(default)]
    ack: u64,
    #[serde(default)]
    shows: Option<toml::Value>,
    #[serde(default)]
    at: Option<i64>,
    /// When the record was modified as it was last read.
    #[serde(default)]
    known: Option<i64>,
    #[serde(default)]
    intents: Vec<(toml::Value, u64)>,
    /// Who wrote the record last, where the CRM tells.
    #[serde(default)]
    author: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    #[serde(default)]
    pub(super) golden: Option<toml::Value>,
    pub(super) writes: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(super) conflict: Option<String>,
    #[serde(default)]
    pub(super) losers: Vec<toml::Value>,
    #[serde(default)]
    pub(super) frozen: bool,
}

/// Reads all tables, with their names.
pub(super) fn tables() -> Vec<(String, Table)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sync");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let table = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, table)
    };
    paths.into_iter().map(read).collect()
}

/// Returns a cell's value: "" is blank, a list a set.
pub(super) fn value(cell: &toml::Value) -> Option<Value> {
    Some(match cell {
        toml::Value::String(text) if text.is_empty() => return None,
        toml::Value::String(text) => match jiff::civil::Date::from_str(text) {
            Ok(date) => Value::Date(date),
            Err(_) => Value::text(&**text),
        },
        toml::Value::Integer(number) => Value::Integer(*number),
        toml::Value::Array(members) => {
            let mut members: Vec<Value> = members.iter().filter_map(value).collect();
            members.sort();
            if members.is_empty() {
                return None;
            }
            Value::List(members)
        }
        toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => panic!("no value of a cell: {cell:?}"),
    })
}

/// Returns a value as rows are compared.
pub(super) fn text(value: Option<&Value>) -> String {
    value.map(Value::display).unwrap_or_default()
}

pub(super) fn provider(index: usize) -> ProviderId {
    ProviderId::new(format!("side-{index}"))
}

fn capability() -> ObjectCapability {
    let many = NonZeroU16::new(100).unwrap();
    ObjectCapability {
        kind: ObjectKind::Contact,
        access: Access::Full,
        deletion: Deletion::Archive,
        detection: Detection::ModifiedSince { granularity: Duration::from_secs(1) },
        concurrency: Concurrency::LastWriteWins,
        find_by: &[],
        unique_key: true,
        read_max: many,
        write_max: many,
        page_max: many,
        hint_page_max: many,
        list_consistent: true,
        visibility_lag: Duration::ZERO,
        overlap: Duration::ZERO,
        unknown_wait: Duration::ZERO,
        mapping: &MAPPING,
        variants: &[],
        suspended: Arc::from([]),
    }
}

impl Case {
    pub(super) fn rules(&self) -> Rules {
        let topology = Topology {
            tenant: TenantId::default(),
            primary: provider(0),
            secondary: (1..self.sides.len()).map(provider).collect(),
            flows: Vec::new(),
        };
        let mut flow = Flow::new(ObjectKind::Contact);
        if let Some(word) = &self.policy {
            let preset: Preset = word.parse().unwrap();
            flow.field_policy.insert(FIELD, preset.policy);
            flow.field_direction.extend(preset.direction.map(|direction| (FIELD, direction)));
        }
        flow.allow_clear = if self.allow_clear { vec![FIELD] } else { Vec::new() };
        if let Some(word) = &self.direction {
            flow.direction = direction(word);
        }
        if let Some(word) = &self.field_direction {
            flow.field_direction.insert(FIELD, direction(word));
        }
        let capabilities = Capabilities {
            objects: vec![capability()],
            quotas: Vec::new(),
            metadata: Arc::default(),
        };
        let capabilities = Arc::new(capabilities);
        let all = (0..self.sides.len()).map(|i| (provider(i), Arc::clone(&capabilities)));
        let mut rules = Rules::compile(&topology, &flow, &all.collect());
        for plan in &mut rules.fields {
            plan.ty = match self.ty.as_deref() {
                None => FieldType::Text,
                Some("set") => FieldType::List,
                Some("integer") => FieldType::Integer,
                Some("date") => FieldType::Date,
                Some("bool") => FieldType::Bool,
                Some(other) => panic!("{}: no type `{other}`", self.name),
            };
        }
        rules
    }

    pub(super) fn state(&self) -> State {
        let id = EntityId::from_uuid(Uuid::from_u128(7));
        let run = RunId::from_uuid(Uuid::from_u128(8));
        let now = Timestamp::from_second(NOW).unwrap();
        let mut entity = Entity::new(id, ObjectKind::Contact);
        if let Some(golden) = &self.golden {
            golden.put(&mut entity, run);
            if let Some(rule) = &self.frozen {
                entity.golden.freeze(FIELD, ConflictId::derive(id, FIELD, golden.version));
                if rule == oscillation::RULE {
                    let mut flips = entity.golden.flips(FIELD).cloned().unwrap_or_default();
                    flips.look = Some(Look { due: now, wait_s: 60 });
                    entity.golden.set_flips(FIELD, Some(flips));
                }
            }
        }
        let mut seen = Vec::new();
        for (index, side) in self.sides.iter().enumerate() {
            entity.set_link(side.link(id, index, now));
            seen.push(Seen::Fresh(side.remote(index)));
        }
        State::new(entity, seen, now, run)
    }
}

fn direction(word: &str) -> Direction {
    match word {
        "bidirectional" => Direction::Bidirectional,
        "to_primary" => Direction::ToPrimary,
        "from_primary" => Direction::FromPrimary,
        "none" => Direction::Nowhere,
        other => panic!("no direction `{other}`"),
    }
}

impl GoldenCell {
    fn put(&self, entity: &mut Entity, run: RunId) {
        let provenance = Provenance {
            version: self.version,
            source: Some(provider(self.source)),
            at: Timestamp::from_second(self.at.unwrap_or(50)).ok(),
            run,
        };
        entity.golden.set(FIELD, GoldenSlot { value: value(&self.value), provenance });
        entity.version = self.version;
        let before = self.version.saturating_sub(self.turns.len() as u64);
        let turns = self.turns.iter().zip(before + 1..).map(|((cell, at), version)| Turn {
            version,
            at: Timestamp::from_second(*at).unwrap(),
            value: oscillation::hash(value(cell).as_ref()),
        });
        if !self.turns.is_empty() {
            let flips = Flips { turns: turns.collect(), look: None };
            entity.golden.set_flips(FIELD, Some(flips));
        }
    }
}

impl SideCell {
    fn link(&self, id: EntityId, index: usize, now: Timestamp) -> Link {
        let mut link = Link::new(provider(index), RemoteId::new(format!("r{index}")));
        link.modified_at = self.known.map(|known| Timestamp::from_second(known).unwrap());
        if let Some(shadow) = &self.shadow {
            let slot = link.slots.slot_mut(FIELD);
            slot.shadow = Shadow::of(value(shadow));
            slot.ack = self.ack;
        }
        for (sent, version) in &self.intents {
            link.intents.push(Intent {
                key: WriteKey::derive(id, &provider(index), *version),
                fields: vec![(FIELD, value(sent), *version)],
                at: now,
                watched: true,
                run: None,
            });
        }
        link
    }

    fn remote(&self, index: usize) -> Remote {
        let read: Vec<Field> = self.shows.iter().map(|_| FIELD).collect();
        let mut fields = Fields::new();
        fields.set(FIELD, self.shows.as_ref().and_then(value));
        Remote {
            kind: ObjectKind::Contact,
            id: RemoteId::new(format!("r{index}")),
            version: None,
            modified_at: Timestamp::from_second(self.at.unwrap_or(60)).ok(),
            author: match self.author.as_deref() {
                None => None,
                Some("ours") => Some(Author::Ours),
                Some("other") => Some(Author::Other),
                Some(other) => panic!("no author `{other}`"),
            },
            uid: None,
            aliases: Vec::new(),
            read: read.into(),
            fields,
        }
    }
}

/// What a row is about, for a census.
pub(super) fn policy_of(case: &Case) -> Policy {
    case.policy
        .as_deref()
        .map_or(Policy::PrimaryWins, |word| word.parse::<Preset>().unwrap().policy)
}
