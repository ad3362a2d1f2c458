//! Interpreted languages: one driver process takes a list of changed files and tries them one after the other.

use super::{Attempt, Baseline, Case, Limits, Overlay, Spot, Verdict, Whole};
use crate::base::RelPath;
use crate::model::{Trial, TrialOutput};
use crate::repair::bench::Bench;
use crate::repair::limits;
use crate::repair::project::Project;
use crate::repair::runner::Runner;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Folder of the drivers inside a candidate.
pub const FOLDER: &str = ".rightseat-trial";
/// Index of the driver among the approved commands.
pub const DRIVER: usize = 1;

/// A start on a busy machine may take this many times as long.
const PROCESS_FACTOR: f64 = 3.0;

const PYTHON: &str = include_str!("../drivers/trial.py");
const NODE: &str = include_str!("../drivers/trial.cjs");

/// A trial of the driver with these files beside it.
pub fn trial(
    what: String,
    overlay: &Overlay,
    driver: (&str, &str),
    job: (&str, String),
    results: &[&str],
    timeout_ms: u64,
) -> Trial {
    let file = |name: &str| RelPath::new(&format!("{FOLDER}/{name}")).ok();
    let mut edits: Vec<(RelPath, Option<Vec<u8>>)> = Vec::new();
    for (path, text) in overlay {
        if let Ok(path) = RelPath::new(path) {
            edits.push((path, Some(text.clone().into_bytes())));
        }
    }
    edits.extend(file(driver.0).map(|p| (p, Some(driver.1.as_bytes().to_vec()))));
    edits.extend(file(job.0).map(|p| (p, Some(job.1.into_bytes()))));
    Trial {
        what,
        edits,
        command: DRIVER,
        env: Vec::new(),
        timeout_ms,
        collect: results.iter().filter_map(|r| file(r)).collect(),
        record_cases: false,
    }
}

fn script(project: &Project) -> (&'static str, &'static str) {
    if matches!(project.runner, Runner::Node { .. }) { ("trial.cjs", NODE) } else { ("trial.py", PYTHON) }
}

fn job(project: &Project, mode: &str) -> Value {
    let mut job = match &project.runner {
        Runner::Pytest { args, .. } => json!({"mode": mode, "runner": "pytest", "args": args}),
        Runner::Unittest { args, .. } => json!({"mode": mode, "runner": "unittest", "args": args}),
        Runner::Node { argv, env, format, apart } => json!({
            "mode": mode,
            "argv": argv,
            "env": env.iter().cloned().collect::<BTreeMap<_, _>>(),
            "apart": apart,
            "files": if *apart { project.node_files() } else { Vec::new() },
            "format": format.word(),
            "coverage_ms": limits::REPAIR_COVERAGE_MS_MAX,
        }),
        Runner::Cargo { .. } | Runner::Go => Value::Null,
    };
    set(&mut job, "grace", json!(limits::REPAIR_GRACE_CHANGES));
    job
}

