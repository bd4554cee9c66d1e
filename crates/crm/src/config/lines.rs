//! On which line a key of a TOML file stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::canonical;

/// The lines of all keys, by canonical path.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<(String, usize)>);

impl Lines {
    /// Finds the keys of a text; of a text that is no TOML, none.
    pub(super) fn read(text: &str) -> Self {
        let mut lines = Self::default();
        if let Ok(table) = DeTable::parse(text) {
            lines.add(text, "", table.get_ref());
        }
        lines.0.sort_by_key(|(_, line)| *line);
        lines
    }

    fn add(&mut self, text: &str, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = canonical(key.get_ref());
            let path = if path.is_empty() { name } else { format!("{path}.{name}") };
            let before = text.get(..key.span().start).unwrap_or_default();
            self.0.push((path.clone(), before.matches('\n').count() + 1));
            if let DeValue::Table(inner) = Spanned::get_ref(value) {
                self.add(text, &path, inner);
            }
        }
    }

    /// Returns the line of a key: the one in the section if it is there, else the first.
    pub(super) fn of(&self, section: &str, key: &str) -> Option<usize> {
        let (within, key) = (within(section), canonical_path(key));
        let whole = format!("{within}{key}");
        let fits = |path: &str| path == key || path.ends_with(&format!(".{key}"));
        let exact = self.0.iter().find(|(path, _)| *path == whole);
        let inside = || self.0.iter().find(|(path, _)| path.starts_with(&within) && fits(path));
        let anywhere =
            || self.0.iter().filter(|(path, _)| fits(path)).min_by_key(|row| row.0.len());
        exact.or_else(inside).or_else(anywhere).map(|(_, line)| *line)
    }

    /// Returns the last line where a section has one of these keys, in any spelling.
    pub(super) fn last_of(&self, section: &str, keys: &[&str]) -> Option<usize> {
        let within = within(section);
        let wholes: Vec<String> =
            keys.iter().map(|key| format!("{within}{}", canonical_path(key))).collect();
        let found = self.0.iter().rev().find(|(path, _)| wholes.contains(path));
        found.map(|(_, line)| *line)
    }
}

/// Returns what the paths of all keys in a section begin with.
fn within(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!("{}.", canonical_path(section)) }
}

fn canonical_path(path: &str) -> String {
    path.split('.').map(canonical).collect::<Vec<_>>().join(".")
}
