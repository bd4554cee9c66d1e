use crm_core::{FieldType, Form, Metadata, Normalizer, ObjectKind, Owner};

use super::*;

const RULE: FieldRule = FieldRule {
    field: Field::OWNER,
    remote: "owner",
    ty: FieldType::Email,
    wire: Wire::Owner,
    form: Form::FAITHFUL,
    writable: true,
    required: false,
    custom: false,
    length_max: None,
};

fn reason(owners: Option<Vec<Owner>>, email: &str) -> Option<&'static str> {
    let metadata = Metadata { owners, ..Metadata::default() };
    let golden = Golden::default();
    let check = Preflight { kind: ObjectKind::Deal, metadata: &metadata, golden: &golden };
    let value = Normalizer::default().text(FieldType::Email, email).unwrap();
    check.objection(&RULE, &value).map(|objection| objection.reason)
}

#[test]
fn an_owner_must_be_active() {
    let user = |active| Owner { id: "1".into(), email: "ada@mail.example".into(), active };
    assert_eq!(reason(Some(vec![user(false)]), "Ada@Mail.Example"), Some("inactive_owner"));
    assert_eq!(reason(Some(vec![user(false), user(true)]), "ada@mail.example"), None);
    // Who is not listed may be a user of old, whom only the room can ask for.
    assert_eq!(reason(Some(vec![user(false)]), "bo@mail.example"), None);
    assert_eq!(reason(None, "ada@mail.example"), None);
}

#[test]
fn what_is_blocked_has_a_remedy() {
    for reason in [
        "too_long",
        "unknown_choice",
        "inactive_owner",
        "currency_not_enabled",
        "read_only",
        "missing_required",
        "nothing_to_write",
        "waits_for_another",
        "duplicate",
        "quota",
    ] {
        assert_ne!(remedy_of(reason), ProblemClass::Bug.remedy(), "{reason}");
    }
}
