//! Errors of providers. A kind exists only where somebody branches on it; everything else is
//! prose for people.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::{Field, ProviderId, RemoteId};

/// What provider calls return.
pub type Result<T, E = ProviderError> = std::result::Result<T, E>;

/// Why a call to a provider failed, for branching ([`ErrorKind`]) and for reading (`Display`).
///
/// The message is one line and names what to do next where we know it; [`ProviderError::hint`]
/// returns that part alone. Boxed: eight bytes in every `Result`.
#[derive(Debug)]
pub struct ProviderError(Box<Report>);

#[derive(Debug)]
struct Report {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    provider: Option<ProviderId>,
    operation: Option<Operation>,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, as far as anybody acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The provider asks us to slow down. The call was not executed.
    RateLimited {
        /// How long to wait, where the provider says.
        retry_after: Option<Duration>,
    },
    /// The quota of the day is used up. The call was not executed.
    QuotaExhausted {
        /// When the quota is filled again, where it is known.
        until: Option<Timestamp>,
    },
    /// The credentials were refused, also after a renewal where one is possible.
    Auth,
    /// A scope, permission or plan is missing: a person must act.
    Forbidden,
    /// There is no such record (or no longer).
    NotFound,
    /// Another record holds a value that must be unique.
    Conflict {
        /// That record, where the provider names it.
        existing: Option<RemoteId>,
    },
    /// The record changed since it was read.
    Stale,
    /// The provider does not accept a value.
    Validation {
        /// The field at fault, where the provider names one that we know.
        field: Option<Field>,
    },
    /// The provider (or this connection) cannot do this. No request was sent.
    Unsupported,
    /// The network or the provider failed; it may work later.
    Transient {
        /// Whether a write may have been applied all the same.
        applied: Applied,
    },
    /// A reply that we could not read.
    Malformed {
        /// Whether a write may have been applied all the same.
        applied: Applied,
    },
    /// Our own breaker holds the call back. No request was sent.
    Suspended {
        /// When the next attempt is due.
        until: Timestamp,
    },
    /// Anything that will fail again in the same way.
    Permanent,
}

/// The most important bit of a failed write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applied {
    /// It was certainly not applied.
    No,
    /// It may have been applied: look before repeating it.
    Unknown,
}

/// What the dispatcher does with a failed write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Send it again, not before the wait is over.
    Retry {
        /// How long to wait, where the provider says.
        after: Option<Duration>,
    },
    /// Find out whether it was applied: a create by its uid, an update by a fresh read.
    Verify,
    /// Read the record again and decide again.
    Rebase,
    /// Another record exists already: link to it if it is the same person.
    Adopt,
    /// Put it aside with its reason; a person or a changed record wakes it.
    Park,
    /// Hold all work of this connection back; no attempt is counted.
    Pause(PauseCause),
}

/// Why a connection's work is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// The credentials or rights need a person.
    Connection,
    /// A quota or our own breaker, until then.
    Until(Option<Timestamp>),
}

impl ErrorKind {
    /// Returns what to do about it; the only such match in the workspace.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::RateLimited { retry_after } => Disposition::Retry { after: *retry_after },
            Self::QuotaExhausted { until } => Disposition::Pause(PauseCause::Until(*until)),
            Self::Suspended { until } => Disposition::Pause(PauseCause::Until(Some(*until))),
            Self::Auth | Self::Forbidden => Disposition::Pause(PauseCause::Connection),
            Self::NotFound | Self::Stale => Disposition::Rebase,
            Self::Conflict { .. } => Disposition::Adopt,
            Self::Transient { applied: Applied::No } | Self::Malformed { applied: Applied::No } => {
                Disposition::Retry { after: None }
            }
            Self::Transient { applied: Applied::Unknown }
            | Self::Malformed { applied: Applied::Unknown } => Disposition::Verify,
            Self::Validation { .. } | Self::Unsupported | Self::Permanent => Disposition::Park,
        }
    }

    /// Returns a short name for tables and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExhausted { .. } => "quota_exhausted",
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Stale => "stale",
            Self::Validation { .. } => "validation",
            Self::Unsupported => "unsupported",
            Self::Transient { .. } => "transient",
            Self::Malformed { .. } => "malformed",
            Self::Suspended { .. } => "suspended",
            Self::Permanent => "permanent",
        }
    }
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Connecting, or checking the credentials.
    Probe,
    /// Reading records by id.
    Get,
    /// Looking records up by a key.
    Find,
    /// Reading what changed.
    Changes,
    /// Writing records.
    Apply,
    /// Reading or changing definitions of fields.
    Metadata,
}

impl Operation {
    /// Returns the name for tables and counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Get => "get",
            Self::Find => "find",
            Self::Changes => "changes",
            Self::Apply => "apply",
            Self::Metadata => "metadata",
        }
    }
}

impl ProviderError {
    /// Makes an error with a message for people: lower case, one line, no full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Report {
            kind,
            message: message.into(),
            hint: None,
            provider: None,
            operation: None,
            status: None,
            code: None,
            request_id: None,
            source: None,
        }))
    }

    /// Makes the error of an operation that is not supported.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, format!("{what} is not supported"))
    }

    /// Returns an error that says the same, without the cause: one failure of a batch is the
    /// failure of each of its items.
    #[must_use]
    pub fn copy(&self) -> Self {
        let report = &*self.0;
        Self(Box::new(Report {
            kind: report.kind.clone(),
            message: report.message.clone(),
            hint: report.hint.clone(),
            provider: report.provider.clone(),
            operation: report.operation,
            status: report.status,
            code: report.code.clone(),
            request_id: report.request_id.clone(),
            source: None,
        }))
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the connection, unless one is named already.
    #[must_use]
    pub fn with_provider(mut self, provider: &ProviderId) -> Self {
        self.0.provider.get_or_insert_with(|| provider.clone());
        self
    }

    /// Adds what was being done.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the vendor's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the vendor's id of the request, which their support asks for.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns what went wrong, for branching.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns what to do about it.
    pub fn disposition(&self) -> Disposition {
        self.0.kind.disposition()
    }

    /// Returns the message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the connection.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.provider.as_ref()
    }

    /// Returns what was being done.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the vendor's own code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the vendor's id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        if let Some(provider) = &report.provider {
            write!(f, "{provider}: ")?;
        }
        f.write_str(&report.message)?;
        match (report.status, report.code.as_deref()) {
            (Some(status), Some(code)) => write!(f, " (HTTP {status}, {code}")?,
            (Some(status), None) => write!(f, " (HTTP {status}")?,
            (None, Some(code)) => write!(f, " ({code}")?,
            (None, None) => return Ok(()),
        }
        if let Some(id) = &report.request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for ProviderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}
