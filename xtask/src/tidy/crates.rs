//! Who may depend on whom: the table of `docs/architecture.md`, on the manifests' own words.
//!
//! A crate that is in the table and not in the tree is accepted; a crate in the tree without a row
//! is not.

use serde::Deserialize;

use super::{Finding, line_of};
use crate::failure::{Failure, Outcome};
use crate::tree::Tree;

/// One row of the table. A trailing `*` stands for every ending.
struct Row {
    name: &'static str,
    /// Ours that it may import.
    ours: &'static [&'static str],
    /// Ours that only its tests may import besides.
    in_tests: &'static [&'static str],
    /// Others' crates that it must not import, neither itself nor through one of ours.
    never: &'static [&'static str],
}

const KIT: &[&str] = &["crm-testkit"];
const IO: &[&str] = &["tokio", "reqwest", "hyper", "axum", "rusqlite", "tokio-postgres"];
const DATABASES: &[&str] = &["rusqlite", "tokio-postgres", "axum"];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { name: "crm-core", ours: &[], in_tests: KIT, never: IO },
    Row { name: "crm-http", ours: &["crm-core"], in_tests: KIT, never: DATABASES },
    Row {
        name: "crm-provider-*",
        ours: &["crm-core", "crm-http"],
        in_tests: &["crm-testkit", "crm-layers"],
        never: DATABASES,
    },
    Row { name: "crm-layers", ours: &["crm-core"], in_tests: KIT, never: IO },
    Row { name: "crm-store", ours: &["crm-core"], in_tests: KIT, never: IO },
    Row {
        name: "crm-store-*",
        ours: &["crm-core", "crm-store"],
        in_tests: KIT,
        never: &["reqwest", "hyper", "axum"],
    },
    Row {
        name: "crm-sync",
        ours: &["crm-core", "crm-store"],
        in_tests: &["crm-testkit", "crm-store-*"],
        never: IO,
    },
    Row { name: "crm-revivatech", ours: &["crm-core"], in_tests: KIT, never: IO },
    Row {
        name: "crm-testkit",
        ours: &["crm-core", "crm-store"],
        in_tests: &[],
        never: &["reqwest", "rusqlite", "tokio-postgres"],
    },
    Row {
        name: "crm",
        ours: &[
            "crm-core", "crm-http", "crm-layers", "crm-store", "crm-sync", "crm-revivatech",
            "crm-provider-*", "crm-store-*",
        ],
        in_tests: KIT,
        never: &["axum"],
    },
    Row { name: "crm-server", ours: &["crm"], in_tests: KIT, never: &[] },
    Row {
        name: "crm-cli",
        ours: &["crm", "crm-server", "crm-testkit"],
        in_tests: &["crm-*"],
        never: &[],
    },
    Row { name: "xtask", ours: &[], in_tests: &[], never: IO },
];

/// A member of the workspace, as `cargo metadata` describes it.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

impl Dependency {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// Reads the output of `cargo metadata --no-deps`.
pub(super) fn parse(metadata: &str) -> Outcome<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata: Metadata = serde_json::from_str(metadata).map_err(|error| {
        Failure::new(format!("`cargo metadata` printed something else: {error}"), "cargo metadata")
    })?;
    Ok(metadata.packages)
}

/// Compares every manifest with its row.
pub(super) fn check(packages: &[Package], tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in packages {
        let path = manifest_path(&package.name);
        let text = tree.get(&path).unwrap_or_default();
        match TABLE
            .iter()
            .filter(|row| matches(row.name, &package.name))
            .max_by_key(|row| row.name.len())
        {
            Some(row) => check_package(package, row, packages, &path, text, &mut found),
            None => found.push(Finding::error(
                &path,
                line_of(text, "name"),
                format!("crate `{}` has no row in the dependency table", package.name),
                "add one to xtask/src/tidy/crates.rs and docs/architecture.md",
            )),
        }
    }
    found
}

fn check_package(
    package: &Package,
    row: &Row,
    packages: &[Package],
    path: &str,
    text: &str,
    found: &mut Vec<Finding>,
) {
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let ours = packages.iter().any(|other| other.name == name) || name.starts_with("crm-");
        let normal = row.ours.iter().any(|pattern| matches(pattern, name));
        let in_tests = row.in_tests.iter().any(|pattern| matches(pattern, name));
        let allowed = normal || (dependency.is_for_tests() && in_tests);
        if ours && !allowed && name != package.name {
            let (what, mend) = if in_tests {
                ("may be imported only by the tests of", "move it to [dev-dependencies]")
            } else {
                ("may not be imported by", "dependencies point to crm-core, never sideways")
            };
            found.push(Finding::error(
                path,
                line_of(text, name),
                format!("`{name}` {what} `{}`", package.name),
                mend,
            ));
        }
    }
    for banned in row.never {
        if let Some(way) = way_to(package, banned, packages) {
            found.push(Finding::error(
                path,
                line_of(text, way.first().unwrap_or(banned)),
                format!("`{}` must not import `{banned}` ({})", package.name, way.join(" → ")),
                "move what needs it to the crate that owns this kind of I/O",
            ));
        }
    }
}

