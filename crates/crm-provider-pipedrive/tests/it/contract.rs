//! The contract of all rooms, for each kind and each form of activities.

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
mod call {
    crm_testkit::provider_contract!(crate::room::calls);
}
mod meeting {
    crm_testkit::provider_contract!(crate::room::meetings);
}
mod email {
    crm_testkit::provider_contract!(crate::room::emails);
}
