//! What `cargo xtask codegen` makes of the list of rooms.

pub(crate) mod registry;
