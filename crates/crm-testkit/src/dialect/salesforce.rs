//! Salesforce: the REST interface of an org, from tokens to Bulk API 2.0.
//!
//! An independent reading of the vendor's documentation: nothing here is shared with the provider
//! crate, so a mistake of one of the two shows.

mod answer;
mod ask;
mod bulk;
mod changes;
mod collections;
mod composite;
mod control;
mod describe;
mod desk;
mod ids;
mod late;
mod limits;
mod oauth;
mod problem;
mod query;
mod render;
mod room;
mod route;
mod rows;
mod scene;
mod schema;
mod search;
mod session;
mod text;
mod tooling;
mod tree;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde_json::Value;

use self::bulk::Jobs;
use self::describe::Catalog;
pub use self::desk::DuplicateRule;
pub use self::late::Late;
use self::query::Cursors;
use self::schema::Users;
use self::session::Sessions;
use crate::fake::{Bin, Call, Dialect, Fields, Lane, Refusal, Simulated, Touch, Weather};
use crate::people::Person;
use crate::quota::{Quotas, Span, Window};
use crate::scene::Scene;
use crate::world::World;

/// The Salesforce fake.
pub type SalesforceFake = Simulated<Salesforce>;

/// Whether the org has the fields that a sync needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrgFields {
    /// `Crm_Sync_Uid__c` exists on Account, Contact, Opportunity, Task and Event, and
    /// `Company_Text__c` on Contact.
    #[default]
    Prepared,
    /// Only the vendor's own fields exist.
    Bare,
}

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// It goes on working.
    #[default]
    Keep,
    /// It dies and the answer carries a new one.
    Rotate,
}

/// What a Salesforce fake is started with.
#[derive(Clone, Debug)]
pub struct SalesforceOptions {
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The number after which those of records go on; an org of its own has others.
    pub last_key: u64,
    /// The name of the integration user, also the subject of JWT assertions.
    pub username: String,
    /// An access token that works from the start, until it expires.
    pub access_token: Option<String>,
    /// A refresh token that works from the start.
    pub refresh_token: Option<String>,
    /// The public key, in PEM, that JWT assertions are checked with.
    pub jwt_public_key_pem: Option<String>,
    /// What becomes of refresh tokens.
    pub rotation: Rotation,
    /// Which fields exist.
    pub fields: OrgFields,
    /// The duplicate rule.
    pub duplicate_rule: DuplicateRule,
    /// API requests in 24 hours.
    pub daily_limit: u64,
    /// The largest page of a query, whatever the client asks for.
    pub page_max: usize,
    /// The org's currencies, its own one first; none for an org with a single currency.
    pub currencies: Vec<String>,
}

impl Default for SalesforceOptions {
    fn default() -> Self {
        Self {
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            last_key: FIRST_KEY,
            username: "sync@org.example".to_owned(),
            access_token: None,
            refresh_token: None,
            jwt_public_key_pem: None,
            rotation: Rotation::Keep,
            fields: OrgFields::Prepared,
            duplicate_rule: DuplicateRule::Off,
            daily_limit: 100_000,
            page_max: 2_000,
            currencies: Vec::new(),
        }
    }
}

/// Record numbers begin here, so that ids look like those of an org in use.
const FIRST_KEY: u64 = 4_000_000;
/// The name of the quota window of API requests.
const DAILY: &str = "daily";
const DAY_MS: i64 = 86_400_000;

/// The state of an org besides its records.
#[derive(Debug)]
pub struct Salesforce {
    options: SalesforceOptions,
    org_id: String,
    users: Users,
    opened_ms: i64,
    catalog: Catalog,
    sessions: Sessions,
    cursors: Cursors,
    jobs: Jobs,
    rule: DuplicateRule,
    late: Vec<Late>,
    purged: Vec<Purged>,
}

/// What the log of deletions keeps of a record that left the recycle bin.
#[derive(Clone, Debug)]
struct Purged {
    kind: &'static str,
    id: String,
    at_ms: i64,
}

