//! Front ends: the same synchronous handler behind hyper on loopback, or behind wiremock.

mod hyper;
#[cfg(feature = "wiremock")]
mod wiremock;

pub use self::hyper::{Handler, Server, Site};
#[cfg(feature = "wiremock")]
pub use self::wiremock::mount;
