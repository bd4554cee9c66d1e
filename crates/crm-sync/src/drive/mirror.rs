//! Finding and founding the companies that contacts name in a text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{EntityId, Field, MatchKey, Normalizer, ObjectKind, Value};
use crm_store::{
    Commit, Entity, EntityState, GoldenSlot, KeyHash, Mark, Mutation, Provenance, StoreError,
};

use super::Session;
use super::refs::View;
use super::work::Job;
use crate::decide::mirror::{Companies, Named, key};
use crate::decide::{Decision, identity};
use crate::{EngineError, Rules};

impl Session<'_> {
    /// Returns the companies that entities name, or what they show.
    pub(super) async fn companies(
        &self,
        rules: &Rules,
        entities: &[Entity],
        views: &[View],
    ) -> Result<Companies, EngineError> {
        if !rules.company_to_record {
            return Ok(Companies::default());
        }
        let golden = entities.iter().filter_map(|entity| entity.golden.value(Field::COMPANY));
        let remotes = views.iter().flat_map(|view| &view.seen).filter_map(|seen| seen.remote());
        let shown = remotes.filter_map(|remote| remote.fields.get(Field::COMPANY));
        let texts = golden.chain(shown).filter_map(Value::as_str);
        let names: Vec<String> = texts.map(key).collect::<BTreeSet<_>>().into_iter().collect();
        let hashes: Vec<KeyHash> = names.iter().map(|name| KeyHash::of(&match_key(name))).collect();
        let mut companies = BTreeMap::new();
        if hashes.is_empty() {
            return Ok(Arc::new(companies));
        }
        let found = self.engine.store.candidates(ObjectKind::Company, &hashes).await?;
        let mut ids: Vec<EntityId> = found.iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let known = self.engine.store.entities(&ids).await?;
        let known: BTreeMap<EntityId, Entity> =
            known.into_iter().flatten().map(|entity| (entity.id, entity)).collect();
        for (name, ids) in names.into_iter().zip(found) {
            let has_it = |id: &EntityId| {
                known.get(id).is_some_and(|entity| {
                    entity.state == EntityState::Live
                        && identity::keys(entity).contains(&match_key(&name))
                })
            };
            let mut ids = ids.into_iter().filter(has_it);
            match (ids.next(), ids.next()) {
                (None, _) => {}
                (Some(only), None) => {
                    companies.insert(name, Named::One(only));
                }
                (Some(_), Some(_)) => {
                    companies.insert(name, Named::Several);
                }
            }
        }
        Ok(Arc::new(companies))
    }

    /// Founds the companies that nobody has yet, and decides again about the contacts that name
    /// them.
    pub(super) async fn found_companies(
        &mut self,
        rules: &Rules,
        jobs: &mut [Job],
    ) -> Result<(), EngineError> {
        for job in jobs {
            let Some(decision) = &mut job.decision else { continue };
            let Some(text) = decision.names_company.clone() else { continue };
            if self.planning {
                self.count_company(rules, decision);
                continue;
            }
            let company = self.found_company(rules, decision, &text).await?;
            let (Some(company), Some(mut view)) = (company, job.view.take()) else { continue };
            Arc::make_mut(&mut view.companies).insert(key(&text), Named::One(company));
            let reread = std::mem::take(&mut decision.reread);
            let mut again = self.decision(rules, &job.entity, view);
            let more = reread.into_iter().filter(|side| !again.reread.contains(side));
            let more: Vec<usize> = more.collect();
            again.reread.extend(more);
            job.decision = Some(again);
        }
        Ok(())
    }

    /// Counts a company that would be made.
    pub(super) fn count_company(&mut self, rules: &Rules, decision: &Decision) {
        let Some(text) = &decision.names_company else { return };
        if !self.tally.companies.insert(key(text)) {
            return;
        }
        let plan = &mut self.tally.kind(ObjectKind::Company).done;
        for side in rules.sides.iter().filter(|side| side.writes) {
            *plan.create.entry(side.provider.clone()).or_default() += 1;
        }
    }

    /// Founds a company, or returns the one that a contact founded before; `None` if somebody
    /// deleted that one, who meant it.
    async fn found_company(
        &self,
        rules: &Rules,
        decision: &Decision,
        text: &str,
    ) -> Result<Option<EntityId>, EngineError> {
        let mut id = EntityId::requested(
            &rules.tenant,
            ObjectKind::Company,
            &format!("named {}", key(text)),
        );
        loop {
            let known = self.engine.store.entities(&[id]).await?.into_iter().flatten().next();
            let Some(known) = known else { break };
            match known.state {
                EntityState::Tombstone { .. } => return Ok(None),
                EntityState::Live if identity::keys(&known).contains(&match_key(&key(text))) => {
                    return Ok(Some(id));
                }
                // It has another name by now.
                EntityState::Live | EntityState::Held { .. } | EntityState::Merged { .. } => {
                    id = id.again();
                }
            }
        }
        let Some(value) = Normalizer::default().text(crm_core::FieldType::Text, text) else {
            return Ok(None);
        };
        let now = self.now();
        let slot = decision.entity.golden.slot(Field::COMPANY);
        let source = slot.and_then(|slot| slot.provenance.source.clone());
        let provenance = Provenance { version: 1, source, at: Some(now), run: self.run };
        let mut company = Entity::new(id, ObjectKind::Company);
        company.version = 1;
        company.golden.set(Field::NAME, GoldenSlot { value: Some(value), provenance });
        company.mark = Some(Mark { due: now, attempts: 0 });
        let add = crate::decide::key_hashes(&company);
        let kind = ObjectKind::Company;
        let keys = Mutation::Keys { entity: id, kind, remove: Vec::new(), add };
        let mutations = vec![Mutation::Entity(Box::new(company)), keys];
        let commit = Commit { expected: vec![(id, 0)], mutations, ..Commit::default() };
        match self.engine.store.commit(commit).await {
            // Another worker may have been faster.
            Ok(()) | Err(StoreError::Raced) => Ok(Some(id)),
            Err(error) => Err(error.into()),
        }
    }
}

fn match_key(name: &str) -> MatchKey {
    MatchKey::Name { name: name.into(), with: "".into() }
}
