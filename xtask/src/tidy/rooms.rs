//! Every room has the same files, and the facade has a feature for each room.

use std::collections::BTreeSet;

use super::{Finding, line_of};
use crate::tree::Tree;

const PROVIDER: &str = "crm-provider-";
const STORE: &str = "crm-store-";
const FACADE: &str = "crates/crm/Cargo.toml";

/// What a provider's room holds; a reviewer knows where to look before looking.
const PROVIDER_FILES: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "provider.toml",
    "src/lib.rs",
    "src/config.rs",
    "src/provider.rs",
    "src/wire.rs",
    "src/error.rs",
    "src/generated/capabilities.rs",
    "src/generated/mapping.rs",
    "tests/it/main.rs",
];
/// What a provider's room may hold without explaining it.
const PROVIDER_OPTIONAL: &[&str] = &["src/webhook.rs", "src/generated.rs"];

/// Compares the rooms with their shape and the facade's features with the rooms.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for room in tree.rooms(PROVIDER) {
        check_provider(tree, &format!("crates/{PROVIDER}{room}"), &mut found);
    }
    check_stores(tree, &mut found);
    if let Some(manifest) = tree.get(FACADE) {
        check_features(manifest, &tree.rooms(PROVIDER), &tree.rooms(STORE), &mut found);
    }
    found
}

fn check_provider(tree: &Tree, room: &str, found: &mut Vec<Finding>) {
    for file in PROVIDER_FILES {
        if !tree.has(&format!("{room}/{file}")) {
            found.push(Finding::error(
                &format!("{room}/{file}"),
                1,
                "the room lacks this file",
                "every provider has the same files: write it as its siblings do",
            ));
        }
    }
    let readme = tree.get(&format!("{room}/README.md")).unwrap_or_default();
    for (path, _) in tree.under(&format!("{room}/src/")) {
        let Some(file) = path.strip_prefix(room).map(|rest| rest.trim_start_matches('/')) else {
            continue;
        };
        let usual = PROVIDER_FILES.contains(&file) || PROVIDER_OPTIONAL.contains(&file);
        if !usual && !is_unit_test(file) && !explains(readme, file) {
            found.push(Finding::error(
                path,
                1,
                "no other room needs this file",
                format!("say in {room}/README.md why `{}` is there", shown_name(file)),
            ));
        }
    }
}

/// The README names the file, or the folder that holds it.
fn explains(readme: &str, file: &str) -> bool {
    let file = shown_name(file);
    let folders = file.match_indices('/').filter_map(|(at, _)| file.get(..=at));
    std::iter::once(file).chain(folders).any(|name| readme.contains(&format!("`{name}`")))
        || readme.contains(&format!("`src/{file}`"))
}

fn shown_name(file: &str) -> &str {
    file.strip_prefix("src/").unwrap_or(file)
}

fn is_unit_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// A file at the top of one store's `src/` belongs at the top of every store's.
fn check_stores(tree: &Tree, found: &mut Vec<Finding>) {
    let rooms = tree.rooms(STORE);
    let files = |room: &str| -> BTreeSet<String> {
        let prefix = format!("crates/{STORE}{room}/src/");
        let names = tree.under(&prefix).filter_map(|(path, _)| path.strip_prefix(&prefix));
        names.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    };
    let all: BTreeSet<String> = rooms.iter().flat_map(|room| files(room)).collect();
    for room in &rooms {
        for name in all.difference(&files(room)) {
            found.push(Finding::error(
                &format!("crates/{STORE}{room}/src/{name}"),
                1,
                "a sibling store has this file and this store lacks it",
                "stores have the same file names: add it, or fold the sibling's into another",
            ));
        }
    }
}

