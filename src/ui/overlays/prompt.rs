//! A question with one field to type into. Where the answer approves or destroys, a word must be typed.

use super::open_box;
use crate::base::text::{Show, escape, width};
use crate::base::{ActionId, CommentId, Digest, StepId};
use crate::model::Keeping;
use crate::model::Rail;
use crate::model::comment::{Side, Subject};
use crate::model::event::Verdict;
use crate::model::form::Field;
use crate::model::session::ActionState;
use crate::ui::app::form::{Part, Spot};
use crate::ui::app::{App, offers};
use crate::ui::entry::Entry;
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::{Role, Sign};
use crate::wire::LeaseGrant;
use ratatui::layout::{Rect, Size};

/// The purpose of the typed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    Note {
        action: ActionId,
        digest: Digest,
    },
    /// A guard-rail action: the word, then the reason.
    Confirm {
        action: ActionId,
        digest: Digest,
        word: String,
        said: String,
    },
    GuardReason {
        action: ActionId,
        digest: Digest,
        word: String,
    },
    /// The chosen option of the agent has an effect beyond this action: its word.
    Option {
        action: ActionId,
        digest: Digest,
        word: String,
        verdict: Verdict,
        said: String,
    },
    Reason {
        action: ActionId,
        digest: Digest,
        verdict: Verdict,
        makes_rule: bool,
    },
    /// An answer to a question of a form.
    Answer {
        action: ActionId,
        digest: Digest,
        at: Spot,
    },
    Lease(LeaseGrant),
    Rewind {
        tree: Digest,
        when: String,
    },
    /// Something that the agent keeps is dropped for good.
    Keep {
        keeping: Keeping,
        what: String,
    },
    /// A comment: new, or other words for one.
    Comment(Box<Commented>),
    /// Words before all open comments, which are sent.
    SendComments,
    /// The path of a file of the workspace that becomes the plan.
    PlanFile,
    /// The name under which this text is saved.
    PlanName(String),
    /// The value of a placeholder of this text, after those that were given.
    Placeholder {
        plan: String,
        name: String,
        values: Vec<(String, String)>,
    },
    NoteStep(StepId),
    SplitStep(StepId),
    AddStep {
        at: Option<StepId>,
        below: bool,
    },
    RewordStep(StepId),
    Search,
    /// Words that are looked for in this session and in earlier ones.
    Find,
    /// Words of the test cases to show.
    Tests,
    /// The path of a picture on this machine.
    Attach,
    /// An event's number or an action's name, in a record.
    Jump,
}

/// What a comment is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commented {
    /// One that exists already.
    pub comment: Option<CommentId>,
    /// Of the text that is shown.
    pub digest: Option<Digest>,
    /// From 1; 0 for a step, a whole file or a whole output.
    pub line: u32,
    pub lines: u32,
    pub step: Option<StepId>,
    /// Absent for the plan.
    pub on: Option<Subject>,
    /// The first of the words that it is on.
    pub quote: String,
}

impl Commented {
    fn words(&self) -> String {
        let place = match &self.step {
            Some(step) => format!("step {step}"),
            None if self.line == 0 => String::new(),
            None if self.lines > 1 => format!("lines {}-{}", self.line, self.line + self.lines - 1),
            None => format!("line {}", self.line),
        };
        let on = match &self.on {
            None => String::new(),
            Some(Subject::File { path, side: Side::New, .. }) => path.to_string(),
            Some(Subject::File { path, side: Side::Old, .. }) => format!("{path} before the change"),
            Some(Subject::Output { action }) if self.line == 0 => action.to_string(),
            Some(Subject::Output { action }) => format!("output of {action}"),
        };
        let quote = if self.quote.is_empty() { String::new() } else { format!("“{}”", self.quote) };
        let words: Vec<String> = [on, place, quote].into_iter().filter(|one| !one.is_empty()).collect();
        escape::show(&words.join("  "), &Show::prose()).into_owned()
    }
}

const LEASE_WORD: &str = "lease";
const REWIND_WORD: &str = "rewind";
const DELETE_WORD: &str = "delete";
const LOGOUT_WORD: &str = "logout";

