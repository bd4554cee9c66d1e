//! The memory store, whose end is only the end of its leases.

use std::sync::Arc;

use crm_store::{MemoryStore, SharedStore};
use crm_testkit::contract::store::StoreHarness;

fn memory() -> StoreHarness {
    let store = Arc::new(MemoryStore::new());
    StoreHarness::new(move || {
        store.restart();
        Arc::clone(&store) as SharedStore
    })
}

crm_testkit::store_contract!(super::memory);
