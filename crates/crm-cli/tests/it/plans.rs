//! `crm plan -o FILE` and `crm apply FILE` over sandboxes.

use serde_json::{Value, json};

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::Desk;

const CONFIG: &str = "
[data_flow.contacts]
[data_flow.companies]
[data_flow.deals]
";

fn lines(desk: &Desk, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(desk.folder.path().join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn written(report: &Value) -> u64 {
    let kinds = report["kinds"].as_object().unwrap().values();
    kinds.map(|kind| kind["created"].as_u64().unwrap() + kind["updated"].as_u64().unwrap()).sum()
}

fn make(desk: &Desk, place: &str, record: &Value) -> String {
    desk.ask("POST", place, record)["id"].as_str().unwrap().to_owned()
}

#[test]
fn end_to_end_a_plan_is_written_down_and_applied_to_the_letter() {
    let desk = Desk::with(&["--people", "30", "--seed", "6"]);
    desk.write("crm.toml", CONFIG);
    let place = "/hubspot/records/companies";
    let company = json!({ "name": "Oak Repairs", "domain": "oak-repairs.example" });
    let company = make(&desk, place, &company);
    let deal = json!({ "dealname": "Screen", "amount": "80", "pipeline": "default",
        "dealstage": "appointmentscheduled", "closedate": "2026-12-31" });
    let deal = make(&desk, "/hubspot/records/deals", &deal);
    let end = |kind, id: &str| json!({ "kind": kind, "id": id });
    let tie = json!({ "from": end("deals", &deal), "to": end("companies", &company), "type": 5 });
    desk.ask("POST", "/hubspot/associations", &tie);

    let plan = desk.crm(&["plan", "-o", "first.plan", "--json"]).code(0).json();
    assert!(
        !desk.ask("GET", "/salesforce/records/Account", &Value::Null).to_string().contains("Oak")
    );
    desk.crm(&["plan", "-o", "again.plan"]).code(0);
    let first = lines(&desk, "first.plan");
    assert_eq!(first, lines(&desk, "again.plan"), "the same state gives the same file");
    let items = u64::try_from(first.len() - 2).unwrap();
    assert_eq!(plan["file"]["items"], items);
    assert_eq!(first[0]["crm_plan"], 1);
    assert_eq!(first.last().unwrap()["items"], items);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::metadata(desk.folder.path().join("first.plan")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    desk.crm(&["apply", "first.plan"]).failed("nobody approved", "--yes");
    let done = desk.crm(&["apply", "first.plan", "--yes", "--json"]).code(0).json();
    assert_eq!(
        (done["planned"].as_u64(), done["carried_out"].as_u64()),
        (Some(items), Some(items))
    );
    assert_eq!(written(&done), items, "what is made is what was planned");
    for kind in ["contact", "company", "deal"] {
        for count in ["create", "update"] {
            assert_eq!(done["kinds"][kind][count], plan["kinds"][kind][count], "{kind} {count}");
        }
    }
    let deals = desk.ask("GET", "/salesforce/records/Opportunity", &Value::Null);
    assert!(deals[0]["fields"]["AccountId"].is_string(), "{deals}");
    let again = desk.crm(&["apply", "first.plan", "--yes"]).code(0);
    assert!(again.out.contains("was applied before"), "{again:#?}");

    // Afterwards a plan says what the next sync would do, and writes nothing either.
    desk.crm(&["sync"]);
    let people = desk.shared();
    for (n, email) in people.iter().take(4).enumerate() {
        desk.edit(HubSpot, email, "jobtitle", &format!("Head {n}"));
    }
    let plan = desk.crm(&["plan", "-o", "live.plan", "--json"]).code(0).json();
    assert_eq!(plan["state"], "live");
    assert_eq!(plan["kinds"]["contact"]["update"]["salesforce"]["job_title"], 4, "{plan:#}");
    desk.edit(HubSpot, &people[0], "jobtitle", "Somebody else's");
    let done = desk.crm(&["apply", "live.plan", "--yes", "--json"]).code(3).json();
    assert_eq!((&done["carried_out"], &done["stays"]["moved"]), (&json!(3), &json!(1)), "{done:#}");
    let title = |email: &str| desk.contact(Salesforce, email).unwrap().get("jobtitle").to_owned();
    assert_ne!(title(&people[0]), "Somebody else's");
    assert_eq!(title(&people[1]), "Head 1");
    desk.crm(&["sync"]);
    assert_eq!(title(&people[0]), "Somebody else's");
}

#[test]
fn end_to_end_a_plan_that_does_not_fit_is_refused() {
    let desk = Desk::with(&["--people", "60", "--seed", "7"]);
    desk.write("crm.toml", CONFIG);
    desk.crm(&["plan", "-o", "crm.plan"]).code(0);
    for email in &desk.shared() {
        desk.edit(HubSpot, email, "jobtitle", "Moved");
        desk.edit(Salesforce, email, "jobtitle", "Moved otherwise");
    }
    let count = || desk.contacts(Salesforce).len();
    let before = count();
    let moved = desk.crm(&["apply", "crm.plan", "--yes"]);
    moved.failed("changed since it was made; more than 5", "crm plan -o FILE");
    assert_eq!(count(), before);
    let text = std::fs::read_to_string(desk.folder.path().join("crm.plan")).unwrap();
    desk.write("half.plan", &text[..text.len() / 2]);
    desk.crm(&["apply", "half.plan", "--yes"]).failed("damaged at line", "make a new plan");
    desk.crm(&["apply", "crm.toml", "--yes"]).failed("no plan of crm", "crm plan -o FILE");
    desk.crm(&["apply", "crm.toml"]).failed("no plan of crm", "crm plan -o FILE");
    desk.crm(&["apply", "none.plan", "--yes"]).failed("No such file", "look at the file");
    desk.crm(&["plan", "-o", "no/folder.plan"]).failed("folder.plan", "folder");
    desk.write("crm.toml", &CONFIG.replace("[data_flow.deals]", ""));
    desk.crm(&["apply", "crm.plan", "--yes"]).failed("configuration changed", "make a new plan");
    desk.write("crm.toml", &format!("{CONFIG}[store]\nsqlite = \"other.db\"\n"));
    desk.crm(&["apply", "crm.plan", "--yes"]).failed("this store did not make", "store.sqlite");
}
