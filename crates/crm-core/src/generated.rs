//! What `cargo xtask codegen` makes of `schema.toml`.

pub(crate) mod activity;
pub(crate) mod company;
pub(crate) mod contact;
pub(crate) mod deal;
pub(crate) mod schema;
