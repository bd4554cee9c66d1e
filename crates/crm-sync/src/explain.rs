//! Why a field has the value that it has: an answer from the store alone.
//!
//! Nothing is kept for this that is not kept anyway. A golden value that replaced another one
//! has a row of history, one that won at first contact has a conflict, and the first of all has
//! neither: then the record that showed it is its cause. What a record shows was either written
//! by us, which the journal says, or read there.

use std::collections::BTreeMap;

use crm_core::{
    EntityId, Field, MatchKey, ObjectKind, ProviderId, RemoteId, RunId, Value, WriteKey,
};
use crm_store::{
    Conflict, ConflictQuery, ConflictState, Entity, EntityState, History, Journal, JournalAction,
    JournalQuery, KeyHash, Link, LinkState, Shadow, Store,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::EngineError;

/// Everything that is known of an entity, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The entity.
    pub entity: EntityId,
    /// What it is.
    pub kind: ObjectKind,
    /// Who it is, as a person would say it.
    pub label: String,
    /// Whether it lives.
    pub state: EntityState,
    /// Its records.
    pub records: Vec<Tie>,
    /// Its fields.
    pub fields: BTreeMap<Field, Told>,
    /// What turned out to be the same, with all that is known of it, oldest first: somebody merged
    /// their records in a CRM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absorbed: Vec<Self>,
}

/// How many merges are followed one after the other: a circle must end.
const MERGES_MAX: usize = 16;

/// A record of an entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tie {
    /// The connection.
    pub provider: ProviderId,
    /// The record, if there is one.
    pub remote: Option<RemoteId>,
    /// How the tie stands.
    pub state: LinkState,
    /// The write that made the record, if we did.
    pub made: Option<Written>,
    /// Why nothing is written to it, if so: class and message.
    pub parked: Option<(String, String)>,
    /// Whether a create was announced and is not settled.
    pub announced: bool,
}

/// One field.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Told {
    /// The golden value; none if there never was one.
    pub golden: Option<GoldenTold>,
    /// Whether an open conflict freezes the field everywhere.
    pub frozen: bool,
    /// What each record shows.
    pub shown: Vec<Shown>,
    /// Its conflicts with all contenders, newest first.
    pub conflicts: Vec<Conflict>,
    /// Golden values that replaced others, oldest first.
    pub history: Vec<History>,
}

/// A golden value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoldenTold {
    /// The value; none if it was cleared.
    pub value: Option<Value>,
    /// Its version.
    pub version: u64,
    /// Where it came from; none if a person decided.
    pub source: Option<ProviderId>,
    /// When it was changed there at the latest.
    pub at: Option<Timestamp>,
    /// The rule that let it in: `first_contact`, `fast_forward`, `undo` or a policy's name.
    pub rule: String,
    /// The run that accepted it.
    pub run: RunId,
}

/// The rule of a value that nobody contended with when the field had none.
const FIRST_CONTACT: &str = "first_contact";
/// Rules that keep a value out: they are never the cause of one.
const FILTERS: [&str; 3] = ["never_blank", "direction", "suspected_echo"];

/// What one record shows of a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The connection.
    pub provider: ProviderId,
    /// The value that was last read or written; none is blank.
    pub value: Option<Value>,
    /// Where that value came from.
    pub cause: Cause,
    /// The golden version that the record is known to hold.
    pub acknowledged: u64,
    /// The last write to the field there.
    pub write: Option<Written>,
    /// What the provider said when it refused a version, if it did.
    pub refused: Option<(u64, String)>,
    /// Writes of the field that were announced and are not settled: key, golden version, time.
    pub announced: Vec<(WriteKey, u64, Timestamp)>,
}

/// Where a shown value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was never read.
    Unknown,
    /// It was entered there.
    Read,
    /// We wrote it.
    Written,
    /// We made the record with it.
    Made,
}

/// A write.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// The run that sent it.
    pub run: RunId,
    /// When it was known to be applied.
    pub at: Timestamp,
    /// Its name.
    pub key: WriteKey,
    /// What it did.
    pub action: JournalAction,
}

impl Written {
    fn of(row: &Journal) -> Self {
        Self { run: row.run, at: row.at, key: row.key, action: row.action }
    }
}

