//! Small numbers for connections, and where a record id is unique.

use std::collections::BTreeMap;

use crm_core::{ObjectKind, ProviderId};
use crm_store::{StoreError, StoreResult};
use rusqlite::{Connection, params};

use crate::error::sql;
use crate::row::kind_number;

/// The links of one entity have keys within one block of this size.
pub(crate) const BLOCK: i64 = 64;

/// The connections of one tenant, by name and by number.
#[derive(Debug)]
pub(crate) struct Places {
    tenant: i64,
    numbers: BTreeMap<ProviderId, i64>,
    names: BTreeMap<i64, ProviderId>,
}

impl Places {
    pub(crate) fn load(connection: &Connection, tenant: i64) -> StoreResult<Self> {
        let mut places = Self { tenant, numbers: BTreeMap::new(), names: BTreeMap::new() };
        places.reload(connection)?;
        Ok(places)
    }

    pub(crate) const fn tenant(&self) -> i64 {
        self.tenant
    }

    /// Returns how many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Reads the table again.
    pub(crate) fn reload(&mut self, connection: &Connection) -> StoreResult<()> {
        self.numbers.clear();
        self.names.clear();
        let mut statement = connection
            .prepare_cached("SELECT id, name FROM connection WHERE tenant = ?1")
            .map_err(sql)?;
        let mut rows = statement.query([self.tenant]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            self.remember(
                row.get(0).map_err(sql)?,
                ProviderId::new(row.get::<_, String>(1).map_err(sql)?),
            );
        }
        Ok(())
    }

    fn remember(&mut self, number: i64, name: ProviderId) {
        self.numbers.insert(name.clone(), number);
        self.names.insert(number, name);
    }

    /// Returns the number of a connection, if it has one.
    pub(crate) fn number(&self, provider: &ProviderId) -> Option<i64> {
        self.numbers.get(provider).copied()
    }

    /// Returns the name of the connection that a link's key carries.
    pub(crate) fn name(&mut self, connection: &Connection, key: i64) -> StoreResult<ProviderId> {
        let number = key % BLOCK;
        if !self.names.contains_key(&number) {
            // Only where another process writes: a writer knows every number it gave.
            self.reload(connection)?;
        }
        let known = self.names.get(&number).cloned();
        known.ok_or_else(|| crate::error::row("link", format!("no connection has number {number}")))
    }

    /// Returns the number of a connection, giving it the next one if need be.
    pub(crate) fn take(
        &mut self,
        connection: &Connection,
        provider: &ProviderId,
    ) -> StoreResult<i64> {
        if let Some(number) = self.number(provider) {
            return Ok(number);
        }
        let number = self.names.last_key_value().map_or(1, |(last, _)| last + 1);
        if number >= BLOCK {
            return Err(too_many(provider));
        }
        connection
            .prepare_cached("INSERT INTO connection (tenant, id, name) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![self.tenant, number, provider.as_str()]))
            .map_err(sql)?;
        self.remember(number, provider.clone());
        Ok(number)
    }

    /// Returns where the record ids of a connection and kind are unique.
    pub(crate) const fn place(&self, number: i64, kind: ObjectKind) -> i64 {
        (self.tenant * BLOCK + number) * 4 + kind_number(kind)
    }

    /// Returns the place of a connection's kind, if the connection is known.
    pub(crate) fn find(&self, provider: &ProviderId, kind: ObjectKind) -> Option<i64> {
        Some(self.place(self.number(provider)?, kind))
    }
}

fn too_many(provider: &ProviderId) -> StoreError {
    StoreError::Backend {
        message: format!("there is no room for `{provider}`: a store has at most 63 connections")
            .into(),
        hint: Some("keep the connections of another tenant in another store".into()),
        source: None,
    }
}
