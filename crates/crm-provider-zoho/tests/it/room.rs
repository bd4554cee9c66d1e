//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{ErrorKind, Field, ObjectKind, Result, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_zoho::REGISTRATION;
use crm_testkit::contract::provider::{
    Connect, Credentials, Deed, FormOf, Harness, Merging, Room, StageOf, Target, Tied, User,
};
use crm_testkit::dialect::zoho::{ZohoFake, ZohoOptions};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;
/// An id of the vendor's form that no record has.
const NOBODY: &str = "7100000000000399998";

/// Returns a harness over a fake with the usual options.
pub(crate) fn harness() -> Harness {
    with(ZohoOptions::default()).0
}

/// Returns a harness over a fake whose time passes only where a test says so.
pub(crate) fn at(start: &str, options: ZohoOptions) -> (Harness, Arc<ZohoFake>) {
    over(&contacts(), options, &FakeClock::manual(start.parse().unwrap()))
}

/// Returns a harness over a fake with these options, and the fake itself.
pub(crate) fn with(options: ZohoOptions) -> (Harness, Arc<ZohoFake>) {
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
    usual(&tasks())
}

/// Returns a harness for calls.
pub(crate) fn call_harness() -> Harness {
    usual(&Room {
        variant: Some("call"),
        id_prefix: "Calls/",
        nobody: "Calls/7100000000000399998",
        any_path: "/crm/v8/Calls",
        read_path: "/crm/v8/Calls",
        create_path: "/crm/v8/Calls",
        update_path: "/crm/v8/Calls",
        ..activities("Calls")
    })
}

/// Returns a harness for meetings.
pub(crate) fn meeting_harness() -> Harness {
    usual(&Room {
        variant: Some("meeting"),
        id_prefix: "Events/",
        nobody: "Events/7100000000000399998",
        any_path: "/crm/v8/Events",
        read_path: "/crm/v8/Events",
        create_path: "/crm/v8/Events",
        update_path: "/crm/v8/Events",
        ..activities("Events")
    })
}

fn usual(room: &Room) -> Harness {
    over(room, ZohoOptions::default(), &FakeClock::running(SCALE)).0
}

/// Returns a harness over a fake with these options, for a kind.
pub(crate) fn of(kind: ObjectKind, options: ZohoOptions) -> (Harness, Arc<ZohoFake>) {
    let room = match kind {
        ObjectKind::Company => companies(),
        ObjectKind::Contact => contacts(),
        ObjectKind::Deal => deals(),
        ObjectKind::Activity => tasks(),
    };
    over(&room, options, &FakeClock::running(SCALE))
}

fn over(room: &Room, options: ZohoOptions, clock: &FakeClock) -> (Harness, Arc<ZohoFake>) {
    let fake = Arc::new(ZohoFake::new(options, clock.clone(), SEED));
    let room = Room { users: USERS, tie: tied, ..room.clone() };
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
}

const fn user(id: &'static str, email: &'static str, active: bool) -> User {
    User { id, email, active }
}

const USERS: &[User] = &[
    user("7100000000000235001", "sync@org.example", true),
    user("7100000000000235002", "petra@org.example", true),
    user("7100000000000235003", "ravi@org.example", true),
    user("7100000000000235004", "ines@org.example", false),
];

const fn target(field: Field, table: &'static str) -> Target {
    Target { field, table, nobody: NOBODY }
}

const COMPANY: &[Target] = &[target(Field::COMPANY_REF, "Accounts")];
const PARENT: &[Target] = &[target(Field::PARENT, "Accounts")];
const COMPANY_AND_PERSON: &[Target] =
    &[target(Field::COMPANY_REF, "Accounts"), target(Field::CONTACTS, "Contacts")];
const TIES: &[Target] = &[
    target(Field::CONTACTS, "Contacts"),
    target(Field::COMPANY_REF, "Accounts"),
    target(Field::DEAL, "Deals"),
];
const FORMS: &[FormOf] = &[
    form("task", "Tasks", "Tasks/"),
    form("call", "Calls", "Calls/"),
    form("meeting", "Events", "Events/"),
];

fn contacts() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/v8/Contacts",
        read_path: "/crm/v8/Contacts",
        create_path: "/crm/v8/Contacts/upsert",
        update_path: "/crm/v8/Contacts",
        merging: Merging::Untold,
        targets: COMPANY,
        ..Room::of(ObjectKind::Contact, "Contacts")
    }
}

