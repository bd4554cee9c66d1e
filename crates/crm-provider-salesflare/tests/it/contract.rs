//! The contract of all rooms, for each kind.

mod contact {
    crm_testkit::provider_contract!(crate::room::harness);
}
mod company {
    crm_testkit::provider_contract!(crate::room::companies);
}
mod deal {
    crm_testkit::provider_contract!(crate::room::deals);
}
mod task {
    crm_testkit::provider_contract!(crate::room::tasks);
}
