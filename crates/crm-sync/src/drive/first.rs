//! The first sync: read everything, find the records of one person, show a plan.
//!
//! The records of each connection are stored as entities of their own while the lists are read;
//! only when every list is complete are those of one person folded into one entity, since a
//! doubt can only be seen in the whole. Each step leaves rows behind from which it goes on.

use std::collections::BTreeSet;

use crm_core::{EntityId, Feed, KeyKind, MatchKey, ObjectKind};
use crm_store::{Commit, Entity, EntityState, KeyHash, Mutation, Seq, Stage};

use super::Session;
use crate::decide::{self, identity};
use crate::event::Phase;
use crate::{EngineError, Rules};

/// How many entities are read at once.
const SCAN: usize = 1_000;

impl Session<'_> {
    /// Brings a kind to the stage where all its records are stored and matched.
    pub(super) async fn snapshot(&mut self, rules: &Rules) -> Result<(), EngineError> {
        let kind = rules.kind;
        if self.engine.store.stage(kind).await? == Stage::New {
            self.enter(kind, Stage::Snapshot).await?;
        }
        if self.engine.store.stage(kind).await? == Stage::Snapshot {
            self.phase(kind, Phase::Snapshot);
            for side in &rules.sides {
                self.feed(rules, side, Feed::Changes).await?;
                // Who is who can only be said when everybody is there.
                self.insist_on(&side.provider)?;
            }
            self.enter(kind, Stage::Matching).await?;
        } else {
            // Read before: only what changed since.
            self.poll(rules, Feed::Changes).await?;
        }
        if self.engine.store.stage(kind).await? == Stage::Matching {
            self.phase(kind, Phase::Matching);
            self.fold(rules).await?;
            self.enter(kind, Stage::Planned { plan: serde_json::Value::Null }).await?;
        }
        Ok(())
    }

    async fn enter(&self, kind: ObjectKind, stage: Stage) -> Result<(), EngineError> {
        let mutations = vec![Mutation::Stage(kind, stage)];
        self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        Ok(())
    }

    /// Folds the records of one person into one entity, and stores the keys of all.
    async fn fold(&mut self, rules: &Rules) -> Result<(), EngineError> {
        for by in By::ALL {
            let index = self.index(rules.kind, by).await?;
            for group in groups(&index) {
                self.fold_group(rules, by, &group).await?;
            }
        }
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(rules.kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                return Ok(());
            };
            after = last;
            let mutations = page
                .iter()
                .filter(|entity| !matches!(entity.state, EntityState::Merged { .. }))
                .map(|entity| Mutation::Keys {
                    entity: entity.id,
                    kind: rules.kind,
                    remove: Vec::new(),
                    add: decide::key_hashes(entity),
                })
                .collect();
            self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        }
    }

    /// Returns the hashes of one sort of key of all entities, sorted: sixteen bytes a record.
    async fn index(
        &self,
        kind: ObjectKind,
        by: By,
    ) -> Result<Vec<(KeyHash, EntityId)>, EngineError> {
        let mut index = Vec::new();
        let mut after = Seq::default();
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                break;
            };
            after = last;
            for entity in page.iter().filter(|entity| entity.state == EntityState::Live) {
                let keys = identity::keys(entity);
                let keys = keys.iter().filter(|key| by.is(key));
                index.extend(keys.map(|key| (KeyHash::of(key), entity.id)));
            }
        }
        index.sort_unstable();
        index.dedup();
        Ok(index)
    }

    async fn fold_group(
        &mut self,
        rules: &Rules,
        by: By,
        group: &[EntityId],
    ) -> Result<(), EngineError> {
        let entities: Vec<Entity> =
            self.engine.store.entities(group).await?.into_iter().flatten().collect();
        let mut commit = Commit::default();
        for mut cluster in clusters(&entities, by) {
            let key = cluster.iter().flat_map(|entity| identity::keys(entity));
            let Some(key) = key.into_iter().find(|key| by.is(key)) else { continue };
            if !identity::is_unique(&key) {
                // Who was recognised by a stronger key is no namesake's copy.
                cluster.retain(|entity| entity.links.len() == 1);
            }
            if cluster.len() < 2 {
                continue;
            }
            let links = || cluster.iter().flat_map(|entity| &entity.links);
            let providers: BTreeSet<_> = links().map(|link| &link.provider).collect();
            let single = providers.len() == links().count();
            if !single && providers.len() == 1 && !identity::is_unique(&key) {
                // Namesakes, and nobody on another side whom they could be.
                continue;
            }
            if single {
                join(&mut commit, rules, &cluster);
                self.tally.kind(rules.kind).linked += 1;
            } else {
                for entity in cluster {
                    hold(&mut commit, entity, identity::doubt(&key));
                }
            }
        }
        if !commit.mutations.is_empty() {
            self.engine.store.commit(commit).await?;
        }
        Ok(())
    }
}

