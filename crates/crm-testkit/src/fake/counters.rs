//! What a fake was asked: requests and statuses per endpoint, and the quotas' own count.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Outcome;
use crate::world::Deeds;

/// The requests to one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// How many came.
    pub requests: u64,
    /// How many were answered, by status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many were cut off without an answer.
    pub cuts: u64,
}

/// The requests to all endpoints of a fake.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// By method and path pattern, such as `POST /crm/objects/contacts/search`.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Limit, use, peak and overruns per quota window.
    pub quotas: Value,
    /// The records that programs wrote, by kind.
    pub records: BTreeMap<String, Deeds>,
}

impl Counters {
    /// Returns how many requests came to endpoints whose name contains a text.
    pub fn requests(&self, part: &str) -> u64 {
        let fitting = self.endpoints.iter().filter(|(name, _)| name.contains(part));
        fitting.map(|(_, endpoint)| endpoint.requests).sum()
    }

    /// Returns the counters as the control interface shows them.
    pub fn to_json(&self) -> Value {
        let rows: BTreeMap<&str, Value> = self
            .endpoints
            .iter()
            .map(|(name, endpoint)| {
                let statuses: BTreeMap<String, u64> = endpoint
                    .statuses
                    .iter()
                    .map(|(status, count)| (status.to_string(), *count))
                    .collect();
                let row = json!({
                    "requests": endpoint.requests,
                    "statuses": statuses,
                    "cuts": endpoint.cuts,
                });
                (name.as_str(), row)
            })
            .collect();
        let records: BTreeMap<&str, Value> = self
            .records
            .iter()
            .map(|(kind, deeds)| {
                let Deeds { created, changed, deleted } = deeds;
                let row = json!({ "created": created, "changed": changed, "deleted": deleted });
                (kind.as_str(), row)
            })
            .collect();
        json!({
            "requests": self.requests(""),
            "endpoints": rows,
            "quotas": self.quotas,
            "records": records,
        })
    }

    pub(super) fn note(&mut self, endpoint: String, outcome: &Outcome) {
        let row = self.endpoints.entry(endpoint).or_default();
        row.requests += 1;
        match outcome {
            Outcome::Reply(response) | Outcome::Delay(_, response) => {
                *row.statuses.entry(response.status().as_u16()).or_default() += 1;
            }
            Outcome::Cut => row.cuts += 1,
        }
    }
}