fn companies() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/v8/Accounts",
        read_path: "/crm/v8/Accounts",
        create_path: "/crm/v8/Accounts/upsert",
        update_path: "/crm/v8/Accounts",
        merging: Merging::Untold,
        targets: PARENT,
        ..Room::of(ObjectKind::Company, "Accounts")
    }
}

/// What every deal has, and the suite's members do not say.
const DEAL: &[(&str, &str)] = &[("Stage", "Needs Analysis"), ("Closing_Date", "2027-03-01")];

fn deals() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/v8/Deals",
        read_path: "/crm/v8/Deals",
        create_path: "/crm/v8/Deals/upsert",
        update_path: "/crm/v8/Deals",
        seeded: DEAL,
        merging: Merging::Impossible,
        targets: COMPANY_AND_PERSON,
        stages: STAGES,
        ..Room::of(ObjectKind::Deal, "Deals")
    }
}

const fn stage(stored: &'static str, ours: &'static str) -> StageOf {
    StageOf { stored, ours }
}

const STAGES: &[StageOf] = &[
    stage("Qualification", "new"),
    stage("Needs Analysis", "qualified"),
    stage("Value Proposition", "qualified"),
    stage("Id. Decision Makers", "qualified"),
    stage("Proposal/Price Quote", "proposal"),
    stage("Negotiation/Review", "proposal"),
    stage("Closed Won", "closed_won"),
    stage("Closed Lost", "closed_lost"),
    stage("Closed Lost to Competition", "closed_lost"),
];

const fn form(variant: &'static str, table: &'static str, id_prefix: &'static str) -> FormOf {
    FormOf { variant, table, id_prefix }
}

fn tasks() -> Room {
    Room {
        variant: Some("task"),
        id_prefix: "Tasks/",
        nobody: "Tasks/7100000000000399998",
        any_path: "/crm/v8/Tasks",
        read_path: "/crm/v8/Tasks",
        create_path: "/crm/v8/Tasks",
        update_path: "/crm/v8/Tasks",
        ..activities("Tasks")
    }
}

fn activities(table: &'static str) -> Room {
    Room {
        seeded_targets: &[("Deals", DEAL)],
        merging: Merging::Impossible,
        streams: 3,
        forms: FORMS,
        targets: TIES,
        ..Room::of(ObjectKind::Activity, table)
    }
}

/// What a user does in the pages of the org to tie two records.
fn tied(tied: &Tied<'_>) {
    let column = match (tied.table, tied.target_table) {
        ("Accounts", _) => "Parent_Account",
        ("Deals", "Contacts") => "Contact_Name",
        ("Tasks" | "Calls" | "Events", "Contacts") => "Who_Id",
        ("Tasks" | "Calls" | "Events", _) => "What_Id",
        _ => "Account_Name",
    };
    let value = match tied.deed {
        Deed::Make => json!(tied.target),
        Deed::Cut => Value::Null,
    };
    let members = json!({ column: value });
    tied.fake.patch(tied.table, tied.id, members.as_object().unwrap()).unwrap();
}

fn connect(connect: &Connect) -> SharedProvider {
    let secret = match connect.credentials {
        Credentials::Right => "sandbox-secret",
        Credentials::Wrong => "another-secret",
    };
    guard(open(connect, &credentials(secret)).unwrap())
}

fn credentials(secret: &str) -> Value {
    json!({
        "client_id": "sandbox-client", "client_secret": secret,
        "refresh_token": "sandbox-refresh",
    })
}

/// Opens a connection to the harness's fake with these settings beside the usual ones.
pub(crate) fn opened(harness: &Harness, settings: &Value) -> SharedProvider {
    let mut all = credentials("sandbox-secret");
    let members = all.as_object_mut().unwrap();
    members.extend(settings.as_object().unwrap().clone());
    open(&harness.way(Credentials::Right), &all).unwrap()
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> Result<SharedProvider> {
    let mut settings = settings.clone();
    settings["base_url"] = json!(connect.url);
    open_with(connect, &settings)
}

/// Opens a connection with these settings alone.
pub(crate) fn open_with(connect: &Connect, settings: &Value) -> Result<SharedProvider> {
    let mut setup = Setup::new("zoho", Arc::clone(&connect.clock));
    // The quotas of these tests are small, and nobody else uses them.
    setup.quota_reserve = 0;
    setup.settings = settings.as_object().unwrap().clone();
    (REGISTRATION.open)(setup)
}

/// Returns the kind of an error that must be there.
pub(crate) fn failure<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}
