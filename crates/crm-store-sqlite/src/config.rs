//! Where the ledger is.

use std::path::{Path, PathBuf};

use crm_core::TenantId;

/// Says where a ledger is and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    path: PathBuf,
    tenant: TenantId,
}

impl SqliteConfig {
    /// Names a file; it is created if it is not there. Its directory must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), tenant: TenantId::default() }
    }

    /// Names the owner of the rows, where it is not the default one.
    #[must_use]
    pub fn tenant(self, tenant: TenantId) -> Self {
        Self { tenant, ..self }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn owner(&self) -> &TenantId {
        &self.tenant
    }

    /// Returns the file whose lock stands for the right to write. It is a file of its own
    /// because SQLite lets go of its locks when any handle on the database is closed.
    pub(crate) fn lock_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        name.into()
    }
}
