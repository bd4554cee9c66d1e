//! The contract of all rooms.

crm_testkit::provider_contract!(crate::room::harness);
