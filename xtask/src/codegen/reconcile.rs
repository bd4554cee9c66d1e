//! The tables of merges (`fixtures/sync/*.toml`) as a person reads them, between two markers of
//! `docs/sync.md`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use super::docs::{row, rule};
use super::input::Input;
use crate::failure::{Failure, Outcome};

/// The page with the markers.
pub(super) const PAGE: &str = "docs/sync.md";
/// The folder of the tables.
pub(super) const FOLDER: &str = "fixtures/sync/";

const BEGIN: &str = "<!-- cargo xtask codegen: the tables of fixtures/sync -->\n";
const END: &str = "<!-- the end of the tables -->\n";

/// One table.
#[derive(Debug, Deserialize)]
struct Table {
    about: String,
    case: Vec<Case>,
}

/// One row, as far as it is printed; the tests that run it know the rest.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    #[serde(rename = "type")]
    ty: Option<String>,
    policy: Option<String>,
    direction: Option<String>,
    field_direction: Option<String>,
    #[serde(default)]
    allow_clear: bool,
    frozen: Option<String>,
    golden: Option<Golden>,
    sides: Vec<Side>,
    expect: Expect,
    why: String,
}

#[derive(Debug, Deserialize)]
struct Golden {
    value: Value,
    version: u64,
    #[serde(default)]
    turns: Vec<(Value, i64)>,
}

#[derive(Debug, Deserialize)]
struct Side {
    shadow: Option<Value>,
    #[serde(default)]
    ack: u64,
    shows: Option<Value>,
    at: Option<i64>,
    known: Option<i64>,
    #[serde(default)]
    intents: Vec<(Value, u64)>,
    author: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Expect {
    golden: Option<Value>,
    writes: BTreeMap<String, Value>,
    conflict: Option<String>,
    #[serde(default)]
    frozen: bool,
}

/// Returns the page with the tables between its markers.
pub(super) fn write(page: Input<'_>, tables: &[Input<'_>]) -> Outcome<String> {
    let parts = page.text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        let hint = format!("put these two lines back: {} {}", BEGIN.trim(), END.trim());
        return Err(Failure::new(format!("{} has lost its markers", page.path), hint));
    };
    let mut text = String::new();
    for input in tables {
        let table: Table = input.parse()?;
        let name = input.path.strip_prefix(FOLDER).unwrap_or(input.path);
        let head = format!("\n### {}\n\n{}\n\n", title(name), table.about);
        text.push_str(&head);
        text.push_str(&row("row", HEAD.iter().map(|name| (*name).to_owned())));
        text.push_str(&rule(HEAD.len() + 1));
        for case in &table.case {
            text.push_str(&row(&case.name, case.cells().into_iter()));
        }
    }
    Ok(format!("{before}{BEGIN}{text}\n{END}{after}"))
}

const HEAD: [&str; 6] = ["field", "golden", "ours", "theirs", "expected", "why"];

