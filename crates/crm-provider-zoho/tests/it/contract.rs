//! The contract of all rooms, for each kind, and for each form of activities.

mod contact {
    crm_testkit::provider_contract!(crate::room::harness);
}

mod company {
    crm_testkit::provider_contract!(crate::room::company_harness);
}

mod deal {
    crm_testkit::provider_contract!(crate::room::deal_harness);
}

mod task {
    crm_testkit::provider_contract!(crate::room::task_harness);
}

mod call {
    crm_testkit::provider_contract!(crate::room::call_harness);
}

mod meeting {
    crm_testkit::provider_contract!(crate::room::meeting_harness);
}
