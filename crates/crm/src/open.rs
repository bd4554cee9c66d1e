//! From settings to a running system.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use crm_core::{Clock, Normalizer, ProviderError, RunId, SharedProvider, TenantId};
use crm_http::{Setup, SystemClock};
use crm_layers::Stack;
use crm_store::{SharedStore, StoreError};
use crm_sync::{Engine, EngineError, Flow, Options, Topology};
use uuid::Uuid;

use crate::{Settings, registry};

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
    /// A connection's settings are not usable.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine cannot be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl OpenError {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Provider(error) => error.hint().map(str::to_owned),
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::Engine(error) => error.hint(),
        }
    }
}

/// Makes the id of a run.
pub fn new_run() -> RunId {
    RunId::from_uuid(Uuid::now_v7())
}

/// Opens all connections, by rank, each behind the layers; no request is sent.
pub fn connect(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<SharedProvider>, ProviderError> {
    let mut providers = Vec::new();
    for name in std::iter::once(&settings.primary).chain(&settings.secondary) {
        let Some(connection) = settings.connections.get(name) else { continue };
        let Some(room) = registry().iter().find(|room| room.name == connection.provider) else {
            continue;
        };
        let mut setup = Setup::new(name.clone(), Arc::clone(clock));
        setup.settings = connection.settings.clone();
        setup.normalizer = Normalizer { region: settings.default_region };
        // Jitter only has to differ between processes.
        setup.seed = u64::from(std::process::id());
        setup.retries_max = settings.retry_attempts;
        setup.batch_max = settings.batch_size.and_then(NonZeroU16::new);
        setup.quotas = quotas(&connection.quotas);
        let provider = (room.open)(setup).map_err(|error| error.with_provider(name))?;
        providers.push(Stack::new(Arc::clone(clock)).wrap(provider).provider);
    }
    Ok(providers)
}

/// Brings the guide's rate limits to the vendors' windows: all are enforced at once, so the
/// tightest one rules.
fn quotas(configured: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut quotas = configured.clone();
    let per_ten_seconds = [
        quotas.remove("requests_per_second").map(|limit| limit * 10),
        quotas.remove("requests_per_minute").map(|limit| (limit / 6).max(1)),
        quotas.remove("requests_per_hour").map(|limit| (limit / 360).max(1)),
        quotas.remove("burst"),
    ];
    if let Some(burst) = per_ten_seconds.into_iter().flatten().min() {
        quotas.insert("burst".to_owned(), burst);
    }
    quotas
}

fn topology(settings: &Settings) -> Topology {
    let flows = settings.flows.iter().filter(|flow| flow.enabled).map(|flow| Flow {
        kind: flow.kind,
        direction: flow.direction,
        fields: flow.fields.clone(),
        allow_clear: flow.allow_clear.clone(),
        policy: flow.policy,
        field_policy: flow.field_policy.clone(),
        required_default: flow.required_default.clone(),
    });
    Topology {
        tenant: TenantId::default(),
        primary: settings.primary.clone(),
        secondary: settings.secondary.clone(),
        flows: flows.collect(),
    }
}

/// Opens everything: connections, the store, the engine over them.
#[cfg(feature = "sqlite")]
pub fn open(settings: &Settings) -> Result<System, OpenError> {
    let clock: Arc<dyn Clock> = if settings.time_scale > 1 {
        Arc::new(SystemClock::scaled(settings.time_scale))
    } else {
        Arc::new(SystemClock::new())
    };
    let providers = connect(settings, &clock)?;
    let config = crm_store_sqlite::SqliteConfig::new(&settings.database);
    let store: SharedStore = Arc::new(crm_store_sqlite::SqliteStore::open(&config)?);
    let options = Options { first_sync: settings.first_sync, ..Options::default() };
    let engine = Engine::new(
        topology(settings),
        providers.clone(),
        Arc::clone(&store),
        Arc::clone(&clock),
        options,
    )?;
    Ok(System { engine, providers, store, clock })
}

/// Opens the store for reading, beside whoever writes it.
#[cfg(feature = "sqlite")]
pub fn open_store_read_only(settings: &Settings) -> Result<SharedStore, StoreError> {
    let config = crm_store_sqlite::SqliteConfig::new(&settings.database);
    Ok(Arc::new(crm_store_sqlite::SqliteStore::open_read_only(&config)?))
}
