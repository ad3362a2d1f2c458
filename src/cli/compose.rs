//! Puts a session together: workspace, policy, checks, agent and journal.

use super::judge::{PolicyFiles, ProjectJudge};
use super::neighbors::Registry;
use super::options::SessionOptions;
use super::others::Others;
use super::place::SessionPlace;
use super::{Fail, maker, runner};
use crate::base::{RelPath, UnixMs};
use crate::checks::{Patterns, ProjectRoot, ProjectView, format_of};
use crate::config::{CheckSettings, Paths, Polling, TestCommand};
use crate::host::{ChecksSetup, Judge as _, Setup};
use crate::journal::{Journal, Signer};
use crate::model::Command;
use crate::port::{Clock, Workspace};
use crate::workspace::egress::Broker;
use crate::workspace::launch::Containment;
use crate::workspace::watch::Means;
use crate::workspace::{LiveWorkspace, Settings};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The files read from the configuration's directory.
const OWN_FILES: [&str; 5] = ["agents.toml", "models.toml", "policy.toml", "themes", "keymaps"];

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMs(since.map_or(0, |d| d.as_millis() as u64))
    }
}

/// Opens everything that a session in this place needs. Fails before anything is written to the journal.
pub fn setup(place: &SessionPlace, options: &SessionOptions) -> Result<Setup, Fail> {
    let launcher = std::env::current_exe()
        .map_err(|e| Fail::usage(format!("cannot determine the path of the rightseat executable: {e}")))?;
    let workspace = LiveWorkspace::open(Settings {
        root: options.workspace.clone(),
        state: place.store(),
        launcher,
        session: place.id.clone(),
        containment: Containment::default(),
    })
    .map_err(|e| Fail::usage(e.to_string()))?
    .passing(options.settings.env_pass.clone())
    .drilling(options.settings.stop.drill)
    .brokering(Broker::new(&options.settings.layer.broker, |name| std::env::var(name).ok()))
    .layered(&options.settings.layer, vec![place.state().to_owned()])
    .watching_by(means(options.settings.watch.poll), Duration::from_millis(options.settings.watch.poll_ms));
    let workspace: Arc<dyn Workspace> = Arc::new(workspace);
    let limit_ms = options.settings.checks.timeout_ms;
    let limited =
        |checks: ChecksSetup| ChecksSetup { command: Command { timeout_ms: limit_ms, ..checks.command }, ..checks };
    let checks =
        checks_of(workspace.root(), options).map(limited).inspect_err(|why| tracing::info!(%why, "no checks")).ok();
    let tests = checks.as_ref().map(|c| c.command.clone());
    let agent = maker::maker(options, tests.clone())?;
    let agents = Arc::new(Others::new(options.clone(), tests.clone())?);
    let mut warnings = Vec::new();
    let judge = judge(place, options, workspace.root(), tests, &mut warnings)?;
    let judge = judge.trusting_trials(agent.trusts_trials()).unwrap_or_else(|| Arc::new(judge));
    warnings.iter().for_each(|warning| super::complain(warning));
    let neighbors = Arc::new(Registry::enter(place.state(), &place.id, workspace.root()));
    let path = place.journal();
    let journal = if Journal::is_begun(&path) { Journal::open(&path)? } else { Journal::create(&path, &place.id)? };
    let journal = match Signer::load_or_make(&place.signing_key()) {
        Ok(signer) => journal.signed_by(Arc::new(signer))?,
        Err(error) => {
            warnings.push(format!("the record is not signed: {error}"));
            journal
        }
    };
    Ok(Setup {
        journal,
        journal_path: path,
        session: place.id.clone(),
        workspace,
        agent,
        agents,
        judge,
        clock: Arc::new(SystemClock),
        checks,
        mode: options.mode,
        goal: options.goal.clone(),
        plan: options.plan.clone(),
        warnings,
        neighbors,
        unattended_freeze: Some(options.settings.stop.unattended_freeze_min)
            .filter(|minutes| *minutes > 0)
            .map(minutes),
        is_detached: options.detached,
        idle_exit: Some(options.settings.keeping.idle_exit_min).filter(|minutes| *minutes > 0).map(minutes),
    })
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes.saturating_mul(60))
}

