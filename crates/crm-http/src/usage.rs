//! Counts what was really sent, request by request.

use std::sync::{Mutex, PoisonError};

use crm_core::{Operation, Usage};

use crate::request::{Effect, Request};

/// The counters of one client.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Usage>);

impl Counters {
    /// Counts one attempt of a request.
    pub(crate) fn count(&self, request: &Request) {
        self.add(&request.endpoint_name(), |usage| match (request.operation, request.effect) {
            (Operation::Probe | Operation::Metadata, _) => &mut usage.other,
            (_, Effect::Read) => &mut usage.reads,
            (_, Effect::IdempotentWrite | Effect::Write) => &mut usage.writes,
        });
    }

    /// Counts a request that is neither a read nor a write of records.
    pub(crate) fn count_other(&self, endpoint: &str) {
        self.add(endpoint, |usage| &mut usage.other);
    }

    /// Returns the counts; quotas are the pacer's to add.
    pub(crate) fn usage(&self) -> Usage {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, endpoint: &str, counter: impl FnOnce(&mut Usage) -> &mut u64) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counter(&mut usage) += 1;
        match usage.endpoints.get_mut(endpoint) {
            Some(count) => *count += 1,
            None => {
                usage.endpoints.insert(endpoint.to_owned(), 1);
            }
        }
    }
}
