//! Associations: directions, the primary company, batches that fail in part, and both ways to look.

use crm_testkit::dialect::hubspot::{AssociationStamps, HubSpotOptions};
use crm_testkit::fake::{Fake as _, Fields};
use http::Method;
use serde_json::{Value, json};

use super::Desk;

const TIES: &str = "/crm/associations/2026-09";
const OBJECTS: &str = "/crm/objects/2026-09";

impl Desk {
    /// Creates a record as a user would.
    fn make(&self, kind: &str, fields: Value) -> String {
        let Value::Object(fields) = fields else { panic!("an object") };
        self.fake.create(kind, &fields).unwrap()
    }

    fn person(&self, n: usize) -> String {
        self.make("contacts", json!({ "email": format!("p{n}@mail.example") }))
    }

    fn company(&self, n: usize) -> String {
        self.make("companies", json!({ "name": format!("Works {n}") }))
    }

    fn tie(&self, from: &str, to: &str, input: &Value) -> super::Reply {
        self.post(&format!("{TIES}/{from}/{to}/batch/create"), &json!({ "inputs": [input] }))
    }

    /// Returns whom a record is tied to, with the numbers of the types.
    fn tied(&self, from: &str, id: &str, to: &str) -> Vec<(String, Vec<u64>)> {
        let reply = self.get(&format!("{OBJECTS}/{from}/{id}/associations/{to}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        let row = |row: &Value| {
            let types = row["associationTypes"].as_array().unwrap();
            let types = types.iter().map(|known| known["typeId"].as_u64().unwrap()).collect();
            (row["toObjectId"].as_str().unwrap().to_owned(), types)
        };
        reply.body["results"].as_array().unwrap().iter().map(row).collect()
    }
}

fn pair(from: &str, to: &str, id: u32) -> Value {
    json!({
        "from": { "id": from },
        "to": { "id": to },
        "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id }],
    })
}

#[test]
fn a_primary_company_takes_the_place_of_the_last_one_and_is_seen_from_both_ends() {
    let desk = Desk::default();
    let (ada, first, second) = (desk.person(0), desk.company(0), desk.company(1));
    for company in [&first, &second] {
        let reply = desk.tie("contacts", "companies", &pair(&ada, company, 1));
        assert_eq!((reply.status, &reply.body["results"][0]["toObjectId"]), (201, &json!(company)));
    }
    let expected = vec![(first.clone(), vec![279]), (second.clone(), vec![1, 279])];
    assert_eq!(desk.tied("contacts", &ada, "companies"), expected);
    assert_eq!(desk.tied("companies", &first, "contacts"), [(ada.clone(), vec![280])]);
    assert_eq!(desk.tied("companies", &second, "contacts"), [(ada.clone(), vec![2, 280])]);
    // The list shows it by older names.
    let list = desk.get(&format!("{OBJECTS}/contacts?associations=companies"));
    let shown = &list.body["results"][0]["associations"]["companies"]["results"];
    let names: Vec<&str> =
        shown.as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap()).collect();
    let plain = "contact_to_company_unlabeled";
    assert_eq!(names, [plain, "contact_to_company", plain]);
    // One label goes, the tie stays.
    let inputs = json!({ "inputs": [pair(&ada, &second, 1)] });
    let path = format!("{TIES}/contacts/companies/batch/labels/archive");
    assert_eq!(desk.post(&path, &inputs).status, 200);
    assert_eq!(desk.tied("contacts", &ada, "companies")[1].1, [279]);
}

#[test]
fn a_type_has_a_direction_and_a_record_is_not_tied_to_itself() {
    let desk = Desk::default();
    let (ada, works) = (desk.person(0), desk.company(0));
    let wrong = desk.tie("companies", "contacts", &pair(&works, &ada, 1));
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.body["message"].as_str().unwrap().contains("expected: 0-1"), "{wrong:?}");
    let itself = desk.tie("companies", "companies", &pair(&works, &works, 13));
    assert_eq!((itself.status, &itself.body["numErrors"]), (207, &json!(1)));
    let other = desk.company(1);
    assert_eq!(desk.tie("companies", "companies", &pair(&works, &other, 13)).status, 201);
    assert_eq!(desk.tied("companies", &other, "companies"), [(works, vec![14])]);
}

