//! Reads by id and by key: batches of 100, and what became of ids that no batch answers for.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    Applied, ErrorKind, Lookup, MatchKey, Operation, ProviderError, Remote, RemoteId, Result,
};
use crm_http::{Effect, Failure, Reply, Request, chunk};

use crate::HubSpot;
use crate::provider::SEARCH_LANE;
use crate::table::{Found, Table};
use crate::wire::{Batch, BatchRead, Filter, FilterGroup, Input, Object, Page, Search, Sort};

/// How many batches are under way at once; the pacer decides how fast they go.
const CONCURRENCY: usize = 4;
/// Uids in one search: its body may have 3,000 characters.
const UIDS_MAX: usize = 50;

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
    /// Answers for each id, whatever form of the kind it is.
    pub(crate) async fn lookups(&self, tables: &[Table], ids: &[RemoteId]) -> Result<Vec<Lookup>> {
        let mut answers = BTreeMap::new();
        for table in tables {
            let own: Vec<RemoteId> =
                ids.iter().filter(|id| table.bare(id.as_str()).is_some()).cloned().collect();
            if !own.is_empty() {
                self.lookups_of(table, &own, &mut answers).await?;
            }
        }
        // An id that names no type was never given out by this room, so nothing can have it.
        let answer = |id| answers.get(id).cloned().unwrap_or(Lookup::Gone);
        Ok(ids.iter().map(answer).collect())
    }

    /// Answers for each id. An id that no live record answers for, neither by its own id nor by
    /// having absorbed it, is asked for in the recycle bin and then alone: a merged record
    /// answers with another id, and only a 404 is "gone".
    async fn lookups_of(
        &self,
        table: &Table,
        ids: &[RemoteId],
        answers: &mut BTreeMap<RemoteId, Lookup>,
    ) -> Result<()> {
        let distinct = unanswered(table, ids, answers);
        let live = self.batches(table, Operation::Get, &distinct, By::Id, Bin::Live).await?;
        for remote in self.complete(table, Operation::Get, live).await? {
            for alias in &remote.aliases {
                let merged = || Lookup::MergedInto(remote.id.clone());
                answers.entry(alias.clone()).or_insert_with(merged);
            }
            answers.insert(remote.id.clone(), Lookup::Found(remote));
        }
        let absent = unanswered(table, ids, answers);
        for row in self.batches(table, Operation::Get, &absent, By::Id, Bin::Archived).await? {
            answers.insert(row.remote.id, Lookup::Archived);
        }
        let absent = unanswered(table, ids, answers);
        let alone = chunk::read(&absent, 1, CONCURRENCY, |ids| self.each_alone(table, ids));
        answers.extend(alone.await?);
        Ok(())
    }

    async fn each_alone(&self, table: &Table, ids: &[&str]) -> Result<Vec<(RemoteId, Lookup)>> {
        let mut lookups = Vec::with_capacity(ids.len());
        for id in ids {
            lookups.push((table.id(id), self.alone(table, id).await?));
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
            Ok(table.found(&object))
        };
        let row = match self.client.fetch(request, &classify, read).await {
            Ok(row) if row.id == id => row,
            Ok(survivor) => return Ok(Lookup::MergedInto(survivor.remote.id)),
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(Lookup::Gone),
            Err(error) => return Err(error),
        };
        let found = self.complete(table, Operation::Get, vec![row]).await?;
        Ok(found.into_iter().next().map_or(Lookup::Gone, Lookup::Found))
    }

    /// Finds live records by our uid or by e-mail address.
    pub(crate) async fn matches(&self, tables: &[Table], keys: &[MatchKey]) -> Result<Vec<Remote>> {
        let (mut uids, mut emails) = (BTreeSet::new(), BTreeSet::new());
        for key in keys {
            match key {
                MatchKey::Uid(uid) => uids.insert(uid.as_str()),
                MatchKey::Email(email) => emails.insert(&**email),
                MatchKey::Phone { .. } | MatchKey::Domain(_) | MatchKey::Name { .. } => {
                    return Err(ProviderError::unsupported("a look-up by phone or domain"));
                }
            };
        }
        let (uids, emails): (Vec<&str>, Vec<&str>) =
            (uids.into_iter().collect(), emails.into_iter().collect());
        let mut found = BTreeMap::new();
        for table in tables {
            let rows = if table.capability.unique_key {
                self.by_key(table, &uids, &emails).await?
            } else {
                self.by_search(table, &uids).await?
            };
            let remotes = self.complete(table, Operation::Find, rows).await?;
            found.extend(remotes.into_iter().map(|remote| (remote.id.clone(), remote)));
        }
        Ok(found.into_values().collect())
    }

    /// Finds records through reads by key, which are consistent as a search is not.
    async fn by_key(&self, table: &Table, uids: &[&str], emails: &[&str]) -> Result<Vec<Found>> {
        let uid = table.mapping().uid.unwrap_or_default();
        let mut found = BTreeMap::new();
        for (values, property) in [(uids, uid), (emails, "email")] {
            let by = By::Property(property);
            let rows = self.batches(table, Operation::Find, values, by, Bin::Live).await?;
            found.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        }
        Ok(found.into_values().collect())
    }

    /// Finds records that have no unique property: a search says which they may be, and a read
    /// by id whether they are. What the search does not show yet is not found.
    async fn by_search(&self, table: &Table, uids: &[&str]) -> Result<Vec<Found>> {
        let search = |uids| self.ids_of(table, uids);
        let mut ids: Vec<String> = chunk::read(uids, UIDS_MAX, CONCURRENCY, search).await?;
        ids.sort();
        ids.dedup();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rows = self.batches(table, Operation::Find, &ids, By::Id, Bin::Live).await?;
        let has = |row: &Found| row.remote.uid.as_ref().is_some_and(|u| uids.contains(&u.as_str()));
        Ok(rows.into_iter().filter(has).collect())
    }

    async fn ids_of(&self, table: &Table, uids: &[&str]) -> Result<Vec<String>> {
        let Some(name) = table.mapping().uid else { return Ok(Vec::new()) };
        let filter = Filter {
            property_name: name,
            operator: "IN",
            value: None,
            values: Some(uids.to_vec()),
        };
        let request = Request::post(Operation::Find, format!("{}/search", table.path()))
            .endpoint(table.endpoint("POST", "/search"))
            .effect(Effect::Read)
            .lane(SEARCH_LANE)
            .json(&Search {
                filter_groups: vec![FilterGroup { filters: vec![filter] }],
                sorts: [Sort { property_name: "hs_object_id", direction: "ASCENDING" }],
                properties: [name],
                limit: table.capability.hint_page_max.get(),
            });
        let classify = |failure: &Failure<'_>| table.reading.classify(failure);
        let read = |reply: &Reply| {
            let page: Page<'_> = reply.json()?;
            Ok(page.results.iter().map(|row| row.id.clone().into_owned()).collect())
        };
        self.client.fetch(request, &classify, read).await
    }

    async fn batches(
        &self,
        table: &Table,
        operation: Operation,
        values: &[&str],
        by: By,
        bin: Bin,
    ) -> Result<Vec<Found>> {
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
    ) -> Result<Vec<Found>> {
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
            Ok(fitting.map(|row| table.found(row)).collect())
        };
        self.client.fetch(request, &classify, read).await
    }
}

/// Returns the ids without an answer, as HubSpot spells them, each once.
fn unanswered<'a>(
    table: &Table,
    ids: &'a [RemoteId],
    answers: &BTreeMap<RemoteId, Lookup>,
) -> Vec<&'a str> {
    let open = ids.iter().filter(|id| !answers.contains_key(*id));
    let mut open: Vec<_> = open.filter_map(|id| table.bare(id.as_str())).collect();
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
