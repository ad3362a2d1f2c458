//! A short list to choose from: modes, checkpoints, the agent's own options.

mod links;
mod plan;

use super::open_box;
use crate::base::text::width;
use crate::base::{ActionId, CommentId, Digest, RelPath, Seq, StepId};
use crate::model::event::{AgentLogin, AgentOffer, AgentOption, AgentSession, ChangedBy, Mode};
use crate::model::session::ActionState;
use crate::model::{AgentState, FormAnswer, Keeping, RequestOption, Step};
use crate::ui::app::links::Place;
use crate::ui::app::{App, Scene, form, offers};
use crate::ui::limits::UI_CHOICES_MAX;
use crate::ui::look::{Brush, Look};
use crate::ui::panes::diff::FileItem;
use crate::ui::panes::inbox::action_words;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use crate::ui::view::header;
use crate::wire;
use crossterm::event::KeyCode;
use ratatui::layout::Rect;

/// Rows of a page up or down.
const PAGE_ROWS: usize = 10;

/// An item that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    Mode(Mode),
    Checkpoint {
        tree: Digest,
        when: String,
    },
    /// An action that is shown.
    Action(ActionId),
    /// Where an item leads.
    Link(Place),
    /// A row that only tells.
    Nothing,
    /// A comment on the plan.
    Comment(CommentId),
    /// What is compared, and its title; without one, the item under review is shown.
    Scope(Option<(wire::Compare, String)>),
    /// A file of the change under review, by its place.
    File(usize),
    /// A moment of a record.
    Event(Seq),
    /// A file whose unsupervised change is reverted.
    Restore(RelPath),
    /// An option of the agent, by its own id; its values follow.
    AgentOption(String),
    AgentValue {
        id: String,
        value: String,
    },
    /// The sessions that the agent keeps.
    AgentSessions,
    /// One of them, by the agent's id: what can be done with it follows.
    AgentSession(AgentSession),
    /// One of the agent's options for the action under review, by its id.
    Offer(String),
    /// A form is refused with this answer.
    Refuse(FormAnswer),
    Keep(Keeping),
    /// The same, once a word is typed.
    KeepAfterWord(Keeping, String),
    /// The ways to sign in to the agent.
    Logins,
    /// One of them: what it does follows.
    Login(AgentLogin),
    /// Its command is run in the user's terminal.
    SignIn(AgentLogin),
    /// Another agent for the session; its models follow, where it has some to choose from.
    Agent(wire::AgentRow),
    ChangeAgent(wire::AgentChange),
    /// A plan to begin with.
    Template(String),
    /// A step is given to a role, or to none.
    Owner(StepId, Option<String>),
    /// A row of the start screen's lists, by its position.
    Item(usize),
}

/// A setting of the agent that has a command of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentSetting {
    Model,
    Effort,
    Mode,
}

impl AgentSetting {
    fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Effort => "effort",
            Self::Mode => "mode of its own",
        }
    }

    /// Finds its option: by the kind that the agent reports, else by its id.
    fn find(self, options: &[AgentOption]) -> Option<&AgentOption> {
        let (kind, ids): (_, &[&str]) = match self {
            Self::Model => ("model", &["model"]),
            Self::Effort => {
                ("thought_level", &["effort", "reasoning_effort", "reasoning", "thinking", "thought_level"])
            }
            Self::Mode => ("mode", &["mode"]),
        };
        let by_id = |option: &&AgentOption| option.category.is_none() && ids.contains(&option.id.as_str());
        options.iter().find(|option| option.category.as_deref() == Some(kind)).or_else(|| options.iter().find(by_id))
    }
}

/// What an open list waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    Agents,
    RolesFor(StepId),
}

/// An open list.
#[derive(Debug)]
pub struct Choice {
    title: String,
    /// Lines to read before the rows.
    about: Vec<String>,
    rows: Vec<(String, String, Pick)>,
    cursor: usize,
    /// It shows the agent's sessions, and changes when they do.
    pub of_sessions: bool,
    /// It shows the session in time, and grows with it.
    pub is_timeline: bool,
    /// It waits for the list of agents.
    pub awaits: Option<Awaited>,
    /// The revision of an action that it would decide on.
    pub decides: Option<(ActionId, Digest)>,
}

