//! Deals, the people who have a part in them, and what Setup says of their stages.

use crm_testkit::dialect::salesforce::SalesforceOptions;
use crm_testkit::fake::Fake;
use serde_json::{Value, json};

use super::Desk;

fn deal(desk: &Desk, more: &Value) -> String {
    let mut fields =
        json!({ "Name": "Gears", "StageName": "Prospecting", "CloseDate": "2027-03-01" });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = desk.post("/sobjects/Opportunity", &fields);
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.id()
}

fn shown(desk: &Desk, id: &str) -> Value {
    desk.get(&format!("/sobjects/Opportunity/{id}")).json()
}

#[test]
fn the_vendor_fills_in_what_follows_from_stage_and_amount() {
    let desk = Desk::new();
    let id = deal(&desk, &json!({ "Amount": 1000 }));
    let row = shown(&desk, &id);
    assert_eq!((&row["Probability"], &row["ExpectedRevenue"]), (&json!(10.0), &json!(100.0)));
    assert_eq!((&row["IsClosed"], &row["IsWon"]), (&json!(false), &json!(false)));
    let path = format!("/sobjects/Opportunity/{id}");
    assert_eq!(desk.patch(&path, &json!({ "StageName": "Closed Won" })).status, 204);
    let row = shown(&desk, &id);
    assert_eq!((&row["IsClosed"], &row["IsWon"]), (&json!(true), &json!(true)));
    assert_eq!(row["ExpectedRevenue"], json!(1000.0));
    let locked = desk.patch(&path, &json!({ "IsWon": false }));
    assert_eq!(locked.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
    let lacking = desk.post("/sobjects/Opportunity", &json!({ "Name": "Gears" }));
    assert_eq!(lacking.message(), "Required fields are missing: [StageName, CloseDate]");
}

#[test]
fn a_contact_is_named_at_the_birth_of_a_deal_and_one_is_the_first() {
    let desk = Desk::new();
    let (ada, ben) =
        (desk.contact(&json!({ "LastName": "Ada" })), desk.contact(&json!({ "LastName": "Ben" })));
    let id = deal(&desk, &json!({ "ContactId": ada }));
    let primary = "SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true";
    assert_eq!(desk.column(primary, "ContactId"), [json!(ada)]);
    let path = format!("/sobjects/Opportunity/{id}");
    let later = desk.patch(&path, &json!({ "ContactId": ben }));
    assert_eq!(later.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
    let before = shown(&desk, &id)["SystemModstamp"].clone();
    desk.tick(5);
    let role = json!({ "OpportunityId": id, "ContactId": ben, "IsPrimary": true });
    let row = desk.post("/sobjects/OpportunityContactRole", &role).id();
    assert_eq!(desk.column(primary, "ContactId"), [json!(ben)]);
    assert_eq!(shown(&desk, &id)["SystemModstamp"], before, "the deal itself did not change");
    desk.tick(5);
    assert_eq!(desk.delete(&format!("/sobjects/OpportunityContactRole/{row}")).status, 204);
    let gone = "SELECT Id, SystemModstamp FROM OpportunityContactRole WHERE IsDeleted = true";
    let gone = desk.query_all(gone).json();
    assert_eq!(gone["records"][0]["Id"], json!(row));
    assert_eq!(gone["records"][0]["SystemModstamp"], "2026-11-24T08:00:10.000+0000");
}

#[test]
fn stages_are_rows_that_only_setup_changes() {
    let desk = Desk::new();
    let names = "SELECT ApiName FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder";
    assert_eq!(desk.column(names, "ApiName").len(), 10);
    let pilot = json!({
        "ApiName": "Pilot", "MasterLabel": "Pilot", "IsActive": true, "IsClosed": true,
        "SortOrder": 11, "DefaultProbability": 40,
    });
    let refused = desk.post("/sobjects/OpportunityStage", &pilot);
    assert_eq!(refused.code(), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    let row = desk.fake.create("OpportunityStage", pilot.as_object().unwrap()).unwrap();
    let id = deal(&desk, &json!({ "StageName": "Pilot" }));
    let made = shown(&desk, &id);
    let facts = (&made["Probability"], &made["IsClosed"], &made["IsWon"]);
    assert_eq!(facts, (&json!(40.0), &json!(true), &json!(false)));
    let offered = || {
        let describe = desk.get("/sobjects/Opportunity/describe").json();
        let fields = describe["fields"].as_array().unwrap().clone();
        let stage = fields.into_iter().find(|field| field["name"] == "StageName").unwrap();
        stage["picklistValues"].as_array().unwrap().iter().any(|value| value["value"] == "Pilot")
    };
    assert!(offered());
    let off = json!({ "IsActive": false });
    desk.fake.patch("OpportunityStage", &row, off.as_object().unwrap()).unwrap();
    assert!(!offered());
}

#[test]
fn only_an_org_with_several_currencies_has_any() {
    let one = Desk::new();
    assert_eq!(one.query("SELECT IsoCode FROM CurrencyType").code(), "INVALID_TYPE");
    assert_eq!(one.query("SELECT CurrencyIsoCode FROM Account").code(), "INVALID_FIELD");
    let currencies = vec!["GBP".to_owned(), "EUR".to_owned()];
    let several = Desk::with(SalesforceOptions { currencies, ..Default::default() });
    let codes = several.column("SELECT IsoCode FROM CurrencyType ORDER BY IsoCode", "IsoCode");
    assert_eq!(codes, ["EUR", "GBP"]);
    let id = deal(&several, &json!({}));
    assert_eq!(shown(&several, &id)["CurrencyIsoCode"], "GBP");
    let odd =
        several.patch(&format!("/sobjects/Opportunity/{id}"), &json!({ "CurrencyIsoCode": "SEK" }));
    assert_eq!(odd.code(), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
}
