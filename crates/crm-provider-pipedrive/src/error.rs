//! What Pipedrive's refusals mean.

use std::time::Duration;

use crm_core::{ErrorKind, Field, Mapping};
use crm_http::{Failure, Verdict, redact};
use jiff::Timestamp;

use crate::wire::Problem;

const RIGHTS_HINT: &str = "take the API token of an administrator, and allow the API for the user";

/// Returns what a failed request means.
pub(crate) fn classify(mappings: &[&'static Mapping], failure: &Failure<'_>) -> Verdict {
    let problem: Option<Problem> = failure.json();
    let said = problem.as_ref().and_then(|problem| problem.error.as_deref()).unwrap_or_default();
    let told = redact::message(said);
    let verdict = match failure.status().as_u16() {
        400 | 422 => {
            let kind = ErrorKind::Validation { field: at_fault(mappings, said) };
            Verdict::new(kind, format!("the request is not accepted: {told}"))
        }
        401 => Verdict::new(ErrorKind::Auth, "the API token was refused"),
        402 => Verdict::new(ErrorKind::Forbidden, "the company's account is not open")
            .hint("see the billing in Pipedrive"),
        // The edge blocks a token that went on after many 429, with a web page.
        403 if problem.is_none() => {
            let kind = ErrorKind::RateLimited { retry_after: failure.retry_after() };
            Verdict::new(kind, "Pipedrive's edge blocks the token for a while")
        }
        403 => Verdict::new(ErrorKind::Forbidden, format!("a right is missing: {told}"))
            .hint(RIGHTS_HINT),
        404 | 410 => Verdict::new(ErrorKind::NotFound, "there is no such record"),
        429 => limited(failure, said),
        _ => failure.by_status(),
    };
    match problem.and_then(|problem| problem.code) {
        Some(code) => verdict.code(code),
        None => verdict,
    }
}

fn limited(failure: &Failure<'_>, said: &str) -> Verdict {
    let number = |name: &str| -> Option<u64> {
        failure.headers().get(name)?.to_str().ok()?.trim().parse().ok()
    };
    let used_up = number("x-daily-ratelimit-token-remaining") == Some(0);
    if used_up || said.contains("daily request budget") {
        let until = failure.retry_after().zip(failure.date()).and_then(until);
        let kind = ErrorKind::QuotaExhausted { until };
        return Verdict::new(kind, "the day's tokens of the company are used up")
            .hint("it goes on by itself at midnight; more seats or a larger plan have more")
            .code("DAILY");
    }
    // The header counts seconds from now.
    let reset = number("x-ratelimit-reset").map(Duration::from_secs);
    let retry_after = failure.retry_after().or(reset);
    Verdict::new(ErrorKind::RateLimited { retry_after }, "Pipedrive asks us to slow down")
}

fn until((wait, now): (Duration, Timestamp)) -> Option<Timestamp> {
    now.checked_add(jiff::SignedDuration::try_from(wait).ok()?).ok()
}

/// A refusal begins with the name of the member at fault.
fn at_fault(mappings: &[&'static Mapping], said: &str) -> Option<Field> {
    let (name, _) = said.split_once(':')?;
    let name = if name == "stage_id" || name == "status" { "stage" } else { name };
    mappings.iter().find_map(|mapping| mapping.rule_of_remote(name)).map(|rule| rule.field)
}