/// Returns the effect of a mode.
#[must_use]
pub fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "read only",
        Mode::Step => "every action asks",
        Mode::Plan => "the plan first, then step by step",
        Mode::Guarded => "rules decide, everything else asks",
    }
}

/// Newest first, each once, bounded.
#[must_use]
pub fn unsupervised_paths(scene: &Scene) -> Vec<RelPath> {
    let mut paths: Vec<RelPath> = Vec::new();
    let changes = scene.session.disk.changes.iter().rev().filter(|(_, change)| change.by == ChangedBy::Unsupervised);
    for path in changes.filter_map(|(_, change)| RelPath::new(&change.path).ok()) {
        if paths.len() < UI_CHOICES_MAX && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

impl Choice {
    #[must_use]
    pub fn modes(modes: &[Mode], current: Mode) -> Self {
        let rows = modes.iter().map(|mode| {
            let (name, meaning) = (mode.word(), meaning(*mode));
            (name.to_owned(), meaning.to_owned(), Pick::Mode(*mode))
        });
        let cursor = modes.iter().position(|mode| *mode == current).unwrap_or(0);
        Self { cursor, ..Self::of("Mode", rows.collect()) }
    }

    /// Everything that was done for a step.
    #[must_use]
    pub fn actions_of(scene: &Scene, step: &Step) -> Self {
        let plan = &scene.session.plan;
        let own = |state: &&ActionState| state.action.step.as_ref().is_some_and(|of| plan.is_within(of, &step.id));
        let row = |state: &ActionState| {
            let id = &state.action.id;
            (format!("{id}  {}", action_words(state)), state.phase.words().to_owned(), Pick::Action(id.clone()))
        };
        let rows: Vec<_> = scene.session.actions.iter().rev().filter(own).take(UI_CHOICES_MAX).map(row).collect();
        let about = if rows.is_empty() { "nothing was done for it yet" } else { "newest first; Enter shows one" };
        Self { about: vec![visible(&step.title), about.to_owned()], ..Self::of("Done for this step", rows) }
    }

    /// The files of the change under review.
    #[must_use]
    pub fn files(files: &[FileItem], look: &Look) -> Self {
        let row = |(at, file): (usize, &FileItem)| {
            let mark = if file.viewed { look.sign(Sign::Done) } else { " " };
            let kind = file.kind.map_or_else(String::new, |kind| format!("{kind}  "));
            let counts = format!("{kind}+{} {}{}", file.added, look.sign(Sign::Minus), file.removed);
            (format!("{mark} {}", file.path), counts, Pick::File(at))
        };
        let rows: Vec<_> = files.iter().enumerate().take(UI_CHOICES_MAX).map(row).collect();
        let viewed = files.iter().filter(|file| file.viewed).count();
        let more = files.len().saturating_sub(UI_CHOICES_MAX);
        let rest = if more > 0 { format!(", {more} more are not listed") } else { String::new() };
        let plural = if files.len() == 1 { "" } else { "s" };
        let about = format!("{} file{plural}, {viewed} viewed{rest}; Enter goes to one", files.len());
        Self { about: vec![about], ..Self::of("Files of this change", rows) }
    }

    fn of(title: impl Into<String>, rows: Vec<(String, String, Pick)>) -> Self {
        Self {
            title: title.into(),
            about: Vec::new(),
            rows,
            cursor: 0,
            of_sessions: false,
            is_timeline: false,
            awaits: None,
            decides: None,
        }
    }

    /// A list of the start screen: names with their meanings.
    #[must_use]
    pub fn items(title: String, about: &str, rows: Vec<(String, String)>, cursor: usize) -> Self {
        let row = |(at, (name, meaning))| (name, meaning, Pick::Item(at));
        let rows = rows.into_iter().take(UI_CHOICES_MAX).enumerate().map(row).collect();
        Self { about: vec![about.to_owned()], cursor, ..Self::of(title, rows) }
    }

    /// Until the host has looked around.
    #[must_use]
    pub fn agents_to_come() -> Self {
        Self {
            about: vec!["requested from the host".to_owned()],
            awaits: Some(Awaited::Agents),
            ..Self::of("Change the agent", Vec::new())
        }
    }

    /// The agents that the session could have, those that can be used first.
    #[must_use]
    pub fn agents(scene: &Scene, agents: Vec<wire::AgentRow>) -> Self {
        let row = |agent: wire::AgentRow| {
            let about = agent.why_not.as_ref().unwrap_or(&agent.about);
            (visible(&agent.agent), visible(about), Pick::Agent(agent))
        };
        let now = &scene.session.agent.ready.agent;
        let about = vec![
            format!("now {}, isolation {}", visible(&now.name), now.isolation.word()),
            "The present turn is canceled. The other agent is given the plan, what fails and your decisions."
                .to_owned(),
        ];
        let rows = agents.into_iter().take(UI_CHOICES_MAX).map(row).collect();
        Self { about, ..Self::of("Change the agent", rows) }
    }

    /// The models to give it to.
    #[must_use]
    pub fn models(agent: &wire::AgentRow) -> Self {
        let row = |model: &String| {
            let change = wire::AgentChange { agent: agent.agent.clone(), model: Some(model.clone()) };
            (visible(model), String::new(), Pick::ChangeAgent(change))
        };
        let rows = agent.models.iter().take(UI_CHOICES_MAX).map(row).collect();
        Self::of(format!("The model of {}", visible(&agent.agent)), rows)
    }

    /// The agent's badges, then its own modes and options with their values.
    #[must_use]
    pub fn agent(scene: &Scene) -> Self {
        let ready = &scene.session.agent.ready;
        let options = ready.options.iter().take(UI_CHOICES_MAX).map(|option| {
            let value = option.value.as_deref().unwrap_or("not set");
            let name = option.choices.iter().find(|(own, _)| own == value).map_or(value, |(_, name)| name);
            (visible(&option.name), visible(name), Pick::AgentOption(option.id.clone()))
        });
        let mut rows: Vec<(String, String, Pick)> = options.collect();
        let offers = |offer| ready.offers.contains(&offer);
        let row = |name: &str, meaning: &str, pick| (name.to_owned(), meaning.to_owned(), pick);
        if offers(AgentOffer::List) {
            rows.push(row("its sessions", "resume, copy or delete one", Pick::AgentSessions));
        }
        if offers(AgentOffer::Fork)
            && let Some(session) = ready.session.clone()
        {
            let pick = Pick::Keep(Keeping::Fork { session });
            rows.push(row("a copy of this session", "it goes on there; this one is kept as it is", pick));
        }
        if offers(AgentOffer::New) {
            rows.push(row(
                "a new session",
                "it forgets this conversation; the record here continues",
                Pick::Keep(Keeping::New),
            ));
        }
        if !ready.logins.is_empty() {
            rows.push(row("sign in", "the ways that it offers", Pick::Logins));
        }
        if offers(AgentOffer::Logout) {
            let pick = Pick::KeepAfterWord(Keeping::Logout, "its login will be deleted".to_owned());
            rows.push(row("log out", "you must log in again to use it", pick));
        }
        let mut about: Vec<String> = ready.badges.iter().take(UI_CHOICES_MAX).map(|line| visible(line)).collect();
        let drill = scene.session.stops.drill.iter().flat_map(|drilled| &drilled.rungs);
        about.extend(drill.map(|rung| format!("stop drill: {}", visible(&rung.line()))));
        let used = header::used_words(scene);
        about.extend((!used.is_empty()).then(|| format!("so far: {used}")));
        about.extend(
            scene.session.agent.usage.budgets.iter().take(UI_CHOICES_MAX).map(|one| format!("used: {}", visible(one))),
        );
        let state = ready.state.as_str();
        about.extend((!state.is_empty() && ready.state != AgentState::Ready).then(|| visible(state)));
        if ready.options.is_empty() {
            about.push("it has no modes or options of its own".to_owned());
        }
        let title = ready.title.as_deref().unwrap_or(&ready.agent.name);
        Self { about, ..Self::of(visible(title), rows) }
    }

    /// The agent's options for the action under review, each with its effect; the cursor is on what an approval sends.
    #[must_use]
    pub fn offers(scene: &Scene) -> Self {
        let decides = scene.held_target().map(|(state, digest)| (state.action.id.clone(), digest));
        let title = scene.target().map(|state| visible(&state.action.title)).unwrap_or_default();
        if form::of(scene).is_some() {
            let row = |name: &str, does: &str, answer| (name.to_owned(), does.to_owned(), Pick::Refuse(answer));
            let rows = vec![
                row("decline", "no answers; the agent goes on", FormAnswer::Decline),
                row("cancel", "dismiss it; the agent may end its turn", FormAnswer::Cancel),
            ];
            return Self { about: vec![title], decides, ..Self::of("Without an answer", rows) };
        }
        let options = offers::of(scene);
        let next = [true, false].map(|allows| offers::next(scene, allows).map(|option| option.id.as_str()));
        let row = |option: &RequestOption| {
            let key = match next {
                [Some(id), _] if id == option.id && option.allows => "a  ",
                [_, Some(id)] if id == option.id && !option.allows => "d  ",
                _ => "   ",
            };
            let word = option.confirm.as_ref().map_or_else(String::new, |word| format!(" · type {word}"));
            (
                format!("{key}{}", offers::quoted(option)),
                format!("{}{word}", option.does()),
                Pick::Offer(option.id.clone()),
            )
        };
        let rows = options.iter().take(UI_CHOICES_MAX).map(row).collect();
        let cursor = options.iter().position(|option| next.first() == Some(&Some(option.id.as_str()))).unwrap_or(0);
        let mut about = vec![title];
        if offers::must_choose(scene) {
            about.push("The options differ, so none is sent unless you choose it.".to_owned());
        }
        Self { about, cursor, decides, ..Self::of("The agent's options", rows) }
    }

    /// The sessions that the agent keeps, as far as it has said.
    #[must_use]
    pub fn sessions(scene: &Scene) -> Self {
        let row = |session: &AgentSession| {
            let title = if session.title.is_empty() { &session.id } else { &session.title };
            let now = if session.runs { "runs now" } else { "" };
            (visible(title), format!("{} {now}", visible(&session.used)), Pick::AgentSession(session.clone()))
        };
        let (about, rows) = match &scene.session.agent.keeps {
            None => ("requested from the agent", Vec::new()),
            Some(sessions) if sessions.is_empty() => ("it has no sessions for this directory", Vec::new()),
            Some(sessions) => ("for this directory, as reported by the agent", sessions.iter().map(row).collect()),
        };
        Self { about: vec![about.to_owned()], of_sessions: true, ..Self::of("The agent's sessions", rows) }
    }

    /// Returns the choices for one of the agent's sessions; `None` for the running one.
    #[must_use]
    pub fn session(scene: &Scene, session: &AgentSession) -> Option<Self> {
        let offers = |offer| scene.session.agent.ready.offers.contains(&offer);
        let id = session.id.clone();
        let mut rows = Vec::new();
        if offers(AgentOffer::Resume) {
            let pick = Pick::Keep(Keeping::Resume { session: id.clone() });
            rows.push(("resume it".to_owned(), "instead of the current one".to_owned(), pick));
        }
        if offers(AgentOffer::Fork) {
            let pick = Pick::Keep(Keeping::Fork { session: id.clone() });
            rows.push(("go on in a copy".to_owned(), "it is kept as it is".to_owned(), pick));
        }
        if offers(AgentOffer::Delete) {
            let what = if session.title.is_empty() { &session.id } else { &session.title };
            let pick = Pick::KeepAfterWord(Keeping::Delete { session: id }, visible(what));
            rows.push(("delete it".to_owned(), "permanently".to_owned(), pick));
        }
        let about = [&session.title, &session.id].map(|text| visible(text)).to_vec();
        (!session.runs && !rows.is_empty()).then(|| Self { about, ..Self::of("Agent session", rows) })
    }

    /// The ways to sign in that the agent has announced.
    #[must_use]
    pub fn logins(scene: &Scene) -> Self {
        let row = |login: &AgentLogin| {
            let how = match (login.command.is_empty(), login.variables.is_empty()) {
                (false, _) => "in your terminal",
                (true, false) => "by a variable of the environment",
                (true, true) => "in its own way",
            };
            (visible(&login.name), how.to_owned(), Pick::Login(login.clone()))
        };
        let ready = &scene.session.agent.ready;
        let rows: Vec<_> = ready.logins.iter().take(UI_CHOICES_MAX).map(row).collect();
        let about = if rows.is_empty() { "it has announced no way to sign in" } else { "as announced by the agent" };
        Self { about: vec![about.to_owned()], ..Self::of(format!("Sign in to {}", visible(&ready.agent.name)), rows) }
    }

    /// What one way to sign in does. Its command is shown as a whole, and does not run unless its row is chosen.
    #[must_use]
    pub fn login(login: &AgentLogin) -> Self {
        let mut about: Vec<String> = (!login.detail.is_empty()).then(|| visible(&login.detail)).into_iter().collect();
        let mut rows = Vec::new();
        let line = login.command_line();
        if !line.is_empty() {
            about.push(visible(&line));
            rows.push(("back".to_owned(), String::new(), Pick::Logins));
            let does = "it gets this terminal until it ends";
            rows.push(("run this command".to_owned(), does.to_owned(), Pick::SignIn(login.clone())));
        } else if login.variables.is_empty() {
            about.push(format!(
                "set auth = \"{}\" for it in agents.toml, then send your message again",
                visible(&login.id)
            ));
        } else {
            let names = visible(&login.variables.join(", "));
            about.push(format!("set {names} where rightseat is started, and list it in pass_env of agents.toml"));
        }
        Self { about, ..Self::of(format!("Sign in: {}", visible(&login.name)), rows) }
    }

    /// Returns the values of a setting, or the reason that the agent has none.
    #[must_use]
    pub fn agent_setting(scene: &Scene, setting: AgentSetting) -> Self {
        let ready = &scene.session.agent.ready;
        let option = setting.find(&ready.options);
        if let Some(values) = option.and_then(|option| Self::agent_values(scene, &option.id)) {
            return values;
        }
        let (agent, name) = (visible(&ready.agent.name), setting.name());
        let why = match option {
            Some(option) => format!("{agent} names no values for “{}”", visible(&option.name)),
            None if ready.state != AgentState::Ready => {
                format!("{agent} is not ready: {}", visible(ready.state.as_str()))
            }
            None if ready.options.is_empty() => {
                format!("{agent} cannot change its {name}: it has no options of its own")
            }
            None => format!("{agent} offers no {name} to choose; :agent lists the options that it has"),
        };
        Self { about: vec![why], ..Self::of(format!("The agent's {name}"), Vec::new()) }
    }

    /// Returns the values of one option of the agent; `None` when there is nothing to choose from.
    #[must_use]
    pub fn agent_values(scene: &Scene, id: &str) -> Option<Self> {
        let option = scene.session.agent.ready.options.iter().find(|option| option.id == id)?;
        let rows: Vec<(String, String, Pick)> = option
            .choices
            .iter()
            .take(UI_CHOICES_MAX)
            .map(|(value, name)| {
                let shown = if value == name { String::new() } else { visible(value) };
                (visible(name), shown, Pick::AgentValue { id: id.to_owned(), value: value.clone() })
            })
            .collect();
        let cursor = option.choices.iter().position(|(value, _)| Some(value) == option.value.as_ref()).unwrap_or(0);
        (!rows.is_empty()).then(|| Self { cursor, ..Self::of(visible(&option.name), rows) })
    }

    /// Newest first.
    #[must_use]
    pub fn checkpoints(scene: &Scene) -> Self {
        let rows = scene.session.disk.checkpoints.iter().rev().take(UI_CHOICES_MAX).map(|(_, made)| {
            let (name, title) = Self::checkpoint_words(scene, made);
            (name.clone(), title, Pick::Checkpoint { tree: made.tree, when: name })
        });
        Self::of("Rewind to", rows.collect())
    }

    /// Returns the points of interest in a record, oldest first; of a long record those around the present moment.
    #[must_use]
    pub fn events(scene: &Scene) -> Option<Self> {
        let record = scene.record.as_ref()?;
        let (shown, last) = record.place();
        let before = record.stops().filter(|(seq, _)| *seq <= shown).count();
        let first = before.saturating_sub(UI_CHOICES_MAX / 2);
        let rows: Vec<(String, String, Pick)> = record
            .stops()
            .skip(first)
            .take(UI_CHOICES_MAX)
            .map(|(seq, words)| (format!("{seq:>width$}", width = last.to_string().len()), words, Pick::Event(seq)))
            .collect();
        let cursor = before.saturating_sub(first + 1).min(rows.len().saturating_sub(1));
        Some(Self { cursor, ..Self::of("Events", rows) })
    }

    /// Files changed by no decision, newest change first, each once.
    #[must_use]
    pub fn unsupervised(scene: &Scene) -> Self {
        let mut rows: Vec<(String, String, Pick)> = Vec::new();
        for path in unsupervised_paths(scene) {
            let shown = crate::base::text::Untrusted::from(path.as_str()).visible().into_owned();
            rows.push((shown, String::new(), Pick::Restore(path)));
        }
        Self::of("Revert an unsupervised change", rows)
    }

    pub fn go(&mut self, down: bool) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = if down { (self.cursor + 1).min(last) } else { self.cursor.saturating_sub(1) };
    }

    /// A page, or to an end.
    pub fn leap(&mut self, key: KeyCode) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = if key == KeyCode::PageUp {
            self.cursor.saturating_sub(PAGE_ROWS)
        } else if key == KeyCode::PageDown {
            (self.cursor + PAGE_ROWS).min(last)
        } else if key == KeyCode::Home {
            0
        } else {
            last
        };
    }

    #[must_use]
    pub fn picked(&self) -> Option<Pick> {
        self.rows.get(self.cursor).map(|(_, _, pick)| pick.clone())
    }
}

