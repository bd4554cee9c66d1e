//! What SQLite's errors mean to a person.

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use crm_store::StoreError;
use rusqlite::{Error, ErrorCode, ffi};

/// Translates an error of a statement.
pub(crate) fn sql(error: Error) -> StoreError {
    let Some(cause) = error.sqlite_error().copied() else {
        return StoreError::backend("the store could not be read", error);
    };
    if is_unique(cause) {
        // Somebody else stored that entity, or linked that record, since it was looked for.
        return StoreError::Raced;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign, and grows")]
    match cause.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
        ErrorCode::ReadOnly => {
            StoreError::backend("the store cannot be written: it is read-only", error)
                .with_hint("give the file and its directory write permission, or move it")
        }
        ErrorCode::DiskFull => {
            StoreError::backend("the store cannot be written: the disk is full", error)
                .with_hint("free some space and run the command again; nothing was half-written")
        }
        ErrorCode::NotADatabase => StoreError::backend("the store is not a database", error)
            .with_hint("name another file, or move this one away"),
        ErrorCode::DatabaseCorrupt => StoreError::backend("the store is damaged", error)
            .with_hint("put a backup in its place, or move it away and run `crm plan` anew"),
        ErrorCode::CannotOpen => StoreError::backend("the store cannot be opened", error)
            .with_hint("check that its directory exists and may be written"),
        ErrorCode::SystemIoFailure => {
            StoreError::backend("the disk failed to read or write the store", error)
                .with_hint("check the disk and its free space, then run the command again")
        }
        _ => StoreError::backend(format!("the store refused a statement: {error}"), error),
    }
}

fn is_unique(error: ffi::Error) -> bool {
    error.code == ErrorCode::ConstraintViolation
        && matches!(
            error.extended_code,
            ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_ROWID
        )
}

/// Says which file an error of opening is about.
pub(crate) fn opening(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Backend { message, hint, source } => StoreError::Backend {
            message: format!("{message} ({})", path.display()).into(),
            hint,
            source,
        },
        StoreError::Raced | StoreError::Busy => error,
    }
}

/// Translates an error of the file system.
pub(crate) fn file(path: &Path, error: io::Error) -> StoreError {
    let name = path.display();
    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign, and grows")]
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::backend(format!("{name} cannot be created"), error)
            .with_hint("create its directory first"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::backend(format!("{name} cannot be written"), error)
                .with_hint("give the file and its directory write permission, or move it")
        }
        io::ErrorKind::StorageFull => {
            StoreError::backend(format!("{name} cannot be written: the disk is full"), error)
                .with_hint("free some space and run the command again")
        }
        _ => StoreError::backend(format!("{name} cannot be opened: {error}"), error),
    }
}

/// Makes the error of a row that this release cannot read.
pub(crate) fn row(
    what: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::backend(format!("a stored {what} cannot be read"), error)
        .with_hint("put a backup in its place, or move the store away and run `crm plan` anew")
}
