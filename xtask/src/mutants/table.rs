//! The table of mutants: as the hunt tells it, as a terminal shows it, and as a page keeps it.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// The page that keeps the table.
pub(super) const PAGE: &str = "docs/testing.md";
const BEGIN: &str = "<!-- cargo xtask mutants --write: the table of mutants -->\n";
const END: &str = "<!-- the end of the table of mutants -->\n";
const HEAD: &str = "| mutant | what is broken | first seed | seeds | noticed by |\n";

/// The bit of a seed that lets more kinds than people take part.
const MORE_KINDS: u64 = 1 << 41;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    name: String,
    breaks: String,
    /// The seed that showed it; none if a test did, or nobody.
    seed: Option<u64>,
    /// How many seeds it took.
    count: String,
    /// Who complained; none if nobody did.
    by: Option<String>,
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// Seeds that fail without a mutant: they prove nothing.
    sick: Option<String>,
}

impl Table {
    /// Takes a line of a hunt in; others are nothing to it.
    pub(super) fn add(&mut self, line: &str) {
        let begin = ["killed\t", "survived\t", "baseline\t"].iter().find_map(|w| line.find(w));
        let words: Vec<&str> =
            line.get(begin.unwrap_or(line.len())..).unwrap_or("").split('\t').collect();
        let [what, name, count, seed, by, breaks] = words[..] else { return };
        if what == "baseline" {
            self.sick = Some(format!("{count} seeds were tried without one; failed: {seed}"));
            return;
        }
        self.rows.push(Row {
            name: name.to_owned(),
            breaks: breaks.to_owned(),
            seed: seed.parse().ok(),
            count: if seed == "-" && what == "killed" { String::new() } else { count.to_owned() },
            by: (what == "killed").then(|| by.to_owned()),
        });
    }

    /// Reads the table of a page.
    pub(super) fn parse(page: &str) -> Self {
        let begin = page.find(HEAD).map_or(page.len(), |at| at + HEAD.len());
        let lines = page.get(begin..).unwrap_or("").lines().skip(1);
        let rows = lines.map_while(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, breaks, seed, count, by] = cells[..] else { return None };
            Some(Row {
                name: name.trim_matches('`').to_owned(),
                breaks: breaks.to_owned(),
                seed: read_seed(seed),
                count: count.to_owned(),
                by: (by != "nobody").then(|| by.trim_matches('`').to_owned()),
            })
        });
        Self { rows: rows.collect(), sick: None }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| &*row.name)
    }

    pub(super) fn seed(&self, name: &str) -> Option<u64> {
        self.rows.iter().find(|row| row.name == name)?.seed
    }

    pub(super) fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.rows.retain(|row| wanted(&row.name));
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn killed(&self) -> usize {
        self.rows.iter().filter(|row| row.by.is_some()).count()
    }

    pub(super) fn survivors(&self) -> Vec<&str> {
        let alive = self.rows.iter().filter(|row| row.by.is_none());
        alive.map(|row| &*row.name).collect()
    }

    fn sorted(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by(|left, right| left.name.cmp(&right.name));
        rows
    }

    /// Returns the table for a page.
    pub(super) fn markdown(&self) -> String {
        let rows = self.sorted().into_iter().map(|Row { name, breaks, seed, count, by }| {
            let by = match (by, seed) {
                (None, _) => "nobody".to_owned(),
                (Some(by), Some(_)) => by.clone(),
                (Some(by), None) => format!("`{by}`"),
            };
            let seed = write_seed(*seed);
            format!("| `{name}` | {breaks} | {seed} | {count} | {by} |\n")
        });
        format!("{HEAD}|---|---|---|---|---|\n{}", rows.collect::<String>())
    }

    /// Returns the table for a terminal.
    pub(super) fn text(&self) -> String {
        let width = self.names().map(str::len).max().unwrap_or(0);
        let mut lines = vec![format!("{:<width$}  {:>12}  {:>6}  by", "mutant", "seed", "seeds")];
        for Row { name, seed, count, by, breaks } in self.sorted() {
            let by = by.as_deref().unwrap_or("nobody");
            let seed = write_seed(*seed);
            lines.push(format!("{name:<width$}  {seed:>12}  {count:>6}  {by}: {breaks}"));
        }
        lines.extend(self.sick.clone());
        lines.join("\n")
    }
}

fn write_seed(seed: Option<u64>) -> String {
    match seed {
        None => "–".to_owned(),
        Some(seed) if seed >= MORE_KINDS => format!("2^41 + {}", seed - MORE_KINDS),
        Some(seed) => seed.to_string(),
    }
}

fn read_seed(text: &str) -> Option<u64> {
    match text.strip_prefix("2^41 + ") {
        Some(rest) => Some(MORE_KINDS + rest.parse::<u64>().ok()?),
        None => text.parse().ok(),
    }
}

/// Reads the page; none is an empty one.
pub(super) fn read(root: &Path) -> Outcome<String> {
    let path = root.join(PAGE);
    if !path.exists() {
        return Ok(String::new());
    }
    fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{PAGE} cannot be read: {error}"), HINT))
}

/// Replaces the table of a page.
pub(super) fn write(root: &Path, page: &str, table: &Table) -> Outcome {
    let failed = |error: String| Failure::new(error, HINT);
    let begin = page.find(BEGIN).map(|at| at + BEGIN.len());
    let (Some(begin), Some(end)) = (begin, page.find(END)) else {
        return Err(failed(format!("{PAGE} has no place for the table of mutants")));
    };
    let before = page.get(..begin).unwrap_or_default();
    let after = page.get(end..).unwrap_or_default();
    let text = format!("{before}{}{after}", table.markdown());
    fs::write(root.join(PAGE), text)
        .map_err(|error| failed(format!("{PAGE} cannot be written: {error}")))
}

const HINT: &str = "the table stands between two comments of docs/testing.md";
