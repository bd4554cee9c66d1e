//! People from a file reach the other account, and edits and deletions do what they should.

use serde_json::Value;
use tempfile::TempDir;

use crate::accounts::{HubSpot, Salesforce};
use crate::desk::{Desk, writes};

/// Invented people; the second spelling of é is a letter and an accent.
const PEOPLE: &str = "\
FirstName,LastName,Company,Address,City,State,Country,PostalCode,Phone,Email
František,Wichterle,Tatra Optics s.r.o.,Klanova 9/506,Prague,,Czech Republic,14700,+420 2 4172 5555,frantisek@tatra-optics.example
Bjørn,Hansen,,Ullevålsveien 14,Oslo,,Norway,0171,+47 22 44 22 22,bjorn.hansen@fjordmail.example
Renée,Dubois,\"Dubois, Frères\",\"11, Place Bellecour\",Lyon,,France,69002,+33 04 78 30 30 30,renee@dubois.example
Zoë,O'Neill,Bright Repairs,3 Chatham Street,Dublin,Dublin,Ireland,D02,+353 01 6792424,zoe@bright.example
José,García,Banco del Río,C/ San Bernardo 85,Madrid,,Spain,28015,+34 91 454 5454,jose@banco.example
Leonie,Köhler,,Theodor-Heuss-Straße 34,Stuttgart,,Germany,70174,+49 0711 2842222,leonie@koehler.example
Emma,Jones,\"The \"\"Old\"\" Forge\",202 Hoxton Street,London,,United Kingdom,N1 5LH,020 7123 4567,emma@forge.example
";

fn desk() -> Desk {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("people.csv"), PEOPLE).unwrap();
    Desk::at(folder, &["--load", "hubspot=people.csv"])
}

#[test]
fn end_to_end_people_of_a_file_arrive_as_they_are_written() {
    let desk = desk();
    let plan = desk.crm(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["state"], "planned");
    assert_eq!(plan["kinds"]["contact"]["create"]["salesforce"], 7, "{plan:#}");
    assert!(desk.contacts(Salesforce).is_empty(), "a plan writes nothing");

    desk.crm(&["sync"]).failed("no approved plan", "crm sync --yes");
    assert!(desk.contacts(Salesforce).is_empty(), "nothing is written without approval");

    let report = desk.sync();
    assert_eq!(report["state"], "success");
    assert_eq!(report["kinds"]["contact"]["created"], 7);
    let nfc = [
        ("frantisek@tatra-optics.example", "firstname", "František"),
        ("frantisek@tatra-optics.example", "phone", "+420 2 4172 5555"),
        ("frantisek@tatra-optics.example", "company", "Tatra Optics s.r.o."),
        ("bjorn.hansen@fjordmail.example", "firstname", "Bjørn"),
        ("bjorn.hansen@fjordmail.example", "zip", "0171"),
        ("bjorn.hansen@fjordmail.example", "company", ""),
        ("renee@dubois.example", "company", "Dubois, Frères"),
        ("zoe@bright.example", "lastname", "O'Neill"),
        ("jose@banco.example", "lastname", "García"),
        ("leonie@koehler.example", "phone", "+49 0711 2842222"),
        ("emma@forge.example", "company", "The \"Old\" Forge"),
        ("emma@forge.example", "phone", "020 7123 4567"),
    ];
    for (email, field, text) in nfc {
        let contact = desk.contact(Salesforce, email).unwrap_or_else(|| panic!("{email}"));
        assert_eq!(contact.get(field), text, "{field} of {email}");
    }
    assert_eq!(desk.agree(), 7);

    let again = desk.sync();
    assert_eq!(writes(&again), 0, "{again:#}");
    let status = desk.crm(&["status", "--json"]).code(0).json();
    assert_eq!(status["kinds"]["contact"]["stage"], "live");
    assert_eq!(status["kinds"]["contact"]["links"]["salesforce"]["live"], 7);
    let runs = status["runs"].as_array().unwrap();
    assert_eq!(
        (&runs[1]["counters"]["created"], &runs[1]["status"]),
        (&7.into(), &"success".into())
    );
}

#[test]
fn end_to_end_edits_of_different_fields_both_survive() {
    let desk = desk();
    desk.sync();
    desk.edit(HubSpot, "zoe@bright.example", "jobtitle", "Workshop Lead");
    desk.edit(Salesforce, "zoe@bright.example", "city", "Cork");
    desk.edit(Salesforce, "jose@banco.example", "phone", "+34 91 454 0000");
    let report = desk.sync();
    assert_eq!(report["conflicts"].as_array().unwrap().len(), 0, "{report:#}");
    for account in [HubSpot, Salesforce] {
        let zoe = desk.contact(account, "zoe@bright.example").unwrap();
        assert_eq!((zoe.get("jobtitle"), zoe.get("city")), ("Workshop Lead", "Cork"));
        assert_eq!(
            desk.contact(account, "jose@banco.example").unwrap().get("phone"),
            "+34 91 454 0000"
        );
    }
    assert_eq!(desk.agree(), 7);
    assert_eq!(writes(&desk.sync()), 0);
}

