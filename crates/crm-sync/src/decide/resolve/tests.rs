//! Laws of the choice: it is one on the set of contenders.

use std::collections::BTreeSet;

use crm_core::{Field, FieldType, ProviderId};
use proptest::prelude::*;

use super::*;
use crate::Direction;

/// How far the stamps of all sides may be off.
const EPSILON: i64 = 2;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000 + seconds).unwrap()
}

fn plan(policy: Policy, ty: FieldType) -> FieldPlan {
    let direction = Direction::Bidirectional;
    FieldPlan { field: Field::NAME, ty, policy, direction, allow_clear: true, rules: Vec::new() }
}

/// The rank of the connection `b`.
const OWNER: Option<usize> = Some(1);

fn policies() -> Vec<Policy> {
    vec![
        Policy::PrimaryWins,
        Policy::SecondaryWins,
        Policy::LatestWins,
        Policy::StrictLatest,
        Policy::MostComplete,
        Policy::Owner(ProviderId::new("b")),
        Policy::Merged(Join::ByType),
        Policy::Merged(Join::Sum),
        Policy::Manual,
    ]
}

fn set(members: &BTreeSet<u8>) -> Option<Value> {
    let members: Vec<Value> = members.iter().map(|n| Value::Integer(i64::from(*n))).collect();
    (!members.is_empty()).then_some(Value::List(members))
}

/// A value of a type from a small number, so that values often meet.
fn value(ty: FieldType, number: u8) -> Option<Value> {
    if ty.is_set() {
        return set(&(0..3).filter(|bit| number & (1 << bit) != 0).collect());
    }
    (number > 0).then(|| {
        if ty == FieldType::Integer {
            Value::Integer(i64::from(number))
        } else {
            Value::text("x".repeat(usize::from(number)))
        }
    })
}

/// One contender in numbers: value, base (none, or a value), times, and what it has seen.
type Numbers = (u8, Option<u8>, i64, Option<i64>, u64);

fn numbers() -> impl Strategy<Value = Numbers> {
    let base = prop::option::weighted(0.8, 0..8_u8);
    (0..8_u8, base, 0..10_i64, prop::option::of(0..10_i64), 0..3_u64)
}

fn bid(ty: FieldType, rank: usize, (shown, base, end, since, ack): Numbers) -> Bid {
    Bid {
        side: Some(rank),
        rank,
        value: value(ty, shown),
        base: base.map_or(Shadow::None, |base| Shadow::of(value(ty, base))),
        since: since.map(at),
        at: Some(at(end)),
        uncertainty: Duration::from_secs(2),
        ack,
    }
}

fn golden(ty: FieldType, number: u8) -> Bid {
    let numbers = (number, None, 5, None, 2);
    Bid { side: None, ..bid(ty, 0, numbers) }
}

fn types() -> impl Strategy<Value = FieldType> {
    prop::sample::select(vec![FieldType::Text, FieldType::Integer, FieldType::List])
}

