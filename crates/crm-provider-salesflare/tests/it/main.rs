//! The room against the fake: the contract of all rooms, recorded shapes, and Salesflare's quirks.

#[cfg(test)]
mod batches;
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
