use crm_core::{
    Action, EntityId, ErrorKind, Field, ObjectKind, Patch, ProviderError, ProviderId, Value, Write,
    WriteKey,
};
use uuid::Uuid;

use super::{details, redacted};

fn write() -> Write {
    let id = EntityId::from_uuid(Uuid::from_u128(1));
    let patch: Patch = [
        (Field::PHONE, Some(Value::text("+442079460001"))),
        (Field::CITY, None),
        (Field::JOB_TITLE, Some(Value::text("Harbour Pilot"))),
    ]
    .into_iter()
    .collect();
    let action = Action::Update { id: "101".into(), patch, expected: None };
    let key = WriteKey::derive(id, &ProviderId::from("hubspot"), 2);
    Write { key, kind: ObjectKind::Contact, action }
}

#[test]
fn what_was_said_is_kept_without_the_values() {
    let said = "\"+442079460001\" of Harbour Pilot is no phone; ada@mail.example has it";
    let error = ProviderError::new(ErrorKind::Validation { field: None }, said)
        .with_status(400)
        .with_code("INVALID_PHONE")
        .with_request_id("req-7");
    let kept = redacted(&write(), &error);
    for value in ["79460001", "Harbour", "ada@"] {
        assert!(!kept.contains(value), "{kept}");
    }
    assert!(kept.contains("is no phone") && kept.contains("INVALID_PHONE"), "{kept}");
}

#[test]
fn circumstances_name_the_fields_and_count() {
    let error = ProviderError::new(ErrorKind::Permanent, "no").with_request_id("req-7");
    let first = details(&write(), &error, None);
    assert_eq!(first.endpoint.as_deref(), Some("update contact"));
    assert_eq!(first.request.as_deref(), Some("req-7"));
    let mut fields = [Field::PHONE, Field::CITY, Field::JOB_TITLE];
    fields.sort_unstable();
    assert_eq!(first.fields, fields);
    assert_eq!((first.attempts, details(&write(), &error, Some(&first)).attempts), (1, 2));
}
