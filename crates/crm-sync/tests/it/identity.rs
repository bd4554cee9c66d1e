//! Whose record is it? One to one, and never where there is doubt.

use crm_core::{EntityId, Field, Fields, Normalizer, ObjectKind, ProviderId, RunId, Value, schema};
use crm_store::{Entity, GoldenSlot, Provenance};
use crm_sync::decide::identity::{Match, matching};
use uuid::Uuid;

const KIND: ObjectKind = ObjectKind::Contact;

fn value(field: Field, text: &str) -> Option<Value> {
    Normalizer::default().text(schema::spec(KIND, field).unwrap().ty, text)
}

fn person(number: u128, values: &[(Field, &str)]) -> Entity {
    let mut entity = Entity::new(EntityId::from_uuid(Uuid::from_u128(number)), KIND);
    for (field, text) in values {
        let run = RunId::from_uuid(Uuid::nil());
        let provenance = Provenance { version: 1, source: None, at: None, run };
        entity.golden.set(*field, GoldenSlot { value: value(*field, text), provenance });
    }
    entity
}

fn whose(values: &[(Field, &str)], people: &[Entity]) -> Match {
    let read = values.iter().filter_map(|(field, text)| Some((*field, value(*field, text)?)));
    let fields: Fields = read.collect();
    let candidates: Vec<&Entity> = people.iter().collect();
    matching(KIND, &fields, &ProviderId::new("north"), &candidates)
}

#[test]
pub(crate) fn nobody_is_linked_where_there_is_doubt() {
    let mail = (Field::EMAIL, "info@mail.example");
    let (one, two) = (person(1, &[mail]), person(2, &[mail]));
    assert_eq!(whose(&[mail], std::slice::from_ref(&one)), Match::One(0));
    assert_eq!(whose(&[mail], &[one, two]), Match::Doubt("ambiguous_email"));
}

#[test]
pub(crate) fn people_who_share_a_phone_are_told_apart() {
    let (phone, surname) = ((Field::PHONE, "+44 20 7946 0001"), (Field::LAST_NAME, "Lind"));
    let ada = person(1, &[phone, surname, (Field::FIRST_NAME, "Ada")]);
    let known = std::slice::from_ref(&ada);
    let called = |name| whose(&[phone, surname, (Field::FIRST_NAME, name)], known);
    assert_eq!(called("A."), Match::One(0));
    assert_eq!(called("Emre"), Match::Nobody);
}
