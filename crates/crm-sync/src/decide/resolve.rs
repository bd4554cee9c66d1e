//! Choosing a winner. Each policy is a choice on the *set* of contenders, so it cannot depend on
//! the order in which they arrived; the last component of every order is the value itself, so
//! there is never a tie.

use std::cmp::Reverse;
use std::time::Duration;

use crm_core::Value;
use jiff::{SignedDuration, Timestamp};

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
            let latest = undominated(bids);
            highest(bids.iter().zip(latest).filter(|(_, stays)| *stays).map(|(bid, _)| bid))
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

/// Returns which contenders are not strictly before another one. A change without a time is
/// before nobody and after nobody.
fn undominated(bids: &[Bid]) -> Vec<bool> {
    bids.iter().map(|bid| !bids.iter().any(|other| is_before(bid, other))).collect()
}

/// `e1` is before `e2` iff t(e1) + ε < t(e2), ε being the larger uncertainty of the set: with one
/// ε for all, "not before" is the set of those within ε of the latest.
fn is_before(bid: &Bid, other: &Bid) -> bool {
    let (Some(mine), Some(theirs)) = (bid.at, other.at) else {
        return false;
    };
    let epsilon = bid.uncertainty.max(other.uncertainty);
    let epsilon = SignedDuration::try_from(epsilon).unwrap_or(SignedDuration::MAX);
    theirs.duration_since(mine) > epsilon
}
