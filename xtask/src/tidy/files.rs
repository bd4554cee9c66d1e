//! Sizes and names of source files, and one integration test binary per crate.

use super::Finding;
use crate::tree::{Tree, has_extension};

/// Above this a reader asks for a reason.
const LINES_WARN: usize = 500;
/// Above this the file has more than one subject.
const LINES_MAX: usize = 800;

/// Names that collect what belongs elsewhere.
const CATCH_ALL: &[&str] =
    &["common", "helper", "helpers", "misc", "mod", "types", "util", "utils"];

/// Checks every Rust file that was written by hand.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let sources = tree.iter().filter(|(path, _)| has_extension(path, "rs") && !is_generated(path));
    for (path, text) in sources {
        check_size(path, text, &mut found);
        check_name(path, &mut found);
        check_opening(path, text, &mut found);
        check_test_binary(path, &mut found);
    }
    found
}

/// Says whether a file is an output of `cargo xtask codegen`.
pub(super) fn is_generated(path: &str) -> bool {
    path.contains("/generated/")
}

fn check_size(path: &str, text: &str, found: &mut Vec<Finding>) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines, more than {LINES_MAX}");
        found.push(Finding::error(path, LINES_MAX, what, "split it by subject"));
    } else if lines > LINES_WARN {
        let what = format!("{lines} lines, more than {LINES_WARN}");
        found.push(Finding::warning(path, LINES_WARN, what, "split it by subject, or say why not"));
    }
}

fn check_name(path: &str, found: &mut Vec<Finding>) {
    let stem = path.trim_end_matches(".rs");
    for word in stem.split('/') {
        if CATCH_ALL.contains(&word) {
            let mend = if word == "mod" {
                "`foo.rs` opens the folder `foo/`"
            } else {
                "name it after its subject"
            };
            found.push(Finding::error(path, 1, format!("`{word}` names no subject"), mend));
        }
    }
}

fn check_opening(path: &str, text: &str, found: &mut Vec<Finding>) {
    let opens = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    // A crate whose documentation is its README says it there.
    let included = text.lines().any(|line| line.starts_with("#![doc = include_str!("));
    if !is_unit_test(path) && !included && !opens.is_some_and(|line| line.starts_with("//!")) {
        found.push(Finding::error(
            path,
            1,
            "the file does not say what it is for",
            "open it with a `//!` line",
        ));
    }
}

fn is_unit_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") && path.contains("/src/")
}

/// Each file directly in `tests/`, and each `main.rs` one folder below, links a binary of its own.
fn check_test_binary(path: &str, found: &mut Vec<Finding>) {
    let Some((package, test)) = path.split_once("/tests/") else {
        return;
    };
    if package.contains("/src") || test == "it/main.rs" {
        return;
    }
    let binary = match test.split_once('/') {
        None => true,
        Some((_, file)) => file == "main.rs",
    };
    if binary {
        found.push(Finding::error(
            path,
            1,
            "a second integration test binary",
            format!("make it a module of {package}/tests/it/main.rs: each binary links anew"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, shown};
    use super::*;

    fn found(path: &str, text: &str) -> Vec<Finding> {
        check(&Tree::of(&[(path, text)]))
    }

    fn lines(count: usize) -> String {
        let mut text = "//! Long.\n".to_owned();
        text.push_str(&"\n".repeat(count - 1));
        text
    }

    #[test]
    fn sizes() {
        let path = "crates/crm/src/lib.rs";
        assert!(found(path, &lines(LINES_WARN)).is_empty());
        assert_eq!(found(path, &lines(LINES_WARN + 1))[0].severity, Severity::Warning);
        assert_eq!(found(path, &lines(LINES_MAX))[0].severity, Severity::Warning);
        assert_eq!(found(path, &lines(LINES_MAX + 1))[0].severity, Severity::Error);
        assert!(found("crates/crm/src/generated/x.rs", &lines(LINES_MAX + 1)).is_empty());
    }

    #[test]
    fn catch_all_names() {
        for path in ["a/src/utils.rs", "a/src/common/x.rs", "a/src/wire/mod.rs", "a/src/types.rs"] {
            assert_eq!(found(path, "//! x\n").len(), 1, "{path}");
        }
        assert!(found("a/src/model.rs", "//! x\n").is_empty());
    }

    #[test]
    fn one_test_binary() {
        for path in ["crates/a/tests/more.rs", "crates/a/tests/slow/main.rs"] {
            assert_eq!(found(path, "//! x\n").len(), 1, "{path}");
        }
        for path in
            ["crates/a/tests/it/main.rs", "crates/a/tests/it/b.rs", "crates/a/src/b/tests/c.rs"]
        {
            assert_eq!(shown(&found(path, "//! x\n")), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(found("a/src/b.rs", "use x;\n").len(), 1);
        assert_eq!(found("a/src/b.rs", "").len(), 1);
        assert!(found("a/src/b.rs", "\n#![no_std]\n//! x\n").is_empty());
        assert!(found("a/src/b/tests.rs", "use x;\n").is_empty());
    }
}
