//! One account as its users see it, every kind, with references by what people know records by.

use std::collections::{BTreeMap, BTreeSet};

use crm::core::{FieldType, Normalizer, normal};
use serde_json::Value;

use crate::desk::Desk;

/// Records by natural key; ids by natural key.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) records: BTreeMap<String, Entry>,
    keys: BTreeMap<String, String>,
}

/// A record: values in normal form by our names, and whom it refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) id: String,
    /// The vendor's kind.
    pub(super) kind: String,
    pub(super) values: BTreeMap<&'static str, String>,
    /// Natural keys by field; a single reference is a set of one.
    pub(super) ties: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Everything in one account.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) company: Shelf,
    pub(super) contact: Shelf,
    pub(super) deal: Shelf,
    pub(super) activity: Shelf,
}

/// Our name, the vendor's, how it compares.
type Columns = &'static [(&'static str, &'static str, FieldType)];

const TEXT: FieldType = FieldType::Text;
const NUMBER: FieldType = FieldType::Decimal;

const HUBSPOT_COMPANY: Columns = &[
    ("name", "name", TEXT),
    ("phone", "phone", FieldType::Phone),
    ("street", "address", TEXT),
    ("city", "city", TEXT),
    ("country", "country", TEXT),
    ("employees", "numberofemployees", NUMBER),
];
const SALESFORCE_COMPANY: Columns = &[
    ("name", "Name", TEXT),
    ("phone", "Phone", FieldType::Phone),
    ("street", "BillingStreet", TEXT),
    ("city", "BillingCity", TEXT),
    ("country", "BillingCountry", TEXT),
    ("employees", "NumberOfEmployees", NUMBER),
];
const HUBSPOT_CONTACT: Columns = &[
    ("first_name", "firstname", TEXT),
    ("last_name", "lastname", TEXT),
    ("phone", "phone", FieldType::Phone),
    ("company", "company", TEXT),
    ("job_title", "jobtitle", TEXT),
    ("city", "city", TEXT),
    ("postal_code", "zip", TEXT),
];
const SALESFORCE_CONTACT: Columns = &[
    ("first_name", "FirstName", TEXT),
    ("last_name", "LastName", TEXT),
    ("phone", "Phone", FieldType::Phone),
    ("company", "Company_Text__c", TEXT),
    ("job_title", "Title", TEXT),
    ("city", "MailingCity", TEXT),
    ("postal_code", "MailingPostalCode", TEXT),
];
const HUBSPOT_DEAL: Columns = &[
    ("value", "amount", NUMBER),
    ("close", "closedate", FieldType::Date),
    ("description", "description", TEXT),
    ("stage", "dealstage", TEXT),
];
const SALESFORCE_DEAL: Columns = &[
    ("value", "Amount", NUMBER),
    ("close", "CloseDate", FieldType::Date),
    ("description", "Description", TEXT),
    ("stage", "StageName", TEXT),
];
/// Kind, column of the subject, other columns.
const HUBSPOT_ACTIVITIES: &[(&str, &str, Columns)] = &[
    (
        "tasks",
        "hs_task_subject",
        &[
            ("description", "hs_task_body", TEXT),
            ("day", "hs_timestamp", FieldType::Date),
            ("progress", "hs_task_status", TEXT),
        ],
    ),
    (
        "calls",
        "hs_call_title",
        &[
            ("description", "hs_call_body", TEXT),
            ("day", "hs_timestamp", FieldType::Date),
            ("millis", "hs_call_duration", NUMBER),
        ],
    ),
    (
        "meetings",
        "hs_meeting_title",
        &[
            ("description", "hs_meeting_body", TEXT),
            ("at", "hs_timestamp", FieldType::Instant),
            ("ends_at", "hs_meeting_end_time", FieldType::Instant),
            ("location", "hs_meeting_location", TEXT),
        ],
    ),
    (
        "emails",
        "hs_email_subject",
        &[("description", "hs_email_text", TEXT), ("day", "hs_timestamp", FieldType::Date)],
    ),
    ("notes", "hs_note_body", &[("at", "hs_timestamp", FieldType::Instant)]),
];
const TASK: Columns = &[
    ("description", "Description", TEXT),
    ("day", "ActivityDate", FieldType::Date),
    ("progress", "Status", TEXT),
    ("seconds", "CallDurationInSeconds", NUMBER),
];
const EVENT: Columns = &[
    ("description", "Description", TEXT),
    ("at", "StartDateTime", FieldType::Instant),
    ("ends_at", "EndDateTime", FieldType::Instant),
    ("location", "Location", TEXT),
];

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(other.to_string())
        }
    }
}

/// Returns what a value is compared by.
fn form(name: &str, ty: FieldType, text: &str) -> String {
    match (name, ty) {
        ("stage" | "progress", _) => meaning(text).to_owned(),
        ("millis" | "seconds", _) => text.trim_end_matches(".0").to_owned(),
        (_, FieldType::Date) => text.get(..10).unwrap_or(text).to_owned(),
        (_, FieldType::Instant) => normal::instant(text).unwrap().to_string(),
        (_, FieldType::Decimal) => normal::decimal(text).unwrap().normalize().to_string(),
        (_, ty) => match Normalizer::default().text(ty, text) {
            Some(crm::core::Value::Text(text)) => text.key().to_owned(),
            _ => String::new(),
        },
    }
}

