//! The room against the fake: the contract of all rooms, and Pipedrive's quirks.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod room;
