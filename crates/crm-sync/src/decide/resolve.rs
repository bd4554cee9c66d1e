//! Choosing a winner. Each policy is a choice on the *set* of contenders, so it cannot depend on
//! the order in which they arrived; the last component of every order is the value itself, so
//! there is never a tie.

use std::cmp::Reverse;
use std::time::Duration;

use crm_core::Value;
use jiff::Timestamp;

use crate::Policy;

/// One contender.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bid {
    /// The side; `None` is the golden record.
    pub side: Option<usize>,
    /// Its rank; for the golden record that of the side it came from.
    pub rank: usize,
    /// Its value.
    pub value: Option<Value>,
    /// When it was changed at the latest.
    pub at: Option<Timestamp>,
    /// How far that time may be off.
    pub uncertainty: Duration,
    /// The golden version that the side has seen.
    pub ack: u64,
}

/// Chooses the winner of two or more contenders.
pub(super) fn choose(policy: Policy, bids: &[Bid]) -> &Bid {
    match policy {
        Policy::PrimaryWins | Policy::Manual => highest(bids.iter()),
        Policy::SecondaryWins => lowest(bids.iter()),
        Policy::LatestWins => {
            let bound = bound(bids);
            highest(bids.iter().filter(|bid| is_late(bid, bound)))
        }
    }
}

fn highest<'b>(bids: impl Iterator<Item = &'b Bid>) -> &'b Bid {
    bids.max_by_key(|bid| (Reverse(bid.rank), bid.side.is_some(), &bid.value)).unwrap_or(&NOBODY)
}

fn lowest<'b>(bids: impl Iterator<Item = &'b Bid>) -> &'b Bid {
    bids.max_by_key(|bid| (bid.rank, bid.side.is_some(), &bid.value)).unwrap_or(&NOBODY)
}

/// Stands for the winner among no contenders, which no caller asks for.
static NOBODY: Bid =
    Bid { side: None, rank: 0, value: None, at: None, uncertainty: Duration::ZERO, ack: 0 };

/// Returns the earliest time that no other one is strictly after: the latest less ε, ε being the
/// largest uncertainty of the set. With one ε for all, "not strictly before" cannot depend on who
/// is compared with whom.
fn bound(bids: &[Bid]) -> Option<Timestamp> {
    let latest = bids.iter().filter_map(|bid| bid.at).max()?;
    let epsilon = bids.iter().map(|bid| bid.uncertainty).max().unwrap_or_default();
    Some(latest.checked_sub(epsilon).unwrap_or(Timestamp::MIN))
}

/// A change without a time is before nobody and after nobody.
fn is_late(bid: &Bid, bound: Option<Timestamp>) -> bool {
    bid.at.zip(bound).is_none_or(|(at, bound)| at >= bound)
}
