//! The three-way merge, field by field: rules R1 to R10.
//!
//! A side *changed* a field if it shows something else than its shadow (R1). What it shows may be
//! our own write coming back (R2, R7) or what the golden record holds anyway (R3); the rest are
//! candidates. The golden value contends with them only if none of them has seen it (R9). One
//! distinct contender is accepted, several are a conflict (R10).

mod record;

use crm_core::{Field, FieldRule, Remote, RunId, Value, mutant};
use crm_store::{
    ConflictId, ConflictState, Entity, EntityState, GoldenSlot, History, Intent, Link, LinkSlot,
    Provenance, Shadow,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::oscillation;
use super::resolve::{self, Bid, Verdict};
use super::{Decision, Seen};
use crate::Rules;
use crate::policy::Join;
use crate::topology::{FieldPlan, Side};
use record::Chosen;

/// The rule of what may be our own write, landed late, or a person who typed the same old value.
const ECHO: &str = "suspected_echo";

/// When and in which run something is decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub now: Timestamp,
    pub run: RunId,
}

/// Returns since when each side's record is known to have been as its shadows say, by index of
/// the side: until a listed row came, which may show something else.
pub(super) fn known_since(entity: &Entity, rules: &Rules) -> Vec<Option<Timestamp>> {
    let links = rules.sides.iter().map(|side| entity.link(&side.provider));
    links.map(|link| link.filter(|link| link.observed.is_none())?.modified_at).collect()
}

