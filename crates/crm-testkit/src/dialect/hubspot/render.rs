//! Records as JSON text, kept until the record changes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use super::kind::Kind;
use super::time::iso;
use super::view::{APP_ID, USER_ID, View};
use super::{HubSpot, name_set};
use crate::world::{Columns, Record, Source, State, Table};

/// The properties that an answer shows of each record.
#[derive(Debug)]
pub(super) struct Wanted {
    /// In the order of names.
    names: Vec<String>,
    /// With all earlier values.
    history: Vec<String>,
    /// The names as one text, for finding kept renderings.
    key: String,
}

impl HubSpot {
    /// Returns what to show: the properties asked for as far as they are defined, or the defaults,
    /// and always id and times.
    pub(super) fn wanted<S: AsRef<str>>(&self, kind: &Kind, asked: &[S], history: &[S]) -> Wanted {
        let mut names = name_set(asked);
        names.extend(name_set(history));
        names.retain(|name| self.property(kind, name).is_some());
        if asked.is_empty() && history.is_empty() {
            names.extend(name_set(kind.defaults));
        }
        names.extend(name_set(&[kind.created, kind.modified, "hs_object_id"]));
        let mut history = name_set(history);
        history.retain(|name| self.property(kind, name).is_some());
        let names: Vec<String> = names.into_iter().collect();
        let key = names.join(",");
        Wanted { names, history: history.into_iter().collect(), key }
    }

    /// Returns a record as JSON.
    pub(super) fn render(
        &self,
        table: &mut Table,
        kind: &Kind,
        key: u64,
        wanted: &Wanted,
    ) -> Option<Bytes> {
        let draw = self.drawing(kind, wanted);
        if wanted.history.is_empty() {
            let shape = table.shape(&wanted.key);
            return table.render(key, shape, draw);
        }
        Some(Bytes::from(draw(table.get(key)?, table.columns())))
    }

    /// Returns a page of live records as JSON, with their numbers.
    pub(super) fn render_live(
        &self,
        table: &mut Table,
        kind: &Kind,
        after: u64,
        count: usize,
        wanted: &Wanted,
    ) -> Vec<(u64, Bytes)> {
        let draw = self.drawing(kind, wanted);
        if wanted.history.is_empty() {
            let shape = table.shape(&wanted.key);
            return table.render_live(after, count, shape, draw);
        }
        let live = table.live_after(after).take(count);
        live.map(|record| (record.key(), Bytes::from(draw(record, table.columns())))).collect()
    }

    fn drawing(&self, kind: &Kind, wanted: &Wanted) -> impl Fn(&Record, &Columns) -> Vec<u8> {
        let portal = self.options.portal_id;
        move |record, columns| {
            let view = View::of(record);
            let history = history(record, columns, &view, kind, &wanted.history);
            let properties = properties(kind, columns, &view, &wanted.names);
            frame(kind, portal, &view, record.state(), &properties, history.as_deref())
        }
    }

    /// Returns a record as a lagging search index knows it.
    pub(super) fn render_known(
        &self,
        columns: &Columns,
        kind: &Kind,
        view: &View<'_>,
        wanted: &Wanted,
    ) -> Bytes {
        let properties = properties(kind, columns, view, &wanted.names);
        Bytes::from(frame(kind, self.options.portal_id, view, State::Live, &properties, None))
    }

    /// Returns a record with the given properties, as writes echo it.
    pub(super) fn render_echo(
        &self,
        kind: &Kind,
        record: &Record,
        shown: &BTreeMap<&str, Cow<'_, str>>,
    ) -> Bytes {
        let mut out = Vec::with_capacity(512);
        let mut separator = b'{';
        for (name, value) in shown {
            entry(&mut out, separator, name, Some(value));
            separator = b',';
        }
        if shown.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        let view = View::of(record);
        Bytes::from(frame(kind, self.options.portal_id, &view, record.state(), &out, None))
    }
}

