//! The line at the bottom in which the user talks to the agent: what each key does to the message that is written.
//! A verdict is never a key here, and nothing that was typed is lost.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

pub mod draw;
mod history;
mod menu;
#[cfg(test)]
mod tests;
mod trigger;

use crate::base::ActionId;
use crate::model::event::{Drafted, Mode, QueuedPrompt};
use crate::model::session::Speaker;
use crate::model::{PromptPart, Session, When, prompt_text};
use crate::ui::entry::Entry;
use crate::ui::limits::{
    UI_DRAFT_MS_MIN, UI_ENTRY_BYTES_MAX, UI_MENU_PREFERRED_MAX, UI_PASTE_BYTES_MAX, UI_PASTE_LINES_MAX,
};
use crate::ui::terminal::Key;
use crate::wire;
use crossterm::event::{KeyCode, KeyModifiers};
use history::{History, Parts};
use menu::{Fills, Menu};
use trigger::Trigger;

/// The message being written, and when the agent should get it.
#[derive(Debug, Clone)]
pub struct Composer {
    pub entry: Entry,
    pub open: bool,
    pub when: When,
    pub menu: Menu,
    history: History,
    search: Option<Search>,
    /// A prompt of the queue that is edited here, and the message that was being written before.
    edits: Option<(QueuedPrompt, Parts)>,
    /// The first key of the external editor's two was pressed.
    is_chord: bool,
    /// The text that Enter sends although it looks like a command that nobody has.
    asked_about: Option<String>,
    /// The menu has just put a blank behind what it filled in: one that is typed is this one.
    has_given_blank: bool,
    /// Where the menu was closed with Esc: it opens again for another word.
    dismissed: Option<Trigger>,
    draft: Sync,
    /// Our own commands that run; their output is offered when they end.
    runs: Vec<ActionId>,
    /// The one whose output was put into the message without a key.
    offered: Option<ActionId>,
}

/// The draft as the host has it.
#[derive(Debug, Clone, Default)]
struct Sync {
    parts: Parts,
    /// Since when it is another one here.
    since_ms: Option<u64>,
}

/// A search in the history: the words, the entry that is shown, and the message before.
#[derive(Debug, Clone, Default)]
struct Search {
    words: String,
    found: Option<usize>,
    before: Parts,
}

impl Default for Composer {
    fn default() -> Self {
        Self {
            entry: Entry::lines(),
            open: false,
            when: When::Queue,
            menu: Menu::default(),
            history: History::default(),
            search: None,
            edits: None,
            is_chord: false,
            asked_about: None,
            has_given_blank: false,
            dismissed: None,
            draft: Sync::default(),
            runs: Vec::new(),
            offered: None,
        }
    }
}

/// The result of a key in the composer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    Stays,
    /// The draft is kept.
    Closed,
    Sends(wire::Prompt),
    /// A prompt of the queue as it is now.
    Replaces(wire::QueueEdit),
    /// A command of the user's own.
    Runs(String),
    Mode(Mode),
    /// The text should be opened in the user's editor.
    Editor(String),
    /// The picture on this machine's clipboard is to be attached.
    Pastes,
    Says(String),
}

impl Composer {
    pub fn key(&mut self, key: Key, session: &Session) -> Typed {
        if self.search.is_some() {
            self.search_key(key);
            return Typed::Stays;
        }
        if std::mem::take(&mut self.has_given_blank) && key.typed() == Some(' ') {
            return Typed::Stays;
        }
        if std::mem::take(&mut self.is_chord) && key == Key::plain_control('e') {
            return Typed::Editor(self.entry.text());
        }
        if self.menu.is_open()
            && let Some(typed) = self.menu_key(key, session)
        {
            self.look(session);
            return typed;
        }
        let typed = match key.code {
            KeyCode::Esc => self.leave(),
            KeyCode::Tab => {
                self.when = self.when.next();
                Typed::Stays
            }
            KeyCode::Enter => self.enter(key, session),
            _ if key == Key::plain_control('v') => Typed::Pastes,
            KeyCode::Up | KeyCode::Down if key.modifiers.is_empty() => {
                self.up_or_down(key.code == KeyCode::Up, session);
                Typed::Stays
            }
            _ => {
                self.edit(key, session);
                Typed::Stays
            }
        };
        self.look(session);
        typed
    }

    fn edit(&mut self, key: Key, session: &Session) {
        if key == Key::plain_control('x') {
            self.is_chord = true;
        } else if key == Key::plain_control('r') {
            self.hear_others(session);
            self.search = Some(Search { before: self.entry.parts(), ..Search::default() });
        } else {
            if key.typed() == Some(' ') {
                self.take_whole_mention();
            }
            self.entry.key(key);
        }
    }

