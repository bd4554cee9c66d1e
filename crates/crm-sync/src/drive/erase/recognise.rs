//! Recognising what was erased, and leaving it alone.

use crm_core::{MatchKey, ObjectKind, Ref, Remote, RemoteId};
use crm_store::Trait;

use crate::decide::identity;
use crate::drive::Session;
use crate::topology::Side;
use crate::{EngineError, Rules};

/// Why a record is left alone that was erased.
const ERASED: &str = "erased";

impl Session<'_> {
    /// Says of each record whether it was erased.
    pub(in crate::drive) async fn erased(
        &self,
        kind: ObjectKind,
        side: &Side,
        remotes: impl Iterator<Item = &Remote>,
    ) -> Result<Vec<bool>, EngineError> {
        let mut traits = Vec::new();
        let mut owners = Vec::new();
        let mut count = 0;
        for remote in remotes {
            let mut note = |it| {
                traits.push(it);
                owners.push(count);
            };
            note(Trait::Record(side.provider.clone(), remote.id.clone()));
            for key in identity::keys_of(kind, &remote.fields) {
                if let MatchKey::Email(address) = key {
                    note(Trait::Email(address.to_string()));
                }
            }
            count += 1;
        }
        let mut erased = vec![false; count];
        for (owner, known) in owners.into_iter().zip(self.engine.store.erased(kind, &traits).await?)
        {
            if let Some(slot) = erased.get_mut(owner) {
                *slot |= known;
            }
        }
        Ok(erased)
    }

    /// Leaves out new records that were erased, and counts them.
    pub(in crate::drive) async fn leave_out_erased(
        &mut self,
        rules: &Rules,
        side: &Side,
        newcomers: &mut Vec<&Remote>,
    ) -> Result<(), EngineError> {
        if newcomers.is_empty() {
            return Ok(());
        }
        let erased = self.erased(rules.kind, side, newcomers.iter().copied()).await?;
        self.leave_out(rules, newcomers, erased);
        Ok(())
    }

    /// Leaves out ids of records that were erased: they are not even read.
    pub(in crate::drive) async fn leave_out_erased_ids(
        &mut self,
        rules: &Rules,
        side: &Side,
        ids: &mut Vec<RemoteId>,
    ) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let trait_of = |id: &RemoteId| Trait::Record(side.provider.clone(), id.clone());
        let traits: Vec<Trait> = ids.iter().map(trait_of).collect();
        let erased = self.engine.store.erased(rules.kind, &traits).await?;
        self.leave_out(rules, ids, erased);
        Ok(())
    }

    fn leave_out<T>(&mut self, rules: &Rules, items: &mut Vec<T>, erased: Vec<bool>) {
        let count = erased.iter().filter(|erased| **erased).count();
        if count == 0 {
            return;
        }
        let mut erased = erased.into_iter();
        items.retain(|_| !erased.next().unwrap_or_default());
        let skip = &mut self.tally.kind(rules.kind).done.skip;
        *skip.entry(ERASED.to_owned()).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Leaves out references to records that were erased: nobody waits for them.
    pub(in crate::drive) async fn forget_erased(
        &self,
        side: &Side,
        unknown: &mut Vec<Ref>,
    ) -> Result<(), EngineError> {
        let mut kept = Vec::with_capacity(unknown.len());
        for to in std::mem::take(unknown) {
            let erased = match &to {
                Ref::Remote(kind, id) => {
                    let it = Trait::Record(side.provider.clone(), id.clone());
                    self.engine.store.erased(*kind, &[it]).await?.into_iter().any(|it| it)
                }
                Ref::Entity(_) => false,
            };
            if !erased {
                kept.push(to);
            }
        }
        *unknown = kept;
        Ok(())
    }
}
