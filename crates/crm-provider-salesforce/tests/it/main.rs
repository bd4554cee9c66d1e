//! The room against the fake: the contract of all rooms, the exchanges of `fixtures/`, and what
//! is true of Salesforce alone.

#[cfg(test)]
mod account;
#[cfg(test)]
mod activities;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod deals;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod room;
#[cfg(test)]
mod soql;
#[cfg(test)]
mod writing;
