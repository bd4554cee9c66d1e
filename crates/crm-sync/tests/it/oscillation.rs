//! Two robots: a rule in each of two CRMs that sets a field to its own constant one minute after
//! any other value appears.

use std::time::Duration;

use crm_core::{Field, ObjectKind};
use crm_store::ConflictState;
use crm_sync::{Flow, Policy, Resolution};
use crm_testkit::memory::profile::{EAST, NORTH, Profile, SOUTH, WEST};
use jiff::{SignedDuration, Timestamp};

use crate::town::Town;

const TICK: Duration = Duration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The most reads by id and writes of the record in a day.
const CALLS_MAX: u32 = 20;

/// Sets a field to its own constant.
struct Robot {
    account: usize,
    constant: &'static str,
    other_since: Option<Timestamp>,
}

impl Robot {
    fn new(account: usize, constant: &'static str) -> Self {
        Self { account, constant, other_since: None }
    }

    fn watch(&mut self, town: &Town) {
        if town.value(self.account, Field::JOB_TITLE).as_deref() == Some(self.constant) {
            self.other_since = None;
            return;
        }
        let since = *self.other_since.get_or_insert(town.now());
        if town.now().duration_since(since) >= SignedDuration::from_mins(1) {
            town.edit(self.account, Field::JOB_TITLE, self.constant);
            self.other_since = None;
        }
    }
}

fn town(profiles: [&'static Profile; 2], policy: Policy) -> Town {
    let mut town = Town::new(&profiles, Flow { policy, ..Flow::new(ObjectKind::Contact) });
    let values = [
        (Field::FIRST_NAME, "Ada"),
        (Field::LAST_NAME, "Lind"),
        (Field::EMAIL, "ada@mail.example"),
        (Field::JOB_TITLE, "Buyer"),
        (Field::COMPANY, "old"),
    ];
    town.person(2, &values);
    town.sync();
    town.pass(Duration::from_mins(30));
    town.sync();
    town.calls();
    town
}

/// Lets time pass with robots at work and a sync every so often.
fn live(town: &mut Town, robots: &mut [Robot], span: SignedDuration, every: Duration) {
    let end = town.now().checked_add(span).unwrap();
    let mut next = town.now();
    while town.now() < end {
        for robot in &mut *robots {
            robot.watch(town);
        }
        if town.now() >= next {
            next = town.now().checked_add(every).unwrap();
            town.sync();
        }
        town.pass(TICK);
    }
}

fn robots() -> [Robot; 2] {
    [Robot::new(0, "left"), Robot::new(1, "right")]
}

#[test]
pub(crate) fn two_robots_are_stopped_within_a_few_calls() {
    for profiles in [[&NORTH, &SOUTH], [&SOUTH, &NORTH], [&NORTH, &EAST], [&WEST, &SOUTH]] {
        for policy in [Policy::PrimaryWins, Policy::LatestWins] {
            for minutes in [2, 5, 15] {
                let mut town = town(profiles, policy.clone());
                let every = Duration::from_mins(minutes);
                live(&mut town, &mut robots(), DAY, every);
                let calls = town.calls();
                let names = profiles.map(|profile| profile.name);
                assert!(calls <= CALLS_MAX, "{calls} with {names:?} {policy} {minutes}");
                let open = town.conflicts(ConflictState::Open);
                assert_eq!(open.len(), 1, "{open:#?}");
                assert_eq!(
                    (open[0].rule.as_str(), open[0].field),
                    ("oscillation", Field::JOB_TITLE)
                );
                let values = |value: &crm_store::Contender| value.value.as_ref().unwrap().display();
                let mut shown: Vec<String> = open[0].contenders.iter().map(values).collect();
                shown.sort();
                assert_eq!(shown, ["left", "right"]);
            }
        }
    }
}

#[test]
pub(crate) fn all_other_fields_keep_flowing() {
    for profiles in [[&NORTH, &SOUTH], [&SOUTH, &WEST], [&NORTH, &EAST]] {
        let mut town = town(profiles, Policy::PrimaryWins);
        let (mut robots, every) = (robots(), Duration::from_mins(5));
        live(&mut town, &mut robots, SignedDuration::from_hours(2), every);
        assert_eq!(town.conflicts(ConflictState::Open).len(), 1);
        for (account, text) in [(0, "first"), (1, "second"), (0, "third"), (1, "fourth")] {
            town.calls();
            town.edit(account, Field::COMPANY, text);
            live(&mut town, &mut robots, SignedDuration::from_mins(15), every);
            assert_eq!(town.value(1 - account, Field::COMPANY).as_deref(), Some(text));
            // Both sides are read and one is written; the echo may be looked at once more.
            let calls = town.calls();
            assert!(calls <= 7, "{calls} calls for one change");
            live(&mut town, &mut robots, SignedDuration::from_hours(2), every);
        }
        assert_eq!(town.conflicts(ConflictState::Open).len(), 1);
        assert_eq!(town.value(0, Field::JOB_TITLE).as_deref(), Some("left"));
        assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("right"));
    }
}

/// A frozen field that goes on changing is looked at ever less often.
#[test]
pub(crate) fn looks_at_a_frozen_field_back_off() {
    let mut town = town([&NORTH, &SOUTH], Policy::PrimaryWins);
    live(&mut town, &mut robots(), SignedDuration::from_hours(1), Duration::from_mins(5));
    town.calls();
    let mut hours = Vec::new();
    for hour in 0..12 {
        for minutes in 0..12 {
            town.edit(0, Field::JOB_TITLE, &format!("title {hour} {minutes}"));
            town.sync();
            town.pass(Duration::from_mins(5));
        }
        hours.push(town.calls());
    }
    // Two reads a look, and at most one look in two hours.
    let late: u32 = hours[6..].iter().sum();
    assert!(hours[0] > hours[11] && late <= 2 * 4, "{hours:?}");
    // A change elsewhere is seen at the next look at the latest.
    town.edit(0, Field::COMPANY, "new");
    for _ in 0..25 {
        town.sync();
        town.pass(Duration::from_mins(5));
    }
    assert_eq!(town.value(1, Field::COMPANY).as_deref(), Some("new"));
}

#[test]
pub(crate) fn a_person_ends_it() {
    let mut town = town([&NORTH, &SOUTH], Policy::PrimaryWins);
    live(&mut town, &mut robots(), SignedDuration::from_hours(1), Duration::from_mins(5));
    let open = town.conflicts(ConflictState::Open);
    let run = town.next_run();
    let take = Resolution::try_from("primary").unwrap();
    let resolved = town.run(town.engine.resolve(&open[0], take, "ida", run)).unwrap();
    assert_eq!(resolved.state, ConflictState::Resolved);
    town.sync();
    town.pass(Duration::from_mins(5));
    town.sync();
    // One of the robots was switched off.
    for account in [0, 1] {
        assert_eq!(town.value(account, Field::JOB_TITLE).as_deref(), Some("left"));
    }
    assert!(town.conflicts(ConflictState::Open).is_empty());
    let entity = town.entity();
    assert_eq!(entity.golden.frozen(Field::JOB_TITLE), None);
    assert_eq!(entity.golden.flips(Field::JOB_TITLE), None);
}
