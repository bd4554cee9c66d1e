use rusqlite::{Error, ffi};

use super::*;

fn failure(code: std::ffi::c_int) -> StoreError {
    sql(Error::SqliteFailure(ffi::Error::new(code), None))
}

#[test]
fn what_a_person_can_mend_has_a_hint() {
    let table = [
        (ffi::SQLITE_FULL, "the disk is full", "free some space"),
        (ffi::SQLITE_READONLY, "read-only", "write permission"),
        (ffi::SQLITE_NOTADB, "not a database", "another file"),
        (ffi::SQLITE_CORRUPT, "damaged", "backup"),
        (ffi::SQLITE_CANTOPEN, "cannot be opened", "directory"),
        (ffi::SQLITE_IOERR, "the disk failed", "check the disk"),
    ];
    for (code, says, advises) in table {
        let error = failure(code);
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap().contains(advises), "{error:?}");
    }
}

#[test]
fn being_late_is_not_a_failure() {
    assert!(matches!(failure(ffi::SQLITE_CONSTRAINT_UNIQUE), StoreError::Raced));
    assert!(matches!(failure(ffi::SQLITE_CONSTRAINT_PRIMARYKEY), StoreError::Raced));
    assert!(matches!(failure(ffi::SQLITE_BUSY), StoreError::Busy));
    // Other constraints are slips of ours.
    let slip = failure(ffi::SQLITE_CONSTRAINT_NOTNULL);
    assert!(slip.to_string().contains("refused a statement"), "{slip}");
}

#[test]
fn the_file_is_named_once() {
    let error = opening(Path::new("a.db"), failure(ffi::SQLITE_NOTADB));
    assert_eq!(error.to_string(), "the store is not a database (a.db)");
    assert!(error.hint().is_some());
    assert!(matches!(opening(Path::new("a.db"), StoreError::Busy), StoreError::Busy));
}

#[test]
fn a_file_that_cannot_be_made_says_why() {
    let said = |kind: io::ErrorKind| file(Path::new("a.db.lock"), kind.into());
    assert!(said(io::ErrorKind::NotFound).hint().unwrap().contains("directory"));
    assert!(said(io::ErrorKind::PermissionDenied).hint().unwrap().contains("permission"));
    assert!(said(io::ErrorKind::StorageFull).hint().unwrap().contains("space"));
    assert!(said(io::ErrorKind::IsADirectory).to_string().contains("cannot be opened"));
}
