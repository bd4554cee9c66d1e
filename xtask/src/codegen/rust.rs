//! Rust source as text: names, literals, and rustfmt over the whole.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};

/// Returns the first lines of a generated file.
pub(super) fn header(what: &str, source: &str) -> String {
    header_allowing(what, source, "clippy::pedantic")
}

/// Returns the first lines of a generated file that needs more than the usual lints off.
pub(super) fn header_allowing(what: &str, source: &str, lints: &str) -> String {
    format!(
        "//! {what} Generated from `{source}` by `cargo xtask codegen`.\n\
         #![allow({lints}, reason = \"generated\")]\n\n"
    )
}

/// Returns a string literal.
pub(super) fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// Returns `first_name` as `FirstName`.
pub(super) fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Returns `first_name` as `Field::FIRST_NAME`.
pub(super) fn field(name: &str) -> String {
    format!("Field::{}", name.to_ascii_uppercase())
}

/// Formats source the way `cargo fmt` would.
pub(super) fn format(root: &Path, path: &str, source: &str) -> Outcome<String> {
    let failed = |reason: &str| {
        Failure::new(format!("rustfmt of {path} failed: {reason}"), "rustup component add rustfmt")
    };
    let mut child = Command::new("rustfmt")
        .args(["--emit", "stdout", "--quiet", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(source.as_bytes()).map_err(|error| failed(&error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Workspace;

    #[test]
    fn names() {
        assert_eq!(camel_case("closed_won"), "ClosedWon");
        assert_eq!(field("first_name"), "Field::FIRST_NAME");
        assert_eq!(literal("a \"b\""), r#""a \"b\"""#);
    }

    #[test]
    fn source_is_formatted_and_nonsense_is_refused() {
        let root = Workspace::find().unwrap().root;
        let source = format(&root, "a.rs", "fn  a( ) { }").unwrap();
        assert_eq!(source, "fn a() {}\n");
        assert!(format(&root, "a.rs", "fn {").is_err());
    }
}
