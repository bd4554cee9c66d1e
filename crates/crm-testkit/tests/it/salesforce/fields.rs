//! What fields take, what they refuse, what the org fills in.

use crm_testkit::dialect::salesforce::{OrgFields, SalesforceOptions};
use serde_json::{Value, json};

use super::Desk;

#[test]
fn refusals_name_code_and_field() {
    let desk = Desk::new();
    let long = "x".repeat(41);
    let cases: &[(Value, &str, &str)] = &[
        (json!({}), "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        (json!({ "LastName": "  " }), "REQUIRED_FIELD_MISSING", "[LastName]"),
        (json!({ "LastName": "x", "FirstName": long }), "STRING_TOO_LONG", "(max length=40)"),
        (json!({ "LastName": "x", "Email": "nobody" }), "INVALID_EMAIL_ADDRESS", "nobody"),
        (json!({ "LastName": "x", "Email": "a b@c.example" }), "INVALID_EMAIL_ADDRESS", "a b"),
        (json!({ "LastName": "x", "Foo": 1 }), "INVALID_FIELD", "No such column 'Foo'"),
        (
            json!({ "LastName": "x", "MasterRecordId": "003dM00003kRs59" }),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "MasterRecordId",
        ),
        (json!({ "LastName": "x", "Name": "y" }), "INVALID_FIELD_FOR_INSERT_UPDATE", "Name"),
        (json!({ "LastName": "x", "AccountId": "zzz" }), "MALFORMED_ID", "zzz"),
        (
            json!({ "LastName": "x", "AccountId": "001dM00003kRs59" }),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (json!({ "LastName": "x", "Birthdate": "yesterday" }), "JSON_PARSER_ERROR", "yesterday"),
        (json!({ "LastName": 5 }), "JSON_PARSER_ERROR", "VALUE_NUMBER"),
        (
            json!({ "LastName": "x", "CleanStatus": "Shiny" }),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Shiny",
        ),
    ];
    for (body, code, text) in cases {
        let reply = desk.post("/sobjects/Contact", body);
        assert_eq!((reply.status, reply.code().as_str()), (400, *code), "{body}: {reply:?}");
        assert!(reply.message().contains(text), "{body}: {reply:?}");
    }
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").json()["totalSize"], 0);
    let broken = desk.raw("POST", "/sobjects/Contact", &[], "{\"LastName\":");
    assert_eq!(broken.code(), "JSON_PARSER_ERROR");
}

#[test]
fn updates_refuse_what_creates_refuse() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "Byron" }));
    let path = format!("/sobjects/Contact/{id}");
    assert_eq!(desk.patch(&path, &json!({ "LastName": null })).code(), "REQUIRED_FIELD_MISSING");
    let own = desk.patch(&path, &json!({ "Id": id, "LastName": "x" }));
    assert!(own.message().contains("The Id field should not be specified"));
    let other = desk.patch("/sobjects/Contact/003dM00003kRs59", &json!({ "LastName": "x" }));
    assert_eq!((other.status, other.code().as_str()), (404, "NOT_FOUND"));
}

