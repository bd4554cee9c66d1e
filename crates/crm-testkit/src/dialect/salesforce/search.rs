//! `/search?q=`: the smallest useful part of SOSL, over an index that may lag behind.
//!
//! `FIND {words} [IN … FIELDS] RETURNING Type(Field, …), Type`.

use std::collections::BTreeMap;

use http::StatusCode;

use super::Salesforce;
use super::answer::Answer;
use super::ask::Ask;
use super::describe::{Field, Kind};
use super::problem::Problem;
use super::render;
use super::room::Room;
use super::rows::chosen_fields;
use super::schema::Found;
use crate::world::{Row, State};

/// The most records of an answer.
const FOUND_MAX: usize = 2_000;

/// Where a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Names,
    Emails,
    Phones,
}

#[derive(Debug)]
struct Search<'a> {
    words: Vec<String>,
    scope: Scope,
    returning: Vec<(&'a Kind, Vec<&'a Field>)>,
}

impl Salesforce {
    pub(super) fn search(&self, room: &Room<'_>, ask: &Ask) -> Result<Answer, Problem> {
        let text = ask.query("q").unwrap_or_default();
        let search = self.read_search(text)?;
        let base = ask.base();
        let mut body = br#"{"searchRecords":["#.to_vec();
        let mut count = 0;
        for (kind, fields) in &search.returning {
            let Some(table) = room.world.table(kind.name) else {
                continue;
            };
            let lagging: BTreeMap<u64, Option<&Row>> = table
                .lagging(room.world.now_ms())
                .map(|(record, known)| (record.key(), known.map(|known| known.0)))
                .collect();
            for record in table.all().filter(|record| record.state() == State::Live) {
                let known = match lagging.get(&record.key()) {
                    Some(known) => *known,
                    None => Some(record.row()),
                };
                if count < FOUND_MAX && known.is_some_and(|row| search.fits(kind, row)) {
                    if count > 0 {
                        body.push(b',');
                    }
                    count += 1;
                    let found = Found { kind, record };
                    render::flat(&self.users, &base, found, fields, &mut body);
                }
            }
        }
        body.extend_from_slice(b"]}");
        Ok(Answer::raw(StatusCode::OK, body))
    }

    fn read_search(&self, text: &str) -> Result<Search<'_>, Problem> {
        let refused =
            |token: &str| Problem::new("MALFORMED_SEARCH", format!("unexpected token: '{token}'"));
        let text = text.trim();
        let head = text.get(..4).filter(|head| head.eq_ignore_ascii_case("FIND"));
        let rest = head.and_then(|_| text.get(4..)).unwrap_or_default().trim_start();
        let (words, rest) = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .ok_or_else(|| refused(text.split(' ').next().unwrap_or_default()))?;
        let words = words.replace('\\', "").to_lowercase();
        let words: Vec<String> = words
            .split(|symbol: char| symbol.is_whitespace() || symbol == '"')
            .map(|word| word.trim_matches('*').to_owned())
            .filter(|word| !word.is_empty())
            .collect();
        if words.iter().all(|word| word.chars().count() < 2) {
            let message = "search term must be longer than one character";
            return Err(Problem::new("MALFORMED_SEARCH", message));
        }
        let upper = rest.to_ascii_uppercase();
        let scope = match upper.split_once(" FIELDS").map(|(scope, _)| scope.trim()) {
            None | Some("IN ALL") => Scope::All,
            Some("IN NAME") => Scope::Names,
            Some("IN EMAIL") => Scope::Emails,
            Some("IN PHONE") => Scope::Phones,
            Some(other) => return Err(refused(other)),
        };
        let at = upper.find("RETURNING").map(|at| at + "RETURNING".len());
        let listed = at.and_then(|at| rest.get(at..)).unwrap_or_default();
        let mut returning = Vec::new();
        for entry in entries(listed) {
            let (name, fields) = entry.split_once('(').unwrap_or((entry, "Id"));
            let name = name.trim();
            let kind = self.catalog.kind(name).ok_or_else(|| {
                let message = format!("sObject type '{name}' is not supported.");
                Problem::new("INVALID_TYPE", message)
            })?;
            let names: Vec<&str> = fields.trim_end_matches(')').split(',').collect();
            returning.push((kind, chosen_fields(kind, Some(&names))?));
        }
        if returning.is_empty() {
            let kinds = self.catalog.kinds.iter().filter(|kind| kind.has('s'));
            for kind in kinds {
                returning.push((kind, chosen_fields(kind, Some(&["Id"]))?));
            }
        }
        Ok(Search { words, scope, returning })
    }
}

/// Splits `Type(A, B), Type` at the commas outside of parentheses.
fn entries(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|symbol: char| {
        match symbol {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        symbol == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

impl Search<'_> {
    fn fits(&self, kind: &Kind, row: &Row) -> bool {
        let values = kind.fields.iter().filter(|field| match self.scope {
            Scope::All => field.kind.soap() == "xsd:string",
            Scope::Names => field.name.ends_with("Name"),
            Scope::Emails => field.kind.name() == "email",
            Scope::Phones => field.kind.name() == "phone",
        });
        let values = values.filter_map(|field| row.get(field.column));
        let text = values.collect::<Vec<_>>().join("\n").to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}
