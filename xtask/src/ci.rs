//! `cargo xtask ci`: every gate in order, cheapest first, the tests last.
//!
//! The table of seconds comes before the last gate, so that the log closes on the summary line of
//! the test runner.

use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::shell::{self, Workspace};
use crate::tree::Tree;
use crate::{codegen, screen, sim, test, tidy};

/// Runs the gates and stops at the first that fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let workspace = workspace.built_once();
    let tree = Tree::read(&workspace.root).map_err(|error| {
        Failure::new(format!("the workspace cannot be read: {error}"), "check its permissions")
    })?;
    let gates = before_the_tests(&tree.rooms("crm-provider-"));
    let mut seconds = Vec::with_capacity(gates.len());
    for gate in &gates {
        screen::note(&format!("\n── {} ──", gate.name));
        let watch = Watch::start();
        gate.run(&workspace)?;
        seconds.push((gate.name.as_str(), watch.seconds()));
    }
    screen::line(&table(&seconds));
    screen::note("\n── tests ──");
    Gate::new("tests", Work::Test).run(&workspace)
}

#[derive(Debug)]
struct Gate {
    name: String,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Tidy,
    Codegen,
    Cargo(Vec<String>),
    Docs,
    Sim,
    Test,
}

impl Gate {
    fn new(name: impl Into<String>, work: Work) -> Self {
        Self { name: name.into(), work }
    }

    fn cargo(name: impl Into<String>, words: &str) -> Self {
        Self::new(name, Work::Cargo(words.split_whitespace().map(str::to_owned).collect()))
    }

    fn run(&self, workspace: &Workspace) -> Outcome {
        let done = match &self.work {
            Work::Tidy => tidy::run(workspace),
            Work::Codegen => codegen::run(workspace, &["--check".to_owned()]),
            Work::Cargo(words) => shell::run(workspace.cargo(&[]).args(words)),
            Work::Docs => shell::run(&mut docs(workspace)),
            Work::Sim => sim::run(workspace, &[]),
            Work::Test => test::run(workspace, &[]),
        };
        done.map_err(|failure| {
            Failure::new(format!("gate `{}` failed: {}", self.name, failure.error), failure.hint)
        })
    }
}

fn docs(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo(&["doc", "--no-deps", "--workspace", "--all-features"]);
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    command
}

/// Lists the gates that come before the simulation and the tests.
fn before_the_tests(providers: &[&str]) -> Vec<Gate> {
    let mut gates = vec![
        Gate::cargo("format", "fmt --all --check"),
        Gate::new("tidy", Work::Tidy),
        Gate::new("generated files", Work::Codegen),
        Gate::cargo("lint", "clippy --workspace --all-targets --all-features -- -D warnings"),
        Gate::cargo("features: none", "check -p crm --no-default-features"),
    ];
    for provider in providers {
        gates.push(Gate::cargo(
            format!("features: {provider}"),
            &format!("check -p crm --no-default-features --features {provider}"),
        ));
    }
    gates.push(Gate::cargo("features: all", "check -p crm --all-features"));
    gates.push(Gate::new("documentation", Work::Docs));
    gates.push(Gate::cargo("doc tests", "test --doc --workspace --all-features"));
    gates.push(Gate::new("simulation", Work::Sim));
    gates
}

fn table(seconds: &[(&str, f64)]) -> String {
    let width = seconds.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(5);
    let total: f64 = seconds.iter().map(|(_, spent)| spent).sum();
    let mut lines = vec![format!("\n{:<width$}  seconds", "gate")];
    for (name, spent) in seconds.iter().chain([&("total", total)]) {
        lines.push(format!("{name:<width$}  {spent:>7.1}"));
    }
    lines.join("\n")
}

struct Watch(Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "a build tool times its gates")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_built_alone_and_cheap_gates_come_first() {
        let names: Vec<String> =
            before_the_tests(&["ant", "bee"]).into_iter().map(|gate| gate.name).collect();
        assert_eq!(names.first().map(String::as_str), Some("format"));
        let at = |name: &str| names.iter().position(|n| n == name).unwrap();
        assert!(at("tidy") < at("lint") && at("lint") < at("features: ant"));
        assert!(at("features: bee") < at("features: all"));
    }

    #[test]
    fn the_table_adds_up() {
        let table = table(&[("format", 1.25), ("a longer name", 2.5)]);
        assert!(table.ends_with("total              3.8"), "{table}");
        assert_eq!(table.lines().filter(|line| !line.is_empty()).count(), 4);
    }

    #[test]
    fn a_failed_gate_says_its_name() {
        let gate = Gate::cargo("format", "no-such-subcommand");
        let failure = gate.run(&Workspace::find().unwrap()).unwrap_err();
        assert!(failure.error.starts_with("gate `format` failed"), "{}", failure.error);
    }
}
