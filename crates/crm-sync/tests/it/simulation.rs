//! The simulation, in small: the big one is `cargo xtask sim`.

pub(crate) mod pilot;

use crm_testkit::simulation::{self, Batch, Keep, MORE_KINDS, PEOPLE_ONLY, Report};
use pilot::{EnginePilot, Ground};

/// Seeds that once found a fault of the engine in people, beyond those that every run tries.
const FOUND: &[u64] = &[
    595, 885, 1_610, 1_710, 1_793, 1_826, 11_763, 12_615, 13_267, 13_301, 13_987, 14_116, 14_193,
    15_009, 15_173, 16_111, 18_681, 18_689, 19_325,
];

/// Those that found one with more kinds, or in the write journal.
const FOUND_IN_KINDS: &[u64] = &[
    356, 1_576, 1_665, 1_731, 1_876, 1_976, 1_979, 2_225, 2_956, 3_128, 3_320, 3_358, 3_547, 3_809,
    3_827, 3_869,
];

fn seeds(ground: Ground, name: &str, seeds: impl IntoIterator<Item = u64>) {
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

/// Companies, deals and activities, and what refers to what, in two to four CRMs.
#[test]
fn simulation_of_several_kinds() {
    seeds(Ground::Memory, "memory", (0..80).map(|seed| seed | MORE_KINDS));
    seeds(Ground::Sqlite, "sqlite", (80..100).map(|seed| seed | MORE_KINDS));
}

#[test]
fn simulation_of_what_was_found_before() {
    let people = FOUND.iter().map(|seed| seed | PEOPLE_ONLY);
    seeds(Ground::Memory, "memory", people);
    let kinds = FOUND_IN_KINDS.iter().map(|seed| seed | MORE_KINDS);
    seeds(Ground::Memory, "memory", kinds);
    let journal = [174, 302, 484, 524, 1_297].map(|seed| seed | PEOPLE_ONLY);
    seeds(Ground::Memory, "memory", journal);
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
