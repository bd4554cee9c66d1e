//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{Field, ObjectKind, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_salesflare::REGISTRATION;
use crm_testkit::contract::provider::{
    Connect, Credentials, Deed, FormOf, Harness, Merging, Room, StageOf, Target, Tied, User,
};
use crm_testkit::dialect::salesflare::{SalesflareFake, SalesflareOptions};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 50;
const SEED: u64 = 7;
const NOBODY: &str = "999999999999";

/// Contacts.
pub(crate) fn harness() -> Harness {
    with(SalesflareOptions::default()).0
}

/// Companies.
pub(crate) fn companies() -> Harness {
    of(company(), SalesflareOptions::default()).0
}

/// Deals.
pub(crate) fn deals() -> Harness {
    of(deal(), SalesflareOptions::default()).0
}

/// Tasks.
pub(crate) fn tasks() -> Harness {
    of(task(), SalesflareOptions::default()).0
}

/// Returns a harness for contacts over a fake with these options, and the fake itself.
pub(crate) fn with(options: SalesflareOptions) -> (Harness, Arc<SalesflareFake>) {
    of(contact(), options)
}

/// Returns a harness for a room over a fake with these options, and the fake itself.
pub(crate) fn of(room: Room, options: SalesflareOptions) -> (Harness, Arc<SalesflareFake>) {
    let fake = Arc::new(SalesflareFake::new(options, FakeClock::running(SCALE), SEED));
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
}

const USERS: &[User] = &[
    User { id: "31", email: "ana.roy@sales.example", active: true },
    User { id: "32", email: "oskar.lind@sales.example", active: true },
    User { id: "39", email: "rosa.klein@sales.example", active: false },
];

const STAGES: &[StageOf] = &[
    StageOf { stored: "481", ours: "new" },
    StageOf { stored: "482", ours: "new" },
    StageOf { stored: "483", ours: "qualified" },
    StageOf { stored: "484", ours: "proposal" },
    StageOf { stored: "485", ours: "closed_won" },
    StageOf { stored: "486", ours: "closed_lost" },
];

const FORMS: &[FormOf] = &[FormOf { variant: "task", table: "tasks", id_prefix: "" }];

const fn target(field: Field, table: &'static str) -> Target {
    Target { field, table, nobody: NOBODY }
}

fn tie(tied: &Tied<'_>) {
    let member = match tied.field {
        Field::CONTACTS => "main_contact",
        Field::PARENT => "parent_account",
        _ => "account",
    };
    let to = match tied.deed {
        Deed::Make => json!(tied.target),
        Deed::Cut => Value::Null,
    };
    let fields = [(member.to_owned(), to)].into_iter().collect();
    tied.fake.patch(tied.table, tied.id, &fields).unwrap();
}

pub(crate) fn contact() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/contacts",
        read_path: "GET /contacts",
        create_path: "POST /contacts",
        update_path: "PUT /contacts/",
        merging: Merging::Untold,
        targets: const { &[target(Field::COMPANY_REF, "accounts")] },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Contact, "contacts")
    }
}

pub(crate) fn company() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/accounts",
        read_path: "GET /accounts",
        create_path: "POST /accounts",
        update_path: "PUT /accounts/",
        merging: Merging::Untold,
        targets: const { &[target(Field::PARENT, "accounts")] },
        tie,
        ..Room::of(ObjectKind::Company, "accounts")
    }
}

pub(crate) fn deal() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "/opportunities",
        read_path: "GET /opportunities/",
        create_path: "POST /opportunities",
        update_path: "PUT /opportunities/",
        merging: Merging::Impossible,
        targets: const { &[target(Field::CONTACTS, "contacts"), target(Field::COMPANY_REF, "accounts")] },
        tie,
        users: USERS,
        stages: STAGES,
        ..Room::of(ObjectKind::Deal, "opportunities")
    }
}

pub(crate) fn task() -> Room {
    Room {
        variant: Some("task"),
        nobody: NOBODY,
        any_path: "/tasks",
        read_path: "GET /tasks",
        create_path: "POST /tasks",
        update_path: "PUT /tasks/",
        merging: Merging::Impossible,
        forms: FORMS,
        targets: const { &[target(Field::COMPANY_REF, "accounts")] },
        plain: unsigned,
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Activity, "tasks")
    }
}

/// Returns the text of a task as a person wrote it.
fn unsigned(text: &str) -> &str {
    text.split_once("\n\ncrm-sync:").map_or(text, |(text, _)| text)
}

fn connect(connect: &Connect) -> SharedProvider {
    let key = match connect.credentials {
        Credentials::Right => "sandbox-salesflare-key",
        Credentials::Wrong => "another-key",
    };
    guard(open(connect, &json!({ "api_key": key })).unwrap())
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> crm_core::Result<SharedProvider> {
    let mut setup = Setup::new("salesflare", Arc::clone(&connect.clock));
    setup.settings = settings.as_object().unwrap().clone();
    setup.settings.insert("base_url".to_owned(), json!(connect.url));
    (REGISTRATION.open)(setup)
}
