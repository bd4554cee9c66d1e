//! What every store must do.
//!
//! A store calls [`store_contract!`](crate::store_contract) with a function that returns a
//! [`StoreHarness`]; each case becomes a test of its own. A case looks at what a commit changed
//! *and* at what it must have left alone.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a case fails by panicking")]

pub mod atomic;
pub mod audit;
pub mod erasure;
mod harness;
pub mod journal;
pub mod leases;
pub mod log;
pub mod records;
pub mod references;

pub use self::harness::StoreHarness;

/// Expands to one `#[tokio::test]` for each case of the store contract. The argument is the path
/// of a function that returns a fresh [`StoreHarness`].
#[macro_export]
macro_rules! store_contract {
    ($harness:path) => {
        $crate::store_contract! { @each $harness,
            atomic::{
                a_raced_commit_changes_nothing,
                a_new_entity_must_not_exist,
                an_old_row_version_is_refused,
                one_row_version_carries_one_decision,
                of_rivals_one_passes,
                a_large_commit_is_one_commit,
                every_change_is_counted,
                what_does_not_exist_cannot_be_changed,
                a_row_needs_a_row_version,
                cursor_and_entity_move_together,
            }
            records::{
                a_record_has_one_live_link,
                a_link_moves_within_a_commit,
                records_are_found_by_provider_kind_and_id,
                old_ids_lead_on,
                a_gone_link_is_found_until_another_lives,
                links_come_sorted_and_change_alone,
                every_value_comes_back,
                scan_pages_in_order_of_insertion,
                candidates_follow_their_keys,
            }
            references::{
                a_waiting_reference_wakes_its_entity,
                what_is_there_already_is_not_waited_for,
                a_merge_ends_the_waiting,
                what_became_another_is_found_by_it,
            }
            leases::{
                work_comes_oldest_first,
                a_leased_entity_is_not_leased_again,
                an_old_fence_is_refused,
                a_settled_lease_ends_and_its_fence_stays_good,
                a_hint_during_work_is_not_lost,
                a_mark_keeps_an_earlier_time,
                next_due_knows_of_leases,
                recover_marks_what_is_open,
                mark_all_marks_what_lives,
                marking_all_voids_the_work_in_hand,
                announcements_outlive_the_process,
            }
            log::{
                conflicts_come_newest_first,
                history_keeps_its_order,
                runs_come_newest_first,
                stages_come_back,
                accounts_come_back,
                written_plans_come_back,
                counts_and_problems_agree_with_the_rows,
                everything_outlives_the_process,
            }
            journal::{
                writes_come_in_their_order,
                a_write_is_noted_once,
                a_note_goes_with_its_commit,
            }
            audit::{
                every_deed_is_chained,
                the_chain_goes_on,
            }
            erasure::{
                an_erased_entity_leaves_no_row,
                an_erasure_is_a_decision_like_others,
                what_was_erased_is_recognised,
                erasures_come_back,
                tied_entities_have_one_link,
            }
        }
    };
    (@each $harness:path, $($group:ident::{ $($case:ident),+ $(,)? })+) => {
        $(
            mod $group {
                $(
                    #[tokio::test]
                    async fn $case() {
                        $crate::contract::store::$group::$case(&$harness()).await;
                    }
                )+
            }
        )+
    };
}
