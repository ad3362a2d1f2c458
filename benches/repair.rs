//! Measures the repair agent on the one-bug programs of `tests/fixtures/repair`.
//!
//! `cargo bench --bench repair -- [FILTER | --all] [--seconds N] [--from FOLDER] [--with FOLDER] [--check] [--reach]`; without either only the bundled
//! playground. A filter matches `language/name`. `--check` runs no search: are the programs wrong, and right without
//! their mistake? `--with` links what a folder holds (`node_modules`) into each program. `--reach` runs nothing: does some operator propose exactly the right text, and how far down the list
//! by its prior alone?
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

#[path = "../tests/repair_bench/mod.rs"]
mod repair_bench;

use repair_bench::{DirBench, Program, execute, programs, write};
use rightseat::repair::{Budget, Memory, PLAYGROUND, Project, Source, Steering, propose, search};
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let filter = args
        .iter()
        .find(|a| {
            !a.starts_with("--")
                && ["--seconds", "--from", "--with"].iter().all(|name| value(name).as_ref() != Some(*a))
        })
        .cloned()
        .unwrap_or_else(|| if args.iter().any(|a| a == "--all") { String::new() } else { "playground".to_owned() });
    let seconds: u64 = value("--seconds").and_then(|s| s.parse().ok()).unwrap_or(60);
    let with = value("--with").map(std::path::PathBuf::from);
    let only_reach = args.iter().any(|a| a == "--reach");
    let only_check = args.iter().any(|a| a == "--check");
    let folder = value("--from").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/repair"),
        std::path::PathBuf::from,
    );
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if filter == "playground" {
        let files = PLAYGROUND.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let program = Program { name: "playground".into(), files, ..Program::default() };
        let began = Instant::now();
        let result = runtime.block_on(repair(&program, seconds, with.as_deref()));
        println!(
            "{:.1}s {} tried, all pass: {}: {}",
            began.elapsed().as_secs_f64(),
            result.tried,
            result.plausible,
            result.words
        );
        return;
    }
    for file in files {
        let language = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let (mut count, mut plausible, mut correct, mut times) = (0, 0, 0, Vec::new());
        for program in programs(&text) {
            if !format!("{language}/{}", program.name).contains(&filter) {
                continue;
            }
            if only_reach {
                reach(&language, &program);
                continue;
            }
            if only_check {
                check(&language, &program, with.as_deref());
                continue;
            }
            let began = Instant::now();
            let result = runtime.block_on(repair(&program, seconds, with.as_deref()));
            let took = began.elapsed();
            count += 1;
            plausible += usize::from(result.plausible);
            correct += usize::from(result.correct);
            if result.plausible {
                times.push(took.as_secs_f64());
            }
            let word = if result.correct {
                "CORRECT  "
            } else if result.plausible {
                "plausible"
            } else {
                "NOT FIXED"
            };
            println!(
                "{word} {language}/{:<26} {:>6.1}s {:>5} tried  {}",
                program.name,
                took.as_secs_f64(),
                result.tried,
                result.words
            );
        }
        let percent = |of: usize| (of * 100).checked_div(count);
        if let (Some(plausible_percent), Some(correct_percent)) = (percent(plausible), percent(correct)) {
            times.sort_by(f64::total_cmp);
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            println!(
                "== {language}: {count} programs, plausible {plausible} ({plausible_percent}%), correct {correct} ({correct_percent}%), median {median:.1} s\n"
            );
        }
    }
}

struct Result {
    plausible: bool,
    correct: bool,
    tried: usize,
    words: String,
}

async fn repair(program: &Program, seconds: u64, with: Option<&std::path::Path>) -> Result {
    let dir = place(&program.files, with);
    let project = match Project::read(program.files.clone(), None) {
        Ok(project) => project,
        Err(error) => return Result { plausible: false, correct: false, tried: 0, words: error.to_string() },
    };
    let mut bench = DirBench::new(dir.path(), &project);
    let budget = Budget { wall: Duration::from_secs(seconds), ..Budget::default() };
    let outcome = match search(&mut bench, &project, &mut Memory::default(), &Steering::default(), budget).await {
        Ok(outcome) => outcome,
        Err(error) => return Result { plausible: false, correct: false, tried: 0, words: error.to_string() },
    };
    let plausible = outcome.failing_after.is_empty() && !outcome.repairs.is_empty();
    let words = outcome
        .repairs
        .iter()
        .map(|r| format!("[{}] {}", r.fix.candidate.mutation.operator, r.fix.candidate.mutation.words))
        .collect::<Vec<_>>()
        .join(" + ");
    let words = if words.is_empty() {
        format!(
            "{}{} failing; {:?}",
            outcome.problem.clone().unwrap_or_default(),
            outcome.failing_before.len(),
            outcome.suspects.iter().map(|s| &s.function).collect::<Vec<_>>()
        )
    } else {
        words
    };
    let mut correct = false;
    if plausible {
        let mut files = program.files.clone();
        files.extend(outcome.overlay.clone());
        files.extend(program.hidden.clone());
        let hidden = place(&files, with);
        correct = passes(hidden.path(), &files);
    }
    Result { plausible, correct, tried: outcome.tried.total, words }
}

/// A directory with these files, and what `--with` names.
fn place(files: &std::collections::BTreeMap<String, String>, with: Option<&std::path::Path>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), files);
    if let Some(with) = with {
        repair_bench::link(with, dir.path());
    }
    dir
}

fn passes(root: &std::path::Path, files: &std::collections::BTreeMap<String, String>) -> bool {
    let project = Project::read(files.clone(), None).unwrap();
    let output = execute(root, &project.whole_command(), Duration::from_secs(60));
    if std::env::var("VERBOSE").is_ok() {
        println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    output.exit == Some(0)
}

/// A program is good when the right version passes everything and the wrong one fails the visible tests.
fn check(language: &str, program: &Program, with: Option<&std::path::Path>) {
    let mut right = program.right.clone();
    right.extend(program.hidden.clone());
    let dir = place(&right, with);
    let good = passes(dir.path(), &right);
    let dir = place(&program.files, with);
    let bad = passes(dir.path(), &program.files);
    if !good || bad {
        println!("BAD FIXTURE {language}/{}: right passes {good}, wrong passes {bad}", program.name);
    }
}

/// Whether an operator makes the right text of the wrong one, and how many proposals have a larger prior.
fn reach(language: &str, program: &Program) {
    for (path, text) in &program.files {
        let Some(right) = program.right.get(path).filter(|r| *r != text) else { continue };
        let Some(source) = Source::parse(path, text.clone()) else { continue };
        let made = propose(&source, &|_| true);
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        let wanted = bare(right);
        let same = made.iter().filter(|m| source.with(&m.edits).is_some_and(|t| bare(&t) == wanted));
        let exact = same.max_by(|a, b| a.prior.total_cmp(&b.prior));
        match exact {
            Some(m) => {
                let before = made.iter().filter(|o| o.prior > m.prior).count();
                println!(
                    "{before:>6} of {:>5} before it  {language}/{}: [{}] {}",
                    made.len(),
                    program.name,
                    m.operator,
                    m.words
                );
            }
            None => println!("NOT REACHED of {:>5}    {language}/{}", made.len(), program.name),
        }
    }
}
