//! What an answer says counts.

use std::sync::Arc;
use std::time::Duration;

use crm_core::{Field, ObjectKind};
use crm_store::{Journal, JournalQuery, Store};
use crm_sync::{Approval, Event, Flow, Phase, Progress};
use crm_testkit::memory::profile::{NORTH, SOUTH};
use crm_testkit::memory::{Deed, Realm};

use crate::town::Town;

/// A record is stored without one field: the old value that is still there is nobody's edit, and
/// the other fields go on.
#[test]
pub(crate) fn what_an_answer_says_was_refused_is_not_written() {
    let mut town = Town::new(&[&NORTH, &SOUTH], Flow::new(ObjectKind::Contact));
    let (name, mail) = ((Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example"));
    let person = [name, mail, (Field::JOB_TITLE, "Before")];
    town.person(2, &person);
    town.sync();
    town.refuse(&SOUTH, &[Field::JOB_TITLE]);
    town.edit(0, Field::JOB_TITLE, "Edited");
    town.edit(0, Field::FIRST_NAME, "Ada");
    for _ in 0..3 {
        town.pass(Duration::from_mins(10));
        town.sync();
    }
    assert_eq!(town.value(0, Field::JOB_TITLE).as_deref(), Some("Edited"));
    assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("Before"));
    assert_eq!(town.value(1, Field::FIRST_NAME).as_deref(), Some("Ada"));
    let entity = town.entity();
    let slot = entity.links[1].slots.slot(Field::JOB_TITLE).unwrap();
    assert_eq!(slot.refused.as_ref().unwrap().message, "it is not taken");
}

/// A user who deletes a person in one CRM as soon as deals are worked on.
struct Meddler(Arc<Realm>);

impl Progress for Meddler {
    fn event(&self, event: &Event) {
        if *event == (Event::Phase { kind: ObjectKind::Deal, phase: Phase::Work }) {
            self.0.perform(Deed::Delete { account: 0, kind: ObjectKind::Contact, pick: 2 });
        }
    }
}

/// A set is stored without one member, whose record was just deleted there: the journal says who
/// came all the same.
#[test]
fn who_came_into_a_set_that_was_stored_in_part_is_signed() {
    let flows = vec![Flow::new(ObjectKind::Contact), Flow::new(ObjectKind::Deal)];
    let mut town = Town::of(&[&NORTH, &SOUTH], flows);
    for name in ["Ada", "Bo", "Cy"] {
        let mail = format!("{name}@mail.example");
        town.person(2, &[(Field::LAST_NAME, name), (Field::EMAIL, &mail)]);
    }
    let (account, kind, field) = (1, ObjectKind::Deal, Field::CONTACTS);
    let values = vec![(Field::TITLE, "Screen".to_owned())];
    town.realm.perform(Deed::Create { account, kind, values, ties: vec![(field, 0)] });
    town.sync();
    for to in [1, 2] {
        town.realm.perform(Deed::Tie { account, kind, pick: 0, field, to });
    }
    town.pass(Duration::from_mins(10));
    let run = town.next_run();
    let meddler = Meddler(Arc::clone(&town.realm));
    town.run(town.engine.sync(run, Approval::Given, &meddler)).unwrap();
    let query = JournalQuery { run: Some(run), ..JournalQuery::default() };
    let rows = town.run(town.store.journal(query)).unwrap();
    let set = |row: &Journal| Some(row.change(field)?.after.as_ref()?.members().len());
    let first = rows.iter().find_map(set);
    assert_eq!(first, Some(2), "{rows:#?}");
}
