//! The actions an agent proposes, in the words and shapes of the wire, and the digest that consent binds to.

use crate::base::{ActionId, Digest, RelPath, StepId};
use crate::model::draft::Draft;
use crate::model::form::Form;
use crate::model::limits::CONTENT_INLINE_BYTES_MAX;
use crate::model::node::Node;
use crate::model::offer::RequestOption;
use crate::model::open::EvidenceKind;
use crate::model::plan::PlanDocument;
use serde::{Deserialize, Serialize};

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Edit,
    Command,
    Read,
    Network,
    Plan,
    Other,
}

/// The kind of change that happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    Modify,
    Create,
    Delete,
    Rename,
}

impl FileChange {
    /// As something that happened to the file.
    pub fn words(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Delete => "deleted",
            Self::Modify => "modified",
            Self::Rename => "renamed",
        }
    }
}

/// File content in an event: the text itself when it is UTF-8 and at most 64 KiB, else a pointer to a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Blob { digest: Digest, bytes: u64 },
}

impl Content {
    /// The event form of these bytes. Bytes that do not fit inline must be put into the blob store by the caller.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= CONTENT_INLINE_BYTES_MAX => Self::Text(text.to_owned()),
            Ok(_) | Err(_) => Self::Blob { digest: Digest::of(bytes), bytes: bytes.len() as u64 },
        }
    }

    pub fn digest(&self) -> Digest {
        match self {
            Self::Text(text) => Digest::of(text.as_bytes()),
            Self::Blob { digest, .. } => *digest,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Blob { bytes, .. } => *bytes,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text, if it is here and not in a blob.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blob { .. } => None,
        }
    }
}

/// One file of an edit. `before` is what the disk held when the action was proposed, never what the agent claims.
/// For `rename`, `from` is the old path and `path` the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdit {
    pub path: RelPath,
    pub change: FileChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RelPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Content>,
    /// Set where more than bytes counts: the edit then is about exactly this node, and a link is not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_node: Option<Node>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_node: Option<Node>,
}

impl FileEdit {
    /// The path whose present content `before` describes.
    pub fn source(&self) -> &RelPath {
        self.from.as_ref().unwrap_or(&self.path)
    }
}

/// A command line: exactly one of `argv` and `shell` is set. `cwd` is relative to the workspace, "." for its root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(default = "here")]
    pub cwd: String,
    /// Set beside the inherited allow-list; part of what is approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// Time limit, milliseconds; 0 = the configured default.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeout_ms: u64,
}

fn here() -> String {
    ".".to_owned()
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Command {
    pub fn argv<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self { argv: Some(words.into_iter().map(Into::into).collect()), cwd: here(), ..Self::default() }
    }

    pub fn shell(line: impl Into<String>) -> Self {
        Self { shell: Some(line.into()), cwd: here(), ..Self::default() }
    }

    /// One line for people: the shell text, or the argv with shell quoting.
    pub fn line(&self) -> String {
        match (&self.shell, &self.argv) {
            (Some(shell), _) => shell.clone(),
            (None, Some(argv)) => shell_words::join(argv),
            (None, None) => String::new(),
        }
    }

    /// Returns the argv to spawn: argv as it is, or `sh -c` with the text.
    pub fn spawn_argv(&self) -> Vec<String> {
        match (&self.shell, &self.argv) {
            (Some(shell), _) => vec!["sh".into(), "-c".into(), shell.clone()],
            (None, Some(argv)) => argv.clone(),
            (None, None) => Vec::new(),
        }
    }
}

/// The content of an action, by kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Edit(Vec<Draft>),
    Command(Command),
    /// A file, or a directory: then every source file below it is read. As the agent gave it.
    Read(String),
    Network(String),
    /// Consent to a plan; without a document its title is all there is.
    Plan(Option<Box<PlanDocument>>),
    /// Questions to the user: an approval answers them.
    Form(Box<Form>),
    Other,
}

/// Something an action rests on. `kind` says what `ref` means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// In words, for the Why pane.
    pub text: String,
    /// A path, run id, case name or action id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Evidence {
    pub fn new(kind: impl Into<EvidenceKind>, text: impl Into<String>) -> Self {
        Self { kind: kind.into(), text: text.into(), r#ref: None, line: None }
    }

    pub fn at(mut self, reference: impl Into<String>, line: Option<u32>) -> Self {
        self.r#ref = Some(reference.into());
        self.line = line;
        self
    }
}

/// The reason for an action, in the agent's words, with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rationale {
    pub text: String,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// The risk of an action: 0 nothing … 100 stop and think. Computed by us, never by the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    pub score: u8,
    #[serde(default)]
    pub factors: Vec<String>,
}

/// The files a command would change, according to its words and the disk when it was proposed. Nothing was run to know
/// it, and it is not part of the consent: the disk may have changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    /// Number of existing files among them.
    pub files: u64,
    /// The first of them by name, bounded: relative to the workspace, or absolute outside; foreign text.
    #[serde(default)]
    pub first: Vec<String>,
    /// Counting stopped at `files`: there are more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Not all of them need be meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most: bool,
    /// The parts that could not be determined, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A standing permission to try private candidates under one decision: these commands, this often,
