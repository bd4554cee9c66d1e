//! The laws of every table, on a small one.

use proptest::prelude::*;

use super::*;
use crate::{Fields, Normalizer, Patch, Value};

const fn rule(field: Field, remote: &'static str, ty: FieldType, wire: Wire) -> FieldRule {
    FieldRule {
        field,
        remote,
        ty,
        wire,
        form: Form::FAITHFUL,
        writable: true,
        required: false,
        custom: false,
        length_max: None,
    }
}

static TABLE: Mapping = Mapping {
    kind: ObjectKind::Contact,
    remote: "people",
    uid: Some("our_uid"),
    clear: Clear::Null,
    variant: None,
    fixed: &[],
    rules: &[
        FieldRule {
            form: Form { cut_at: Some(5), ..Form::FAITHFUL },
            ..rule(Field::PHONE, "tel", FieldType::Phone, Wire::Text)
        },
        FieldRule {
            form: Form { letter_case: LetterCase::Lowered, ..Form::FAITHFUL },
            ..rule(Field::EMAIL, "mail", FieldType::Email, Wire::Text)
        },
        rule(Field::VALUE, "worth", FieldType::Money, Wire::NumberText),
        rule(
            Field::STAGE,
            "stage",
            FieldType::Choice(&["new", "closed_won"]),
            Wire::Choice(&[("new", "N"), ("closed_won", "W")]),
        ),
    ],
};

fn read(json: &str) -> Decoded {
    let asked: Arc<[Field]> = TABLE.rules.iter().map(|rule| rule.field).collect();
    let row: Row<'_> = serde_json::from_str(json).unwrap();
    decode(&TABLE, Normalizer::default(), &row, &asked)
}

use std::sync::Arc;

#[test]
fn blank_is_read_and_absent_is_not() {
    let decoded = read(r#"{"tel":null,"mail":"","worth":"12.50","other":{"x":[1]}}"#);
    assert_eq!(&*decoded.read, &[Field::PHONE, Field::EMAIL, Field::VALUE]);
    assert_eq!(decoded.fields.len(), 1);
    assert_eq!(decoded.fields.get(Field::VALUE).unwrap().display(), "12.5");
}

#[test]
fn what_cannot_be_understood_is_named_and_takes_no_part() {
    let decoded = read(r#"{"tel":"1","mail":"a@b.example","worth":"a lot","stage":"N"}"#);
    assert_eq!(decoded.unreadable, [Field::VALUE]);
    assert!(!decoded.read.contains(&Field::VALUE));
    assert_eq!(decoded.fields.get(Field::STAGE), Some(&Value::Choice("new".into())));
}

#[test]
fn a_number_passes_through_its_text() {
    let decoded = read(r#"{"worth":1200.505,"stage":"?"}"#);
    assert_eq!(decoded.fields.get(Field::VALUE).unwrap().display(), "1200.505");
    assert_eq!(decoded.fields.get(Field::STAGE), Some(&Value::Choice("?".into())));
}

#[test]
fn an_encoded_patch_names_only_its_fields() {
    let mut patch = Patch::new();
    patch.set(Field::EMAIL, None);
    patch.set(Field::STAGE, Some(Value::Choice("closed_won".into())));
    patch.set(Field::CITY, Some(Value::text("unmapped")));
    let json = serde_json::Value::Object(encode(&TABLE, &patch)).to_string();
    assert_eq!(json, r#"{"mail":null,"stage":"W"}"#);
}

proptest! {
    #[test]
    fn projection_is_idempotent_and_is_what_comes_back(raw in "\\PC{1,12}", tel in "[0-9 +]{1,12}") {
        let normalizer = Normalizer::default();
        let mut fields = Fields::new();
        fields.set(Field::EMAIL, normalizer.text(FieldType::Email, &raw));
        fields.set(Field::PHONE, normalizer.text(FieldType::Phone, &tel));
        for (field, value) in fields.iter() {
            let rule = TABLE.rule(field).unwrap();
            let once = rule.project(value).map(std::borrow::Cow::into_owned);
            let twice = once.as_ref().and_then(|v| rule.project(v)).map(std::borrow::Cow::into_owned);
            prop_assert_eq!(&once, &twice);
        }
        let json = serde_json::Value::Object(encode_fields(&TABLE, &fields)).to_string();
        let back = read(&json);
        prop_assert_eq!(back.fields.get(Field::EMAIL), fields.get(Field::EMAIL));
    }
}

#[test]
fn a_set_is_cut_to_what_the_vendor_keeps() {
    let set = |names: &[&str]| Value::List(names.iter().copied().map(Value::text).collect());
    let project = |members_max, value: &Value| {
        let form = Form { members_max, ..Form::FAITHFUL };
        let rule = FieldRule { form, ..rule(Field::CONTACTS, "p", FieldType::List, Wire::Text) };
        rule.project(value).map(std::borrow::Cow::into_owned)
    };
    let two = set(&["a", "b"]);
    assert_eq!(project(Some(1), &two), Some(set(&["a"])));
    assert_eq!(project(Some(2), &two), Some(two.clone()));
    assert_eq!(project(None, &two), Some(two));
    assert_eq!(project(Some(1), &set(&[])), Some(set(&[])));
}

#[test]
fn choices_that_share_a_word_of_the_vendor_become_the_first_of_them() {
    let wire = Wire::Choice(&[("new", "open"), ("waiting", "open"), ("closed_won", "done")]);
    let ty = FieldType::Choice(&["new", "waiting", "closed_won"]);
    let rule = rule(Field::STAGE, "stage", ty, wire);
    let project = |name: &str| {
        let value = Value::Choice(name.into());
        rule.project(&value).map(|shown| shown.display())
    };
    assert_eq!(project("waiting").as_deref(), Some("new"));
    assert_eq!(project("new").as_deref(), Some("new"));
    assert_eq!(project("closed_won").as_deref(), Some("closed_won"));
    assert_eq!(project("unheard").as_deref(), Some("unheard"));
}
