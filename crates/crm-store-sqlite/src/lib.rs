//! The embedded ledger: one SQLite file.
//!
//! [`SqliteLedger`] is plain, synchronous code and holds all SQL. Two shells make a
//! [`Store`](crm_store::Store) of it: [`SqliteStore`] keeps it on a thread of its own, so that
//! a slow disk never blocks the engine; [`InlineStore`] calls it in place, which the simulation
//! needs, since a second thread would make a run depend on the scheduler.
//!
//! A file has one writer at a time: opening takes a lock that the operating system releases
//! when the process ends. Leases therefore live in memory. Instants are kept to the microsecond.

#![expect(clippy::result_large_err, reason = "the size of rusqlite's error is not ours to choose")]

mod audit;
mod claim;
mod commit;
mod config;
mod erased;
mod error;
mod inline;
mod journal;
mod ledger;
mod migrate;
mod place;
mod read;
mod row;
mod shell;
mod sizes;
mod worker;

pub use config::SqliteConfig;
pub use inline::InlineStore;
pub use ledger::SqliteLedger;
pub use worker::SqliteStore;
