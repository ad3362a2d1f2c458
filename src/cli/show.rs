//! One action as text: what it would do, why, and what an approval covers, for `rightseat show` and the home screen.

use super::args::Shared;
use super::list::fold;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, NOT_SO, daemon, fleet, print};
use crate::base::limits::DIFF_BYTES_MAX;
use crate::base::text::{Untrusted, foreign};
use crate::base::{ActionId, Digest, SessionId};
use crate::cli::limits::SHOWN_LINES_MAX;
use crate::diff::{self, FileDiff, LineKind};
use crate::journal::Reader;
use crate::model::session::ActionState;
use crate::model::{ActionBody, Content, FileEdit, Node, NodeKind, Session};
use crate::ui::action_words;
use crate::wire::{LineRole, Shown};

/// `rightseat show`.
pub fn show(shared: &Shared, machine: Option<&str>, session: &str, action: &str, json: bool) -> Done {
    let shown = match machine {
        Some(machine) => there(shared, machine, session, action)?,
        None => text(&Places::open(shared.state_dir())?.find(Some(session))?, &action.into())?,
    };
    if json {
        print(&serde_json::to_string(&shown).map_err(|e| Fail::usage(e.to_string()))?)?;
        return Ok(DONE);
    }
    print(&format!("{} {}: {}", shown.session, shown.action, shown.phase))?;
    for (_, line) in &shown.lines {
        print(&Untrusted::new(line.as_str()).visible())?;
    }
    if !shown.complete {
        print("(there is more than is shown here: `rightseat attach` shows it)")?;
    }
    print(&format!("digest {}", shown.digest))?;
    Ok(DONE)
}

/// As a machine of the fleet published it.
fn there(shared: &Shared, machine: &str, session: &str, action: &str) -> Result<Shown, Fail> {
    let runtime = daemon::runtime()?;
    let shown = runtime.block_on(fleet::shown(shared, machine, &session.into(), &action.into()));
    runtime.shutdown_background();
    shown.map_err(|text| Fail { text, code: NOT_SO })
}

/// The text of an action as the journal has it now.
pub fn text(place: &SessionPlace, action: &ActionId) -> Result<Shown, Fail> {
    let reader = Reader::open(&place.journal())?;
    let mut session = Session::default();
    fold(&reader, &mut session)?;
    let state = session.actions.get(action).ok_or_else(|| Fail {
        text: format!("{} has no action {action}; `rightseat inbox` lists what is pending", place.id),
        code: NOT_SO,
    })?;
    Ok(shown(&place.id, &reader, state))
}

/// The text of an action in this state.
pub fn shown(session: &SessionId, reader: &Reader, state: &ActionState) -> Shown {
    let mut text = Text { lines: Vec::new(), complete: true };
    text.action(reader, state);
    let complete = text.complete && text.lines.len() <= SHOWN_LINES_MAX;
    text.lines.truncate(SHOWN_LINES_MAX);
    Shown {
        session: session.clone(),
        action: state.action.id.clone(),
        digest: state.action.digest,
        phase: state.phase.words().to_owned(),
        lines: text.lines,
        complete,
    }
}

struct Text {
    lines: Vec<(LineRole, String)>,
    complete: bool,
}

impl Text {
    fn push(&mut self, role: LineRole, text: &str) {
        if text.is_empty() {
            self.lines.push((role, String::new()));
        }
        self.lines.extend(text.lines().map(|line| (role, line.to_owned())));
    }

    /// Something that is not here belongs to it.
    fn lacks(&mut self, why: &str) {
        self.complete = false;
        self.push(LineRole::Text, why);
    }

