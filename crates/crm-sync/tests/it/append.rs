//! Activities that flow to the primary side alone: a journal.

use std::time::Duration;

use crm_core::{Field, ObjectKind, RemoteId};
use crm_sync::{Direction, Flow, Outcome, Report};
use crm_testkit::memory::Deed;
use crm_testkit::memory::profile::{EAST, NORTH, SOUTH};

use crate::town::Town;

const KIND: ObjectKind = ObjectKind::Activity;

fn town() -> Town {
    let journal = Flow { direction: Direction::ToPrimary, ..Flow::new(KIND) };
    let mut town =
        Town::of(&[&NORTH, &SOUTH, &EAST], vec![Flow::new(ObjectKind::Contact), journal]);
    town.person(3, &[(Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example")]);
    town.sync();
    later(&mut town);
    town
}

fn later(town: &mut Town) -> Report {
    town.pass(Duration::from_mins(10));
    town.sync()
}

fn enter(town: &Town, account: usize, subject: &str) {
    let values = [(Field::TYPE, "task"), (Field::SUBJECT, subject)];
    let values = values.map(|(field, text)| (field, text.to_owned())).to_vec();
    town.realm.perform(Deed::Create { account, kind: KIND, values, ties: Vec::new() });
}

fn rename(town: &Town, account: usize, subject: &str) {
    let value = Some(subject.to_owned());
    let field = Field::SUBJECT;
    town.realm.perform(Deed::Edit { account, kind: KIND, pick: 0, field, value });
}

fn subjects(town: &Town, account: usize) -> Vec<String> {
    let value = |id: &RemoteId| town.realm.stored(account, KIND, id, Field::SUBJECT);
    let live = town.realm.live(account, KIND);
    live.iter().filter_map(|id| Some(value(id)?.display())).collect()
}

/// What a secondary side adds is added at the primary one, once, and nowhere else; what changes on
/// either side later changes nothing on the other, and is no conflict.
#[test]
fn an_activity_is_added_once_and_never_changed() {
    let mut town = town();
    enter(&town, 1, "Call back");
    let report = later(&mut town);
    assert_eq!((report.writes(), report.outcome()), (1, Outcome::Success));
    assert_eq!(subjects(&town, 0), ["Call back"]);
    assert_eq!(subjects(&town, 2), [""; 0], "another secondary side gets nothing");

    rename(&town, 1, "Call back today");
    let report = later(&mut town);
    assert_eq!((report.writes(), report.outcome()), (0, Outcome::Success), "{report:?}");
    assert_eq!(subjects(&town, 0), ["Call back"]);

    rename(&town, 0, "Done");
    let report = later(&mut town);
    assert_eq!((report.writes(), report.outcome()), (0, Outcome::Success), "{report:?}");
    assert_eq!(
        (subjects(&town, 0), subjects(&town, 1)),
        (vec!["Done".into()], vec!["Call back today".to_owned()])
    );

    enter(&town, 0, "Our own");
    let report = later(&mut town);
    assert_eq!((report.writes(), report.outcome()), (0, Outcome::Success), "{report:?}");
    assert_eq!(subjects(&town, 1).len(), 1, "nothing flows back");
    assert_eq!(later(&mut town).writes(), 0);
}
