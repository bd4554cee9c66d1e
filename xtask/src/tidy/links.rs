//! Relative links in the documents lead somewhere: to a file, and to a heading in it.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::{Tree, has_extension};

const INDEX: &str = "docs/README.md";

/// Checks `README.md`, `docs/` and the README of every crate.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| is_document(path)) {
        for link in links(text) {
            if let Err((what, mend)) = resolve(tree, path, &link.target) {
                found.push(Finding::error(path, link.line, what, mend));
            }
        }
    }
    check_index(tree, &mut found);
    found
}

/// A page that the index does not name is not found by anybody.
fn check_index(tree: &Tree, found: &mut Vec<Finding>) {
    let Some(index) = tree.get(INDEX) else { return };
    let named: BTreeSet<String> =
        links(index).iter().filter_map(|link| join(INDEX, &link.target)).collect();
    let pages = tree.under("docs/").filter(|(path, _)| path.matches('/').count() == 1);
    for (path, _) in pages.filter(|(path, _)| *path != INDEX && has_extension(path, "md")) {
        if !named.contains(path) {
            let what = format!("`{path}` is not in the index");
            found.push(Finding::error(INDEX, 1, what, "add a row that says what one learns there"));
        }
    }
}

fn is_document(path: &str) -> bool {
    let readme = path == "README.md" || path.ends_with("/README.md");
    readme || has_extension(path, "md") && (path.starts_with("docs/") || !path.contains('/'))
}

#[derive(Debug)]
struct Link {
    line: usize,
    target: String,
}

/// Iterates over the lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, None) => Some((index + 1, line)),
            (None, Some(mark)) => {
                fence = Some(mark);
                None
            }
            (Some(open), Some(mark)) if open == mark => {
                fence = None;
                None
            }
            (Some(_), _) => None,
        }
    })
}

fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, text) in prose(text) {
        let text = without_code(text);
        let definition = text
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]:"))
            .map(|(_, target)| target);
        let inline = text.match_indices("](").filter_map(|(at, _)| {
            let rest = text.get(at + 2..)?;
            rest.get(..closing(rest)?)
        });
        for target in definition.into_iter().chain(inline) {
            let target = target.trim().trim_start_matches('<');
            let target = target.split(['>', ' ']).next().unwrap_or_default();
            links.push(Link { line, target: target.to_owned() });
        }
    }
    links
}

/// Returns where the parenthesis that opened before `rest` closes.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in rest.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Blanks out what stands between backticks.
fn without_code(line: &str) -> String {
    let mut kept = String::new();
    for (index, part) in line.split('`').enumerate() {
        if index % 2 == 0 {
            kept.push_str(part);
        } else {
            kept.push(' ');
        }
    }
    kept
}

fn resolve(tree: &Tree, from: &str, target: &str) -> Result<(), (String, &'static str)> {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    if elsewhere || target.is_empty() {
        return Ok(());
    }
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    let path = if file.is_empty() { Some(from.to_owned()) } else { join(from, file) };
    let Some(path) = path.filter(|path| path.is_empty() || tree.has(path)) else {
        return Err((format!("the link `{target}` leads nowhere"), "correct it or add the file"));
    };
    match (anchor, tree.get(&path)) {
        (Some(anchor), Some(text))
            if has_extension(&path, "md") && !anchors(text).contains(anchor) =>
        {
            let what = format!("`{path}` has no heading for `#{anchor}`");
            Err((what, "use the heading in lower case with hyphens"))
        }
        _ => Ok(()),
    }
}

/// Joins a link to the folder of the file it stands in; `None` leaves the workspace.
fn join(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the anchors that a page of Markdown gets from its headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        if (1..=6).contains(&level) && heading.starts_with(' ') {
            let slug = slug(heading.trim().trim_end_matches('#').trim());
            let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_default();
            anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        }
        for part in line.split("id=\"").skip(1) {
            anchors.extend(part.split('"').next().map(str::to_owned));
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    // The text of a link counts, its target does not.
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, tail)| tail);
    }
    text.push_str(rest);
    let letters = text.to_lowercase();
    let kept = letters.chars().filter(|l| l.is_alphanumeric() || matches!(l, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    const PAGE: &str = "# One page\n\n## `crm` & the rest\n\n## Twice\n## Twice\n";

    /// Checks a page that also names the only other one.
    fn found_beside(text: &str) -> Vec<String> {
        found(&format!("{text}\n[page](sync.md)\n"))
    }

    fn found(text: &str) -> Vec<String> {
        shown(&check(&Tree::of(&[
            ("docs/README.md", text),
            ("docs/sync.md", PAGE),
            ("README.md", "# Top\n"),
            ("crates/crm/src/lib.rs", ""),
        ])))
    }

    #[test]
    fn good_links_are_quiet() {
        let text = "\
# Index\n[a](sync.md) [b](sync.md#one-page) [c](../README.md#top) [d](#index)
[e](sync.md#crm--the-rest) [f](sync.md#twice-1) [g](https://x.example/y) ![h](../crates/crm)
[i]: sync.md \"title\"\n[root](../) [odd](<sync.md>)\n";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn dead_links_are_found_with_their_line() {
        for link in
            ["gone.md", "sync.md#nothing", "#nothing", "../../outside.md", "sync.md#twice-2"]
        {
            let found = found_beside(&format!("# Index\n\nsee [it]({link})\n"));
            assert_eq!(found.len(), 1, "{link}");
            assert!(found[0].starts_with("docs/README.md:3: "), "{}", found[0]);
        }
        assert_eq!(found_beside("[a]: gone.md\n").len(), 1);
    }

    #[test]
    fn code_is_no_link() {
        assert!(
            found_beside("`[a](gone.md)`\n```text\n[a](gone.md)\n# no heading\n```\n").is_empty()
        );
    }

    #[test]
    fn every_page_is_in_the_index() {
        let found = found("# Index\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`docs/sync.md` is not in the index"), "{}", found[0]);
    }

    #[test]
    fn only_documents_are_read() {
        let text = "[a](gone.md)";
        assert!(check(&Tree::of(&[("crates/crm/src/note.md", text)])).is_empty());
        assert_eq!(check(&Tree::of(&[("crates/crm/README.md", text)])).len(), 1);
    }
}
