//! What a merge leaves behind for people: conflicts with all their contenders.

use std::time::Duration;

use crm_core::{Field, ProviderId, Value, mutant};
use crm_store::{Conflict, ConflictId, ConflictState, Contender, Shadow};

use super::{Filtered, Merge, announced, was_read};
use crate::Policy;
use crate::decide::oscillation;
use crate::decide::resolve::Bid;
use crate::topology::FieldPlan;

/// What a contest ended with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Chosen {
    /// The golden value stays.
    Stays(Bid),
    /// A side's value becomes the golden one.
    Taken(Bid),
    /// A value of several sides becomes the golden one.
    Joined(Option<Value>),
}

impl Chosen {
    /// Returns the value.
    pub(super) const fn value(&self) -> Option<&Value> {
        match self {
            Self::Stays(bid) | Self::Taken(bid) => bid.value.as_ref(),
            Self::Joined(value) => value.as_ref(),
        }
    }
}

impl Merge<'_> {
    /// Ends an open conflict. Its row says what each side shows by now: a contender that was
    /// taken back is seen nowhere else.
    pub(super) fn thaw(&mut self, plan: &FieldPlan, base: Option<Value>) {
        mutant!(NeverThaws, return);
        let field = plan.field;
        let Some(id) = self.work.entity.golden.thaw(field) else {
            return;
        };
        let rule = if oscillation::is_frozen(&self.work.entity.golden, field) {
            oscillation::RULE.to_owned()
        } else if plan.policy == Policy::StrictLatest {
            plan.policy.to_string()
        } else {
            Policy::Manual.to_string()
        };
        oscillation::thaw(&mut self.work.entity.golden, field);
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
            rule,
            state: ConflictState::Stale,
            decided: None,
            at: self.now,
            run: self.run,
        });
    }

    /// Returns whether a change may be an older write of ours that landed late, in a record that
    /// a user changed since, so that it passes for hers: nobody can tell, but it can be seen.
    pub(super) fn may_be_echo(&self, plan: &FieldPlan, bid: &Bid) -> bool {
        let golden = self.work.entity.golden.slot(plan.field);
        let Some((index, golden)) = bid.side.zip(golden) else { return false };
        let side = self.rules.sides.get(index);
        let link = side.and_then(|side| self.work.entity.link(&side.provider));
        let rule = plan.rules.get(index).copied().flatten();
        let announced = link
            .zip(rule)
            .and_then(|(link, rule)| announced(link, plan.field, bid.value.as_ref(), rule));
        announced.is_some_and(|(_, version)| version < golden.provenance.version)
    }

    pub(super) fn log_filtered(&mut self, field: Field, loser: Filtered) {
        let Filtered { index, value, at, rule } = loser;
        let loser = Bid {
            side: Some(index),
            rank: index,
            value,
            base: Shadow::None,
            since: None,
            at,
            uncertainty: Duration::ZERO,
            ack: 0,
        };
        let golden = self.work.entity.golden.slot(field).map(|slot| self.golden_bid(slot));
        let bids: Vec<Bid> = std::iter::once(loser).chain(golden.clone()).collect();
        let stays = golden.map(Chosen::Stays);
        self.log(field, &bids, stays.as_ref(), rule, ConflictState::Auto);
    }

    pub(super) fn log(
        &mut self,
        field: Field,
        bids: &[Bid],
        chosen: Option<&Chosen>,
        rule: &str,
        state: ConflictState,
    ) {
        let golden = self.work.entity.golden.slot(field);
        let version = match state {
            ConflictState::Open => self.work.entity.golden.version(field),
            ConflictState::Auto | ConflictState::Resolved | ConflictState::Stale => {
                self.conflict_version(field, bids)
            }
        };
        let contender = |bid: &Bid| Contender {
            provider: self.name(field, bid),
            value: bid.value.clone(),
            at: bid.at,
        };
        let winner = chosen.and_then(|chosen| match chosen {
            Chosen::Stays(bid) | Chosen::Taken(bid) => self.name(field, bid),
            Chosen::Joined(_) => None,
        });
        let conflict = Conflict {
            id: ConflictId::derive(self.work.entity.id, field, version),
            entity: self.work.entity.id,
            kind: self.work.entity.kind,
            field,
            base: golden.and_then(|slot| slot.value.clone()),
            contenders: bids.iter().map(contender).collect(),
            chosen: chosen.and_then(Chosen::value).cloned(),
            winner,
            rule: rule.to_owned(),
            state,
            decided: None,
            at: self.now,
            run: self.run,
        };
        self.work.conflicts.push(conflict);
    }

    /// Returns whose value a contender's is.
    fn name(&self, field: Field, bid: &Bid) -> Option<ProviderId> {
        match bid.side {
            Some(index) => self.rules.sides.get(index).map(|side| side.provider.clone()),
            None => self.work.entity.golden.slot(field)?.provenance.source.clone(),
        }
    }

    /// Tells decided conflicts of one field apart: where the golden value stays, its version does
    /// too, so the time of the decision must tell.
    fn conflict_version(&self, field: Field, bids: &[Bid]) -> u64 {
        let moment = self.now.as_microsecond().unsigned_abs();
        let sides = bids.iter().filter_map(|bid| bid.side).fold(0, |acc, side| acc * 8 + side + 1);
        moment ^ (self.work.entity.golden.version(field) << 40) ^ (sides as u64)
    }
}
