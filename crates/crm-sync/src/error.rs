//! Why a run could not go on.

use std::fmt;

use crm_core::{Field, Finding, ObjectKind, ProviderError, ProviderId, RunId};
use crm_store::{Conflict, ConflictId, ConflictState, StoreError};
use serde::{Deserialize, Serialize};

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
    #[error("{0}")]
    Guarded(Box<Excess>),
    /// The topology names a connection that does not exist.
    #[error("no connection is named `{0}`")]
    UnknownConnection(ProviderId),
    /// There is nobody to keep in step with.
    #[error("a sync needs at least two connections, and only {0} is configured")]
    OneConnection(ProviderId),
    /// There is no such conflict.
    #[error("there is no conflict {}", .0.0)]
    UnknownConflict(ConflictId),
    /// The conflict is no longer open.
    #[error("the conflict about {} is settled already: {}", .0.field, ended(.0))]
    ConflictSettled(Box<Conflict>),
    /// The conflict is not as it was shown any more.
    #[error("the conflict about {} has changed since it was shown", .0.field)]
    ConflictMoved(Box<Conflict>),
    /// No value of that side is known.
    #[error("no value of {field} is known of {provider}: the record is in {}", listed(.sides))]
    NoSide {
        /// The side.
        provider: ProviderId,
        /// The field.
        field: Field,
        /// Where the record is.
        sides: Vec<ProviderId>,
    },
    /// A decision gives values of other fields.
    #[error("the conflict is about {0}, and about no other field")]
    OtherField(Field),
    /// A value cannot be one of the field.
    #[error("`{text}` is no value of {field}")]
    WrongValue {
        /// The field.
        field: Field,
        /// The value as it was given.
        text: String,
    },
    /// Nothing was synchronised yet, so there is nothing to compare with.
    #[error("{kinds} were never synchronised: there is nothing to compare with")]
    NeverSynced {
        /// The kinds concerned.
        kinds: String,
    },
    /// There is no such run.
    #[error("no run has the id {0}")]
    UnknownRun(RunId),
    /// A written plan cannot be made or carried out.
    #[error(transparent)]
    PlanFile(#[from] crate::PlanFault),
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
            Self::Guarded(excess) => Some(format!("{}: nothing more was done", excess.remedy())),
            Self::OtherAccount { known, .. } => Some(format!(
                "name another store (store.sqlite or CRM_DATABASE), or use credentials of {known}"
            )),
            Self::UnknownConnection(name) => {
                Some(format!("add [connections.{name}] or correct primary and secondary"))
            }
            Self::OneConnection(_) => {
                Some("configure a second connection, or set its environment variables".to_owned())
            }
            Self::UnknownConflict(_) => Some("see `crm conflicts list --all`".to_owned()),
            Self::ConflictSettled(conflict) | Self::ConflictMoved(conflict) => {
                Some(format!("look again: `crm conflicts show {}`", conflict.id.0))
            }
            Self::NoSide { sides, .. } => Some(format!("take {}, or give a value", listed(sides))),
            Self::OtherField(field) => Some(format!("give a value of {field} alone")),
            Self::WrongValue { .. } => {
                Some("docs/fields.md names the type of each field".to_owned())
            }
            Self::NeverSynced { .. } => Some("run `crm sync` first".to_owned()),
            Self::UnknownRun(_) => Some("see `crm runs`".to_owned()),
            Self::PlanFile(fault) => Some(fault.hint()),
            Self::Plan(_) => Some("make a new one with `crm plan`".to_owned()),
        }
    }
}

/// More of something than a run may do without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub option: String,
}

impl Excess {
    /// Returns what a person can do about it.
    pub fn remedy(&self) -> String {
        let Self { option, found, .. } = self;
        format!(
            "if that is meant, run `crm sync --{option} {found}`; if not, restore the records or \
             mend the configuration first"
        )
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, kind, what, found, limit, .. } = self;
        let kind = kind.plural();
        write!(f, "{provider}: {found} {kind} {what}; without being asked a run accepts {limit}")
    }
}

/// Says how a conflict ended.
fn ended(conflict: &Conflict) -> String {
    match (&conflict.decided, conflict.state) {
        (Some(decided), _) => format!("{} decided at {}", decided.by, decided.at),
        (None, ConflictState::Auto) => format!("{} decided", conflict.rule),
        (None, ConflictState::Stale) => "the sides agreed".to_owned(),
        (None, ConflictState::Open | ConflictState::Resolved) => "somebody decided".to_owned(),
    }
}

fn listed(names: &[ProviderId]) -> String {
    let names: Vec<&str> = names.iter().map(ProviderId::as_str).collect();
    names.join(" or ")
}
