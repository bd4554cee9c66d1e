//! Mutants of what no user and no weather of the simulation brings about: a person who resolves
//! or takes a run back, a guard, a robot, a delete that spreads, another worker. The tests of that
//! have to notice them. Compiled and run by `cargo xtask mutants`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crm_core::mutant::{self, Mutant};

use crate::{conflict, deletes, identity, oscillation, reconcile, settle, undo, waiting, workers};

/// A test under its name.
type Test = (&'static str, fn());

/// Names tests as the runner names them.
macro_rules! tests {
    ($($module:ident::$test:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($test)), $module::$test),)*]
    };
}

/// The tests that are tried, the quickest first.
const TESTS: &[Test] = tests![
    identity::nobody_is_linked_where_there_is_doubt,
    identity::people_who_share_a_phone_are_told_apart,
    workers::a_worker_whose_lease_is_over_commits_nothing,
    workers::two_decisions_on_one_row_are_not_both_kept,
    workers::work_that_waits_uses_no_attempt_up,
    workers::what_was_edited_since_stands_when_a_run_is_taken_back,
    reconcile::every_row_of_the_tables_holds,
    conflict::a_side_is_taken_and_written_everywhere,
    conflict::a_side_that_did_not_contend_can_be_taken,
    conflict::a_value_is_given_that_nobody_had,
    conflict::what_is_edited_after_a_decision_contends_anew,
    conflict::a_decision_about_what_is_no_more_is_refused,
    conflict::a_decision_that_does_not_fit_is_refused,
    conflict::what_is_required_is_not_cleared,
    deletes::a_mass_delete_stops_the_run_before_anything_is_done,
    deletes::a_delete_spreads_only_where_it_shall_and_after_the_hold,
    deletes::whoever_edits_a_doomed_record_saves_it,
    deletes::a_restored_record_saves_the_doomed_ones,
    deletes::a_restored_record_has_a_say,
    deletes::people_merged_in_one_crm_are_one_entity,
    deletes::a_merge_brings_records_along,
    deletes::an_edit_beside_a_delete_wins,
    deletes::whoever_is_deleted_in_one_crm_stays_with_the_deal_in_the_other,
    deletes::the_survivor_of_a_merge_is_met_for_the_first_time,
    settle::what_an_answer_says_was_refused_is_not_written,
    waiting::what_is_there_stays_until_what_is_waited_for_comes,
    oscillation::two_robots_are_stopped_within_a_few_calls,
    oscillation::all_other_fields_keep_flowing,
    oscillation::looks_at_a_frozen_field_back_off,
    oscillation::a_person_ends_it,
    undo::a_later_run_is_taken_back,
    undo::a_first_sync_is_taken_back_and_needs_a_new_approval,
];

/// What the simulation does not bring about, or cannot tell.
const MUTANTS: &[Mutant] = &[
    Mutant::AmbiguityIgnored,
    Mutant::ContradictionIgnored,
    Mutant::DirectionIgnored,
    Mutant::EditedRecordDoomed,
    Mutant::FenceIgnored,
    Mutant::FrozenWritten,
    Mutant::GuardOff,
    Mutant::HoldIgnored,
    Mutant::MergeKeepsBase,
    Mutant::MovedBehind,
    Mutant::MovedKeepsAck,
    Mutant::OscillationUnseen,
    Mutant::PauseCountsAttempt,
    Mutant::RaceIgnored,
    Mutant::RefusalOverlooked,
    Mutant::RequiredCleared,
    Mutant::ResolutionContended,
    Mutant::RestoredKeepsBase,
    Mutant::RevertOverEdits,
    Mutant::StaleResolution,
    Mutant::TouchedArchived,
    Mutant::UnreadIsBlank,
    Mutant::WaitingClears,
];

/// Runs a test with a mutant at work; returns whether the test noticed. One that fails without any
/// proves nothing.
fn notices(test: fn(), mutant: Option<Mutant>) -> bool {
    mutant::choose(mutant);
    let noticed = catch_unwind(AssertUnwindSafe(test)).is_err();
    mutant::choose(None);
    noticed
}

#[test]
fn every_mutant_is_noticed() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut survivors = Vec::new();
    for mutant in MUTANTS {
        let (name, breaks) = (mutant, mutant.breaks());
        let notice = |(_, test): &&Test| notices(*test, Some(*mutant)) && !notices(*test, None);
        match TESTS.iter().find(notice) {
            Some((by, _)) => println!("killed\t{name}\t1\t-\t{by}\t{breaks}"),
            None => {
                println!("survived\t{name}\t1\t-\t-\t{breaks}");
                survivors.push(*mutant);
            }
        }
    }
    assert!(survivors.is_empty(), "{survivors:?}");
}
