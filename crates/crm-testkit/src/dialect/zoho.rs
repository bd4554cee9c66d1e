//! Zoho CRM: the REST interface of an org (v8, and what older versions share with it), with the
//! accounts server beside it.
//!
//! An independent reading of the vendor's documentation: nothing here is shared with the provider
//! crate, so a mistake of one of the two shows.

mod answer;
mod check;
mod control;
mod coql;
mod deleted;
mod desk;
mod module;
mod problem;
mod records;
mod render;
mod route;
mod scene;
mod search;
mod settings;
mod time;
mod token;
mod users;
mod write;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde_json::Value;

use self::module::{Catalog, Type, Use};
use self::records::Pages;
use self::render::View;
use self::token::Tokens;
use self::users::Users;
use crate::fake::{Bin, Call, Dialect, Fields, Lane, Refusal, Simulated, Touch, Weather};
use crate::people::Person;
use crate::quota::{Quotas, Span, Window};
use crate::scene::Scene;
use crate::world::World;

/// The Zoho fake.
pub type ZohoFake = Simulated<Zoho>;

/// Whether the org has the fields that a sync needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrgFields {
    /// `Crm_Sync_Uid` exists on Accounts, Contacts, Deals, Tasks, Events and Calls, and
    /// `Company_Text` on Contacts.
    #[default]
    Prepared,
    /// Only the vendor's own fields exist.
    Bare,
}

/// Whether an administrator made the address of contacts unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// Several contacts may have one, as in a new org.
    #[default]
    Shared,
    /// No two may.
    Unique,
}

/// What a Zoho fake is started with.
#[derive(Clone, Debug)]
pub struct ZohoOptions {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// A refresh token that works from the start.
    pub refresh_token: Option<String>,
    /// An access token that works from the start, for an hour.
    pub access_token: Option<String>,
    /// The org's id.
    pub org_id: String,
    /// The number after which those of records go on; an org of its own has others.
    pub last_key: u64,
    /// Which fields exist.
    pub fields: OrgFields,
    /// Whether addresses are unique.
    pub addresses: Addresses,
    /// The org's distance from UTC: times are shown in its zone.
    pub offset_minutes: i64,
    /// Credits in 24 hours.
    pub daily_credits: u64,
    /// The org's currencies, its own one first; none for an org with a single currency.
    pub currencies: Vec<String>,
}

impl Default for ZohoOptions {
    fn default() -> Self {
        Self {
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            refresh_token: Some("sandbox-refresh".to_owned()),
            access_token: None,
            org_id: "7100000000".to_owned(),
            last_key: FIRST_KEY,
            fields: OrgFields::Prepared,
            addresses: Addresses::Shared,
            offset_minutes: 120,
            daily_credits: 50_000,
            currencies: Vec::new(),
        }
    }
}

/// Record numbers begin here, so that ids look like those of an org in use.
const FIRST_KEY: u64 = 7_100_000_000_000_400_000;
/// Ids of users.
const FIRST_USER: u64 = 7_100_000_000_000_235_001;
/// The name of the quota window of credits.
const DAILY: &str = "daily";
const DAY_MS: i64 = 86_400_000;
const UID_LENGTH: u32 = 50;

/// The state of an org besides its records.
#[derive(Debug)]
pub struct Zoho {
    options: ZohoOptions,
    opened_ms: i64,
    catalog: Catalog,
    users: Users,
    tokens: Tokens,
    pages: Pages,
    /// Whether the version that is asked in insists on a list of fields.
    fields_needed: bool,
}

impl Zoho {
    fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View {
            catalog: &self.catalog,
            users: &self.users,
            world,
            offset_minutes: self.options.offset_minutes,
        }
    }
}

impl Dialect for Zoho {
    type Options = ZohoOptions;

