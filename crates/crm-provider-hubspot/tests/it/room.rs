//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{Field, ObjectKind, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_hubspot::REGISTRATION;
use crm_testkit::contract::provider::{Connect, Credentials, Harness, Room};
use crm_testkit::dialect::hubspot::{HubSpotFake, HubSpotOptions};
use crm_testkit::serve::{Handler, Server, Site};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;

/// Returns a harness over a fake with the usual options.
pub(crate) fn harness() -> Harness {
    with(HubSpotOptions::default()).0
}

/// Returns a harness over a fake whose time passes only where a test says so.
pub(crate) fn at(start: &str) -> Harness {
    over(HubSpotOptions::default(), FakeClock::manual(start.parse().unwrap())).0
}

/// Returns a harness over a fake with these options, and the fake itself.
pub(crate) fn with(options: HubSpotOptions) -> (Harness, Arc<HubSpotFake>) {
    over(options, FakeClock::running(SCALE))
}

fn over(options: HubSpotOptions, clock: FakeClock) -> (Harness, Arc<HubSpotFake>) {
    let fake = Arc::new(HubSpotFake::new(options, clock, SEED));
    let room = Room {
        nobody: "999999999999",
        any_path: "/crm/objects/",
        read_path: "/batch/read",
        create_path: "/batch/upsert",
        update_path: "/batch/update",
        unique: Some(Field::EMAIL),
        ..Room::of(ObjectKind::Contact, "contacts")
    };
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
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