/// Returns the normal dependencies that lead from a package to `wanted`, through ours only.
fn way_to<'a>(package: &'a Package, wanted: &str, packages: &'a [Package]) -> Option<Vec<&'a str>> {
    let normal = || package.dependencies.iter().filter(|dependency| !dependency.is_for_tests());
    if let Some(direct) = normal().find(|dependency| dependency.name == wanted) {
        return Some(vec![&direct.name]);
    }
    normal().find_map(|dependency| {
        let next = packages.iter().find(|other| other.name == dependency.name)?;
        let mut way = way_to(next, wanted, packages)?;
        way.insert(0, &dependency.name);
        Some(way)
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

fn manifest_path(name: &str) -> String {
    if name == "xtask" {
        "xtask/Cargo.toml".to_owned()
    } else {
        format!("crates/{name}/Cargo.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    /// Builds packages from lines like `crm-sync: crm-core tokio dev:crm-testkit`.
    fn packages(lines: &[&str]) -> Vec<Package> {
        let package = |line: &&str| {
            let (name, rest) = line.split_once(':').unwrap();
            let dependencies =
                rest.split_whitespace().map(|word| match word.strip_prefix("dev:") {
                    Some(name) => {
                        Dependency { name: name.to_owned(), kind: Some("dev".to_owned()) }
                    }
                    None => Dependency { name: word.to_owned(), kind: None },
                });
            Package { name: name.to_owned(), dependencies: dependencies.collect() }
        };
        lines.iter().map(package).collect()
    }

    fn found(lines: &[&str]) -> Vec<String> {
        shown(&check(&packages(lines), &Tree::default()))
    }

    #[test]
    fn the_table_accepts_what_the_picture_shows() {
        let lines = [
            "crm-core: serde dev:crm-testkit",
            "crm-http: crm-core reqwest tokio",
            "crm-provider-hubspot: crm-core crm-http dev:crm-layers dev:crm-testkit",
            "crm-store-sqlite: crm-core crm-store rusqlite tokio",
            "crm-store: crm-core",
            "crm-sync: crm-core crm-store dev:tokio dev:crm-store-sqlite dev:crm-testkit",
            "crm-testkit: crm-core crm-store tokio hyper",
            "crm: crm-core crm-sync crm-provider-hubspot crm-store-sqlite",
            "crm-cli: crm crm-testkit tokio",
            "xtask: toml",
        ];
        assert_eq!(found(&lines), Vec::<String>::new());
    }

    #[test]
    fn sideways_and_upward_imports_are_found() {
        for line in [
            "crm-provider-hubspot: crm-provider-salesforce",
            "crm-provider-hubspot: crm-store",
            "crm-layers: crm-http",
            "crm-store: crm-sync",
            "crm-store-sqlite: crm-store-postgres",
            "crm-sync: crm-http",
            "crm-core: crm-http",
            "crm: crm-testkit",
            "crm-server: crm-provider-hubspot",
            "crm-testkit: dev:crm-sync",
            "xtask: crm-core",
        ] {
            assert_eq!(found(&[line]).len(), 1, "{line}");
        }
    }

    #[test]
    fn the_kit_is_for_tests_only() {
        let found = found(&["crm-sync: crm-testkit"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("move it to [dev-dependencies]"), "{}", found[0]);
    }

    #[test]
    fn a_runtime_is_found_through_one_of_ours() {
        let found = found(&["crm-sync: crm-store", "crm-store: tokio"]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("crm-store → tokio"), "{}", found[0]);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(found(&["crm-rogue: serde"])[0].contains("has no row"));
    }

    #[test]
    fn the_finding_names_the_line() {
        let tree = Tree::of(&[("crates/crm-core/Cargo.toml", "[package]\n\ntokio = \"1\"\n")]);
        let found = check(&packages(&["crm-core: tokio"]), &tree);
        assert!(found[0].to_string().starts_with("crates/crm-core/Cargo.toml:3: "));
    }

    #[test]
    fn metadata_is_read() {
        let packages = parse(
            r#"{"packages":[{"name":"a","id":"x","dependencies":[{"name":"b","kind":"dev"}]}]}"#,
        );
        assert!(packages.unwrap()[0].dependencies[0].is_for_tests());
        assert!(parse("[]").is_err());
    }
}
