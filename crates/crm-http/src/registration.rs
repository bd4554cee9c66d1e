//! How a room introduces itself to the facade, and what it is opened with.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crm_core::SharedProvider;
use crm_core::{
    Capabilities, Clock, ErrorKind, Normalizer, ObjectKind, ProviderError, ProviderId, Quota,
    Result,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::pacer::Window;
use crate::retry::RetryPolicy;

/// The windows that a configuration may add to those of a vendor.
pub const PACES: [(&str, Duration); 3] = [
    ("requests_per_second", Duration::from_secs(1)),
    ("requests_per_minute", Duration::from_mins(1)),
    ("requests_per_hour", Duration::from_hours(1)),
];

/// A room.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// The name in configuration (`hubspot`).
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The environment variables that configure it without a file.
    pub variables: &'static [Variable],
    /// All keys that its settings may have.
    pub keys: &'static [&'static str],
    /// Opens a connection; no request is sent.
    pub open: fn(Setup) -> Result<SharedProvider>,
}

/// An environment variable that stands for a key of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The variable.
    pub env: &'static str,
    /// The key.
    pub key: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What it is, one line.
    pub doc: &'static str,
}

/// What a connection is opened with.
#[derive(Clone)]
pub struct Setup {
    /// The connection's name.
    pub id: ProviderId,
    /// The room's own settings.
    pub settings: Map<String, Value>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Brings values to normal form.
    pub normalizer: Normalizer,
    /// Where jitter comes from.
    pub seed: u64,
    /// The kinds that are kept in step: a room spends nothing on finding out about others, and
    /// leaves references to them alone. `None` if all may be.
    pub kinds: Option<Vec<ObjectKind>>,
    /// How often a request is repeated at most, if not as usual.
    pub retries_max: Option<u32>,
    /// How many records go into one batch at most, if fewer than the vendor takes.
    pub batch_max: Option<NonZeroU16>,
    /// Limits of quotas by name, where they are not what the vendor publishes.
    pub quotas: BTreeMap<String, u64>,
    /// What the limits that the vendor publishes are divided by: not every window is told in
    /// headers, so an account that has less must say so. 0 counts as 1.
    pub quota_divisor: u64,
    /// How many percent of a daily quota are left to others who use the same account.
    pub quota_reserve: u8,
}

/// Quotas of a day and more are shared with the customer's other tools.
const DAY: Duration = Duration::from_hours(24);

/// What is left to others if nobody says how much.
pub const QUOTA_RESERVE: u8 = 10;

impl Setup {
    /// Makes a setup without special wishes.
    pub fn new(id: impl Into<ProviderId>, clock: Arc<dyn Clock>) -> Self {
        Self {
            id: id.into(),
            settings: Map::new(),
            clock,
            normalizer: Normalizer::default(),
            seed: 0,
            kinds: None,
            retries_max: None,
            batch_max: None,
            quotas: BTreeMap::new(),
            quota_divisor: 1,
            quota_reserve: QUOTA_RESERVE,
        }
    }

    /// Reads the settings into a room's own form; an unknown or missing key says what to do.
    pub fn config<T: DeserializeOwned>(&self, room: &Registration) -> Result<T> {
        let id = &self.id;
        let unknown = self.settings.keys().find(|key| !room.keys.contains(&key.as_str()));
        if let Some(key) = unknown {
            let message = format!("unknown key `{key}` in `connections.{id}`");
            let known = room.keys.join(", ");
            return Err(self.refuse(message, format!("{} knows: {known}", room.title)));
        }
        T::deserialize(Value::Object(self.settings.clone())).map_err(|error| {
            let text = error.to_string();
            let missing =
                text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
            match missing {
                Some((key, _)) => self.refuse(
                    format!("`{key}` is missing in `connections.{id}`"),
                    place_of(room, key),
                ),
                // The rest of the library's message may quote a secret.
                None => self.refuse(
                    format!("`connections.{id}` has a value of another type than expected"),
                    format!("compare it with the example of {} in the documentation", room.title),
                ),
            }
        })
    }

    /// Returns what the connection can do of what the vendor publishes: quotas and batches are as
    /// they are configured.
    pub fn adjust(&self, published: Capabilities) -> Capabilities {
        let mut capabilities = published;
        capabilities.quotas = self.quotas(&capabilities.quotas);
        for object in &mut capabilities.objects {
            for max in [&mut object.read_max, &mut object.write_max] {
                *max = self.batch_max.map_or(*max, |wish| wish.min(*max));
            }
        }
        capabilities
    }

    /// Returns the vendor's quotas with the limits that are configured instead, and the windows
    /// that a configuration may add for any vendor. All of them hold at once.
    fn quotas(&self, published: &[Quota]) -> Vec<Quota> {
        let mut quotas = published.to_vec();
        for quota in &mut quotas {
            let divided = (quota.limit / self.quota_divisor.max(1)).max(1);
            quota.limit = self.quotas.get(quota.name).copied().unwrap_or(divided);
        }
        for (name, window) in PACES {
            if let Some(limit) = self.quotas.get(name) {
                quotas.push(Quota { name, limit: *limit, window });
            }
        }
        quotas
    }

    /// Returns the window that keeps a quota; headers do not raise a limit that is configured.
    pub fn window(&self, quota: Quota) -> Window {
        let is_configured = self.quotas.contains_key(quota.name);
        let mut window = Window::new(quota);
        if window.quota.window >= DAY {
            window = window.reserve_percent(self.quota_reserve).graded();
        }
        if is_configured { window.capped() } else { window }
    }

    /// Returns how requests are repeated.
    pub fn retry(&self) -> RetryPolicy {
        let usual = RetryPolicy::default();
        RetryPolicy { retries_max: self.retries_max.unwrap_or(usual.retries_max), ..usual }
    }

    fn refuse(&self, message: String, hint: String) -> ProviderError {
        ProviderError::new(ErrorKind::Permanent, message).with_provider(&self.id).with_hint(hint)
    }
}

fn place_of(room: &Registration, key: &str) -> String {
    let variable = room.variables.iter().find(|variable| variable.key == key);
    match variable {
        Some(variable) => format!("set `{key}` in the file or {} in the environment", variable.env),
        None => format!("set `{key}` in the file"),
    }
}

impl fmt::Debug for Setup {
    /// Shows the keys of the settings, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("id", &self.id)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("seed", &self.seed)
            .field("kinds", &self.kinds)
            .field("retries_max", &self.retries_max)
            .field("batch_max", &self.batch_max)
            .field("quotas", &self.quotas)
            .field("quota_divisor", &self.quota_divisor)
            .field("quota_reserve", &self.quota_reserve)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
