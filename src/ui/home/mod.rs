//! Home: the sessions of this machine and of others, those that wait first, and one inbox of everything that is pending
//! in them. What is shown whole can be decided here; everything else opens its session.
//!
//! The state of the screen only: what it shows is told by whoever reads the journals ([`Told`]), and what it wants done is
//! an [`Act`].

mod rows;
#[cfg(test)]
mod tests;
mod view;

use crate::base::text::Untrusted;
use crate::base::{ActionId, Digest, SessionId, UnixMs};
use crate::model::event::Verdict;
use crate::ui::entry::Entry;
use crate::ui::list::List;
use crate::ui::terminal::Key;
use crate::wire::{Machine, Overview, Pending, Shown};
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Size;
pub(in crate::ui) use view::view;

/// A session, or something pending in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As for ssh; this machine without one.
    pub host: Option<String>,
    pub session: SessionId,
    pub action: Option<ActionId>,
}

impl Item {
    /// A name of its own among all sessions, for the time that it is on the screen.
    fn key(&self) -> ActionId {
        let host = self.host.as_deref().unwrap_or_default();
        let action = self.action.as_ref().map_or("", |action| action.as_str());
        ActionId::new(format!("{host} {} {action}", self.session))
    }
}

/// Something that home wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Tell the sessions now and whenever something changes.
    Watch,
    /// Send the decisions that wait for their machines, from now on.
    Send,
    /// Tell the whole text of a pending action.
    Show(Item),
    Decide {
        items: Vec<Item>,
        digest: Digest,
        verdict: Verdict,
        reason: Option<String>,
        confirm: Option<String>,
        /// The open comments on it were named.
        despite_comments: bool,
    },
    /// Tell the sessions once, to open the next one that waits.
    Next,
    /// Takes back a decision that was not sent yet.
    Withdraw(Item),
    /// Stop the agent and everything it started.
    Stop(Item),
    Name(Item, String),
    Archive(Item, bool),
    Delete(Item),
}

/// What home is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Machines {
        at: UnixMs,
        machines: Vec<Machine>,
    },
    Shown {
        item: Item,
        shown: Result<Shown, String>,
    },
    /// For the next session that waits.
    Next {
        at: UnixMs,
        machines: Vec<Machine>,
    },
    /// What was done, or why not.
    Done(Result<String, String>),
}

/// The result of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum HomeKey {
    Stays,
    Closes,
    Does(Act),
    Opens(Item),
    /// Describes a new session.
    New,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Inbox,
    Sessions,
}

/// A line that is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    Filter,
    /// The reason of a verdict, or the word of a guard rail.
    Reason(Verdict),
    /// The word that approves, with the open comments that were named with it.
    Word(Vec<String>),
    /// These equal items are approved, as they were listed.
    Group(Vec<Item>),
    Name,
    Stop,
    Delete,
}

/// The word that confirms a stop and a deletion.
const STOP_WORD: &str = "stop";
const DELETE_WORD: &str = "delete";
const GROUP_WORD: &str = "all";
/// The word that approves although there are open comments.
const DESPITE_WORD: &str = "despite";

/// See the module.
#[derive(Debug)]
pub struct Home {
    /// Nothing has been told yet.
    machines: Option<Vec<Machine>>,
    at: UnixMs,
    tab: Tab,
    /// What the cursor is on: it stays there when the rows change.
    on: Option<Item>,
    list: List,
    filter: String,
    typing: Option<(Asks, Entry)>,
    shown: Option<(Item, Result<Shown, String>)>,
    /// Row of the text that is at the top, and the last one that was on the screen.
    top: usize,
    seen_to: usize,
    note: Option<Result<String, String>>,
    shows_archived: bool,
    /// The session that is below this screen, if any.
    here: Option<SessionId>,
    /// Where nothing is pending, the start screen follows at once.
    gives_way: bool,
    /// A key was pressed: what is shown stays.
    is_touched: bool,
}

impl Home {
    #[must_use]
    pub fn new(here: Option<SessionId>) -> Self {
        Self {
            machines: None,
            at: UnixMs(0),
            tab: Tab::Inbox,
            on: None,
            list: List::default(),
            filter: String::new(),
            typing: None,
            shown: None,
            top: 0,
            seen_to: 0,
            note: None,
            shows_archived: false,
            here,
            gives_way: false,
            is_touched: false,
        }
    }

