//! What a request wrote so far, so that it can be taken back.

use crate::world::{Bump, Changes, Record, Source, Stamp, World};

/// A place in the journal.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Mark(usize);

#[derive(Debug)]
enum Step {
    Created,
    Written { before: Changes, stamp: Stamp },
    Archived { stamp: Stamp },
}

/// The steps of one request.
#[derive(Debug, Default)]
pub(in super::super) struct Journal {
    steps: Vec<(&'static str, u64, Step)>,
}

impl Journal {
    pub(in super::super) fn mark(&self) -> Mark {
        Mark(self.steps.len())
    }

    pub(super) fn created(&mut self, kind: &'static str, key: u64) {
        self.steps.push((kind, key, Step::Created));
    }

    pub(super) fn written(&mut self, kind: &'static str, record: &Record, changes: &Changes) {
        let columns = changes.keys();
        let before = columns.map(|column| (*column, record.get(*column).map(str::to_owned)));
        let step = Step::Written { before: before.collect(), stamp: stamp(record) };
        self.steps.push((kind, record.key(), step));
    }

    pub(super) fn archived(&mut self, kind: &'static str, record: &Record) {
        self.steps.push((kind, record.key(), Step::Archived { stamp: stamp(record) }));
    }

    pub(in super::super) fn roll_back(&mut self, mark: Mark, world: &mut World) {
        while self.steps.len() > mark.0 {
            let Some((kind, key, step)) = self.steps.pop() else {
                return;
            };
            let table = world.table_mut(kind);
            let mut deeds = table.deeds();
            let by = table.get(key).map(Record::modified_by);
            let one = u64::from(by == Some(Source::Integration));
            match step {
                Step::Created => {
                    deeds.created = deeds.created.saturating_sub(one);
                    table.purge(key)
                }
                Step::Written { before, stamp } => {
                    deeds.changed = deeds.changed.saturating_sub(one);
                    table.write(key, &before, &stamp, Bump::Always)
                }
                Step::Archived { stamp } => {
                    deeds.deleted = deeds.deleted.saturating_sub(one);
                    table.restore(key, &stamp)
                }
            };
            // What did not last was not done.
            table.recount(deeds);
        }
    }
}

fn stamp(record: &Record) -> Stamp {
    let source: Source = record.modified_by();
    Stamp { at_ms: record.modified_ms(), visible_ms: record.modified_ms(), source }
}
