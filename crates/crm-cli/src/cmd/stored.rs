//! What commands share that read or change the store alone.

use std::path::Path;

use crm::core::ObjectKind;
use crm::store::SharedStore;

use crate::error::Failure;

/// Opens the store for reading, also while a sync runs.
pub(crate) fn open(database: &Path) -> Result<SharedStore, Failure> {
    present(database)?;
    Ok(crm::open_store_read_only(database)?)
}

/// Refuses a store that is not there.
pub(crate) fn present(database: &Path) -> Result<(), Failure> {
    // A file of 0 bytes holds no more than one that is not there.
    if database.metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(());
    }
    Err(Failure::new(
        format!("there is no store at {}", database.display()),
        "make one with `crm plan` or `crm sync`, or name another with [store] sqlite",
    ))
}

/// Reads the name of a kind, in singular or plural.
pub(crate) fn kind(name: &str) -> Result<ObjectKind, Failure> {
    let mut kinds = ObjectKind::ALL.into_iter();
    kinds.find(|kind| kind.name() == name || kind.plural() == name).ok_or_else(|| {
        let names = ObjectKind::ALL.map(ObjectKind::name).join(", ");
        Failure::usage(format!("there is no kind `{name}`"), format!("the kinds are {names}"))
    })
}