#[test]
fn values_are_stored_as_the_vendor_stores_them() {
    let desk = Desk::new();
    let account = desk.post(
        "/sobjects/Account",
        &json!({ "Name": "Mill", "AnnualRevenue": 50_000, "NumberOfEmployees": "10000" }),
    );
    let body = desk.get(&format!("/sobjects/Account/{}", account.id()));
    assert!(body.text.contains(r#""AnnualRevenue":50000.0"#), "{}", body.text);
    assert!(body.text.contains(r#""NumberOfEmployees":10000,"#), "{}", body.text);
    let id = desk.contact(&json!({
        "LastName": "  Byron ", "Email": "Ada@People.Example", "Title": "", "Phone": "   ",
        "EmailBouncedReason": "full", "EmailBouncedDate": "2026-05-06T13:32:21+02:00",
        "AccountId": &account.id()[..15],
    }));
    let row = desk.get(&format!("/sobjects/Contact/{id}")).json();
    assert_eq!(row["LastName"], "Byron");
    assert_eq!(row["Email"], "Ada@People.Example");
    assert_eq!((&row["Title"], &row["Phone"]), (&Value::Null, &Value::Null));
    assert_eq!(row["EmailBouncedDate"], "2026-05-06T11:32:21.000+0000");
    assert_eq!(row["IsEmailBounced"], true);
    assert_eq!(row["AccountId"].as_str(), Some(account.id().as_str()));
    assert!(row["OwnerId"].as_str().unwrap().starts_with("005"));
}

#[test]
fn a_unique_value_is_held_once() {
    let desk = Desk::new();
    let id = desk.contact(&json!({ "LastName": "One", "Crm_Sync_Uid__c": "u-1" }));
    let reply =
        desk.post("/sobjects/Contact", &json!({ "LastName": "Two", "Crm_Sync_Uid__c": "U-1" }));
    assert_eq!(reply.code(), "DUPLICATE_VALUE");
    assert!(reply.message().contains("Crm_Sync_Uid__c duplicates value on record with id"));
    assert!(reply.message().ends_with(&id[..15]), "{reply:?}");
    desk.delete(&format!("/sobjects/Contact/{id}"));
    desk.contact(&json!({ "LastName": "Two", "Crm_Sync_Uid__c": "u-1" }));
}

#[test]
fn deals_tasks_and_events_fill_themselves_in() {
    let desk = Desk::new();
    let contact = desk.contact(&json!({ "LastName": "Byron" }));
    let deal = desk.post(
        "/sobjects/Opportunity",
        &json!({
            "Name": "Engine", "StageName": "Closed Won", "CloseDate": "2026-12-01",
            "Amount": 200.5, "ContactId": contact,
        }),
    );
    let row = desk.get(&format!("/sobjects/Opportunity/{}", deal.id())).json();
    assert_eq!((&row["IsWon"], &row["Probability"]), (&json!(true), &json!(100.0)));
    assert_eq!(row["ExpectedRevenue"], 200.5);
    let roles = desk.query("SELECT ContactId, IsPrimary FROM OpportunityContactRole").json();
    assert_eq!(roles["records"][0]["ContactId"].as_str(), Some(contact.as_str()));
    assert_eq!(roles["records"][0]["IsPrimary"], true);
    let fixed =
        desk.patch(&format!("/sobjects/Opportunity/{}", deal.id()), &json!({ "ContactId": null }));
    assert_eq!(fixed.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");

    let task = desk.post("/sobjects/Task", &json!({ "Subject": "Call", "WhoId": contact }));
    let row = desk.get(&format!("/sobjects/Task/{}", task.id())).json();
    assert_eq!((&row["Status"], &row["Priority"]), (&json!("Not Started"), &json!("Normal")));
    desk.patch(&format!("/sobjects/Task/{}", task.id()), &json!({ "Status": "Completed" }));
    assert_eq!(desk.column("SELECT IsClosed FROM Task", "IsClosed"), [json!(true)]);

    let early = desk.post("/sobjects/Event", &json!({ "StartDateTime": "2026-11-25T09:00:00Z" }));
    assert_eq!(early.code(), "REQUIRED_FIELD_MISSING");
    let event = desk.post(
        "/sobjects/Event",
        &json!({ "StartDateTime": "2026-11-25T09:00:00Z", "DurationInMinutes": 90 }),
    );
    let row = desk.get(&format!("/sobjects/Event/{}", event.id())).json();
    assert_eq!(row["EndDateTime"], "2026-11-25T10:30:00.000+0000");
    assert_eq!(row["ActivityDate"], "2026-11-25");
}

#[test]
fn a_new_column_appears_in_describe() {
    let desk =
        Desk::with(SalesforceOptions { fields: OrgFields::Bare, ..SalesforceOptions::default() });
    let count = |desk: &Desk| {
        desk.get("/sobjects/Contact/describe").json()["fields"].as_array().unwrap().len()
    };
    assert_eq!(count(&desk), 59);
    let field = json!({
        "FullName": "Contact.Crm_Sync_Uid__c",
        "Metadata": {
            "label": "Sync id", "type": "Text", "length": 36, "externalId": true, "unique": true,
        },
    });
    let made = desk.post("/tooling/sobjects/CustomField", &field);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(count(&desk), 60);
    assert_eq!(
        desk.post("/tooling/sobjects/CustomField", &field).code(),
        "DUPLICATE_DEVELOPER_NAME"
    );
    let set = desk.column("SELECT Id FROM PermissionSet", "Id");
    let permission = desk.post(
        "/sobjects/FieldPermissions",
        &json!({
            "ParentId": set[0], "SobjectType": "Contact", "Field": "Contact.Crm_Sync_Uid__c",
            "PermissionsRead": true, "PermissionsEdit": true,
        }),
    );
    assert_eq!(permission.status, 201, "{permission:?}");
    let by_key = desk.patch("/sobjects/Contact/Crm_Sync_Uid__c/u-1", &json!({ "LastName": "x" }));
    assert_eq!(by_key.status, 201);
    let short = json!({
        "FullName": "Contact.Short__c",
        "Metadata": { "label": "Short", "type": "Text" },
    });
    assert_eq!(
        desk.post("/tooling/sobjects/CustomField", &short).code(),
        "FIELD_INTEGRITY_EXCEPTION"
    );
}
