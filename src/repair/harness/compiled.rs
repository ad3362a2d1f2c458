//! Compiled languages: a batch is built once, variants that do not compile are taken out by their error lines, and the
//! test programs run under each of the rest.

use super::batch::trial;
use super::probe::{HIT, hits, instrument};
use super::schemata::{Schemata, build};
use super::{Attempt, Baseline, Case, Limits, Overlay, Spot, Verdict, Whole};
use crate::checks::{CoverageFormat, ProjectRoot, coverage};
use crate::model::TrialOutput;
use crate::repair::bench::Bench;
use crate::repair::limits;
use crate::repair::project::Project;
use crate::repair::runner::Runner;
use crate::repair::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const SHELL: &str = include_str!("../drivers/trial.sh");

/// The settings file of the shell driver.
struct Job<'a> {
    mode: &'a str,
    mutants: Vec<usize>,
    focus: Vec<String>,
    cpu_s: u64,
    cpu_ms: u64,
    batch_s: u64,
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl Job<'_> {
    fn text(&self, project: &Project) -> String {
        let is_rust = matches!(project.runner, Runner::Cargo { .. });
        let build = match &project.runner {
            Runner::Cargo { args } => {
                let args: Vec<String> = args.iter().map(|a| quoted(a)).collect();
                // No debug information and no warnings: links twice as fast.
                format!(
                    "CARGO_PROFILE_TEST_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=1 RUSTFLAGS=\"${{RUSTFLAGS:-}} --cap-lints=warn -Awarnings\" cargo test --no-run --offline --message-format=json {}",
                    args.join(" ")
                )
            }
            Runner::Go if self.mode == "baseline" => {
                // Of all packages: the mistake may be in another one than the test.
                let packages = project.go_module().map(|m| format!(" -coverpkg={}", quoted(&format!("{m}/..."))));
                format!("go test -c -vet=off -cover{}", packages.unwrap_or_default())
            }
            Runner::Go | Runner::Unittest { .. } | Runner::Pytest { .. } | Runner::Node { .. } => {
                "go test -c -vet=off -gcflags=-e".to_owned()
            }
        };
        let list = |items: &[String]| quoted(&items.join("\n"));
        let mutants: Vec<String> = self.mutants.iter().map(|i| (i + 1).to_string()).collect();
        format!(
            "KIND={}\nMODE={}\nBUILD={}\nDIRS={}\nMUTANTS={}\nFOCUS={}\nCPU_S={}\nCPU_MS={}\nBATCH_S={}\nGRACE={}\n",
            if is_rust { "rust" } else { "go" },
            self.mode,
            quoted(&build),
            list(&project.go_folders()),
            list(&mutants),
            list(&self.focus),
            self.cpu_s,
            self.cpu_ms,
            self.batch_s,
            limits::REPAIR_GRACE_CHANGES,
        )
    }
}

const RESULTS: [&str; 3] = ["out.txt", "build.json", "build.txt"];

fn collected(output: &TrialOutput, name: &str) -> String {
    let found = output.collected.iter().find(|(p, _)| p.as_str().ends_with(name));
    found.map(|(_, b)| String::from_utf8_lossy(b).into_owned()).unwrap_or_default()
}

pub async fn baseline<B: Bench>(bench: &mut B, project: &Project, overlay: &Overlay) -> Result<Baseline, B::Error> {
    let job = Job {
        mode: "baseline",
        mutants: Vec::new(),
        focus: Vec::new(),
        cpu_s: limits::REPAIR_BASELINE_TEST_CPU_S as u64,
        cpu_ms: (limits::REPAIR_BASELINE_TEST_CPU_S * 1000.0) as u64,
        batch_s: limits::REPAIR_BASELINE_MS_MAX / 1000,
    };
    let mut probes = Vec::new();
    let mut texts = overlay.clone();
    if matches!(project.runner, Runner::Cargo { .. }) {
        for (path, text) in &project.sources {
            let text = overlay.get(path).unwrap_or(text).clone();
            let probed = Source::parse(path, text).and_then(|s| instrument(&s, &mut probes));
            texts.extend(probed.map(|t| (path.clone(), t)));
        }
    }
    let what = "the unchanged tests, each on its own, with the blocks it executes".to_owned();
    let request = |texts: &Overlay| {
        trial(
            what.clone(),
            texts,
            ("trial.sh", SHELL),
            ("job.sh", job.text(project)),
            &RESULTS,
            limits::REPAIR_BASELINE_MS_MAX * 2,
        )
    };
    let mut output = bench.run(request(&texts)).await?;
    let mut text = collected(&output, "out.txt");
    if !text.starts_with("@built") && !probes.is_empty() {
        // Not every program takes probes: a crate without `std`, a macro that counts tokens.
        probes.clear();
        output = bench.run(request(overlay)).await?;
        text = collected(&output, "out.txt");
    }
    let mut found = Baseline::default();
    if !text.starts_with("@built") {
        let why = collected(&output, "build.txt");
        let why: Vec<&str> = why.lines().filter(|l| l.contains("error") || l.contains(".go:")).take(5).collect();
        found.problem = Some(format!("the tests do not build: {}", why.join("; ")));
        return Ok(found);
    }
    let module = project.go_module().filter(|m| !m.is_empty());
    for block in text.split("@case ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap_or((block, ""));
        let body = rest.split("@end").next().unwrap_or_default();
        let mut one = case(name.trim(), body, project, module);
        if let Some(case) = &mut one {
            for probe in hits(body).filter_map(|i| probes.get(i)) {
                case.lines.entry(probe.path.clone()).or_default().extend(&probe.lines);
            }
            case.lines.values_mut().for_each(|l| {
                l.sort_unstable();
                l.dedup();
            });
        }
        found.cases.extend(one);
    }
    if found.cases.is_empty() {
        found.problem = Some("no tests were found".to_owned());
    }
    Ok(found)
}

