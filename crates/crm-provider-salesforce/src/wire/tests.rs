//! Shapes of the vendor that are easy to get wrong.

use super::*;

#[test]
fn a_collections_answer_has_another_name_for_the_code() {
    let json = r#"[{"id":"003A","success":true,"errors":[],"created":true},
                   {"success":false,"errors":[{"statusCode":"STRING_TOO_LONG","message":"m",
                    "fields":["Title"],"extendedErrorDetails":null}]}]"#;
    let outcomes: Vec<Outcome> = serde_json::from_str(json).unwrap();
    let [done, failed] = outcomes.as_slice() else { panic!("two") };
    assert!(done.success && done.id.as_deref() == Some("003A"));
    assert!(!failed.success && failed.id.is_none());
    let problem = failed.errors.first().unwrap();
    assert_eq!(problem.error_code, "STRING_TOO_LONG");
    assert_eq!(problem.names(), ["Title"]);
}

#[test]
fn an_oddly_shaped_duplicate_result_does_not_spoil_the_answer() {
    let json = r#"{"errorCode":"DUPLICATES_DETECTED","message":"m","duplicateResut":"none",
                   "duplicateResult":{"matchResults":[{"matchRecords":[{"record":null},
                   {"record":{"Id":"003B"}},{"record":{"Id":"003A"}}]}]}}"#;
    let problem: Problem = serde_json::from_str(json).unwrap();
    assert_eq!(problem.duplicates(), ["003A", "003B"]);
    let bare: Problem = serde_json::from_str(r#"{"message":"m","fields":null}"#).unwrap();
    assert!(bare.duplicates().is_empty() && bare.names().is_empty());
}

#[test]
fn attributes_come_first_and_a_create_has_no_id() {
    let mut members = Map::new();
    members.insert("LastName".to_owned(), Value::from("Novak"));
    let attributes = Attributes { ty: "Contact" };
    let create = Input { attributes, id: None, members: members.clone() };
    let json = serde_json::to_string(&create).unwrap();
    assert_eq!(json, r#"{"attributes":{"type":"Contact"},"LastName":"Novak"}"#);
    let update = Input { attributes, id: Some("003A".into()), members };
    let json = serde_json::to_string(&update).unwrap();
    assert_eq!(json, r#"{"attributes":{"type":"Contact"},"id":"003A","LastName":"Novak"}"#);
}
