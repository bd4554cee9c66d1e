//! Where records are written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::body::{self, Flat};
use super::fail::Fail;
use super::kind::{Kind, On, Type};
use super::office::Office;
use super::render::View;
use crate::world::{Bump, Changes, Source, World};

/// The writing side of the account, for the time of one request.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) world: &'a mut World,
    pub(super) office: &'a mut Office,
    pub(super) source: Source,
}

impl Desk<'_> {
    /// Makes the records of a body, all of them or none; returns their numbers.
    pub(super) fn post(
        &mut self,
        kind: &Kind,
        bodies: &[&Map<String, Value>],
    ) -> Result<Vec<u64>, Fail> {
        let mut checked = Vec::with_capacity(bodies.len());
        for (place, body) in bodies.iter().enumerate() {
            let at = if bodies.len() == 1 { String::new() } else { format!("{place}.") };
            let mut flat = body::read(self.office, kind, body, On::Post, &at)?;
            self.references(kind, &flat, &at)?;
            required(kind, &flat, &at)?;
            self.complete(kind, &mut flat);
            checked.push(flat);
        }
        Ok(checked.into_iter().map(|flat| self.make(kind, flat)).collect())
    }

    /// Enters a record as it is.
    pub(super) fn make(&mut self, kind: &Kind, flat: Flat) -> u64 {
        let key = self.world.next_key();
        let changes = self.changes(kind, flat);
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).insert(key, &changes, &stamp);
        key
    }

    /// Changes a record by a body.
    pub(super) fn put(
        &mut self,
        kind: &Kind,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<(), Fail> {
        let mut flat = body::read(self.office, kind, body, On::Put, "")?;
        let key = self.live(kind, id)?;
        self.references(kind, &flat, "")?;
        for name in ["owner", "assignee", "creator"] {
            if flat.get(name) == Some(&None) {
                return Err(Fail::payload(name, "base", "must be a number"));
            }
        }
        if kind.name == "opportunities" && flat.get("account") == Some(&None) {
            return Err(Fail::payload("account", "base", "must be a number"));
        }
        split_name(kind, &mut flat);
        self.write(kind, key, flat);
        Ok(())
    }

    /// Writes checked values.
    pub(super) fn write(&mut self, kind: &Kind, key: u64, flat: Flat) {
        let changes = self.changes(kind, flat);
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).write(key, &changes, &stamp, Bump::Always);
    }

    /// Deletes a record for good.
    pub(super) fn delete(&mut self, kind: &Kind, id: &str) -> Result<(), Fail> {
        let key = self.live(kind, id)?;
        self.forget(kind, id, None);
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).archive(key, &stamp);
        Ok(())
    }

    /// Merges a record into another of its kind; nothing tells afterwards where it went.
    pub(super) fn merge(&mut self, kind: &Kind, winner: &str, loser: &str) -> Result<(), Fail> {
        let (into, gone) = (self.live(kind, winner)?, self.live(kind, loser)?);
        self.forget(kind, loser, Some(winner));
        let stamp = self.world.stamp(self.source);
        self.world.table_mut(kind.name).absorb(gone, into, &stamp);
        self.write(kind, into, Flat::new());
        Ok(())
    }

    /// Returns the number of a live record.
    pub(super) fn live(&self, kind: &Kind, id: &str) -> Result<u64, Fail> {
        let key = id.parse().ok();
        let found =
            key.filter(|key| self.world.table(kind.name).is_some_and(|t| t.live(*key).is_some()));
        found.ok_or_else(|| Fail::of(404))
    }

    /// Lets those who refer to a record refer to another, or to none. Opportunities go with their
    /// account.
    fn forget(&mut self, kind: &Kind, id: &str, to: Option<&str>) {
        let refers = |ty: Type| matches!(ty, Type::Record(name) if name == kind.name);
        for other in super::kind::KINDS {
            for member in other.members.iter().filter(|member| refers(member.ty)) {
                let view = View { world: self.world, office: self.office };
                let table = self.world.table(other.name).into_iter();
                let keys: Vec<u64> = table
                    .flat_map(|table| table.live_after(0))
                    .filter(|record| view.text(other, record, member.name) == Some(id))
                    .map(crate::world::Record::key)
                    .collect();
                for key in keys {
                    if other.name == "opportunities" && member.name == "account" && to.is_none() {
                        let stamp = self.world.stamp(self.source);
                        self.world.table_mut(other.name).archive(key, &stamp);
                        continue;
                    }
                    let value = to.map(str::to_owned);
                    self.write(other, key, Flat::from([(member.name.to_owned(), value)]));
                }
            }
        }
    }

    /// Every reference must name a live record.
    fn references(&self, kind: &Kind, flat: &Flat, at: &str) -> Result<(), Fail> {
        for member in kind.members {
            let (Type::Record(name), Some(Some(id))) = (member.ty, flat.get(member.name)) else {
                continue;
            };
            let view = View { world: self.world, office: self.office };
            if view.live(name, id).is_none() {
                let path = format!("{at}{}", member.name);
                return Err(Fail::payload(&path, "exists", "does not exist"));
            }
        }
        Ok(())
    }

    /// Adds what the account puts into a new record.
    fn complete(&mut self, kind: &Kind, flat: &mut Flat) {
        split_name(kind, flat);
        let me = self.office.me().map(|user| user.id.to_string());
        let mut usual = |name: &str, value: Option<String>| {
            if flat.get(name).is_none_or(Option::is_none) {
                flat.insert(name.to_owned(), value);
            }
        };
        match kind.name {
            "tasks" => {
                usual("assignees", me);
                usual("reminder_date", Some(super::time::iso(self.world.now_ms())));
            }
            "opportunities" => {
                usual("owner", me.clone());
                usual("assignee", me.clone());
                usual("creator", me);
                usual("currency", Some("1".to_owned()));
                usual("stage", self.office.stages.first().map(|stage| stage.id.to_string()));
            }
            _ => usual("owner", me),
        }
    }

    fn changes(&mut self, kind: &Kind, flat: Flat) -> Changes {
        if let Some(Some(tags)) = flat.get("tags") {
            for name in tags.split(',').filter(|name| !name.is_empty()) {
                self.office.tag(name);
            }
        }
        let table = self.world.table_mut(kind.name);
        flat.into_iter()
            .map(|(name, value)| (table.column(&name), value))
            .collect::<BTreeMap<_, _>>()
    }
}