/// Explains an entity, and what became part of it; `None` if there is none.
pub async fn explain(
    store: &dyn Store,
    entity: EntityId,
) -> Result<Option<Explanation>, EngineError> {
    let Some(entity) = store.entities(&[entity]).await?.into_iter().flatten().next() else {
        return Ok(None);
    };
    let mut told = tell(store, &entity).await?;
    // What became part of a part became part of the whole.
    let mut wholes = vec![entity.id];
    for _ in 0..MERGES_MAX {
        let mut parts = Vec::new();
        for whole in &wholes {
            parts.extend(store.absorbed(Some(*whole)).await?);
        }
        if parts.is_empty() {
            break;
        }
        wholes = parts.iter().map(|part| part.id).collect();
        for part in &parts {
            // Records that were matched when they first met left nothing behind.
            let part = tell(store, part).await?;
            if !part.fields.is_empty() {
                told.absorbed.push(part);
            }
        }
    }
    Ok(Some(told))
}

async fn tell(store: &dyn Store, entity: &Entity) -> Result<Explanation, EngineError> {
    let query = ConflictQuery { entity: Some(entity.id), ..ConflictQuery::default() };
    let rows = Rows {
        conflicts: store.conflicts(query).await?,
        history: store.history(entity.id).await?,
        journal: store
            .journal(JournalQuery { entity: Some(entity.id), ..JournalQuery::default() })
            .await?,
    };
    Ok(rows.tell(entity))
}

/// Finds the entities that a person may mean: by id, by e-mail address, or by
/// `PROVIDER:RECORD`. Who turned out to be somebody else is found as that one.
pub async fn find(
    store: &dyn Store,
    kind: ObjectKind,
    text: &str,
) -> Result<Vec<EntityId>, EngineError> {
    let mut wholes = Vec::new();
    for id in named(store, kind, text).await? {
        let whole = whole(store, id).await?;
        if !wholes.contains(&whole) {
            wholes.push(whole);
        }
    }
    Ok(wholes)
}

/// Returns the entity that another one became part of, or itself.
async fn whole(store: &dyn Store, id: EntityId) -> Result<EntityId, EngineError> {
    let mut at = id;
    for _ in 0..MERGES_MAX {
        let entity = store.entities(&[at]).await?.into_iter().flatten().next();
        match entity.and_then(|entity| entity.state.same_as()) {
            Some(into) => at = into,
            None => break,
        }
    }
    Ok(at)
}

async fn named(
    store: &dyn Store,
    kind: ObjectKind,
    text: &str,
) -> Result<Vec<EntityId>, EngineError> {
    if let Ok(id) = text.parse::<EntityId>() {
        let found = store.entities(&[id]).await?;
        return Ok(found.into_iter().flatten().map(|entity| entity.id).collect());
    }
    if text.contains('@') {
        let email = text.trim().to_lowercase();
        let key = KeyHash::of(&MatchKey::Email(email.as_str().into()));
        let ids = store.candidates(kind, &[key]).await?.into_iter().flatten().collect::<Vec<_>>();
        let mut entities: Vec<Entity> = store.entities(&ids).await?.into_iter().flatten().collect();
        if entities.is_empty() {
            // Nobody is matched with who was merged away, but people remember the address.
            let parts = store.absorbed(None).await?;
            entities.extend(parts.into_iter().filter(|entity| entity.kind == kind));
        }
        let wanted = MatchKey::Email(email.as_str().into());
        return Ok(entities
            .iter()
            .filter(|entity| crate::decide::identity::keys(entity).contains(&wanted))
            .map(|entity| entity.id)
            .collect());
    }
    let Some((provider, record)) = text.split_once(':') else { return Ok(Vec::new()) };
    let ids = [RemoteId::new(record)];
    let found = store.links(&ProviderId::new(provider), kind, &ids).await?;
    Ok(found.into_iter().flatten().map(|found| found.entity).collect())
}

struct Rows {
    conflicts: Vec<Conflict>,
    history: Vec<History>,
    journal: Vec<Journal>,
}

