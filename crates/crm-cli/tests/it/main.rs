//! The command as people run it.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod refusals;
