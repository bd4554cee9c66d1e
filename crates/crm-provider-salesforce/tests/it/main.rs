//! The room against the fake.