impl Rows {
    fn tell(&self, entity: &Entity) -> Explanation {
        let mut fields: BTreeMap<Field, Told> = BTreeMap::new();
        for (field, slot) in entity.golden.iter() {
            let from = &slot.provenance;
            fields.entry(field).or_default().golden = Some(GoldenTold {
                value: slot.value.clone(),
                version: from.version,
                source: from.source.clone(),
                at: from.at,
                rule: self.rule(field, slot),
                run: from.run,
            });
        }
        for link in &entity.links {
            for (field, slot) in link.slots.iter() {
                let shown = self.shown(link, field, slot);
                fields.entry(field).or_default().shown.push(shown);
            }
        }
        for conflict in &self.conflicts {
            fields.entry(conflict.field).or_default().conflicts.push(conflict.clone());
        }
        for row in &self.history {
            fields.entry(row.field).or_default().history.push(row.clone());
        }
        for (field, told) in &mut fields {
            told.frozen = entity.golden.frozen(*field).is_some();
        }
        Explanation {
            entity: entity.id,
            kind: entity.kind,
            label: crate::report::label(entity),
            state: entity.state.clone(),
            records: entity.links.iter().map(|link| self.tie(link)).collect(),
            fields,
            absorbed: Vec::new(),
        }
    }

    fn rule(&self, field: Field, slot: &crm_store::GoldenSlot) -> String {
        let from = &slot.provenance;
        let replaced = self.history.iter().rev();
        let mut replaced = replaced.filter(|row| row.field == field);
        if let Some(row) = replaced.find(|row| row.version == from.version) {
            return row.rule.clone();
        }
        let decided = |conflict: &&Conflict| {
            let settled = match conflict.state {
                ConflictState::Auto | ConflictState::Resolved => true,
                ConflictState::Open | ConflictState::Stale => false,
            };
            settled
                && conflict.field == field
                && conflict.run == from.run
                && conflict.chosen == slot.value
                && !FILTERS.contains(&conflict.rule.as_str())
        };
        let decided = self.conflicts.iter().find(decided);
        decided.map_or_else(|| FIRST_CONTACT.to_owned(), |conflict| conflict.rule.clone())
    }

    fn shown(&self, link: &Link, field: Field, slot: &crm_store::LinkSlot) -> Shown {
        let mut rows = self.written(link).rev();
        let last =
            rows.find(|row| row.action == JournalAction::Create || row.change(field).is_some());
        let cause = match (&slot.shadow, last) {
            (Shadow::None, _) => Cause::Unknown,
            (_, None) => Cause::Read,
            (shadow, Some(row)) => match row.change(field) {
                Some(change) if shadow.is(change.after.as_ref()) => Cause::Written,
                Some(_) => Cause::Read,
                None => self.made(row, field, shadow),
            },
        };
        let intents = link.intents.iter().flat_map(|intent| {
            let of = intent.fields.iter().filter(|(known, _, _)| *known == field);
            of.filter(|_| !intent.watched).map(|(_, _, version)| (intent.key, *version, intent.at))
        });
        Shown {
            provider: link.provider.clone(),
            value: slot.shadow.value().cloned(),
            cause,
            acknowledged: slot.ack,
            write: last.map(Written::of),
            refused: slot.refused.as_ref().map(|r| (r.version, r.message.clone())),
            announced: intents.collect(),
        }
    }

    /// Tells whether a record that we made still shows what it was made with. Its values are not
    /// kept: what came from there afterwards is in the history and among the contenders.
    fn made(&self, row: &Journal, field: Field, shadow: &Shadow) -> Cause {
        let theirs = Some(&row.provider);
        let came = self.history.iter().any(|later| {
            later.field == field
                && later.source.as_ref() == theirs
                && later.at >= row.at
                && shadow.is(later.after.as_ref())
        });
        let contended = self.conflicts.iter().any(|later| {
            later.field == field
                && later.at >= row.at
                && later.contenders.iter().any(|contender| {
                    contender.provider.as_ref() == theirs && shadow.is(contender.value.as_ref())
                })
        });
        if came || contended { Cause::Read } else { Cause::Made }
    }

    fn tie(&self, link: &Link) -> Tie {
        let mut rows = self.written(link).rev();
        let made = rows.find(|row| {
            row.action == JournalAction::Create && Some(&row.remote) == link.remote.as_ref()
        });
        Tie {
            provider: link.provider.clone(),
            remote: link.remote.clone(),
            state: link.state.clone(),
            made: made.map(Written::of),
            parked: link.parked.as_ref().map(|p| (p.class.clone(), p.message.clone())),
            announced: link.claim.is_some(),
        }
    }

    fn written<'r>(&'r self, link: &'r Link) -> impl DoubleEndedIterator<Item = &'r Journal> {
        self.journal.iter().filter(|row| row.provider == link.provider)
    }
}