    /// There are sessions, each with its age.
    #[must_use]
    pub fn shows_ages(&self) -> bool {
        self.machines.as_ref().is_some_and(|machines| machines.iter().any(|machine| !machine.sessions.is_empty()))
    }

    /// So much time has passed since it was told.
    pub fn grow_older(&mut self, ms: u64) {
        self.at = UnixMs(self.at.0.saturating_add(ms));
    }

    /// Where nothing is pending, the start screen follows at once.
    #[must_use]
    pub fn giving_way(self, gives_way: bool) -> Self {
        Self { gives_way, ..self }
    }

    /// Returns whether it is known that nothing is pending, and the start screen follows.
    pub fn has_given_way(&mut self) -> bool {
        let gives_way = self.machines.is_some() && std::mem::take(&mut self.gives_way);
        gives_way && self.pending().is_empty()
    }

    #[must_use]
    pub fn is_over_a_session(&self) -> bool {
        self.here.is_some()
    }

    /// Returns whether it belongs to the session below this screen.
    #[must_use]
    pub fn is_here(&self, item: &Item) -> bool {
        item.host.is_none() && self.here.as_ref() == Some(&item.session)
    }

    /// Takes in news; returns what is wanted next.
    pub fn take(&mut self, told: Told) -> Option<Act> {
        match told {
            Told::Machines { at, machines } => {
                (self.at, self.machines) = (at, Some(machines));
                // Other machines tell later, and something may be pending there.
                if !self.is_touched {
                    self.tab = if self.pending().is_empty() { Tab::Sessions } else { Tab::Inbox };
                }
                return self.settle();
            }
            // A second reading that failed takes nothing away.
            Told::Shown { item, shown: Err(_) } if self.is_read(&item) => {}
            Told::Shown { item, shown } if self.on.as_ref() == Some(&item) => {
                // Another revision is read again from its beginning.
                let digest = |shown: &Result<Shown, String>| shown.as_ref().ok().map(|shown| shown.digest);
                let is_same =
                    self.shown.as_ref().is_some_and(|(old, text)| *old == item && digest(text) == digest(&shown));
                if !is_same {
                    (self.top, self.seen_to) = (0, 0);
                }
                self.shown = Some((item, shown));
            }
            Told::Shown { .. } | Told::Next { .. } => {}
            // Why a key did nothing stays until the next key; what goes on elsewhere does not take its place.
            Told::Done(Ok(_)) if matches!(self.note, Some(Err(_))) => {}
            Told::Done(outcome) => self.note = Some(outcome),
        }
        None
    }

    /// Whether the present text of this item is there.
    fn is_read(&self, item: &Item) -> bool {
        let wanted = self.under_cursor().map(|(_, pending)| pending.digest);
        self.on.as_ref() == Some(item) && wanted.is_some() && self.text_here().map(|shown| shown.digest) == wanted
    }

    /// Puts the cursor on a row that exists, and asks for the text of what is new there.
    fn settle(&mut self) -> Option<Act> {
        let items = self.items();
        let at = self.on.as_ref().and_then(|on| items.iter().position(|item| item == on));
        self.list.cursor = at.unwrap_or(self.list.cursor).min(items.len().saturating_sub(1));
        self.on = items.into_iter().nth(self.list.cursor);
        let on = self.on.clone()?;
        on.action.as_ref()?;
        let wanted = self.under_cursor().map(|(_, pending)| pending.digest);
        let known = self.shown.as_ref().filter(|(item, _)| *item == on).and_then(|(_, shown)| shown.as_ref().ok());
        if known.map(|shown| shown.digest) == wanted {
            return None;
        }
        (self.top, self.seen_to) = (0, 0);
        Some(Act::Show(on))
    }

    /// The pending action under the cursor, with its session.
    fn under_cursor(&self) -> Option<(&Overview, &Pending)> {
        let on = self.on.as_ref()?;
        let overview = self.overview(on)?;
        overview.pending.iter().find(|pending| Some(&pending.action) == on.action.as_ref()).map(|one| (overview, one))
    }

