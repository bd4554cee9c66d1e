#![doc = include_str!("../README.md")]

mod account;
mod config;
mod error;
mod feed;
mod findings;
mod generated;
mod provider;
mod read;
mod repair;
mod roles;
pub mod soql;
mod stages;
mod survey;
mod table;
mod translate;
mod wire;
mod write;

pub use config::REGISTRATION;
pub use provider::Salesforce;

/// The newest version of the interface that is spoken; where an org does not offer it, the
/// highest one below is.
pub const API_VERSION: &str = "67.0";
