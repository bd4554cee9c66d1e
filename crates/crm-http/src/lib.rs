//! What every REST provider stands on: one bounded send loop with pacing, renewal and retry.
//!
//! [`Client::send`] is the loop: wait for the quota windows, authorise, send, classify, back off.
//! A room says what its vendor's failures mean ([`Classify`]) and how its request is meant
//! ([`Effect`]); whether a request is repeated is decided here, once. A write whose fate is
//! unknown comes back as [`Applied::Unknown`](crm_core::Applied) and is never repeated blindly.
//!
//! Nothing here knows a vendor's name. Time comes from a [`Clock`](crm_core::Clock), whose
//! system form is [`SystemClock`]; jitter comes from a seed.

mod address;
mod auth;
pub mod chunk;
mod client;
mod clock;
mod failure;
mod pacer;
pub mod redact;
mod registration;
mod reply;
mod request;
mod retry;
mod transport;
mod usage;
pub mod writes;

pub use address::base_url;
pub use auth::Authorizer;
pub use auth::oauth::{Grant, OAuth, Rotation};
pub use client::Client;
pub use client::build::{ClientBuilder, Observer};
pub use clock::SystemClock;
pub use failure::{Classify, Failure, Verdict};
pub use pacer::{Lanes, Pacer, Window};
pub use registration::{PACES, QUOTA_RESERVE, Registration, Setup, Variable};
pub use reply::Reply;
pub use request::{Effect, Request};
pub use retry::RetryPolicy;

/// An error of somebody else's code.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
