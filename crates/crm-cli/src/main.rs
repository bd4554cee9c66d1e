//! The `crm` command.
fn main() {}
