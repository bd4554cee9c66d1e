//! From settings to a running system.

use std::num::NonZeroU16;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "sqlite")]
use std::time::Duration;

#[cfg(feature = "sqlite")]
use crm_core::TenantId;
use crm_core::{Clock, Normalizer, ProviderError, ProviderId, RunId, SharedProvider};
use crm_http::{Setup, SystemClock};
use crm_layers::Stack;
use crm_store::{SharedStore, StoreError};
use crm_sync::{Engine, EngineError};
#[cfg(feature = "sqlite")]
use crm_sync::{Flow, Options, Topology};
use uuid::Uuid;

#[cfg(feature = "sqlite")]
use crate::Origin;
use crate::{Faster, Settings, registry, variables};

/// An engine with what it stands on.
#[derive(Debug)]
pub struct System {
    /// The engine.
    pub engine: Engine,
    /// The connections, by rank.
    pub providers: Vec<SharedProvider>,
    /// The store.
    pub store: SharedStore,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Why a system cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The settings of some connections are not usable.
    #[error("{}", said(.0))]
    Connections(Vec<ProviderError>),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine cannot be made.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// The variables of one connection are set, and those of no other.
    #[error(
        "a sync needs at least two connections, and only the variables of {connection} are set"
    )]
    Alone {
        /// The connection.
        connection: ProviderId,
        /// Variables that would make another one, for a sentence.
        others: String,
    },
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl OpenError {
    /// Returns every problem, each with what a person can do about it.
    pub fn problems(&self) -> Vec<(String, Option<String>)> {
        match self {
            Self::Connections(errors) => errors
                .iter()
                .map(|error| (error.to_string(), error.hint().map(str::to_owned)))
                .collect(),
            Self::Store(error) => vec![(error.to_string(), error.hint().map(str::to_owned))],
            Self::Engine(error) => vec![(error.to_string(), error.hint())],
            Self::Alone { others, .. } => {
                vec![(self.to_string(), Some(format!("set {others} as well, or write crm.toml")))]
            }
        }
    }
}

fn said(errors: &[ProviderError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes the id of a run.
pub fn new_run() -> RunId {
    RunId::from_uuid(Uuid::now_v7())
}

/// Returns the clock that the settings ask for: the machine's, but for a sandbox with faults.
pub fn clock(settings: &Settings) -> Arc<dyn Clock> {
    match settings.time {
        None => Arc::new(SystemClock::new()),
        Some(Faster { factor, origin: None }) => Arc::new(SystemClock::scaled(factor)),
        Some(Faster { factor, origin: Some(origin) }) => {
            Arc::new(SystemClock::scaled_since(origin, factor))
        }
    }
}

/// Opens all connections, by rank, each behind the layers; no request is sent. The error has
/// every connection that cannot be opened.
pub fn connect(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<SharedProvider>, OpenError> {
    let mut providers = Vec::new();
    let mut errors = Vec::new();
    for name in std::iter::once(&settings.primary).chain(&settings.secondary) {
        let Some(connection) = settings.connections.get(name) else { continue };
        let Some(room) = registry().iter().find(|room| room.name == connection.provider) else {
            continue;
        };
        let mut setup = Setup::new(name.clone(), Arc::clone(clock));
        setup.settings.clone_from(&connection.settings);
        setup.normalizer = Normalizer { region: settings.default_region };
        // Jitter only has to differ between processes.
        setup.seed = u64::from(std::process::id());
        let enabled = settings.flows.iter().filter(|flow| flow.enabled);
        setup.kinds = Some(enabled.map(|flow| flow.kind).collect());
        setup.retries_max = settings.retry_attempts;
        setup.batch_max = settings.batch_size.and_then(NonZeroU16::new);
        setup.quotas.clone_from(&connection.quotas);
        setup.quota_divisor = settings.quota_divisor;
        setup.quota_reserve = connection.quota_reserve.unwrap_or(setup.quota_reserve);
        match (room.open)(setup) {
            Ok(provider) => {
                providers.push(Stack::new(Arc::clone(clock)).wrap(provider).provider);
            }
            Err(error) => {
                let error = variables::renamed(error, room, name.as_str(), connection.origin);
                errors.push(error.with_provider(name));
            }
        }
    }
    if errors.is_empty() { Ok(providers) } else { Err(OpenError::Connections(errors)) }
}

#[cfg(feature = "sqlite")]
fn topology(settings: &Settings) -> Topology {
    let flows = settings.flows.iter().filter(|flow| flow.enabled).map(|flow| Flow {
        kind: flow.kind,
        direction: flow.direction,
        fields: flow.fields.clone(),
        allow_clear: flow.allow_clear.clone(),
        policy: flow.policy.clone(),
        field_policy: flow.field_policy.clone(),
        field_direction: flow.field_direction.clone(),
        required_default: flow.required_default.clone(),
        deletes: flow.deletes,
        company_to_record: flow.company_to_record,
    });
    Topology {
        tenant: TenantId::default(),
        primary: settings.primary.clone(),
        secondary: settings.secondary.clone(),
        flows: flows.collect(),
    }
}

/// Says which variables are lacking, where variables make a single connection.
#[cfg(feature = "sqlite")]
fn alone(settings: &Settings) -> Option<OpenError> {
    let mut connections = settings.connections.iter();
    let (Some((name, connection)), None) = (connections.next(), connections.next()) else {
        return None;
    };
    let others = registry().iter().filter(|room| room.name != connection.provider);
    let others: Vec<String> = others.map(variables::usual).collect();
    if connection.origin != Origin::Variables || others.is_empty() {
        return None;
    }
    Some(OpenError::Alone { connection: name.clone(), others: others.join(", or ") })
}

/// Opens everything: connections, the store, the engine over them.
#[cfg(feature = "sqlite")]
pub fn open(settings: &Settings) -> Result<System, OpenError> {
    let clock = clock(settings);
    let providers = connect(settings, &clock)?;
    if let Some(error) = alone(settings) {
        return Err(error);
    }
    let config = crm_store_sqlite::SqliteConfig::new(&settings.database);
    let store: SharedStore = Arc::new(crm_store_sqlite::SqliteStore::open(&config)?);
    let (first_sync, guard) = (settings.first_sync, settings.guard);
    let days = (settings.sweep_days > 0).then_some(settings.sweep_days);
    let sweep_every = days.map(|days| Duration::from_hours(24 * days));
    let options = Options { first_sync, guard, sweep_every, ..Options::default() };
    let engine = Engine::new(
        topology(settings),
        providers.clone(),
        Arc::clone(&store),
        Arc::clone(&clock),
        options,
    )?;
    Ok(System { engine, providers, store, clock })
}

/// Opens the store for what is decided without a request.
#[cfg(feature = "sqlite")]
pub fn open_store(database: &Path) -> Result<SharedStore, StoreError> {
    let config = crm_store_sqlite::SqliteConfig::new(database);
    Ok(Arc::new(crm_store_sqlite::SqliteStore::open(&config)?))
}

/// Opens the store for reading, beside whoever writes it.
#[cfg(feature = "sqlite")]
pub fn open_store_read_only(database: &Path) -> Result<SharedStore, StoreError> {
    let config = crm_store_sqlite::SqliteConfig::new(database);
    Ok(Arc::new(crm_store_sqlite::SqliteStore::open_read_only(&config)?))
}
