//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{ErrorKind, Field, ObjectKind, Result, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_salesforce::REGISTRATION;
use crm_testkit::contract::provider::{
    Connect, Credentials, Deed, FormOf, Harness, Merging, Room, StageOf, Target, Tied, User,
};
use crm_testkit::dialect::salesforce::{SalesforceFake, SalesforceOptions};
use crm_testkit::fake::{Bin, Fake};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;

/// The people of deals.
pub(crate) const ROLES: &str = "OpportunityContactRole";

/// Returns a harness over a fake with the usual options.
pub(crate) fn harness() -> Harness {
    with(SalesforceOptions::default()).0
}

/// Returns a harness over a fake whose time passes only where a test says so.
pub(crate) fn at(start: &str, options: SalesforceOptions) -> Harness {
    over(&contacts(), options, &FakeClock::manual(start.parse().unwrap())).0
}

/// Returns a harness over a fake with these options, and the fake itself.
pub(crate) fn with(options: SalesforceOptions) -> (Harness, Arc<SalesforceFake>) {
    over(&contacts(), options, &FakeClock::running(SCALE))
}

/// Returns a harness for companies.
pub(crate) fn company_harness() -> Harness {
    usual(&companies())
}

/// Returns a harness for deals.
pub(crate) fn deal_harness() -> Harness {
    usual(&deals())
}

/// Returns a harness for tasks.
pub(crate) fn task_harness() -> Harness {
    usual(&activities("task", "Task", "00T000000000zzzEAA"))
}

/// Returns a harness for meetings.
pub(crate) fn meeting_harness() -> Harness {
    usual(&activities("meeting", "Event", "00U000000000zzzEAA"))
}

fn usual(room: &Room) -> Harness {
    over(room, SalesforceOptions::default(), &FakeClock::running(SCALE)).0
}

/// Returns a harness over a fake with these options, for a kind.
pub(crate) fn of(kind: ObjectKind, options: SalesforceOptions) -> (Harness, Arc<SalesforceFake>) {
    let room = match kind {
        ObjectKind::Company => companies(),
        ObjectKind::Contact => contacts(),
        ObjectKind::Deal => deals(),
        ObjectKind::Activity => activities("task", "Task", "00T000000000zzzEAA"),
    };
    over(&room, options, &FakeClock::running(SCALE))
}

fn over(
    room: &Room,
    options: SalesforceOptions,
    clock: &FakeClock,
) -> (Harness, Arc<SalesforceFake>) {
    let fake = Arc::new(SalesforceFake::new(options, clock.clone(), SEED));
    let users = fake.records("User", Bin::Live).unwrap();
    // The suite takes what lasts; a test process does not last long.
    let text = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let user = |row: &Value| User {
        id: text(&row["id"]),
        email: text(&row["fields"]["Email"]),
        active: row["fields"]["IsActive"] == true,
    };
    let users: Vec<User> = users.iter().map(user).collect();
    let room = Room {
        users: users.leak(),
        tie: tied,
        any_path: "/composite/sobjects",
        update_path: "/composite/sobjects",
        ..room.clone()
    };
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
}

const NO_COMPANY: &str = "001000000000zzzAAA";
const NO_CONTACT: &str = "003000000000zzzAAA";
const NO_DEAL: &str = "006000000000zzzAAA";

const fn target(field: Field, table: &'static str, nobody: &'static str) -> Target {
    Target { field, table, nobody }
}

const COMPANY: &[Target] = &[target(Field::COMPANY_REF, "Account", NO_COMPANY)];
const PARENT: &[Target] = &[target(Field::PARENT, "Account", NO_COMPANY)];
const COMPANY_AND_PEOPLE: &[Target] = &[
    target(Field::COMPANY_REF, "Account", NO_COMPANY),
    target(Field::CONTACTS, "Contact", NO_CONTACT),
];
const TIES: &[Target] = &[
    target(Field::CONTACTS, "Contact", NO_CONTACT),
    target(Field::COMPANY_REF, "Account", NO_COMPANY),
    target(Field::DEAL, "Opportunity", NO_DEAL),
];
const FORMS: &[FormOf] =
    &[form("task", "Task"), form("call", "Task"), form("email", "Task"), form("meeting", "Event")];

fn contacts() -> Room {
    Room {
        nobody: NO_CONTACT,
        read_path: "/composite/sobjects/Contact",
        create_path: "/composite/sobjects/Contact/",
        targets: COMPANY,
        ..Room::of(ObjectKind::Contact, "Contact")
    }
}

fn companies() -> Room {
    Room {
        nobody: NO_COMPANY,
        read_path: "/composite/sobjects/Account",
        create_path: "/composite/sobjects/Account/",
        targets: PARENT,
        ..Room::of(ObjectKind::Company, "Account")
    }
}

