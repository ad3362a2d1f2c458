//! A bench for tests: real processes in a temporary copy, and small one-bug programs from text fixtures.

use rightseat::model::{Trial, TrialOutput};
use rightseat::repair::{self, Bench, Project};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program with one mistake: files with it, files without it, and tests the search does not see.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub name: String,
    pub files: BTreeMap<String, String>,
    pub right: BTreeMap<String, String>,
    pub hidden: BTreeMap<String, String>,
}

/// Reads a fixture: `=== name` opens a program, `--- path` a file, `--- hidden path` a hidden test; `{{right||wrong}}`
/// marks the mistake.
pub fn programs(text: &str) -> Vec<Program> {
    let mut out: Vec<Program> = Vec::new();
    for block in text.split("\n=== ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap_or((block, ""));
        let mut program = Program { name: name.trim().to_owned(), ..Program::default() };
        for file in format!("\n{rest}").split("\n--- ").skip(1) {
            let (path, body) = file.split_once('\n').unwrap_or((file, ""));
            let body = format!("{}\n", body.trim_end());
            match path.trim().strip_prefix("hidden ") {
                Some(path) => {
                    program.hidden.insert(path.to_owned(), body);
                }
                None => {
                    program.files.insert(path.trim().to_owned(), choose(&body, false));
                    program.right.insert(path.trim().to_owned(), choose(&body, true));
                }
            }
        }
        let cargo = program.files.keys().any(|p| p.ends_with(".rs")) && !program.files.contains_key("Cargo.toml");
        let go = program.files.keys().any(|p| p.ends_with(".go")) && !program.files.contains_key("go.mod");
        for files in [&mut program.files, &mut program.right] {
            if cargo {
                files.insert(
                    "Cargo.toml".into(),
                    "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n".into(),
                );
            }
            if go {
                files.insert("go.mod".into(), "module sample\n\ngo 1.21\n".into());
            }
        }
        out.push(program);
    }
    out
}

fn choose(text: &str, right: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((both, tail)) = after.split_once("}}").filter(|(b, _)| b.contains("||")) else {
            out.push_str(before);
            out.push_str("{{");
            rest = after;
            continue;
        };
        let (good, bad) = both.split_once("||").unwrap();
        out.push_str(before);
        out.push_str(if right { good } else { bad });
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Runs trials in a directory.
#[derive(Debug)]
pub struct DirBench {
    pub root: PathBuf,
    commands: Vec<Vec<String>>,
    pub trials: usize,
}

impl DirBench {
    pub fn new(root: &Path, project: &Project) -> Self {
        let commands = repair::commands(project).iter().map(|c| c.spawn_argv()).collect();
        Self { root: root.to_owned(), commands, trials: 0 }
    }

    fn perform(&mut self, trial: &Trial) -> TrialOutput {
        self.trials += 1;
        let mut kept = Vec::new();
        for (path, bytes) in &trial.edits {
            let full = self.root.join(path.as_str());
            kept.push((full.clone(), std::fs::read(&full).ok()));
            if let Some(bytes) = bytes {
                std::fs::create_dir_all(full.parent().unwrap()).unwrap();
                std::fs::write(&full, bytes).unwrap();
            } else {
                let _ = std::fs::remove_file(&full);
            }
        }
        let output = execute(&self.root, &self.commands[trial.command], Duration::from_millis(trial.timeout_ms));
        if std::env::var("VERBOSE").is_ok() {
            println!(
                "   trial: {} took {} ms {:?} {}",
                trial.what,
                output.ms,
                output.exit,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let collected: Vec<_> = trial
            .collect
            .iter()
            .filter_map(|p| std::fs::read(self.root.join(p.as_str())).ok().map(|b| (p.clone(), b)))
            .collect();
        for (path, bytes) in kept {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => {
                    let _ = std::fs::remove_file(&path);
                }
            }
        }
        TrialOutput { collected, ..output }
    }
}

impl Bench for DirBench {
    type Error = Infallible;

    async fn run(&mut self, trial: Trial) -> Result<TrialOutput, Infallible> {
        Ok(self.perform(&trial))
    }

    async fn report(&mut self, step: repair::Step) -> Result<(), Infallible> {
        if std::env::var("VERBOSE").is_ok() {
            println!("   {step:?}");
        }
        Ok(())
    }
}

/// One command with a time limit; what it printed.
pub fn execute(root: &Path, argv: &[String], limit: Duration) -> TrialOutput {
    let began = Instant::now();
    let mut child = Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir(root)
        .env("GOFLAGS", "-mod=mod")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("{argv:?}: {e}"));
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let out = std::thread::spawn(move || {
        let mut b = Vec::new();
        let _ = stdout.read_to_end(&mut b);
        b
    });
    let err = std::thread::spawn(move || {
        let mut b = Vec::new();
        let _ = stderr.read_to_end(&mut b);
        b
    });
    let mut timed_out = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > limit {
            timed_out = true;
            // With its children: one that runs for ever would keep the pipes open.
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
            let _ = child.kill();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    TrialOutput {
        exit: status.code(),
        timed_out,
        stdout: out.join().unwrap(),
        stderr: err.join().unwrap(),
        ms: began.elapsed().as_millis() as u64,
        ..TrialOutput::default()
    }
}

/// Makes what lies in a folder (`node_modules`) be found in a program's directory too.
pub fn link(from: &Path, root: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::os::unix::fs::symlink(entry.path(), root.join(entry.file_name())).unwrap();
    }
}

/// Writes files below a directory.
pub fn write(root: &Path, files: &BTreeMap<String, String>) {
    for (path, text) in files {
        let full = root.join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }
}
