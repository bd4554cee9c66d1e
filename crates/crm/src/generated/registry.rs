//! The rooms. Generated from `crates/` by `cargo xtask codegen`.
#![allow(clippy::pedantic, reason = "generated")]

use crm_http::Registration;

/// Every room whose feature is on.
pub(crate) static REGISTRY: &[Registration] = &[
    #[cfg(feature = "hubspot")]
    crm_provider_hubspot::REGISTRATION,
    #[cfg(feature = "pipedrive")]
    crm_provider_pipedrive::REGISTRATION,
    #[cfg(feature = "salesflare")]
    crm_provider_salesflare::REGISTRATION,
    #[cfg(feature = "salesforce")]
    crm_provider_salesforce::REGISTRATION,
    #[cfg(feature = "zoho")]
    crm_provider_zoho::REGISTRATION,
];