    fn overview(&self, item: &Item) -> Option<&Overview> {
        let machine = self.machines.iter().flatten().find(|machine| machine.host == item.host)?;
        machine.sessions.iter().find(|session| session.session == item.session)
    }

    /// What the user can have read: the pending action whose text is on the screen to its end.
    #[must_use]
    pub fn on_screen(&self, size: Size) -> Option<(ActionId, Digest)> {
        let shown = self.text_here()?;
        let is_read = shown.complete && self.seen_to >= self.text_rows(size);
        let on = self.on.as_ref().filter(|_| is_read)?;
        Some((on.key(), shown.digest))
    }

    fn text_here(&self) -> Option<&Shown> {
        let (item, shown) = self.shown.as_ref()?;
        shown.as_ref().ok().filter(|_| self.on.as_ref() == Some(item))
    }

    /// A frame of this size went out.
    pub fn drawn(&mut self, size: Size) {
        // Rows that were never on the screen are not read by scrolling past them.
        if self.text_here().is_some() && self.top <= self.seen_to {
            self.seen_to = self.seen_to.max(self.top + usize::from(view::parts(size).text.height));
        }
        let (len, height) = (self.items().len(), usize::from(view::parts(size).list.height));
        self.list.settle(len, height);
    }

    pub fn paste(&mut self, text: &str) {
        if let Some((_, entry)) = &mut self.typing {
            entry.paste(text);
        }
    }

    /// Takes a key. `armed` checks that the key may approve what is on the screen.
    pub fn key(&mut self, key: Key, size: Size, armed: impl Fn(&ActionId, Digest) -> Result<(), String>) -> HomeKey {
        self.note = None;
        self.is_touched = true;
        match self.typing.take() {
            Some((asks, entry)) => self.typed(asks, entry, key),
            None => self.command(key, size, armed),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "its list of keys is not ours")]
    fn command(&mut self, key: Key, size: Size, armed: impl Fn(&ActionId, Digest) -> Result<(), String>) -> HomeKey {
        let half = i64::from(view::parts(size).text.height / 2).max(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc | KeyCode::Char('q') => return HomeKey::Closes,
            KeyCode::Char('d') if control => self.scroll(half, size),
            KeyCode::Char('u') if control => self.scroll(-half, size),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll(half * 2, size),
            KeyCode::PageUp => self.scroll(-half * 2, size),
            KeyCode::Char('J') => self.scroll(1, size),
            KeyCode::Char('K') => self.scroll(-1, size),
            // There are two tabs: the next one is also the one before.
            KeyCode::Tab => {
                self.tab = if self.tab == Tab::Inbox { Tab::Sessions } else { Tab::Inbox };
                self.list = List::default();
                self.on = None;
                return wants(self.settle());
            }
            _ if !key.modifiers.is_empty() && key.typed().is_none() => {}
            KeyCode::Char('j') | KeyCode::Down => return self.go(1, size),
            KeyCode::Char('k') | KeyCode::Up => return self.go(-1, size),
            KeyCode::Char('/') => self.ask(Asks::Filter, &self.filter.clone()),
            KeyCode::Char('n') => return HomeKey::New,
            KeyCode::Char('H') => {
                self.shows_archived = !self.shows_archived;
                return wants(self.settle());
            }
            KeyCode::Enter => return self.on.clone().map_or(HomeKey::Stays, HomeKey::Opens),
            KeyCode::Char(key @ ('a' | 'A' | 'd' | 'r')) => return self.verdict(key, size, armed),
            KeyCode::Char('x') => match self.on.clone().filter(|on| self.unsent(on).is_some()) {
                Some(on) => return HomeKey::Does(Act::Withdraw(on)),
                None => return self.refuse("no decision on this waits to be sent"),
            },
            KeyCode::Char(key @ ('N' | 'S' | 'Z' | 'X')) => return self.housekeeping(key),
            _ => {}
        }
        HomeKey::Stays
    }

    fn go(&mut self, rows: i64, size: Size) -> HomeKey {
        let items = self.items();
        self.list.go(rows, items.len(), usize::from(view::parts(size).list.height));
        self.on = items.into_iter().nth(self.list.cursor);
        wants(self.settle())
    }

