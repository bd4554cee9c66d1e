//! What settings ask for and cannot have: no error, but a person should know.

use std::time::Duration;

use crm_core::{Capabilities, Detection, ObjectCapability, Provider, ProviderId, Quota};
use crm_sync::Policy;

use crate::{FlowSettings, Settings};

/// A window of these requests alone: it says nothing about others.
const SEARCH: &str = "search";

/// Something in the settings that has no effect, or less than it seems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What it is about.
    pub kind: AdviceKind,
    /// What is so, one line.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// What an advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdviceKind {
    /// A rate limit that others never let requests reach.
    LimitNeverBinds,
    /// Batches that are larger than the provider takes.
    BatchCapped,
    /// A policy by time, and stamps that are not there.
    PolicyWithoutTime,
    /// A field that its owner does not have.
    OwnerWithoutField,
}

/// Returns what the settings ask of a connection and cannot have.
pub fn advice(settings: &Settings, provider: &dyn Provider) -> Vec<Advice> {
    let capabilities = provider.capabilities();
    let Some(connection) = settings.connections.get(provider.id()) else { return Vec::new() };
    let configured = capabilities.quotas.iter().filter(|q| connection.quotas.contains_key(q.name));
    let limits = configured.filter_map(|quota| never_binds(quota, &capabilities.quotas));
    let batch = settings.batch_size.and_then(|size| capped(size, &capabilities));
    let flows = settings.flows.iter().filter(|flow| flow.enabled);
    let flows: Vec<Advice> = flows
        .filter_map(|flow| Some((flow, capabilities.object(flow.kind)?)))
        .flat_map(|(flow, object)| policies(flow, provider.id(), object))
        .collect();
    limits.chain(batch).chain(flows).collect()
}

/// Says which policies of a kind a connection cannot do its part in.
fn policies(flow: &FlowSettings, id: &ProviderId, object: &ObjectCapability) -> Vec<Advice> {
    let timed = |policy: &Policy| matches!(policy, Policy::LatestWins | Policy::StrictLatest);
    let mut fields: Vec<String> = flow
        .field_policy
        .iter()
        .filter(|(field, policy)| timed(policy) && object.rule(**field).is_some())
        .map(|(field, _)| field.to_string())
        .collect();
    if timed(&flow.policy) {
        fields.push(format!("all other fields of {}", flow.kind.plural()));
    }
    let stamped = match object.detection {
        Detection::ModifiedSince { .. } => true,
        Detection::FullScan => false,
    };
    let mut found = Vec::new();
    if !stamped && !fields.is_empty() {
        found.push(Advice {
            kind: AdviceKind::PolicyWithoutTime,
            message: format!(
                "the latest change is to win in {}, and {id} does not tell when a record was \
                 changed: its changes count as late as any other",
                fields.join(", ")
            ),
            hint: "choose primary_wins, owner:CONNECTION or manual for these fields".to_owned(),
        });
    }
    let owned = flow.field_policy.iter().filter(|(_, policy)| policy.owner() == Some(id));
    for (field, policy) in owned.filter(|(field, _)| object.rule(**field).is_none()) {
        found.push(Advice {
            kind: AdviceKind::OwnerWithoutField,
            message: format!("{field} = \"{policy}\", and {id} does not have the field"),
            hint: format!("name a connection that has {field}, see docs/fields.md"),
        });
    }
    found
}

/// Says why a limit can never be reached, if it cannot: another one allows no more in the same
/// time.
fn never_binds(quota: &Quota, all: &[Quota]) -> Option<Advice> {
    let others = all.iter().filter(|other| other.name != quota.name && other.name != SEARCH);
    let (most, tightest) = others.map(|other| (most_in(other, quota.window), other)).min_by_key(
        // Of equals the shortest: it is the one that is met first.
        |(most, other)| (*most, other.window),
    )?;
    if quota.limit < most || (quota.limit == most && quota.window <= tightest.window) {
        return None;
    }
    let (name, time) = (quota.name, span(quota.window));
    Some(Advice {
        kind: AdviceKind::LimitNeverBinds,
        message: format!(
            "the rate limit {name} = {} can never be reached: {} = {} lets at most {most} \
             requests pass in {time}",
            quota.limit, tightest.name, tightest.limit
        ),
        hint: format!("set {name} below {most}, or leave it out"),
    })
}

