//! The list above the composer: commands after `/`, and what can be mentioned after `@`. Files come from the host, later
//! than the keys: until they do, those of the last answer are shown.

use super::trigger::Trigger;
use crate::base::RelPath;
use crate::base::text::{Show, escape};
use crate::model::event::Mode;
use crate::model::{PromptPart, Session};
use crate::ui::limits::{UI_MENU_FILES_MAX, UI_MENU_ROWS_KEPT_MAX};
use crate::wire::{Find, Found};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// What a row puts in place of the text that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fills {
    /// A command by its name; with words behind it when it takes any.
    Command(String),
    Object(PromptPart),
}

/// A row, in words that are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    pub note: String,
    pub fills: Fills,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Menu {
    pub rows: Vec<Row>,
    pub cursor: usize,
    /// The files are those of an earlier query.
    pub is_stale: bool,
    files: Files,
}

/// The files that the host found last, and the query that it works on.
#[derive(Debug, Clone, Default)]
struct Files {
    query: Option<Sought>,
    paths: Vec<RelPath>,
    asked: Option<Sought>,
    wanted: Option<Sought>,
}

/// Letters of a path, and whether it is looked for among the ignored files.
type Sought = (String, bool);

impl Menu {
    /// Fills the list for what the text asks for now.
    pub fn show(&mut self, trigger: Option<&Trigger>, session: &Session) {
        let selected = self.rows.get(self.cursor).map(|row| row.fills.clone());
        self.files.wanted = None;
        self.rows = match trigger {
            None => Vec::new(),
            Some(Trigger::Command { query }) => commands(query, session),
            Some(Trigger::Mention { query, lines, ignored, .. }) => self.mentions((query, *ignored), *lines, session),
        };
        let kept = self.rows.iter().position(|row| Some(&row.fills) == selected.as_ref());
        self.cursor = kept.filter(|_| self.cursor > 0).unwrap_or(0);
    }

    pub fn is_open(&self) -> bool {
        !self.rows.is_empty()
    }

    pub fn close(&mut self) {
        (self.rows, self.cursor) = (Vec::new(), 0);
        self.files.wanted = None;
    }

    pub fn go(&mut self, down: bool) {
        let len = self.rows.len().max(1);
        self.cursor = if down { (self.cursor + 1) % len } else { (self.cursor + len - 1) % len };
    }

    pub fn selected(&self) -> Option<&Row> {
        self.rows.get(self.cursor)
    }

    /// The next search for the host; one at a time. These files come first where others match as well.
    pub fn search_due(&mut self, prefer: impl FnOnce() -> Vec<RelPath>) -> Option<Find> {
        let sought = self.files.wanted.take_if(|_| self.files.asked.is_none())?;
        let (query, ignored) = sought.clone();
        self.files.asked = Some(sought);
        Some(Find { query, limit: Some(UI_MENU_FILES_MAX), ignored, prefer: prefer() })
    }

    /// The host answered; without files when it could not.
    pub fn found(&mut self, found: Option<Found>) {
        if let Some(query) = self.files.asked.take()
            && let Some(found) = found
        {
            self.files.query = Some(query);
            self.files.paths = found.paths;
        }
    }

    fn mentions(&mut self, (query, ignored): (&str, bool), lines: Option<(u32, u32)>, session: &Session) -> Vec<Row> {
        let mut rows = if lines.is_some() || ignored { Vec::new() } else { others(query, session) };
        if query.starts_with("step ") || query.starts_with("test ") {
            self.is_stale = false;
            return rows;
        }
        let sought = (query.to_owned(), ignored);
        if self.files.query.as_ref() != Some(&sought) {
            self.files.wanted = Some(sought);
        }
        self.is_stale = self.files.wanted.is_some();
        let files = self.files.paths.iter().map(|path| {
            let part = PromptPart::File { path: path.clone(), lines };
            let note = if ignored { "ignored".to_owned() } else { String::new() };
            Row { label: shown(&part.words()), note, fills: Fills::Object(part) }
        });
        // What an answer says about other letters is shown, but what was typed in full comes first.
        rows.extend(files);
        rows.truncate(UI_MENU_ROWS_KEPT_MAX);
        rows
    }
}

fn shown(text: &str) -> String {
    escape::show(text, &Show::default()).into_owned()
}

/// The commands that rightseat carries out for every agent.
const OWN: &[(&str, &str)] = &[("mode", "guarded, plan, step or observe")];

