//! The sandbox: the fakes on loopback ports, filled with people, with levers over HTTP.
//!
//! Port 4700 (or another base) is the control interface; each vendor follows at a place of its own,
//! whether or not the ones before it run. `docs/sandbox.md` describes it for users.

mod account;
mod control;
mod levers;
mod vendor;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::dialect::hubspot::{HubSpotFake, HubSpotOptions, Setup};
use crate::dialect::salesflare::{OwnFields, SalesflareFake, SalesflareOptions};
use crate::dialect::salesforce::{OrgFields, SalesforceFake, SalesforceOptions};
use crate::dialect::zoho::{self, ZohoFake, ZohoOptions};
use crate::fake::{Fake, Refusal};
use crate::fault::Profile;
use crate::people::Person;
use crate::scene::{Kinds, scenes};
use crate::serve::{Server, Site};
use crate::world::FakeClock;

pub use self::account::Account;
pub use self::vendor::Vendor;

/// The port of the control interface unless another is asked for.
pub const PORT_BASE: u16 = 4_700;
/// How fast the fakes' time runs when faults are on: a 429 without a hint means ten seconds.
const FAULTY_SCALE: u32 = 50;
const HUBSPOT_TOKEN: &str = "sandbox-hubspot-token";
const SALESFORCE_SECRET: &str = "sandbox-salesforce-secret";
const SALESFORCE_CLIENT: &str = "sandbox-salesforce-app";
const SALESFLARE_KEY: &str = "sandbox-salesflare-key";
const ZOHO_CLIENT: &str = "sandbox-zoho-client";
const ZOHO_SECRET: &str = "sandbox-zoho-secret";
const ZOHO_REFRESH: &str = "sandbox-zoho-refresh";

/// Where the sandbox listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// At this port and those after it.
    Base(u16),
    /// At any that are free.
    Free,
}

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The accounts to run, each once.
    pub accounts: Vec<Account>,
    /// How many invented people to spread over them.
    pub people: usize,
    /// What there is besides: a company for eight people, a deal for four, an activity for two.
    pub kinds: Kinds,
    /// The seed of people, faults and everything else random.
    pub seed: u64,
    /// People to add to one account's contacts.
    pub loads: Vec<(Account, Vec<Person>)>,
    /// Where to listen.
    pub ports: Ports,
    /// A wait in real time before each answer.
    pub latency: Duration,
    /// The weather; `None` for calm at normal speed.
    pub faults: Option<Profile>,
    /// Whether the fields that a synchronising client needs exist.
    pub setup: Setup,
    /// The clock; `None` for real time, sped up if faults are on.
    pub clock: Option<FakeClock>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            accounts: Vendor::USUAL.map(Account::from).to_vec(),
            people: 0,
            kinds: Kinds::default(),
            seed: 1,
            loads: Vec::new(),
            ports: Ports::Base(PORT_BASE),
            latency: Duration::ZERO,
            faults: None,
            setup: Setup::Prepared,
            clock: None,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug)]
pub enum SandboxError {
    /// A port cannot be had.
    Port {
        /// The port; 0 for any.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The server does not start.
    Serve(io::Error),
    /// An account refuses the records to fill in.
    Fill {
        /// The account.
        account: Account,
        /// Why.
        source: Refusal,
    },
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { port, source } => write!(f, "port {port} cannot be used: {source}"),
            Self::Serve(source) => write!(f, "the sandbox cannot serve: {source}"),
            Self::Fill { account, source } => {
                write!(f, "{account} does not take its records: {source}")
            }
        }
    }
}

impl std::error::Error for SandboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Port { source, .. } | Self::Serve(source) => Some(source),
            Self::Fill { source, .. } => Some(source),
        }
    }
}

/// The fakes and what they were started with: the part that the control interface works on.
#[derive(Debug)]
struct Yard {
    options: SandboxOptions,
    clock: FakeClock,
    fakes: BTreeMap<Account, Arc<dyn Fake>>,
    /// The base URLs: control, then the accounts that run; set once ports are known.
    urls: OnceLock<Vec<(String, String)>>,
}

/// A running sandbox; dropping it closes its ports.
#[derive(Debug)]
pub struct Sandbox {
    yard: Arc<Yard>,
    _server: Server,
}

