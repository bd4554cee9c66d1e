//! The four CRMs.

use std::time::Duration;

use crm_core::{Concurrency, Field};

use super::tables::{
    CALLS, DEALS, FAITHFUL, FIRMS, LOSSY, LOSSY_DEALS, LOSSY_FIRMS, STRICT, STRICT_CALLS,
    STRICT_DEALS, STRICT_FIRMS, STRICT_TASKS, TASKS,
};
use super::{
    Addresses, Answer, Authors, Blame, Dangling, Merges, PLAIN_WAIT, Profile, Rewrite, Rows, Ties,
    Uids,
};

/// A consistent list, a lagging search with stamps of a millisecond, unique uids and addresses;
/// ties leave no stamp, and activities have no unique key.
pub static NORTH: Profile = Profile {
    name: "north",
    mapping: &FAITHFUL,
    firms: &FIRMS,
    deals: &DEALS,
    activities: &[&TASKS, &CALLS],
    granularity: Duration::from_millis(1),
    list: Rows::Observed,
    poll: Rows::Hints,
    uids: Uids::Unique,
    activity_uids: Uids::Plain,
    addresses: Addresses::Unique,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Whole,
    authors: Authors::Hidden,
    merges: Merges::AsDeletions,
    dangling: Dangling::Dropped,
    ties: Ties::Silent,
    rewrites: &[],
    picky: Some((Field::COMPANY, Blame::Named)),
    lag: Duration::from_mins(1),
    unknown_wait: Duration::ZERO,
};

/// Consistent queries with stamps of a second, required fields, short ones, mute answers, one
/// person in an activity.
pub static SOUTH: Profile = Profile {
    name: "south",
    mapping: &STRICT,
    firms: &STRICT_FIRMS,
    deals: &STRICT_DEALS,
    activities: &[&STRICT_TASKS, &STRICT_CALLS],
    granularity: Duration::from_secs(1),
    list: Rows::Observed,
    poll: Rows::Observed,
    uids: Uids::Unique,
    activity_uids: Uids::Unique,
    addresses: Addresses::Free,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Bare,
    authors: Authors::Told,
    merges: Merges::Told,
    dangling: Dangling::Refused,
    ties: Ties::Stamped,
    rewrites: &[(Field::JOB_TITLE, Rewrite::CollapseSpaces)],
    picky: None,
    lag: Duration::from_secs(5),
    unknown_wait: Duration::ZERO,
};

/// Hints only, no unique key, values lowered, cut and rewritten, no activities.
pub static EAST: Profile = Profile {
    name: "east",
    mapping: &LOSSY,
    firms: &LOSSY_FIRMS,
    deals: &LOSSY_DEALS,
    activities: &[],
    granularity: Duration::from_secs(1),
    list: Rows::Hints,
    poll: Rows::Hints,
    uids: Uids::Plain,
    activity_uids: Uids::Plain,
    addresses: Addresses::Free,
    concurrency: Concurrency::LastWriteWins,
    answer: Answer::Written,
    authors: Authors::Told,
    merges: Merges::AsDeletions,
    dangling: Dangling::Refused,
    ties: Ties::Silent,
    rewrites: &[(Field::COMPANY, Rewrite::CollapseSpaces)],
    picky: Some((Field::JOB_TITLE, Blame::Unnamed)),
    lag: Duration::from_mins(1),
    unknown_wait: PLAIN_WAIT,
};

/// Compares versions before it writes, though only to the second.
pub static WEST: Profile = Profile {
    name: "west",
    mapping: &FAITHFUL,
    firms: &FIRMS,
    deals: &DEALS,
    activities: &[&TASKS, &CALLS],
    granularity: Duration::from_secs(1),
    list: Rows::Observed,
    poll: Rows::Hints,
    uids: Uids::Unique,
    activity_uids: Uids::Unique,
    addresses: Addresses::Free,
    concurrency: Concurrency::IfUnmodified,
    answer: Answer::Written,
    authors: Authors::Hidden,
    merges: Merges::Told,
    dangling: Dangling::Dropped,
    ties: Ties::Stamped,
    rewrites: &[
        (Field::NAME, Rewrite::DropFinalDots),
        (Field::COMPANY, Rewrite::DropFinalDots),
        (Field::JOB_TITLE, Rewrite::DropFinalDots),
    ],
    picky: None,
    lag: Duration::from_secs(20),
    unknown_wait: Duration::ZERO,
};
