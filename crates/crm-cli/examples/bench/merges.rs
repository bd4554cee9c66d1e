//! How many records a second the engine decides on.

use std::collections::BTreeMap;

use crm::core::{
    Clock, EntityId, Field, Fields, Normalizer, ObjectKind, ProviderId, Remote, RemoteId, TenantId,
    schema,
};
use crm::store::{Entity, GoldenSlot, Link, Provenance, Shadow};
use crm::sync::decide::{Seen, State, decide};
use crm::sync::{Flow, Rules, Topology};
use crm::{Settings, SystemClock};

use crate::Outcome;

const FIELDS: [Field; 8] = [
    Field::FIRST_NAME,
    Field::LAST_NAME,
    Field::EMAIL,
    Field::PHONE,
    Field::COMPANY,
    Field::JOB_TITLE,
    Field::CITY,
    Field::COUNTRY,
];
const TEXTS: [&str; 8] = [
    "Ada",
    "Byron",
    "ada@byron.example",
    "+44 20 7946 0958",
    "Analytical Engines",
    "Countess",
    "London",
    "United Kingdom",
];
/// Merges in one go, and how often: long enough that the clock's steps do not show.
const BATCH: usize = 10_000;
const BATCHES: usize = 40;

/// Measures with values that are in normal form already; one of two sides changed one field.
pub(crate) fn per_second() -> Outcome<f64> {
    let (rules, names) = rules()?;
    let state = state(&names)?;
    let clock = SystemClock::new();
    let mut seconds = 0.0;
    let mut writes = 0_usize;
    for _ in 0..BATCHES {
        let states: Vec<State> = (0..BATCH).map(|_| state.clone()).collect();
        let began = clock.now();
        for state in states {
            writes += decide(state, &rules).writes.len();
        }
        seconds += clock.now().duration_since(began).as_secs_f64();
    }
    let merges = BATCH * BATCHES;
    if writes != merges {
        return Err(format!("{writes} writes where {merges} were to be decided").into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    Ok(merges as f64 / seconds)
}

fn rules() -> Outcome<(Rules, Vec<ProviderId>)> {
    let variables = [
        ("HUBSPOT_API_KEY", "word"),
        ("SALESFORCE_CLIENT_ID", "word"),
        ("SALESFORCE_CLIENT_SECRET", "word"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_variables(&variables)?;
    let providers = crm::connect(&settings, &crm::clock(&settings))?;
    let topology = Topology {
        tenant: TenantId::default(),
        primary: settings.primary,
        secondary: settings.secondary,
        flows: Vec::new(),
    };
    let capabilities: BTreeMap<_, _> =
        providers.iter().map(|provider| (provider.id().clone(), provider.capabilities())).collect();
    let flow = Flow { fields: Some(FIELDS.to_vec()), ..Flow::new(ObjectKind::Contact) };
    let names = topology.ranked().cloned().collect();
    Ok((Rules::compile(&topology, &flow, &capabilities), names))
}

fn state(names: &[ProviderId]) -> Outcome<State> {
    let kind = ObjectKind::Contact;
    let id = EntityId::requested(&TenantId::default(), kind, "bench");
    let run = crm::new_run();
    let now = SystemClock::new().now();
    let mut values = Fields::new();
    for (field, text) in FIELDS.into_iter().zip(TEXTS) {
        let spec = schema::spec(kind, field).ok_or("a field that contacts do not have")?;
        values.set(field, Normalizer::default().text(spec.ty, text));
    }
    let mut entity = Entity::new(id, kind);
    entity.version = 1;
    let source = names.first().cloned();
    for (field, value) in values.iter() {
        let provenance = Provenance { version: 1, source: source.clone(), at: Some(now), run };
        entity.golden.set(field, GoldenSlot { value: Some(value.clone()), provenance });
    }
    let mut seen = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let remote = RemoteId::new(format!("record-{index}"));
        let mut link = Link::new(name.clone(), remote.clone());
        for (field, value) in values.iter() {
            let slot = link.slots.slot_mut(field);
            slot.shadow = Shadow::of(Some(value.clone()));
            slot.ack = 1;
        }
        entity.set_link(link);
        let mut fields = values.clone();
        if index == 0 {
            fields.set(Field::CITY, Some(crm::core::Value::text("Bath")));
        }
        seen.push(Seen::Fresh(Remote {
            kind,
            id: remote,
            version: None,
            modified_at: Some(now),
            author: None,
            uid: None,
            aliases: Vec::new(),
            read: FIELDS
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect(),
            fields,
        }));
    }
    Ok(State::new(entity, seen, now, run))
}
