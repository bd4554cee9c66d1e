//! Why a run could not go on.

use crm_core::{Finding, ProviderError, ProviderId, RunId};
use crm_store::StoreError;

/// Why a run could not go on. What concerns single records is no error of a run: it is parked and
/// reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A connection failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first sync needs an approved plan.
    #[error("the first sync of {kinds} has no approved plan")]
    NotApproved {
        /// The kinds concerned.
        kinds: String,
    },
    /// Something in an account must be mended first.
    #[error("{provider}: {}", finding.message)]
    Blocked {
        /// The connection.
        provider: ProviderId,
        /// What was found.
        finding: Box<Finding>,
    },
    /// The credentials reach another account than the ledger is about.
    #[error(
        "{provider}: the store is about account {known}, and the credentials reach account {found}"
    )]
    OtherAccount {
        /// The connection.
        provider: ProviderId,
        /// The account of the ledger.
        known: Box<str>,
        /// The account that answered.
        found: Box<str>,
    },
    /// The topology names a connection that does not exist.
    #[error("no connection is named `{0}`")]
    UnknownConnection(ProviderId),
    /// There is nobody to keep in step with.
    #[error("a sync needs at least two connections, and only {0} is configured")]
    OneConnection(ProviderId),
    /// There is no such run.
    #[error("no run has the id {0}")]
    UnknownRun(RunId),
    /// A plan could not be read back.
    #[error("the stored plan cannot be read: {0}")]
    Plan(#[from] serde_json::Error),
}

impl EngineError {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Provider(error) => error.hint().map(str::to_owned),
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::NotApproved { .. } => Some(
                "look at `crm plan`, then approve it with `crm sync --yes` \
                 (or set first_sync = \"auto\")"
                    .to_owned(),
            ),
            Self::Blocked { finding, .. } => Some(finding.hint.clone()),
            Self::OtherAccount { known, .. } => Some(format!(
                "name another store (store.sqlite or CRM_DATABASE), or use credentials of {known}"
            )),
            Self::UnknownConnection(name) => {
                Some(format!("add [connections.{name}] or correct primary and secondary"))
            }
            Self::OneConnection(_) => {
                Some("configure a second connection, or set its environment variables".to_owned())
            }
            Self::UnknownRun(_) => Some("see `crm runs`".to_owned()),
            Self::Plan(_) => Some("make a new one with `crm plan`".to_owned()),
        }
    }
}
