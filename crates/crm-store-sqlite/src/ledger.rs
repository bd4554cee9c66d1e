//! The ledger as plain, synchronous code: opening a file, and what is remembered of it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crm_core::{EntityId, ObjectKind, TenantId};
use crm_store::{Leases, StoreError, StoreResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::SqliteConfig;
use crate::error::{file, opening, sql};
use crate::migrate::{self, Found};
use crate::place::Places;

/// How long a statement waits for a reader that holds the file.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// More than all statements of this crate.
const STATEMENTS: usize = 96;
/// How long the journal grows before it is moved into the file, in pages of 4 kB. A commit of a
/// first sync dirties hundreds of pages, and many of them again in the next one: the longer the
/// journal, the fewer of them are written twice.
const JOURNAL_PAGES: i64 = 4_000;
/// How many entity numbers are remembered: a chunk of match keys, in about two megabytes.
const KNOWN_MAX: usize = 32_768;

/// A ledger in a SQLite file, or in memory.
#[derive(Debug)]
pub struct SqliteLedger {
    pub(crate) connection: Connection,
    pub(crate) places: Places,
    pub(crate) known: Known,
    pub(crate) leases: Leases,
    /// Holds the right to write; released when the process ends, however it ends.
    _lock: Option<File>,
}

impl SqliteLedger {
    /// Opens a file for writing, creating it if need be.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another process, or another ledger of this one, has it open
    /// for writing; [`StoreError::Backend`] with a hint if it cannot be used.
    pub fn open(config: &SqliteConfig) -> StoreResult<Self> {
        let path = config.path();
        refuse_read_only(path)?;
        let lock = lock(&config.lock_path())?;
        let connection = Connection::open(path).map_err(sql);
        connection
            .and_then(|connection| Self::start(connection, config.owner(), Some(lock)))
            .map_err(|error| opening(path, error))
    }

    /// Opens a file for reading beside whoever writes it.
    ///
    /// # Errors
    /// [`StoreError::Backend`] with a hint if there is no such file or it cannot be used.
    pub fn open_read_only(config: &SqliteConfig) -> StoreResult<Self> {
        let path = config.path();
        // SQLite takes a file of 0 bytes for a database without tables.
        if !path.metadata().is_ok_and(|found| found.len() > 0) {
            return Err(missing(path));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(sql);
        let ledger = connection
            .and_then(|connection| Self::look(connection, config.owner()))
            .map_err(|error| opening(path, error))?;
        ledger.ok_or_else(|| missing(path))
    }

    /// Makes a ledger that is gone when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if memory is short.
    pub fn in_memory() -> StoreResult<Self> {
        let connection = Connection::open_in_memory().map_err(sql)?;
        Self::start(connection, &TenantId::default(), None)
    }

    fn start(
        mut connection: Connection,
        tenant: &TenantId,
        lock: Option<File>,
    ) -> StoreResult<Self> {
        settings(&connection)?;
        // The journal goes first: this is also what notices a file that is no database.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(sql)?;
        connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES).map_err(sql)?;
        migrate::migrate(&mut connection)?;
        connection
            .execute("INSERT OR IGNORE INTO tenant (name) VALUES (?1)", [tenant.as_str()])
            .map_err(sql)?;
        if lock.is_some() {
            // The secret of its audit log. A ledger in memory has none to keep, and a simulation
            // must not differ from run to run.
            connection
                .execute(
                    "INSERT OR IGNORE INTO audit_head (tenant, seq, hash, key)
                     SELECT id, 0, zeroblob(32), randomblob(32) FROM tenant WHERE name = ?1",
                    [tenant.as_str()],
                )
                .map_err(sql)?;
            // The key by which what was erased is recognised, for the same reasons.
            connection
                .execute(
                    "INSERT OR IGNORE INTO erasure_head (tenant, key, floor)
                     SELECT id, randomblob(32), 0 FROM tenant WHERE name = ?1",
                    [tenant.as_str()],
                )
                .map_err(sql)?;
        }
        Self::with(connection, tenant, lock)
    }

    /// Makes a ledger for reading, if there is anything to read.
    fn look(connection: Connection, tenant: &TenantId) -> StoreResult<Option<Self>> {
        settings(&connection)?;
        match migrate::check(&connection)? {
            Found::Nothing => Ok(None),
            Found::Store => Self::with(connection, tenant, None).map(Some),
        }
    }

    fn with(connection: Connection, tenant: &TenantId, lock: Option<File>) -> StoreResult<Self> {
        let number = connection
            .query_row("SELECT id FROM tenant WHERE name = ?1", [tenant.as_str()], |row| row.get(0))
            .optional()
            .map_err(sql)?;
        // No row has number 0: a tenant that never wrote has nothing to read.
        let places = Places::load(&connection, number.unwrap_or(0))?;
        let known = Known::default();
        Ok(Self { connection, places, known, leases: Leases::default(), _lock: lock })
    }

    /// Empties the ledger, which costs less than opening a new one.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the file cannot be written.
    pub fn clear(&mut self) -> StoreResult<()> {
        self.connection
            .execute_batch(
                "BEGIN IMMEDIATE; DELETE FROM connection; DELETE FROM entity; DELETE FROM golden;
                 DELETE FROM link;
                 DELETE FROM match_key; DELETE FROM alias; DELETE FROM pending_ref; DELETE FROM cursor; DELETE FROM stage;
                 DELETE FROM conflict; DELETE FROM history; DELETE FROM run;
                 DELETE FROM journal; DELETE FROM run_number;
                 DELETE FROM audit; DELETE FROM audit_head;
                 DELETE FROM erasure; DELETE FROM erased; DELETE FROM erasure_head; COMMIT;",
            )
            .map_err(sql)?;
        self.known = Known::default();
        self.leases = Leases::default();
        self.places.reload(&self.connection)
    }

    /// Forgets all leases, as the death of the process that holds them does.
    pub fn restart(&mut self) {
        self.leases.forget();
    }
}

fn settings(connection: &Connection) -> StoreResult<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_MAX).map_err(sql)?;
    connection
        .execute_batch(
            "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF;",
        )
        .map_err(sql)
}

