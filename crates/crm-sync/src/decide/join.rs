//! Joining what several sides did to one value since each of them last agreed with us.

use std::collections::BTreeSet;

use crm_core::{Value, mutant};
use crm_store::Shadow;
use rust_decimal::Decimal;

use super::resolve::Bid;

/// Three-way union of sets. What a side shows and did not have before, it added; what it had and
/// does not show, it removed. Removed members go, unless another side added them; a side without
/// a base removes nothing. Nothing is left = blank.
pub(super) fn union(golden: Option<&Value>, bids: &[Bid]) -> Option<Value> {
    let mut members = set(golden);
    let sides = || bids.iter().filter(|bid| bid.side.is_some());
    for bid in sides() {
        for gone in set(bid.base.value()).difference(&set(bid.value.as_ref())) {
            mutant!(RemovalsForgotten => false, members.remove(gone));
        }
    }
    for bid in sides() {
        let (base, shown) = (set(bid.base.value()), set(bid.value.as_ref()));
        mutant!(AddsForgotten => (), members.extend(shown.difference(&base)));
    }
    let members: Vec<Value> = members.into_iter().cloned().collect();
    (!members.is_empty()).then_some(Value::List(members))
}

fn set(value: Option<&Value>) -> BTreeSet<&Value> {
    match value {
        Some(Value::List(members)) => members.iter().collect(),
        // One value where a set is expected is a set of one.
        Some(single) => BTreeSet::from([single]),
        None => BTreeSet::new(),
    }
}

/// Three-way sum of counters: to the golden value is added what each side added to what it had. A
/// side without a base shows a whole count: the largest of those is where adding begins. What
/// cannot be added up stays as it is.
pub(super) fn sum(golden: Option<&Value>, bids: &[Bid]) -> Option<Value> {
    let sides = || bids.iter().filter(|bid| bid.side.is_some());
    if sides().all(|bid| bid.value.is_none()) {
        return None;
    }
    let begins = sides().filter(|bid| bid.base == Shadow::None).filter_map(|b| b.value.as_ref());
    let start = begins.chain(golden).max();
    let added = sides().filter(|bid| bid.base != Shadow::None);
    let parts: Vec<(&Value, i64)> = added
        .flat_map(|bid| [(bid.value.as_ref(), 1), (bid.base.value(), -1)])
        .chain([(start, 1)])
        .filter_map(|(value, sign)| Some((value?, sign)))
        .collect();
    total(&parts).or_else(|| start.cloned())
}

/// Adds signed numbers up; whole ones stay whole.
fn total(parts: &[(&Value, i64)]) -> Option<Value> {
    let mut total = Decimal::ZERO;
    for (value, sign) in parts {
        total = total.checked_add(number(value)?.checked_mul(Decimal::from(*sign))?)?;
    }
    if parts.iter().all(|(value, _)| matches!(value, Value::Integer(_))) {
        i64::try_from(total).ok().map(Value::Integer)
    } else {
        Some(Value::Decimal(total.normalize()))
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        Value::Text(_)
        | Value::Bool(_)
        | Value::Date(_)
        | Value::Instant(_)
        | Value::Choice(_)
        | Value::List(_)
        | Value::Ref(_) => None,
    }
}
