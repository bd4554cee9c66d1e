//! What an answer says counts.

use std::time::Duration;

use crm_core::{Field, ObjectKind};
use crm_sync::Flow;
use crm_testkit::memory::profile::{NORTH, SOUTH};

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
