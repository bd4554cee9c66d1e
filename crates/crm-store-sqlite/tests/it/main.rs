//! The SQLite stores: the contract, against the reference, and as a file among processes.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod worker;
