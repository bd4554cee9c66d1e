//! The reference store against the contract.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod forms;
