//! The repair agent's engine on real programs with the real runners of this machine.
//!
//! A quick, representative part of the fixtures; the whole set is measured by `cargo bench --bench repair -- --all`.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test stops where its expectation fails; shared support is not used whole by every test"
)]

mod repair_bench;

use repair_bench::{DirBench, Program, programs, write};
use rightseat::repair::report::rationale;
use rightseat::repair::{Budget, Memory, Outcome, PLAYGROUND, Project, Steering, search};
use std::time::Duration;

fn repair(program: &Program, steering: &Steering) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &program.files);
    let project = Project::read(program.files.clone(), None).unwrap();
    let mut bench = DirBench::new(dir.path(), &project);
    let budget = Budget { wall: Duration::from_secs(120), ..Budget::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(search(&mut bench, &project, &mut Memory::default(), steering, budget)).unwrap()
}

fn is_here(tool: &str) -> bool {
    std::process::Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success())
}

fn fixes(fixture: &str, name: &str) {
    let program = programs(fixture).into_iter().find(|p| p.name == name).unwrap();
    let outcome = repair(&program, &Steering::default());
    assert!(!outcome.failing_before.is_empty(), "{name}: nothing failed: {:?}", outcome.problem);
    assert!(outcome.failing_after.is_empty(), "{name}: {}", outcome.tried.words());
    assert!(
        program.files.keys().filter(|p| p.contains("test")).all(|p| !outcome.overlay.contains_key(p)),
        "tests were edited"
    );
}

#[test]
fn python_programs_are_repaired() {
    if !is_here("python3") {
        return;
    }
    for name in ["gcd", "knapsack", "mutable_default"] {
        fixes(include_str!("fixtures/repair/python.txt"), name);
    }
}

#[test]
fn node_programs_are_repaired() {
    if is_here("node") {
        fixes(include_str!("fixtures/repair/javascript.txt"), "clamp");
    }
}

#[test]
fn rust_programs_are_repaired() {
    fixes(include_str!("fixtures/repair/rust.txt"), "stack_machine");
}

#[test]
fn what_was_forgotten_is_found_in_projects_of_several_files() {
    let fixture = include_str!("fixtures/repair/projects.txt");
    for (tool, name) in [("python3", "py_discount"), ("python3", "py_wrap"), ("node", "js_stock")] {
        if is_here(tool) {
            fixes(fixture, name);
        }
    }
}

/// The tests accept two texts; the proposal must say so instead of passing for the only one.
#[test]
fn other_changes_that_pass_are_named() {
    if !is_here("python3") {
        return;
    }
    let text = "def grown(age):\n    return age > 18\n";
    let tests = "import unittest\nfrom age import grown\n\n\nclass T(unittest.TestCase):\n    def test_at(self):\n        self.assertTrue(grown(18))\n\n    def test_below(self):\n        self.assertFalse(grown(17))\n";
    let files = [("age.py", text), ("test_age.py", tests)].map(|(p, t)| (p.to_owned(), t.to_owned()));
    let program = Program { name: "age".into(), files: files.into_iter().collect(), ..Program::default() };
    let outcome = repair(&program, &Steering::default());
    assert!(outcome.overlay["age.py"].contains("age >= 18"), "{:?}", outcome.overlay);
    let others: Vec<&String> = outcome.repairs.iter().flat_map(|r| &r.alternatives).collect();
    assert!(others.iter().any(|o| o.contains("17")), "{others:?}");
    let said = rationale(&outcome);
    assert!(said.contains("the tests do not distinguish them"), "{said}");
}

#[test]
fn a_function_left_alone_stays_as_it_is() {
    let program =
        programs(include_str!("fixtures/repair/rust.txt")).into_iter().find(|p| p.name == "inclusive").unwrap();
    let mut steering = Steering::default();
    steering.functions_out.insert("sum_to".into());
    let outcome = repair(&program, &steering);
    assert!(outcome.repairs.iter().all(|r| r.fix.candidate.mutation.function.as_ref() != "sum_to"));
}

#[test]
fn the_playground_needs_three_repairs_and_gets_them() {
    let files = PLAYGROUND.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    let program = Program { name: "playground".into(), files, ..Program::default() };
    let outcome = repair(&program, &Steering::default());
    assert!(outcome.failing_after.is_empty(), "{:?}: {}", outcome.failing_after, outcome.tried.words());
    assert!(outcome.repairs.len() >= 3, "{:?}", outcome.repairs.len());
}
