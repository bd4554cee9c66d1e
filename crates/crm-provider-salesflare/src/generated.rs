//! What `provider.toml` compiles to.

pub(crate) mod capabilities;
pub(crate) mod mapping;
