//! The start screen: a composer for the first prompt, and the agent, model, mode, isolation and branch to begin with.
//!
//! It is open before there is a session, so it starts nothing and records nothing: its result is a [`Wish`].

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

mod tour;
mod view;

pub(in crate::ui) use view::view;

use crate::base::text::Untrusted;
use crate::model::event::Mode;
use crate::ui::entry::Entry;
use crate::ui::overlays::{Choice, Pick, meaning};
use crate::ui::terminal::Key;
use crossterm::event::KeyCode;
use tour::Tour;

/// A value that can be chosen, or the reason that it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub value: String,
    pub about: String,
    pub why_not: Option<String>,
}

impl Item {
    #[must_use]
    pub fn new(value: &str, about: impl Into<String>) -> Self {
        Self { value: value.to_owned(), about: about.into(), why_not: None }
    }

    #[must_use]
    pub fn unless(self, why_not: Option<String>) -> Self {
        Self { why_not, ..self }
    }
}

/// An agent with the values that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentItem {
    pub item: Item,
    /// The models to choose from before it runs, preferred first.
    pub models: Vec<Item>,
    /// Describes where its model comes from when there are none.
    pub model_note: String,
    pub isolations: Vec<Item>,
    /// Its goal when none is given.
    pub own_goal: Option<String>,
}

/// Everything that can be chosen here, with the values to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offers {
    pub directory: String,
    pub agents: Vec<AgentItem>,
    pub agent: usize,
    pub model: usize,
    pub mode: Mode,
    pub isolation: String,
    /// The branches of the repository. [`HERE`] and [`NEW_BRANCH`] come first; a directory that is in no repository has
    /// the former alone.
    pub branches: Vec<Item>,
    /// The position of the branch to begin with.
    pub branch: usize,
    /// The text that was typed here last time and not sent.
    pub draft: String,
    /// The user has not seen the introduction.
    pub introduces: bool,
}

/// The session that the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// As `--agent` takes it.
    pub agent: String,
    /// The user chose the agent in the list.
    pub is_picked: bool,
    pub mode: Mode,
    /// As `--isolation` takes it.
    pub isolation: String,
    pub branch: BranchWish,
    /// May be empty.
    pub goal: String,
}

impl Offers {
    /// Begins with this branch, which may be new.
    pub fn prefer_branch(&mut self, name: &str) {
        self.branch = self.branches.iter().position(|item| item.value == name).unwrap_or_else(|| {
            self.branches.push(Item::new(name, "in a worktree beside this repository, on a new branch"));
            self.branches.len() - 1
        });
    }
}

/// The branch that the user wants the session on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchWish {
    /// The session works in the directory itself.
    Here,
    /// A worktree of its own, on a branch that is named after the goal.
    New,
    /// The worktree of this branch.
    Of(String),
}

/// What a choice is called that leaves the session in the directory itself; no branch of git has such a name.
pub const HERE: &str = "(here)";
/// What the choice of a new branch is called.
pub const NEW_BRANCH: &str = "(new)";

/// The part of a start screen that outlives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The text that was not sent.
    pub draft: String,
    /// The introduction was shown or skipped.
    pub is_introduced: bool,
}

/// A row below the composer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Agent,
    Model,
    Mode,
    Isolation,
    Branch,
}

impl Row {
    const ALL: [Self; 5] = [Self::Agent, Self::Model, Self::Mode, Self::Isolation, Self::Branch];

    fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Mode => "mode",
            Self::Isolation => "isolation",
            Self::Branch => "branch",
        }
    }
}

const MODES: [Mode; 4] = [Mode::Observe, Mode::Step, Mode::Plan, Mode::Guarded];

/// See the module.
#[derive(Debug)]
pub struct Welcome {
    offers: Offers,
    /// The position in the list of branches.
    branch: usize,
    entry: Entry,
    /// The row that has the focus; the composer without one.
    row: Option<Row>,
    list: Option<(Row, Choice)>,
    tour: Option<Tour>,
    /// The reason that something did not work.
    note: Option<String>,
    is_picked: bool,
    /// The session is being started.
    starts: bool,
}