/// Returns how many requests a limit lets pass in a time.
fn most_in(quota: &Quota, time: Duration) -> u64 {
    let windows = time.as_millis().div_ceil(quota.window.as_millis().max(1));
    quota.limit.saturating_mul(u64::try_from(windows).unwrap_or(u64::MAX))
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3_600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

/// Says that batches are larger than the provider takes, if they are. The capabilities are those
/// of an open connection: its maxima are never above the wish.
fn capped(size: u16, capabilities: &Capabilities) -> Option<Advice> {
    let objects = || capabilities.objects.iter();
    let writes = objects().map(|object| object.write_max.get()).min()?;
    let reads = objects().map(|object| object.read_max.get()).min()?;
    if size <= writes && size <= reads {
        return None;
    }
    Some(Advice {
        kind: AdviceKind::BatchCapped,
        message: format!(
            "batch_size = {size} is more than this CRM takes: batches have {reads} records when \
             reading and {writes} when writing"
        ),
        hint: "leave batch_size out to use what each CRM takes".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(name: &'static str, limit: u64, seconds: u64) -> Quota {
        Quota { name, limit, window: Duration::from_secs(seconds) }
    }

    /// Returns the names of limits that never bind, and what the last of them says.
    fn idle(all: &[Quota]) -> (Vec<&'static str>, String) {
        let found = all.iter().filter_map(|quota| Some((quota.name, never_binds(quota, all)?)));
        let (names, said): (Vec<_>, Vec<_>) = found.map(|(name, one)| (name, one.message)).unzip();
        (names, said.into_iter().next_back().unwrap_or_default())
    }

    #[test]
    fn the_hour_of_the_original_guide_can_never_bind() {
        let (names, said) = idle(&[
            quota("requests_per_second", 10, 1),
            quota("requests_per_minute", 150, 60),
            quota("requests_per_hour", 40_000, 3_600),
        ]);
        assert_eq!(names, ["requests_per_hour"]);
        assert!(said.contains("requests_per_minute = 150 lets at most 9000"), "{said}");
    }

    #[test]
    fn a_second_that_allows_more_than_its_minute_can_never_bind() {
        let (names, said) =
            idle(&[quota("requests_per_second", 200, 1), quota("requests_per_minute", 150, 60)]);
        assert_eq!(names, ["requests_per_second"]);
        assert!(said.contains("150 requests pass in a second"), "{said}");
    }

    #[test]
    fn of_two_that_say_the_same_the_longer_one_is_named() {
        let (names, _) =
            idle(&[quota("requests_per_second", 2, 1), quota("requests_per_minute", 120, 60)]);
        assert_eq!(names, ["requests_per_minute"]);
        let nested = [quota("requests_per_second", 2, 1), quota("requests_per_minute", 119, 60)];
        assert_eq!(idle(&nested).0, Vec::<&str>::new());
    }

    #[test]
    fn a_window_that_is_no_multiple_is_counted_up() {
        // Three windows of ten seconds touch any twenty-five.
        let quotas = [quota("burst", 10, 10), quota("odd", 30, 25)];
        assert_eq!(idle(&quotas).0, ["odd"]);
        assert_eq!(idle(&[quota("burst", 10, 10), quota("odd", 29, 25)]).0, Vec::<&str>::new());
    }

    #[test]
    fn a_limit_of_searches_bounds_nothing_else() {
        let quotas = [quota("search", 5, 1), quota("requests_per_minute", 400, 60)];
        assert_eq!(idle(&quotas).0, Vec::<&str>::new());
        let tight = [quota("search", 5, 1), quota("requests_per_second", 4, 1)];
        assert_eq!(idle(&tight).0, ["search"]);
    }
}
