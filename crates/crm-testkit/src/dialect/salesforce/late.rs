//! Writes that commit later than their change stamp says, as long transactions of others do.

use serde_json::{Map, Value};

use super::Salesforce;
use super::desk::{Desk, DuplicateRule, Journal, Saving};
use crate::world::{Bump, Source, World};

/// A change of a record that is not visible yet.
#[derive(Clone, Debug)]
pub struct Late {
    /// The record's type.
    pub kind: String,
    /// The record.
    pub id: String,
    /// The values to set.
    pub fields: Map<String, Value>,
    /// The change stamp that it will carry, in milliseconds since 1970.
    pub stamp_ms: i64,
    /// When it becomes visible, in milliseconds since 1970.
    pub visible_ms: i64,
}

impl Salesforce {
    /// Announces a change that becomes visible later than its own stamp.
    pub fn change_late(&mut self, change: Late) {
        self.late.push(change);
    }

    /// Commits what is due.
    pub(super) fn commit_late(&mut self, world: &mut World) {
        if self.late.is_empty() {
            return;
        }
        let now_ms = world.now_ms();
        let (due, waiting) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|change: &Late| change.visible_ms <= now_ms);
        self.late = waiting;
        let due: Vec<Late> = due;
        for change in due {
            let mut journal = Journal::default();
            let mut desk = Desk {
                catalog: &self.catalog,
                world: &mut *world,
                users: &self.users,
                rule: DuplicateRule::Off,
                saving: Saving::Allowed,
                source: Source::User,
                journal: &mut journal,
            };
            // A change of a record that went away meanwhile is lost, like its transaction.
            let Ok(kind) = desk.kind(&change.kind) else {
                continue;
            };
            let name = kind.name;
            let Ok(id) = desk.update(kind, &change.id, &change.fields) else {
                continue;
            };
            if let Some(key) = super::ids::key(&id) {
                let stamp_ms = change.stamp_ms - change.stamp_ms.rem_euclid(1_000);
                let mut stamp = world.stamp(Source::User);
                stamp.at_ms = stamp_ms;
                let none = crate::world::Changes::new();
                world.table_mut(name).write(key, &none, &stamp, Bump::Always);
            }
        }
    }
}