impl Welcome {
    #[must_use]
    pub fn new(offers: Offers) -> Self {
        let mut entry = Entry::lines();
        // With the cursor at its end.
        entry.paste(&offers.draft);
        let tour = offers.introduces.then(Tour::default);
        Self {
            branch: offers.branch,
            offers,
            entry,
            row: None,
            list: None,
            tour,
            note: None,
            is_picked: false,
            starts: false,
        }
    }

    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept { draft: self.entry.text(), is_introduced: self.tour.is_none() }
    }

    /// The session could not be started; everything is as it was before Enter.
    pub fn failed(&mut self, why: &str) {
        self.starts = false;
        self.note = Some(visible(why));
    }

    pub fn paste(&mut self, text: &str) {
        if self.tour.is_none() && self.list.is_none() && !self.starts {
            self.row = None;
            self.entry.paste(text);
        }
    }

    /// Takes a key; returns what to begin when it was the one that starts the session.
    pub fn key(&mut self, key: Key) -> Option<Wish> {
        if self.starts {
            return None;
        }
        self.note = None;
        if let Some(tour) = &mut self.tour {
            if !tour.key(key) {
                self.tour = None;
            }
        } else if let Some((row, choice)) = self.list.take() {
            self.list_key(row, choice, key);
        } else if key == Key::function(1) {
            self.tour = Some(Tour::default());
        } else if let Some(row) = self.row {
            self.row_key(row, key);
        } else {
            return self.text_key(key);
        }
        None
    }

    fn text_key(&mut self, key: Key) -> Option<Wish> {
        match key.code {
            KeyCode::Enter if !key.modifiers.is_empty() => self.entry.newline(),
            KeyCode::Enter => return self.begun(),
            KeyCode::Tab if key.goes_down() => self.row = Some(Row::Agent),
            KeyCode::Tab => self.row = Row::ALL.last().copied(),
            KeyCode::Esc => self.note = Some("^C leaves and keeps what you typed for the next time".to_owned()),
            _ => self.entry.key(key),
        }
        None
    }

    fn row_key(&mut self, row: Row, key: Key) {
        let at = Row::ALL.iter().position(|other| *other == row).unwrap_or(0);
        match key.code {
            KeyCode::Esc => self.row = None,
            KeyCode::Tab | KeyCode::Down if key.goes_down() => self.row = Row::ALL.get(at + 1).copied(),
            KeyCode::Tab | KeyCode::Up => self.row = at.checked_sub(1).and_then(|at| Row::ALL.get(at).copied()),
            KeyCode::Enter | KeyCode::Right => self.open(row),
            KeyCode::Char(' ') if key.modifiers.is_empty() => self.open(row),
            // Text goes where text goes.
            _ if key.typed().is_some() => {
                self.row = None;
                self.entry.key(key);
            }
            _ => {}
        }
    }

    fn open(&mut self, row: Row) {
        let (items, current) = self.items(row);
        if items.is_empty() {
            self.note = self.agent().map(|agent| agent.model_note.clone());
            return;
        }
        let about = match row {
            Row::Agent => "Any other program that speaks ACP: rightseat --agent 'acp:COMMAND LINE'",
            Row::Model => "Models of this agent that are known before it runs",
            Row::Mode => "The actions that wait for your decision; it can be changed while the session runs",
            Row::Isolation => "Where the agent works. None of these is a sandbox against a malicious program",
            Row::Branch => "A session on a branch of its own works in a git worktree beside this repository",
        };
        let rows = items.into_iter().map(|item| {
            let about = item.why_not.unwrap_or(item.about);
            (visible(&item.value), visible(&about))
        });
        let title = format!("Choose the {}", row.name());
        self.list = Some((row, Choice::items(title, about, rows.collect(), current)));
    }

    fn list_key(&mut self, row: Row, mut choice: Choice, key: Key) {
        match key.code {
            KeyCode::Esc | KeyCode::Left => return,
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') => choice.go(key.goes_down()),
            KeyCode::Enter => {
                let Some(Pick::Item(at)) = choice.picked() else { return };
                let refused = self.items(row).0.get(at).and_then(|item| item.why_not.clone());
                if refused.is_none() {
                    self.pick(row, at);
                    return;
                }
                self.note = refused.map(|why| visible(&why));
            }
            _ => {}
        }
        self.list = Some((row, choice));
    }

    fn pick(&mut self, row: Row, at: usize) {
        match row {
            Row::Agent => {
                self.is_picked = true;
                self.offers.agent = at;
                self.offers.model = 0;
                let (items, current) = self.items(Row::Isolation);
                if items.get(current).is_none_or(|item| item.why_not.is_some() || item.value != self.offers.isolation) {
                    "auto".clone_into(&mut self.offers.isolation);
                }
            }
            Row::Model => self.offers.model = at,
            Row::Mode => self.offers.mode = MODES.get(at).copied().unwrap_or(self.offers.mode),
            Row::Branch => self.branch = at,
            Row::Isolation => {
                if let Some(item) = self.items(row).0.get(at) {
                    self.offers.isolation.clone_from(&item.value);
                }
            }
        }
    }

    fn agent(&self) -> Option<&AgentItem> {
        self.offers.agents.get(self.offers.agent)
    }

    /// The items of a row and the position of the current one.
    fn items(&self, row: Row) -> (Vec<Item>, usize) {
        match row {
            Row::Agent => (self.offers.agents.iter().map(|agent| agent.item.clone()).collect(), self.offers.agent),
            Row::Model => (self.agent().map(|agent| agent.models.clone()).unwrap_or_default(), self.offers.model),
            Row::Mode => {
                let current = MODES.iter().position(|mode| *mode == self.offers.mode).unwrap_or(0);
                (MODES.iter().map(|mode| Item::new(mode.word(), meaning(*mode))).collect(), current)
            }
            Row::Isolation => {
                let items = self.agent().map(|agent| agent.isolations.clone()).unwrap_or_default();
                let current = items.iter().position(|item| item.value == self.offers.isolation).unwrap_or(0);
                (items, current)
            }
            Row::Branch => (self.offers.branches.clone(), self.branch),
        }
    }

    /// The value of a row and its meaning.
    fn value(&self, row: Row) -> (String, String) {
        let (mut items, current) = self.items(row);
        if current >= items.len() {
            return (String::new(), self.agent().map(|agent| agent.model_note.clone()).unwrap_or_default());
        }
        let item = items.swap_remove(current);
        let about = item.why_not.unwrap_or(item.about);
        (visible(&item.value), visible(&about))
    }

    fn begun(&mut self) -> Option<Wish> {
        let chosen = [Row::Agent, Row::Model, Row::Isolation];
        let current = |row| {
            let (items, at) = self.items(row);
            items.into_iter().nth(at)
        };
        if let Some(why) = chosen.into_iter().find_map(|row| current(row)?.why_not) {
            self.note = Some(visible(&why));
            return None;
        }
        let agent = self.agent()?;
        let spec = match current(Row::Model) {
            Some(model) => format!("{}/{}", agent.item.value, model.value),
            None => agent.item.value.clone(),
        };
        let typed = self.entry.text();
        let goal = if typed.trim().is_empty() { agent.own_goal.clone().unwrap_or_default() } else { typed };
        self.starts = true;
        Some(Wish {
            agent: spec,
            is_picked: self.is_picked,
            mode: self.offers.mode,
            isolation: self.offers.isolation.clone(),
            branch: match self.offers.branches.get(self.branch).map(|item| item.value.as_str()) {
                None | Some(HERE) => BranchWish::Here,
                Some(NEW_BRANCH) => BranchWish::New,
                Some(name) => BranchWish::Of(name.to_owned()),
            },
            goal,
        })
    }
}

fn visible(text: &str) -> String {
    Untrusted::from(text).visible().into_owned()
}

#[cfg(test)]
mod tests;