impl Purpose {
    #[must_use]
    pub fn about(&self) -> Option<(&ActionId, &Digest)> {
        match self {
            Self::Note { action, digest }
            | Self::Confirm { action, digest, .. }
            | Self::GuardReason { action, digest, .. }
            | Self::Option { action, digest, .. }
            | Self::Answer { action, digest, .. }
            | Self::Reason { action, digest, .. } => Some((action, digest)),
            Self::Lease(_)
            | Self::Rewind { .. }
            | Self::Keep { .. }
            | Self::Comment(_)
            | Self::SendComments
            | Self::PlanFile
            | Self::PlanName(_)
            | Self::Placeholder { .. }
            | Self::NoteStep(_)
            | Self::SplitStep(_)
            | Self::AddStep { .. }
            | Self::RewordStep(_)
            | Self::Search
            | Self::Find
            | Self::Tests
            | Self::Attach
            | Self::Jump => None,
        }
    }

    /// The word that must be typed for Enter to do anything.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Confirm { word, .. } | Self::Option { word, .. } => Some(word),
            Self::Lease(_) => Some(LEASE_WORD),
            Self::Rewind { .. } => Some(REWIND_WORD),
            Self::Keep { keeping: Keeping::Logout, .. } => Some(LOGOUT_WORD),
            Self::Keep { .. } => Some(DELETE_WORD),
            Self::Note { .. }
            | Self::GuardReason { .. }
            | Self::Reason { .. }
            | Self::Answer { .. }
            | Self::Comment(_)
            | Self::SendComments
            | Self::PlanFile
            | Self::PlanName(_)
            | Self::Placeholder { .. }
            | Self::NoteStep(_)
            | Self::SplitStep(_)
            | Self::AddStep { .. }
            | Self::RewordStep(_)
            | Self::Search
            | Self::Find
            | Self::Tests
            | Self::Attach
            | Self::Jump => None,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Note { .. } => "Approve with a note",
            Self::Confirm { .. } | Self::GuardReason { .. } => "This action changes a protected file",
            Self::Option { .. } => "This option does more than answer once",
            Self::Reason { verdict: Verdict::Redirect, .. } => "Redirect: what should the agent do instead?",
            Self::Reason { makes_rule: true, .. } => "Deny and make a rule: why?",
            Self::Reason { .. } => "Deny: why?",
            Self::Answer { at: Spot { part: Some(Part::OwnWords), .. }, .. } => "In your own words",
            Self::Answer { .. } => "Your answer",
            Self::Lease(grant) if grant.replaces.is_some() => "Extend the lease",
            Self::Lease(_) => "Lease for this step",
            Self::Rewind { .. } => "Rewind the workspace",
            Self::Keep { keeping: Keeping::Logout, .. } => "Log the agent out",
            Self::Keep { .. } => "Delete an agent session",
            Self::Comment(about) if about.comment.is_some() => "Reword the comment",
            Self::Comment(about) => match &about.on {
                None => "Comment on the plan",
                Some(Subject::File { .. }) => "Comment on the change",
                Some(Subject::Output { .. }) => "Comment on the run",
            },
            Self::SendComments => "Send the open comments",
            Self::PlanFile => "Make a file the plan",
            Self::PlanName(_) => "Save the plan: under which name?",
            Self::Placeholder { .. } => "Fill in the plan",
            Self::NoteStep(_) => "Note on the step",
            Self::SplitStep(_) => "Split the step: one title per line",
            Self::AddStep { below: true, .. } => "New step below this one",
            Self::AddStep { .. } => "New step after this one",
            Self::RewordStep(_) => "Reword the step",
            Self::Search => "Search in this pane",
            Self::Find => "Search in all sessions",
            Self::Tests => "Show the tests with these words in their name",
            Self::Attach => "Attach an image of this machine to the message",
            Self::Jump => "Go to an event of the record",
        }
    }

    fn foot(&self) -> String {
        match self {
            Self::Confirm { word, .. } => {
                format!("type  {word}  and Enter to continue · Esc: r redirect, d deny, x ask")
            }
            Self::Option { word, .. } => format!("type  {word}  and Enter to send it · Esc keeps it pending"),
            Self::Answer { .. } => {
                "Enter keeps it · Alt-Enter new line · Esc keeps it too · nothing is sent yet".to_owned()
            }
            Self::Lease(_) => {
                format!("type  {LEASE_WORD}  and Enter, or  {LEASE_WORD} $0.50  to bound its cost · Esc cancels")
            }
            Self::Rewind { .. } => format!("type  {REWIND_WORD}  and Enter · Esc cancels"),
            Self::Keep { .. } => format!("type  {}  and Enter · Esc cancels", self.word().unwrap_or_default()),
            Self::Note { .. } => "Enter approves with this note · Esc keeps it pending".to_owned(),
            Self::GuardReason { .. } => "say why, then Enter approves it · Esc keeps it pending".to_owned(),
            Self::Reason { .. } => "Enter sends it · Alt-Enter new line · Esc keeps it pending".to_owned(),
            Self::Comment(_) => "- drop this  + add after  ? question · Enter keeps it".to_owned(),
            Self::SendComments => {
                "your own words, or none · Enter sends them · Alt-Enter new line · Esc cancels".to_owned()
            }
            Self::PlanFile => "path in the workspace · Enter puts it under review · Esc cancels".to_owned(),
            Self::PlanName(_) => "letters, digits, - and _ · Enter saves it · Esc cancels".to_owned(),
            Self::Placeholder { .. } => "Enter goes on; the whole is put under review · Esc cancels".to_owned(),
            Self::SplitStep(_) => "Alt-Enter new line · Enter saves it · Esc cancels".to_owned(),
            Self::NoteStep(_) | Self::AddStep { .. } | Self::RewordStep(_) => "Enter saves it · Esc cancels".to_owned(),
            Self::Jump => "event number, or an action such as a7 · Enter goes there · Esc cancels".to_owned(),
            Self::Attach => "path of a PNG, JPEG, GIF or WebP file · Enter attaches it · Esc cancels".to_owned(),
            Self::Tests => "Enter shows only these, all when empty · Esc cancels".to_owned(),
            Self::Find => "Enter searches what was said, why, decided and commented · Esc cancels".to_owned(),
            Self::Search => "Enter searches · n N next, previous · Esc cancels".to_owned(),
        }
    }
}