    /// Enter: a new line, an object's words, or the end of the message.
    fn enter(&mut self, key: Key, session: &Session) -> Typed {
        if key.modifiers.is_empty()
            && let Some(object) = self.entry.object_under_cursor().cloned()
        {
            if let PromptPart::Paste { text } = &object {
                self.entry.replace_object(text);
                return Typed::Stays;
            }
            return Typed::Says(draw::sent_as(&object, session));
        }
        self.take_whole_mention();
        if !self.entry.ends_with(key) {
            return Typed::Stays;
        }
        let parts = self.entry.parts();
        let text = prompt_text(&parts);
        if text.trim().is_empty() {
            return self.leave();
        }
        if let Some(action) = self.offered.take()
            && parts.as_slice() == [PromptPart::Action { action: action.clone() }]
        {
            return Typed::Says(format!("say what to do with the output of {action}; Enter again sends it alone"));
        }
        if let Some(command) = text.strip_prefix('!').filter(|_| self.edits.is_none()) {
            let command = command.trim().to_owned();
            let is_empty = command.is_empty();
            let run = |_: Parts, _: When| Typed::Runs(command);
            return if is_empty { Typed::Stays } else { self.take(parts, session, run) };
        }
        match menu::mode_command(&text, session) {
            Some(Ok(mode)) => return self.take(parts, session, |_, _| Typed::Mode(mode)),
            Some(Err(why)) => return Typed::Says(why),
            None => {}
        }
        let parts = without_end_of_command(parts);
        if let Some(word) = trigger::command_word(&text)
            && menu::command_of(text.get(1..).unwrap_or_default(), session).is_none()
            && self.asked_about.as_deref() != Some(text.as_str())
        {
            let says = format!("/{word} is no command of the agent: Enter sends it as text");
            self.asked_about = Some(text);
            return Typed::Says(says);
        }
        self.take(parts, session, |parts, when| Typed::Sends(wire::Prompt::of(parts, when)))
    }

    /// Takes the message out: it is history now, and the next one is empty. The composer stays open for it unless an
    /// action waits for a verdict, whose keys are letters.
    fn take(&mut self, parts: Parts, session: &Session, make: impl FnOnce(Parts, When) -> Typed) -> Typed {
        self.history.add(parts.clone());
        self.asked_about = None;
        if let Some((prompt, before)) = self.edits.take() {
            self.put(&before);
            self.open = false;
            let wire::Prompt { text, parts, .. } = wire::Prompt::of(parts, self.when);
            let change = wire::QueueChange::Replace { text, parts };
            return Typed::Replaces(wire::QueueEdit { prompt: prompt.id, change });
        }
        self.put(&[]);
        self.open = session.actions.held().next().is_none();
        make(parts, self.when)
    }

    /// Esc: a prompt of the queue goes back as it was, a draft is kept.
    fn leave(&mut self) -> Typed {
        self.open = false;
        let Some((prompt, before)) = self.edits.take() else { return Typed::Closed };
        self.put(&before);
        let change = wire::QueueChange::Replace { text: prompt.text, parts: prompt.parts };
        Typed::Replaces(wire::QueueEdit { prompt: prompt.id, change })
    }

    fn put(&mut self, parts: &[PromptPart]) {
        self.entry = Entry::of_parts(parts);
        self.menu.close();
    }

    /// Takes a prompt of the queue up for editing; the host has parked it.
    pub fn edit_queued(&mut self, prompt: QueuedPrompt) {
        if self.edits.is_none() {
            let before = self.entry.parts();
            let parts =
                if prompt.parts.is_empty() { vec![PromptPart::text(&prompt.text)] } else { prompt.parts.clone() };
            self.put(&parts);
            self.edits = Some((prompt, before));
            self.open = true;
        }
    }

    /// What was sent could not be delivered: it is the draft again, behind what is written by now.
    pub fn give_back(&mut self, text: &str, parts: &[PromptPart]) {
        let given = if parts.is_empty() { vec![PromptPart::text(text)] } else { parts.to_vec() };
        let mut now = self.entry.parts();
        if !now.is_empty() {
            now.push(PromptPart::text("\n"));
        }
        now.extend(given);
        self.put(&now);
    }