    fn scroll(&mut self, rows: i64, size: Size) {
        let room = usize::from(view::parts(size).text.height);
        let last = self.text_rows(size).saturating_sub(room);
        let distance = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
        self.top = if rows < 0 { self.top.saturating_sub(distance) } else { (self.top + distance).min(last) };
    }

    fn ask(&mut self, asks: Asks, text: &str) {
        self.typing = Some((asks, Entry::holding(text, false)));
    }

    fn refuse(&mut self, why: impl Into<String>) -> HomeKey {
        self.note = Some(Err(why.into()));
        HomeKey::Stays
    }

    fn verdict(&mut self, key: char, size: Size, armed: impl Fn(&ActionId, Digest) -> Result<(), String>) -> HomeKey {
        if self.on.as_ref().is_some_and(|on| self.unsent(on).is_some()) {
            return self.refuse("it is decided, and sent when the link is back: x takes the decision back");
        }
        let Some((overview, pending)) = self.under_cursor() else { return self.refuse("nothing pending is chosen") };
        if !overview.running {
            return self.refuse("the session's host does not run: Enter opens it");
        }
        match key {
            'd' => self.ask(Asks::Reason(Verdict::Deny), ""),
            'r' => self.ask(Asks::Reason(Verdict::Redirect), ""),
            _ if pending.opens => return self.refuse("it offers more than yes or no: Enter opens its session"),
            _ => {
                let Some(shown) = self.text_here() else {
                    return self.refuse("nothing was approved: its text is not here yet");
                };
                if !shown.complete {
                    return self
                        .refuse("nothing was approved: it is too long to be shown here, Enter opens its session");
                }
                let (item, digest) = (self.on.clone(), pending.digest);
                let Some(item) = item.filter(|_| shown.digest == digest) else {
                    return self.refuse("nothing was approved: it has just changed");
                };
                let (is_guarded, comments) = (pending.is_guarded(), pending.comments.clone());
                let takes_a_word = pending.confirm.is_some() || !comments.is_empty();
                if let Err(why) = armed(&item.key(), digest) {
                    return self.refuse(why);
                }
                match (key == 'A', takes_a_word) {
                    (true, _) if is_guarded => return self.refuse("a guard rail is decided alone: use a"),
                    (true, true) => return self.refuse("there are open comments on it: use a"),
                    (true, _) => return self.group_approval(&item, digest, size),
                    (false, true) => self.ask(Asks::Word(comments), ""),
                    (false, false) => return HomeKey::Does(approval(vec![item], digest, None, false)),
                }
            }
        }
        HomeKey::Stays
    }

    /// Lists what is equal, all of it on this screen, and asks for the word.
    fn group_approval(&mut self, item: &Item, digest: Digest, size: Size) -> HomeKey {
        let equal = self.equal(item.host.as_deref(), digest);
        if equal.len() < 2 {
            return self.refuse("nothing else that is pending on that machine is equal to it");
        }
        self.ask(Asks::Group(equal), "");
        if self.text_rows(size) > usize::from(view::parts(size).text.height) {
            self.typing = None;
            return self.refuse("there are more equal actions than this screen can list: approve them one by one");
        }
        self.top = 0;
        HomeKey::Stays
    }