/// Merges what the sides show into the golden record.
pub(super) fn apply(
    work: &mut Decision,
    seen: &[Seen],
    known: Vec<Option<Timestamp>>,
    rules: &Rules,
    moment: Moment,
) {
    let Moment { now, run } = moment;
    if work.entity.state != EntityState::Live {
        return;
    }
    let next = work.entity.version + 1;
    let has_base =
        |side: &Side| work.entity.link(&side.provider).is_some_and(|link| !link.slots.is_empty());
    let met = rules.sides.iter().map(has_base).collect();
    let mut merge = Merge { work: &mut *work, seen, rules, now, run, next, met, known };
    let mut news = false;
    for plan in &rules.fields {
        let differs = merge.differs(plan);
        news |= differs && !oscillation::is_frozen(&merge.work.entity.golden, plan.field);
        if differs || merge.work.entity.golden.frozen(plan.field).is_some() {
            merge.field(plan);
        }
    }
    if !news && oscillation::looked(&mut merge.work.entity.golden, now) {
        merge.work.entity_changed = true;
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
    /// Since when each side's record is known to have been as its shadows say.
    known: Vec<Option<Timestamp>>,
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
        if self.work.entity.golden.frozen(plan.field).is_some() && self.is_closed(plan) {
            // Whether everybody agrees by now, or who contends, is not known.
            return;
        }
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
                filtered.push(loser(ECHO));
            }
            mutant!(LateWriteAcknowledged => golden_version, version)
        } else if golden.as_ref().and_then(|value| rule.project(value)).as_deref() == shown
            && (golden.as_ref() == shown || !mutant!(LossyEcho))
            && !counts_twice(plan, &slot, golden_version)
        {
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
            let unmet = mutant!(FirstContactSilent => golden_version, 0);
            let ack = if slot.shadow == Shadow::None { unmet } else { slot.ack };
            let (value, at) = (shown.cloned(), remote.modified_at);
            bids.push(Bid {
                side: Some(index),
                rank: index,
                value,
                since: self.since(field, index, &slot),
                base: slot.shadow,
                at,
                uncertainty: side.uncertainty,
                ack,
            });
            return;
        };
        let slot = link.slots.slot_mut(field);
        slot.shadow = Shadow::of(shown.cloned());
        slot.ack = ack;
        self.touch(index);
    }

    /// Returns the earliest time at which a side can have changed a field: it had its shadow when
    /// the record was read before, and when it took the golden value over.
    fn since(&self, field: Field, index: usize, slot: &LinkSlot) -> Option<Timestamp> {
        let golden = &self.work.entity.golden;
        // The shadow of a frozen field is older than the last read.
        let known = self.known.get(index).copied().flatten();
        let known = known.filter(|_| slot.shadow != Shadow::None && golden.frozen(field).is_none());
        let golden = golden.slot(field).map(|slot| &slot.provenance);
        let held = golden.filter(|it| slot.shadow != Shadow::None && slot.ack == it.version);
        known.max(held.and_then(|provenance| provenance.at))
    }

    /// R9 and R10.
    fn contend(&mut self, plan: &FieldPlan, mut bids: Vec<Bid>) {
        let field = plan.field;
        let slot = self.work.entity.golden.slot(field).cloned();
        let golden = slot.as_ref().map(|slot| self.golden_bid(slot));
        if let Some(golden) = &golden
            && (bids.iter().all(|bid| bid.ack < golden.ack) || mutant!(GoldenContendsAlways))
        {
            bids.push(golden.clone());
        }
        mutant!(LastArrivalWins, bids.truncate(1));
        let agreed = self.agreed(plan, &bids);
        if oscillation::is_frozen(&self.work.entity.golden, field) && !agreed {
            self.freeze_flipping(field, golden, bids);
            return;
        }
        let owner = plan.policy.owner().and_then(|owner| self.rules.side(owner));
        let (verdict, rule) = resolve::decide(plan, golden.as_ref(), &bids, owner);
        let chosen = match verdict {
            Verdict::Open => {
                self.freeze(field, &bids, &rule.unwrap_or_default());
                return;
            }
            Verdict::Joined(value) => Chosen::Joined(value),
            Verdict::Won(bid) if bid.side.is_none() => Chosen::Stays(bid),
            Verdict::Won(bid) => Chosen::Taken(bid),
        };
        let changes = slot.is_some() && !matches!(chosen, Chosen::Stays(_)) && !agreed;
        let flips = |golden| oscillation::is_flipping(golden, field, chosen.value(), self.now);
        if changes && flips(&self.work.entity.golden) {
            self.freeze_flipping(field, golden, bids);
            return;
        }
        if let Some(rule) = rule.as_ref().filter(|_| !mutant!(LosersUnlogged)) {
            self.log(field, &bids, Some(&chosen), rule, ConflictState::Auto);
        } else if let Chosen::Taken(bid) = &chosen
            && self.may_be_echo(plan, bid)
        {
            let both: Vec<Bid> = bids.iter().cloned().chain(golden).collect();
            self.log(field, &both, Some(&chosen), ECHO, ConflictState::Auto);
        }
        self.accept(field, &chosen, &bids, rule.as_deref().unwrap_or("fast_forward"));
        self.thaw(plan, slot.and_then(|slot| slot.value));
    }

    fn golden_bid(&self, slot: &GoldenSlot) -> Bid {
        let source = slot.provenance.source.as_ref().and_then(|p| self.rules.side(p));
        Bid {
            side: None,
            // What a person decided ranks with the primary.
            rank: source.unwrap_or(0),
            value: slot.value.clone(),
            base: Shadow::None,
            since: None,
            at: slot.provenance.at,
            uncertainty: source
                .and_then(|side| self.rules.sides.get(side))
                .map_or_else(Default::default, |side| side.uncertainty),
            ack: slot.provenance.version,
        }
    }

    /// Makes a value golden and notes what each side shows.
    fn accept(&mut self, field: Field, chosen: &Chosen, bids: &[Bid], rule: &str) {
        let stays = matches!(chosen, Chosen::Stays(_));
        if !stays {
            self.set(field, chosen, rule);
        }
        let version = self.work.entity.golden.version(field);
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
            if bid.value.as_ref() == chosen.value() {
                slot.ack = version;
            } else if stays {
                // It lost, and is to be overwritten.
                slot.ack = bid.ack.min(version.saturating_sub(1));
            }
            mutant!(LoserAcknowledged, slot.ack = version);
            self.touch(index);
        }
    }

    /// Replaces the golden value.
    fn set(&mut self, field: Field, chosen: &Chosen, rule: &str) {
        let (source, at) = match chosen {
            Chosen::Taken(Bid { side: Some(side), at, .. }) => {
                (self.rules.sides.get(*side).map(|side| side.provider.clone()), *at)
            }
            Chosen::Taken(bid) | Chosen::Stays(bid) => (None, bid.at),
            Chosen::Joined(_) => (None, Some(self.now)),
        };
        let before = self.work.entity.golden.slot(field).cloned();
        let provenance =
            Provenance { version: self.next, source: source.clone(), at, run: self.run };
        let value = chosen.value().cloned();
        if let Some(before) = before {
            oscillation::note(
                &mut self.work.entity.golden,
                field,
                &before,
                value.as_ref(),
                self.next,
                self.now,
            );
            self.work.history.push(History {
                entity: self.work.entity.id,
                field,
                version: self.next,
                before: before.value,
                after: value.clone(),
                source,
                rule: rule.to_owned(),
                at: self.now,
                run: self.run,
            });
            mutant!(HistoryMissing, self.work.history.clear());
        }
        self.work.entity.golden.set(field, GoldenSlot { value, provenance });
        self.work.entity.version = self.next;
        self.work.entity_changed = true;
    }

    fn freeze(&mut self, field: Field, bids: &[Bid], rule: &str) {
        let version = self.work.entity.golden.version(field);
        let id = ConflictId::derive(self.work.entity.id, field, version);
        self.log(field, bids, None, rule, ConflictState::Open);
        if self.work.entity.golden.frozen(field) != Some(id) {
            self.work.entity.golden.freeze(field, id);
            self.work.entity_changed = true;
        }
    }

    /// Freezes a field that goes to and fro. A person sees the golden value beside the others.
    fn freeze_flipping(&mut self, field: Field, golden: Option<Bid>, mut bids: Vec<Bid>) {
        if bids.iter().all(|bid| bid.side.is_some()) {
            bids.extend(golden);
        }
        self.freeze(field, &bids, oscillation::RULE);
        self.work.entity_changed |=
            oscillation::freeze(&mut self.work.entity.golden, field, self.now);
    }

    /// Returns whether all sides show one value: then nobody is left who would change it back.
    fn agreed(&self, plan: &FieldPlan, bids: &[Bid]) -> bool {
        let Some(value) = bids.first().map(|bid| bid.value.as_ref()) else { return false };
        let sides = self.rules.sides.iter().zip(self.seen).zip(&plan.rules);
        let shows = |seen: &Seen, rule: &FieldRule| {
            let remote = seen.remote().filter(|remote| was_read(remote, plan.field));
            remote.is_none_or(|remote| {
                let shown = remote.fields.get(plan.field);
                shown == value || value.and_then(|value| rule.project(value)).as_deref() == shown
            })
        };
        let mut sides = sides.filter_map(|((_, seen), rule)| Some((seen, (*rule)?)));
        self.is_known(plan) && sides.all(|(seen, rule)| shows(seen, rule))
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

    /// Returns whether a side that has the field takes no calls.
    fn is_closed(&self, plan: &FieldPlan) -> bool {
        let mut sides = self.rules.sides.iter().zip(self.seen).zip(&plan.rules);
        sides.any(|((side, seen), rule)| {
            let link = self.work.entity.link(&side.provider);
            rule.is_some() && *seen == Seen::Closed && link.is_some_and(Link::is_live)
        })
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
    if !plan.reads(side) && !mutant!(DirectionIgnored) {
        Some("direction")
    } else if shown.is_none() && (first || !plan.allow_clear) && !mutant!(BlankGuardOff) {
        Some("never_blank")
    } else {
        None
    }
}

/// Returns whether it matters that a side which shows the golden value got there by itself: two
/// counters that went up alike went up twice, and a member that two sides added stays if another
/// one removes it.
fn counts_twice(plan: &FieldPlan, slot: &LinkSlot, version: u64) -> bool {
    let joined = matches!(plan.join(), Some(Join::Sum | Join::Union));
    joined && slot.shadow != Shadow::None && slot.ack < version
}

/// What a side shows and a rule keeps out of the contest.
struct Filtered {
    index: usize,
    value: Option<Value>,
    at: Option<Timestamp>,
    rule: &'static str,
}

pub(super) fn was_read(remote: &Remote, field: Field) -> bool {
    remote.read.binary_search(&field).is_ok() || mutant!(UnreadIsBlank)
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
