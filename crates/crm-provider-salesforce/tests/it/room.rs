//! How the tests open a connection to the fake.

use std::sync::Arc;

use crm_core::{ErrorKind, ObjectKind, Result, SharedProvider};
use crm_http::Setup;
use crm_layers::guard;
use crm_provider_salesforce::REGISTRATION;
use crm_testkit::contract::provider::{Connect, Credentials, Harness, Room};
use crm_testkit::dialect::salesforce::{SalesforceFake, SalesforceOptions};
use crm_testkit::world::FakeClock;
use serde_json::{Value, json};

/// How many times as fast as real time the fake and its clients live.
const SCALE: u32 = 20;
const SEED: u64 = 7;

/// Returns a harness over a fake with the usual options.
pub(crate) fn harness() -> Harness {
    with(SalesforceOptions::default()).0
}

/// Returns a harness over a fake whose time passes only where a test says so.
pub(crate) fn at(start: &str, options: SalesforceOptions) -> Harness {
    over(options, FakeClock::manual(start.parse().unwrap())).0
}

/// Returns a harness over a fake with these options, and the fake itself.
pub(crate) fn with(options: SalesforceOptions) -> (Harness, Arc<SalesforceFake>) {
    over(options, FakeClock::running(SCALE))
}

fn over(options: SalesforceOptions, clock: FakeClock) -> (Harness, Arc<SalesforceFake>) {
    let fake = Arc::new(SalesforceFake::new(options, clock, SEED));
    let room = Room {
        nobody: "003000000000zzzAAA",
        any_path: "/composite/sobjects",
        read_path: "/composite/sobjects/Contact",
        create_path: "/composite/sobjects/Contact/",
        update_path: "/composite/sobjects",
        ..Room::of(ObjectKind::Contact, "Contact")
    };
    let handle = Arc::clone(&fake);
    (Harness::new(room, handle, |way| connect(&way)), fake)
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
