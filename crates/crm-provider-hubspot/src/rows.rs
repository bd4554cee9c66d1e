//! From a row to a record: what the row does not say is found out for all rows of an answer at
//! once. What cannot be found out is not read, and takes no part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::{ErrorKind, Field, Metadata, Operation, Remote, Result, Value};

use crate::HubSpot;
use crate::table::{Found, Relation, Shown, Table};
use crate::ties::Tied;
use crate::wire::Listed;

/// The associations of the rows, by type at the other end and record; a type that is not here
/// could not be read.
type Known = BTreeMap<&'static str, BTreeMap<String, Tied>>;

impl HubSpot {
    /// Completes rows.
    pub(crate) async fn complete(
        &self,
        table: &Table,
        operation: Operation,
        rows: Vec<Found>,
    ) -> Result<Vec<Remote>> {
        let known = self.known_ties(table, operation, &rows).await?;
        let owners = self.owners_of(&rows).await?;
        let staged = rows.iter().any(|row| matches!(row.stage, Shown::Value(_)));
        let pipelines = if staged { Some(self.with_pipelines().await?) } else { None };
        let done = rows.into_iter().map(|mut row| {
            for relation in &table.relations {
                note_ties(relation, &mut row, &known);
            }
            note_owner(&mut row, owners.as_deref());
            note_stage(&mut row, pipelines.as_deref());
            if let Some(form) = table.form() {
                row.decoded.note(Field::TYPE, Some(form));
            }
            let Found { remote, decoded, .. } = row;
            Remote { read: decoded.read, fields: decoded.fields, ..remote }
        });
        Ok(done.collect())
    }

    /// Returns the users, if a row has one; also those who left, if one of them is among the rows.
    async fn owners_of(&self, rows: &[Found]) -> Result<Option<Arc<Metadata>>> {
        let ids = || {
            rows.iter().filter_map(|row| match &row.owner {
                Shown::Value(id) => Some(id.as_str()),
                Shown::Absent | Shown::Blank => None,
            })
        };
        if ids().next().is_none() {
            return Ok(None);
        }
        let metadata = self.with_owners().await?;
        if ids().all(|id| metadata.owner(id).is_some()) {
            return Ok(Some(metadata));
        }
        self.with_former_owners().await.map(Some)
    }

    /// Reads the associations that the rows do not show. Without the right to read them they are
    /// left out, and asked for again after an hour.
    async fn known_ties(
        &self,
        table: &Table,
        operation: Operation,
        rows: &[Found],
    ) -> Result<Known> {
        let mut known = Known::new();
        let ends: BTreeSet<&'static str> = table.relations.iter().map(|tie| tie.to).collect();
        for to in ends {
            let relations: Vec<&Relation> =
                table.relations.iter().filter(|relation| relation.to == to).collect();
            // Until one was seen, a list that shows none may only not be allowed to.
            let seen = |row: &Found| row.listed.as_ref().is_some_and(|all| all.contains_key(to));
            if rows.iter().any(seen) {
                self.grant(table.name(), to);
            }
            let granted = self.is_granted(table.name(), to);
            let open = rows.iter().filter(|row| {
                !granted || relations.iter().any(|relation| relation.shown(row).is_none())
            });
            let ids: Vec<&str> = open.map(|row| row.id.as_str()).collect();
            if ids.is_empty() {
                known.insert(to, BTreeMap::new());
                continue;
            }
            if self.is_barred(table.name(), to) {
                continue;
            }
            match self.ties(table, operation, to, &ids).await {
                Ok(found) => {
                    self.grant(table.name(), to);
                    known.insert(to, found);
                }
                Err(error) if *error.kind() == ErrorKind::Forbidden => {
                    let from = table.name();
                    tracing::warn!(from, to, %error, "associations cannot be read");
                    self.bar(from, to);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(known)
    }
}

impl Relation {
    /// Returns the ids at the other end as far as the row itself shows them: all of them where
    /// any association counts, and otherwise only that there are none.
    fn shown(&self, row: &Found) -> Option<Vec<String>> {
        let listed =
            row.listed.as_ref()?.get(self.to).map_or(Some(Vec::new()), Listed::complete)?;
        (listed.is_empty() || !self.is_particular()).then_some(listed)
    }
}

fn note_ties(relation: &Relation, row: &mut Found, known: &Known) {
    let Some(end) = known.get(relation.to) else {
        return;
    };
    let members = match end.get(&row.id) {
        Some(tied) => Some(relation.members(tied)),
        None => relation.shown(row),
    };
    if let Some(members) = members {
        row.decoded.note(relation.field, relation.value(members));
    }
}

fn note_owner(row: &mut Found, metadata: Option<&Metadata>) {
    match &row.owner {
        Shown::Absent => {}
        Shown::Blank => row.decoded.note(Field::OWNER, None),
        Shown::Value(id) => {
            if let Some(owner) = metadata.and_then(|metadata| metadata.owner(id)) {
                let email = Value::text(Arc::clone(&owner.email));
                row.decoded.note(Field::OWNER, Some(email));
            }
        }
    }
}

fn note_stage(row: &mut Found, metadata: Option<&Metadata>) {
    match &row.stage {
        Shown::Absent => {}
        Shown::Blank => row.decoded.note(Field::STAGE, None),
        Shown::Value((id, pipeline)) => {
            let stage = metadata.and_then(|metadata| metadata.stage(pipeline.as_deref(), id));
            if let Some(ours) = stage.and_then(|stage| stage.ours.as_ref()) {
                let ours = Value::Choice(Arc::clone(ours));
                row.decoded.note(Field::STAGE, Some(ours));
            }
        }
    }
}
