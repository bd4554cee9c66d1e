//! Ties that a CRM refused, tried again.
//!
//! A record that is deleted in the moment in which it is to be referred to is refused there. By
//! the next run it is known to be gone, and what is left of the field can be written: so whoever
//! has a refused tie is looked at again, a few times.

use crm_core::{EntityId, Ref, Value};
use crm_store::{Commit, Entity, EntityState, Link, Mark, Mutation, ProblemQuery};

use super::Session;
use crate::decide::TIE_ATTEMPTS_MAX;
use crate::{EngineError, Rules};

/// The most records with problems that are looked through at the beginning of a run.
const TROUBLED_MAX: usize = 1_000;

impl Session<'_> {
    /// Marks the entities of a kind that have a refused tie of which a part can be made.
    pub(super) async fn try_ties_again(&self, rules: &Rules) -> Result<(), EngineError> {
        if rules.references().next().is_none() {
            return Ok(());
        }
        let query = ProblemQuery { kind: rules.kind, limit: TROUBLED_MAX };
        let troubled = self.engine.store.problems(query).await?;
        let mark = Mark { due: self.now(), attempts: 0 };
        let mut mutations = Vec::new();
        for entity in troubled.iter().filter(|entity| entity.state == EntityState::Live) {
            if self.misses_a_member(rules, entity).await? {
                mutations.push(Mutation::Mark(entity.id, Some(mark)));
            }
        }
        if !mutations.is_empty() {
            self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        }
        Ok(())
    }

    /// Returns whether a refused tie names somebody who has no record there by now: the rest of it
    /// can be written. What is whole was refused for another reason, and stays so.
    async fn misses_a_member(&self, rules: &Rules, entity: &Entity) -> Result<bool, EngineError> {
        for link in entity.links.iter().filter(|link| link.is_live()) {
            let refused = link.slots.iter().filter(|(field, slot)| {
                let refused = slot.refused.as_ref();
                // While a person has to decide, nothing of it is written.
                let decided = entity.golden.frozen(*field).is_none();
                let refused = refused.filter(|_| decided);
                rules.references().any(|(known, _)| known == *field)
                    && refused.is_some_and(|it| it.attempts() < TIE_ATTEMPTS_MAX)
            });
            let golden = refused.filter_map(|(field, _)| entity.golden.value(field));
            let ids: Vec<EntityId> = golden
                .flat_map(Value::members)
                .filter_map(|member| match member.as_reference() {
                    Some(Ref::Entity(id)) => Some(*id),
                    Some(Ref::Remote(..)) | None => None,
                })
                .collect();
            for id in ids {
                let named = self.at_last(id).await?;
                let record = named.as_ref().and_then(|named| named.link(&link.provider));
                if !record.is_some_and(Link::is_live) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