/// Returns what a vendor's stage or status means.
fn meaning(text: &str) -> &str {
    match text {
        "appointmentscheduled" | "Prospecting" => "new",
        "presentationscheduled"
        | "decisionmakerboughtin"
        | "contractsent"
        | "Proposal/Price Quote"
        | "Negotiation/Review" => "proposal",
        "closedwon" | "Closed Won" => "won",
        "closedlost" | "Closed Lost" => "lost",
        "qualifiedtobuy"
        | "Qualification"
        | "Needs Analysis"
        | "Value Proposition"
        | "Id. Decision Makers"
        | "Perception Analysis" => "qualified",
        "NOT_STARTED" | "Not Started" => "open",
        "COMPLETED" | "Completed" => "done",
        other => other,
    }
}

fn values(fields: &Value, columns: Columns) -> BTreeMap<&'static str, String> {
    let value = |(name, column, ty): &(&'static str, &str, FieldType)| {
        let text = form(name, *ty, &text(&fields[*column])?);
        // One vendor counts milliseconds.
        Some(match *name {
            "millis" => ("seconds", (text.parse::<u64>().unwrap() / 1_000).to_string()),
            name => (name, text),
        })
    };
    columns.iter().filter_map(value).filter(|(_, text)| !text.is_empty()).collect()
}

impl Shelf {
    fn add(&mut self, key: &str, entry: Entry, uid: &Value, uids: &mut BTreeSet<String>) {
        if let Some(uid) = text(uid) {
            assert!(uids.insert(uid.clone()), "uid {uid} is there twice: {entry:?}");
        }
        self.keys.insert(entry.id.clone(), key.to_owned());
        let before = self.records.insert(key.to_owned(), entry);
        assert!(before.is_none(), "{key} is there twice: {before:?}, {:?}", self.records[key]);
    }

    /// Returns the natural key of an id; a reference that leads nowhere dangles.
    #[track_caller]
    fn known(&self, id: &str, from: &str) -> String {
        let key = self.keys.get(id);
        key.unwrap_or_else(|| panic!("{from} refers to {id}, which is not there")).clone()
    }
}

struct Reader<'d> {
    desk: &'d Desk,
    account: &'d str,
}

impl Reader<'_> {
    fn rows(&self, kind: &str) -> Vec<(String, Value)> {
        let rows = self.desk.ask("GET", &format!("/{}/records/{kind}", self.account), &Value::Null);
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row["fields"].clone())).collect()
    }

    /// Returns whom the records of a kind are tied to, by one type of tie or any.
    fn ties(&self, kind: &str, to: &str, label: Option<u64>) -> BTreeMap<String, Vec<String>> {
        let path = format!("/{}/associations/{kind}/{to}", self.account);
        let rows = self.desk.ask("GET", &path, &Value::Null);
        let tied = |row: &Value| {
            let fits = |tie: &&Value| {
                label.is_none_or(|label| tie["types"].as_array().unwrap().contains(&label.into()))
            };
            let ties = row["to"].as_array().unwrap().iter().filter(fits);
            ties.map(|tie| tie["id"].as_str().unwrap().to_owned()).collect()
        };
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row["id"].as_str().unwrap().to_owned(), tied(row))).collect()
    }
}

fn domain(fields: &Value, columns: [&str; 2]) -> String {
    let domain = columns.iter().find_map(|column| text(&fields[*column]));
    normal::domain(&domain.unwrap_or_else(|| panic!("no domain: {fields}")))
}

/// Reads an account.
pub(super) fn read(desk: &Desk, account: &str) -> Book {
    let reader = Reader { desk, account };
    if account.starts_with("salesforce") { salesforce(&reader) } else { hubspot(&reader) }
}