/// never in the workspace itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBudget {
    pub runs_max: u32,
    pub wall_ms_max: u64,
    /// The only commands that may run, byte for byte; a trial names one by index. A variable whose name begins with
    /// `RIGHTSEAT_` may be added to the environment of a trial.
    pub commands: Vec<Command>,
}

/// The side that carries the action out once it is approved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// rightseat itself, byte for byte what was approved.
    #[default]
    Host,
    /// The agent, which only asked: what it does is watched, not enforced.
    Agent,
}

/// Lines of a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    pub from: u32,
    /// The number of them; absent for all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
}

impl LineRange {
    /// The lines that a request names by its first one and their number; `None` where it means the whole file.
    pub fn of(first: Option<u64>, count: Option<u64>) -> Option<Self> {
        if first.is_none_or(|first| first <= 1) && count.is_none() {
            return None;
        }
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Self { from: number(first.unwrap_or(1)).max(1), lines: count.map(number) })
    }

    /// For people: `lines 3–9`, or `lines 3 on`.
    pub fn words(self) -> String {
        match self.lines {
            Some(1) => format!("line {}", self.from),
            Some(lines) => {
                format!("lines {}\u{2013}{}", self.from, self.from.saturating_add(lines.saturating_sub(1)))
            }
            None => format!("lines {} on", self.from),
        }
    }
}

/// The input from an agent: an action without id, revision, digest or risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub title: String,
    pub body: Body,
    pub rationale: Option<Rationale>,
    pub step: Option<StepId>,
    pub executor: Executor,
    /// The command runs checks: parse its output with the detected runner's parser.
    pub checks: bool,
    pub trial: Option<TrialBudget>,
    /// The answers that the agent offers to its own request.
    pub options: Vec<RequestOption>,
    /// Of a request in the agent's own words: covers all of them, also what the body does not hold.
    pub request: Option<Digest>,
    /// Of a read: the lines that the agent is shown.
    pub part: Option<LineRange>,
    /// Of an edit: found in the agent's candidate.
    pub candidate: bool,
}

impl Proposal {
    pub fn new(title: impl Into<String>, body: Body) -> Self {
        Self {
            title: title.into(),
            body,
            rationale: None,
            step: None,
            executor: Executor::Host,
            checks: false,
            trial: None,
            options: Vec::new(),
            request: None,
            part: None,
            candidate: false,
        }
    }

    pub fn because(mut self, text: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        self.rationale = Some(Rationale { text: text.into(), evidence });
        self
    }
}

/// The content of an action, with everything it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionBody {
    Edit(Vec<FileEdit>),
    Command(Command),
    /// A command that tries private candidates, within a budget.
    Trials(Command, Box<TrialBudget>),
    /// The path.
    Read(String),
    /// The address.
    Network(String),
    /// A plan, or a question about its progress.
    Plan(Option<Box<PlanDocument>>),
    /// Questions to the user.
    Form(Box<Form>),
    Other,
}

/// One revision of one action as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub id: ActionId,
    pub revision: u32,
    pub body: ActionBody,
    /// Our words, from the body; the agent's own title is in the rationale or, for `other`, here, as foreign text.
    pub title: String,
    pub digest: Digest,
    pub step: Option<StepId>,
    pub rationale: Option<Rationale>,
    pub risk: Option<Risk>,
    /// For a command that changes files.
    pub touches: Option<Box<Touches>>,
    pub executor: Executor,
    pub checks: bool,
    /// The answers that the agent offers to its own request; an approval selects one of them.
    pub options: Box<[RequestOption]>,
    /// Digest of the request in the agent's own words, so that consent ends when any of them changes.
    pub request: Option<Box<Digest>>,
    /// The author of this revision: the agent, or the user who edited it.
    pub author: Author,
    /// A three-way merge left conflict markers in it: it must be edited before it can be approved.
    pub conflicted: bool,
    /// Of a read: the lines that the agent is shown. Consent covers the whole file.
    pub part: Option<LineRange>,
    /// Of an edit: found in the agent's candidate, where the agent's next process finds it again.
    pub candidate: bool,
}

/// The author of a revision of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    #[default]
    Agent,
    Human,
    /// The supervisor: a three-way merge after the base changed.
    Merge,
}

