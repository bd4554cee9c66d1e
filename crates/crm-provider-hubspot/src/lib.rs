#![doc = include_str!("../README.md")]

mod account;
mod config;
mod directory;
mod error;
mod feed;
mod generated;
mod provider;
mod read;
mod rows;
mod table;
mod ties;
mod translate;
mod wire;
mod write;

pub use config::REGISTRATION;
pub use provider::HubSpot;

/// The version of the interface, as it stands in every path. Current since 8 September 2026 and
/// supported until March 2028.
pub const API_VERSION: &str = "2026-09";
