//! Salesflare: the REST interface of an account.
//!
//! An independent reading of the vendor's description: nothing here is shared with the provider
//! crate, so a mistake of one of the two shows.

mod body;
mod control;
mod desk;
mod fail;
mod kind;
mod list;
mod office;
mod query;
mod render;
mod route;
mod scene;
mod talks;
mod time;

use bytes::Bytes;
use http::{Method, Response};
use jiff::Timestamp;
use serde_json::Value;

use self::fail::{Fail, json_response};
use self::office::{CLASSES, Office};
use self::talks::Talks;
use crate::fake::{Bin, Call, Dialect, Fields, Lane, Refusal, Simulated, Touch, Weather};
use crate::people::Person;
use crate::quota::{Quotas, Span, Window};
use crate::scene::Scene;
use crate::world::World;

/// The Salesflare fake.
pub type SalesflareFake = Simulated<Salesflare>;

/// Whether the account has the fields that a sync needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnFields {
    /// `crm_sync_uid` exists for accounts, contacts and opportunities, and
    /// `crm_sync_description` for opportunities.
    #[default]
    Prepared,
    /// Only the vendor's own members exist.
    Bare,
}

/// What a Salesflare fake is started with.
#[derive(Clone, Debug)]
pub struct SalesflareOptions {
    /// The API keys that work.
    pub keys: Vec<String>,
    /// The number after which those of records go on; another account has others.
    pub last_key: u64,
    /// Which account of the vendor this is, counted from 0.
    pub nth: u64,
    /// Which fields exist.
    pub fields: OwnFields,
    /// Requests in a second. The vendor publishes no number.
    pub per_second: u64,
}

impl Default for SalesflareOptions {
    fn default() -> Self {
        Self {
            keys: vec!["sandbox-salesflare-key".to_owned()],
            last_key: FIRST_KEY,
            nth: 0,
            fields: OwnFields::Prepared,
            per_second: 10,
        }
    }
}

/// Record numbers begin here.
const FIRST_KEY: u64 = 13_000_000;
/// The name of the quota window.
pub(crate) const BURST: &str = "burst";

/// The state of an account besides its records.
#[derive(Debug)]
pub struct Salesflare {
    keys: Vec<String>,
    opened_ms: i64,
    office: Office,
    talks: Talks,
}

impl Dialect for Salesflare {
    type Options = SalesflareOptions;

    fn name() -> &'static str {
        "salesflare"
    }

    fn open(options: &SalesflareOptions, world: &mut World) -> Self {
        world.granularity_ms = 1_000;
        world.start_keys_at(options.last_key);
        for kind in kind::KINDS {
            world.table_mut(kind.name);
        }
        let mut office = Office::new(options.nth);
        if options.fields == OwnFields::Prepared {
            for class in CLASSES {
                office.add_custom(class, "crm_sync_uid", 1);
            }
            office.add_custom("opportunities", "crm_sync_description", 1);
        }
        Self {
            keys: options.keys.clone(),
            opened_ms: world.now_ms(),
            office,
            talks: Talks::default(),
        }
    }

    fn windows(options: &SalesflareOptions) -> Vec<Window> {
        vec![Window::new(BURST, options.per_second, Span::Rolling(1_000))]
    }

    fn lane(&self, call: &Call<'_>) -> Lane {
        route::lane(call)
    }

    fn answer(&mut self, world: &mut World, _quotas: &Quotas, call: &Call<'_>) -> Response<Bytes> {
        match self.dispatch(world, call) {
            Ok(body) => json_response(200, &body),
            Err(fail) => fail.response(),
        }
    }

    fn weather(&self, weather: &Weather, _now: Timestamp) -> Response<Bytes> {
        let status = match weather {
            Weather::RateLimited | Weather::Full(_) => 429,
            Weather::Status(status) => *status,
            Weather::TokenExpired => 401,
        };
        Fail::of(status).response()
    }

    /// Keys do not expire.
    fn kill_tokens(&mut self) {}

    fn kinds(&self) -> Vec<String> {
        kind::KINDS.iter().map(|kind| kind.name.to_owned()).collect()
    }

    fn records(&self, world: &World, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
        control::records(world, kind, bin)
    }

    fn record(&self, world: &World, kind: &str, id: &str) -> Result<Value, Refusal> {
        control::record(world, kind, id)
    }

    fn create(
        &mut self,
        world: &mut World,
        kind: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        self.user_create(world, kind, fields)
    }

    fn patch(
        &mut self,
        world: &mut World,
        kind: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        self.user_patch(world, kind, id, fields)
    }

    fn delete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal> {
        self.user_delete(world, kind, id)
    }

    fn merge(
        &mut self,
        world: &mut World,
        kind: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal> {
        self.user_merge(world, kind, (winner, loser))
    }

    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        self.user_touch(world, touch)
    }

    fn lever(
        &mut self,
        world: &mut World,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal> {
        self.user_lever(world, method, path, body)
    }

    fn person(&self, person: &Person) -> Fields {
        control::person(person)
    }

    fn person_kind(&self) -> &'static str {
        "contacts"
    }

    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        self.enter(world, scene)
    }
}