/// What a verdict makes golden; nothing for a person to decide.
#[expect(clippy::option_option, reason = "a person decides, or a value that may be blank")]
fn outcome((verdict, _): &Ruled) -> Option<Option<Value>> {
    match verdict {
        Verdict::Won(bid) => Some(bid.value.clone()),
        Verdict::Joined(value) => Some(value.clone()),
        Verdict::Open => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_of_contenders_does_not_matter(
        (policy, ty) in (prop::sample::select(policies()), types()),
        before in 0..8_u8,
        contenders in prop::collection::vec(numbers(), 1..=4),
        golden_contends in any::<bool>(),
        seed in any::<prop::sample::Index>(),
    ) {
        let (plan, golden) = (plan(policy, ty), golden(ty, before));
        let mut bids: Vec<Bid> =
            contenders.into_iter().enumerate().map(|(rank, n)| bid(ty, rank, n)).collect();
        if golden_contends {
            bids.push(golden.clone());
        }
        let straight = decide(&plan, Some(&golden), &bids, OWNER);
        prop_assert_eq!(&decide(&plan, Some(&golden), &bids, OWNER), &straight, "deterministic");
        let turn = seed.index(bids.len());
        bids.rotate_left(turn);
        let turned = decide(&plan, Some(&golden), &bids, OWNER);
        bids.reverse();
        let reversed = decide(&plan, Some(&golden), &bids, OWNER);
        for other in [turned, reversed] {
            prop_assert_eq!(outcome(&other), outcome(&straight));
            prop_assert_eq!(&other.1, &straight.1);
        }
    }

    /// By hand: those that none of the others is strictly after.
    #[test]
    fn strict_latest_leaves_overlaps_to_a_person(
        contenders in prop::collection::vec(numbers(), 2..=4),
    ) {
        let ty = FieldType::Text;
        let bids: Vec<Bid> =
            contenders.iter().enumerate().map(|(rank, n)| bid(ty, rank, *n)).collect();
        let interval = |(_, _, end, since, _): &Numbers| (*since, (*end).max(since.unwrap_or(*end)));
        let beaten = |one: &Numbers| {
            let (_, end) = interval(one);
            contenders.iter().any(|other| {
                interval(other).0.is_some_and(|begin| end + EPSILON < begin)
            })
        };
        let left: BTreeSet<u8> =
            contenders.iter().filter(|one| !beaten(one)).map(|one| one.0).collect();
        let all: BTreeSet<u8> = contenders.iter().map(|one| one.0).collect();
        let ruled = decide(&plan(Policy::StrictLatest, ty), None, &bids, OWNER);
        let expected = match (all.len(), left.len()) {
            (1, _) => all.first().map(|number| value(ty, *number)),
            (_, 1) => left.first().map(|number| value(ty, *number)),
            (_, _) => None,
        };
        prop_assert_eq!(outcome(&ruled), expected);
    }

    #[test]
    fn the_owner_wins_whenever_it_contends(contenders in prop::collection::vec(numbers(), 2..=4)) {
        let ty = FieldType::Text;
        let bids: Vec<Bid> =
            contenders.iter().enumerate().map(|(rank, n)| bid(ty, rank, *n)).collect();
        let policy = Policy::Owner(ProviderId::new("b"));
        let ruled = decide(&plan(policy, ty), None, &bids, OWNER);
        prop_assert_eq!(outcome(&ruled), Some(value(ty, contenders[1].0)));
    }

    #[test]
    fn the_most_complete_value_is_never_a_class_behind(
        contenders in prop::collection::vec(numbers(), 2..=4),
    ) {
        let ty = FieldType::Text;
        let bids: Vec<Bid> =
            contenders.iter().enumerate().map(|(rank, n)| bid(ty, rank, *n)).collect();
        let ruled = decide(&plan(Policy::MostComplete, ty), None, &bids, OWNER);
        let chosen = outcome(&ruled).unwrap();
        let longest = contenders.iter().map(|one| usize::from(one.0)).max().unwrap();
        prop_assert!(chosen.is_some() == (longest > 0));
        prop_assert!(2 * length(chosen.as_ref()) > longest || longest == 0);
    }

    /// Members that any side added are in; those that a side removed and nobody added are out;
    /// all others stay.
    #[test]
    fn sets_are_united_member_by_member(
        before in 0..8_u8,
        contenders in prop::collection::vec(numbers(), 1..=4),
        policy in prop::sample::select(policies()),
    ) {
        prop_assume!(policy != Policy::Manual);
        let ty = FieldType::List;
        let bids: Vec<Bid> =
            contenders.iter().enumerate().map(|(rank, n)| bid(ty, rank, *n)).collect();
        let golden = golden(ty, before);
        let ruled = decide(&plan(policy, ty), Some(&golden), &bids, OWNER);
        let mut expected = 0_u8;
        for bit in [1, 2, 4_u8] {
            let has = |number: u8| number & bit != 0;
            let added = contenders.iter().any(|n| has(n.0) && !n.1.is_some_and(has));
            let removed = contenders.iter().any(|n| !has(n.0) && n.1.is_some_and(has));
            if added || has(before) && !removed {
                expected |= bit;
            }
        }
        prop_assert_eq!(outcome(&ruled), Some(value(ty, expected)));
    }

    /// The golden value and what each side added to its base.
    #[test]
    fn counters_are_added_up(
        before in 1..8_u8,
        contenders in prop::collection::vec((1..8_u8, 1..8_u8), 1..=4),
    ) {
        let ty = FieldType::Integer;
        let sides = contenders.iter().enumerate();
        let bids: Vec<Bid> =
            sides.map(|(rank, (shown, base))| bid(ty, rank, (*shown, Some(*base), 0, None, 1))).collect();
        let golden = golden(ty, before);
        let ruled = decide(&plan(Policy::Merged(Join::Sum), ty), Some(&golden), &bids, OWNER);
        let added: i64 =
            contenders.iter().map(|(shown, base)| i64::from(*shown) - i64::from(*base)).sum();
        prop_assert_eq!(outcome(&ruled), Some(Some(Value::Integer(i64::from(before) + added))));
    }
}
