//! Why a run could not go on.

use crm_core::{Finding, ObjectKind, ProviderError, ProviderId};
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
    /// A run would do more than it may without asking. Nothing of what was over the limit was
    /// done.
    #[error("{}", told(.0))]
    Guarded(Box<Excess>),
    /// The topology names a connection that does not exist.
    #[error("no connection is named `{0}`")]
    UnknownConnection(ProviderId),
    /// There is nobody to keep in step with.
    #[error("a sync needs at least two connections, and only {0} is configured")]
    OneConnection(ProviderId),
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
            Self::Guarded(excess) => Some(format!(
                "if that is meant, run `crm sync --{option} {found}`; if not, restore the records \
                 or mend the configuration first: nothing more was done",
                option = excess.option,
                found = excess.found,
            )),
            Self::OtherAccount { known, .. } => Some(format!(
                "name another store (store.sqlite or CRM_DATABASE), or use credentials of {known}"
            )),
            Self::UnknownConnection(name) => {
                Some(format!("add [connections.{name}] or correct primary and secondary"))
            }
            Self::OneConnection(_) => {
                Some("configure a second connection, or set its environment variables".to_owned())
            }
            Self::Plan(_) => Some("make a new one with `crm plan`".to_owned()),
        }
    }
}

/// More of something than a run may do without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The connection.
    pub provider: ProviderId,
    /// What the records are.
    pub kind: ObjectKind,
    /// What happened or was about to happen to them.
    pub what: String,
    /// How many there are, at least.
    pub found: u64,
    /// How many there may be.
    pub limit: u64,
    /// The option of `crm sync` that allows more.
    pub option: &'static str,
}

fn told(excess: &Excess) -> String {
    let Excess { provider, kind, what, found, limit, .. } = excess;
    format!(
        "{provider}: {found} {} {what}; without being asked a run accepts {limit}",
        kind.plural()
    )
}
