//! Many seeds: sums, floors, and how a failure is told.

use std::fmt::Write as _;

use super::life::Counts;
use super::run::Report;
use super::scenario::{Mood, Scenario};

/// The sums over many seeds.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Seeds.
    pub seeds: u64,
    /// Steps, commits, calls and crashes.
    pub counts: Counts,
    /// Changes by users.
    pub edits: u64,
    /// Changes lost in the window that no engine can see, in calm and in hostile seeds.
    pub at_risk: [u64; 2],
    /// Calm seeds with such a loss.
    pub careless: Vec<u64>,
    /// Conflicts logged.
    pub conflicts: u64,
    /// Entities in step at the end.
    pub entities: u64,
    /// What was excused by a row.
    pub excused: u64,
    /// Failed seeds.
    pub failed: Vec<u64>,
    /// The hash of all hashes, in the order of seeds.
    pub hash: u64,
}

/// At most so many of 1,000 changes may fall into the window in hostile seeds.
const AT_RISK_MAX: u64 = 5;
/// At least so much must happen in each seed, on average; what does nothing looks green too.
const COMMITS_MIN: u64 = 40;
const CALLS_MIN: u64 = 150;
const EDITS_MIN: u64 = 40;
/// At least one crash in so many seeds.
const CRASHES_MIN: u64 = 2;
/// Sums over fewer seeds say little.
const SEEDS_MIN: u64 = 25;

impl Batch {
    /// Adds one seed.
    pub fn add(&mut self, report: &Report) {
        let (counts, verdict) = (report.counts, &report.verdict);
        self.seeds += 1;
        self.counts.steps += counts.steps;
        self.counts.commits += counts.commits;
        self.counts.calls += counts.calls;
        self.counts.crashes += counts.crashes;
        self.edits += verdict.edits;
        let [calm, hostile] = &mut self.at_risk;
        match Scenario::of(report.seed).mood {
            Mood::Calm => {
                *calm += verdict.at_risk;
                self.careless.extend((verdict.at_risk > 0).then_some(report.seed));
            }
            Mood::Hostile => *hostile += verdict.at_risk,
        }
        self.conflicts += verdict.conflicts;
        self.entities += verdict.entities;
        self.excused += verdict.excused;
        self.hash = self.hash.rotate_left(5) ^ report.hash;
        if !verdict.is_good() {
            self.failed.push(report.seed);
        }
    }

    /// Returns what is wrong with the batch as a whole: too little happened, or too much was lost.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let [calm, hostile] = self.at_risk;
        if calm > 0 {
            complaints.push(format!(
                "{calm} changes were lost in calm weather, in seeds {:?}",
                self.careless
            ));
        }
        if self.seeds < SEEDS_MIN {
            return complaints;
        }
        if hostile * 1_000 > self.edits * AT_RISK_MAX {
            complaints.push(format!("{hostile} of {} changes were lost", self.edits));
        }
        let floors = [
            ("commits", self.counts.commits, self.seeds * COMMITS_MIN),
            ("calls", self.counts.calls, self.seeds * CALLS_MIN),
            ("changes", self.edits, self.seeds * EDITS_MIN),
            ("crashes", self.counts.crashes, self.seeds / CRASHES_MIN),
            ("conflicts", self.conflicts, self.seeds),
        ];
        for (what, found, floor) in floors {
            if found < floor {
                complaints.push(format!(
                    "only {found} {what} in {} seeds, at least {floor} are expected",
                    self.seeds
                ));
            }
        }
        complaints
    }

    /// Returns the line that a batch is summed up by.
    pub fn summary(&self) -> String {
        let Counts { steps, commits, calls, crashes } = self.counts;
        let [calm, hostile] = self.at_risk;
        format!(
            "{} seeds, {} failed: {steps} steps, {calls} calls, {commits} commits, {crashes} \
             crashes, {} entities, {} changes by users, {} conflicts, {} excused, {} lost in the \
             window ({calm} calm, {hostile} hostile), hash {:016x}",
            self.seeds,
            self.failed.len(),
            self.entities,
            self.edits,
            self.conflicts,
            self.excused,
            calm + hostile,
            self.hash,
        )
    }
}

/// Returns how a failed seed is told.
pub fn story(report: &Report, store: &str) -> String {
    let Report { seed, hash, counts, verdict, lines } = report;
    let mut told = format!("SEED={seed} hash {hash:016x} after {} steps\n", counts.steps);
    let scenario = Scenario::of(*seed);
    let names: Vec<&str> = scenario.profiles.iter().map(|profile| profile.name).collect();
    let rule = scenario.rule;
    let mut add = |line: String| {
        let written = writeln!(told, "{line}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    };
    add(format!("  {:?}, {names:?}, {rule:?}", scenario.mood));
    for fault in verdict.faults.iter().take(6) {
        add(format!("  {fault}"));
    }
    let more = verdict.faults.len().saturating_sub(6);
    if more > 0 {
        add(format!("  and {more} more"));
    }
    for line in lines.iter().rev().take(20).rev() {
        let short: String = line.chars().take(160).collect();
        add(format!("    {short}"));
    }
    add(format!("  replay: cargo xtask sim --store {store} --seed {seed}"));
    told
}
