//! The facade as a program uses it: settings to a system, and a provider in a test's hand.

#[cfg(test)]
mod mock;
#[cfg(test)]
mod opening;
