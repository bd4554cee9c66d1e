//! The vendors, one module each: how a request of theirs reads and what their answer looks like.

pub mod hubspot;
pub mod pipedrive;
pub mod salesflare;
pub mod salesforce;
pub mod zoho;