fn check_features(manifest: &str, providers: &[&str], stores: &[&str], found: &mut Vec<Finding>) {
    let mut complain = |line: usize, what: String, mend: &str| {
        found.push(Finding::error(FACADE, line, what, mend));
    };
    let table = match manifest.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => return complain(1, format!("not TOML: {}", error.message()), "mend it"),
    };
    let features = table.get("features").and_then(toml::Value::as_table);
    let list = |name: &str| -> Option<Vec<&str>> {
        let values = features?.get(name)?.as_array()?;
        Some(values.iter().filter_map(toml::Value::as_str).collect())
    };
    let rooms = providers.iter().map(|room| (PROVIDER, *room));
    for (prefix, room) in rooms.chain(stores.iter().map(|room| (STORE, *room))) {
        let wanted = format!("dep:{prefix}{room}");
        if !list(room).is_some_and(|values| values.contains(&wanted.as_str())) {
            let what = format!("the room `{prefix}{room}` has no feature `{room}`");
            complain(line_of(manifest, "[features]"), what, "add it with its optional dependency");
        }
    }
    let all: BTreeSet<&str> = list("all-providers").unwrap_or_default().into_iter().collect();
    if all != providers.iter().copied().collect() {
        let what = format!("`all-providers` is not the list of rooms ({})", providers.join(", "));
        complain(line_of(manifest, "all-providers"), what, "list every provider in it");
    }
    for (name, value) in features.into_iter().flatten() {
        for target in value.as_array().into_iter().flatten().filter_map(toml::Value::as_str) {
            let room = target.strip_prefix("dep:").unwrap_or_default();
            let absent = match (room.strip_prefix(PROVIDER), room.strip_prefix(STORE)) {
                (Some(provider), _) => !providers.contains(&provider),
                (None, Some(store)) => !stores.contains(&store),
                (None, None) => false,
            };
            if absent {
                let what = format!("the feature `{name}` names `{room}`, which is not in crates/");
                complain(line_of(manifest, name), what, "remove it, or add the room");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    const FEATURES: &str = r#"
[features]
all-providers = ["ant"]
ant = ["dep:crm-provider-ant"]
sqlite = ["dep:crm-store-sqlite"]
"#;

    fn room(name: &str, without: &str, extra: &[(&str, &str)]) -> Tree {
        let base = format!("crates/crm-provider-{name}");
        let mut files: Vec<(String, &str)> = PROVIDER_FILES
            .iter()
            .filter(|file| **file != without)
            .map(|file| (format!("{base}/{file}"), ""))
            .collect();
        files.extend(extra.iter().map(|(file, text)| (format!("{base}/{file}"), *text)));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, *text)).collect();
        Tree::of(&files)
    }

    #[test]
    fn a_complete_room_is_quiet() {
        assert_eq!(shown(&check(&room("ant", "", &[]))), Vec::<String>::new());
    }

    #[test]
    fn each_missing_file_is_found() {
        for file in PROVIDER_FILES {
            let found = check(&room("ant", file, &[]));
            assert_eq!(found.len(), 1, "{file}");
            assert!(found[0].path.ends_with(file));
        }
    }

    #[test]
    fn an_extra_file_needs_a_word_in_the_readme() {
        let silent = room("ant", "", &[("src/soql.rs", ""), ("src/soql/tests.rs", "")]);
        assert_eq!(check(&silent).len(), 1);
        let told = [("src/soql.rs", ""), ("README.md", "`soql.rs` builds queries.")];
        assert_eq!(check(&room("ant", "README.md", &told)).len(), 0);
        let folder = [("src/provider/feed.rs", ""), ("README.md", "`provider/` is split.")];
        assert_eq!(check(&room("ant", "README.md", &folder)).len(), 0);
    }

    #[test]
    fn stores_are_compared_with_their_siblings() {
        let tree = Tree::of(&[
            ("crates/crm-store-a/src/lib.rs", ""),
            ("crates/crm-store-a/src/claim.rs", ""),
            ("crates/crm-store-b/src/lib.rs", ""),
            ("crates/crm-store-b/src/lib/tests.rs", ""),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/crm-store-b/src/claim.rs");
    }

    #[test]
    fn features_equal_rooms() {
        let count = |providers: &[&str], stores: &[&str], manifest: &str| {
            let mut found = Vec::new();
            check_features(manifest, providers, stores, &mut found);
            found.len()
        };
        assert_eq!(count(&["ant"], &["sqlite"], FEATURES), 0);
        // A room without a feature: the feature itself and the list of all.
        assert_eq!(count(&["ant", "bee"], &["sqlite"], FEATURES), 2);
        assert_eq!(count(&["ant"], &["postgres", "sqlite"], FEATURES), 1);
        // A feature without a room.
        assert_eq!(count(&["ant"], &[], FEATURES), 1);
        assert_eq!(count(&["ant"], &["sqlite"], "[features"), 1);
    }
}