/// A line in as many rows as it takes; what follows the first is set in.
fn wrapped(line: &str, columns: u16) -> Vec<String> {
    let ranges = width::wrap(line, usize::from(columns.max(8)) - 2);
    let part = |(at, range): (usize, std::ops::Range<usize>)| {
        format!("{}{}", if at == 0 { "" } else { "  " }, line.get(range).unwrap_or_default())
    };
    ranges.into_iter().enumerate().map(part).collect()
}

fn visible(text: &str) -> String {
    crate::base::text::Untrusted::from(text).visible().into_owned()
}

pub(super) fn view(choice: &Choice, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let wide = if choice.about.is_empty() { 64 } else { 96 };
    let width = screen.width.saturating_sub(4).clamp(30, wide);
    let about: Vec<String> = choice.about.iter().flat_map(|line| wrapped(line, width.saturating_sub(4))).collect();
    let most = screen.height.saturating_sub(6);
    let rows = u16::try_from(choice.rows.len()).unwrap_or(u16::MAX).min(most);
    let gap = u16::from(!about.is_empty() && rows > 0);
    // What can be chosen stays in view; what is only read gives way.
    let read = u16::try_from(about.len()).unwrap_or(u16::MAX).min(most.saturating_sub(rows + gap));
    let inside = open_box(app, frame, width, read + gap + rows + 4, &choice.title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    for (y, line) in (inside.y..).zip(about.iter().take(usize::from(read))) {
        brush.cut(inside.x, y, inside.right(), line, Role::TextSoft);
    }
    let widest = choice.rows.iter().map(|(name, _, _)| width::width(name)).max().unwrap_or(0);
    // Names and meanings are columns of their own; where there is only a name it has the row.
    let names = u16::try_from(widest).unwrap_or(u16::MAX).clamp(12, inside.width * 3 / 5);
    let meanings = inside.x + 2 + names + 2;
    let first = choice.cursor.saturating_sub(usize::from(rows.saturating_sub(1)));
    let shown = choice.rows.iter().enumerate().skip(first).take(usize::from(rows));
    for (y, (at, (name, meaning, _))) in (inside.y + read + gap..).zip(shown) {
        let here = at == choice.cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(inside.x, y, inside.right(), sign, Role::Accent);
        let end = if meaning.is_empty() { inside.right() } else { meanings - 2 };
        brush.cut(inside.x + 2, y, end, name, if here { Role::TextStrong } else { Role::Text });
        brush.cut(meanings, y, inside.right(), meaning, Role::TextSoft);
        if here {
            brush.over(Rect::new(inside.x, y, inside.width, 1), Role::Cursor);
        }
    }
    let hint = match (rows, &choice.decides) {
        (0, _) => "Esc closes",
        (_, None) => "j k move · Enter selects · Esc closes",
        (_, Some(_)) if form::of(&app.scene).is_some() => "j k move · Enter sends · Esc closes",
        (_, Some(_)) => "j k move · Enter selects · a approves with it · Esc closes",
    };
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), hint, Role::Hint);
}