/// By which sort of key records are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct By(KeyKind);

impl By {
    /// Strongest first.
    const ALL: [Self; 4] =
        [Self(KeyKind::Email), Self(KeyKind::Domain), Self(KeyKind::Phone), Self(KeyKind::Name)];

    fn is(self, key: &MatchKey) -> bool {
        key.kind() == self.0
    }

    /// Returns whether records that share such a key may yet be different ones.
    fn is_weak(self) -> bool {
        matches!(self.0, KeyKind::Phone | KeyKind::Name)
    }
}

/// Returns the ids that share a hash, where there are several.
fn groups(index: &[(KeyHash, EntityId)]) -> impl Iterator<Item = Vec<EntityId>> {
    index
        .chunk_by(|left, right| left.0 == right.0)
        .filter(|chunk| chunk.len() > 1)
        .map(|chunk| chunk.iter().map(|(_, id)| *id).collect())
}

/// Returns the sets of entities that belong together: connected by a shared key (a hash may
/// lie), and for phones also by given names that do not contradict.
fn clusters(entities: &[Entity], by: By) -> Vec<Vec<&Entity>> {
    let live: Vec<&Entity> =
        entities.iter().filter(|entity| entity.state == EntityState::Live).collect();
    let keys: Vec<Vec<MatchKey>> = live
        .iter()
        .map(|entity| identity::keys(entity).into_iter().filter(|key| by.is(key)).collect())
        .collect();
    let tied = |a: usize, b: usize| {
        let (Some(left), Some(right)) = (keys.get(a), keys.get(b)) else {
            return false;
        };
        let (Some(one), Some(other)) = (live.get(a), live.get(b)) else {
            return false;
        };
        decide::share_key(left, right) && (!by.is_weak() || identity::compatible(one, other))
    };
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for index in 0..live.len() {
        let (mut together, apart): (Vec<_>, Vec<_>) = clusters
            .into_iter()
            .partition(|cluster| cluster.iter().any(|member| tied(*member, index)));
        let mut merged: Vec<usize> = together.drain(..).flatten().collect();
        merged.push(index);
        clusters = apart;
        clusters.push(merged);
    }
    let name = |cluster: Vec<usize>| cluster.into_iter().filter_map(|i| live.get(i).copied());
    clusters.into_iter().map(|cluster| name(cluster).collect()).collect()
}

/// Moves all links to the entity of the highest-ranked side.
fn join(commit: &mut Commit, rules: &Rules, cluster: &[&Entity]) {
    let rank = |entity: &Entity| {
        let ranks = entity.links.iter().filter_map(|link| rules.side(&link.provider));
        ranks.min().unwrap_or(usize::MAX)
    };
    let Some(keeper) = cluster.iter().min_by_key(|entity| (rank(entity), entity.id)) else {
        return;
    };
    commit.expected.push((keeper.id, keeper.row_version));
    for entity in cluster.iter().filter(|entity| entity.id != keeper.id) {
        commit.expected.push((entity.id, entity.row_version));
        for link in &entity.links {
            commit.mutations.push(Mutation::Unlink(entity.id, link.provider.clone()));
            commit.mutations.push(Mutation::Link(keeper.id, Box::new(link.clone())));
        }
        let mut gone = (*entity).clone();
        gone.links.clear();
        gone.state = EntityState::Merged { into: keeper.id };
        gone.mark = None;
        commit.mutations.push(Mutation::Entity(Box::new(gone)));
    }
}

fn hold(commit: &mut Commit, entity: &Entity, reason: &str) {
    commit.expected.push((entity.id, entity.row_version));
    let mut held = entity.clone();
    held.links.clear();
    held.state = EntityState::held(reason);
    held.mark = None;
    commit.mutations.push(Mutation::Entity(Box::new(held)));
}
