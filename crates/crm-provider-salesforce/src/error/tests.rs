//! What each code means for one record; whole requests are tested against the fake.

use super::*;
use crate::generated::mapping;
use crm_core::{Disposition, ObjectKind};

fn record(json: &str) -> ProviderError {
    let mapping = mapping::of(ObjectKind::Contact);
    let problem: Problem = serde_json::from_str(json).unwrap();
    Reading { mapping }.record(&[problem])
}

fn refused(code: &str, message: &str, fields: &str) -> ErrorKind {
    let json = format!(r#"{{"statusCode":"{code}","message":"{message}","fields":[{fields}]}}"#);
    let error = record(&json);
    assert_eq!(error.code(), Some(code));
    assert_eq!(error.operation(), Some(Operation::Apply));
    error.kind().clone()
}

const fn wrong(field: Field) -> ErrorKind {
    ErrorKind::Validation { field: Some(field) }
}

#[test]
fn a_value_that_is_not_accepted_names_its_field() {
    let missing = "Required fields are missing: [LastName]";
    let cases = [
        ("REQUIRED_FIELD_MISSING", missing, r#""LastName""#, Field::LAST_NAME),
        ("REQUIRED_FIELD_MISSING", missing, "", Field::LAST_NAME),
        ("STRING_TOO_LONG", "data value too large", r#""Title""#, Field::JOB_TITLE),
        ("INVALID_EMAIL_ADDRESS", "invalid", r#""Email""#, Field::EMAIL),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", r#""Phone""#, Field::PHONE),
        (
            "INVALID_FIELD",
            "No such column 'Company_Text__c' on sobject of type Contact",
            "",
            Field::COMPANY,
        ),
    ];
    for (code, message, fields, field) in cases {
        assert_eq!(refused(code, message, fields), wrong(field), "{code}");
    }
    let unknown = refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", "the record is closed", "");
    assert_eq!(unknown, ErrorKind::Validation { field: None });
}

#[test]
fn a_taken_value_names_its_record() {
    let code = "DUPLICATE_VALUE";
    let message = "duplicate value found: Crm_Sync_Uid__c duplicates value on record with id: ";
    let conflict = |id: &str| ErrorKind::Conflict { existing: Some(id.into()) };
    let short = format!("{message}003dM0000012345");
    assert_eq!(refused(code, &short, ""), conflict("003dM0000012345"));
    let long = format!("{message}003dM0000012345QAC");
    assert_eq!(refused(code, &long, ""), conflict("003dM0000012345QAC"));
    let hidden = format!("{message}<unknown>");
    assert_eq!(refused(code, &hidden, ""), ErrorKind::Conflict { existing: None });
}

#[test]
fn a_duplicate_rule_names_one_record_or_is_for_a_person() {
    let hit = |id: &str| format!(r#"{{"record":{{"attributes":{{}},"Id":"{id}"}}}}"#);
    let found = |key: &str, hits: &[String]| {
        let json = format!(
            r#"{{"errorCode":"DUPLICATES_DETECTED","message":"use an existing record",
                 "{key}":{{"matchResults":[{{"matchRecords":[{}]}}]}}}}"#,
            hits.join(",")
        );
        record(&json)
    };
    let one = ErrorKind::Conflict { existing: Some("003A".into()) };
    for key in ["duplicateResut", "duplicateResult"] {
        assert_eq!(*found(key, &[hit("003A")]).kind(), one);
        assert_eq!(*found(key, &[hit("003A"), hit("003A")]).kind(), one);
        let several = found(key, &[hit("003A"), hit("003B")]);
        assert_eq!(*several.kind(), ErrorKind::Permanent);
        assert_eq!(several.code(), Some(DUPLICATES_DETECTED));
    }
    assert_eq!(refused(DUPLICATES_DETECTED, "no", ""), ErrorKind::Permanent);
}

#[test]
fn what_becomes_of_a_record_follows_from_its_code() {
    let cases = [
        ("UNABLE_TO_LOCK_ROW", Disposition::Retry { after: None }),
        ("UNKNOWN_EXCEPTION", Disposition::Retry { after: None }),
        ("ALL_OR_NONE_OPERATION_ROLLED_BACK", Disposition::Retry { after: None }),
        ("ENTITY_IS_DELETED", Disposition::Rebase),
        ("INVALID_CROSS_REFERENCE_KEY", Disposition::Rebase),
        ("INSUFFICIENT_ACCESS_OR_READONLY", Disposition::Park),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Disposition::Park),
        ("A_CODE_OF_NEXT_YEAR", Disposition::Park),
    ];
    for (code, expected) in cases {
        assert_eq!(refused(code, "said", "").disposition(), expected, "{code}");
    }
}

#[test]
fn a_value_of_ours_is_not_the_records_fault() {
    let message = "No such column 'Crm_Sync_Uid__c' on sobject of type Contact";
    let json = format!(r#"{{"statusCode":"INVALID_FIELD","message":"{message}","fields":[]}}"#);
    let error = record(&json);
    assert_eq!(*error.kind(), ErrorKind::Permanent);
    assert!(error.hint().unwrap().contains("--fix"));
}

#[test]
fn no_address_of_a_person_stands_in_a_message() {
    let json = r#"{"statusCode":"INVALID_EMAIL_ADDRESS","fields":["Email"],
                   "message":"Email: invalid email address: ada.novak@mail.example"}"#;
    assert!(!record(json).to_string().contains("ada.novak"));
    assert!(matches!(Reading::default().record(&[]).kind(), ErrorKind::Malformed { .. }));
}