impl Action {
    /// The first revision of a proposal under this id. `files` are its drafts as the host resolved them on the disk.
    pub fn file(id: ActionId, proposal: Proposal, files: Option<Vec<FileEdit>>) -> Self {
        let Proposal { title, body, rationale, step, executor, checks, trial, options, request, part, candidate } =
            proposal;
        let body = match (body, trial) {
            (Body::Edit(_), _) => ActionBody::Edit(files.unwrap_or_default()),
            (Body::Command(command), None) => ActionBody::Command(command),
            (Body::Command(command), Some(budget)) => ActionBody::Trials(command, Box::new(budget)),
            (Body::Read(path), _) => ActionBody::Read(path),
            (Body::Network(address), _) => ActionBody::Network(address),
            (Body::Plan(document), _) => ActionBody::Plan(document),
            (Body::Form(form), _) => ActionBody::Form(form),
            (Body::Other, _) => ActionBody::Other,
        };
        let mut action = Self {
            id,
            revision: 1,
            body,
            title,
            digest: Digest::of(b""),
            step,
            rationale,
            risk: None,
            touches: None,
            executor,
            checks,
            options: options.into_boxed_slice(),
            request: request.map(Box::new),
            author: Author::Agent,
            conflicted: false,
            part,
            candidate,
        };
        action.digest = action.covered();
        action
    }

    /// The next revision with a changed body: the digest and the revision change, the id stays. What is not the agent's
    /// own version any more is ours to execute: an agent would execute its own.
    pub fn revised(&self, author: Author, change: impl FnOnce(&mut ActionBody)) -> Self {
        // A plan is only text: whoever asked for it goes on with it.
        let executor = if self.kind() == Kind::Plan { self.executor } else { Executor::Host };
        let mut next =
            Self { revision: self.revision.saturating_add(1), author, executor, conflicted: false, ..self.clone() };
        change(&mut next.body);
        if next.command() != self.command() {
            // It belonged to another line.
            next.touches = None;
        }
        next.digest = next.covered();
        next
    }

    pub fn kind(&self) -> Kind {
        match &self.body {
            ActionBody::Edit(_) => Kind::Edit,
            ActionBody::Command(_) | ActionBody::Trials(..) => Kind::Command,
            ActionBody::Read(_) => Kind::Read,
            ActionBody::Network(_) => Kind::Network,
            ActionBody::Plan(_) => Kind::Plan,
            ActionBody::Form(_) | ActionBody::Other => Kind::Other,
        }
    }

    /// The files of an edit; none for every other kind.
    pub fn files(&self) -> &[FileEdit] {
        if let ActionBody::Edit(files) = &self.body { files } else { &[] }
    }

    pub fn command(&self) -> Option<&Command> {
        let (ActionBody::Command(command) | ActionBody::Trials(command, _)) = &self.body else { return None };
        Some(command)
    }

    /// Returns whether the agent gave a reason.
    pub fn has_reason(&self) -> bool {
        self.rationale.as_ref().is_some_and(|rationale| !rationale.text.trim().is_empty())
    }

    /// For `read`: the path. For `network`: the address.
    pub fn target(&self) -> Option<&str> {
        let (ActionBody::Read(target) | ActionBody::Network(target)) = &self.body else { return None };
        Some(target)
    }

    /// The questions that an approval answers.
    pub fn form(&self) -> Option<&Form> {
        let ActionBody::Form(form) = &self.body else { return None };
        Some(form)
    }

    /// The plan's text that an approval is about.
    pub fn document(&self) -> Option<&PlanDocument> {
        let ActionBody::Plan(document) = &self.body else { return None };
        document.as_deref()
    }

    /// It is our own question about the plan: the agent neither asked it nor carries it out.
    pub fn is_about_plan(&self) -> bool {
        self.document().is_some() && self.executor == Executor::Host
    }

    pub fn trial(&self) -> Option<&TrialBudget> {
        let ActionBody::Trials(_, budget) = &self.body else { return None };
        Some(budget)
    }

    /// The paths whose content this action was built on, with the digest it had; `None` = did not exist.
    pub fn base(&self) -> impl Iterator<Item = (&RelPath, Option<Digest>)> {
        self.files().iter().map(|f| (f.source(), f.before.as_ref().map(Content::digest)))
    }

    /// Every path this action would change.
    pub fn touches(&self) -> impl Iterator<Item = &RelPath> {
        self.files().iter().flat_map(|f| f.from.iter().chain(std::iter::once(&f.path)))
    }
}

impl ActionBody {
    pub(super) fn files_mut(&mut self) -> &mut [FileEdit] {
        if let Self::Edit(files) = self { files } else { &mut [] }
    }

    /// Gives an edit other files; no other body has any.
    pub fn replace_files(&mut self, files: Vec<FileEdit>) {
        if let Self::Edit(own) = self {
            *own = files;
        }
    }

    /// Gives a plan another text; no other body has one.
    pub fn replace_document(&mut self, document: PlanDocument) {
        if let Self::Plan(own) = self {
            *own = Some(Box::new(document));
        }
    }

    /// Gives a command another line; no other body has one.
    pub fn replace_command(&mut self, command: Command) {
        if let Self::Command(own) | Self::Trials(own, _) = self {
            *own = command;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_inline_only_when_small_text() {
        assert_eq!(serde_json::to_string(&Content::of(b"hi")).unwrap(), "\"hi\"");
        assert!(matches!(Content::of(&[0xff]), Content::Blob { bytes: 1, .. }));
        assert!(matches!(Content::of(&vec![b'a'; CONTENT_INLINE_BYTES_MAX + 1]), Content::Blob { .. }));
    }
}
