//! Both shells against the contract, on a real file.

use std::sync::Arc;

use crm_store::SharedStore;
use crm_store_sqlite::{InlineStore, SqliteConfig, SqliteStore};
use crm_testkit::contract::store::StoreHarness;
use tempfile::TempDir;

fn threaded() -> StoreHarness {
    let folder = TempDir::new().unwrap();
    StoreHarness::new(move || -> SharedStore {
        let config = SqliteConfig::new(folder.path().join("ledger.db"));
        Arc::new(SqliteStore::open(&config).unwrap())
    })
}

fn inline() -> StoreHarness {
    let folder = TempDir::new().unwrap();
    StoreHarness::new(move || -> SharedStore {
        let config = SqliteConfig::new(folder.path().join("ledger.db"));
        Arc::new(InlineStore::open(&config).unwrap())
    })
}

/// One connection in memory, as the simulation uses it: emptied before, kept meanwhile.
fn in_memory() -> StoreHarness {
    let store = Arc::new(InlineStore::in_memory().unwrap());
    store.clear().unwrap();
    StoreHarness::new(move || {
        store.restart();
        Arc::clone(&store) as SharedStore
    })
}

mod on_a_thread {
    crm_testkit::store_contract!(super::super::threaded);
}

mod in_place {
    crm_testkit::store_contract!(super::super::inline);
}

mod kept_in_memory {
    crm_testkit::store_contract!(super::super::in_memory);
}
