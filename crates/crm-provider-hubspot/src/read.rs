//! Reads by id and by key: batches of 100, and what became of ids that no batch answers for.

use std::collections::BTreeMap;

use crm_core::{
    Applied, ErrorKind, Lookup, MatchKey, Operation, ProviderError, Remote, RemoteId, Result,
};
use crm_http::{Effect, Failure, Reply, Request, chunk};

use crate::HubSpot;
use crate::table::Table;
use crate::wire::{Batch, BatchRead, Input, Object};

/// How many batches are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;

/// Which records a read sees.
#[derive(Clone, Copy, Debug)]
enum Bin {
    Live,
    Archived,
}

impl Bin {
    const fn archived(self) -> bool {
        match self {
            Self::Live => false,
            Self::Archived => true,
        }
    }
}

/// By which property records are asked for.
#[derive(Clone, Copy, Debug)]
enum By {
    Id,
    Property(&'static str),
}

impl HubSpot {
    /// Answers for each id. An id that no live record answers for, neither by its own id nor by
    /// having absorbed it, is asked for in the recycle bin and then alone: a merged record
    /// answers with another id, and only a 404 is "gone".
    pub(crate) async fn lookups(&self, table: &Table, ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let mut answers = BTreeMap::new();
        let distinct = unanswered(ids, &answers);
        for remote in self.batches(table, Operation::Get, &distinct, By::Id, Bin::Live).await? {
            for alias in &remote.aliases {
                let merged = || Lookup::MergedInto(remote.id.clone());
                answers.entry(alias.clone()).or_insert_with(merged);
            }
            answers.insert(remote.id.clone(), Lookup::Found(remote));
        }
        let absent = unanswered(ids, &answers);
        for remote in self.batches(table, Operation::Get, &absent, By::Id, Bin::Archived).await? {
            answers.insert(remote.id, Lookup::Archived);
        }
        let absent = unanswered(ids, &answers);
        let alone = chunk::read(&absent, 1, CONCURRENCY, |ids| self.each_alone(table, ids));
        answers.extend(alone.await?);
        let answer = |id| answers.get(id).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    async fn each_alone(&self, table: &Table, ids: &[&str]) -> Result<Vec<(RemoteId, Lookup)>> {
        let mut lookups = Vec::with_capacity(ids.len());
        for id in ids {
            lookups.push((RemoteId::from(*id), self.alone(table, id).await?));
        }
        Ok(lookups)
    }

    async fn alone(&self, table: &Table, id: &str) -> Result<Lookup> {
        let request = Request::get(Operation::Get, format!("{}/{}", table.path(), escape(id)))
            .endpoint(table.endpoint("GET", "/{id}"))
            .query("archived", false)
            .query("properties", table.properties.join(","));
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let object: Object<'_> = reply.json()?;
            Ok(table.remote(&object))
        };
        match self.client.fetch(request, &classify, read).await {
            Ok(remote) if remote.id.as_str() == id => Ok(Lookup::Found(remote)),
            Ok(survivor) => Ok(Lookup::MergedInto(survivor.id)),
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Lookup::Gone),
            Err(error) => Err(error),
        }
    }

    /// Finds live records by our uid or by e-mail address, through reads by key, which are
    /// consistent as a search is not.
    pub(crate) async fn matches(&self, table: &Table, keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let (mut uids, mut emails) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                MatchKey::Uid(uid) => uids.push(uid.as_str()),
                MatchKey::Email(email) => emails.push(&**email),
                MatchKey::Phone { .. } | MatchKey::Domain(_) | MatchKey::Name { .. } => {
                    return Err(ProviderError::unsupported("a look-up by phone or domain"));
                }
            }
        }
        let uid = table.mapping().uid.unwrap_or_default();
        let mut found = BTreeMap::new();
        for (mut values, property) in [(uids, uid), (emails, "email")] {
            values.sort_unstable();
            values.dedup();
            let by = By::Property(property);
            let records = self.batches(table, Operation::Find, &values, by, Bin::Live).await?;
            found.extend(records.into_iter().map(|remote| (remote.id.clone(), remote)));
        }
        Ok(found.into_values().collect())
    }

    async fn batches(
        &self,
        table: &Table,
        operation: Operation,
        values: &[&str],
        by: By,
        bin: Bin,
    ) -> Result<Vec<Remote>> {
        let max = usize::from(table.capability.read_max.get());
        let read = |values| self.batch(table, operation, values, by, bin);
        chunk::read(values, max, CONCURRENCY, read).await
    }

    async fn batch(
        &self,
        table: &Table,
        operation: Operation,
        values: &[&str],
        by: By,
        bin: Bin,
    ) -> Result<Vec<Remote>> {
        let body = BatchRead {
            inputs: values.iter().copied().map(Input::id).collect(),
            properties: &table.properties,
            properties_with_history: [],
            id_property: match by {
                By::Id => None,
                By::Property(name) => Some(name),
            },
        };
        let request = Request::post(operation, format!("{}/batch/read", table.path()))
            .endpoint(table.endpoint("POST", "/batch/read"))
            .effect(Effect::Read)
            .query("archived", bin.archived())
            .json(&body);
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let batch: Batch<'_> = reply.json()?;
            // An item that failed for another reason than absence would be taken for absent.
            if let Some(problem) = batch.errors.iter().find(|problem| !problem.is_absence()) {
                let kind = ErrorKind::Transient { applied: Applied::No };
                let code = problem.code().unwrap_or("ITEM_FAILED");
                return Err(ProviderError::new(kind, "a record could not be read").with_code(code));
            }
            let fitting = batch.results.iter().filter(|row| row.archived == bin.archived());
            Ok(fitting.map(|row| table.remote(row)).collect())
        };
        self.client.fetch(request, &classify, read).await
    }
}

/// Returns the ids without an answer, each once.
fn unanswered<'a>(ids: &'a [RemoteId], answers: &BTreeMap<RemoteId, Lookup>) -> Vec<&'a str> {
    let open = ids.iter().filter(|id| !answers.contains_key(*id));
    let mut open: Vec<_> = open.map(RemoteId::as_str).collect();
    open.sort_unstable();
    open.dedup();
    open
}

/// Encodes an id for a path. HubSpot's are digits; anything else must not become another path.
fn escape(id: &str) -> String {
    let mut path = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            path.push(char::from(byte));
        } else {
            path.push('%');
            for half in [byte >> 4, byte & 0xf] {
                path.extend(char::from_digit(half.into(), 16).map(|c| c.to_ascii_uppercase()));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(escape("479475667160"), "479475667160");
        assert_eq!(escape("1/../batch?x"), "1%2F%2E%2E%2Fbatch%3Fx");
        assert_eq!(escape("é"), "%C3%A9");
    }
}
