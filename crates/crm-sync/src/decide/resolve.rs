//! Choosing a winner. Each policy is a choice on the *set* of contenders, so it cannot depend on
//! the order in which they arrived; the last component of every order is the value itself, so
//! there is never a tie.

use std::cmp::Reverse;
use std::time::Duration;

use crm_core::{Value, mutant};
use crm_store::Shadow;
use jiff::Timestamp;

use super::join;
use crate::Policy;
use crate::policy::Join;
use crate::topology::FieldPlan;

/// One contender.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bid {
    /// The side; `None` is the golden record.
    pub side: Option<usize>,
    /// Its rank; for the golden record that of the side it came from.
    pub rank: usize,
    /// Its value.
    pub value: Option<Value>,
    /// What it had before.
    pub base: Shadow,
    /// When it was changed at the earliest.
    pub since: Option<Timestamp>,
    /// When it was changed at the latest.
    pub at: Option<Timestamp>,
    /// How far that time may be off.
    pub uncertainty: Duration,
    /// The golden version that the side has seen.
    pub ack: u64,
}

/// What a contest comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// That contender's value.
    Won(Bid),
    /// A value that is nobody's alone.
    Joined(Option<Value>),
    /// A person must decide.
    Open,
}

/// A verdict with the rule that led to it; no rule where there was nothing to decide.
pub(super) type Ruled = (Verdict, Option<String>);

/// Decides a contest. `golden` is the golden value as a contender, whether or not it contends;
/// `owner` is the rank of the connection that the policy names.
pub(super) fn decide(
    plan: &FieldPlan,
    golden: Option<&Bid>,
    bids: &[Bid],
    owner: Option<usize>,
) -> Ruled {
    let join = plan.join();
    if let Some(join @ (Join::Union | Join::Sum)) = join {
        return joined(plan, join, golden, bids);
    }
    let rule =
        join.map_or_else(|| plan.policy.to_string(), |join| Policy::Merged(join).to_string());
    let Some(winner) = single(bids.iter()) else {
        let verdict = choose(plan, join, bids, owner).map_or(Verdict::Open, Verdict::Won);
        return (verdict, Some(rule));
    };
    if plan.ty.is_set() {
        // A side shows of a set what it has room and records for; the rest stays.
        return (joined(plan, Join::Union, golden, bids).0, None);
    }
    (Verdict::Won(winner.clone()), None)
}

/// Returns the first of contenders that all have one value.
fn single<'b>(mut bids: impl Iterator<Item = &'b Bid>) -> Option<&'b Bid> {
    let first = bids.next()?;
    bids.all(|bid| bid.value == first.value).then_some(first)
}

/// Joins what the sides did to the golden value.
fn joined(plan: &FieldPlan, join: Join, golden: Option<&Bid>, bids: &[Bid]) -> Ruled {
    let before = golden.and_then(|bid| bid.value.as_ref());
    let value = match join {
        Join::Union => join::union(before, bids),
        Join::Sum | Join::ByType | Join::Max | Join::Longest => join::sum(before, bids),
    };
    if value.is_none() && before.is_some() && !plan.allow_clear {
        // Each left something that another one removed: together that is a blank.
        let stays = golden.cloned().map_or(Verdict::Joined(None), Verdict::Won);
        return (stays, Some("never_blank".to_owned()));
    }
    let alone = single(bids.iter()).is_some_and(|bid| bid.value == value);
    let rule = (!alone).then(|| Policy::Merged(join).to_string());
    // What is golden already stays so.
    let mut holders = golden.into_iter().chain(bids).filter(|bid| bid.value == value);
    let verdict = match holders.next() {
        Some(holder) => Verdict::Won(holder.clone()),
        None => Verdict::Joined(value),
    };
    (verdict, rule)
}

