//! The facade: one crate, providers chosen by features.
