//! Ties that a CRM refused, tried again.
//!
//! A record that is deleted in the moment in which it is to be referred to is refused there. By
//! the next run it is known to be gone, and what is left of the field can be written: so whoever
//! has a refused tie is looked at again, a few times.

use crm_core::ObjectKind;
use crm_store::{Commit, Entity, Mark, Mutation, ProblemQuery};

use super::Session;
use crate::decide::TIE_ATTEMPTS_MAX;
use crate::{EngineError, Rules};

/// The most records with problems that are looked through at the beginning of a run.
const TROUBLED_MAX: usize = 1_000;

impl Session<'_> {
    /// Marks the entities of a kind that have a refused tie.
    pub(super) async fn try_ties_again(&self, rules: &Rules) -> Result<(), EngineError> {
        if rules.references().next().is_none() {
            return Ok(());
        }
        let query = ProblemQuery { kind: rules.kind, limit: TROUBLED_MAX };
        let troubled = self.engine.store.problems(query).await?;
        let mark = Mark { due: self.now(), attempts: 0 };
        let again = troubled.iter().filter(|entity| has_refused_tie(rules, entity));
        let mutations: Vec<Mutation> =
            again.map(|entity| Mutation::Mark(entity.id, Some(mark))).collect();
        if !mutations.is_empty() {
            self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        }
        Ok(())
    }
}

fn has_refused_tie(rules: &Rules, entity: &Entity) -> bool {
    let refers = |field| rules.references().any(|(known, _): (_, ObjectKind)| known == field);
    entity.links.iter().filter(|link| link.is_live()).any(|link| {
        link.slots.iter().any(|(field, slot)| {
            let refused = slot.refused.as_ref();
            refers(field) && refused.is_some_and(|refused| refused.attempts() < TIE_ATTEMPTS_MAX)
        })
    })
}