/// Chooses the winner of two or more contenders; `None` leaves it to a person.
fn choose(plan: &FieldPlan, join: Option<Join>, bids: &[Bid], owner: Option<usize>) -> Option<Bid> {
    let winner = match (&plan.policy, join) {
        (_, Some(Join::Longest)) => best(bids, |bid| length(bid.value.as_ref())),
        (_, Some(_)) => best(bids, |bid| &bid.value),
        (Policy::Manual, None) => return mutant!(ManualDecided => bids.first().cloned(), None),
        (Policy::PrimaryWins | Policy::Merged(_), None) => best(bids, |_| ()),
        (Policy::SecondaryWins, None) => best(bids, |bid| bid.rank),
        (Policy::LatestWins, None) => {
            let bound = bound(bids);
            best(bids.iter().filter(|bid| is_late(bid, bound)), |_| ())
        }
        (Policy::StrictLatest, None) => {
            let epsilon = epsilon(bids);
            let late = bids.iter().filter(|bid| !bids.iter().any(|o| precedes(bid, o, epsilon)));
            let late: Vec<&Bid> = late.collect();
            mutant!(StrictGuesses => late.first().copied(), single(late.iter().copied()))?;
            best(late, |_| ())
        }
        (Policy::MostComplete, None) => best(bids, |bid| completeness(bid.value.as_ref())),
        (Policy::Owner(_), None) if mutant!(OwnerIgnored) => best(bids, |_| ()),
        (Policy::Owner(_), None) => best(bids, |bid| Some(bid.rank) == owner),
    };
    winner.cloned()
}

/// Returns the contender that is greatest by a key, then by rank. A side goes before the golden
/// value that came from it.
fn best<'b, K: Ord>(
    bids: impl IntoIterator<Item = &'b Bid>,
    key: impl Fn(&'b Bid) -> K,
) -> Option<&'b Bid> {
    let rank = |bid: &Bid| mutant!(RankInverted => usize::MAX - bid.rank, bid.rank);
    let order = |bid: &&'b Bid| (key(bid), Reverse(rank(bid)), bid.side.is_some(), &bid.value);
    bids.into_iter().max_by_key(order)
}

/// Returns the earliest time that no other one is strictly after: the latest less ε. With one ε
/// for all, "not strictly before" cannot depend on who is compared with whom.
fn bound(bids: &[Bid]) -> Option<Timestamp> {
    let latest = bids.iter().filter_map(|bid| bid.at).max()?;
    Some(latest.checked_sub(epsilon(bids)).unwrap_or(Timestamp::MIN))
}

/// Returns the largest uncertainty of the set.
fn epsilon(bids: &[Bid]) -> Duration {
    mutant!(EpsilonZero, return Duration::ZERO);
    bids.iter().map(|bid| bid.uncertainty).max().unwrap_or_default()
}

/// A change without a time is before nobody and after nobody.
fn is_late(bid: &Bid, bound: Option<Timestamp>) -> bool {
    bid.at.zip(bound).is_none_or(|(at, bound)| at >= bound)
}

/// Returns whether a change was over before another one can have begun. Clocks differ: no change
/// is over before it can have begun itself.
fn precedes(earlier: &Bid, later: &Bid, epsilon: Duration) -> bool {
    let end = earlier.at.max(earlier.at.and(earlier.since));
    end.zip(later.since)
        .is_some_and(|(end, begin)| end.checked_add(epsilon).is_ok_and(|end| end < begin))
}

/// Any value before none, then by the class of its length: twice as long is a class, so that a
/// letter more or less does not outweigh the rank.
fn completeness(value: Option<&Value>) -> (bool, u32) {
    (value.is_some(), usize::BITS - length(value).leading_zeros())
}

/// Returns how much a value says: characters of a text, members of a set.
fn length(value: Option<&Value>) -> usize {
    match value {
        None => 0,
        Some(Value::Text(text)) => text.raw().chars().count(),
        Some(Value::List(members)) => members.len(),
        Some(
            Value::Choice(_)
            | Value::Integer(_)
            | Value::Decimal(_)
            | Value::Bool(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Ref(_),
        ) => 1,
    }
}

#[cfg(test)]
mod tests;