/// The agent's commands that match, and then our own.
fn commands(query: &str, session: &Session) -> Vec<Row> {
    let ready = &session.agent.ready;
    // Behind a whole name its words follow, unless a longer name begins like this.
    let is_begun = ready.commands.iter().any(|command| command.name.starts_with(query));
    if !is_begun && command_of(query, session).is_some_and(|name| query.len() > name.len()) {
        return Vec::new();
    }
    let agent = shown(&ready.agent.name);
    let theirs = ready.commands.iter().map(|command| {
        let note = format!("{agent}  {}", shown(&command.description));
        (command.name.as_str(), note)
    });
    let ours = own(session).map(|(name, hint)| (name, format!("rightseat  {hint}")));
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut found: Vec<(bool, u32, Row)> = theirs
        .chain(ours)
        .filter_map(|(name, note)| {
            let score = pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher)?;
            let row = Row { label: shown(&format!("/{name}")), note, fills: Fills::Command(name.to_owned()) };
            Some((!name.starts_with(query), score, row))
        })
        .collect();
    found.sort_by_key(|(other, score, _)| (*other, std::cmp::Reverse(*score)));
    found.into_iter().map(|(_, _, row)| row).collect()
}

/// Our own commands that the agent does not have itself.
fn own(session: &Session) -> impl Iterator<Item = (&'static str, &'static str)> {
    let theirs = &session.agent.ready.commands;
    OWN.iter().copied().filter(|(name, _)| !theirs.iter().any(|command| command.name == *name))
}

/// The longest name of a command that this text (without its `/`) gives.
pub fn command_of(text: &str, session: &Session) -> Option<String> {
    let names = session.agent.ready.commands.iter().map(|command| command.name.as_str());
    let names = names.chain(own(session).map(|(name, _)| name));
    let given = names
        .filter(|name| text.strip_prefix(name).is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace)));
    given.max_by_key(|name| name.len()).map(str::to_owned)
}

/// The mode that a message sets by our own command; the error says what there is.
pub fn mode_command(text: &str, session: &Session) -> Option<Result<Mode, String>> {
    let word = text.strip_prefix("/mode")?;
    if !own(session).any(|(name, _)| name == "mode") || !(word.is_empty() || word.starts_with(char::is_whitespace)) {
        return None;
    }
    let modes = [Mode::Guarded, Mode::Plan, Mode::Step, Mode::Observe];
    let found = modes.into_iter().find(|mode| mode.word() == word.trim());
    Some(found.ok_or_else(|| format!("/mode takes {}", OWN.first().map_or("", |(_, hint)| hint))))
}

/// What may follow the command that is typed, while nothing does.
pub fn hint(text: &str, session: &Session) -> Option<String> {
    let rest = text.strip_prefix('/')?;
    let name = command_of(rest.trim_end(), session).filter(|name| rest.trim_end() == name)?;
    let theirs = session.agent.ready.commands.iter().find(|command| command.name == name);
    let hint = match theirs {
        Some(command) => command.hint.clone()?,
        None => own(session).find(|(own, _)| *own == name)?.1.to_owned(),
    };
    let gap = if rest.ends_with(' ') { "" } else { " " };
    Some(format!("{gap}{}", shown(&hint)))
}

/// Actions, steps and tests; the newest actions first.
fn others(query: &str, session: &Session) -> Vec<Row> {
    let row = |part: PromptPart, note: &str| Row {
        label: shown(&part.words()),
        note: shown(note),
        fills: Fills::Object(part),
    };
    if let Some(step) = query.strip_prefix("step ") {
        let step = step.to_lowercase();
        let found = session.plan.steps.iter().enumerate().filter(|(at, one)| {
            step.is_empty() || (at + 1).to_string() == step || one.title.to_lowercase().contains(&step)
        });
        return found
            .map(|(_, one)| row(PromptPart::Step { step: one.id.clone() }, &one.title))
            .take(UI_MENU_ROWS_KEPT_MAX)
            .collect();
    }
    if let Some(test) = query.strip_prefix("test ") {
        let cases = session.checks.runs().next_back().map(|run| run.cases.as_slice()).unwrap_or_default();
        let found = cases.iter().filter(|case| case.case.contains(test));
        return found
            .map(|case| row(PromptPart::Test { name: case.case.clone() }, case.file.as_deref().unwrap_or_default()))
            .take(UI_MENU_ROWS_KEPT_MAX)
            .collect();
    }
    let is_action = query.strip_prefix('a').is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()));
    if query.is_empty() || is_action {
        let newest = session.actions.iter().rev().filter(|state| state.action.id.as_str().starts_with(query));
        let few = if query.is_empty() { 3 } else { UI_MENU_ROWS_KEPT_MAX };
        return newest
            .map(|state| row(PromptPart::Action { action: state.action.id.clone() }, &state.action.title))
            .take(few)
            .collect();
    }
    Vec::new()
}
