//! The checks: what the engine's ledger says, compared with what really happened.

mod agreement;
mod care;
mod edits;
mod facts;
mod journal;
mod policy;
mod ties;
mod translation;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crm_store::{JournalQuery, SharedStore};
use jiff::Timestamp;

use self::facts::Facts;
use super::scenario::Scenario;
use crate::memory::Realm;

/// What the checks found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong, each beginning with the name of the invariant.
    pub faults: Vec<String>,
    /// Changes that users made.
    pub edits: u64,
    /// Changes that fell between a re-read and the write after it, and were lost.
    pub at_risk: u64,
    /// Which those were, for whoever replays the seed.
    pub risks: Vec<String>,
    /// Conflicts logged.
    pub conflicts: u64,
    /// Entities that are kept in step at the end.
    pub entities: u64,
    /// Entities and values that are excused, each with a row that says why.
    pub excused: u64,
}

impl Verdict {
    /// Makes the verdict of a run that did not even end.
    pub fn failed(fault: String) -> Self {
        Self { faults: vec![fault], ..Self::default() }
    }

    /// Returns whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, fault: fmt::Arguments<'_>) {
        self.faults.push(fault.to_string());
    }
}

/// What became of a change.
enum Fate {
    /// It is known, or its own user took it back.
    Kept,
    /// It was painted over in the time that no engine can see.
    AtRisk,
    /// It is gone without a trace.
    Lost,
}

/// How long a read may be older than the write that follows it: a listed row counts for half a
/// minute, and the calls of a batch take their time.
const WINDOW: Duration = Duration::from_secs(75);

/// So long after a value was shown, the engine has decided on it, unless something broke.
const DECIDED: Duration = Duration::from_mins(4);

/// Compares a ledger with a realm. `breaks` are the times at which runs failed or died.
pub async fn judge(
    store: &SharedStore,
    realm: &Arc<Realm>,
    scenario: &Scenario,
    breaks: &[Timestamp],
) -> Verdict {
    let mut facts = match Facts::gather(store, realm, scenario, breaks).await {
        Ok(facts) => facts,
        Err(error) => return Verdict::failed(format!("the store failed: {error}")),
    };
    let rows = match store.journal(JournalQuery::default()).await {
        Ok(rows) => rows,
        Err(error) => return Verdict::failed(format!("the store failed: {error}")),
    };
    let mut verdict = Verdict::default();
    audit(store, rows.len(), &mut verdict).await;
    let mut inner = realm.now();
    facts.know_writers(&inner, &rows);
    facts.translate(&mut inner);
    agreement::check(&facts, &inner, &mut verdict);
    edits::check(&facts, &inner, &mut verdict);
    policy::check(&facts, &inner, &mut verdict);
    ties::check(&facts, &inner, &mut verdict);
    care::check(&facts, &inner, &mut verdict);
    journal::check(&facts, &inner, &rows, &mut verdict);
    verdict
}

/// The log of what was done is whole, and has every applied write.
async fn audit(store: &SharedStore, writes: usize, verdict: &mut Verdict) {
    match store.verify_audit().await {
        Ok(check) => {
            let short = check.entries < u64::try_from(writes).unwrap_or(u64::MAX);
            if short || check.broken.is_some() {
                verdict.fault(format_args!("audit: {check:?} of {writes} writes"));
            }
        }
        Err(error) => verdict.fault(format_args!("audit: {error}")),
    }
}