/// An open question.
#[derive(Debug)]
pub struct Prompt {
    pub purpose: Purpose,
    pub entry: Entry,
    /// The first key of the external editor's two was pressed.
    is_chord: bool,
}

impl Prompt {
    #[must_use]
    pub fn new(purpose: Purpose, text: &str) -> Self {
        let multiline = matches!(
            purpose,
            Purpose::Note { .. }
                | Purpose::Reason { .. }
                | Purpose::GuardReason { .. }
                | Purpose::Answer { .. }
                | Purpose::Comment(_)
                | Purpose::SendComments
                | Purpose::SplitStep(_)
        );
        let entry = match (multiline, text.is_empty()) {
            (true, true) => Entry::lines(),
            (false, true) => Entry::line(),
            (true, false) => Entry::of_text(text, &[]),
            (false, false) => Entry::holding(text, false),
        };
        Self { purpose, entry, is_chord: false }
    }

    /// Takes over the size of the screen: the cursor goes by the rows of the field.
    pub fn lay_out(&mut self, screen: Size) {
        self.entry.rows_in(box_columns(screen.width).saturating_sub(6));
    }

    /// A key that edits. Returns the text when it asks for the external editor.
    pub fn key(&mut self, key: Key) -> Option<String> {
        if std::mem::take(&mut self.is_chord) && key == Key::plain_control('e') {
            return Some(self.entry.text());
        }
        self.is_chord = self.entry.is_multiline() && !self.entry.is_masked() && key == Key::plain_control('x');
        if !self.is_chord {
            self.entry.key(key);
        }
        None
    }

    /// The external editor came back with this text.
    pub fn edited(&mut self, text: &str) {
        self.entry = Entry::of_text(text.strip_suffix('\n').unwrap_or(text), &[]);
    }

    /// With the typed text masked.
    #[must_use]
    pub fn masked(self) -> Self {
        Self { entry: self.entry.masked(), ..self }
    }
}

