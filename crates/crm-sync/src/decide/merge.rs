//! The three-way merge, field by field: rules R1 to R10.
//!
//! A side *changed* a field if it shows something else than its shadow (R1). What it shows may be
//! our own write coming back (R2, R7) or what the golden record holds anyway (R3); the rest are
//! candidates. The golden value contends with them only if none of them has seen it (R9). One
//! distinct contender is accepted, several are a conflict (R10).

use crm_core::{Field, FieldRule, Remote, RunId, Value};
use crm_store::{
    Conflict, ConflictId, ConflictState, Contender, EntityState, GoldenSlot, History, Intent, Link,
    LinkSlot, Provenance, Shadow,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::resolve::{self, Bid};
use super::{Decision, Seen};
use crate::topology::{FieldPlan, Side};
use crate::{Policy, Rules};

/// Merges what the sides show into the golden record.
pub(super) fn apply(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp, run: RunId) {
    if work.entity.state != EntityState::Live {
        return;
    }
    let next = work.entity.version + 1;
    let has_base =
        |side: &Side| work.entity.link(&side.provider).is_some_and(|link| !link.slots.is_empty());
    let met = rules.sides.iter().map(has_base).collect();
    let mut merge = Merge { work: &mut *work, seen, rules, now, run, next, met };
    for plan in &rules.fields {
        if merge.differs(plan) || merge.work.entity.golden.frozen(plan.field).is_some() {
            merge.field(plan);
        }
    }
    settle_intents(work, seen, rules, now);
}

struct Merge<'a> {
    work: &'a mut Decision,
    seen: &'a [Seen],
    rules: &'a Rules,
    now: Timestamp,
    run: RunId,
    /// The version that every change of this decision takes.
    next: u64,
    /// Which sides were looked at before.
    met: Vec<bool>,
}

