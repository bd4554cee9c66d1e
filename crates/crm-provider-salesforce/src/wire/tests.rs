//! Envelopes with members that are missing, odd, or in another order.

use serde_json::json;

use super::*;

#[test]
fn both_dialects_of_errors_are_read() {
    let top = r#"[{"message":"gone","errorCode":"NOT_FOUND"}]"#;
    let one = r#"[{"id":null,"success":false,"errors":[
        {"statusCode":"NOT_FOUND","message":"gone","fields":null,"duplicateResut":"odd"}]}]"#;
    let top: Vec<Problem> = serde_json::from_str(top).unwrap();
    let one: Vec<Outcome> = serde_json::from_str(one).unwrap();
    let codes: Vec<_> = top.iter().chain(&one[0].errors).map(|p| p.error_code.as_str()).collect();
    assert_eq!(codes, ["NOT_FOUND", "NOT_FOUND"]);
    assert!(one[0].errors[0].duplicates().is_empty());
}

#[test]
fn a_success_may_say_no_more_than_that() {
    let outcome: Outcome = serde_json::from_str(r#"{"success":true}"#).unwrap();
    assert!(outcome.success && outcome.id.is_none() && outcome.errors.is_empty());
    let silent: Outcome = serde_json::from_str("{}").unwrap();
    assert!(!silent.success, "what does not say that it was done was not");
}

#[test]
fn attributes_come_first_in_a_record() {
    let members = json!({ "LastName": "Vale", "Phone": null }).as_object().unwrap().clone();
    let id = Some("003Kp000004AaaaIAC".into());
    let body = Collection {
        all_or_none: false,
        records: vec![Input { attributes: Attributes { ty: "Contact" }, id, members }],
    };
    let text = serde_json::to_string(&body).unwrap();
    let record = r#"{"attributes":{"type":"Contact"},"id":"003Kp000004AaaaIAC","LastName":"Vale""#;
    assert!(text.starts_with(&format!(r#"{{"allOrNone":false,"records":[{record}"#)), "{text}");
    assert!(text.contains(r#""Phone":null"#), "null clears: {text}");
}

#[test]
fn a_new_field_is_described_as_the_vendor_spells_it() {
    let metadata = FieldMetadata {
        label: "CRM sync id",
        description: "ours",
        ty: "Text",
        length: 36,
        required: false,
        external_id: true,
        unique: true,
        case_sensitive: Some(false),
    };
    let field = NewField { full_name: "Contact.Crm_Sync_Uid__c".to_owned(), metadata: &metadata };
    let expected = json!({
        "FullName": "Contact.Crm_Sync_Uid__c",
        "Metadata": {
            "label": "CRM sync id",
            "description": "ours",
            "type": "Text",
            "length": 36,
            "required": false,
            "externalId": true,
            "unique": true,
            "caseSensitive": false,
        },
    });
    assert_eq!(serde_json::to_value(&field).unwrap(), expected);
}