/// Returns the subject of the question, in our words, line by line.
fn about(purpose: &Purpose, app: &App, columns: usize) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let mut say = |text: &str, role: Role| {
        lines.extend(
            width::wrap(text, columns).into_iter().filter_map(|range| Some((text.get(range)?.to_owned(), role))),
        );
    };
    match purpose {
        Purpose::Lease(grant) => {
            let title =
                grant.step.as_ref().and_then(|id| app.scene.session.plan.step(id)).map(|step| step.title.clone());
            let title = title.unwrap_or_else(|| "any step".to_owned());
            say(&format!("step  {}", escape::show(&title, &Show::prose())), Role::Text);
            if let (Some(minutes), Some(actions)) = (grant.minutes, grant.actions_max) {
                say(&format!("until  {minutes} minutes from now, {actions} more actions"), Role::Text);
            }
            say(
                "Edits of this step are allowed without asking until the lease ends. Guard-rail actions, commands and paths outside the workspace still ask.",
                Role::TextSoft,
            );
        }
        Purpose::Rewind { when, .. } => {
            say(&format!("to  {when}"), Role::Text);
            say(
                "Restores the files to that state. The current state is saved as a checkpoint first, so this can be undone.",
                Role::TextSoft,
            );
        }
        Purpose::Keep { what, keeping } => about_kept(what, keeping, &mut say),
        Purpose::Answer { action, at, .. } => {
            let form = app.scene.session.actions.get(action).and_then(|state| state.action.form());
            if let Some(field) = form.and_then(|form| form.fields.get(at.field)) {
                about_question(field, app, &mut say);
            }
        }
        Purpose::Comment(about) => say(&about.words(), Role::TextSoft),
        Purpose::SendComments => say(&open_words(app.scene.session.plans.open_comments().count()), Role::Text),
        Purpose::Placeholder { name, .. } => say(&format!("{{{name}}}"), Role::TextStrong),
        Purpose::Search
        | Purpose::Find
        | Purpose::Tests
        | Purpose::Attach
        | Purpose::Jump
        | Purpose::PlanFile
        | Purpose::PlanName(_)
        | Purpose::NoteStep(_)
        | Purpose::SplitStep(_)
        | Purpose::AddStep { .. }
        | Purpose::RewordStep(_) => {}
        Purpose::Note { action, .. }
        | Purpose::Confirm { action, .. }
        | Purpose::GuardReason { action, .. }
        | Purpose::Option { action, .. }
        | Purpose::Reason { action, .. } => about_action(purpose, action, app, &mut say),
    }
    lines
}

/// The action that a verdict is about, and what goes along with it.
fn about_action(purpose: &Purpose, action: &ActionId, app: &App, say: &mut impl FnMut(&str, Role)) {
    let Some(state) = app.scene.session.actions.get(action) else { return };
    let step = state.action.step.as_ref().and_then(|id| app.scene.session.plan.step(id));
    let step =
        step.map_or_else(String::new, |step| format!("   step  \"{}\"", escape::show(&step.title, &Show::prose())));
    let what = crate::ui::panes::inbox::action_words(state);
    say(&format!("{action}  {what}{}{step}", counts(app, action)), Role::Text);
    if let Purpose::Option { verdict, .. } = purpose
        && let Some(option) = offers::chosen(&app.scene, *verdict == Verdict::Approve)
    {
        say(&format!("option  {}", offers::quoted(option)), Role::Text);
        say(&format!("effect  {}", option.does()), Role::Warn);
    }
    let redirects = matches!(purpose, Purpose::Reason { verdict: Verdict::Redirect, .. });
    let open = app.scene.session.plans.sent_with(&state.action, redirects).count();
    if open > 0 {
        say(&format!("with {}", open_words(open)), Role::Text);
    }
    if matches!(purpose, Purpose::Confirm { .. } | Purpose::GuardReason { .. }) {
        about_guarded(state, say);
    }
}

fn open_words(count: usize) -> String {
    format!("{count} open comment{}", if count == 1 { "" } else { "s" })
}

/// A question of a form, with its choices: the box may cover them.
fn about_question(field: &Field, app: &App, say: &mut impl FnMut(&str, Role)) {
    say(&escape::show(&field.title, &Show::prose()), Role::TextStrong);
    if !field.detail.is_empty() {
        say(&escape::show(&field.detail, &Show::prose()), Role::TextSoft);
    }
    for (index, choice) in field.choices().iter().enumerate() {
        let mark = if app.scene.review.form.is_picked(field, index) { "x" } else { " " };
        say(&format!("({mark}) {}", escape::show(&choice.title, &Show::prose())), Role::TextSoft);
    }
}