impl Sandbox {
    /// Fills the fakes with people and starts serving.
    pub fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let scale = if options.faults.is_some() { FAULTY_SCALE } else { 1 };
        let clock = options.clock.clone().unwrap_or_else(|| FakeClock::running(scale));
        let mut fakes: BTreeMap<Account, Arc<dyn Fake>> = BTreeMap::new();
        for account in &options.accounts {
            fakes.insert(*account, fake(*account, &options, &clock));
        }
        let yard = Arc::new(Yard { options, clock, fakes, urls: OnceLock::new() });
        yard.fill()?;
        let levers = Arc::clone(&yard);
        let mut sites =
            vec![yard.bind(0, |port| {
                Site::bind(port, Arc::new(move |r| control::answer(&levers, r)))
            })?];
        for (account, fake) in &yard.fakes {
            let site = yard.bind(account.place(), |port| Site::of(Arc::clone(fake), port))?;
            sites.push(site.latency(yard.options.latency));
        }
        let server = Server::start(sites).map_err(SandboxError::Serve)?;
        let accounts = yard.fakes.keys().map(|account| account.name());
        let names = std::iter::once("control".to_owned()).chain(accounts);
        let urls = names.enumerate().filter_map(|(place, name)| Some((name, server.url(place)?)));
        let urls = urls.collect();
        // The lock is fresh: nothing was in it.
        drop(yard.urls.set(urls));
        Ok(Self { yard, _server: server })
    }

    /// Returns an account's fake, for use without HTTP.
    pub fn fake(&self, account: impl Into<Account>) -> Option<&Arc<dyn Fake>> {
        self.yard.fakes.get(&account.into())
    }

    /// Returns the clock that all fakes share.
    pub fn clock(&self) -> &FakeClock {
        &self.yard.clock
    }

    /// Returns names and base URLs: the control interface, then each account that runs.
    pub fn urls(&self) -> &[(String, String)] {
        self.yard.urls()
    }

    /// Returns the base URL of `control` or of an account by name.
    pub fn url(&self, name: &str) -> Option<&str> {
        self.urls().iter().find(|row| row.0 == name).map(|row| row.1.as_str())
    }

    /// Returns the text of `sandbox.env`: what a client needs to reach the fakes.
    pub fn env(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut line = |name: &str, value: &str| lines.push(format!("export {name}='{value}'\n"));
        for account in self.yard.fakes.keys() {
            let Some(url) = self.url(&account.name()) else { continue };
            match account.vendor() {
                Vendor::HubSpot => {
                    line(&account.variable("API_KEY"), &account.own(HUBSPOT_TOKEN));
                }
                Vendor::Salesforce => {
                    line(&account.variable("CLIENT_ID"), &account.own(SALESFORCE_CLIENT));
                    line(&account.variable("CLIENT_SECRET"), &account.own(SALESFORCE_SECRET));
                }
                Vendor::Zoho => {
                    line(&account.variable("CLIENT_ID"), &account.own(ZOHO_CLIENT));
                    line(&account.variable("CLIENT_SECRET"), &account.own(ZOHO_SECRET));
                    line(&account.variable("REFRESH_TOKEN"), &account.own(ZOHO_REFRESH));
                }
                Vendor::Salesflare => {
                    line(&account.variable("API_KEY"), &account.own(SALESFLARE_KEY));
                }
            }
            line(&account.variable("BASE_URL"), url);
        }
        line("CRM_KINDS", &self.yard.options.kinds.names());
        if self.yard.clock.scale() != 1 {
            line("CRM_TIME_SCALE", &self.yard.clock.scale().to_string());
            if let Some(origin) = self.yard.clock.origin() {
                line("CRM_TIME_ORIGIN", &origin.to_string());
            }
        }
        let divisor = self.yard.options.faults.map_or(1, |profile| profile.rates().quota_divisor);
        if divisor != 1 {
            // The limit of searches is in no header: a client must be told.
            line("CRM_QUOTA_DIVISOR", &divisor.to_string());
        }
        if let Some(url) = self.url("control") {
            line("CRM_SANDBOX_URL", url);
        }
        lines.concat()
    }

    /// Puts everything back as it was at the start.
    pub fn reset(&self) -> Result<(), SandboxError> {
        self.yard.reset()
    }
}