    pub fn paste(&mut self, text: &str, session: &Session) {
        if let Some(search) = &mut self.search {
            search.words.push_str(text.lines().next().unwrap_or_default());
            self.find(None);
            return;
        }
        let cut = (0..=text.len().min(UI_ENTRY_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let text = text.get(..cut).unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        if text.lines().nth(UI_PASTE_LINES_MAX).is_some() || text.len() > UI_PASTE_BYTES_MAX {
            self.entry.insert_object(PromptPart::Paste { text });
        } else {
            self.entry.paste(&text);
        }
        self.look(session);
    }

    /// The external editor came back with this text.
    pub fn edited(&mut self, text: &str) {
        if text != self.entry.text() {
            // Editors end a file with a line end that is no part of the message.
            self.entry = Entry::of_text(text.strip_suffix('\n').unwrap_or(text), &self.entry.parts());
        }
    }

    // ---- the menu ----

    /// Fills the menu for what is before the cursor.
    fn look(&mut self, session: &Session) {
        let (line, before) = self.entry.before_cursor();
        let trigger = if self.open { trigger::of(line, &before) } else { None };
        if self.dismissed.is_some() && self.dismissed.as_ref().map(kind) != trigger.as_ref().map(kind) {
            self.dismissed = None;
        }
        self.menu.show(trigger.as_ref().filter(|_| self.dismissed.is_none()), session);
    }

    /// The agent may offer other commands now.
    pub fn offered(&mut self, session: &Session) {
        self.look(session);
    }

    /// The host has looked for files, or could not.
    pub fn found(&mut self, found: Option<wire::Found>, session: &Session) {
        self.menu.found(found);
        self.look(session);
    }

    /// The next search of files for the host.
    pub fn search_due(&mut self) -> Option<wire::Find> {
        self.menu.search_due(|| self.history.files(UI_MENU_PREFERRED_MAX))
    }

    /// A key that the open menu takes.
    fn menu_key(&mut self, key: Key, session: &Session) -> Option<Typed> {
        match key.code {
            KeyCode::Esc => {
                let (line, before) = self.entry.before_cursor();
                self.dismissed = trigger::of(line, &before);
            }
            KeyCode::Down | KeyCode::Up if key.modifiers.is_empty() => {
                self.menu.go(key.code == KeyCode::Down);
                // The list stays as it is.
                return Some(Typed::Stays);
            }
            KeyCode::Tab => self.fill(),
            KeyCode::Enter if key.modifiers.is_empty() => {
                // A command that is typed in full is sent.
                let typed = self.entry.text();
                if matches!(self.menu.selected().map(|row| &row.fills), Some(Fills::Command(name)) if typed == format!("/{name}"))
                {
                    self.menu.close();
                    return Some(self.enter(key, session));
                }
                self.fill();
            }
            _ => return None,
        }
        Some(Typed::Stays)
    }

    /// Puts the selected row in place of what asked for it.
    fn fill(&mut self) {
        let Some(fills) = self.menu.selected().map(|row| row.fills.clone()) else { return };
        let (line, before) = self.entry.before_cursor();
        match (trigger::of(line, &before), fills) {
            (Some(Trigger::Command { .. }), Fills::Command(name)) => {
                self.entry.as_one_edit(|entry| {
                    entry.delete_before(before.chars().count());
                    entry.paste(&format!("/{name} "));
                });
            }
            (Some(Trigger::Mention { chars, .. }), Fills::Object(part)) => self.mention(chars, part),
            (Some(_) | None, _) => return self.menu.close(),
        }
        self.has_given_blank = true;
        self.menu.close();
    }

    fn mention(&mut self, chars: usize, part: PromptPart) {
        self.entry.as_one_edit(|entry| {
            entry.delete_before(chars);
            entry.insert_object(part);
            entry.key(Key::plain(' '));
        });
    }

    /// A mention that was typed in full, and that the list has, becomes an object without being selected.
    fn take_whole_mention(&mut self) {
        let (line, before) = self.entry.before_cursor();
        let Some(Trigger::Mention { chars, .. }) = trigger::of(line, &before) else { return };
        let typed: String = before.chars().skip(before.chars().count().saturating_sub(chars)).collect();
        let whole = self.menu.rows.iter().find_map(|row| match &row.fills {
            Fills::Object(part) if part.words() == typed => Some(part.clone()),
            Fills::Object(_) | Fills::Command(_) => None,
        });
        if let Some(part) = whole {
            self.entry.as_one_edit(|entry| {
                entry.delete_before(chars);
                entry.insert_object(part);
            });
        }
    }

    // ---- history ----

    /// Messages of the project's former sessions, oldest first.
    pub fn load_history(&mut self, older: Vec<Parts>) {
        self.history.load(older);
    }

    /// Messages of this session that this client did not send: its goal, and those of other clients.
    fn hear_others(&mut self, session: &Session) {
        let sent = session.transcript.iter().filter(|entry| entry.speaker == Speaker::Human);
        self.history.hear(&sent.map(|entry| (entry.text.as_str(), entry.parts.as_slice())).collect::<Vec<_>>());
    }

    fn up_or_down(&mut self, up: bool, session: &Session) {
        if self.entry.move_row(!up) {
            return;
        }
        self.hear_others(session);
        if let Some(parts) = self.history.step(up, self.entry.parts()) {
            self.put(&parts);
        }
    }

    fn search_key(&mut self, key: Key) {
        let Some(search) = &mut self.search else { return };
        match key.code {
            KeyCode::Esc => {
                let before = std::mem::take(&mut search.before);
                self.search = None;
                self.put(&before);
            }
            KeyCode::Enter | KeyCode::Tab => self.take_found(),
            KeyCode::Backspace => {
                search.words.pop();
                self.find(None);
            }
            _ if key == Key::plain_control('r') => {
                let before = search.found;
                self.find(before);
            }
            KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                search.words.push(c);
                self.find(None);
            }
            _ => {
                self.take_found();
                self.entry.key(key);
            }
        }
    }

    /// Shows the newest entry with the words, or the one before `before`.
    fn find(&mut self, before: Option<usize>) {
        let Some(search) = &mut self.search else { return };
        let found = self.history.find(&search.words, before.unwrap_or(self.history.len()));
        if let Some((at, parts)) = found {
            search.found = Some(at);
            self.entry = Entry::of_parts(parts);
        }
    }

    fn take_found(&mut self) {
        let Some(search) = self.search.take() else { return };
        let parts = match search.found {
            Some(at) => self.history.take(at, search.before),
            None => search.before,
        };
        self.put(&parts);
    }

    // ---- the draft ----

    /// The draft, if the host should have it now: at once when the message is left, and now and then while it grows.
    pub fn draft_due(&mut self, now_ms: u64) -> Option<Parts> {
        let parts = match &self.edits {
            Some((_, before)) => before.clone(),
            None => self.entry.parts(),
        };
        if parts == self.draft.parts {
            self.draft.since_ms = None;
            return None;
        }
        let since_ms = *self.draft.since_ms.get_or_insert(now_ms);
        if self.open && now_ms < since_ms.saturating_add(UI_DRAFT_MS_MIN) {
            return None;
        }
        self.draft = Sync { parts: parts.clone(), since_ms: None };
        Some(parts)
    }

    /// When the host should have the draft, if nothing more is typed until then.
    #[must_use]
    pub fn draft_due_at_ms(&self) -> Option<u64> {
        self.draft.since_ms.map(|since_ms| since_ms.saturating_add(UI_DRAFT_MS_MIN))
    }

    /// Takes over the draft that another client, or this user before, left behind. What is being written stays.
    pub fn restore(&mut self, draft: &Drafted) {
        if !self.open
            && self.edits.is_none()
            && self.entry.parts() == self.draft.parts
            && draft.parts != self.draft.parts
        {
            self.put(&draft.parts);
            self.draft.parts.clone_from(&draft.parts);
        }
    }

    // ---- actions, and commands of the user's own ----

    /// Opens with the action in the message.
    pub fn mention_action(&mut self, action: ActionId) {
        self.open = true;
        self.entry.as_one_edit(|entry| {
            entry.insert_object(PromptPart::Action { action });
            entry.key(Key::plain(' '));
        });
    }

    /// The command has become this action.
    pub fn runs(&mut self, action: ActionId) {
        self.runs.push(action);
    }

    /// A command ended. Its output is put into the message, where nothing else is in it; true then.
    pub fn offers_output(&mut self, action: &ActionId) -> Option<bool> {
        let at = self.runs.iter().position(|run| run == action)?;
        let action = self.runs.remove(at);
        let is_free = self.entry.is_empty();
        if is_free {
            self.put(&[PromptPart::Action { action: action.clone() }]);
            self.offered = Some(action);
        }
        Some(is_free)
    }
}

/// The blank that the menu put behind a command is not part of it.
fn without_end_of_command(mut parts: Parts) -> Parts {
    if let [PromptPart::Text { text }] = parts.as_mut_slice()
        && text.starts_with('/')
    {
        text.truncate(text.trim_end().len());
    }
    parts
}

/// Two triggers of one kind are about the same word.
fn kind(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Command { .. })
}

/// When a message reaches the agent, as the composer says it.
#[must_use]
pub fn when_words(when: When) -> &'static str {
    match when {
        When::Queue => "queue",
        When::Boundary => "after this step",
        When::Interrupt => "now",
    }
}