/// Refuses a file or directory that is marked read-only, also where the user's rights would
/// override the mark: whoever set it meant it.
fn refuse_read_only(path: &Path) -> StoreResult<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    for place in [Some(path), parent].into_iter().flatten() {
        let marked = place.metadata().is_ok_and(|found| found.permissions().readonly());
        if marked {
            return Err(StoreError::Backend {
                message: format!("{} is read-only", place.display()).into(),
                hint: Some(
                    "give it write permission, or name another with [store] sqlite or CRM_DATABASE"
                        .into(),
                ),
                source: None,
            });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> StoreResult<File> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| file(path, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
        Err(TryLockError::Error(error)) => Err(file(path, error)),
    }
}

fn missing(path: &Path) -> StoreError {
    StoreError::Backend {
        message: format!("there is no store at {}", path.display()).into(),
        hint: Some("run `crm plan` first, or name another file".into()),
        source: None,
    }
}

/// Where the entities that were lately read or written are.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<EntityId, Place>);

/// An entity's number and kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) eid: i64,
    pub(crate) kind: ObjectKind,
}

impl Known {
    pub(crate) fn get(&self, id: EntityId) -> Option<Place> {
        self.0.get(&id).copied()
    }

    pub(crate) fn remove(&mut self, id: EntityId) {
        self.0.remove(&id);
    }

    pub(crate) fn insert(&mut self, id: EntityId, place: Place) {
        if self.0.len() >= KNOWN_MAX {
            // What is forgotten costs one look-up; keeping an order would cost more.
            self.0.clear();
        }
        self.0.insert(id, place);
    }
}
