use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Budget, Jitter, RetryPolicy, retry_after};

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

type Pair<'a> = (&'static str, &'a str);

fn headers(pairs: &[Pair<'_>]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let name = http::HeaderName::from_static(name);
        (name, value.parse().unwrap())
    });
    pairs.collect()
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let date = ("date", "Tue, 24 Nov 2026 12:00:00 GMT");
    let cases: &[(&[Pair<'_>], Option<u64>)] = &[
        (&[("retry-after", "17")], Some(17)),
        (&[("retry-after", " 0 ")], Some(0)),
        (&[("retry-after", "86400")], Some(3_600)),
        (&[("retry-after", "99999999999999999999999")], Some(3_600)),
        // Against the provider's own clock, two hours ahead of ours.
        (&[date, ("retry-after", "Tue, 24 Nov 2026 12:00:30 GMT")], Some(30)),
        (&[("retry-after", "Tue, 24 Nov 2026 10:00:30 GMT")], Some(30)),
        (&[("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT")], Some(0)),
        (&[("retry-after", "Wed, 25 Nov 2026 10:00:00 GMT")], Some(3_600)),
        (&[("retry-after", "")], None),
        (&[("retry-after", "-5")], None),
        (&[("retry-after", "soon")], None),
        (&[date], None),
    ];
    for (pairs, seconds) in cases {
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(retry_after(&headers(pairs), now()), expected, "{pairs:?}");
    }
}

#[test]
fn bounds_double_up_to_the_cap() {
    let policy = RetryPolicy::default();
    let bounds: Vec<_> = (0..12).map(|retry| policy.bound(retry).as_millis()).collect();
    assert_eq!(bounds[..5], [500, 1_000, 2_000, 4_000, 8_000]);
    assert_eq!(bounds[11], 300_000);
    assert_eq!(policy.bound(u32::MAX), policy.cap);
}

#[test]
fn repetitions_are_a_share_of_requests() {
    let budget = Budget::new(&RetryPolicy::default());
    let mut stock = 0;
    while budget.pay() {
        stock += 1;
    }
    assert_eq!(stock, 20);
    let mut paid = 0;
    for _request in 0..1_000 {
        budget.earn();
        paid += u32::from(budget.pay());
    }
    assert_eq!(paid, 200);
}

proptest! {
    #[test]
    fn jitter_stays_below_its_bound_and_uses_all_of_it(seed: u64, bound_ms in 1_u64..400_000) {
        let jitter = Jitter::new(seed);
        let bound = Duration::from_millis(bound_ms);
        let waits: Vec<_> = (0..200).map(|_| jitter.below(bound)).collect();
        prop_assert!(waits.iter().all(|wait| *wait <= bound));
        prop_assert!(waits.iter().any(|wait| *wait < bound / 4));
        prop_assert!(waits.iter().any(|wait| *wait > bound / 4 * 3));
    }

    #[test]
    fn equal_seeds_give_equal_waits(seed: u64) {
        let (one, two) = (Jitter::new(seed), Jitter::new(seed));
        let bound = Duration::from_mins(5);
        for _ in 0..10 {
            prop_assert_eq!(one.below(bound), two.below(bound));
        }
    }
}