/// A name that comes alone is taken apart.
fn split_name(kind: &Kind, flat: &mut Flat) {
    if kind.name != "contacts" {
        return;
    }
    let Some(Some(name)) = flat.remove("name") else { return };
    if flat.contains_key("firstname") || flat.contains_key("lastname") {
        return;
    }
    let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
    flat.insert("firstname".to_owned(), Some(first.to_owned()));
    flat.insert("lastname".to_owned(), Some(last.trim().to_owned()));
}

/// What a new record cannot be without.
fn required(kind: &Kind, flat: &Flat, at: &str) -> Result<(), Fail> {
    let has = |name: &str| flat.get(name).is_some_and(Option::is_some);
    let lacking = |name: &str| Fail::payload(&format!("{at}{name}"), "required", "is required");
    match kind.name {
        "contacts" => {
            let any = ["name", "email", "prefix", "firstname", "middle", "lastname", "suffix"];
            if any.iter().any(|name| has(name)) {
                return Ok(());
            }
            let says = format!("must contain at least one of [{}]", any.join(", "));
            Err(Fail::payload(at.trim_end_matches('.'), "missing", &says))
        }
        "opportunities" if !has("account") => Err(lacking("account")),
        "tasks" if !has("description") => Err(lacking("description")),
        _ => Ok(()),
    }
}
