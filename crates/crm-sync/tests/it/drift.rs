//! Fields that come and go: in the CRM, or in the configuration.

use std::time::Duration;

use crm_core::{Field, ObjectKind};
use crm_sync::{Flow, Outcome, Report, SchemaChange};
use crm_testkit::memory::profile::{EAST, NORTH, Profile, SOUTH};

use crate::town::Town;

const THREE: &[&Profile] = &[&NORTH, &SOUTH, &EAST];

fn flow() -> Flow {
    // A blank may win here: what is not there must not look like one.
    Flow { allow_clear: vec![Field::JOB_TITLE], ..Flow::new(ObjectKind::Contact) }
}

fn town(profiles: &[&'static Profile], flow: Flow) -> Town {
    let mut town = Town::new(profiles, flow);
    town.person(
        profiles.len(),
        &[
            (Field::LAST_NAME, "Novak"),
            (Field::EMAIL, "novak@mail.example"),
            (Field::JOB_TITLE, "Owner"),
        ],
    );
    town.sync();
    later(&mut town);
    town
}

fn later(town: &mut Town) -> Report {
    // What was just listed is no longer looked at for fresh.
    town.pass(Duration::from_mins(10));
    town.sync()
}

fn values(town: &Town, accounts: usize, field: Field) -> Vec<String> {
    (0..accounts).map(|account| town.value(account, field).unwrap_or_default()).collect()
}

fn told(report: &Report) -> Vec<(&str, Field, SchemaChange)> {
    let drift = report.drift.iter();
    drift.map(|drift| (drift.provider.as_str(), drift.field, drift.change)).collect()
}

/// A field that is not there any more is told once and left alone, the others flow on, and
/// nothing is blanked; when it is back, what changed meanwhile is carried on.
#[test]
fn a_field_that_is_lost_is_left_alone_until_it_is_back() {
    for profiles in [&THREE[..2], THREE] {
        let accounts = profiles.len();
        let mut town = town(profiles, flow());
        town.lose(&SOUTH, &[Field::JOB_TITLE]);
        let report = later(&mut town);
        assert_eq!(told(&report), [(SOUTH.name, Field::JOB_TITLE, SchemaChange::Lost)]);
        assert_eq!((report.writes(), report.outcome()), (0, Outcome::Success));
        assert_eq!(values(&town, accounts, Field::JOB_TITLE), vec!["Owner"; accounts]);

        town.edit(0, Field::JOB_TITLE, "Director");
        town.edit(0, Field::LAST_NAME, "Novakova");
        let report = later(&mut town);
        assert_eq!(told(&report), [], "it was told");
        assert_eq!(values(&town, accounts, Field::LAST_NAME), vec!["Novakova"; accounts]);
        assert_eq!(town.value(1, Field::JOB_TITLE).unwrap(), "Owner");
        if accounts == 3 {
            assert_eq!(town.value(2, Field::JOB_TITLE).unwrap(), "Director");
        }

        town.lose(&SOUTH, &[]);
        let report = later(&mut town);
        assert!(told(&report).contains(&(SOUTH.name, Field::JOB_TITLE, SchemaChange::Gained)));
        assert_eq!(values(&town, accounts, Field::JOB_TITLE), vec!["Director"; accounts]);
        assert_eq!((report.conflicts.len(), report.writes()), (0, 1));
        let report = later(&mut town);
        assert_eq!((told(&report).len(), report.writes()), (0, 0));
    }
}

/// What two sides changed while one of them was away is a conflict like any other.
#[test]
fn a_field_that_was_changed_on_both_sides_meanwhile_is_a_conflict() {
    let mut town = town(&THREE[..2], flow());
    town.lose(&SOUTH, &[Field::JOB_TITLE]);
    later(&mut town);
    town.edit(0, Field::JOB_TITLE, "Director");
    town.edit(1, Field::JOB_TITLE, "Manager");
    later(&mut town);
    town.lose(&SOUTH, &[]);
    let report = later(&mut town);
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(values(&town, 2, Field::JOB_TITLE), ["Director", "Director"]);
}

/// A field that the configuration adds is brought in step everywhere, and one that it takes away
/// is nobody's loss.
#[test]
fn a_field_that_is_configured_later_is_brought_in_step() {
    let fields = |fields: &[Field]| Flow { fields: Some(fields.to_vec()), ..flow() };
    let names = fields(&[Field::LAST_NAME, Field::EMAIL]);
    let mut town = town(&THREE[..2], names.clone());
    town.edit(0, Field::JOB_TITLE, "Director");
    assert_eq!(later(&mut town).writes(), 0);
    town.reconfigure(fields(&[Field::LAST_NAME, Field::EMAIL, Field::JOB_TITLE]));
    let report = later(&mut town);
    let change = SchemaChange::Gained;
    let both = [(NORTH.name, Field::JOB_TITLE, change), (SOUTH.name, Field::JOB_TITLE, change)];
    assert_eq!(told(&report), both);
    assert_eq!(values(&town, 2, Field::JOB_TITLE), ["Director", "Director"]);
    assert_eq!(report.conflicts.len(), 1, "there was no base: {report:?}");

    town.reconfigure(names);
    let report = later(&mut town);
    assert_eq!((told(&report).len(), report.writes()), (0, 0));
}