impl Merge<'_> {
    /// R1, for all sides at once: the common case is that nothing differs.
    fn differs(&self, plan: &FieldPlan) -> bool {
        self.rules.sides.iter().zip(self.seen).zip(&plan.rules).any(|((side, seen), rule)| {
            let (Some(_), Some(remote)) = (rule, seen.remote()) else {
                return false;
            };
            let Some(link) = self.work.entity.link(&side.provider) else {
                return false;
            };
            was_read(remote, plan.field)
                && !link
                    .slots
                    .slot(plan.field)
                    .is_some_and(|slot| slot.shadow.is(remote.fields.get(plan.field)))
        })
    }

    fn field(&mut self, plan: &FieldPlan) {
        let mut bids: Vec<Bid> = Vec::new();
        let mut filtered: Vec<Filtered> = Vec::new();
        for (index, rule) in plan.rules.iter().enumerate() {
            if let Some(rule) = rule {
                self.side(plan, index, rule, &mut bids, &mut filtered);
            }
        }
        if !bids.is_empty() {
            self.contend(plan, bids);
        } else if self.is_known(plan) {
            let base = self.work.entity.golden.value(plan.field).cloned();
            self.thaw(plan, base);
        }
        for loser in filtered {
            self.log_filtered(plan.field, loser);
        }
    }

    /// Applies R1 to R8 and the filters to one side; what is left is a candidate.
    fn side(
        &mut self,
        plan: &FieldPlan,
        index: usize,
        rule: &'static FieldRule,
        bids: &mut Vec<Bid>,
        filtered: &mut Vec<Filtered>,
    ) {
        let field = plan.field;
        let (Some(side), Some(remote)) =
            (self.rules.sides.get(index), self.seen.get(index).and_then(Seen::remote))
        else {
            return;
        };
        if !was_read(remote, field) {
            return;
        }
        let shown = remote.fields.get(field);
        let golden_version = self.work.entity.golden.version(field);
        let golden = self.work.entity.golden.value(field).cloned();
        let contends = self.work.entity.golden.frozen(field).is_some()
            && self.met.get(index).copied().unwrap_or(false);
        let Some(link) = self.work.entity.link_mut(&side.provider) else { return };
        let slot = link.slots.slot(field).cloned().unwrap_or_default();
        if slot.shadow.is(shown) {
            return;
        }
        let loser = |rule| Filtered { index, value: shown.cloned(), at: remote.modified_at, rule };
        let ack = if let Some(version) = own_write(link, field, shown, rule, remote) {
            if version < golden_version {
                // Our own write that landed late, or a person who typed the same old value:
                // nobody can tell, so at least it can be seen.
                filtered.push(loser("suspected_echo"));
            }
            version
        } else if golden.as_ref().and_then(|value| rule.project(value)).as_deref() == shown {
            if contends && shown.is_none() {
                // An open conflict is about this side's value, and it was taken back.
                filtered.push(loser("never_blank"));
            }
            golden_version
        } else if let Some(filter) = filter(side, plan, &slot, shown) {
            // At first contact a blank has nothing to say, unless an open conflict is about it.
            if slot.shadow != Shadow::None || shown.is_some() || contends {
                filtered.push(loser(filter));
            }
            0
        } else {
            bids.push(Bid {
                side: Some(index),
                rank: index,
                value: shown.cloned(),
                at: remote.modified_at,
                uncertainty: side.uncertainty,
                ack: if slot.shadow == Shadow::None { 0 } else { slot.ack },
            });
            return;
        };
        let slot = link.slots.slot_mut(field);
        slot.shadow = Shadow::of(shown.cloned());
        slot.ack = ack;
        self.touch(index);
    }

    /// R9 and R10.
    fn contend(&mut self, plan: &FieldPlan, mut bids: Vec<Bid>) {
        let field = plan.field;
        let golden = self.work.entity.golden.slot(field).cloned();
        if let Some(slot) = &golden {
            let version = slot.provenance.version;
            let unseen = bids.iter().all(|bid| bid.ack < version);
            if unseen {
                bids.push(self.golden_bid(slot));
            }
        }
        let distinct = bids
            .iter()
            .skip(1)
            .any(|bid| bids.first().is_some_and(|first| first.value != bid.value));
        if !distinct {
            let winner = bids.first().cloned();
            if let Some(winner) = winner {
                self.accept(field, &winner, &bids, "fast_forward");
            }
            self.thaw(plan, golden.and_then(|slot| slot.value));
            return;
        }
        if plan.policy == Policy::Manual {
            self.freeze(field, &bids);
            return;
        }
        let winner = resolve::choose(plan.policy, &bids).clone();
        self.log(field, &bids, Some(&winner), plan.policy.name(), ConflictState::Auto);
        self.accept(field, &winner, &bids, plan.policy.name());
        self.thaw(plan, golden.and_then(|slot| slot.value));
    }

    fn golden_bid(&self, slot: &GoldenSlot) -> Bid {
        let source = slot.provenance.source.as_ref().and_then(|p| self.rules.side(p));
        Bid {
            side: None,
            // What a person decided ranks with the primary.
            rank: source.unwrap_or(0),
            value: slot.value.clone(),
            at: slot.provenance.at,
            uncertainty: source
                .and_then(|side| self.rules.sides.get(side))
                .map_or_else(Default::default, |side| side.uncertainty),
            ack: slot.provenance.version,
        }
    }

    /// Makes a contender's value golden and notes what each side shows.
    fn accept(&mut self, field: Field, winner: &Bid, bids: &[Bid], rule: &str) {
        let before = self.work.entity.golden.slot(field).cloned();
        let stays = winner.side.is_none();
        if let (Some(side), false) = (winner.side, stays) {
            let source = self.rules.sides.get(side).map(|side| side.provider.clone());
            let provenance = Provenance {
                version: self.next,
                source: source.clone(),
                at: winner.at,
                run: self.run,
            };
            self.work
                .entity
                .golden
                .set(field, GoldenSlot { value: winner.value.clone(), provenance });
            self.work.entity.version = self.next;
            self.work.entity_changed = true;
            if let Some(before) = before {
                self.work.history.push(History {
                    entity: self.work.entity.id,
                    field,
                    version: self.next,
                    before: before.value,
                    after: winner.value.clone(),
                    source,
                    rule: rule.to_owned(),
                    at: self.now,
                    run: self.run,
                });
            }
        }
        for bid in bids {
            let Some(index) = bid.side else { continue };
            let Some(side) = self.rules.sides.get(index) else {
                continue;
            };
            let Some(link) = self.work.entity.link_mut(&side.provider) else {
                continue;
            };
            let slot = link.slots.slot_mut(field);
            slot.shadow = Shadow::of(bid.value.clone());
            if !stays && bid.value == winner.value {
                slot.ack = self.next;
            } else if stays {
                // It lost against what it had not seen: it is to be overwritten.
                slot.ack = bid.ack;
            }
            self.touch(index);
        }
    }

    fn freeze(&mut self, field: Field, bids: &[Bid]) {
        let version = self.work.entity.golden.version(field);
        let id = ConflictId::derive(self.work.entity.id, field, version);
        self.log(field, bids, None, Policy::Manual.name(), ConflictState::Open);
        if self.work.entity.golden.frozen(field) != Some(id) {
            self.work.entity.golden.freeze(field, id);
            self.work.entity_changed = true;
        }
    }

    /// Returns whether every record that is there was read.
    fn is_known(&self, plan: &FieldPlan) -> bool {
        let sides = self.rules.sides.iter().zip(self.seen).zip(&plan.rules);
        sides.filter(|(_, rule)| rule.is_some()).all(|((side, seen), _)| {
            let link = self.work.entity.link(&side.provider);
            seen.remote().map_or_else(
                || !link.is_some_and(Link::is_live),
                |remote| was_read(remote, plan.field),
            )
        })
    }

    /// Ends an open conflict. Its row says what each side shows by now: a contender that was
    /// taken back is seen nowhere else.
    fn thaw(&mut self, plan: &FieldPlan, base: Option<Value>) {
        let field = plan.field;
        let Some(id) = self.work.entity.golden.thaw(field) else {
            return;
        };
        self.work.entity_changed = true;
        let golden = self.work.entity.golden.slot(field).cloned();
        let sides = self.rules.sides.iter().zip(self.seen).zip(&plan.rules);
        let shown = sides.filter(|(_, rule)| rule.is_some()).filter_map(|((side, seen), _)| {
            let remote = seen.remote().filter(|remote| was_read(remote, field))?;
            let value = remote.fields.get(field).cloned();
            Some(Contender { provider: Some(side.provider.clone()), value, at: remote.modified_at })
        });
        self.work.conflicts.push(Conflict {
            id,
            entity: self.work.entity.id,
            kind: self.work.entity.kind,
            field,
            base,
            contenders: shown.collect(),
            chosen: golden.as_ref().and_then(|slot| slot.value.clone()),
            winner: golden.and_then(|slot| slot.provenance.source),
            rule: Policy::Manual.name().to_owned(),
            state: ConflictState::Stale,
            at: self.now,
            run: self.run,
        });
    }

    fn log_filtered(&mut self, field: Field, loser: Filtered) {
        let Filtered { index, value, at, rule } = loser;
        let loser =
            Bid { side: Some(index), rank: index, value, at, uncertainty: Duration::ZERO, ack: 0 };
        let winner = self.work.entity.golden.slot(field).map(|slot| self.golden_bid(slot));
        let bids: Vec<Bid> = std::iter::once(loser).chain(winner.clone()).collect();
        self.log(field, &bids, winner.as_ref(), rule, ConflictState::Auto);
    }

    fn log(
        &mut self,
        field: Field,
        bids: &[Bid],
        winner: Option<&Bid>,
        rule: &str,
        state: ConflictState,
    ) {
        let golden = self.work.entity.golden.slot(field);
        let name = |bid: &Bid| match bid.side {
            Some(index) => self.rules.sides.get(index).map(|side| side.provider.clone()),
            None => golden.and_then(|slot| slot.provenance.source.clone()),
        };
        let version = match state {
            ConflictState::Open => self.work.entity.golden.version(field),
            ConflictState::Auto | ConflictState::Resolved | ConflictState::Stale => {
                self.conflict_version(field, bids)
            }
        };
        let conflict = Conflict {
            id: ConflictId::derive(self.work.entity.id, field, version),
            entity: self.work.entity.id,
            kind: self.work.entity.kind,
            field,
            base: golden.and_then(|slot| slot.value.clone()),
            contenders: bids
                .iter()
                .map(|bid| Contender { provider: name(bid), value: bid.value.clone(), at: bid.at })
                .collect(),
            chosen: winner.and_then(|bid| bid.value.clone()),
            winner: winner.and_then(name),
            rule: rule.to_owned(),
            state,
            at: self.now,
            run: self.run,
        };
        self.work.conflicts.push(conflict);
    }

    /// Tells decided conflicts of one field apart: where the golden value stays, its version does
    /// too, so the time of the decision must tell.
    fn conflict_version(&self, field: Field, bids: &[Bid]) -> u64 {
        let moment = self.now.as_microsecond().unsigned_abs();
        let sides = bids.iter().filter_map(|bid| bid.side).fold(0, |acc, side| acc * 8 + side + 1);
        moment ^ (self.work.entity.golden.version(field) << 40) ^ (sides as u64)
    }

    fn touch(&mut self, index: usize) {
        if let Some(changed) = self.work.links_changed.get_mut(index) {
            *changed = true;
        }
    }
}

