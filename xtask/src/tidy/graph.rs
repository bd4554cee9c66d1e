//! Which crates of others are built, and under which licences, against `deny.toml`.
//!
//! The lock file names every crate that some platform or feature could want, and so does the graph
//! of `cargo metadata`. `cargo tree` applies the features that are really on, so its answer is the
//! one that counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Finding, licence};
use crate::failure::{Failure, Outcome};

const POLICY: &str = "deny.toml";
const FIELD: char = '\t';

/// These stay out whatever `deny.toml` says: one crypto library, one clock, no system OpenSSL.
const NEVER: &[&str] = &["ring", "openssl-sys", "native-tls", "chrono", "rsa"];

/// Returns the arguments of `cargo tree` for the given kinds of dependencies on this host.
pub(super) fn tree_command(edges: &str) -> [&str; 9] {
    #[rustfmt::skip]
    let words = [
        "tree", "--workspace", "--all-features", "--edges", edges,
        "--prefix", "depth", "--format", "{p}\t{l}",
    ];
    words
}

/// What `deny.toml` allows and refuses; cargo-deny reads the same file.
#[derive(Debug, Default)]
pub(super) struct Policy {
    licences: BTreeSet<String>,
    /// Refused crates, each with those that may use it all the same.
    banned: BTreeMap<String, BTreeSet<String>>,
}

impl Policy {
    /// Reads `deny.toml`.
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        #[derive(Deserialize)]
        struct File {
            licenses: Licences,
            bans: Bans,
        }
        #[derive(Deserialize)]
        struct Licences {
            allow: BTreeSet<String>,
        }
        #[derive(Deserialize)]
        struct Bans {
            deny: Vec<Ban>,
        }
        #[derive(Deserialize)]
        struct Ban {
            #[serde(rename = "crate")]
            name: String,
            #[serde(default)]
            wrappers: BTreeSet<String>,
        }
        let file: File = toml::from_str(text).map_err(|error| {
            Failure::new(format!("{POLICY} cannot be read: {}", error.message()), "mend the file")
        })?;
        let deny = file.bans.deny.into_iter().map(|ban| (ban.name, ban.wrappers));
        let never = NEVER.iter().map(|name| ((*name).to_owned(), BTreeSet::new()));
        // Ours come last: an entry with wrappers cannot let one of them in.
        Ok(Self { licences: file.licenses.allow, banned: deny.chain(never).collect() })
    }
}

/// One line of the tree: a package and the one that asked for it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    parent: Option<String>,
    name: String,
    version: String,
    licence: String,
}

/// Reads what `cargo tree --prefix depth` printed.
pub(super) fn parse(printed: &str) -> Outcome<BTreeSet<Edge>> {
    let mut way: Vec<String> = Vec::new();
    let mut edges = BTreeSet::new();
    for line in printed.lines().filter(|line| !line.trim().is_empty()) {
        let edge = parse_line(line, &mut way).ok_or_else(|| {
            Failure::new(format!("`cargo tree` printed an unknown line: {line}"), "cargo tree")
        })?;
        edges.insert(edge);
    }
    Ok(edges)
}

fn parse_line(line: &str, way: &mut Vec<String>) -> Option<Edge> {
    let digits = line.find(|letter: char| !letter.is_ascii_digit())?;
    let depth: usize = line.get(..digits)?.parse().ok()?;
    let (package, licence) = line.get(digits..)?.split_once(FIELD)?;
    let mut words = package.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
    way.truncate(depth);
    let parent = way.last().cloned();
    way.push(name.to_owned());
    Some(Edge {
        parent,
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.trim_end_matches("(*)").trim().to_owned(),
    })
}

/// Finds refused crates, with who asked for them.
pub(super) fn check_bans(edges: &BTreeSet<Edge>, policy: &Policy) -> Vec<Finding> {
    let refused = |edge: &&Edge| {
        let wrappers = policy.banned.get(&edge.name);
        wrappers.is_some_and(|known| !edge.parent.as_ref().is_some_and(|p| known.contains(p)))
    };
    edges
        .iter()
        .filter(refused)
        .map(|edge| {
            let Edge { name, version, parent, .. } = edge;
            let asked = parent.as_deref().unwrap_or("the workspace");
            Finding::error(
                "Cargo.lock",
                1,
                format!("{name} {version} is built, because `{asked}` asks for it"),
                format!("choose features of `{asked}` without it ({POLICY} refuses it)"),
            )
        })
        .collect()
}

/// Finds packages whose licence is not among the allowed ones.
pub(super) fn check_licences(edges: &BTreeSet<Edge>, policy: &Policy) -> Vec<Finding> {
    let packages: BTreeSet<(&str, &str, &str)> =
        edges.iter().map(|edge| (&*edge.name, &*edge.version, &*edge.licence)).collect();
    let mut found = Vec::new();
    for (name, version, expression) in packages {
        let what = match licence::is_allowed(expression, &policy.licences) {
            Some(true) => continue,
            Some(false) => format!("{name} {version} is licensed under {expression}"),
            None => format!("{name} {version} has the unreadable licence `{expression}`"),
        };
        let mend = format!("choose another crate, or add the licence to {POLICY} with a reason");
        found.push(Finding::error("Cargo.lock", 1, what, mend));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0"]
[bans]
deny = [{ crate = "lazy_static", wrappers = ["pool"] }, { crate = "ring", wrappers = ["tls"] }]
"#;

    const PRINTED: &str = "\
0crm-core v0.1.0 (crates/crm-core)\tMIT OR Apache-2.0
1tls v1.2.3\tMIT
2ring v0.17.0\tApache-2.0
1pool v0.1.0\tMIT
2lazy_static v1.5.0\tMIT/Apache-2.0

0crm v0.1.0 (crates/crm)\tMIT OR Apache-2.0
1tls v1.2.3\tMIT (*)
1gpl v3.0.0 (proc-macro)\tGPL-3.0
";

    fn edges() -> BTreeSet<Edge> {
        parse(PRINTED).unwrap()
    }

    #[test]
    fn the_tree_is_read_with_its_parents() {
        let ring = edges().into_iter().find(|edge| edge.name == "ring").unwrap();
        assert_eq!((ring.parent.as_deref(), &*ring.version), (Some("tls"), "0.17.0"));
        assert!(edges().iter().all(|edge| !edge.licence.contains('*')));
        assert!(parse("no depth\tMIT").is_err());
    }

    #[test]
    fn a_refused_crate_is_found_with_who_asked() {
        let found = check_bans(&edges(), &Policy::parse(DENY).unwrap());
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("ring 0.17.0 is built, because `tls`"), "{}", found[0]);
    }

    #[test]
    fn a_wrapper_excuses_only_itself() {
        let other = PRINTED.replace("1pool", "1pond");
        let found = check_bans(&parse(&other).unwrap(), &Policy::parse(DENY).unwrap());
        assert!(found.iter().any(|finding| finding.what.contains("lazy_static")));
    }

    #[test]
    fn a_foreign_licence_is_found() {
        let found = check_licences(&edges(), &Policy::parse(DENY).unwrap());
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("gpl 3.0.0"), "{}", found[0]);
    }

    #[test]
    fn a_broken_policy_is_an_error() {
        assert!(Policy::parse("").is_err());
        assert!(Policy::parse("[licenses").is_err());
    }
}