#[test]
fn a_batch_names_what_failed_and_who_is_tied_to_nobody() {
    let desk = Desk::default();
    let (ada, works) = (desk.person(0), desk.company(0));
    let inputs = json!({ "inputs": [pair(&ada, &works, 1), pair(&ada, "999999", 1)] });
    let reply = desk.post(&format!("{TIES}/contacts/companies/batch/create"), &inputs);
    assert_eq!(reply.status, 207);
    assert_eq!(reply.body["results"].as_array().unwrap().len(), 1);
    let error = &reply.body["errors"][0];
    assert_eq!(error["subCategory"], "crm.associations.INVALID_IDENTIFIER");
    assert_eq!(error["context"]["id"], json!(["999999"]));
    let alone = desk.person(1);
    let inputs = json!({ "inputs": [{ "id": ada }, { "id": alone }] });
    let reply = desk.post(&format!("{TIES}/contacts/companies/batch/read"), &inputs);
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    let error = &reply.body["errors"][0];
    assert_eq!(error["subCategory"], "crm.associations.NO_ASSOCIATIONS_FOUND");
    assert_eq!(error["context"]["fromObjectId"], json!([alone]));
    let many: Vec<Value> = (0..1_001).map(|n| json!({ "id": n.to_string() })).collect();
    let inputs = json!({ "inputs": many });
    assert_eq!(desk.post(&format!("{TIES}/contacts/companies/batch/read"), &inputs).status, 400);
}

#[test]
fn ties_are_made_and_cut_one_by_one_and_with_a_create() {
    let desk = Desk::default();
    let (ada, works) = (desk.person(0), desk.company(0));
    let one = format!("{OBJECTS}/contacts/{ada}/associations");
    let reply = desk.send("PUT", &format!("{one}/default/companies/{works}"), &Value::Null);
    assert_eq!((reply.status, reply.body["results"].as_array().unwrap().len()), (200, 2));
    assert_eq!(desk.tied("contacts", &ada, "companies"), [(works.clone(), vec![279])]);
    let label = json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1 }]);
    assert_eq!(desk.send("PUT", &format!("{one}/companies/{works}"), &label).status, 201);
    assert_eq!(desk.tied("contacts", &ada, "companies"), [(works.clone(), vec![1, 279])]);
    let cut = desk.send("DELETE", &format!("{one}/companies/{works}"), &Value::Null);
    assert_eq!((cut.status, cut.body), (204, Value::Null));
    assert_eq!(desk.tied("contacts", &ada, "companies"), []);
    let input = json!({
        "properties": { "hs_timestamp": "2026-12-01T09:00:00Z" },
        "associations": [{
            "to": { "id": ada },
            "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204 }],
        }],
    });
    let reply = desk.post(&format!("{OBJECTS}/tasks"), &input);
    let task = reply.body["id"].as_str().unwrap().to_owned();
    assert_eq!(desk.tied("tasks", &task, "contacts"), [(ada.clone(), vec![204])]);
    assert_eq!(desk.tied("contacts", &ada, "tasks"), [(task, vec![203])]);
}

#[test]
fn what_is_archived_is_not_shown_and_a_merge_inherits() {
    let desk = Desk::default();
    let (ada, bob, works, other) =
        (desk.person(0), desk.person(1), desk.company(0), desk.company(1));
    desk.tie("contacts", "companies", &pair(&ada, &works, 1));
    desk.tie("contacts", "companies", &pair(&bob, &other, 1));
    let merged = desk.fake.merge("contacts", &ada, &bob).unwrap();
    // The primary company of the record that wins stays the primary one.
    let expected = vec![(works.clone(), vec![1, 279]), (other.clone(), vec![279])];
    assert_eq!(desk.tied("contacts", &merged, "companies"), expected);
    assert_eq!(desk.tied("contacts", &ada, "companies"), [], "an old id has no ties");
    desk.fake.delete("companies", &works).unwrap();
    assert_eq!(desk.tied("contacts", &merged, "companies"), [(other, vec![279])]);
}

