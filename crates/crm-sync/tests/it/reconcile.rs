//! Runs the table `fixtures/sync/one-field.toml`: each row is a state, and what must come of it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crm_core::mapping::Clear;
use crm_core::{
    Access, Action, Capabilities, Concurrency, Deletion, Detection, EntityId, Field, FieldRule,
    FieldType, Fields, Form, Mapping, ObjectCapability, ObjectKind, ProviderId, Remote, RemoteId,
    RunId, TenantId, Value, Wire, WriteKey,
};
use crm_store::{ConflictId, ConflictState, Entity, GoldenSlot, Intent, Link, Provenance, Shadow};
use crm_sync::decide::{Decision, Seen, State, decide};
use crm_sync::{Direction, Flow, Policy, Rules, Topology};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

const FIELD: Field = Field::JOB_TITLE;

static MAPPING: Mapping = Mapping {
    kind: ObjectKind::Contact,
    remote: "people",
    uid: None,
    clear: Clear::Null,
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
struct Table {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    allow_clear: bool,
    #[serde(default)]
    frozen: bool,
    #[serde(default)]
    golden: Option<GoldenCell>,
    sides: Vec<SideCell>,
    expect: Expect,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenCell {
    value: String,
    version: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SideCell {
    #[serde(default)]
    shadow: Option<String>,
    #[serde(default)]
    ack: u64,
    #[serde(default)]
    shows: Option<String>,
    #[serde(default)]
    at: Option<i64>,
    #[serde(default)]
    intents: Vec<(String, u64)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(default)]
    golden: Option<String>,
    writes: BTreeMap<String, String>,
    #[serde(default)]
    conflict: Option<String>,
    #[serde(default)]
    losers: Vec<String>,
    #[serde(default)]
    frozen: bool,
}

fn value(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::text(text))
}

fn text(value: Option<&Value>) -> String {
    value.map(Value::display).unwrap_or_default()
}

fn provider(index: usize) -> ProviderId {
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
        suspended: Arc::from([]),
    }
}

fn rules(case: &Case) -> Rules {
    let topology = Topology {
        tenant: TenantId::default(),
        primary: provider(0),
        secondary: (1..case.sides.len()).map(provider).collect(),
        flows: Vec::new(),
    };
    let mut flow = Flow::new(ObjectKind::Contact);
    flow.policy = case.policy.as_deref().map_or(Policy::PrimaryWins, |name| name.parse().unwrap());
    flow.allow_clear = if case.allow_clear { vec![FIELD] } else { Vec::new() };
    flow.direction = match case.direction.as_deref() {
        None => Direction::Bidirectional,
        Some("to_primary") => Direction::ToPrimary,
        Some("from_primary") => Direction::FromPrimary,
        Some(other) => panic!("{}: no direction `{other}`", case.name),
    };
    let capabilities = Capabilities { objects: vec![capability()], quotas: Vec::new() };
    let capabilities = Arc::new(capabilities);
    let all = (0..case.sides.len()).map(|i| (provider(i), Arc::clone(&capabilities))).collect();
    Rules::compile(&topology, &flow, &all)
}

fn state(case: &Case) -> State {
    let id = EntityId::from_uuid(Uuid::from_u128(7));
    let run = RunId::from_uuid(Uuid::from_u128(8));
    let now = Timestamp::from_second(1_000).unwrap();
    let mut entity = Entity::new(id, ObjectKind::Contact);
    if let Some(golden) = &case.golden {
        let provenance = Provenance {
            version: golden.version,
            source: Some(provider(0)),
            at: Timestamp::from_second(50).ok(),
            run,
        };
        entity.golden.set(FIELD, GoldenSlot { value: value(&golden.value), provenance });
        entity.version = golden.version;
        if case.frozen {
            entity.golden.freeze(FIELD, ConflictId::derive(id, FIELD, golden.version));
        }
    }
    let mut seen = Vec::new();
    for (index, side) in case.sides.iter().enumerate() {
        let remote_id = RemoteId::new(format!("r{index}"));
        let mut link = Link::new(provider(index), remote_id.clone());
        if let Some(shadow) = &side.shadow {
            let slot = link.slots.slot_mut(FIELD);
            slot.shadow = Shadow::of(value(shadow));
            slot.ack = side.ack;
        }
        for (sent, version) in &side.intents {
            link.intents.push(Intent {
                key: WriteKey::derive(id, &provider(index), *version),
                fields: vec![(FIELD, value(sent), *version)],
                at: now,
                watched: true,
                run: None,
            });
        }
        entity.set_link(link);
        let read: Vec<Field> = side.shows.iter().map(|_| FIELD).collect();
        let shown = side.shows.as_deref().and_then(value);
        let mut fields = Fields::new();
        fields.set(FIELD, shown);
        seen.push(Seen::Fresh(Remote {
            kind: ObjectKind::Contact,
            id: remote_id,
            version: None,
            modified_at: Timestamp::from_second(side.at.unwrap_or(60)).ok(),
            author: None,
            uid: None,
            aliases: Vec::new(),
            read: read.into(),
            fields,
        }));
    }
    State { entity, seen, now, run }
}

fn writes(decision: &Decision) -> BTreeMap<String, String> {
    let written = |(side, write): &(usize, crm_core::Write)| {
        let Action::Update { patch, .. } = &write.action else { panic!("{write:?}") };
        let (field, value) = patch.iter().next().unwrap();
        assert_eq!(field, FIELD);
        (side.to_string(), text(value))
    };
    decision.writes.iter().map(written).collect()
}

#[test]
fn every_row_of_the_table_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sync/one-field.toml");
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(table.case.len() >= 25, "the table was cut short");
    for case in &table.case {
        let rules = rules(case);
        let decision = decide(state(case), &rules);
        let told = format!("{} ({})\n{decision:#?}", case.name, case.why);
        let golden = decision.entity.golden.slot(FIELD).map(|slot| text(slot.value.as_ref()));
        assert_eq!(golden, case.expect.golden, "golden: {told}");
        assert_eq!(writes(&decision), case.expect.writes, "writes: {told}");
        let frozen = decision.entity.golden.frozen(FIELD).is_some();
        assert_eq!(frozen, case.expect.frozen, "frozen: {told}");
        let logged: Vec<_> =
            decision.conflicts.iter().filter(|c| c.state != ConflictState::Stale).collect();
        let rule = logged.first().map(|conflict| conflict.rule.clone());
        assert_eq!(rule, case.expect.conflict, "conflict: {told}");
        for loser in &case.expect.losers {
            let named = logged.iter().flat_map(|c| &c.contenders);
            assert!(named.into_iter().any(|c| text(c.value.as_ref()) == *loser), "loser: {told}");
        }
        assert_silent(case, &rules, decision);
    }
}

/// After every announced write was applied and read back, deciding again changes nothing.
fn assert_silent(case: &Case, rules: &Rules, decision: Decision) {
    let before = state(case);
    let mut seen = before.seen;
    for (side, write) in &decision.writes {
        let (Seen::Fresh(remote), Action::Update { patch, .. }) = (&mut seen[*side], &write.action)
        else {
            panic!("{}: written without a fresh read", case.name)
        };
        remote.fields.apply(patch);
    }
    let mut entity = decision.entity;
    entity.row_version += 1;
    let again = decide(State { entity, seen, now: before.now, run: before.run }, rules);
    assert!(again.writes.is_empty(), "{}: not silent: {again:#?}", case.name);
    let fresh = again.conflicts.iter().filter(|c| c.state == ConflictState::Auto).count();
    assert_eq!(fresh, 0, "{}: logged twice: {again:#?}", case.name);
}
