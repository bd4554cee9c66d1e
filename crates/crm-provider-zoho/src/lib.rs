#![doc = include_str!("../README.md")]

mod account;
mod config;
mod coql;
mod error;
mod feed;
mod findings;
mod generated;
mod provider;
mod read;
mod repair;
mod stages;
mod survey;
mod table;
mod translate;
mod wire;
mod write;

pub use config::REGISTRATION;
pub use provider::Zoho;

/// The version of the interface that is spoken.
pub const API_VERSION: &str = "v8";
