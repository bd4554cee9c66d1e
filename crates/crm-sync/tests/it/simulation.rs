//! The simulation, in small: the big one is `cargo xtask sim`.

mod pilot;

use crm_testkit::simulation::{self, Batch, Keep, Report};
use pilot::{EnginePilot, Ground};

fn seeds(ground: Ground, name: &str, seeds: std::ops::Range<u64>) {
    let mut batch = Batch::default();
    let mut stories = String::new();
    for seed in seeds {
        let report = simulation::run(&EnginePilot(ground), seed, Keep::Tail);
        batch.add(&report);
        if !report.verdict.is_good() {
            stories.push_str(&simulation::story(&report, name));
        }
    }
    println!("{}", batch.summary());
    assert!(batch.failed.is_empty(), "{stories}");
    assert_eq!(batch.complaints(), Vec::<String>::new());
}

#[test]
fn simulation_on_the_memory_store() {
    seeds(Ground::Memory, "memory", 0..200);
}

#[test]
fn simulation_on_the_sqlite_store() {
    seeds(Ground::Sqlite, "sqlite", 200..250);
}

/// The same seed gives the same run, and the two stores cannot be told apart.
#[test]
fn simulation_is_deterministic() {
    let hash = |ground, seed| -> Report { simulation::run(&EnginePilot(ground), seed, Keep::Tail) };
    for seed in 0..12 {
        let (first, again) = (hash(Ground::Memory, seed), hash(Ground::Memory, seed));
        assert_eq!(
            first.hash, again.hash,
            "seed {seed} twice: {:?} {:?}",
            first.lines, again.lines
        );
        let other = hash(Ground::Sqlite, seed);
        assert_eq!(
            first.hash, other.hash,
            "seed {seed} on SQLite: {:?} {:?}",
            first.lines, other.lines
        );
        assert!(first.counts.commits > 0, "seed {seed} did nothing");
    }
}
