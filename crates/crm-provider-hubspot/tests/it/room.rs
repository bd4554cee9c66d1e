//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{Field, ObjectKind, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_hubspot::REGISTRATION;
use crm_testkit::contract::provider::{
    Connect, Credentials, Deed, FormOf, Harness, Merging, Room, StageOf, Target, Tied, User,
};
use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions};
use crm_testkit::serve::{Handler, Server, Site};
use crm_testkit::world::FakeClock;
use http::Method;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;

/// Contacts.
pub(crate) fn harness() -> Harness {
    with(HubSpotOptions::default()).0
}

/// Companies.
pub(crate) fn companies() -> Harness {
    usual(company())
}

/// Deals.
pub(crate) fn deals() -> Harness {
    usual(deal())
}

/// Tasks.
pub(crate) fn tasks() -> Harness {
    usual(activity("task"))
}

/// Calls.
pub(crate) fn calls() -> Harness {
    usual(activity("call"))
}

/// Meetings.
pub(crate) fn meetings() -> Harness {
    usual(activity("meeting"))
}

/// Notes.
pub(crate) fn notes() -> Harness {
    usual(activity("note"))
}

/// E-mails.
pub(crate) fn emails() -> Harness {
    usual(activity("email"))
}

/// Returns a harness for contacts over a fake whose time passes only where a test says so.
pub(crate) fn at(start: &str) -> Harness {
    let clock = FakeClock::manual(start.parse().unwrap());
    over(contact(), HubSpotOptions::default(), clock).0
}

/// Returns a harness for contacts over a fake with these options, and the fake itself.
pub(crate) fn with(options: HubSpotOptions) -> (Harness, Arc<HubSpotFake>) {
    of(contact(), options)
}

/// Returns a harness for a room over a fake with these options, and the fake itself.
pub(crate) fn of(room: Room, options: HubSpotOptions) -> (Harness, Arc<HubSpotFake>) {
    over(room, options, FakeClock::running(SCALE))
}

fn usual(room: Room) -> Harness {
    of(room, HubSpotOptions::default()).0
}

fn over(room: Room, options: HubSpotOptions, clock: FakeClock) -> (Harness, Arc<HubSpotFake>) {
    let fake = Arc::new(HubSpotFake::new(options, clock, SEED));
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
}

const USERS: &[User] = &[
    User { id: "70001", email: "ines.faria@sales.example", active: true },
    User { id: "70002", email: "oskar.lind@sales.example", active: true },
    User { id: "1003", email: "mei.tan@sales.example", active: true },
    User { id: "70009", email: "rosa.klein@sales.example", active: false },
];

const STAGES: &[StageOf] = &[
    StageOf { stored: "appointmentscheduled", ours: "new" },
    StageOf { stored: "qualifiedtobuy", ours: "qualified" },
    StageOf { stored: "presentationscheduled", ours: "proposal" },
    StageOf { stored: "decisionmakerboughtin", ours: "proposal" },
    StageOf { stored: "contractsent", ours: "proposal" },
    StageOf { stored: "closedwon", ours: "closed_won" },
    StageOf { stored: "closedlost", ours: "closed_lost" },
];

const FORMS: &[FormOf] = &[
    FormOf { variant: "task", table: "tasks", id_prefix: "tasks/" },
    FormOf { variant: "call", table: "calls", id_prefix: "calls/" },
    FormOf { variant: "meeting", table: "meetings", id_prefix: "meetings/" },
    FormOf { variant: "note", table: "notes", id_prefix: "notes/" },
    FormOf { variant: "email", table: "emails", id_prefix: "emails/" },
];

const NOBODY: &str = "999999999999";

const fn target(field: Field, table: &'static str) -> Target {
    Target { field, table, nobody: NOBODY }
}

/// The number of the association's type, from the record that refers.
fn type_of(table: &str, field: Field) -> u32 {
    let to = |contacts, companies, deals| match field {
        Field::CONTACTS => contacts,
        Field::COMPANY_REF => companies,
        _ => deals,
    };
    match table {
        "contacts" => 1,
        "companies" => 14,
        "deals" => to(3, 5, 0),
        "tasks" => to(204, 192, 216),
        "calls" => to(194, 182, 206),
        "meetings" => to(200, 188, 212),
        "notes" => to(202, 190, 214),
        _ => to(198, 186, 210),
    }
}

