//! Several workers on one ledger, and work that has to wait for its turn.

use std::time::Duration;

use crm_core::{ErrorKind, Field, ObjectKind};
use crm_store::{Commit, Entity, LeaseRequest, Mark, Mutation, Store, StoreError};
use crm_sync::{Approval, Flow, UndoMode};
use crm_testkit::memory::profile::{NORTH, SOUTH};

use crate::town::{KIND, Town};

fn town() -> Town {
    let mut town = Town::new(&[&NORTH, &SOUTH], Flow::new(KIND));
    let values = [(Field::LAST_NAME, "Novak"), (Field::EMAIL, "novak@mail.example")];
    town.person(2, &values);
    town.sync();
    town.pass(Duration::from_mins(10));
    town.sync();
    town
}

/// Marks the only entity and returns it.
fn marked(town: &Town) -> Entity {
    let mark = Some(Mark { due: town.now(), attempts: 0 });
    let mutations = vec![Mutation::Mark(town.entity().id, mark)];
    town.run(town.store.commit(Commit { mutations, ..Commit::default() })).unwrap();
    town.entity()
}

/// A worker that was paused for too long, or whose entity somebody marked anew, must not commit
/// what it decided on.
#[test]
pub(crate) fn a_worker_whose_lease_is_over_commits_nothing() {
    let town = town();
    let entity = marked(&town);
    let lease = Duration::from_mins(1);
    let request = LeaseRequest { kind: ObjectKind::Contact, now: town.now(), lease, limit: 1 };
    let leased = town.run(town.store.lease(request)).unwrap();
    let fence = leased.first().unwrap().fence;
    marked(&town);
    let late = Commit {
        fences: vec![(entity.id, fence)],
        mutations: vec![Mutation::Mark(entity.id, None)],
        ..Commit::default()
    };
    let late = town.run(town.store.commit(late));
    assert!(matches!(late, Err(StoreError::Raced)), "{late:?}");
    assert!(town.entity().mark.is_some());
}

#[test]
pub(crate) fn two_decisions_on_one_row_are_not_both_kept() {
    let town = town();
    let entity = town.entity();
    let decision = || Commit {
        expected: vec![(entity.id, entity.row_version)],
        mutations: vec![Mutation::Mark(entity.id, None)],
        ..Commit::default()
    };
    town.run(town.store.commit(decision())).unwrap();
    let second = town.run(town.store.commit(decision()));
    assert!(matches!(second, Err(StoreError::Raced)), "{second:?}");
}

/// A breaker that is open, or a quota that is used up, is not the record's fault.
#[test]
pub(crate) fn work_that_waits_uses_no_attempt_up() {
    let mut town = town();
    town.impatient();
    town.edit(0, Field::JOB_TITLE, "Buyer");
    for _ in 0..3 {
        town.pass(Duration::from_mins(10));
        let until = town.now() + Duration::from_mins(5);
        town.hold_back(&SOUTH, ErrorKind::Suspended { until });
        let run = town.next_run();
        let told = town.run(town.engine.sync(run, Approval::Given, &()));
        let mark = town.entity().mark.unwrap();
        assert_eq!((mark.due, mark.attempts), (until, 1), "{told:?}");
    }
    town.let_go(&SOUTH);
    town.pass(Duration::from_mins(10));
    town.sync();
    assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("Buyer"));
}

/// Taking a run back overwrites nothing that somebody entered since.
#[test]
pub(crate) fn what_was_edited_since_stands_when_a_run_is_taken_back() {
    let mut town = town();
    town.edit(0, Field::JOB_TITLE, "Buyer");
    town.pass(Duration::from_mins(10));
    let target = town.next_run();
    let done = town.run(town.engine.sync(target, Approval::Given, &())).unwrap();
    assert_eq!((done.writes(), town.value(1, Field::JOB_TITLE).as_deref()), (1, Some("Buyer")));
    town.edit(1, Field::JOB_TITLE, "Seller");
    town.pass(Duration::from_mins(10));
    let run = town.next_run();
    let undone = town.run(town.engine.undo(target, run, UndoMode::Do, &())).unwrap();
    assert_eq!(town.value(1, Field::JOB_TITLE).as_deref(), Some("Seller"));
    assert_eq!((undone.fields(), undone.left.len()), (0, 1), "{undone:?}");
}
