//! The trait of a connection to one CRM account.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    BatchOutcome, Capabilities, ChangePage, Cursor, Feed, Lookup, MatchKey, ObjectKind, ProviderId,
    Remote, RemoteId, Result, Write,
};

/// A connection, shared.
pub type SharedProvider = Arc<dyn Provider>;

/// A connection to one CRM account.
///
/// Object-safe, and one method per thing that can be asked rather than per kind: typed sugar
/// lives at the edges. Every method that takes several items splits them into calls that the
/// vendor accepts; an empty list makes no request.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// Returns the name of this connection, unique within an engine.
    fn id(&self) -> &ProviderId;

    /// Returns what this connection can do. Never touches the network; `probe` may refine it.
    fn capabilities(&self) -> Arc<Capabilities>;

    /// Makes the cheapest authenticated calls: is the account there, may we read and write, are
    /// the fields of the mapping there?
    async fn probe(&self) -> Result<Account>;

    /// Looks records up by id; one answer per id, in order. The only source of values for
    /// records that are about to be written.
    async fn get(&self, kind: ObjectKind, ids: &[RemoteId]) -> Result<Vec<Lookup>>;

    /// Finds live records that carry any of the keys.
    async fn find(&self, kind: ObjectKind, keys: &[MatchKey]) -> Result<Vec<Remote>>;

    /// Reads one page of a feed; `None` begins at the beginning.
    async fn changes(
        &self,
        kind: ObjectKind,
        feed: Feed,
        after: Option<&Cursor>,
    ) -> Result<ChangePage>;

    /// Applies writes; one result per write, in order. An error is returned only if nothing was
    /// sent: otherwise each write has its own result.
    async fn apply(&self, writes: &[Write]) -> Result<BatchOutcome>;

    /// Makes in the account what is missing there (our unique field, for instance).
    async fn repair(&self, finding: &Finding) -> Result<()>;

    /// Returns what this connection has used so far.
    fn usage(&self) -> Usage;
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What tells the account from every other one of the vendor, and never changes.
    pub id: String,
    /// The account's own name or number, for people.
    pub name: String,
    /// The interface version that is spoken.
    pub api_version: String,
    /// The provider's clock.
    pub now: Timestamp,
    /// What is missing or odd, most important first.
    pub findings: Vec<Finding>,
}

/// Something that a probe found missing or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind concerned.
    pub kind: ObjectKind,
    /// What is the matter, one line.
    pub message: String,
    /// What a person can do about it.
    pub hint: String,
    /// How [`Provider::repair`] can mend it, if it can.
    pub repair: Option<Repair>,
    /// Whether a sync must refuse to run until it is mended.
    pub blocking: bool,
}

/// What [`Provider::repair`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Our unique field of a kind.
    UidField,
    /// Another field of the mapping, by the vendor's name.
    Field(&'static str),
}

/// What a connection has used since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that read records.
    pub reads: u64,
    /// Requests that wrote records.
    pub writes: u64,
    /// Other requests: tokens, versions, definitions.
    pub other: u64,
    /// Requests by endpoint, as `METHOD /path` with ids left out.
    pub endpoints: BTreeMap<String, u64>,
    /// How far each budget is used.
    pub quotas: Vec<QuotaUse>,
}

impl Usage {
    /// Returns all requests.
    pub const fn requests(&self) -> u64 {
        self.reads + self.writes + self.other
    }
}

/// How far a budget is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The budget's name.
    pub name: String,
    /// How many requests it allows.
    pub limit: u64,
    /// How many are used, by us and, where headers tell, by others.
    pub used: u64,
}
