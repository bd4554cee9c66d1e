//! The room against the fake: the contract of all rooms, the exchanges of `fixtures/`, and what
//! is true of Zoho alone.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod room;
