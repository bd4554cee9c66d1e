//! What an account would refuse is not sent: by decision, for each sort of objection.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::{
    Action, Capabilities, EntityId, Field, FieldFacts, Fields, Metadata, ObjectKind, Pipeline,
    ProviderId, Remote, RemoteId, RunId, Stage, TenantId, Value,
};
use crm_store::{Entity, Link, LinkSlot, Shadow, Slots};
use crm_sync::decide::{Decision, Seen, State, decide};
use crm_sync::{Flow, ProblemClass, Rules, Topology};
use crm_testkit::memory::Profile;
use crm_testkit::memory::profile::{NORTH, SOUTH};
use jiff::Timestamp;
use uuid::Uuid;

fn name(profile: &Profile) -> ProviderId {
    ProviderId::new(profile.name)
}

/// Compiles the rules for a kind where the second account says that of itself.
fn rules(kind: ObjectKind, metadata: Metadata) -> Rules {
    let flow = Flow::new(kind);
    let topology = Topology {
        tenant: TenantId::default(),
        primary: name(&NORTH),
        secondary: vec![name(&SOUTH)],
        flows: vec![flow.clone()],
    };
    let metadata = Arc::new(metadata);
    let south = Capabilities { metadata, ..SOUTH.capabilities_of(&[kind]) };
    let capabilities = BTreeMap::from([
        (name(&NORTH), Arc::new(NORTH.capabilities_of(&[kind]))),
        (name(&SOUTH), Arc::new(south)),
    ]);
    Rules::compile(&topology, &flow, &capabilities)
}

fn remote(kind: ObjectKind, id: &str, fields: Fields, rules: &Rules) -> Remote {
    Remote {
        kind,
        id: RemoteId::new(id),
        version: None,
        modified_at: None,
        author: None,
        uid: None,
        aliases: Vec::new(),
        read: rules.fields.iter().map(|plan| plan.field).collect(),
        fields,
    }
}

/// Which record the second account has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Blank,
    Nothing,
}

fn decided(kind: ObjectKind, values: &[(Field, Value)], rules: &Rules, there: There) -> Decision {
    let mut entity = Entity::new(EntityId::from_uuid(Uuid::from_u128(7)), kind);
    entity.set_link(Link::new(name(&NORTH), RemoteId::new("n")));
    let mut seen =
        vec![Seen::Fresh(remote(kind, "n", values.iter().cloned().collect(), rules)), Seen::Unread];
    if there == There::Blank {
        let mut link = Link::new(name(&SOUTH), RemoteId::new("s"));
        let blank = || LinkSlot { shadow: Shadow::Blank, ..LinkSlot::default() };
        let slots = rules.fields.iter().map(|plan| (plan.field, blank()));
        link.slots = Slots::from_slots(slots.collect());
        entity.set_link(link);
        seen[1] = Seen::Fresh(remote(kind, "s", Fields::new(), rules));
    }
    let run = RunId::from_uuid(Uuid::from_u128(1));
    let now = Timestamp::from_second(1_772_000_000).unwrap();
    decide(State::new(entity, seen, now, run), rules)
}

/// Returns the fields that are written to the second account.
fn sent(decision: &Decision) -> Vec<Field> {
    let writes = decision.writes.iter().filter(|(side, _)| *side == 1);
    let fields = writes.flat_map(|(_, write)| match &write.action {
        Action::Create { fields, .. } => fields.iter().map(|(field, _)| field).collect::<Vec<_>>(),
        Action::Update { patch, .. } => patch.iter().map(|(field, _)| field).collect(),
        Action::Delete { .. } => Vec::new(),
    });
    fields.collect()
}

fn facts(kind: ObjectKind, field: Field, facts: FieldFacts) -> Metadata {
    Metadata { fields: BTreeMap::from([((kind, field), facts)]), ..Metadata::default() }
}

fn contact() -> Vec<(Field, Value)> {
    vec![
        (Field::FIRST_NAME, Value::text("Ada")),
        (Field::LAST_NAME, Value::text("Lind")),
        (Field::COMPANY, Value::text("Works of the North")),
    ]
}

fn deal() -> Vec<(Field, Value)> {
    vec![
        (Field::TITLE, Value::text("Screen")),
        (Field::VALUE, Value::Decimal("80".parse().unwrap())),
        (Field::CURRENCY, Value::text("CHF")),
        (Field::STAGE, Value::Choice("proposal".into())),
    ]
}