fn case(name: &str, body: &str, project: &Project, module: Option<&str>) -> Option<Case> {
    let passed = body
        .lines()
        .any(|l| l.starts_with(&format!("test {name} ... ok")) || l.starts_with(&format!("--- PASS: {name} ")))
        || (body.contains("test result: ok. 1 passed") && matches!(project.runner, Runner::Cargo { .. }));
    if body.contains("--- SKIP: ") && !passed
        || body.contains("... ignored")
        || body.contains(" 0 passed; 0 failed; 1 ignored")
    {
        return None;
    }
    let message: String = body
        .lines()
        .filter(|l| !l.starts_with("@cover") && !l.starts_with(HIT))
        .take(60)
        .collect::<Vec<_>>()
        .join("\n");
    let mut case = Case { id: name.to_owned(), passed, message, ms: took_ms(body), ..Case::default() };
    if !passed {
        case.spots = spots(&case.message, project);
    }
    case.lines = covered(body, module);
    Some(case)
}

/// Returns the duration of the test as the runner reports it: `--- PASS: TestX (0.12s)`, `finished in 0.12s`.
fn took_ms(body: &str) -> u64 {
    let said = body.lines().filter_map(|l| {
        let (_, tail) = l.rsplit_once(if l.starts_with("--- ") { " (" } else { "finished in " })?;
        tail.trim_end_matches(')').strip_suffix('s')?.parse::<f64>().ok()
    });
    (said.fold(0.0, f64::max) * 1000.0) as u64
}

/// The lines that a Go profile says were run; the driver prints its blocks behind `@cover`.
fn covered(body: &str, module: Option<&str>) -> BTreeMap<String, Vec<u32>> {
    let blocks = body.lines().filter_map(|l| l.strip_prefix("@cover "));
    let profile: String = ["mode: set"].into_iter().chain(blocks).map(|l| format!("{l}\n")).collect();
    let place = ProjectRoot { go_module: module.map(str::to_owned), ..ProjectRoot::default() };
    let files = coverage::read(CoverageFormat::GoProfile, &profile, &place).map(|c| c.files).unwrap_or_default();
    files.into_iter().map(|(path, lines)| (path, lines.into_iter().collect())).collect()
}

/// `path:line` in panic messages and traces, where the path is one of the project.
fn spots(text: &str, project: &Project) -> Vec<Spot> {
    let mut out = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\'' | '"')) {
        let mut pieces = word.split(':');
        let (Some(file), Some(line)) = (pieces.next(), pieces.next()) else { continue };
        let Ok(line) = line.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>() else { continue };
        let known = project.sources.keys().chain(project.tests.keys()).find(|p| {
            *p == file || (file.len() > 3 && (file.ends_with(&format!("/{p}")) || p.ends_with(&format!("/{file}"))))
        });
        if let Some(path) = known {
            out.insert(0, Spot { path: path.clone(), line, function: String::new() });
        }
    }
    out
}

pub async fn attempt<B: Bench>(
    bench: &mut B,
    project: &Project,
    overlay: &Overlay,
    batch: &[Attempt],
    limits: &Limits<'_>,
) -> Result<BTreeMap<usize, Verdict>, B::Error> {
    let present = |path: &str| overlay.get(path).or_else(|| project.sources.get(path)).cloned();
    let mut verdicts = BTreeMap::new();
    let inside: Vec<usize> = (0..batch.len()).filter(|i| batch.get(*i).is_some_and(|a| a.body.is_some())).collect();
    let outside: Vec<usize> = (0..batch.len()).filter(|i| !inside.contains(i)).collect();
    let mut waiting = vec![inside];
    let mut rounds = 0;
    while let Some(group) = waiting.pop() {
        if group.is_empty() || rounds >= limits::REPAIR_BUILD_ROUNDS_MAX {
            continue;
        }
        rounds += 1;
        let made = build(&present, batch, &group);
        let mut texts = overlay.clone();
        texts.extend(made.files.clone());
        let output = run(bench, project, &texts, &group, limits).await?;
        let text = collected(&output, "out.txt");
        if text.starts_with("@built") {
            verdicts.extend(read(&text, limits.focus));
            continue;
        }
        let bad = broken(&output, project, &made);
        for i in &bad {
            verdicts.insert(*i, Verdict { unbuilt: true, ..Verdict::default() });
        }
        let rest: Vec<usize> = group.iter().copied().filter(|i| !bad.contains(i)).collect();
        if bad.is_empty() && group.len() > 1 {
            let (one, other) = rest.split_at(rest.len() / 2);
            waiting.push(other.to_vec());
            waiting.push(one.to_vec());
        } else if !bad.is_empty() {
            waiting.push(rest);
        }
    }
    let began = Instant::now();
    for i in outside {
        let Some(attempt) = batch.get(i).filter(|_| began.elapsed().as_millis() < u128::from(limits.batch_ms)) else {
            break;
        };
        let mut texts = overlay.clone();
        texts.insert(attempt.path.clone(), attempt.text.clone());
        let output = run(bench, project, &texts, &[i], limits).await?;
        let text = collected(&output, "out.txt");
        if text.starts_with("@built") {
            verdicts.extend(read(&text, limits.focus));
        } else {
            verdicts.insert(i, Verdict { unbuilt: true, ..Verdict::default() });
        }
    }
    Ok(verdicts)
}