/// What happens to something that the agent keeps.
fn about_kept(what: &str, keeping: &Keeping, say: &mut impl FnMut(&str, Role)) {
    say(what, Role::Text);
    let more = match keeping {
        Keeping::Logout => "Everyone who uses this agent, here or elsewhere, must log in again.",
        Keeping::Delete { .. } | Keeping::List | Keeping::New | Keeping::Resume { .. } | Keeping::Fork { .. } => {
            "The agent deletes it. The record here is kept."
        }
    };
    say(more, Role::TextSoft);
}

/// What speaks for and against an action that a guard rail holds.
fn about_guarded(state: &ActionState, say: &mut impl FnMut(&str, Role)) {
    let rationale = state.action.rationale.as_ref();
    let says = rationale.map_or("nothing", |rationale| rationale.text.as_str());
    say(&format!("says  \"{}\"", escape::show(says, &Show::prose())), Role::TextSoft);
    if rationale.is_none_or(|rationale| rationale.evidence.is_empty()) {
        say("evidence  none: the agent cites no read, run or step", Role::Warn);
    }
    if !state.action.has_reason() && state.explained.is_some() {
        say("asked  the agent was asked for its reason and evidence", Role::TextSoft);
    }
    if let Some(ruled) = &state.ruled {
        say(&format!("risk  high: {}", escape::show(&ruled.reason, &Show::prose())), Role::RiskHigh);
    }
    let ruled = state.ruled.as_ref().map_or("", |ruled| ruled.reason.as_str());
    // The rule's words are already above.
    for line in state.alarms.iter().filter(|line| ruled.is_empty() || !line.contains(ruled)) {
        say(&format!("effect  {}", escape::show(line, &Show::prose())), Role::Warn);
    }
}

/// Lines added and removed, once the diff is there.
fn counts(app: &App, action: &ActionId) -> String {
    let Some(product) = app.scene.products.current().filter(|_| app.scene.target.as_ref() == Some(action)) else {
        return String::new();
    };
    let total = |count: fn(&crate::ui::workers::FilePicture) -> usize| product.files.iter().map(count).sum::<usize>();
    let minus = app.scene.look.sign(Sign::Minus);
    format!("   +{} {minus}{}", total(|file| file.added), total(|file| file.removed))
}

fn box_columns(screen: u16) -> u16 {
    screen.saturating_sub(4).clamp(30, 80)
}

pub(super) fn view(prompt: &Prompt, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = box_columns(screen.width);
    let lines = about(&prompt.purpose, app, usize::from(width.saturating_sub(4)));
    let typed = u16::try_from(prompt.entry.rows()).unwrap_or(1).clamp(1, 6);
    let room = screen.height.saturating_sub(typed + 4);
    let shown = u16::try_from(lines.len()).unwrap_or(0).min(room);
    let guarded = matches!(prompt.purpose, Purpose::Confirm { .. } | Purpose::GuardReason { .. });
    let border = if guarded { Role::OverlayAlarm } else { Role::OverlayBorder };
    let gap = u16::from(shown > 0);
    let sign = if guarded { format!("{} ", app.scene.look.sign(Sign::Warning)) } else { String::new() };
    let held = app.scene.held_target().and_then(|(state, _)| state.held.as_ref());
    let is_elsewhere = guarded && held.is_some_and(|held| held.rail == Some(Rail::Infrastructure));
    let words = if is_elsewhere { "This action changes what runs elsewhere" } else { prompt.purpose.title() };
    let title = format!("{sign}{words}");
    let inside = open_box(app, frame, width, shown + gap + typed + 4, &title, border);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let mut y = inside.y;
    for (text, role) in lines.iter().take(usize::from(shown)) {
        brush.cut(inside.x, y, inside.right(), text, *role);
        y += 1;
    }
    y += gap;
    let x = brush.text(inside.x, y, inside.right(), app.scene.look.sign(Sign::Prompt), Role::Accent);
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), &prompt.purpose.foot(), Role::Hint);
    let field = Rect::new(x + 1, y, inside.right().saturating_sub(x + 1), typed).intersection(screen);
    prompt.entry.view(frame, field, &app.scene.look);
}
