//! The command as a user meets it: the real binary against real sandbox processes on ports of
//! their own.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod back;
#[cfg(test)]
mod check;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod flare;
#[cfg(test)]
mod help;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod merges;
#[cfg(test)]
mod people;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod three;
#[cfg(test)]
mod touched;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod weather;
#[cfg(test)]
mod zoho;
