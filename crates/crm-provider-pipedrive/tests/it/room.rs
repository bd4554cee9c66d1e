//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{Field, ObjectKind, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_pipedrive::REGISTRATION;
use crm_testkit::contract::provider::{
    Connect, Credentials, Deed, FormOf, Harness, Merging, Room, StageOf, Target, Tied, User,
};
use crm_testkit::dialect::pipedrive::{PipedriveFake, PipedriveOptions};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;
const NOBODY: &str = "999999999999";

/// Contacts.
pub(crate) fn harness() -> Harness {
    of(contact(), PipedriveOptions::default()).0
}

/// Companies.
pub(crate) fn companies() -> Harness {
    of(company(), PipedriveOptions::default()).0
}

/// Deals.
pub(crate) fn deals() -> Harness {
    of(deal(), PipedriveOptions::default()).0
}

/// Tasks.
pub(crate) fn tasks() -> Harness {
    of(activity("task"), PipedriveOptions::default()).0
}

/// Calls.
pub(crate) fn calls() -> Harness {
    of(activity("call"), PipedriveOptions::default()).0
}

/// Meetings.
pub(crate) fn meetings() -> Harness {
    of(activity("meeting"), PipedriveOptions::default()).0
}

/// E-mails.
pub(crate) fn emails() -> Harness {
    of(activity("email"), PipedriveOptions::default()).0
}

/// Returns a harness for a room over a fake with these options, and the fake itself.
pub(crate) fn of(room: Room, options: PipedriveOptions) -> (Harness, Arc<PipedriveFake>) {
    let fake = Arc::new(PipedriveFake::new(options, FakeClock::running(SCALE), SEED));
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
}

const USERS: &[User] = &[
    User { id: "501", email: "nora.vik@sales.example", active: true },
    User { id: "502", email: "tomas.brand@sales.example", active: true },
    User { id: "509", email: "lea.roth@sales.example", active: false },
];

const STAGES: &[StageOf] = &[
    StageOf { stored: "1", ours: "new" },
    StageOf { stored: "2", ours: "qualified" },
    StageOf { stored: "3", ours: "qualified" },
    StageOf { stored: "4", ours: "proposal" },
    StageOf { stored: "5", ours: "proposal" },
    StageOf { stored: "won", ours: "closed_won" },
    StageOf { stored: "lost", ours: "closed_lost" },
];

const FORMS: &[FormOf] = &[
    FormOf { variant: "task", table: "activities", id_prefix: "" },
    FormOf { variant: "call", table: "activities", id_prefix: "" },
    FormOf { variant: "meeting", table: "activities", id_prefix: "" },
    FormOf { variant: "email", table: "activities", id_prefix: "" },
];

const fn target(field: Field, table: &'static str) -> Target {
    Target { field, table, nobody: NOBODY }
}

/// A user's participants come and go one by one; other references are one member.
fn tie(tied: &Tied<'_>) {
    let id: u64 = tied.target.parse().unwrap();
    let (name, value) = match (tied.field, tied.table) {
        (Field::CONTACTS, "activities") => {
            let record = tied.fake.record(tied.table, tied.id).unwrap();
            let held = record["fields"]["participants"].as_str().unwrap_or("[]");
            let rows: Vec<Value> = serde_json::from_str(held).unwrap();
            let rows = rows.iter().filter_map(|row| row["person_id"].as_u64());
            let mut ids: Vec<u64> = rows.filter(|known| *known != id).collect();
            if tied.deed == Deed::Make {
                ids.push(id);
            }
            let row = |id: u64| json!({ "person_id": id });
            ("participants", json!(ids.into_iter().map(row).collect::<Vec<_>>()))
        }
        (field, _) => {
            let name = match field {
                Field::CONTACTS => "person_id",
                Field::DEAL => "deal_id",
                _ => "org_id",
            };
            (name, if tied.deed == Deed::Make { json!(id) } else { Value::Null })
        }
    };
    let mut fields = crm_testkit::fake::Fields::new();
    fields.insert(name.to_owned(), value);
    tied.fake.patch(tied.table, tied.id, &fields).unwrap();
}

pub(crate) fn contact() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "v2/",
        read_path: "v2/persons",
        create_path: "v2/persons",
        update_path: "v2/persons/",
        merging: Merging::Untold,
        targets: const { &[target(Field::COMPANY_REF, "organizations")] },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Contact, "persons")
    }
}

pub(crate) fn company() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "v2/",
        read_path: "v2/organizations",
        create_path: "v2/organizations",
        update_path: "v2/organizations/",
        merging: Merging::Untold,
        users: USERS,
        ..Room::of(ObjectKind::Company, "organizations")
    }
}

pub(crate) fn deal() -> Room {
    Room {
        nobody: NOBODY,
        any_path: "v2/",
        read_path: "v2/deals",
        create_path: "v2/deals",
        update_path: "v2/deals/",
        merging: Merging::Untold,
        // The open deals and the archived ones.
        streams: 2,
        deletion_streams: Some(1),
        seeded_targets: &[],
        targets: const {
            &[target(Field::CONTACTS, "persons"), target(Field::COMPANY_REF, "organizations")]
        },
        tie,
        users: USERS,
        stages: STAGES,
        ..Room::of(ObjectKind::Deal, "deals")
    }
}

pub(crate) fn activity(variant: &'static str) -> Room {
    Room {
        variant: Some(variant),
        nobody: NOBODY,
        any_path: "v2/",
        read_path: "v2/activities",
        create_path: "v2/activities",
        update_path: "v2/activities/",
        merging: Merging::Impossible,
        forms: FORMS,
        targets: const {
            &[
                target(Field::CONTACTS, "persons"),
                target(Field::COMPANY_REF, "organizations"),
                target(Field::DEAL, "deals"),
            ]
        },
        tie,
        users: USERS,
        ..Room::of(ObjectKind::Activity, "activities")
    }
}

fn connect(connect: &Connect) -> SharedProvider {
    let token = match connect.credentials {
        Credentials::Right => "sandbox-pipedrive-token",
        Credentials::Wrong => "another-token",
    };
    guard(open(connect, &json!({ "api_token": token })).unwrap())
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> crm_core::Result<SharedProvider> {
    let mut setup = Setup::new("pipedrive", Arc::clone(&connect.clock));
    setup.settings = settings.as_object().unwrap().clone();
    setup.settings.insert("base_url".to_owned(), json!(connect.url));
    (REGISTRATION.open)(setup)
}