/// Returns `one-field.toml` as `One field`.
fn title(file: &str) -> String {
    let words = file.trim_end_matches(".toml").replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Case {
    fn cells(&self) -> Vec<String> {
        let mut sides = self.sides.iter().map(Side::cell);
        let ours = sides.next().unwrap_or_default();
        let theirs: Vec<String> = sides.collect();
        let golden = self.golden.as_ref().map_or_else(|| "never had one".to_owned(), Golden::cell);
        vec![self.field(), golden, ours, theirs.join("; "), self.expected(), self.why.clone()]
    }

    fn field(&self) -> String {
        let mut words: Vec<String> = self.ty.iter().cloned().collect();
        words.extend(self.policy.as_ref().map(|policy| format!("`{policy}`")));
        words.extend(self.direction.as_ref().map(|word| format!("kind {word}")));
        words.extend(self.field_direction.as_ref().map(|word| format!("field {word}")));
        words.extend(self.allow_clear.then(|| "`allow_clear`".to_owned()));
        words.extend(self.frozen.as_ref().map(|rule| format!("frozen by {rule}")));
        words.join(", ")
    }

    fn expected(&self) -> String {
        let golden = self.expect.golden.as_ref().map_or_else(|| "no value".to_owned(), shown);
        let mut words = vec![golden];
        let writes = self.expect.writes.keys().map(|side| match side.as_str() {
            "0" => "ours".to_owned(),
            "1" if self.sides.len() == 2 => "theirs".to_owned(),
            number => format!("side {number}"),
        });
        let writes: Vec<String> = writes.collect();
        if !writes.is_empty() {
            words.push(format!("written to {}", writes.join(" and ")));
        }
        if self.expect.frozen {
            words.push("frozen".to_owned());
        }
        words.extend(self.expect.conflict.as_ref().map(|rule| format!("logged as `{rule}`")));
        words.join(", ")
    }
}

impl Golden {
    fn cell(&self) -> String {
        let golden = format!("{} (version {})", shown(&self.value), self.version);
        if self.turns.is_empty() {
            return golden;
        }
        let turns = self.turns.iter().map(|(value, at)| format!("{} at {at}", shown(value)));
        format!("{golden}, after {}", turns.collect::<Vec<_>>().join(", "))
    }
}

impl Side {
    fn cell(&self) -> String {
        let base = match (&self.shadow, self.ack) {
            (None, _) => "no base".to_owned(),
            (Some(shadow), ack) => format!("{} (has seen {ack})", shown(shadow)),
        };
        let now = self.shows.as_ref().map_or_else(|| "not read".to_owned(), shown);
        let mut parts = vec![format!("{base} → {now}")];
        parts.extend(self.at.map(|at| format!(" at {at}")));
        parts.extend(self.known.map(|known| format!(", as it was at {known}")));
        parts.extend(
            self.intents.iter().map(|(value, version)| {
                format!(", open write {} (version {version})", shown(value))
            }),
        );
        parts.extend(self.author.as_ref().map(|author| format!(", by {author}")));
        parts.concat()
    }
}

/// Returns a value as it is printed.
#[expect(clippy::wildcard_enum_match_arm, reason = "TOML's types are foreign")]
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "blank".to_owned(),
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Array(members) => {
            format!("{{{}}}", members.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
about = "About."
[[case]]
name = "both changed"
type = "set"
policy = "manual"
golden = { value = ["x"], version = 2, turns = [["y", 5]] }
sides = [{ shadow = ["x"], ack = 2, shows = "", at = 9 }, { shows = ["a", "b"] }]
expect = { golden = ["x"], writes = { 1 = ["x"] }, conflict = "manual", frozen = true }
why = "because"
"#;

    #[test]
    fn a_row_is_printed_between_the_markers() {
        let text = format!("before\n{BEGIN}STALE\n{END}after\n");
        let page = Input { path: PAGE, text: &text };
        let table = Input { path: "fixtures/sync/two-sides.toml", text: TABLE };
        let written = write(page, &[table]).unwrap();
        assert!(written.starts_with("before\n") && written.ends_with("after\n"), "{written}");
        assert!(written.contains("### Two sides\n\nAbout.\n"), "{written}");
        let row = "| both changed | set, `manual` | {x} (version 2), after y at 5 \
                   | {x} (has seen 2) → blank at 9 | no base → {a, b} \
                   | {x}, written to theirs, frozen, logged as `manual` | because |";
        assert!(written.contains(row), "{written}");
        assert!(!written.contains("STALE"), "{written}");
        let again = Input { path: PAGE, text: &written };
        assert_eq!(write(again, &[table]).unwrap(), written);
    }

    #[test]
    fn a_page_without_markers_is_refused() {
        let page = Input { path: PAGE, text: "nothing\n" };
        assert!(write(page, &[]).unwrap_err().error.contains("markers"));
    }
}
