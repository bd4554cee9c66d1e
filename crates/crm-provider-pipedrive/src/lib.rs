#![doc = include_str!("../README.md")]

mod account;
mod config;
mod directory;
mod error;
mod feed;
mod generated;
mod provider;
mod read;
mod table;
mod translate;
mod wire;
mod write;

pub use config::REGISTRATION;
pub use provider::Pipedrive;

/// The version of the interface, as it stands in the paths of records.
pub const API_VERSION: &str = "v2";