fn tie(tied: &Tied<'_>) {
    let end = |kind: &str, id: &str| json!({ "kind": kind, "id": id });
    let mut body = crm_testkit::fake::Fields::new();
    body.insert("from".to_owned(), end(tied.table, tied.id));
    body.insert("to".to_owned(), end(tied.target_table, tied.target));
    let method = match tied.deed {
        Deed::Make => {
            body.insert("type".to_owned(), json!(type_of(tied.table, tied.field)));
            Method::POST
        }
        Deed::Cut => Method::DELETE,
    };
    tied.fake.lever(&method, &["associations"], &body).unwrap();
}

pub(crate) fn contact() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/objects/",
        read_path: "contacts/batch/read",
        create_path: "contacts/batch/upsert",
        update_path: "contacts/batch/update",
        unique: Some(Field::EMAIL),
        targets: const { &[target(Field::COMPANY_REF, "companies")] },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Contact, "contacts")
    }
}

pub(crate) fn company() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/objects/",
        read_path: "companies/batch/read",
        create_path: "companies/batch/upsert",
        update_path: "companies/batch/update",
        targets: const { &[target(Field::PARENT, "companies")] },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Company, "companies")
    }
}

pub(crate) fn deal() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/crm/objects/",
        read_path: "deals/batch/read",
        create_path: "deals/batch/upsert",
        update_path: "deals/batch/update",
        targets: const {
            &[target(Field::CONTACTS, "contacts"), target(Field::COMPANY_REF, "companies")]
        },
        tie,
        users: USERS,
        stages: STAGES,
        ..Room::of(ObjectKind::Deal, "deals")
    }
}

pub(crate) fn activity(variant: &'static str) -> Room {
    let form = FORMS.iter().find(|form| form.variant == variant).unwrap();
    let [nobody, read_path, create_path, update_path] = match variant {
        "task" => {
            ["tasks/999999999999", "tasks/batch/read", "tasks/batch/create", "tasks/batch/update"]
        }
        "call" => {
            ["calls/999999999999", "calls/batch/read", "calls/batch/create", "calls/batch/update"]
        }
        "meeting" => [
            "meetings/999999999999",
            "meetings/batch/read",
            "meetings/batch/create",
            "meetings/batch/update",
        ],
        "note" => {
            ["notes/999999999999", "notes/batch/read", "notes/batch/create", "notes/batch/update"]
        }
        _ => [
            "emails/999999999999",
            "emails/batch/read",
            "emails/batch/create",
            "emails/batch/update",
        ],
    };
    Room {
        variant: Some(form.variant),
        id_prefix: form.id_prefix,
        nobody,
        any_path: "/crm/objects/",
        read_path,
        create_path,
        update_path,
        merging: Merging::Impossible,
        streams: FORMS.len(),
        forms: FORMS,
        targets: const {
            &[
                target(Field::CONTACTS, "contacts"),
                target(Field::COMPANY_REF, "companies"),
                target(Field::DEAL, "deals"),
            ]
        },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Activity, form.table)
    }
}

fn connect(connect: &Connect) -> SharedProvider {
    let token = match connect.credentials {
        Credentials::Right => "sandbox-hubspot-token",
        Credentials::Wrong => "another-token",
    };
    guard(open(connect, &json!({ "access_token": token })).unwrap())
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> crm_core::Result<SharedProvider> {
    (REGISTRATION.open)(setup(connect, settings))
}

/// Returns what a connection is opened with.
pub(crate) fn setup(connect: &Connect, settings: &Value) -> Setup {
    let mut setup = Setup::new("hubspot", Arc::clone(&connect.clock));
    setup.settings = settings.as_object().unwrap().clone();
    setup.settings.insert("base_url".to_owned(), json!(connect.url));
    setup
}

/// Serves what `answer` makes of each request, which may ask the fake; returns a connection to
/// it, and the server, which ends when it is dropped.
pub(crate) fn behind(harness: &Harness, answer: Handler) -> (SharedProvider, Server) {
    let server = Server::start(vec![Site::bind(0, answer).unwrap()]).unwrap();
    let connect = Connect { url: server.url(0).unwrap(), ..harness.way(Credentials::Right) };
    let settings = json!({ "access_token": "sandbox-hubspot-token" });
    (open(&connect, &settings).unwrap(), server)
}
