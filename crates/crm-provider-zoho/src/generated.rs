//! What `cargo xtask codegen` makes of `provider.toml`.

pub(crate) mod capabilities;
pub(crate) mod mapping;
