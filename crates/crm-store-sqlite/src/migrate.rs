//! Brings a file to the newest form.

use crm_store::{StoreError, StoreResult};
use rusqlite::{Connection, OptionalExtension};

use crate::error::sql;

mod embedded {
    #![allow(missing_docs, unreachable_pub, reason = "made by a macro")]
    refinery::embed_migrations!("migrations");
}

/// Marks a file as a ledger of ours; the first migration sets it.
const APPLICATION: i64 = 1_668_443_441;

/// Tables but the list of migrations, which may stand alone after a death of the process.
const TABLES: &str = "SELECT count(*) FROM sqlite_schema \
     WHERE type = 'table' AND name <> 'refinery_schema_history'";

/// Applies what is missing.
pub(crate) fn migrate(connection: &mut Connection) -> StoreResult<()> {
    // What is there, or nothing: both are brought to the newest form.
    let _found = check(connection)?;
    embedded::migrations::runner()
        .run(connection)
        .map(|_report| ())
        .map_err(|error| StoreError::backend("the store cannot be brought up to date", error))
}

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No table: nobody has written yet.
    Nothing,
    /// A store of ours.
    Store,
}

/// Refuses a file that another program, or a later release of this one, has made.
pub(crate) fn check(connection: &Connection) -> StoreResult<Found> {
    let query = |text: &str| connection.query_row(text, [], |row| row.get::<_, i64>(0));
    let tables = query(TABLES).map_err(sql)?;
    let application = query("PRAGMA application_id").map_err(sql)?;
    if tables > 0 && application != APPLICATION {
        return Err(foreign());
    }
    if tables == 0 {
        return Ok(Found::Nothing);
    }
    let found = connection
        .query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))
        .optional()
        .map_err(sql)?
        .unwrap_or(0);
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version()));
    let known = known.max().unwrap_or(0);
    if known < found {
        return Err(newer(found, known));
    }
    Ok(Found::Store)
}

fn foreign() -> StoreError {
    StoreError::Backend {
        message: "the file is a database, but not a store of crm".into(),
        hint: Some("name another file".into()),
        source: None,
    }
}

fn newer(found: i64, known: i64) -> StoreError {
    StoreError::Backend {
        message: format!("the store has form {found}; this crm knows forms up to {known}").into(),
        hint: Some("use the newer crm that wrote it".into()),
        source: None,
    }
}
