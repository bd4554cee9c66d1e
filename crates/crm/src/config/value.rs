//! Reading typed values out of a TOML table, collecting every problem.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "TOML's types are foreign: all others are wrong"
)]

use toml::{Table, Value};

use super::Problem;
use super::env::Env;
use super::keys::{advice, canonical};
use super::lines::Lines;

/// Reads one file.
pub(super) struct Reader<'a> {
    /// The file's name, for messages.
    pub(super) name: String,
    pub(super) lines: Lines,
    /// The table at hand, for finding lines.
    pub(super) section: String,
    pub(super) env: &'a Env,
    /// With the lines that they are about.
    pub(super) problems: Vec<(Option<usize>, Problem)>,
    /// What is accepted and does nothing yet.
    pub(super) notes: Vec<String>,
}

impl Reader<'_> {
    /// Adds a problem about a key.
    pub(super) fn refuse(
        &mut self,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.refuse_at(self.lines.of(&self.section, key), Problem::new(message, hint));
    }

    /// Adds a problem about keys of the section at hand of which only one may be there.
    pub(super) fn refuse_again(&mut self, keys: [&str; 2], message: impl Into<String>) {
        let line = self.lines.last_of(&self.section, &keys);
        self.refuse_at(line, Problem::new(message, "keep one of them"));
    }

    fn refuse_at(&mut self, line: Option<usize>, problem: Problem) {
        let place = match line {
            Some(line) => format!("{}:{line}", self.name),
            None => self.name.clone(),
        };
        self.problems.push((line, Problem { place: Some(place), ..problem }));
    }

    /// Adds a note for people.
    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Brings the keys of a table to their one spelling, and refuses unknown ones.
    pub(super) fn known(&mut self, section: &str, table: Table, known: &[&str]) -> Table {
        section.clone_into(&mut self.section);
        let mut checked = Table::new();
        for (key, value) in table {
            let name = canonical(&key);
            if checked.contains_key(&name) {
                let message = format!("`{name}` is there twice{}", inside(section));
                self.refuse_again([&key, &name], message);
            } else if known.contains(&name.as_str()) {
                checked.insert(name, value);
            } else {
                let whole = format!("unknown key `{key}`{}", inside(section));
                self.refuse(&key, whole, advice(&name, known));
            }
        }
        checked
    }

    /// Takes a table.
    pub(super) fn table(&mut self, table: &mut Table, key: &str) -> Option<Table> {
        match table.remove(key)? {
            Value::Table(inner) => Some(inner),
            other => self.wrong(key, "a table", &other),
        }
    }

    /// Takes text, with `${NAME}` replaced.
    pub(super) fn text(&mut self, table: &mut Table, key: &str) -> Option<String> {
        match table.remove(key)? {
            Value::String(text) => self.expand(key, &text),
            other => self.wrong(key, "text", &other),
        }
    }

    /// Takes a whole number from a range.
    pub(super) fn number(
        &mut self,
        table: &mut Table,
        key: &str,
        from: i64,
        to: i64,
    ) -> Option<u64> {
        match table.remove(key)? {
            Value::Integer(number) if (from..=to).contains(&number) => u64::try_from(number).ok(),
            other => {
                let is = match &other {
                    Value::Integer(number) => number.to_string(),
                    other => type_of(other).to_owned(),
                };
                let message = format!("`{key}` must be a whole number from {from} to {to}");
                self.refuse(key, format!("{message}, and is {is}"), correct(key));
                None
            }
        }
    }

    /// Takes yes or no.
    pub(super) fn flag(&mut self, table: &mut Table, key: &str) -> Option<bool> {
        match table.remove(key)? {
            Value::Boolean(yes) => Some(yes),
            other => self.wrong(key, "true or false", &other),
        }
    }

    /// Takes a list of texts.
    pub(super) fn list(&mut self, table: &mut Table, key: &str) -> Option<Vec<String>> {
        let Value::Array(items) = table.remove(key)? else {
            self.refuse(key, format!("`{key}` is not a list"), format!("write {key} = [\"…\"]"));
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::String(text) => texts.extend(self.expand(key, &text)),
                other => {
                    let none: Option<String> = self.wrong(key, "a list of texts", &other);
                    return none.map(|text| vec![text]);
                }
            }
        }
        Some(texts)
    }

    /// Returns what a word stands for.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &str,
        text: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let snake = canonical(text);
        let found = known.iter().find(|(word, _)| *word == text || canonical(word) == snake);
        if found.is_none() {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            let message = format!("`{key}` cannot be `{text}`");
            self.refuse(key, message, advice(text, &words));
        }
        found.map(|(_, value)| *value)
    }

    fn wrong<T>(&mut self, key: &str, wanted: &str, found: &Value) -> Option<T> {
        // Never the value itself: it may be a secret.
        let message = format!("`{key}` must be {wanted}, and is {}", type_of(found));
        self.refuse(key, message, correct(key));
        None
    }

    /// Replaces `${NAME}`. A variable that is not set is a problem that names it.
    pub(super) fn expand(&mut self, key: &str, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = reference.split_once('}') else {
                self.refuse(key, format!("`{key}` has `${{` without `}}`"), "close the reference");
                return None;
            };
            let Some(value) = self.env.get(name) else {
                let message = format!("`{key}` refers to {name}, which is not set");
                self.refuse(key, message, format!("export {name}, or name it in --env-file"));
                return None;
            };
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

fn correct(key: &str) -> String {
    format!("correct the value of `{key}`")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date or time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn inside(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!(" in [{section}]") }
}
