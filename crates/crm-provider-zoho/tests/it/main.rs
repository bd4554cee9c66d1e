//! The room against the fake: the contract of all rooms, the exchanges of `fixtures/`, and what
//! is true of Zoho alone.

#[cfg(test)]
mod connection;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod room;
#[cfg(test)]
mod writing;
