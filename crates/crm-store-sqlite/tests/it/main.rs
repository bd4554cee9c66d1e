//! The SQLite stores: the contract, against the reference, and as a file among processes.

#![expect(clippy::result_large_err, reason = "the size of rusqlite's error is not ours to choose")]

#[cfg(test)]
mod audit;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod killing;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod worker;