/// Returns the rule that keeps a change out of the contest.
fn filter(
    side: &Side,
    plan: &FieldPlan,
    slot: &LinkSlot,
    shown: Option<&Value>,
) -> Option<&'static str> {
    let first = slot.shadow == Shadow::None;
    if !side.reads {
        Some("direction")
    } else if shown.is_none() && (first || !plan.allow_clear) {
        Some("never_blank")
    } else {
        None
    }
}

/// What a side shows and a rule keeps out of the contest.
struct Filtered {
    index: usize,
    value: Option<Value>,
    at: Option<Timestamp>,
    rule: &'static str,
}

pub(super) fn was_read(remote: &Remote, field: Field) -> bool {
    remote.read.binary_search(&field).is_ok()
}

/// R2 and R7: the golden version of our own write that the side shows, newest first. A write that
/// was given up for lost and landed late shows an *older* version, and is overwritten again.
fn own_write(
    link: &Link,
    field: Field,
    shown: Option<&Value>,
    rule: &FieldRule,
    remote: &Remote,
) -> Option<u64> {
    if remote.author == Some(crm_core::Author::Other) {
        return None;
    }
    announced(link, field, shown, rule).map(|(_, version)| version)
}

/// Returns the newest announced write that would show that value, and its golden version.
pub(super) fn announced<'l>(
    link: &'l Link,
    field: Field,
    shown: Option<&Value>,
    rule: &FieldRule,
) -> Option<(&'l Intent, u64)> {
    link.intents.iter().rev().find_map(|intent| {
        let (_, sent, version) = intent.fields.iter().find(|(known, _, _)| *known == field)?;
        let stored = sent.as_ref().and_then(|value| rule.project(value));
        (stored.as_deref() == shown).then_some((intent, *version))
    })
}

/// How long a write that was given up for lost may still land.
const ZOMBIE_MAX: Duration = Duration::from_hours(1);

/// Notes that announced writes were looked for, and forgets those that can no longer land.
fn settle_intents(work: &mut Decision, seen: &[Seen], rules: &Rules, now: Timestamp) {
    let limit = SignedDuration::try_from(ZOMBIE_MAX).unwrap_or(SignedDuration::MAX);
    for (index, (side, seen)) in rules.sides.iter().zip(seen).enumerate() {
        if !matches!(seen, Seen::Fresh(_)) {
            continue;
        }
        let Some(link) = work.entity.link_mut(&side.provider) else {
            continue;
        };
        if link.intents.is_empty() {
            continue;
        }
        let mut changed = link.intents.iter().any(|intent| !intent.watched);
        for intent in &mut link.intents {
            intent.watched = true;
        }
        let before = link.intents.len();
        link.intents.retain(|intent| now.duration_since(intent.at) < limit);
        changed |= link.intents.len() != before;
        if let Some(slot) = work.links_changed.get_mut(index) {
            *slot |= changed;
        }
    }
}
