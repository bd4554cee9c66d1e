//! The stored forms: small where everything is ordinary, and stable, since files keep them.

use crm_core::{Field, Fields, MatchKey, ProviderId, RunId, Value};
use crm_store::{
    ConflictId, Golden, GoldenSlot, KeyHash, LinkSlot, Mark, Observation, Provenance, Refusal,
    Shadow, Slots,
};
use jiff::Timestamp;
use uuid::Uuid;

fn provenance(version: u64) -> Provenance {
    Provenance {
        version,
        source: Some(ProviderId::from("hubspot")),
        at: Some(Timestamp::from_second(0).unwrap()),
        run: RunId::from_uuid(Uuid::nil()),
    }
}

fn golden(fields: &[(Field, Option<&str>, u64)]) -> Golden {
    let slot = |(field, value, version): &(Field, Option<&str>, u64)| {
        let value = value.map(Value::text);
        (*field, GoldenSlot { value, provenance: provenance(*version) })
    };
    Golden::from_slots(fields.iter().map(slot).collect())
}

#[test]
fn golden_values_share_their_provenance() {
    let same = golden(&[(Field::CITY, Some("Oslo"), 1), (Field::EMAIL, None, 1)]);
    let text = serde_json::to_string(&same).unwrap();
    let nil = Uuid::nil();
    let shared = format!(r#"{{"v":1,"p":"hubspot","t":"1970-01-01T00:00:00Z","r":"{nil}"}}"#);
    assert_eq!(text, format!(r#"{{"f":{{"city":"Oslo","email":null}},"p":{shared}}}"#));
    assert_eq!(serde_json::from_str::<Golden>(&text).unwrap(), same);
}

#[test]
fn golden_values_name_what_differs() {
    let mixed = golden(&[(Field::CITY, Some("Oslo"), 1), (Field::EMAIL, Some("a@b.example"), 2)]);
    let text = serde_json::to_string(&mixed).unwrap();
    assert!(text.contains(r#""x":{"email":{"v":2"#), "{text}");
    assert_eq!(serde_json::from_str::<Golden>(&text).unwrap(), mixed);
    assert!(serde_json::from_str::<Golden>(r#"{"f":{"city":"Oslo"}}"#).is_err());
    let empty = serde_json::to_string(&Golden::default()).unwrap();
    assert_eq!(serde_json::from_str::<Golden>(&empty).unwrap(), Golden::default());
}

#[test]
fn frozen_fields_stay_frozen() {
    let mut frozen = Golden::default();
    let conflict = ConflictId(Uuid::from_u128(7));
    frozen.freeze(Field::CITY, conflict);
    let text = serde_json::to_string(&frozen).unwrap();
    let read: Golden = serde_json::from_str(&text).unwrap();
    assert_eq!(read, frozen);
    assert_eq!((read.frozen(Field::CITY), read.frozen(Field::EMAIL)), (Some(conflict), None));
}

#[test]
fn slots_tell_no_base_blank_and_held_apart() {
    let refusal = Refusal { version: 3, message: "too long".to_owned(), details: None };
    let slot = |shadow, ack, refused| LinkSlot { shadow, ack, refused };
    let slots = Slots::from_slots(vec![
        (Field::CITY, slot(Shadow::Held(Value::text("Oslo")), 1, None)),
        (Field::EMAIL, slot(Shadow::Blank, 1, None)),
        (Field::PHONE, slot(Shadow::None, 0, None)),
        (Field::STATE, slot(Shadow::Blank, 2, Some(refusal.clone()))),
        (Field::STREET, slot(Shadow::None, 4, Some(refusal))),
    ]);
    let text = serde_json::to_string(&slots).unwrap();
    let said = r#"{"f":{"city":"Oslo","email":null,"state":null},"a":2,"x":{"city":1,"email":1},"#;
    let rest = r#""n":{"phone":0,"street":4},"#;
    let refusals = r#""r":{"state":{"v":3,"m":"too long"},"street":{"v":3,"m":"too long"}}}"#;
    // Fields are sorted by number, and the version of the first is the shared one.
    assert_eq!(serde_json::from_str::<Slots>(&text).unwrap(), slots);
    let stored = format!("{said}{rest}{refusals}");
    assert_eq!(serde_json::from_str::<Slots>(&stored).unwrap(), slots);
}

#[test]
fn a_read_names_a_field_once() {
    let at = Timestamp::from_second(0).unwrap();
    let observed = |values: &[Field], read: &[Field]| Observation {
        fields: values.iter().map(|field| (*field, Value::text("x"))).collect::<Fields>(),
        read: read.into(),
        at,
    };
    let mut all = [Field::CITY, Field::EMAIL, Field::PHONE];
    all.sort();
    let text = serde_json::to_string(&observed(&[Field::CITY], &all)).unwrap();
    assert_eq!(text.matches("city").count(), 1, "{text}");
    assert!(!text.contains("read"), "{text}");
    let [first, second, third] = all;
    for read in [
        observed(&[Field::CITY], &all),
        observed(&all, &all),
        observed(&[], &all),
        observed(&[], &[]),
        // What no room makes comes back all the same.
        observed(&all, &[]),
        observed(&all, &[first]),
        observed(&[third], &[first, second]),
        observed(&[first], &[third, second, first]),
        observed(&[first], &[first, first]),
    ] {
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), read, "{text}");
    }
    // As earlier files have it.
    let old = r#"{"fields":{"city":"x"},"read":["city","email"],"at":"1970-01-01T00:00:00Z"}"#;
    let old: Observation = serde_json::from_str(old).unwrap();
    assert_eq!(&*old.read, [Field::CITY, Field::EMAIL]);
}

#[test]
fn a_hash_is_the_same_for_ever() {
    let email = MatchKey::Email("ada@mail.example".into());
    let domain = MatchKey::Domain("mail.example".into());
    assert_eq!(KeyHash::of(&email), KeyHash::of(&email));
    assert_ne!(KeyHash::of(&email), KeyHash::of(&MatchKey::Domain("ada@mail.example".into())));
    // Where one part ends is part of the key.
    let phone = |number: &str, surname: &str| {
        let (number, surname) = (number.into(), surname.into());
        KeyHash::of(&MatchKey::Phone { number, surname })
    };
    assert_ne!(phone("+1", "2x"), phone("+12", "x"));
    // FNV-1a over "d", 0x1f, the domain, 0x1f; worked out by hand elsewhere.
    assert_eq!(KeyHash::of(&domain), KeyHash(fnv(b"d\x1fmail.example\x1f")));
}

fn fnv(bytes: &[u8]) -> i64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211);
    bytes.iter().fold(14_695_981_039_346_656_037, step).cast_signed()
}

#[test]
fn a_later_mark_gives_way_unless_it_counts() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let mark = |second, attempts| Mark { due: at(second), attempts };
    let table = [
        (None, mark(5, 0), mark(5, 0)),
        (None, mark(5, 2), mark(5, 2)),
        (Some(mark(3, 1)), mark(5, 0), mark(3, 1)),
        (Some(mark(7, 1)), mark(5, 0), mark(5, 1)),
        (Some(mark(3, 1)), mark(5, 2), mark(5, 2)),
        (Some(mark(7, 3)), mark(5, 1), mark(5, 1)),
    ];
    for (before, new, after) in table {
        assert_eq!(new.after(before), after, "{before:?} {new:?}");
    }
}
