//! Refusals of single records, word for word in the vendor's shape.

use serde_json::{Value, json};

use super::*;
use crate::generated::mapping::CONTACT;

fn refused(code: &str, message: &str, fields: &[&str]) -> ProviderError {
    from(&json!([{ "statusCode": code, "message": message, "fields": fields }]))
}

fn from(problems: &Value) -> ProviderError {
    let problems: Vec<Problem> = serde_json::from_value(problems.clone()).unwrap();
    Reading { mappings: &[&CONTACT], written: None }.record(&problems)
}

fn conflict(id: Option<&str>) -> ErrorKind {
    ErrorKind::Conflict { existing: id.map(RemoteId::from) }
}

#[test]
fn a_value_that_is_taken_names_its_record() {
    let said = "duplicate value found: Member_No__c duplicates value on record with id: ";
    let taken = |id: &str| refused("DUPLICATE_VALUE", &format!("{said}{id}"), &[]);
    let id = "003Kp000004AaaaIAC";
    assert_eq!(*taken(id).kind(), conflict(Some(id)));
    assert_eq!(*taken("003Kp000004Aaaa.").kind(), conflict(Some("003Kp000004Aaaa")));
    assert_eq!(*taken("<unknown>").kind(), conflict(None));
    assert_eq!(*taken("").kind(), conflict(None));
}

fn found_by_rule(key: &str, ids: &[&str]) -> ProviderError {
    let hit = |id: &&str| json!({ "matchConfidence": 100, "record": { "Id": id } });
    let hits: Vec<Value> = ids.iter().map(hit).collect();
    let mut problem = json!({ "errorCode": "DUPLICATES_DETECTED", "message": "a duplicate" });
    // Two rules may find the same record.
    let results = json!([{ "matchRecords": hits }, { "matchRecords": hits }]);
    problem[key] = json!({ "allowSave": true, "matchResults": results });
    from(&json!([problem]))
}

#[test]
fn a_duplicate_rule_is_read_in_both_spellings() {
    let id = "003Kp000004AaaaIAC";
    for key in ["duplicateResut", "duplicateResult"] {
        assert_eq!(*found_by_rule(key, &[id]).kind(), conflict(Some(id)), "{key}");
        let several = found_by_rule(key, &[id, "003Kp000004AaabIAC"]);
        assert_eq!(*several.kind(), ErrorKind::Permanent, "{key}");
        assert_eq!(*found_by_rule(key, &[]).kind(), ErrorKind::Permanent, "{key}");
    }
    let bare = refused(DUPLICATES_DETECTED, "a duplicate", &[]);
    assert_eq!(*bare.kind(), ErrorKind::Permanent);
}

#[test]
fn the_field_at_fault_is_named_by_list_brackets_or_quotes() {
    let invalid = |field| ErrorKind::Validation { field };
    let cases = [
        ("STRING_TOO_LONG", "too large", &["MailingCity"][..], Some(Field::CITY)),
        (
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
            &[],
            Some(Field::LAST_NAME),
        ),
        (
            "INVALID_FIELD",
            "No such column 'Company_Text__c' on sobject of type Contact",
            &[],
            Some(Field::COMPANY),
        ),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Ask Petra first", &["Other__c"], None),
        ("INVALID_EMAIL_ADDRESS", "invalid email address: x", &["Email"], Some(Field::EMAIL)),
    ];
    for (code, message, fields, field) in cases {
        let error = refused(code, message, fields);
        assert_eq!(*error.kind(), invalid(field), "{code}");
        assert_eq!(error.code(), Some(code));
    }
}

#[test]
fn our_own_field_is_never_the_records_fault() {
    let said = "No such column 'Crm_Sync_Uid__c' on sobject of type Contact";
    let error = refused("INVALID_FIELD", said, &[]);
    assert_eq!(*error.kind(), ErrorKind::Permanent);
    assert!(error.hint().unwrap().contains("--fix"));
}

#[test]
fn one_record_without_rights_does_not_stop_the_connection() {
    for code in ["INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]
    {
        let error = refused(code, "no access", &[]);
        assert_eq!(*error.kind(), ErrorKind::Permanent, "{code}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn what_failed_for_a_reason_of_salesforce_was_not_written() {
    for code in ["UNABLE_TO_LOCK_ROW", "UNKNOWN_EXCEPTION", "ALL_OR_NONE_OPERATION_ROLLED_BACK"] {
        let kind = ErrorKind::Transient { applied: Applied::No };
        assert_eq!(*refused(code, "later", &[]).kind(), kind, "{code}");
    }
}

#[test]
fn records_that_are_not_there_and_codes_that_nobody_knows() {
    for code in ["ENTITY_IS_DELETED", "MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY"] {
        assert_eq!(*refused(code, "no", &[]).kind(), ErrorKind::NotFound, "{code}");
    }
    let unknown = refused("CANNOT_EXECUTE_FLOW_TRIGGER", "call ada@people.example", &[]);
    assert_eq!(*unknown.kind(), ErrorKind::Permanent);
    assert_eq!(unknown.code(), Some("CANNOT_EXECUTE_FLOW_TRIGGER"));
    assert!(!unknown.to_string().contains("ada@people.example"), "{unknown}");
    assert_eq!(*from(&json!([])).kind(), ErrorKind::Malformed { applied: Applied::No });
}
