//! An audit of some entities, drawn at random.

use crm_core::{EntityId, ObjectKind, RemoteId, RunId};
use crm_store::{Entity, EntityState, Link, Seq};

use super::{Audit, SCAN};
use crate::drive::Session;
use crate::event::Event;
use crate::{EngineError, Rules};

impl Session<'_> {
    /// Reads the records of some entities, all of which are as likely to be drawn.
    pub(super) async fn verify_sample(
        &mut self,
        rules: &Rules,
        count: usize,
        audit: &mut Audit,
    ) -> Result<(), EngineError> {
        let drawn = self.draw(rules.kind, count).await?;
        for ids in drawn.chunks(SCAN) {
            let entities: Vec<Entity> =
                self.engine.store.entities(ids).await?.into_iter().flatten().collect();
            for (index, side) in rules.sides.iter().enumerate() {
                let live = |entity: &Entity| {
                    let link = entity.link(&side.provider).filter(|link| link.is_live())?;
                    link.remote.clone()
                };
                let (owners, ids): (Vec<&Entity>, Vec<RemoteId>) =
                    entities.iter().filter_map(|entity| Some((entity, live(entity)?))).unzip();
                if ids.is_empty() {
                    continue;
                }
                let lookups = self.provider(&side.provider)?.get(rules.kind, &ids).await?;
                for ((entity, id), lookup) in owners.into_iter().zip(ids).zip(lookups) {
                    let answer = (id, Some(lookup));
                    self.verify_lookup(rules, index, entity, answer, audit).await?;
                }
                self.mend(rules, side, audit, Vec::new()).await?;
            }
            let (kind, done) = (rules.kind, u64::try_from(ids.len()).unwrap_or(u64::MAX));
            self.progress.event(&Event::Worked { kind, done, total: None });
        }
        Ok(())
    }

    /// Draws linked entities: each of those read so far is as likely to be kept.
    async fn draw(&self, kind: ObjectKind, count: usize) -> Result<Vec<EntityId>, EngineError> {
        let mut dice = Dice::of(self.run);
        let mut drawn: Vec<EntityId> = Vec::new();
        let (mut after, mut read) = (Seq::default(), 0_u64);
        loop {
            let page = self.engine.store.scan(kind, after, SCAN).await?;
            let Some(last) = page.last().and_then(|entity| entity.seq) else {
                drawn.sort_unstable();
                return Ok(drawn);
            };
            after = last;
            let linked = |entity: &&Entity| {
                entity.state == EntityState::Live && entity.links.iter().any(Link::is_live)
            };
            for entity in page.iter().filter(linked) {
                read += 1;
                if drawn.len() < count {
                    drawn.push(entity.id);
                } else if let Ok(place) = usize::try_from(dice.below(read))
                    && let Some(slot) = drawn.get_mut(place)
                {
                    *slot = entity.id;
                }
            }
        }
    }
}

/// Numbers that seem random and follow from the run's id.
struct Dice(u64);

impl Dice {
    fn of(run: RunId) -> Self {
        let (high, low) = run.uuid().as_u64_pair();
        Self(high ^ low)
    }

    /// Returns a number below a limit (`SplitMix64`).
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
