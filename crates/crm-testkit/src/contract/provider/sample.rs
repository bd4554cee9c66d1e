//! The invented records of the suite: the n-th of each kind and form.

use crm_core::mapping::Mapping;
use crm_core::{Field, FieldType, Fields, Normalizer, ObjectKind, Value, normal, schema};

/// The fields of a kind that the cases speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speech {
    /// Tells the n-th record from the others.
    pub(super) name: Field,
    /// A text that cases change; records begin with `Brno` in it.
    pub(super) text: Field,
    /// A field that cases clear.
    pub(super) clearable: Field,
    /// A field that no record of the suite has.
    pub(super) blank: Option<Field>,
}

/// Returns the fields that the cases speak of, in one form of a kind.
pub(super) fn speech(mapping: &Mapping) -> Speech {
    let has = |field: Field| mapping.rule(field).is_some_and(|rule| rule.writable);
    match mapping.kind {
        ObjectKind::Contact => Speech {
            name: Field::EMAIL,
            text: Field::CITY,
            clearable: Field::PHONE,
            blank: Some(Field::COUNTRY),
        },
        ObjectKind::Company => Speech {
            name: Field::NAME,
            text: Field::CITY,
            clearable: Field::PHONE,
            blank: Some(Field::COUNTRY),
        },
        ObjectKind::Deal => Speech {
            name: Field::TITLE,
            text: Field::DESCRIPTION,
            clearable: Field::VALUE,
            blank: None,
        },
        ObjectKind::Activity => {
            let subject = if has(Field::SUBJECT) { Field::SUBJECT } else { Field::DESCRIPTION };
            let text = if has(Field::DESCRIPTION) { Field::DESCRIPTION } else { Field::SUBJECT };
            let spare = if has(Field::DESCRIPTION) { text } else { Field::DUE_DATE };
            let needed = mapping.rule(subject).is_some_and(|rule| rule.required);
            let clearable = if needed { spare } else { subject };
            Speech { name: subject, text, clearable, blank: None }
        }
    }
}

/// Returns the n-th invented record of one form of a kind: what the form has of it.
pub(super) fn record(mapping: &Mapping, n: usize) -> Fields {
    let all: Vec<(Field, Value)> = match mapping.kind {
        ObjectKind::Contact => person(n).into_iter().collect(),
        ObjectKind::Company => texts(
            ObjectKind::Company,
            &[
                (Field::NAME, &format!("Novak Works {n}")),
                (Field::DOMAIN, &format!("works-{n}.example")),
                (Field::PHONE, &format!("+44 20 7946 {:04}", n % 10_000)),
                (Field::CITY, "Brno"),
            ],
        )
        .into_iter()
        .collect(),
        ObjectKind::Deal => deal(n),
        ObjectKind::Activity => activity(mapping, n),
    };
    let has = |field: Field| mapping.rule(field).is_some_and(|rule| rule.writable);
    all.into_iter().filter(|(field, _)| has(*field)).collect()
}

/// Returns the n-th invented person.
pub(super) fn person(n: usize) -> Fields {
    texts(
        ObjectKind::Contact,
        &[
            (Field::FIRST_NAME, &format!("Ada {n}")),
            (Field::LAST_NAME, &format!("Novak {n}")),
            (Field::EMAIL, &format!("ada.{n}@mail.example")),
            (Field::PHONE, &format!("+44 20 7946 {n:04}")),
            (Field::JOB_TITLE, "Engineer"),
            (Field::CITY, "Brno"),
        ],
    )
}

fn deal(n: usize) -> Vec<(Field, Value)> {
    let amount = normal::decimal(&(1_200 + n).to_string()).unwrap();
    vec![
        (Field::TITLE, Value::text(format!("Order {n}"))),
        (Field::VALUE, Value::Decimal(amount)),
        (Field::EXPECTED_CLOSE_DATE, Value::Date("2027-03-01".parse().unwrap())),
        (Field::STAGE, Value::Choice("qualified".into())),
        (Field::DESCRIPTION, Value::text("Brno")),
    ]
}

fn activity(mapping: &Mapping, n: usize) -> Vec<(Field, Value)> {
    let has_subject = mapping.rule(Field::SUBJECT).is_some();
    // Where there is only one text, it has to tell the records apart.
    let both = has_subject && mapping.rule(Field::DESCRIPTION).is_some();
    let talk = if both { format!("Talk {n}") } else { format!("Talk {n} in Brno") };
    let text = if both { "Brno".to_owned() } else { talk.clone() };
    let ends = mapping.rule(Field::ENDS_AT).map(|_| "2026-12-01T10:00:00Z".parse().unwrap());
    let kind = mapping.variant.map(|variant| (Field::TYPE, Value::Choice(variant.into())));
    let mut fields = vec![
        (Field::SUBJECT, Value::text(talk)),
        (Field::DESCRIPTION, Value::text(text)),
        (Field::DUE_DATE, Value::Instant("2026-12-01T09:00:00Z".parse().unwrap())),
    ];
    fields.extend(ends.map(|at| (Field::ENDS_AT, Value::Instant(at))));
    let directed = mapping.rule(Field::CALL_DIRECTION).filter(|rule| rule.required);
    fields.extend(directed.map(|_| (Field::CALL_DIRECTION, Value::Choice("outbound".into()))));
    fields.extend(kind);
    fields
}

/// Returns text fields of a kind, in normal form.
pub(super) fn texts(kind: ObjectKind, pairs: &[(Field, &str)]) -> Fields {
    let value = |(field, text): &(Field, &str)| {
        let ty = schema::spec(kind, *field).map_or(FieldType::Text, |spec| spec.ty);
        Normalizer::default().text(ty, text).map(|value| (*field, value))
    };
    pairs.iter().filter_map(value).collect()
}