fn hubspot(reader: &Reader<'_>) -> Book {
    let mut book = Book::default();
    let uid = "crm_sync_uid";
    let mut uids = BTreeSet::new();
    let entry = |id: String, kind: &str, fields: &Value, columns| Entry {
        id,
        kind: kind.to_owned(),
        values: values(fields, columns),
        ties: BTreeMap::new(),
    };
    for (id, fields) in reader.rows("companies") {
        let key = domain(&fields, ["domain", "website"]);
        let entry = entry(id, "companies", &fields, HUBSPOT_COMPANY);
        book.company.add(&key, entry, &fields[uid], &mut uids);
    }
    for (id, fields) in reader.rows("contacts") {
        let key = text(&fields["email"]).unwrap();
        let entry = entry(id, "contacts", &fields, HUBSPOT_CONTACT);
        book.contact.add(&key, entry, &fields[uid], &mut uids);
    }
    for (id, fields) in reader.rows("deals") {
        let key = text(&fields["dealname"]).unwrap();
        let entry = entry(id, "deals", &fields, HUBSPOT_DEAL);
        book.deal.add(&key, entry, &fields[uid], &mut uids);
    }
    for (kind, subject, columns) in HUBSPOT_ACTIVITIES {
        for (id, fields) in reader.rows(kind) {
            let key = text(&fields[*subject]).unwrap();
            let entry = entry(id, kind, &fields, columns);
            book.activity.add(&key, entry, &fields[uid], &mut uids);
        }
    }
    let (company, contact, deal) = (book.company.clone(), book.contact.clone(), book.deal.clone());
    let tie = |shelf: &mut Shelf, kind: &str, field, (to, known, label): (&str, &Shelf, _)| {
        let mut ties = reader.ties(kind, to, label);
        for (key, entry) in shelf.records.iter_mut().filter(|(_, entry)| entry.kind == kind) {
            let ids = ties.remove(&entry.id).unwrap_or_default();
            entry.ties.insert(field, ids.iter().map(|id| known.known(id, key)).collect());
        }
    };
    tie(&mut book.contact, "contacts", "company_ref", ("companies", &company, Some(1)));
    tie(&mut book.deal, "deals", "company_ref", ("companies", &company, Some(5)));
    tie(&mut book.deal, "deals", "contacts", ("contacts", &contact, None));
    for (kind, ..) in HUBSPOT_ACTIVITIES {
        tie(&mut book.activity, kind, "contacts", ("contacts", &contact, None));
        tie(&mut book.activity, kind, "company_ref", ("companies", &company, None));
        tie(&mut book.activity, kind, "deal", ("deals", &deal, None));
    }
    book
}

fn salesforce(reader: &Reader<'_>) -> Book {
    let mut book = Book::default();
    let uid = "Crm_Sync_Uid__c";
    let mut uids = BTreeSet::new();
    let set = |key: Option<String>| key.into_iter().collect::<BTreeSet<String>>();
    for (id, fields) in reader.rows("Account") {
        let key = domain(&fields, ["Website", "Website"]);
        let values = values(&fields, SALESFORCE_COMPANY);
        let entry = Entry { id, kind: "Account".to_owned(), values, ties: BTreeMap::new() };
        book.company.add(&key, entry, &fields[uid], &mut uids);
    }
    for (id, fields) in reader.rows("Contact") {
        let key = text(&fields["Email"]).unwrap();
        let company = text(&fields["AccountId"]).map(|id| book.company.known(&id, &key));
        let ties = BTreeMap::from([("company_ref", set(company))]);
        let mut values = values(&fields, SALESFORCE_CONTACT);
        // A filler where the vendor insists, known nowhere else.
        values.retain(|_, text| text != "(none)");
        let entry = Entry { id, kind: "Contact".to_owned(), values, ties };
        book.contact.add(&key, entry, &fields[uid], &mut uids);
    }
    let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, fields) in reader.rows("OpportunityContactRole") {
        let (deal, person) = (text(&fields["OpportunityId"]), text(&fields["ContactId"]));
        let person = book.contact.known(&person.unwrap(), "a role");
        roles.entry(deal.unwrap()).or_default().insert(person);
    }
    for (id, fields) in reader.rows("Opportunity") {
        let key = text(&fields["Name"]).unwrap();
        let company = text(&fields["AccountId"]).map(|id| book.company.known(&id, &key));
        let people = roles.remove(&id).unwrap_or_default();
        let ties = BTreeMap::from([("company_ref", set(company)), ("contacts", people)]);
        let values = values(&fields, SALESFORCE_DEAL);
        let entry = Entry { id, kind: "Opportunity".to_owned(), values, ties };
        book.deal.add(&key, entry, &fields[uid], &mut uids);
    }
    assert!(roles.is_empty(), "people of deals that are not there: {roles:?}");
    for (kind, columns) in [("Task", TASK), ("Event", EVENT)] {
        for (id, fields) in reader.rows(kind) {
            let key = text(&fields["Subject"]).unwrap();
            let who = text(&fields["WhoId"]).map(|id| book.contact.known(&id, &key));
            let what = text(&fields["WhatId"]);
            let deal = what.as_ref().filter(|id| id.starts_with("006"));
            let deal = deal.map(|id| book.deal.known(id, &key));
            let company = what.as_ref().filter(|id| id.starts_with("001"));
            let company = company.map(|id| book.company.known(id, &key));
            let ties = BTreeMap::from([
                ("contacts", set(who)),
                ("deal", set(deal)),
                ("company_ref", set(company)),
            ]);
            let mut values = values(&fields, columns);
            if text(&fields["TaskSubtype"]).is_some_and(|subtype| subtype != "Task") {
                // What a call or an e-mail is elsewhere has no status.
                values.remove("progress");
            }
            let entry = Entry { id, kind: kind.to_owned(), values, ties };
            book.activity.add(&key, entry, &fields[uid], &mut uids);
        }
    }
    book
}
