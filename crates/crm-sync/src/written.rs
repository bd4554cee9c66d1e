//! Plans in files: what was planned, one JSON object a line, so that a plan of any size is written
//! and read as a stream.
//!
//! The first line says what the plan is about, each further one is one planned write, the last
//! one counts them and carries the fingerprint of all lines before. The same state gives the same
//! file. It holds values of records: whoever makes one keeps it from others' eyes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use crm_core::{EntityId, Field, ObjectKind, ProviderId, RemoteId, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fault::PlanFault;
use crate::report::PlanFile;

/// The form of the file; one with another number is not read.
const VERSION: u32 = 1;
/// How the last line begins.
const TAIL: &str = "{\"items\":";
/// The longest line: a record has no more text than this.
const LINE_MAX: u64 = 16 * 1024 * 1024;

/// Where a written plan is read from; it is read more than once.
pub trait PlanSource: Sync {
    /// Begins to read.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self) -> io::Result<Box<dyn BufRead + Send + '_>>;
}

impl PlanSource for PathBuf {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send + '_>> {
        Ok(Box::new(BufReader::new(File::open(self)?)))
    }
}

impl PlanSource for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// What a written plan is about: the first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanHead {
    /// The form of the file.
    pub crm_plan: u32,
    /// `planned` before the first sync of a kind, `live` afterwards.
    pub state: String,
    /// The account of each connection.
    pub accounts: BTreeMap<ProviderId, String>,
    /// The kinds whose first sync it is.
    pub first: Vec<ObjectKind>,
    /// The fingerprint of the rules that it was made by.
    pub rules: String,
}

impl PlanHead {
    pub(crate) const fn new(
        state: String,
        accounts: BTreeMap<ProviderId, String>,
        first: Vec<ObjectKind>,
        rules: String,
    ) -> Self {
        Self { crm_plan: VERSION, state, accounts, first, rules }
    }
}

/// One planned write: a line of its own. Values are as the ledger stores them; what a record
/// refers to is named by entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanItem {
    /// The kind.
    pub kind: ObjectKind,
    /// The entity whose record is written.
    pub entity: EntityId,
    /// The connection that is written.
    pub connection: ProviderId,
    /// What is done.
    pub action: PlanAction,
    /// The record, where there is one already.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<RemoteId>,
    /// The fields and their new values; none clears a field.
    pub fields: BTreeMap<Field, Option<Value>>,
    /// What the records of the entity showed, by connection.
    pub base: BTreeMap<ProviderId, Base>,
}

/// What a planned write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// Makes a record.
    Create,
    /// Changes fields of a record.
    Update,
    /// Puts a record into the recycle bin.
    Archive,
    /// Deletes a record for good.
    Delete,
}

impl PlanAction {
    /// Returns the name as the file has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Archive => "archive",
            Self::Delete => "delete",
        }
    }
}

/// What a record showed when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<RemoteId>,
    /// The fingerprint of its mapped values; `gone`, `merged` or `absent` if it showed none.
    pub hash: String,
    /// Mapped fields that were not read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unread: Vec<Field>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlanTail {
    /// How many planned writes there are.
    items: u64,
    /// How many entities they concern.
    records: u64,
    /// The fingerprint of all lines before.
    hash: String,
}

/// A planned entity with its writes.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub kind: ObjectKind,
    pub entity: EntityId,
    pub items: Vec<PlanItem>,
}

/// Each line changes the fingerprint of those before.
fn chained(hash: Uuid, line: &str) -> Uuid {
    Uuid::new_v5(&hash, line.trim_end().as_bytes())
}

/// Writes a plan, line by line.
pub(crate) struct Sheet<'w> {
    out: &'w mut (dyn Write + Send + Sync),
    hash: Uuid,
    items: u64,
    records: u64,
    last: Option<EntityId>,
}

impl<'w> Sheet<'w> {
    pub(crate) fn new(out: &'w mut (dyn Write + Send + Sync)) -> Self {
        Self { out, hash: Uuid::nil(), items: 0, records: 0, last: None }
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), PlanFault> {
        let line = serde_json::to_string(value).map_err(io::Error::from)?;
        self.hash = chained(self.hash, &line);
        self.out.write_all(line.as_bytes())?;
        Ok(self.out.write_all(b"\n")?)
    }

    pub(crate) fn head(&mut self, head: &PlanHead) -> Result<(), PlanFault> {
        self.line(head)
    }

    /// Adds a write. Those of one entity follow each other.
    pub(crate) fn item(&mut self, item: &PlanItem) -> Result<(), PlanFault> {
        self.line(item)?;
        self.items += 1;
        self.records += u64::from(self.last != Some(item.entity));
        self.last = Some(item.entity);
        Ok(())
    }