#[test]
fn a_value_that_the_account_would_refuse_is_not_sent_and_the_others_are() {
    use ObjectKind::{Contact, Deal};
    let long = FieldFacts { length_max: Some(10), ..FieldFacts::default() };
    let list = FieldFacts { options: Some(vec!["Mill".into()]), ..FieldFacts::default() };
    let closed = FieldFacts { read_only: true, ..FieldFacts::default() };
    let money = Metadata { currencies: Some(vec!["EUR".into()]), ..Metadata::default() };
    for (kind, values, metadata, reason, fields) in [
        (
            Contact,
            contact(),
            facts(Contact, Field::COMPANY, long),
            "too_long",
            &[Field::COMPANY][..],
        ),
        (
            Contact,
            contact(),
            facts(Contact, Field::COMPANY, list),
            "unknown_choice",
            &[Field::COMPANY],
        ),
        (
            Contact,
            contact(),
            facts(Contact, Field::COMPANY, closed),
            "read_only",
            &[Field::COMPANY],
        ),
        (Deal, deal(), money, "currency_not_enabled", &[Field::VALUE, Field::CURRENCY]),
    ] {
        let open = rules(kind, Metadata::default());
        let shut = rules(kind, metadata);
        for there in [There::Blank, There::Nothing] {
            let all = sent(&decided(kind, &values, &open, there));
            let decision = decided(kind, &values, &shut, there);
            let left: Vec<Field> = all.into_iter().filter(|f| !fields.contains(f)).collect();
            assert_eq!(sent(&decision), left, "{reason}");
            let told: Vec<_> = decision.skipped.iter().map(|(_, told)| told.as_str()).collect();
            assert_eq!(told, vec![reason; fields.len()]);
            let link = decision.entity.link(&name(&SOUTH)).unwrap();
            for field in fields {
                let refused = link.slots.slot(*field).unwrap().refused.as_ref().unwrap();
                assert!(refused.message.contains(": "), "{refused:?}");
                let class = ProblemClass::of("", refused.details.as_deref(), &refused.message);
                assert_ne!(class, ProblemClass::Bug, "{refused:?}");
            }
        }
        // As soon as the account takes it, it is sent.
        let mut link = decided(kind, &values, &shut, There::Blank).entity;
        link.links.iter_mut().for_each(|link| link.intents.clear());
        let seen = vec![
            Seen::Fresh(remote(kind, "n", values.iter().cloned().collect(), &open)),
            Seen::Fresh(remote(kind, "s", Fields::new(), &open)),
        ];
        let (now, run) = (Timestamp::from_second(1).unwrap(), RunId::from_uuid(Uuid::nil()));
        let again = decide(State::new(link, seen, now, run), &open);
        assert!(fields.iter().all(|field| sent(&again).contains(field)), "{reason}");
    }
}

#[test]
fn a_record_without_a_field_that_the_account_requires_is_not_made() {
    let kind = ObjectKind::Contact;
    let required = FieldFacts { required: true, ..FieldFacts::default() };
    let rules = rules(kind, facts(kind, Field::PHONE, required));
    let decision = decided(kind, &contact(), &rules, There::Nothing);
    assert_eq!(decision.skipped, [(1, "missing_required".to_owned())]);
    assert_eq!(sent(&decision), []);
    let parked = decision.entity.link(&name(&SOUTH)).unwrap().parked.clone().unwrap();
    assert!(parked.remedy.contains("phone"), "{parked:?}");
    // A record that is there goes on.
    assert!(!sent(&decided(kind, &contact(), &rules, There::Blank)).is_empty());
}

#[test]
fn a_stage_that_none_of_the_account_stands_for_is_not_sent() {
    let kind = ObjectKind::Deal;
    for (ours, told) in [("proposal", &[][..]), ("new", &["unknown_choice"])] {
        let id = Arc::from("1");
        let stage = Stage { id: Arc::clone(&id), label: "1".into(), ours: Some(ours.into()) };
        let pipeline = Pipeline { id, label: "1".into(), stages: vec![stage] };
        let metadata = Metadata { pipelines: Some(vec![pipeline]), ..Metadata::default() };
        let decision = decided(kind, &deal(), &rules(kind, metadata), There::Blank);
        let skipped: Vec<_> = decision.skipped.iter().map(|(_, told)| told.as_str()).collect();
        assert_eq!(skipped, told);
        assert_eq!(sent(&decision).contains(&Field::STAGE), told.is_empty());
    }
}