fn set(job: &mut Value, key: &str, value: Value) {
    if let Some(map) = job.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

pub async fn baseline<B: Bench>(bench: &mut B, project: &Project, overlay: &Overlay) -> Result<Baseline, B::Error> {
    let mut job = job(project, "baseline");
    set(&mut job, "test_cpu_s", json!(limits::REPAIR_BASELINE_TEST_CPU_S));
    set(&mut job, "wall_s", json!(limits::REPAIR_BASELINE_MS_MAX / 1000));
    set(&mut job, "child_cpu_s", json!(limits::REPAIR_BASELINE_MS_MAX / 1000));
    set(&mut job, "timeout_ms", json!(limits::REPAIR_BASELINE_TEST_CPU_S * 2000.0));
    let what = "the unchanged tests, with the lines each one executes".to_owned();
    let request = trial(
        what,
        overlay,
        script(project),
        ("job.json", job.to_string()),
        &["out.jsonl"],
        limits::REPAIR_BASELINE_MS_MAX + 5000,
    );
    let output = bench.run(request).await?;
    let mut found = Baseline::default();
    for record in records(&output) {
        found.process_ms = record.get("process_ms").and_then(Value::as_u64).filter(|ms| *ms > 0).or(found.process_ms);
        let Some(id) = record.get("case").and_then(Value::as_str) else { continue };
        found.cases.push(Case {
            id: id.to_owned(),
            passed: record.get("status").and_then(Value::as_str) == Some("passed"),
            message: record.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
            spots: spots(&record),
            ms: record.get("ms").and_then(Value::as_u64).unwrap_or_default(),
            lines: lines(&record),
        });
    }
    if found.cases.is_empty() {
        let tail = String::from_utf8_lossy(&output.stderr);
        let tail: String =
            tail.lines().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
        let said = if tail.trim().is_empty() { "and no output".to_owned() } else { format!("but this output: {tail}") };
        found.problem = Some(format!("the tests gave no results {said}"));
    }
    Ok(found)
}

fn records(output: &TrialOutput) -> Vec<Value> {
    let bytes = output.collected.first().map(|(_, b)| b.as_slice()).unwrap_or_default();
    String::from_utf8_lossy(bytes).lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

fn spots(record: &Value) -> Vec<Spot> {
    let Some(list) = record.get("frames").and_then(Value::as_array) else { return Vec::new() };
    list.iter()
        .filter_map(|f| {
            let path = f.get(0)?.as_str()?.to_owned();
            let line = u32::try_from(f.get(1)?.as_u64()?).ok()?;
            Some(Spot { path, line, function: f.get(2)?.as_str()?.to_owned() })
        })
        .collect()
}

fn lines(record: &Value) -> BTreeMap<String, Vec<u32>> {
    let Some(map) = record.get("lines").and_then(Value::as_object) else { return BTreeMap::new() };
    map.iter()
        .map(|(path, list)| {
            let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
            (path.clone(), list.iter().filter_map(Value::as_u64).filter_map(|n| u32::try_from(n).ok()).collect())
        })
        .collect()
}

pub async fn attempt<B: Bench>(
    bench: &mut B,
    project: &Project,
    overlay: &Overlay,
    batch: &[Attempt],
    limits: &Limits<'_>,
) -> Result<BTreeMap<usize, Verdict>, B::Error> {
    let mut job = job(project, "mutants");
    let mutants: Vec<Value> =
        batch.iter().enumerate().map(|(i, a)| json!({"id": i, "files": {a.path.as_str(): a.text}})).collect();
    set(&mut job, "mutants", json!(mutants));
    set(&mut job, "focus", json!(limits.focus));
    set(&mut job, "test_cpu_s", json!(limits.test_cpu_s));
    let count = limits.focus.len().max(1);
    let cpu = (limits.test_cpu_s * (count.min(8) as f64 + 1.0)) as u64 + 1;
    // The hard limit is for what no signal can stop: one operation on a number of a million digits.
    set(&mut job, "child_cpu_s", json!(cpu));
    set(&mut job, "wall_s", json!(cpu * 3));
    set(&mut job, "batch_s", json!(limits.batch_ms as f64 / 1000.0));
    set(&mut job, "batch_ms", json!(limits.batch_ms));
    // Wall time, with room for a busy machine: Node cannot stop one test alone.
    set(&mut job, "timeout_ms", json!(limits.test_cpu_s * 1000.0 * 2.0 + limits.process_ms as f64 * PROCESS_FACTOR));
    let files = focus_files(limits.focus, project);
    set(&mut job, "focus_files", json!(files));
    let what = format!("{} changes against {} failing tests", batch.len(), limits.focus.len());
    let request = trial(
        what,
        overlay,
        script(project),
        ("job.json", job.to_string()),
        &["out.jsonl"],
        limits.batch_ms + cpu * 4000 + limits.process_ms * 6 + 5000,
    );
    let output = bench.run(request).await?;
    Ok(records(&output).iter().filter_map(verdict).collect())
}

/// Node's cases begin with their file.
fn focus_files(focus: &[String], project: &Project) -> Vec<String> {
    let all = project.node_files();
    let mut files: Vec<String> = focus
        .iter()
        .filter_map(|id| id.split(" > ").next())
        .filter(|f| all.iter().any(|a| a == f))
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}

fn verdict(record: &Value) -> Option<(usize, Verdict)> {
    let id = usize::try_from(record.get("mutant")?.as_u64()?).ok()?;
    let list = |value: Option<&Value>| -> Vec<String> {
        value
            .and_then(Value::as_array)
            .map(|l| l.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let whole = record.get("whole").map(|w| Whole {
        passed: list(w.get("passed")),
        failed: list(w.get("failed")),
        ended: w.get("ended").and_then(Value::as_bool).unwrap_or_default(),
    });
    Some((id, Verdict { fixed: list(record.get("passed")), whole, unbuilt: false }))
}