impl Salesforce {
    /// Switches the duplicate rule.
    pub fn set_duplicate_rule(&mut self, rule: DuplicateRule) {
        self.rule = rule;
    }

    /// Makes every cursor of a query useless, as two days do.
    pub fn drop_cursors(&mut self) {
        self.cursors.clear();
    }
}

impl Dialect for Salesforce {
    type Options = SalesforceOptions;

    fn name() -> &'static str {
        "salesforce"
    }

    fn open(options: &SalesforceOptions, world: &mut World) -> Self {
        world.granularity_ms = 1_000;
        let mut catalog = Catalog::new(world, &options.currencies);
        if options.fields == OrgFields::Prepared {
            for kind in ["Account", "Contact", "Opportunity"] {
                catalog.add(world, kind, describe::UID);
            }
            catalog.add(world, describe::ACTIVITY, describe::ACTIVITY_UID);
            catalog.add(world, "Contact", describe::COMPANY);
        }
        let mut sessions = Sessions::default();
        if let Some(token) = &options.access_token {
            sessions.admit(token, world.now_ms());
        }
        if let Some(token) = &options.refresh_token {
            sessions.admit_refresh(token);
        }
        let (org_id, users) = control::settle(&catalog, options, world);
        Self {
            options: options.clone(),
            org_id,
            users,
            opened_ms: world.now_ms(),
            catalog,
            sessions,
            cursors: Cursors::default(),
            jobs: Jobs::default(),
            rule: options.duplicate_rule,
            late: Vec::new(),
            purged: Vec::new(),
        }
    }

    fn windows(options: &SalesforceOptions) -> Vec<Window> {
        vec![Window::new(DAILY, options.daily_limit, Span::Rolling(DAY_MS))]
    }

    fn lane(&self, call: &Call<'_>) -> Lane {
        route::lane(&self.catalog, call)
    }

    fn answer(&mut self, world: &mut World, quotas: &Quotas, call: &Call<'_>) -> Response<Bytes> {
        self.commit_late(world);
        self.run_jobs(world);
        self.serve(world, quotas, call)
    }

    fn weather(&self, weather: &Weather, _now: Timestamp) -> Response<Bytes> {
        limits::weather(weather)
    }

    fn kill_tokens(&mut self) {
        self.sessions.expire();
    }

    fn kinds(&self) -> Vec<String> {
        self.catalog.kinds.iter().map(|kind| kind.name.to_owned()).collect()
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
        let made = self.control_write(world, kind, |desk, kind| desk.create(kind, fields));
        self.settle_stages(world, kind);
        made
    }

    fn patch(
        &mut self,
        world: &mut World,
        kind: &str,
        id: &str,
        fields: &Fields,
    ) -> Result<(), Refusal> {
        let done = self.control_write(world, kind, |desk, kind| desk.update(kind, id, fields));
        self.settle_stages(world, kind);
        done.map(drop)
    }

    fn delete(&mut self, world: &mut World, kind: &str, id: &str) -> Result<(), Refusal> {
        self.control_write(world, kind, |desk, kind| desk.delete(kind, id)).map(drop)
    }

    fn merge(
        &mut self,
        world: &mut World,
        kind: &str,
        winner: &str,
        loser: &str,
    ) -> Result<String, Refusal> {
        self.control_write(world, kind, |desk, kind| desk.merge(kind, winner, loser))
    }

    fn touch(&mut self, world: &mut World, touch: &Touch) -> Result<u64, Refusal> {
        self.control_touch(world, touch)
    }

    fn person(&self, person: &Person) -> Fields {
        self.control_person(person)
    }

    fn person_kind(&self) -> &'static str {
        "Contact"
    }

    fn furnish(&mut self, world: &mut World, scene: &Scene) -> Result<(), Refusal> {
        self.enter(world, scene)
    }
}
