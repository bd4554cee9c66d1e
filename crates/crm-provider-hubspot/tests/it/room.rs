//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{Field, ObjectKind, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_hubspot::REGISTRATION;
use crm_testkit::contract::provider::{Connect, Credentials, Harness, Room};
use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;

/// Returns a harness over a fake with the usual options.
pub(crate) fn harness() -> Harness {
    with(HubSpotOptions::default()).0
}

/// Returns a harness over a fake with these options, and the fake itself.
pub(crate) fn with(options: HubSpotOptions) -> (Harness, Arc<HubSpotFake>) {
    let fake = Arc::new(HubSpotFake::new(options, FakeClock::running(SCALE), SEED));
    let room = Room {
        kind: ObjectKind::Contact,
        table: "contacts",
        nobody: "999999999999",
        any_path: "/crm/objects/",
        read_path: "/batch/read",
        create_path: "/batch/upsert",
        update_path: "/batch/update",
        unique: Some(Field::EMAIL),
    };
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, connect), fake)
}

fn connect(connect: Connect) -> SharedProvider {
    let token = match connect.credentials {
        Credentials::Right => "sandbox-hubspot-token",
        Credentials::Wrong => "another-token",
    };
    guard(open(&connect, &json!({ "access_token": token })))
}

/// Opens a connection with these settings beside the URL.
pub(crate) fn open(connect: &Connect, settings: &Value) -> SharedProvider {
    let mut setup = Setup::new("hubspot", Arc::clone(&connect.clock));
    setup.settings = settings.as_object().unwrap().clone();
    setup.settings.insert("base_url".to_owned(), json!(connect.url));
    (REGISTRATION.open)(setup).unwrap()
}
