//! `cargo xtask codegen`: compiles `schema.toml` and every `provider.toml` into Rust and Markdown,
//! and prints the tables of merges.
//!
//! Outputs are committed. `--check` makes them anew in memory and compares, so that a stale or a
//! hand-edited one is found.

mod docs;
mod fields;
mod input;
mod mapping;
mod objects;
mod provider;
mod reconcile;
mod registry;
mod rust;
mod schema;

use std::fs;
use std::path::Path;

use input::Input;
use provider::Provider;
use schema::Schema;

use crate::failure::{Failure, Outcome};
use crate::screen;
use crate::shell::Workspace;
use crate::tree::{Tree, has_extension};

/// Makes the outputs, and writes them or compares them.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let mode = mode(arguments)?;
    let tree = Tree::read(&workspace.root).map_err(|error| {
        Failure::new(format!("the workspace cannot be read: {error}"), "check its permissions")
    })?;
    let mut stale = Vec::new();
    for output in outputs(&tree)? {
        let text = if has_extension(&output.path, "rs") {
            rust::format(&workspace.root, &output.path, &output.text)?
        } else {
            output.text
        };
        if tree.get(&output.path) != Some(&text) {
            stale.push(Output { text, ..output });
        }
    }
    match mode {
        Mode::Write => write(&workspace.root, &stale),
        Mode::Check => check(&stale),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Write,
    Check,
}

fn mode(arguments: &[String]) -> Outcome<Mode> {
    match arguments {
        [] => Ok(Mode::Write),
        [one] if one == "--check" => Ok(Mode::Check),
        [first, ..] => Err(Failure::usage(
            format!("`codegen` does not know `{first}`"),
            "cargo xtask codegen [--check]",
        )),
    }
}

/// One file to be committed.
#[derive(Debug)]
struct Output {
    path: String,
    text: String,
}

impl Output {
    fn new(path: impl Into<String>, text: String) -> Self {
        Self { path: path.into(), text }
    }
}

fn outputs(tree: &Tree) -> Outcome<Vec<Output>> {
    let schema = Schema::parse(read(tree, schema::PATH)?)?;
    let core = "crates/crm-core/src/generated";
    let mut outputs = vec![Output::new(format!("{core}/schema.rs"), fields::write(&schema))];
    for kind in &schema.kinds {
        outputs.push(Output::new(format!("{core}/{}.rs", kind.name), objects::write(kind)));
    }
    let rooms = tree.rooms("crm-provider-");
    let mut providers = Vec::with_capacity(rooms.len());
    for room in &rooms {
        let folder = format!("crates/crm-provider-{room}");
        let path = format!("{folder}/provider.toml");
        let provider = Provider::parse(read(tree, &path)?, room, &schema)?;
        let generated = format!("{folder}/src/generated");
        let table = mapping::write_mapping(&provider);
        outputs.push(Output::new(format!("{generated}/mapping.rs"), table));
        let can = mapping::write_capabilities(&provider);
        outputs.push(Output::new(format!("{generated}/capabilities.rs"), can));
        providers.push(provider);
    }
    outputs.push(Output::new("crates/crm/src/generated/registry.rs", registry::write(&rooms)));
    outputs.push(Output::new("docs/providers.md", docs::write_providers(&schema, &providers)));
    outputs.push(Output::new("docs/fields.md", docs::write_fields(&schema, &providers)));
    let tables = tree.under(reconcile::FOLDER).filter(|(path, _)| has_extension(path, "toml"));
    let tables: Vec<Input<'_>> = tables.map(|(path, text)| Input { path, text }).collect();
    let page = reconcile::write(read(tree, reconcile::PAGE)?, &tables)?;
    outputs.push(Output::new(reconcile::PAGE, page));
    Ok(outputs)
}

fn read<'a>(tree: &'a Tree, path: &'a str) -> Outcome<Input<'a>> {
    match tree.get(path) {
        Some(text) => Ok(Input { path, text }),
        None => Err(Failure::new(format!("{path} is missing"), "restore it from git")),
    }
}

fn write(root: &Path, stale: &[Output]) -> Outcome {
    for output in stale {
        let path = root.join(&output.path);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, &output.text)).map_err(
            |error| {
                let what = format!("{} cannot be written: {error}", output.path);
                Failure::new(what, "check its permissions")
            },
        )?;
        screen::line(&format!("wrote {}", output.path));
    }
    Ok(())
}

fn check(stale: &[Output]) -> Outcome {
    if stale.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = stale.iter().map(|output| output.path.as_str()).collect();
    Err(Failure::new(
        format!("not what their TOML says: {}", paths.join(", ")),
        "run `cargo xtask codegen` and commit what it wrote",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_check_is_known() {
        assert_eq!(mode(&[]).unwrap(), Mode::Write);
        assert_eq!(mode(&["--check".to_owned()]).unwrap(), Mode::Check);
        assert_eq!(mode(&["--chek".to_owned()]).unwrap_err().code, 2);
    }

    #[test]
    fn a_stale_file_is_named() {
        let failure = check(&[Output::new("a.rs", String::new())]).unwrap_err();
        assert!(failure.error.ends_with(": a.rs"), "{failure}");
        assert!(check(&[]).is_ok());
    }

    #[test]
    fn a_missing_source_is_an_error() {
        assert!(outputs(&Tree::default()).unwrap_err().error.contains("schema.toml"));
    }

    #[test]
    fn each_kind_and_each_room_has_its_files() {
        let tree = Tree::of(&[
            (schema::PATH, schema::tests::SAMPLE),
            ("crates/crm-provider-ant/provider.toml", provider::tests::SAMPLE),
            (
                reconcile::PAGE,
                "<!-- cargo xtask codegen: the tables of fixtures/sync -->\n\
                 <!-- the end of the tables -->\n",
            ),
        ]);
        let paths: Vec<String> =
            outputs(&tree).unwrap().into_iter().map(|output| output.path).collect();
        assert!(paths.contains(&"crates/crm-core/src/generated/deal.rs".to_owned()), "{paths:?}");
    }
}
