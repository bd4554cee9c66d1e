//! Errors of stores.

use crm_core::EntityId;

/// What store calls return.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a call to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed an entity since it was read: read again and decide again.
    #[error("the record was changed meanwhile")]
    Raced,
    /// Another process works on this store.
    #[error("another crm process is working on this store")]
    Busy,
    /// The store itself failed.
    #[error("{message}")]
    Backend {
        /// What happened, one line.
        message: Box<str>,
        /// What a person can do about it.
        hint: Option<Box<str>>,
        /// The cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl StoreError {
    /// Makes an error of the store itself.
    pub fn backend(
        message: impl Into<Box<str>>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Backend { message: message.into(), hint: None, source: Some(source.into()) }
    }

    /// Makes the error of a commit that speaks of an entity that does not exist: a slip of the
    /// program.
    pub fn unknown(entity: EntityId) -> Self {
        Self::slip(format!("a commit speaks of entity {entity}, which does not exist"))
    }

    /// Makes the error of a commit that stores an entity without saying on which row version it
    /// decided: a slip of the program.
    pub fn unexpected(entity: EntityId) -> Self {
        Self::slip(format!("a commit stores entity {entity} without expecting a row version"))
    }

    fn slip(message: String) -> Self {
        Self::Backend { message: message.into(), hint: None, source: None }
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_hint(self, advice: impl Into<Box<str>>) -> Self {
        match self {
            Self::Backend { message, source, .. } => {
                Self::Backend { message, hint: Some(advice.into()), source }
            }
            Self::Raced | Self::Busy => self,
        }
    }

    /// Returns what a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Backend { hint, .. } => hint.as_deref(),
            Self::Busy => Some("wait until it is done, or stop it"),
            Self::Raced => Some("run the command again"),
        }
    }
}
