//! Fields that a connection lost or gained since the last run, since somebody changed the CRM's
//! fields or the configuration.
//!
//! A field that is not there takes no part: what it showed last stays its shadow, and nothing is
//! blanked. When it is there again every record is looked at, for nobody tells what changed
//! meanwhile.

use std::collections::BTreeSet;

use crm_core::{Cursor, Field};
use crm_store::{Commit, Mark, Mutation, Stage};

use super::Session;
use crate::event::Event;
use crate::report::{SchemaChange, SchemaDrift};
use crate::topology::Side;
use crate::{EngineError, Rules};

/// The name under which the store keeps which fields a connection had.
const NAME: &str = "fields";

impl Session<'_> {
    /// Compares the fields that take part with those of the last run.
    pub(super) async fn notice_drift(&mut self, rules: &Rules) -> Result<(), EngineError> {
        let live = self.engine.store.stage(rules.kind).await? == Stage::Live;
        let mut mutations = Vec::new();
        let mut gained = false;
        for (index, side) in rules.sides.iter().enumerate() {
            if self.is_paused(&side.provider) {
                continue;
            }
            let has = fields(rules, index);
            let now = written(&has);
            let known = self.engine.store.cursor(&side.provider, rules.kind, NAME).await?;
            if known.as_ref() == Some(&now) {
                continue;
            }
            if let Some(had) = known.filter(|_| live).map(|known| read(&known)) {
                gained |= has.iter().any(|field| !had.contains(field));
                self.tell_drift(rules, side, &had, &has);
            }
            let (provider, kind) = (side.provider.clone(), rules.kind);
            mutations.push(Mutation::Cursor { provider, kind, feed: NAME, cursor: now });
        }
        if gained {
            let mark = Mark { due: self.now(), attempts: 0 };
            mutations.push(Mutation::MarkAll { kind: rules.kind, mark });
        }
        if !mutations.is_empty() {
            self.engine.store.commit(Commit { mutations, ..Commit::default() }).await?;
        }
        Ok(())
    }

    fn tell_drift(
        &mut self,
        rules: &Rules,
        side: &Side,
        had: &BTreeSet<Field>,
        has: &BTreeSet<Field>,
    ) {
        // What the configuration leaves out is nobody's loss.
        let lost = had.difference(has).filter(|field| side.capability.suspended.contains(field));
        let lost = lost.map(|field| (*field, SchemaChange::Lost));
        let gained = has.difference(had).map(|field| (*field, SchemaChange::Gained));
        for (field, change) in lost.chain(gained) {
            let drift =
                SchemaDrift { provider: side.provider.clone(), kind: rules.kind, field, change };
            tracing::warn!(?drift, "schema drift");
            self.progress.event(&Event::SchemaDrift(drift.clone()));
            self.tally.drift.push(drift);
        }
    }
}

/// Returns the fields of a side that take part, in any form.
fn fields(rules: &Rules, index: usize) -> BTreeSet<Field> {
    let forms = rules.forms.iter().map(|(_, rules)| rules);
    let plans = forms.chain([rules]).flat_map(|rules| &rules.fields);
    let there = plans.filter(|plan| plan.rules.get(index).copied().flatten().is_some());
    there.map(|plan| plan.field).collect()
}

fn written(fields: &BTreeSet<Field>) -> Cursor {
    let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
    Cursor(names.join(","))
}

fn read(cursor: &Cursor) -> BTreeSet<Field> {
    cursor.0.split(',').filter_map(Field::from_name).collect()
}
