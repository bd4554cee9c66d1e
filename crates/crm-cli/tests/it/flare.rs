//! HubSpot and Salesflare in step: every kind, both ways, until nothing is left to write.

use serde_json::{Value, json};

use crate::desk::Desk;

const CONFIG: &str = "
primary = \"hubspot\"
secondary = [\"salesflare\"]
[data_flow.companies]
[data_flow.contacts]
[data_flow.deals]
[data_flow.activities]
";

fn rows(desk: &Desk, place: &str) -> Vec<Value> {
    desk.ask("GET", place, &Value::Null).as_array().unwrap().clone()
}

/// Returns the id and the fields of the one record whose field has that value.
fn found(desk: &Desk, place: &str, field: &str, value: &str) -> (String, Value) {
    let rows = rows(desk, place);
    let mut fitting = rows.iter().filter(|row| {
        // What a room signs stands below what a person wrote.
        row["fields"][field].as_str().is_some_and(|text| text.lines().next() == Some(value))
    });
    let row = fitting.next().unwrap_or_else(|| panic!("{value} in {rows:#?}"));
    assert_eq!(fitting.next(), None, "{value} is there twice");
    (row["id"].as_str().unwrap().to_owned(), row["fields"].clone())
}

fn make(desk: &Desk, place: &str, record: &Value) -> String {
    desk.ask("POST", place, record)["id"].as_str().unwrap().to_owned()
}

fn written(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().unwrap().values();
    kinds.map(|kind| kind["created"].as_u64().unwrap() + kind["updated"].as_u64().unwrap()).sum()
}

fn settled(desk: &Desk) -> Value {
    for _ in 0..4 {
        let done = desk.crm(&["sync", "--yes", "--json"]);
        assert!(matches!(done.code, Some(0 | 3)), "{done:#?}");
        let report = done.json();
        if written(&report) == 0 {
            return report;
        }
    }
    panic!("the sides do not come to rest");
}

/// Returns addresses with name, telephone number in digits, and city.
fn people(desk: &Desk, place: &str, names: [&str; 5]) -> Vec<[String; 5]> {
    let text =
        |row: &Value, name: &str| row["fields"][name].as_str().unwrap_or_default().to_owned();
    let person = |row: &Value| {
        let mut person = names.map(|name| text(row, name));
        person[3].retain(|letter| letter.is_ascii_digit());
        person
    };
    let mut people: Vec<[String; 5]> = rows(desk, place).iter().map(person).collect();
    people.sort();
    people
}

#[test]
fn end_to_end_hubspot_and_salesflare_are_brought_in_step() {
    let kinds = "company,contact,deal,activity";
    let providers = "hubspot,salesflare";
    // In good weather, and fifty times as fast: Salesflare is asked slowly.
    let pace = ["--faults", "calm"];
    let what = ["--people", "24", "--seed", "4", "--providers", providers, "--kinds", kinds];
    let more = [&what[..], &pace[..]].concat();
    let desk = Desk::with(&more);
    desk.write("crm.toml", CONFIG);
    let told = desk.crm(&["check"]);
    assert!(matches!(told.code, Some(0 | 3)), "{told:#?}");
    settled(&desk);
    let hubspot = ["email", "firstname", "lastname", "phone", "city"];
    let salesflare = ["email", "firstname", "lastname", "phone_number", "address.city"];
    let here = people(&desk, "/hubspot/records/contacts", hubspot);
    assert_eq!(here, people(&desk, "/salesflare/records/contacts", salesflare));
    assert!(here.len() >= 20, "{here:#?}");

    // In HubSpot: a company with a deal about a person, and a task.
    let company = json!({ "name": "Oak Repairs", "domain": "oak-repairs.example" });
    let company = make(&desk, "/hubspot/records/companies", &company);
    let (person, _) = found(&desk, "/hubspot/records/contacts", "email", &here[0][0]);
    let deal = json!({ "dealname": "Screen", "amount": "80", "pipeline": "default",
        "dealstage": "presentationscheduled", "closedate": "2026-12-31" });
    let deal = make(&desk, "/hubspot/records/deals", &deal);
    let task = json!({ "hs_task_subject": "Call Oak back", "hs_task_status": "WAITING",
        "hs_timestamp": "2026-12-01T09:00:00Z" });
    let task = make(&desk, "/hubspot/records/tasks", &task);
    for (from, to, label) in [
        (("deals", &deal), ("companies", &company), 5),
        (("deals", &deal), ("contacts", &person), 3),
        (("tasks", &task), ("companies", &company), 192),
    ] {
        let end = |(kind, id): (&str, &String)| json!({ "kind": kind, "id": id });
        let body = json!({ "from": end(from), "to": end(to), "type": label });
        desk.ask("POST", "/hubspot/associations", &body);
    }
    // In Salesflare: the same, and an edit of a person.
    let account = json!({ "name": "Birch Works", "domain": "birch.example" });
    let account = make(&desk, "/salesflare/records/accounts", &account);
    let opportunity = json!({ "name": "Battery", "stage": "485", "value": "45",
        "close_date": "2026-12-30", "account": account });
    make(&desk, "/salesflare/records/opportunities", &opportunity);
    let visit = json!({ "description": "Visit Birch", "account": account,
        "reminder_date": "2026-12-02T10:00:00.000Z" });
    make(&desk, "/salesflare/records/tasks", &visit);
    let (there, _) = found(&desk, "/salesflare/records/contacts", "email", &here[0][0]);
    let moved = json!({ "address.city": "Aarhus" });
    desk.ask("PATCH", &format!("/salesflare/records/contacts/{there}"), &moved);
    settled(&desk);

    let (account, _) = found(&desk, "/salesflare/records/accounts", "name", "Oak Repairs");
    let (_, deal) = found(&desk, "/salesflare/records/opportunities", "name", "Screen");
    assert_eq!(deal["account"], account.as_str());
    assert_eq!(deal["main_contact"], there.as_str());
    assert_eq!((&deal["stage"], &deal["value"]), (&json!("484"), &json!("80")));
    let (_, task) = found(&desk, "/salesflare/records/tasks", "description", "Call Oak back");
    assert_eq!(task["account"], account.as_str());
    assert_eq!(task["reminder_date"], "2026-12-01T09:00:00.000Z");
    // Salesflare knows only done and not done: that HubSpot's task waits is no edit to undo.
    let (_, task) = found(&desk, "/hubspot/records/tasks", "hs_task_subject", "Call Oak back");
    assert_eq!(task["hs_task_status"], "WAITING");

    let (company, _) = found(&desk, "/hubspot/records/companies", "name", "Birch Works");
    let (deal, fields) = found(&desk, "/hubspot/records/deals", "dealname", "Battery");
    assert_eq!(fields["dealstage"], "closedwon");
    let tied = rows(&desk, &format!("/hubspot/associations/deals/{deal}/companies"));
    assert_eq!(tied[0]["id"], company.as_str());
    found(&desk, "/hubspot/records/tasks", "hs_task_subject", "Visit Birch");
    let (_, fields) = found(&desk, "/hubspot/records/contacts", "email", &here[0][0]);
    assert_eq!(fields["city"], "Aarhus");

    // Nobody asked more of Salesflare than it allows.
    let quotas = &desk.counters("salesflare")["quotas"];
    assert_eq!(quotas["burst"]["exceeded"], 0, "{quotas}");
}