fn means(poll: Polling) -> Means {
    match poll {
        Polling::Auto => Means::Auto,
        Polling::Always => Means::Polling,
        Polling::Never => Means::Events,
    }
}

/// The rules in force. A policy file that cannot be read makes everything ask, and is said aloud.
fn judge(
    place: &SessionPlace,
    options: &SessionOptions,
    root: &Path,
    tests: Option<Command>,
    warnings: &mut Vec<String>,
) -> Result<ProjectJudge, Fail> {
    let config = Paths::dir_of(options.config.as_deref())?;
    let files = PolicyFiles {
        user: config.join("policy.toml"),
        root: root.to_owned(),
        tests: tests.iter().map(Command::spawn_argv).collect(),
        checks: tests,
        guarded: options.settings.guarded.clone(),
        weights: options.settings.risk,
        trusts_trials: false,
    };
    let sessions = place.dir.parent().unwrap_or(&place.dir).to_owned();
    // Agents must not write the reports of sessions.
    let mut own = vec![sessions, place.state().join(super::neighbors::DIR), place.state().join(super::place::KEYS)];
    match &options.config {
        // The file named may lie anywhere, also in or above the project: what is ours there has names.
        Some(file) => {
            own.push(file.clone());
            own.extend(OWN_FILES.iter().map(|name| config.join(name)));
        }
        None => own.push(config),
    }
    let (judge, faults) = ProjectJudge::open(files, own).map_err(Fail::usage)?;
    warnings.extend(faults);
    Ok(judge)
}

/// The configured test command with the format that the configuration, its words or else its output tell; without one,
/// the detected runner.
fn checks_of(root: &Path, options: &SessionOptions) -> Result<ChecksSetup, String> {
    let checks = &options.settings.checks;
    let setup = runner_of(root, checks)?;
    let (passed, failed, skipped) = (checks.passed.as_deref(), checks.failed.as_deref(), checks.skipped.as_deref());
    let patterns = Patterns::new(passed, failed, skipped)?;
    let file = checks.coverage_file.as_ref().and_then(|file| RelPath::new(file).ok());
    let timed = |command: &TestCommand| Command { env: setup.command.env.clone(), ..command_of(command) };
    let coverage = checks.coverage_command.as_ref().map(timed).zip(file);
    Ok(ChecksSetup { run_after: checks.run_after, patterns, coverage, ..setup })
}

fn command_of(words: &TestCommand) -> Command {
    match words {
        TestCommand::Argv(argv) => Command::argv(argv.clone()),
        TestCommand::Line(line) => Command::shell(line.clone()),
    }
}

fn runner_of(root: &Path, checks: &CheckSettings) -> Result<ChecksSetup, String> {
    let project = runner::view(root);
    let Some(command) = checks.command.as_ref().map(command_of) else { return detected(root, &project) };
    let parser = checks.format.unwrap_or_else(|| format_of(&command.line(), &project));
    let found = runner::best(&project).ok();
    let command = Command { env: found.as_ref().map(|r| r.env.clone()).unwrap_or_default(), ..command };
    let place = ProjectRoot { root: Some(root.display().to_string()), go_module: found.and_then(|r| r.go_module) };
    Ok(ChecksSetup::new(command, parser, place, None))
}

/// The project's runner, as far as its files and the PATH tell.
fn detected(root: &Path, project: &ProjectView) -> Result<ChecksSetup, String> {
    let runner = runner::best(project)?.started();
    let place = ProjectRoot { root: Some(root.display().to_string()), go_module: runner.go_module.clone() };
    let command = Command { env: runner.env.clone(), ..Command::argv(runner.argv.clone()) };
    Ok(ChecksSetup::new(command, runner.parser, place, Some(runner)))
}