    /// What it is about comes first, then the whole of what would be done: the end of the text is the end of that.
    fn action(&mut self, reader: &Reader, state: &ActionState) {
        let action = &state.action;
        self.push(LineRole::Heading, &action_words(state));
        if let Some(why) = &action.rationale {
            self.push(LineRole::Text, "");
            self.push(LineRole::Text, &why.text);
            for evidence in &why.evidence {
                self.push(LineRole::Text, &format!("evidence: {}", evidence.text));
            }
        }
        self.push(LineRole::Text, "");
        if let Some(risk) = &action.risk {
            self.push(LineRole::Text, &format!("risk {}: {}", risk.score, risk.factors.join(", ")));
        }
        if let Some(ruled) = &state.ruled {
            self.push(LineRole::Text, &format!("rule {}: {}", ruled.rule, ruled.reason));
        }
        match state.held.as_ref().map(|held| (held.is_guarded(), held.confirm.as_ref())) {
            Some((_, Some(word))) => {
                self.push(LineRole::Heading, &format!("a guard rail: an approval needs the word {word}"));
            }
            Some((true, None)) => self.push(LineRole::Heading, "a guard rail: it is decided alone"),
            Some((false, None)) | None => {}
        }
        if let Some(detail) = state.finished.as_ref().and_then(|finished| finished.detail.as_ref()) {
            self.push(LineRole::Text, &format!("end: {detail}"));
        }
        self.push(LineRole::Text, "");
        match &action.body {
            ActionBody::Edit(files) => files.iter().for_each(|file| self.file(reader, file)),
            ActionBody::Command(command) | ActionBody::Trials(command, _) => {
                if let Some(shell) = &command.shell {
                    self.push(LineRole::Heading, shell);
                } else {
                    self.push(LineRole::Heading, &command.line());
                }
                if command.cwd != "." {
                    self.push(LineRole::Text, &format!("in {}", command.cwd));
                }
                for (name, value) in &command.env {
                    self.push(LineRole::Text, &format!("with {name}={value}"));
                }
                if let Some(touches) = action.touches.as_ref().filter(|touches| touches.files > 0) {
                    let more = if touches.more { "+" } else { "" };
                    self.push(LineRole::Text, &format!("would change {}{more} files:", touches.files));
                    touches.first.iter().for_each(|path| self.push(LineRole::Text, &format!("  {path}")));
                }
                if matches!(action.body, ActionBody::Trials(..)) {
                    self.lacks("it tries candidates within a budget: the session shows which");
                }
            }
            ActionBody::Read(path) => self.push(LineRole::Heading, path),
            ActionBody::Network(address) => self.push(LineRole::Heading, address),
            ActionBody::Plan(Some(plan)) => {
                self.push(LineRole::Text, &plan.text);
                self.complete &= plan.cut_bytes == 0;
            }
            ActionBody::Form(_) => self.lacks("questions: the session shows them with their answers"),
            ActionBody::Plan(None) | ActionBody::Other => self.push(LineRole::Heading, &action.title),
        }
    }

    fn file(&mut self, reader: &Reader, file: &FileEdit) {
        let from = file.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        self.push(LineRole::Heading, &format!("{} {}{from}", file.change.words(), file.path));
        if file.before_node != file.after_node {
            for (side, node) in [("before", file.before_node), ("after", file.after_node)] {
                self.push(LineRole::Heading, &format!("{side}: {}", node_words(node)));
            }
        }
        let sides = [&file.before, &file.after].map(|side| match side {
            None => Some(Vec::new()),
            Some(Content::Text(text)) => Some(text.clone().into_bytes()),
            Some(Content::Blob { digest, bytes }) => blob(reader, digest, *bytes),
        });
        let [Some(before), Some(after)] = sides else {
            return self.lacks("its content is too large to be shown here");
        };
        let diff = FileDiff::new(before, after);
        match diff.content {
            diff::Content::Text => {}
            diff::Content::Binary => return self.lacks("binary content differs"),
            diff::Content::TooLarge => return self.lacks("it is too large to be compared"),
        }
        for hunk in &diff.hunks {
            self.push(LineRole::Text, &format!("@@ -{} +{} @@", hunk.old_start, hunk.new_start));
            for line in &hunk.lines {
                let (role, sign) = match line.kind {
                    LineKind::Context => (LineRole::Text, ' '),
                    LineKind::Removed => (LineRole::Removed, '-'),
                    LineKind::Added => (LineRole::Added, '+'),
                };
                // One row a line, whatever is in it.
                self.lines.push((role, format!("{sign}{}", foreign::readable(line.body()))));
                if !line.text.ends_with(b"\n") {
                    self.push(LineRole::Text, "\\ No newline at end of file");
                }
            }
            if self.lines.len() > SHOWN_LINES_MAX {
                return;
            }
        }
    }
}

/// The kind and the mode of a file.
fn node_words(node: Option<Node>) -> String {
    let Some(Node { kind, mode }) = node else { return "as any new file, or none".to_owned() };
    let kind = match kind {
        NodeKind::File => "a file",
        NodeKind::Directory => "a directory",
        NodeKind::Link => "a symbolic link to",
    };
    mode.map_or_else(|| kind.to_owned(), |mode| format!("{kind}, mode {:o}", mode.bits()))
}

fn blob(reader: &Reader, digest: &Digest, bytes: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(bytes).ok().filter(|length| *length <= DIFF_BYTES_MAX)?;
    reader.blob(digest, 0, length).ok().filter(|bytes| bytes.len() == length)
}
