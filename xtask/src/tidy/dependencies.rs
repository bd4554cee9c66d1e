//! The shared versions: what the root manifest lists, a crate uses.
//!
//! Cargo refuses a crate that asks for more than is listed; nobody else notices what is left over.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Finding, line_of};
use crate::tree::Tree;

const ROOT: &str = "Cargo.toml";
const SECTIONS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Looks for entries of `[workspace.dependencies]` that no member inherits.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let text = tree.get(ROOT).unwrap_or_default();
    let root = manifest(text);
    let listed = table(&root, "workspace").and_then(|workspace| table(workspace, "dependencies"));
    let used: BTreeSet<String> = tree
        .iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .flat_map(|(_, text)| inherited(&manifest(text)))
        .collect();
    listed
        .into_iter()
        .flat_map(Table::keys)
        .filter(|name| !used.contains(*name))
        .map(|name| {
            let line = line_of(text, &format!("{name} = "));
            let what = format!("no crate uses `{name}` of [workspace.dependencies]");
            Finding::error(ROOT, line, what, "delete the line")
        })
        .collect()
}

/// Reads a manifest. One that is no TOML has no entries: cargo, which runs next, says why.
fn manifest(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

/// Returns the names that a manifest inherits, for every target.
fn inherited(manifest: &Table) -> BTreeSet<String> {
    let targets = table(manifest, "target").into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    places
        .flat_map(|place| SECTIONS.iter().filter_map(|section| table(place, section)))
        .flatten()
        .filter(|(_, value)| value.get("workspace").and_then(Value::as_bool) == Some(true))
        .map(|(name, _)| name.clone())
        .collect()
}

fn table<'a>(parent: &'a Table, key: &str) -> Option<&'a Table> {
    parent.get(key).and_then(Value::as_table)
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    const LISTED: &str =
        "[workspace]\nmembers = []\n\n[workspace.dependencies]\nant = \"1\"\nbee = \"2\"\n";

    fn found(member: &str) -> Vec<String> {
        shown(&check(&Tree::of(&[("Cargo.toml", LISTED), ("crates/crm/Cargo.toml", member)])))
    }

    #[test]
    fn what_is_inherited_anywhere_is_used() {
        for member in [
            "[dependencies]\nant.workspace = true\nbee = { workspace = true, features = [] }\n",
            "[dev-dependencies]\nant.workspace = true\n[build-dependencies]\nbee.workspace = true\n",
            "[target.'cfg(unix)'.dependencies]\nant.workspace = true\nbee.workspace = true\n",
        ] {
            assert_eq!(found(member), Vec::<String>::new(), "{member}");
        }
    }

    #[test]
    fn what_nobody_inherits_is_found_with_its_line() {
        assert_eq!(
            found("[dependencies]\nant.workspace = true\n"),
            ["Cargo.toml:6: no crate uses `bee` of [workspace.dependencies]; delete the line"]
        );
        // A version of one's own is not the shared one, and a name elsewhere is not a use.
        assert_eq!(found("[dependencies]\nant = \"1\"\n[features]\nbee = []\n").len(), 2);
    }

    #[test]
    fn a_manifest_that_is_not_toml_is_left_to_cargo() {
        assert_eq!(check(&Tree::of(&[("Cargo.toml", "[workspace")])), []);
        assert_eq!(check(&Tree::default()), []);
    }
}
