//! Salesflare.