/// Returns the results and whatever follows them as one JSON object.
pub(super) fn results(before: &str, rows: &[Bytes], after: &str) -> Vec<u8> {
    let size: usize = rows.iter().map(|row| row.len() + 1).sum();
    let mut out = Vec::with_capacity(size + before.len() + after.len() + 16);
    out.push(b'{');
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(b"\"results\":[");
    for (place, row) in rows.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(row);
    }
    out.push(b']');
    out.extend_from_slice(after.as_bytes());
    out.push(b'}');
    out
}

/// Returns a rendered record with its associations, if it has any that were asked for.
pub(super) fn with_ties(row: &Bytes, ties: Option<&str>) -> Bytes {
    let Some(ties) = ties else {
        return row.clone();
    };
    let body = row.strip_suffix(b"}").unwrap_or(row);
    let mut out = Vec::with_capacity(body.len() + ties.len() + 20);
    out.extend_from_slice(body);
    out.extend_from_slice(b",\"associations\":");
    out.extend_from_slice(ties.as_bytes());
    out.push(b'}');
    Bytes::from(out)
}

fn properties(kind: &Kind, columns: &Columns, view: &View<'_>, names: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 * names.len());
    let mut separator = b'{';
    for name in names {
        entry(&mut out, separator, name, view.value(kind, columns, name).as_deref());
        separator = b',';
    }
    out.push(b'}');
    out
}

fn entry(out: &mut Vec<u8>, separator: u8, name: &str, value: Option<&str>) {
    out.push(separator);
    text(out, name);
    out.push(b':');
    match value {
        Some(value) => text(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Writing a text to memory does not fail.
        out.truncate(start);
    }
}

fn frame(
    kind: &Kind,
    portal: u64,
    view: &View<'_>,
    state: State,
    properties: &[u8],
    history: Option<&str>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(properties.len() + 256);
    out.extend_from_slice(format!("{{\"id\":\"{}\",\"properties\":", view.key).as_bytes());
    out.extend_from_slice(properties);
    if let Some(history) = history {
        out.extend_from_slice(b",\"propertiesWithHistory\":");
        out.extend_from_slice(history.as_bytes());
    }
    let (created, modified) = (iso(view.created_ms), iso(view.modified_ms));
    let url = kind.url(portal, view.key);
    let archived = match state {
        State::Archived { at_ms } => format!("true,\"archivedAt\":\"{}\"", iso(at_ms)),
        State::Live | State::Merged { .. } => "false".to_owned(),
    };
    let tail = format!(
        ",\"createdAt\":\"{created}\",\"updatedAt\":\"{modified}\",\
         \"archived\":{archived},\"url\":\"{url}\"}}"
    );
    out.extend_from_slice(tail.as_bytes());
    out
}

fn history(
    record: &Record,
    columns: &Columns,
    view: &View<'_>,
    kind: &Kind,
    names: &[String],
) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let mut all = serde_json::Map::new();
    for name in names {
        let now = view.value(kind, columns, name).map(Cow::into_owned);
        let column = columns.get(name);
        let changes = record.history().iter().rev().filter(|past| Some(past.column) == column);
        let mut rows = Vec::new();
        let mut value = now;
        for past in changes {
            rows.push(version(value.as_deref(), past.at_ms, past.source));
            value = past.before.as_deref().map(str::to_owned);
        }
        if value.is_some() {
            rows.push(version(value.as_deref(), record.created_ms(), record.created_by()));
        }
        all.insert(name.clone(), json!(rows));
    }
    Some(serde_json::Value::Object(all).to_string())
}

fn version(value: Option<&str>, at_ms: i64, source: Source) -> serde_json::Value {
    let (kind, id) = match source {
        Source::Integration => ("INTEGRATION", APP_ID),
        Source::User => ("CRM_UI", USER_ID),
    };
    json!({
        "value": value.unwrap_or_default(),
        "timestamp": iso(at_ms),
        "sourceType": kind,
        "sourceId": id,
    })
}
