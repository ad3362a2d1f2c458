//! What each fuzz target does with bytes. `tests/fuzz.rs` runs the same bodies on a small corpus in the ordinary tests.

use rightseat::base::text::ansi::AnsiLines;
use rightseat::base::text::hidden::is_hidden;
use rightseat::base::text::{Untrusted, width};
use rightseat::checks::parsers::PARSERS;
use rightseat::checks::{CheckEvent, CheckStream, ProjectRoot};
use rightseat::diff::{FileDiff, Selection, merge};
use rightseat::model::event::RulingWord;
use rightseat::policy::{Matter, Place, Policy, check, shell};
use rightseat::wire::{self, Request};
use std::path::Path;

/// A body, by the name of its target.
pub type Body = fn(&[u8]);

pub const BODIES: &[(&str, Body)] = &[
    ("wire_frames", wire_frames),
    ("acp_lines", acp_lines),
    ("text_shown", text_shown),
    ("shell_lines", shell_lines),
    ("check_outputs", check_outputs),
    ("diff_parts", diff_parts),
];

/// Frames as a client sends them: every line is a message or an error, whatever is in it.
pub fn wire_frames(bytes: &[u8]) {
    let input = std::io::Cursor::new(bytes.to_vec());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (mut reader, _) = wire::pair(input, tokio::io::sink());
        while let Some(Ok(frame)) = reader.next().await {
            let Ok(message) = frame else { continue };
            let line = message.to_line().expect("what was read can be written");
            assert!(!line.contains('\n'), "a frame of more than one line");
            let again = wire::Message::parse(&line).expect("what was written can be read");
            assert_eq!(again.to_line().expect("a line"), line);
            if let wire::Message::Request { method, params, .. } = message {
                let _ = Request::parse(&method, params.as_deref());
            }
        }
    });
}

/// What an external agent writes to its output.
pub fn acp_lines(bytes: &[u8]) {
    let _ = rightseat::agent::acp::fold_updates(bytes);
}

/// Foreign text on its way to the screen: nothing that controls or hides comes out, and columns are counted right.
pub fn text_shown(bytes: &[u8]) {
    let text = Untrusted::from_bytes(bytes);
    let shown = text.visible();
    assert!(!shown.chars().any(is_hidden), "{shown:?}");
    for line in text.visible_lines() {
        assert!(!line.chars().any(is_hidden), "{line:?}");
        let _ = width::cut_end(&line, 20);
    }
    let mut lines = AnsiLines::default();
    let mut whole = Vec::new();
    for chunk in bytes.chunks(1 + bytes.len() / 3) {
        lines.push(chunk, |line| whole.push(line));
    }
    whole.extend(lines.finish());
    let once = rightseat::base::text::ansi::lines(bytes);
    assert_eq!(format!("{whole:?}"), format!("{once:?}"), "the cut of the stream shows");
}

/// A command line: no panic, and nothing is allowed that two readings differ on or that is no plain command.
pub fn shell_lines(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let script = shell::read(text);
    assert!(script.simples.is_empty() || script.doubts.is_empty());
    let policy = Policy::builtin(Vec::new()).with_patterns(&["ls*".into(), "git log*".into(), "find *".into()]);
    let judged = policy.judge(&Matter::line(text, Path::new("/w")), &Place::of("/w"));
    if judged.word == RulingWord::Allow {
        assert!(!text.contains(['$', '`', '\0']) || text.contains('\''), "{text:?}");
        for word in ["sudo", "-exec", "-delete", "--output", "--upload-pack", "/etc/passwd", "../"] {
            let is_word = script.simples.iter().flat_map(|s| &s.argv).any(|w| w == word);
            let speaks = script.simples.iter().all(|s| s.argv.first().is_some_and(|p| p == "echo" || p == "grep"));
            assert!(!is_word || speaks || word == "sudo", "{text:?}");
        }
    }
    let line = format!("{{\"kind\":\"command\",\"command\":{}}}", serde_json::Value::from(text));
    let _ = check::answer(&policy, &line, &Place::of("/w"));
    let _ = check::answer(&policy, text, &Place::of("/w"));
}

/// Output of a test run through every parser, whole and in pieces.
pub fn check_outputs(bytes: &[u8]) {
    for (kind, _) in PARSERS {
        let run = |pieces: usize| {
            let mut stream = CheckStream::new(*kind, ProjectRoot::default());
            let mut events = Vec::new();
            for chunk in bytes.chunks((bytes.len() / pieces).max(1)) {
                events.extend(stream.feed(chunk));
            }
            events.extend(stream.finish(Some(0)));
            assert!(matches!(events.last(), Some(CheckEvent::Finished(_))), "{kind:?} did not finish");
            format!("{:?}", stream.cases())
        };
        assert_eq!(run(1), run(7), "{kind:?}: the cut of the stream shows");
    }
}

/// Two or three versions of a file, cut at bytes 0xff: all parts are the new one, none the old, and a merge loses nothing.
pub fn diff_parts(bytes: &[u8]) {
    let mut versions = bytes.splitn(3, |b| *b == 0xff).map(<[u8]>::to_vec);
    let (old, new) = (versions.next().unwrap_or_default(), versions.next().unwrap_or_default());
    let other = versions.next().unwrap_or_else(|| old.clone());
    let diff = FileDiff::new(old.clone(), new.clone());
    if let Ok(all) = diff.apply(&Selection::all(&diff)) {
        assert_eq!(all, new, "all parts are not the new version");
    }
    if let Ok(none) = diff.apply(&Selection::none()) {
        assert_eq!(none, old, "no parts are not the old version");
    }
    for hunk in 0..diff.hunks.len() {
        let _ = diff.apply(&Selection(vec![rightseat::diff::HunkChoice::Whole(hunk)]));
    }
    if let Ok(merged) = merge(old.clone(), new.clone(), old.clone()) {
        assert_eq!(merged.clean().as_deref(), Some(new.as_slice()), "one side changed and the merge is another");
    }
    if let (Ok(one), Ok(two)) = (merge(old.clone(), new.clone(), other.clone()), merge(old, other, new)) {
        assert_eq!(one.conflicts(), two.conflicts(), "whose change is called ours decides");
    }
}