impl Yard {
    fn urls(&self) -> &[(String, String)] {
        self.urls.get().map_or(&[], Vec::as_slice)
    }

    fn reset(&self) -> Result<(), SandboxError> {
        for fake in self.fakes.values() {
            fake.reset();
        }
        self.fill()
    }

    /// Fills in the invented business and the people of files, and sets the weather.
    fn fill(&self) -> Result<(), SandboxError> {
        let names: Vec<String> = self.fakes.keys().map(|account| account.name()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = &self.options;
        let sides = scenes(options.people, options.seed, &names, &options.kinds);
        for ((account, fake), scene) in self.fakes.iter().zip(&sides) {
            let refused = |source| SandboxError::Fill { account: *account, source };
            fake.furnish(scene).map_err(refused)?;
            for (_, people) in options.loads.iter().filter(|load| load.0 == *account) {
                fake.populate(people).map_err(refused)?;
            }
            let profile = options.faults.unwrap_or(Profile::Calm);
            fake.set_faults(profile.rates(), options.seed.wrapping_add(account.nth()));
        }
        Ok(())
    }

    fn bind(
        &self,
        place: u16,
        bind: impl FnOnce(u16) -> io::Result<Site>,
    ) -> Result<Site, SandboxError> {
        let port = match self.options.ports {
            Ports::Base(base) => base.saturating_add(place),
            Ports::Free => 0,
        };
        bind(port).map_err(|source| SandboxError::Port { port, source })
    }
}

fn fake(account: Account, options: &SandboxOptions, clock: &FakeClock) -> Arc<dyn Fake> {
    let (clock, seed) = (clock.clone(), options.seed.wrapping_add(account.nth()));
    match account.vendor() {
        Vendor::HubSpot => {
            let usual = HubSpotOptions::default();
            // Other people are another account.
            let portal_id = usual.portal_id.saturating_add(options.seed).saturating_sub(1);
            let own = HubSpotOptions {
                setup: options.setup,
                tokens: vec![account.own(HUBSPOT_TOKEN)],
                portal_id: portal_id.saturating_add(account.keys()),
                last_key: usual.last_key.saturating_add(account.keys()),
                ..usual
            };
            Arc::new(HubSpotFake::new(own, clock, seed))
        }
        Vendor::Salesforce => {
            let usual = SalesforceOptions::default();
            let fields = match options.setup {
                Setup::Prepared => OrgFields::Prepared,
                Setup::Bare => OrgFields::Bare,
            };
            let own = SalesforceOptions {
                client_id: account.own(SALESFORCE_CLIENT),
                client_secret: account.own(SALESFORCE_SECRET),
                last_key: usual.last_key.saturating_add(account.keys()),
                fields,
                ..usual
            };
            Arc::new(SalesforceFake::new(own, clock, seed))
        }
        Vendor::Salesflare => {
            let usual = SalesflareOptions::default();
            let fields = match options.setup {
                Setup::Prepared => OwnFields::Prepared,
                Setup::Bare => OwnFields::Bare,
            };
            let own = SalesflareOptions {
                keys: vec![account.own(SALESFLARE_KEY)],
                last_key: usual.last_key.saturating_add(account.keys()),
                // Other people are another account.
                nth: options.seed.saturating_sub(1).saturating_add(account.keys()),
                fields,
                ..usual
            };
            Arc::new(SalesflareFake::new(own, clock, seed))
        }
        Vendor::Zoho => Arc::new(ZohoFake::new(zoho(account, options), clock, seed)),
    }
}

fn zoho(account: Account, options: &SandboxOptions) -> ZohoOptions {
    let usual = ZohoOptions::default();
    ZohoOptions {
        client_id: account.own(ZOHO_CLIENT),
        client_secret: account.own(ZOHO_SECRET),
        refresh_token: Some(account.own(ZOHO_REFRESH)),
        // Other people are another organisation.
        org_id: format!(
            "{}{:04}",
            usual.org_id,
            options.seed.wrapping_add(account.keys()) % 10_000
        ),
        last_key: usual.last_key.saturating_add(account.keys()),
        fields: match options.setup {
            Setup::Prepared => zoho::OrgFields::Prepared,
            Setup::Bare => zoho::OrgFields::Bare,
        },
        ..usual
    }
}