#[test]
fn end_to_end_edits_of_the_same_field_follow_the_policy_and_show_the_loser() {
    let desk = desk();
    desk.write(
        "crm.toml",
        "first_sync = \"auto\"\n[data_flow.contacts.policy]\ncity = \"secondary_wins\"\n\
         company = \"manual\"\n",
    );
    desk.crm(&["sync"]).code(0);
    for (account, title, city, company) in
        [(HubSpot, "Buyer", "Bath", "Forge Ltd"), (Salesforce, "Seller", "York", "Forge plc")]
    {
        desk.edit(account, "emma@forge.example", "jobtitle", title);
        desk.edit(account, "emma@forge.example", "city", city);
        desk.edit(account, "emma@forge.example", "company", company);
    }
    let report = desk.crm(&["sync", "--json"]).code(3).json();
    assert_eq!(report["state"], "partial");
    assert_eq!(report["kinds"]["contact"]["open_conflicts"], 1);
    for account in [HubSpot, Salesforce] {
        let emma = desk.contact(account, "emma@forge.example").unwrap();
        assert_eq!((emma.get("jobtitle"), emma.get("city")), ("Buyer", "York"));
    }
    let company = |account| desk.contact(account, "emma@forge.example").unwrap();
    assert_eq!(company(HubSpot).get("company"), "Forge Ltd", "nobody decided");
    assert_eq!(company(Salesforce).get("company"), "Forge plc", "nobody decided");

    let status = desk.crm(&["status", "--json"]).code(0).json();
    let conflicts = status["conflicts"].as_array().unwrap();
    let about = |field: &str| conflicts.iter().find(|conflict| conflict["field"] == field).unwrap();
    let (title, city, company) = (about("job_title"), about("city"), about("company"));
    assert!(title["name"].as_str().unwrap().contains("Emma"), "{title:#}");
    assert_eq!((&title["chosen"], &title["rule"]), (&"Buyer".into(), &"primary_wins".into()));
    assert_eq!(title["losers"][0]["provider"], "salesforce");
    assert_eq!(title["losers"][0]["value"], "Seller");
    assert!(title["losers"][0]["at"].is_string(), "{title:#}");
    assert_eq!(
        (&city["winner"], &city["losers"][0]["value"]),
        (&"salesforce".into(), &"Bath".into())
    );
    assert_eq!(
        (&company["state"], &company["losers"]),
        (&"open".into(), &Value::Array(Vec::new()))
    );
    let table = desk.crm(&["status"]).code(0).out;
    assert!(table.contains("salesforce: Seller"), "{table}");
}

#[test]
fn end_to_end_a_deleted_contact_is_unlinked_and_stays_deleted() {
    let desk = desk();
    desk.sync();
    desk.delete(HubSpot, "emma@forge.example");
    desk.delete(Salesforce, "jose@banco.example");
    let report = desk.sync();
    assert_eq!((writes(&report), &report["kinds"]["contact"]["unlinked"]), (0, &2.into()));
    assert!(desk.contact(Salesforce, "emma@forge.example").is_some(), "unlinked, not deleted");
    assert!(desk.contact(HubSpot, "jose@banco.example").is_some(), "unlinked, not deleted");

    desk.edit(Salesforce, "emma@forge.example", "city", "Leeds");
    desk.edit(HubSpot, "jose@banco.example", "city", "Vigo");
    let report = desk.sync();
    assert_eq!(writes(&report), 0, "{report:#}");
    assert!(desk.contact(HubSpot, "emma@forge.example").is_none(), "not made again");
    assert!(desk.contact(Salesforce, "jose@banco.example").is_none(), "not made again");
    let status = desk.crm(&["status", "--json"]).code(0).json();
    assert_eq!(status["kinds"]["contact"]["links"]["hubspot"]["gone"], 1, "{status:#}");
}

#[test]
fn end_to_end_directions_and_fields_bind_what_is_written() {
    let desk = desk();
    desk.write(
        "crm.toml",
        "[data_flow.contacts]\ndirection = \"from_primary\"\n\
         fields = [\"firstName\", \"lastName\", \"email\", \"phone\"]\n",
    );
    desk.sync();
    let emma = desk.contact(Salesforce, "emma@forge.example").unwrap();
    assert_eq!(
        (emma.get("phone"), emma.get("company"), emma.get("city")),
        ("020 7123 4567", "", "")
    );
    desk.edit(Salesforce, "emma@forge.example", "lastname", "Smith");
    desk.edit(HubSpot, "zoe@bright.example", "city", "Cork");
    let report = desk.sync();
    assert_eq!(report["calls"]["hubspot"]["writes"], 0, "the primary is never written");
    assert_eq!(desk.contact(HubSpot, "emma@forge.example").unwrap().get("lastname"), "Jones");
    assert_eq!(desk.contact(Salesforce, "zoe@bright.example").unwrap().get("city"), "");
}

#[test]
fn end_to_end_what_is_switched_off_makes_no_request() {
    let desk = desk();
    desk.write("crm.toml", "[dataFlow.contacts]\nenabled = false\n");
    let done = desk.crm(&["sync", "--yes"]).code(0);
    assert!(done.err.contains("note: nothing is enabled"), "{}", done.err);
    for account in [HubSpot, Salesforce] {
        assert_eq!(desk.requests(account.name()), 0, "{:#}", desk.counters(account.name()));
    }
}