async fn run<B: Bench>(
    bench: &mut B,
    project: &Project,
    texts: &Overlay,
    group: &[usize],
    limits: &Limits<'_>,
) -> Result<TrialOutput, B::Error> {
    let job = Job {
        mode: "mutants",
        mutants: group.to_vec(),
        focus: limits.focus.to_vec(),
        cpu_s: (limits.test_cpu_s.ceil() as u64).max(1),
        cpu_ms: ((limits.test_cpu_s * 1000.0) as u64).max(limits::REPAIR_COMPILED_TEST_CPU_MS_MIN),
        batch_s: limits.batch_ms / 1000,
    };
    let what = format!("{} changes in one build against {} failing tests", group.len(), limits.focus.len());
    let timeout = limits.batch_ms + limits::REPAIR_BUILD_MS_MAX;
    bench.run(trial(what, texts, ("trial.sh", SHELL), ("job.sh", job.text(project)), &RESULTS, timeout)).await
}

/// The attempts whose lines the compiler complains about.
fn broken(output: &TrialOutput, project: &Project, made: &Schemata) -> BTreeSet<usize> {
    let mut bad = BTreeSet::new();
    if matches!(project.runner, Runner::Cargo { .. }) {
        for line in collected(output, "build.json").lines() {
            let Ok(record) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let Some(message) =
                record.get("message").filter(|m| m.get("level").and_then(|l| l.as_str()) == Some("error"))
            else {
                continue;
            };
            for span in message.get("spans").and_then(|s| s.as_array()).into_iter().flatten() {
                let path = span.get("file_name").and_then(|f| f.as_str()).unwrap_or_default();
                let number = span.get("line_start").and_then(serde_json::Value::as_u64).unwrap_or_default();
                let path = made.files.keys().find(|p| *p == path || p.ends_with(&format!("/{path}")));
                if let (Some(path), Ok(number)) = (path, u32::try_from(number)) {
                    bad.extend(made.owner(path, number));
                }
            }
        }
    }
    for line in collected(output, "build.txt").lines() {
        let mut pieces = line.trim_start_matches("./").split(':');
        let (Some(file), Some(number)) = (pieces.next(), pieces.next().and_then(|n| n.parse::<u32>().ok())) else {
            continue;
        };
        for path in
            made.files.keys().filter(|p| *p == file || p.ends_with(&format!("/{file}")) || file.ends_with(p.as_str()))
        {
            bad.extend(made.owner(path, number));
        }
    }
    bad
}

/// Verdicts from the driver's record.
fn read(text: &str, focus: &[String]) -> BTreeMap<usize, Verdict> {
    let mut out = BTreeMap::new();
    for block in text.split("@mutant ").skip(1) {
        let (number, rest) = block.split_once('\n').unwrap_or((block, ""));
        let Some(i) = number.trim().parse::<usize>().ok().and_then(|n| n.checked_sub(1)) else { continue };
        let (first, whole) = rest.split_once("@whole").map_or((rest, None), |(a, b)| (a, Some(b)));
        let (passed, failed) = outcomes(first);
        let fixed: Vec<String> = focus.iter().filter(|f| passed.contains(f) && !failed.contains(f)).cloned().collect();
        let whole = whole.map(|w| {
            let (passed, failed) = outcomes(w);
            Whole { passed, failed, ended: !w.contains("@stopped") }
        });
        out.insert(i, Verdict { fixed, whole, unbuilt: false });
    }
    out
}

/// Names that passed and failed in libtest's or go's own lines.
fn outcomes(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("test ") {
            let Some((name, word)) = rest.rsplit_once(" ... ") else { continue };
            let name = name.split(" - should panic").next().unwrap_or(name).to_owned();
            if word.starts_with("ok") {
                passed.push(name);
            } else if !word.starts_with("ignored") {
                failed.push(name);
            }
        } else if let Some(rest) = line.strip_prefix("--- PASS: ") {
            passed.push(rest.split(' ').next().unwrap_or_default().to_owned());
        } else if let Some(rest) = line.strip_prefix("--- FAIL: ") {
            failed.push(rest.split(' ').next().unwrap_or_default().to_owned());
        }
    }
    (passed, failed)
}