    fn housekeeping(&mut self, key: char) -> HomeKey {
        let Some(item) = self.on.clone().map(|item| Item { action: None, ..item }) else { return HomeKey::Stays };
        let Some(overview) = self.overview(&item) else { return HomeKey::Stays };
        let (running, archived) = (overview.running, overview.label.archived);
        let name = overview.label.name.clone().unwrap_or_default();
        match key {
            'N' => self.ask(Asks::Name, &name),
            'S' if running => self.ask(Asks::Stop, ""),
            'S' => return self.refuse("its host does not run: there is nothing to stop"),
            'Z' => return HomeKey::Does(Act::Archive(item, !archived)),
            _ if running => return self.refuse("its host runs: stop it first, or open it and quit"),
            _ => self.ask(Asks::Delete, ""),
        }
        HomeKey::Stays
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "its list of keys is not ours")]
    fn typed(&mut self, asks: Asks, mut entry: Entry, key: Key) -> HomeKey {
        match key.code {
            KeyCode::Esc => {
                if asks == Asks::Filter {
                    self.filter.clear();
                    return wants(self.settle());
                }
                HomeKey::Stays
            }
            KeyCode::Enter => self.entered(asks, entry.text().trim()),
            _ => {
                entry.key(key);
                if asks == Asks::Filter {
                    self.filter = entry.text();
                }
                let filters = asks == Asks::Filter;
                self.typing = Some((asks, entry));
                if filters { wants(self.settle()) } else { HomeKey::Stays }
            }
        }
    }

    fn entered(&mut self, asks: Asks, text: &str) -> HomeKey {
        let Some(on) = self.on.clone() else { return HomeKey::Stays };
        let session = Item { action: None, ..on.clone() };
        let pending = self.under_cursor().map(|(_, pending)| (pending.digest, pending.confirm.clone()));
        let comments = self.under_cursor().map(|(_, pending)| pending.comments.clone()).unwrap_or_default();
        match (asks, pending) {
            (Asks::Filter, _) => HomeKey::Stays,
            (Asks::Name, _) => HomeKey::Does(Act::Name(session, text.to_owned())),
            (Asks::Stop, _) if text == STOP_WORD => HomeKey::Does(Act::Stop(session)),
            (Asks::Delete, _) if text == DELETE_WORD => HomeKey::Does(Act::Delete(session)),
            (Asks::Stop | Asks::Delete, _) => self.refuse("nothing was done: the word was not typed"),
            (_, None) => self.refuse("nothing was decided: it is not pending any more"),
            (Asks::Reason(Verdict::Redirect), _) if text.is_empty() => {
                self.refuse("nothing was sent: say what the agent should do instead")
            }
            (Asks::Reason(verdict), Some((digest, _))) => {
                let reason = Some(text.to_owned()).filter(|text| !text.is_empty());
                HomeKey::Does(Act::Decide {
                    items: vec![on],
                    digest,
                    verdict,
                    reason,
                    confirm: None,
                    despite_comments: false,
                })
            }
            // What was read is what is decided, also when it has changed meanwhile.
            (Asks::Word(_) | Asks::Group(_), Some((digest, _)))
                if self.text_here().map(|s| s.digest) != Some(digest) =>
            {
                self.refuse("nothing was approved: it has just changed")
            }
            (Asks::Word(named), Some(_)) if named != comments => {
                self.refuse("nothing was approved: the comments on it have just changed")
            }
            (Asks::Word(named), Some((digest, word))) if word.as_deref().unwrap_or(DESPITE_WORD) == text => {
                HomeKey::Does(approval(vec![on], digest, word, !named.is_empty()))
            }
            (Asks::Group(items), Some((digest, None))) if text == GROUP_WORD => {
                HomeKey::Does(approval(items, digest, None, false))
            }
            (Asks::Word(_) | Asks::Group(_), _) => self.refuse("nothing was approved: the word was not typed"),
        }
    }
}

/// The next session that waits after this one, at its first pending action; the first one if this one is not among them.
#[must_use]
pub fn next_waiting(here: Option<&SessionId>, at: UnixMs, mut machines: Vec<Machine>) -> Option<Item> {
    machines.retain(|machine| machine.lost_at.is_none());
    let home = Home { machines: Some(machines), at, ..Home::new(None) };
    let mut waiting: Vec<Item> = Vec::new();
    for item in home.items() {
        if !waiting.iter().any(|one| one.session == item.session && one.host == item.host) {
            waiting.push(item);
        }
    }
    let after = waiting.iter().position(|item| Some(&item.session) == here).map_or(0, |at| at + 1);
    let after = after.min(waiting.len());
    waiting.rotate_left(after);
    waiting.into_iter().find(|item| Some(&item.session) != here)
}

fn approval(items: Vec<Item>, digest: Digest, confirm: Option<String>, despite_comments: bool) -> Act {
    Act::Decide { items, digest, verdict: Verdict::Approve, reason: None, confirm, despite_comments }
}

fn wants(act: Option<Act>) -> HomeKey {
    act.map_or(HomeKey::Stays, HomeKey::Does)
}

fn visible(text: &str) -> String {
    Untrusted::from(text).visible().into_owned()
}