    fn name() -> &'static str {
        "zoho"
    }

    fn open(options: &ZohoOptions, world: &mut World) -> Self {
        world.granularity_ms = 1_000;
        world.start_keys_at(options.last_key);
        let mut catalog = Catalog::new(world);
        let mut add = |module, names, length, usage| {
            catalog.add(world, module, names, (Type::Text, length), usage);
        };
        if options.fields == OrgFields::Prepared {
            let uid = (module::UID, "Crm Sync Uid");
            for name in ["Accounts", "Contacts", "Deals"] {
                add(name, uid, UID_LENGTH, Use::Unique);
            }
            for name in ["Tasks", "Events", "Calls"] {
                add(name, uid, UID_LENGTH, Use::Optional);
            }
            add("Contacts", (module::COMPANY, "Company Text"), 255, Use::Optional);
        }
        if !options.currencies.is_empty() {
            for name in ["Accounts", "Deals"] {
                add(name, ("Currency", "Currency"), 10, Use::Optional);
            }
        }
        if options.addresses == Addresses::Unique {
            catalog.make_unique("Contacts", "Email");
        }
        let mut tokens = Tokens::default();
        if let Some(token) = &options.access_token {
            tokens.admit(token, world.now_ms());
        }
        if let Some(token) = &options.refresh_token {
            tokens.admit_refresh(token);
        }
        Self {
            options: options.clone(),
            opened_ms: world.now_ms(),
            catalog,
            users: Users::new(FIRST_USER),
            tokens,
            pages: Pages::default(),
            fields_needed: true,
        }
    }

    fn windows(options: &ZohoOptions) -> Vec<Window> {
        vec![Window::new(DAILY, options.daily_credits, Span::Rolling(DAY_MS))]
    }

    fn lane(&self, call: &Call<'_>) -> Lane {
        route::lane(&self.catalog, call)
    }

    fn answer(&mut self, world: &mut World, quotas: &Quotas, call: &Call<'_>) -> Response<Bytes> {
        self.serve(world, quotas, call)
    }

    fn weather(&self, weather: &Weather, _now: Timestamp) -> Response<Bytes> {
        route::weather(weather)
    }

    fn kill_tokens(&mut self) {
        self.tokens.expire();
    }

    fn kinds(&self) -> Vec<String> {
        self.catalog.modules.iter().map(|module| module.name.to_owned()).collect()
    }

    fn records(&self, world: &World, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal> {
        self.control_records(world, kind, bin)
    }

    fn record(&self, world: &World, kind: &str, id: &str) -> Result<Value, Refusal> {
        self.control_record(world, kind, id)
    }

    fn create(
        &mut self,
        world: &mut World,
        kind: &str,
        fields: &Fields,
    ) -> Result<String, Refusal> {
        self.by_person(world, kind, |desk, module| desk.create(module, fields, 0))
            .map(|key| key.to_string())
    }

    fn patch(
        &mut self,
        world: &mut World,
        kind: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let key = id.parse().unwrap_or(0);
        self.by_person(world, kind, |desk, module| desk.update(module, key, fields, (0, None)))
            .map(drop)
    }

    fn delete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal> {
        let key = id.parse().unwrap_or(0);
        let deleted = self.by_person(world, kind, |desk, _| Ok(desk.delete(key)))?;
        let missing = || Refusal::missing(format!("there is no {kind} {id}"));
        if deleted { Ok(()) } else { Err(missing()) }
    }

    fn merge(
        &mut self,
        world: &mut World,
        kind: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal> {
        if !matches!(kind, "Leads" | "Accounts" | "Contacts") {
            return Err(Refusal::invalid(format!("{kind} cannot be merged")));
        }
        let keys = (winner.parse().unwrap_or(0), loser.parse().unwrap_or(0));
        let merged = self.by_person(world, kind, |desk, _| Ok(desk.merge(keys.0, keys.1)))?;
        let missing = || Refusal::missing("one of the records is not there");
        if merged { Ok(winner.to_owned()) } else { Err(missing()) }
    }

    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        self.control_touch(world, touch)
    }

    fn person(&self, person: &Person) -> Fields {
        self.control_person(person)
    }

    fn person_kind(&self) -> &'static str {
        "Contacts"
    }

    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        self.enter(world, scene)
    }
}
