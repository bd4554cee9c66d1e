//! What a person decides about conflicts.

use std::time::Duration;

use crm_core::{Field, Normalizer, ObjectKind, Patch, ProviderId, Value};
use crm_store::{Conflict, ConflictState, Store};
use crm_sync::{ConflictRef, EngineError, Flow, Outcome, Policy, Resolution, value_of};
use crm_testkit::memory::profile::{NORTH, SOUTH, WEST};

use crate::town::{KIND, Town};

const FIELD: Field = Field::JOB_TITLE;

/// A town in which two sides changed one field differently, and a person is to decide.
fn quarrel() -> Town {
    let flow = Flow { policy: Policy::Manual, ..Flow::new(ObjectKind::Contact) };
    let mut town = Town::new(&[&NORTH, &SOUTH, &WEST], flow);
    let values = [
        (Field::LAST_NAME, "Lind"),
        (Field::EMAIL, "ada@mail.example"),
        (FIELD, "Buyer"),
        (Field::COMPANY, "old"),
    ];
    town.person(3, &values);
    settle(&mut town);
    town.edit(0, FIELD, "Lead");
    town.edit(1, FIELD, "Head");
    settle(&mut town);
    assert_eq!(shown(&town), ["Lead", "Head", "Buyer"], "the field is frozen");
    town
}

/// Syncs until lags and overlaps are over.
fn settle(town: &mut Town) {
    for _ in 0..3 {
        town.sync();
        town.pass(Duration::from_mins(3));
    }
}

fn shown(town: &Town) -> Vec<String> {
    (0..3).map(|account| town.value(account, FIELD).unwrap_or_default()).collect()
}

fn open(town: &Town) -> Conflict {
    let mut open = town.conflicts(ConflictState::Open);
    assert_eq!(open.len(), 1, "{open:#?}");
    open.remove(0)
}

fn take(name: &str) -> Resolution {
    Resolution::Take(ProviderId::new(name))
}

fn resolve(
    town: &mut Town,
    conflict: impl Into<ConflictRef> + Send,
    resolution: Resolution,
) -> Result<Conflict, EngineError> {
    let run = town.next_run();
    town.run(town.engine.resolve(conflict, resolution, "ida", run))
}

#[test]
pub(crate) fn a_side_is_taken_and_written_everywhere() {
    let mut town = quarrel();
    let conflict = open(&town);
    assert_eq!(conflict.base.as_ref().map(Value::display).as_deref(), Some("Buyer"));
    let resolved = resolve(&mut town, &conflict, take("south")).unwrap();
    assert_eq!(resolved.winner, Some(ProviderId::new("south")));
    assert_eq!(resolved.decided.as_ref().unwrap().by, "ida");
    assert_eq!(shown(&town), ["Lead", "Head", "Buyer"], "deciding makes no request");
    settle(&mut town);
    assert_eq!(shown(&town), ["Head", "Head", "Head"]);
    assert!(town.conflicts(ConflictState::Open).is_empty());
    assert_eq!(town.conflicts(ConflictState::Resolved).len(), 1);
    let history = town.run(town.store.history(conflict.entity)).unwrap();
    let row = history.iter().find(|row| row.rule == "resolved").unwrap();
    assert_eq!(row.source, Some(ProviderId::new("south")));
    town.pass(Duration::from_hours(1));
    assert_eq!(town.sync().writes(), 0);
}

#[test]
pub(crate) fn a_side_that_did_not_contend_can_be_taken() {
    let mut town = quarrel();
    let conflict = open(&town);
    resolve(&mut town, &conflict, take("west")).unwrap();
    settle(&mut town);
    assert_eq!(shown(&town), ["Buyer", "Buyer", "Buyer"]);
}

#[test]
pub(crate) fn a_value_is_given_that_nobody_had() {
    let mut town = quarrel();
    let conflict = open(&town);
    let mut values = Patch::new();
    let value = value_of(ObjectKind::Contact, FIELD, "Chief", Normalizer::default()).unwrap();
    values.set(FIELD, value);
    let resolved = resolve(&mut town, &conflict, Resolution::Values(values)).unwrap();
    assert_eq!(resolved.winner, None, "a person decided");
    settle(&mut town);
    assert_eq!(shown(&town), ["Chief", "Chief", "Chief"]);
}

