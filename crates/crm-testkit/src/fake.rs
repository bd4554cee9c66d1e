//! A fake CRM: a pure state machine that answers HTTP requests, and the levers beside it.
//!
//! [`Fake`] is what servers, suites and the sandbox hold; [`Simulated`] makes one out of a
//! [`Dialect`]. Nothing here waits, spawns or reads a socket, so the same fake stands behind hyper,
//! behind wiremock, or is called directly.

mod call;
mod counters;
mod simulated;

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Map, Value};

pub use self::call::Call;
pub use self::counters::{Counters, Endpoint};
pub use self::simulated::{Dialect, Lane, Simulated, Weather};
use crate::fault::{Aim, Fault, Rates};
use crate::people::Person;
use crate::quota::Window;
use crate::scene::Scene;
use crate::world::FakeClock;

/// Values by the vendor's property names, as the control interface takes them.
pub type Fields = Map<String, Value>;

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It is answered.
    Reply(Response<Bytes>),
    /// The connection closes without a byte.
    Cut,
    /// It is answered after a wait in real time.
    Delay(Duration, Response<Bytes>),
}

/// Which records a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bin {
    /// Those that are live.
    Live,
    /// Those in the recycle bin.
    Archived,
}

/// A bulk change inside the CRM.
#[derive(Clone, Debug, Default)]
pub struct Touch {
    /// The kind of record.
    pub kind: String,
    /// The records; `None` for all.
    pub ids: Option<Vec<String>>,
    /// The change stamp to set; `None` for now.
    pub at_ms: Option<i64>,
    /// Values to set in each.
    pub fields: Fields,
}

/// Why the control interface does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status that says the same.
    pub status: u16,
    /// One line for a person.
    pub message: String,
}

impl Refusal {
    /// Returns the refusal of a thing that is not there.
    pub fn missing(what: impl Into<String>) -> Self {
        Self { status: 404, message: what.into() }
    }

    /// Returns the refusal of a request that makes no sense.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self { status: 400, message: why.into() }
    }

    /// Returns the refusal of a change that collides with another record.
    pub fn conflict(why: impl Into<String>) -> Self {
        Self { status: 409, message: why.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// A fake CRM with its levers. The methods below [`respond`](Self::respond) act as a person inside
/// the CRM or as the test itself: they use no quota, meet no fault and are not counted.
pub trait Fake: Debug + Send + Sync {
    /// Returns the vendor's name as connections spell it.
    fn name(&self) -> &'static str;
    /// Answers one request: counts it, consults the fault plan and the quotas, and applies it.
    fn respond(&self, request: &Request<Bytes>) -> Outcome;
    /// Returns whether the connection of this request would be cut, without changing anything.
    fn will_cut(&self, request: &Request<Bytes>) -> bool;
    /// Returns the kinds of record it holds, by the vendor's names.
    fn kinds(&self) -> Vec<String>;
    /// Returns records: `{"id", "modified", "archived", "fields": {…}}` in the order of ids.
    fn records(&self, kind: &str, bin: Bin) -> Result<Vec<Value>, Refusal>;
    /// Returns one record, live or archived, in the same form.
    fn record(&self, kind: &str, id: &str) -> Result<Value, Refusal>;
    /// Creates a record as a user would and returns its id.
    fn create(&self, kind: &str, fields: &Fields) -> Result<String, Refusal>;
    /// Changes a record as a user would; null and `""` clear.
    fn patch(&self, kind: &str, id: &str, fields: &Fields) -> Result<(), Refusal>;
    /// Deletes a record as a user would.
    fn delete(&self, kind: &str, id: &str) -> Result<(), Refusal>;
    /// Merges two records as a user would and returns the id of the one that lives on.
    fn merge(&self, kind: &str, winner: &str, loser: &str) -> Result<String, Refusal>;
    /// Changes many records at once and returns how many.
    fn touch(&self, touch: &Touch) -> Result<u64, Refusal>;
    /// Does what only this vendor has a word for: ties between records, users, stages.
    fn lever(
        &self,
        method: &Method,
        path: &[&str],
        body: &Fields,
    ) -> Result<Option<Value>, Refusal>;
    /// Fills in invented people as contacts.
    fn populate(&self, people: &[Person]) -> Result<(), Refusal>;
    /// Fills in an invented business with all that belongs to it.
    fn furnish(&self, scene: &Scene) -> Result<(), Refusal>;
    /// Returns what was asked so far.
    fn counters(&self) -> Counters;
    /// Returns a quota window as it stands.
    fn window(&self, name: &str) -> Option<Window>;
    /// Sets the rates of faults from now on.
    fn set_faults(&self, rates: Rates, seed: u64);
    /// Adds a fault for the next request that fits.
    fn script(&self, aim: Aim, fault: Fault);
    /// Returns the clock.
    fn clock(&self) -> FakeClock;
    /// Forgets records, counters, faults and tokens, as if newly started and empty.
    fn reset(&self);
}