    /// Adds the last line and returns the fingerprint.
    pub(crate) fn end(&mut self) -> Result<PlanFile, PlanFault> {
        let hash = self.hash.simple().to_string();
        let tail = PlanTail { items: self.items, records: self.records, hash: hash.clone() };
        let line = serde_json::to_string(&tail).map_err(io::Error::from)?;
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(PlanFile { hash, items: self.items, records: self.records })
    }
}

/// Reads a plan, entity by entity.
pub(crate) struct Reading<'r> {
    input: Box<dyn BufRead + Send + 'r>,
    number: u64,
    hash: Uuid,
    items: u64,
    records: u64,
    next: Option<PlanItem>,
    tail: Option<PlanTail>,
    pub(crate) head: PlanHead,
}

impl<'r> Reading<'r> {
    pub(crate) fn begin(source: &'r dyn PlanSource) -> Result<Self, PlanFault> {
        let mut input = source.open()?;
        let (line, _) = line_of(&mut *input, 1)?;
        let told: serde_json::Value =
            serde_json::from_str(&line).map_err(|_no_json| PlanFault::NoPlan)?;
        match told.get("crm_plan").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(PlanFault::OtherForm(version)),
            None => return Err(PlanFault::NoPlan),
        }
        let head = parsed(&line, 1)?;
        let hash = chained(Uuid::nil(), &line);
        let mut reading =
            Self { input, number: 1, hash, items: 0, records: 0, next: None, tail: None, head };
        reading.step()?;
        Ok(reading)
    }

    /// Reads one line ahead.
    fn step(&mut self) -> Result<(), PlanFault> {
        self.number += 1;
        let (line, whole) = line_of(&mut *self.input, self.number)?;
        self.next = None;
        if line.starts_with(TAIL) {
            let tail: PlanTail = parsed(&line, self.number)?;
            let same = tail.hash == self.hash.simple().to_string() && tail.items == self.items;
            let ends = self.input.fill_buf()?.is_empty();
            if !same || !ends {
                let why = "the file was changed after it was written".to_owned();
                return Err(PlanFault::Damaged { line: self.number, why });
            }
            self.tail = Some(tail);
        } else if line.is_empty() || !whole {
            let why = "the end is missing".to_owned();
            return Err(PlanFault::Damaged { line: self.number, why });
        } else {
            self.hash = chained(self.hash, &line);
            self.items += 1;
            self.next = Some(parsed(&line, self.number)?);
        }
        Ok(())
    }

    /// Returns the next entity.
    pub(crate) fn record(&mut self) -> Result<Option<Planned>, PlanFault> {
        let Some(first) = self.next.take() else { return Ok(None) };
        let (kind, entity) = (first.kind, first.entity);
        let mut items = vec![first];
        self.step()?;
        while let Some(next) = self.next.take_if(|next| next.entity == entity) {
            items.push(next);
            self.step()?;
        }
        self.records += 1;
        Ok(Some(Planned { kind, entity, items }))
    }

    /// Returns the next entities of one kind.
    pub(crate) fn chunk(&mut self, most: usize) -> Result<Vec<Planned>, PlanFault> {
        let mut chunk: Vec<Planned> = Vec::new();
        while chunk.len() < most {
            let kind = chunk.first().map(|first| first.kind);
            if kind.is_some() && self.next.as_ref().map(|next| next.kind) != kind {
                break;
            }
            match self.record()? {
                Some(record) => chunk.push(record),
                None => break,
            }
        }
        Ok(chunk)
    }
}

/// What a written plan is, once all of it was read.
#[derive(Debug)]
pub(crate) struct Whole {
    pub head: PlanHead,
    pub hash: String,
    pub items: u64,
    pub records: u64,
}

/// Reads a plan to its end.
pub(crate) fn verified(source: &dyn PlanSource) -> Result<Whole, PlanFault> {
    let mut reading = Reading::begin(source)?;
    while reading.record()?.is_some() {}
    let Reading { head, tail, number: line, records, .. } = reading;
    let Some(tail) = tail.filter(|tail| tail.records == records) else {
        return Err(PlanFault::Damaged { line, why: "the end is missing".to_owned() });
    };
    Ok(Whole { head, hash: tail.hash, items: tail.items, records })
}

/// Returns a line, and whether it ends as lines do.
fn line_of(input: &mut dyn BufRead, number: u64) -> Result<(String, bool), PlanFault> {
    let mut line = Vec::new();
    input.take(LINE_MAX).read_until(b'\n', &mut line)?;
    let whole = line.pop_if(|last| *last == b'\n').is_some();
    let text = String::from_utf8(line);
    let text = text.map_err(|_no_text| match number {
        1 => PlanFault::NoPlan,
        line => PlanFault::Damaged { line, why: "it is no text".to_owned() },
    })?;
    Ok((text, whole))
}

fn parsed<T: DeserializeOwned>(line: &str, number: u64) -> Result<T, PlanFault> {
    let told = serde_json::from_str(line);
    told.map_err(|error| PlanFault::Damaged { line: number, why: error.to_string() })
}