#[test]
fn stamps_move_only_where_the_account_is_said_to_do_so() {
    for stamps in [AssociationStamps::Neither, AssociationStamps::Both] {
        let options = HubSpotOptions { association_stamps: stamps, ..HubSpotOptions::default() };
        let desk = Desk::new(options);
        let (ada, works) = (desk.person(0), desk.company(0));
        let before = desk.fake.record("contacts", &ada).unwrap()["modified"].clone();
        desk.wait(5_000);
        desk.tie("contacts", "companies", &pair(&ada, &works, 1));
        let after = desk.fake.record("contacts", &ada).unwrap()["modified"].clone();
        assert_eq!(before != after, stamps == AssociationStamps::Both);
    }
}

#[test]
fn pages_within_a_row_lead_to_the_end() {
    let desk = Desk::new(HubSpotOptions { association_page: 2, ..HubSpotOptions::default() });
    let works = desk.company(0);
    let people: Vec<String> = (0..5).map(|n| desk.person(n)).collect();
    for ada in &people {
        desk.tie("contacts", "companies", &pair(ada, &works, 1));
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    for _ in 0..3 {
        let inputs = json!({ "inputs": [{ "id": works, "after": after }] });
        let reply = desk.post(&format!("{TIES}/companies/contacts/batch/read"), &inputs);
        let row = &reply.body["results"][0];
        seen.extend(row["to"].as_array().unwrap().iter().map(|to| to["toObjectId"].clone()));
        after = row["paging"]["next"]["after"].clone();
    }
    assert_eq!((seen.len(), &after), (5, &Value::Null));
}

#[test]
fn users_and_stages_come_and_go() {
    let desk = Desk::default();
    let pull = |method: Method, path: &[&str], body: Value| {
        let fields: Fields = body.as_object().cloned().unwrap_or_default();
        desk.fake.lever(&method, path, &fields)
    };
    let deal = desk.make("deals", json!({ "dealname": "D", "dealstage": "closedwon" }));
    let path = format!("{OBJECTS}/deals/{deal}?properties=hs_is_closed_won,pipeline");
    let shown = desk.get(&path).body["properties"].clone();
    assert_eq!(
        (&shown["hs_is_closed_won"], &shown["pipeline"]),
        (&json!("true"), &json!("default"))
    );
    pull(Method::POST, &["pipelines"], json!({ "id": "777", "label": "Parts" })).unwrap();
    let stage = json!({ "id": "778", "label": "Sent", "probability": "0.5", "isClosed": "false" });
    pull(Method::POST, &["pipelines", "777", "stages"], stage).unwrap();
    let path = format!("{OBJECTS}/deals/{deal}");
    assert_eq!(desk.patch(&path, &json!({ "dealstage": "778" })).status, 200);
    pull(Method::DELETE, &["pipelines", "777", "stages", "778"], Value::Null).unwrap();
    assert_eq!(desk.patch(&path, &json!({ "dealstage": "778", "dealname": "E" })).status, 400);
    assert_eq!(desk.patch(&path, &json!({ "hubspot_owner_id": "70001" })).status, 200);
    pull(Method::DELETE, &["owners", "70001"], Value::Null).unwrap();
    assert_eq!(desk.patch(&path, &json!({ "hubspot_owner_id": "70001" })).status, 400);
    let gone = desk.get("/crm/owners/2026-09?archived=true");
    let gone = gone.body["results"].as_array().unwrap();
    assert!(gone.iter().any(|owner| owner["id"] == "70001" && owner["userId"].is_null()));
    assert!(pull(Method::POST, &["weather"], Value::Null).is_err());
}

#[test]
fn activities_have_no_unique_ids_and_do_not_merge() {
    let desk = Desk::default();
    let due = json!({ "hs_timestamp": "2026-12-01T09:00:00Z", "crm_sync_uid": "x" });
    let (one, two) = (desk.make("tasks", due.clone()), desk.make("tasks", due.clone()));
    assert!(desk.fake.merge("tasks", &one, &two).is_err());
    let upsert = json!({ "inputs": [{
        "id": "x", "idProperty": "crm_sync_uid", "properties": due, "objectWriteTraceId": "0",
    }] });
    let reply = desk.post(&format!("{OBJECTS}/tasks/batch/upsert"), &upsert);
    let message = reply.body["errors"][0]["message"].as_str().unwrap();
    assert!(reply.status == 207 && message.contains("not a unique property"), "{reply:?}");
}
