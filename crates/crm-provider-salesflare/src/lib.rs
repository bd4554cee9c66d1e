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
pub use provider::Salesflare;

/// The interface has no version; this names the description that the room was written against.
pub const API_VERSION: &str = "2026-08";
