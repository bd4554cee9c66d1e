//! What a record takes from the records that it points to.

use super::super::describe::Kind;
use super::super::problem::Problem;
use super::{Desk, stage};
use crate::world::{Changes, Column, State};

impl<'a> Desk<'a> {
    /// Adds the account of a task or event: that of its subject matter, else of its person. A
    /// lead has no subject matter beside it.
    pub(super) fn relate(
        &self,
        kind: &'a Kind,
        own: Option<u64>,
        changes: &mut Changes,
    ) -> Result<(), Problem> {
        if !matches!(kind.name, "Task" | "Event") {
            return Ok(());
        }
        let column = |name: &str| kind.field(name).map(|field| field.column);
        let (Some(who), Some(what), Some(account)) =
            (column("WhoId"), column("WhatId"), column("AccountId"))
        else {
            return Ok(());
        };
        if !changes.contains_key(&who) && !changes.contains_key(&what) {
            return Ok(());
        }
        let held = |column: Column| -> Option<String> {
            if let Some(value) = changes.get(&column) {
                return value.clone();
            }
            let record = self.world.table(kind.name)?.get(own?)?;
            record.get(column).map(str::to_owned)
        };
        let (who, what) = (held(who), held(what));
        if what.is_some() && who.as_deref().is_some_and(|id| id.starts_with("00Q")) {
            let message = "Related To cannot be set for a task or event of a lead";
            let problem = Problem::new("FIELD_INTEGRITY_EXCEPTION", message);
            return Err(problem.fields(["WhatId"]));
        }
        let found = what.and_then(|id| self.account_of(&id)).or_else(|| self.account_of(&who?));
        changes.insert(account, found);
        Ok(())
    }

    /// Returns the account that an id names or belongs to.
    fn account_of(&self, id: &str) -> Option<String> {
        let kind = self.catalog.of_id(id)?;
        if kind.name == "Account" {
            return Some(id.to_owned());
        }
        let record = self.view().record(kind, id)?.record;
        record.get(kind.field("AccountId")?.column).map(str::to_owned)
    }

    /// Takes the first place from the other people of a deal when one gets it.
    pub(super) fn only_primary(&mut self, kind: &'a Kind, key: u64, changes: &Changes) {
        let column = |name: &str| kind.field(name).map(|field| field.column);
        let (Some(primary), Some(deal)) = (column("IsPrimary"), column("OpportunityId")) else {
            return;
        };
        if changes.get(&primary) != Some(&Some("true".to_owned())) {
            return;
        }
        let Some(table) = self.world.table(kind.name) else { return };
        let Some(of) = table.get(key).and_then(|row| row.get(deal)) else { return };
        let others = table.live_after(0).filter(|row| {
            let same = row.key() != key && row.get(deal) == Some(of);
            same && row.get(primary) == Some("true") && row.state() == State::Live
        });
        let others: Vec<u64> = others.map(crate::world::Record::key).collect();
        for other in others {
            self.write(kind.name, other, &stage::unset(primary));
        }
    }
}