#[test]
pub(crate) fn what_is_edited_after_a_decision_contends_anew() {
    let mut town = quarrel();
    let conflict = open(&town);
    resolve(&mut town, &conflict, take("north")).unwrap();
    town.edit(1, FIELD, "Boss");
    settle(&mut town);
    let again = open(&town);
    assert_ne!(again.id, conflict.id);
    let values: Vec<String> =
        again.contenders.iter().map(|c| c.value.as_ref().unwrap().display()).collect();
    assert!(values.contains(&"Boss".to_owned()) && values.contains(&"Lead".to_owned()));
    assert!(!values.contains(&"Head".to_owned()), "what was shown is settled: {values:?}");
}

#[test]
pub(crate) fn a_decision_about_what_is_no_more_is_refused() {
    let mut town = quarrel();
    let conflict = open(&town);
    town.edit(1, FIELD, "Boss");
    settle(&mut town);
    let error = resolve(&mut town, &conflict, take("south")).unwrap_err();
    assert!(matches!(error, EngineError::ConflictMoved(_)), "{error}");
    assert!(error.hint().unwrap().contains("look again"), "{error}");
    assert_eq!(shown(&town), ["Lead", "Boss", "Buyer"], "nothing was changed");
    let newer = open(&town);
    assert_eq!(newer.id, conflict.id);
    resolve(&mut town, &newer, take("south")).unwrap();
    let error = resolve(&mut town, &newer, take("north")).unwrap_err();
    assert!(matches!(error, EngineError::ConflictSettled(_)), "{error}");
    assert!(error.to_string().contains("ida decided"), "{error}");
    settle(&mut town);
    assert_eq!(shown(&town), ["Boss", "Boss", "Boss"]);
}

#[test]
pub(crate) fn a_decision_that_does_not_fit_is_refused() {
    let mut town = quarrel();
    let conflict = open(&town);
    let error = resolve(&mut town, &conflict, take("east")).unwrap_err();
    assert!(matches!(error, EngineError::NoSide { .. }), "{error}");
    assert!(error.hint().unwrap().contains("north or south or west"), "{error}");
    let mut other = Patch::new();
    other.set(Field::COMPANY, Some(Value::text("new")));
    let error = resolve(&mut town, &conflict, Resolution::Values(other)).unwrap_err();
    assert!(matches!(error, EngineError::OtherField(FIELD)), "{error}");
    let unknown = ConflictRef { id: crm_store::ConflictId(uuid::Uuid::nil()), revision: 0 };
    let error = resolve(&mut town, unknown, take("north")).unwrap_err();
    assert!(matches!(error, EngineError::UnknownConflict(_)), "{error}");
    assert!(Resolution::try_from("merged").is_err());
    assert_eq!(open(&town), conflict);
    assert_eq!(town.sync().outcome(), Outcome::Partial);
}

/// What a CRM requires is not cleared there, although a blank won: it would refuse the write.
#[test]
pub(crate) fn what_is_required_is_not_cleared() {
    let flow = Flow { allow_clear: vec![Field::LAST_NAME], ..Flow::new(KIND) };
    let mut town = Town::new(&[&NORTH, &SOUTH], flow);
    town.person(2, &[(Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example")]);
    town.sync();
    town.pass(Duration::from_mins(10));
    town.sync();
    town.edit(0, Field::LAST_NAME, "");
    town.pass(Duration::from_mins(10));
    let report = town.sync();
    assert_eq!(town.value(0, Field::LAST_NAME), None);
    assert_eq!(town.value(1, Field::LAST_NAME).as_deref(), Some("Novak"));
    assert_eq!((report.writes(), town.entity().golden.value(Field::LAST_NAME)), (0, None));
    assert!(report.kinds.values().all(|kind| kind.failed == 0), "{report:?}");
}

#[test]
fn values_are_read_by_the_type_of_their_field() {
    let read = |kind, field, text| value_of(kind, field, text, Normalizer::default());
    assert_eq!(read(ObjectKind::Contact, FIELD, " ").unwrap(), None);
    let employees = read(ObjectKind::Company, Field::EMPLOYEES, "12").unwrap();
    assert_eq!(employees, Some(Value::Integer(12)));
    let error = read(ObjectKind::Company, Field::EMPLOYEES, "a dozen").unwrap_err();
    assert_eq!(error.to_string(), "`a dozen` is no value of employees");
    assert!(read(ObjectKind::Deal, Field::STAGE, "new").unwrap().is_some());
    assert!(read(ObjectKind::Deal, Field::STAGE, "newish").is_err());
    assert!(read(ObjectKind::Contact, Field::STAGE, "new").is_err());
}
