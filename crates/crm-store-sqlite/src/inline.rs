//! The ledger on the caller's thread: every call is done when it is first polled.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crm_store::StoreResult;

use crate::shell::store_over_ledger;
use crate::{SqliteConfig, SqliteLedger};

/// A store for simulations and fast tests: nothing runs beside the caller, so one seed gives
/// one run.
#[derive(Debug)]
pub struct InlineStore {
    ledger: Mutex<SqliteLedger>,
}

impl InlineStore {
    /// Makes a ledger that is gone when it is dropped.
    pub fn in_memory() -> StoreResult<Self> {
        SqliteLedger::in_memory().map(Self::over)
    }

    /// Opens a file for writing; see [`SqliteLedger::open`].
    pub fn open(config: &SqliteConfig) -> StoreResult<Self> {
        SqliteLedger::open(config).map(Self::over)
    }

    /// Empties the ledger, which costs less than opening a new one.
    pub fn clear(&self) -> StoreResult<()> {
        self.ledger().clear()
    }

    /// Forgets all leases, as the death of the process that holds them does. What was committed
    /// stays.
    pub fn restart(&self) {
        self.ledger().restart();
    }

    const fn over(ledger: SqliteLedger) -> Self {
        Self { ledger: Mutex::new(ledger) }
    }

    fn ledger(&self) -> MutexGuard<'_, SqliteLedger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::unused_async, reason = "the other shell waits here")]
    async fn call<T>(
        &self,
        job: impl FnOnce(&mut SqliteLedger) -> StoreResult<T>,
    ) -> StoreResult<T> {
        job(&mut self.ledger())
    }
}

store_over_ledger!(InlineStore);
