//! The facade: one crate, providers chosen by features.
//!
//! ```no_run
//! # async fn sync() -> Result<(), Box<dyn std::error::Error>> {
//! use crm::prelude::*;
//!
//! // crm.toml, or the guide's environment variables alone (HUBSPOT_API_KEY, …)
//! let settings = Settings::load(None, &[])?;
//! let system = crm::open(&settings)?;
//! let run = crm::new_run();
//! let plan = system.engine.plan(run, &()).await?;
//! println!("{} writes planned", plan.writes());
//! let report = system.engine.sync(crm::new_run(), Approval::Given, &()).await?;
//! println!("{} records written", report.writes());
//! # Ok(()) }
//! ```
//!
//! Features: `hubspot`, `pipedrive`, `salesflare`, `salesforce`, `zoho`, `all-providers`, `sqlite`
//! (on by default).

mod advice;
mod config;
mod generated;
mod open;
mod variables;

/// What most programs need.
pub mod prelude {
    pub use crate::{Settings, System};
    pub use crm_sync::{Approval, Direction, FirstSync, Outcome, Policy};
}

pub use advice::{Advice, AdviceKind, advice};
pub use config::{
    ConfigError, ConnectionSettings, Faster, FlowSettings, Origin, Problem, Settings, Strategy,
    read_env_file,
};
pub use crm_core as core;
pub use crm_http::{Registration, SystemClock, Variable};
#[cfg(feature = "hubspot")]
pub use crm_provider_hubspot as hubspot;
#[cfg(feature = "pipedrive")]
pub use crm_provider_pipedrive as pipedrive;
#[cfg(feature = "salesflare")]
pub use crm_provider_salesflare as salesflare;
#[cfg(feature = "salesforce")]
pub use crm_provider_salesforce as salesforce;
#[cfg(feature = "zoho")]
pub use crm_provider_zoho as zoho;
pub use crm_store as store;
#[cfg(feature = "sqlite")]
pub use crm_store_sqlite as sqlite;
pub use crm_sync as sync;
pub use open::{OpenError, System, clock, connect, new_run};
#[cfg(feature = "sqlite")]
pub use open::{open, open_store, open_store_read_only};

/// Returns every provider that this build has.
pub fn registry() -> &'static [Registration] {
    generated::registry::REGISTRY
}