fn deals() -> Room {
    Room {
        nobody: NO_DEAL,
        read_path: "/composite/sobjects/Opportunity",
        create_path: "/composite/sobjects/Opportunity/",
        seeded: DEAL,
        merging: Merging::Impossible,
        streams: 2,
        deletion_streams: Some(1),
        targets: COMPANY_AND_PEOPLE,
        stages: STAGES,
        ..Room::of(ObjectKind::Deal, "Opportunity")
    }
}

/// What every deal has, and the suite's members do not say.
const DEAL: &[(&str, &str)] = &[("StageName", "Qualification"), ("CloseDate", "2027-03-01")];

const fn stage(stored: &'static str, ours: &'static str) -> StageOf {
    StageOf { stored, ours }
}

const STAGES: &[StageOf] = &[
    stage("Prospecting", "new"),
    stage("Qualification", "qualified"),
    stage("Needs Analysis", "qualified"),
    stage("Value Proposition", "qualified"),
    stage("Id. Decision Makers", "qualified"),
    stage("Perception Analysis", "qualified"),
    stage("Proposal/Price Quote", "proposal"),
    stage("Negotiation/Review", "proposal"),
    stage("Closed Won", "closed_won"),
    stage("Closed Lost", "closed_lost"),
];

const fn form(variant: &'static str, table: &'static str) -> FormOf {
    FormOf { variant, table, id_prefix: "" }
}

fn activities(variant: &'static str, table: &'static str, nobody: &'static str) -> Room {
    Room {
        variant: Some(variant),
        nobody,
        read_path: if table == "Task" {
            "/composite/sobjects/Task"
        } else {
            "/composite/sobjects/Event"
        },
        create_path: "/composite/sobjects",
        seeded_targets: &[("Opportunity", DEAL)],
        merging: Merging::Impossible,
        streams: 2,
        forms: FORMS,
        targets: TIES,
        ..Room::of(ObjectKind::Activity, table)
    }
}

/// What a user does in the pages of the org to tie two records.
fn tied(tied: &Tied<'_>) {
    if (tied.table, tied.field) == ("Opportunity", Field::CONTACTS) {
        return role(tied);
    }
    let column = match (tied.table, tied.target_table) {
        ("Account", _) => "ParentId",
        ("Task" | "Event", "Contact") => "WhoId",
        ("Task" | "Event", _) => "WhatId",
        _ => "AccountId",
    };
    let value = match tied.deed {
        Deed::Make => json!(tied.target),
        Deed::Cut => Value::Null,
    };
    let members = json!({ column: value });
    tied.fake.patch(tied.table, tied.id, members.as_object().unwrap()).unwrap();
}

fn role(tied: &Tied<'_>) {
    if tied.deed == Deed::Make {
        let members = json!({ "OpportunityId": tied.id, "ContactId": tied.target });
        tied.fake.create(ROLES, members.as_object().unwrap()).unwrap();
        return;
    }
    for row in tied.fake.records(ROLES, Bin::Live).unwrap() {
        let fields = &row["fields"];
        if fields["OpportunityId"] == tied.id && fields["ContactId"] == tied.target {
            tied.fake.delete(ROLES, row["id"].as_str().unwrap()).unwrap();
        }
    }
}

fn connect(connect: &Connect) -> SharedProvider {
    let secret = match connect.credentials {
        Credentials::Right => "sandbox-secret",
        Credentials::Wrong => "another-secret",
    };
    let settings = json!({ "client_id": "sandbox-client", "client_secret": secret });
    guard(open(connect, &settings).unwrap())
}

/// Opens a connection to the harness's fake with these settings beside the URL.
pub(crate) fn opened(harness: &Harness, settings: &Value) -> SharedProvider {
    open(&harness.way(Credentials::Right), settings).unwrap()
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> Result<SharedProvider> {
    let mut settings = settings.clone();
    settings["base_url"] = json!(connect.url);
    open_with(connect, &settings)
}

/// Opens a connection with these settings alone.
pub(crate) fn open_with(connect: &Connect, settings: &Value) -> Result<SharedProvider> {
    let mut setup = Setup::new("salesforce", Arc::clone(&connect.clock));
    // The quotas of these tests are small, and nobody else uses them.
    setup.quota_reserve = 0;
    setup.settings = settings.as_object().unwrap().clone();
    (REGISTRATION.open)(setup)
}

/// Returns how often the org was surveyed.
pub(crate) fn surveys(harness: &Harness) -> u64 {
    let counters = harness.fake.counters();
    counters.endpoints.get("POST /services/data/composite").map_or(0, |endpoint| endpoint.requests)
}

/// Returns the kind of an error that must be there.
pub(crate) fn failure<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}
