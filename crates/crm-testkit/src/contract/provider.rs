//! What every room must do, against its fake, over a real socket.
//!
//! A room calls [`provider_contract!`](crate::provider_contract) with a function that returns a
//! [`Harness`], once for each kind and each form of a kind, in a module of its own; each case
//! becomes a test. Every case has two sides: what the provider says, and what the fake saw or
//! holds. A case never skips: where the room does not declare what it is about, it asserts that
//! the room refuses, without a request.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

pub mod feed;
pub mod finding;
pub mod forms;
mod harness;
pub mod identity;
pub mod owners;
pub mod reading;
pub mod references;
mod room;
mod sample;
pub mod stages;
pub mod weather;
pub mod writing;

pub use self::harness::{Connect, Credentials, FakeTime, Harness};
pub use self::room::{Deed, FormOf, Merging, Room, StageOf, Target, Tied, User};

/// Expands to one `#[tokio::test]` for each case of the provider contract. The argument is the
/// path of a function that returns a fresh [`Harness`].
#[macro_export]
macro_rules! provider_contract {
    ($harness:path) => {
        $crate::provider_contract! { @each $harness,
            identity::{
                probe_names_the_account,
                wrong_credentials_are_refused,
                missing_rights_are_told_apart,
                usage_is_what_the_fake_counted,
                undeclared_kinds_are_refused_without_a_request,
            }
            reading::{
                present_records_come_in_order,
                absent_records_are_gone,
                archived_and_merged_are_told_apart,
                an_empty_list_makes_no_request,
                many_ids_are_split,
                blank_is_read_and_not_unknown,
            }
            finding::{
                by_uid,
                by_email,
                undeclared_keys_are_refused_without_a_request,
            }
            feed::{
                the_beginning_shows_each_record_once,
                a_change_during_the_listing_is_not_lost,
                an_edit_is_seen_by_the_next_poll,
                nothing_new_is_one_quiet_request,
                equal_stamps_lose_nothing_across_a_page_edge,
                a_late_index_loses_nothing,
                fresh_reads_the_news_and_leaves_the_watermark,
                deletions_are_named,
                a_cursor_survives_the_process,
            }
            writing::{
                a_create_is_stored_and_a_repetition_makes_no_second,
                a_duplicate_names_the_existing_record,
                a_patch_leaves_other_fields,
                a_clear_clears,
                an_old_version_is_stale_or_loses,
                a_deleted_record_is_archived,
                one_bad_write_leaves_the_others,
                a_partial_batch_keeps_its_order,
                many_writes_are_split,
            }
            references::{
                every_declared_reference_has_a_target,
                undeclared_references_are_refused_without_a_request,
                a_reference_is_read_by_id_and_in_the_list,
                a_reference_is_set_replaced_and_cleared,
                set_members_come_and_go,
                a_member_that_somebody_else_added_is_kept,
                a_create_has_its_references,
                a_reference_to_nobody_is_told,
            }
            owners::{
                an_owner_is_an_address,
                an_owner_is_written_by_address,
                who_cannot_own_a_record_is_refused,
                users_are_known_after_a_probe,
            }
            stages::{
                a_stage_is_one_of_ours,
                a_stage_is_written_as_the_first_that_stands_for_it,
                a_stage_that_stands_for_it_already_stays,
            }
            forms::{
                a_record_says_its_form,
                a_form_does_not_change,
                the_forms_of_a_kind_come_in_one_feed,
                reads_and_writes_mix_forms,
            }
            weather::{
                a_429_is_honoured,
                a_503_is_retried_within_bounds,
                a_lost_read_is_repeated,
                a_lost_create_is_unknown_and_not_repeated,
                a_lost_update_is_unknown_and_not_repeated,
                an_unreadable_answer_to_a_write_is_unknown,
            }
        }
    };
    (@each $harness:path, $($group:ident::{ $($case:ident),+ $(,)? })+) => {
        $(
            mod $group {
                $(
                    #[tokio::test]
                    async fn $case() {
                        $crate::contract::provider::$group::$case(&$harness()).await;
                    }
                )+
            }
        )+
    };
}
