//! `rightseat policy`: rulings without running anything.

use super::args::{PolicyCommand, Shared};
use super::compose::SystemClock;
use super::disk::LocalDisk;
use super::judge::tightened;
use super::place::Places;
use super::{DONE, Done, Fail, print, runner, settings};
use crate::base::Seq;
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::text::Untrusted;
use crate::cli::limits::POLICY_QUESTION_BYTES_MAX;
use crate::journal::Reader;
use crate::model::Envelope;
use crate::model::event::RulingWord;
use crate::policy::{Matter, Place, Policy, check, dry_run, shell};
use crate::port::Clock as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

pub fn policy(shared: &Shared, command: &PolicyCommand) -> Done {
    match command {
        PolicyCommand::Check { jsonl: _ } => answer_lines(shared),
        PolicyCommand::Explain { command } => explain(shared, command),
        PolicyCommand::DryRun { rules, session } => try_out(shared, rules, session),
    }
}

/// Returns the paths of our own files: no agent may write there, so policy must know them.
fn own(shared: &Shared) -> Vec<PathBuf> {
    let Ok(paths) = settings::paths(shared) else { return Vec::new() };
    vec![paths.config_dir().to_owned(), paths.state]
}

/// `policy check --jsonl`: one answer a line, in order, with the built-in rules and those given in the question.
fn answer_lines(shared: &Shared) -> Done {
    let policy = Policy::builtin(Vec::new());
    let place = Place {
        own: own(shared),
        disk: Some(&LocalDisk),
        now: Some(SystemClock.now()),
        ..Place::of(settings::workspace(shared)?)
    };
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut out = super::plain::stdout();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut input).take(POLICY_QUESTION_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let whole = line.ends_with(b"\n") || (line.len() as u64) < POLICY_QUESTION_BYTES_MAX;
        if !whole {
            input.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let answer = check::answer(&policy, text, &place);
        let written = serde_json::to_string(&answer).map_err(|e| Fail::usage(e.to_string()))?;
        match writeln!(out, "{written}").and_then(|()| if input.buffer().is_empty() { out.flush() } else { Ok(()) }) {
            // Whoever asked has read enough.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Ok(DONE),
            written => written?,
        }
    }
    match out.flush() {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        Ok(()) | Err(_) => Ok(DONE),
    }
}

/// A policy file; an error fails closed, and says where.
fn read(path: &Path, tests: Vec<Vec<String>>) -> Result<Policy, Fail> {
    let text = std::fs::read_to_string(path).map_err(|e| Fail::usage(format!("{}: {e}", path.display())))?;
    match Policy::with_file(tests, &path.display().to_string(), &text) {
        (policy, None) => Ok(policy),
        (_, Some(error)) => Err(Fail::usage(error.to_string())),
    }
}

/// `policy explain`: how a line is read, and who decides.
fn explain(shared: &Shared, line: &str) -> Done {
    let root = settings::workspace(shared)?;
    let tests = runner::tests_at(&root);
    let file = settings::paths(shared)?.policy;
    let policy = if file.exists() { read(&file, tests)? } else { Policy::builtin(tests) };
    let mut warnings = Vec::new();
    let guarded = settings::resolved(shared, &root)?.settings.guarded;
    let policy = tightened(policy, &root, &mut Vec::new(), &mut warnings).map_err(Fail::usage)?;
    let policy = policy.with_guarded(&guarded).map_err(|e| Fail::usage(format!("policy.guarded: {e}")))?;
    warnings.extend(policy.warnings());
    let place = Place { own: own(shared), disk: Some(&LocalDisk), now: Some(SystemClock.now()), ..Place::of(&root) };
    let judged = policy.judge(&Matter::line(line, &root), &place);
    let script = shell::read(line);
    let show = |text: &str| Untrusted::new(text).visible().into_owned();
    print(&format!("{}  {}", judged.word.word(), show(line)))?;
    print(&format!("rule     {}", show(&judged.rule)))?;
    print(&format!("reason   {}", show(&judged.reason)))?;
    print(&format!("class    {}", judged.class.as_str()))?;
    if let Some(confirm) = &judged.confirm {
        print(&format!("confirm  to approve it, type {}", show(confirm)))?;
    }
    for part in &script.parts {
        let words = part
            .words
            .iter()
            .map(|w| w.as_deref().map_or_else(|| "?".to_owned(), |w| shell_words::quote(w).into_owned()));
        let line = words.collect::<Vec<_>>().join(" ");
        if !line.is_empty() {
            print(&format!("command  {}", show(&line)))?;
        }
        for write in &part.writes {
            print(&format!("writes   {}", show(write.as_deref().unwrap_or("? (known only when it runs)"))))?;
        }
    }
    for warning in &warnings {
        print(&format!("warning  {}", show(warning)))?;
    }
    for doubt in &script.doubts {
        print(&format!("doubt    {}", show(doubt)))?;
    }
    let from = if file.exists() { file.display().to_string() } else { "built-in rules only".to_owned() };
    print(&format!("policy   {from}, {}", policy.digest()))?;
    Ok(DONE)
}

/// `policy dry-run`: what these rules would have said to a past session.
fn try_out(shared: &Shared, rules: &Path, session: &str) -> Done {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let envelopes = envelopes(&Reader::open(&place.journal())?)?;
    let workspace = place.options().map(|o| o.workspace).ok();
    let tests = workspace.as_deref().map(runner::tests_at).unwrap_or_default();
    let policy = read(rules, tests)?;
    let tried = dry_run::dry_run(&policy, &envelopes);
    let (mut changed, mut freed) = (0usize, 0usize);
    for one in &tried {
        if !one.changes() {
            continue;
        }
        changed += 1;
        freed += usize::from(one.now.word == RulingWord::Allow);
        let was = one.was.map_or("–", RulingWord::word);
        let title = Untrusted::new(one.title.as_str());
        let (now, rule) = (one.now.word.word(), Untrusted::new(one.now.rule.as_str()));
        print(&format!("{was:>5} → {now:<5}  {:<6} {} ({})", one.action.as_str(), title.visible(), rule.visible()))?;
    }
    print(&format!(
        "{} actions, {changed} would be decided differently, {freed} of them allowed without asking",
        tried.len()
    ))?;
    Ok(DONE)
}

fn envelopes(reader: &Reader) -> Result<Vec<Envelope>, Fail> {
    let mut all = Vec::new();
    let mut from = Seq(1);
    loop {
        let records = reader.read(from, CLIENT_READ_EVENTS_MAX)?;
        let Some(last) = records.last() else { return Ok(all) };
        from = last.seq.next();
        all.extend(records.iter().map(crate::journal::Record::envelope));
    }
}
