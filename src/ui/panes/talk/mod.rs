//! Talk: the conversation with the agent. Its words as Markdown, the user's prompts, what it did, and notes, oldest first.
//!
//! Every message keeps its own rows. Of one that streams in only the part that is not settled is laid out again.

mod action;
use super::diff::Step;
use super::prose::{Prose, TalkRow};
use super::row::{Row, wrapped};
use super::{Pane, Title};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Seq};
use crate::model::PromptPart;
use crate::model::session::{ActionState, Entry, Speaker};
use crate::ui::app::{Scene, Touched};
use crate::ui::entry::label;
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_TALK_ITEMS_MAX;
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug)]
pub struct TalkPane {
    list: List,
    /// Messages as they are written, not as they are meant to look.
    raw: bool,
    columns: u16,
    items: Vec<Item>,
    /// The first row of each item.
    starts: Vec<usize>,
    rows: usize,
    /// Thoughts and actions that are unfolded.
    open: BTreeSet<Seq>,
    counts: action::Counts,
    /// The newest item while the end was on the screen.
    last_seen: Option<Seq>,
}

impl Default for TalkPane {
    fn default() -> Self {
        Self {
            list: List::following(),
            raw: false,
            columns: 0,
            items: Vec::new(),
            starts: Vec::new(),
            rows: 0,
            open: BTreeSet::new(),
            counts: action::Counts::default(),
            last_seen: None,
        }
    }
}

/// One message, or what the agent did.
#[derive(Debug)]
struct Item {
    /// When it began: in the order of the record.
    seq: Seq,
    subject: Subject,
    /// A blank row comes before it.
    gap: bool,
    /// The message that the rows are of: its bytes, and whether more may follow.
    made_of: Option<(usize, bool)>,
    rows: Vec<TalkRow>,
    prose: Option<Prose>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Message,
    /// The user's own message: a turn begins here.
    Prompt,
    Thought,
    Action(ActionId),
    /// Reads in a row that a rule let through; the newest one.
    Reads(usize, ActionId),
}

impl TalkPane {
    /// The message under the cursor, and whether it folds.
    #[must_use]
    pub fn message(&self) -> Option<(Seq, bool)> {
        let (item, _) = self.item_at(self.list.cursor)?;
        let is_message = matches!(item.subject, Subject::Message | Subject::Prompt) && item.seq > Seq(0);
        is_message.then_some((item.seq, item.subject == Subject::Prompt))
    }

    /// Switches between messages as they are meant to look and as they are written.
    pub fn toggle_raw(&mut self) -> &'static str {
        self.raw = !self.raw;
        self.columns = 0;
        if self.raw { "as written" } else { "rendered" }
    }

    /// Whether the end is on the screen, so that nothing is being read further up.
    pub fn is_at_end(&self) -> bool {
        self.list.follows
    }

    /// Whether the user went to the very beginning.
    pub fn is_at_start(&self) -> bool {
        self.list.cursor == 0 && !self.list.follows
    }

    /// Moves to the next message or action (`Step::Hunk`), or to the user's next prompt (`Step::File`).
    pub fn stop_at(&mut self, step: Step, forward: bool, height: usize) {
        let cursor = self.list.cursor;
        let is_stop =
            |at: &usize| step == Step::Hunk || self.items.get(*at).is_some_and(|item| item.subject == Subject::Prompt);
        let row = |at: usize| Some(self.starts.get(at)? + usize::from(self.items.get(at)?.gap));
        let mut stops = (0..self.items.len()).filter(is_stop).filter_map(row);
        let found =
            if forward { stops.find(|row| *row > cursor) } else { stops.take_while(|row| *row < cursor).last() };
        match found {
            Some(row) => self.list.jump(row, self.rows, height),
            None if forward => self.go_to_end(),
            None => self.list.jump(0, self.rows, height),
        }
    }

    /// Messages and actions that came since the end was last on the screen.
    fn fresh(&self) -> usize {
        if self.list.follows {
            return 0;
        }
        self.items.iter().rev().take_while(|item| Some(item.seq) > self.last_seen).count()
    }

    /// Moves to the message with this number, or to what it became a part of; false when it is not kept.
    pub fn go_to(&mut self, seq: Seq, height: usize) -> bool {
        let Some(at) = self.items.iter().rposition(|item| item.seq <= seq) else { return false };
        let gap = self.items.get(at).map_or(0, |item| usize::from(item.gap));
        if let Some(row) = self.starts.get(at) {
            self.list.jump(row + gap, self.rows, height);
        }
        true
    }

    pub fn go_to_end(&mut self) {
        self.list = List::following();
    }

    /// What the row under the cursor is about.
    pub fn action(&self) -> Option<&ActionId> {
        match &self.item_at(self.list.cursor)?.0.subject {
            Subject::Action(id) | Subject::Reads(_, id) => Some(id),
            Subject::Message | Subject::Prompt | Subject::Thought => None,
        }
    }

    /// Folds or unfolds what the cursor is on; false when that does not fold.
    pub fn toggle_fold(&mut self) -> bool {
        let seq = self.item_at(self.list.cursor).map(|(item, _)| item.seq);
        self.fold(seq.is_some_and(|seq| self.open.contains(&seq)))
    }

    fn item_at(&self, row: usize) -> Option<(&Item, usize)> {
        let at = self.starts.partition_point(|start| *start <= row).checked_sub(1)?;
        let item = self.items.get(at)?;
        Some((item, row - self.starts.get(at)?))
    }

    fn row(&self, row: usize) -> Option<&TalkRow> {
        let (item, at) = self.item_at(row)?;
        item.rows.get(at.checked_sub(usize::from(item.gap))?)
    }

    /// The cursor stays on the line it is on while what is above it changes.
    fn anchored(&mut self, room: Size, change: impl FnOnce(&mut Self)) {
        let held = (!self.list.follows).then(|| {
            let (item, row) = self.item_at(self.list.top)?;
            Some((item.seq, row, self.list.cursor.saturating_sub(self.list.top)))
        });
        change(self);
        let Some(Some((seq, row, below))) = held else { return };
        let Some(at) = self.items.iter().position(|item| item.seq == seq) else { return };
        let (Some(start), Some(item)) = (self.starts.get(at), self.items.get(at)) else { return };
        self.list.top = start + row.min((item.rows.len() + usize::from(item.gap)).saturating_sub(1));
        self.list.cursor = (self.list.top + below.min(usize::from(room.height))).min(self.rows.saturating_sub(1));
    }

    fn gather(&mut self, scene: &Scene, columns: u16, actions_changed: bool) {
        if self.columns != columns {
            self.columns = columns;
            self.items.clear();
        }
        let mut old: std::collections::HashMap<Seq, Item> =
            std::mem::take(&mut self.items).into_iter().map(|item| (item.seq, item)).collect();
        self.items.extend(missing(scene));
        for subject in newest(scene) {
            let seq = match &subject {
                Source::Entry(entry) => entry.seq,
                Source::Action(state) => state.times.proposed_seq,
            };
            let known = old.remove(&seq);
            match subject {
                Source::Entry(entry) => {
                    let waits = awaits_step(scene, entry);
                    self.add_entry(entry, known, waits);
                }
                Source::Action(state) => {
                    let is_same = |item: &Item| !actions_changed && matches!(item.subject, Subject::Action(_));
                    match known.filter(is_same) {
                        Some(item) => self.items.push(Item { gap: self.is_after_words(), ..item }),
                        None => self.add_action(scene, state),
                    }
                }
            }
        }
        self.starts.clear();
        self.rows = 0;
        for item in &self.items {
            self.starts.push(self.rows);
            self.rows += item.rows.len() + usize::from(item.gap);
        }
    }

    fn add_entry(&mut self, entry: &Entry, known: Option<Item>, awaits_step: bool) {
        let mut item = known.unwrap_or_else(|| Item {
            seq: entry.seq,
            subject: Subject::Message,
            gap: false,
            made_of: None,
            rows: Vec::new(),
            prose: None,
        });
        let columns = self.columns;
        item.gap = matches!(entry.speaker, Speaker::Agent(_) | Speaker::Human) && !self.items.is_empty();
        let made_of = Some((entry.text.len(), entry.open || awaits_step));
        if item.made_of == made_of {
            self.items.push(item);
            return;
        }
        item.made_of = made_of;
        match &entry.speaker {
            Speaker::Agent(_) if !self.raw => {
                item.prose.get_or_insert_default().lay_out(&entry.text, entry.open, columns, &mut item.rows);
            }
            Speaker::Agent(_) => {
                item.rows.clear();
                plain(&mut item.rows, "", Role::Text, &entry.text, Role::Text, columns);
            }
            Speaker::Human => {
                item.subject = Subject::Prompt;
                item.rows.clear();
                let is_open = self.open.contains(&entry.seq);
                prompt(&mut item.rows, entry, is_open, columns);
                if awaits_step {
                    item.rows.push(TalkRow::Plain(Row::new("  sent after this step", Role::Waits)));
                }
            }
            Speaker::Thought(_) => {
                item.subject = Subject::Thought;
                item.rows.clear();
                let mut lines = entry.text.lines().filter(|line| !line.trim().is_empty());
                if self.open.contains(&entry.seq) {
                    plain(&mut item.rows, "~ ", Role::TextFaint, &entry.text, Role::TextFaint, columns);
                } else if let Some(first) = lines.next() {
                    let more = if lines.next().is_some() { " …" } else { "" };
                    let text = format!("~ {}{more}", escape::show(first, &Show::prose()));
                    item.rows.push(TalkRow::Plain(Row::new(text, Role::TextFaint)));
                }
            }
            // What an action's answer was is in the action's own row.
            Speaker::Told(Some(_)) => return,
            Speaker::Told(None) => {
                item.rows.clear();
                plain(&mut item.rows, "sent  ", Role::Human, &entry.text, Role::TextSoft, columns);
            }
            Speaker::Note => {
                item.rows.clear();
                plain(&mut item.rows, "", Role::TextFaint, &entry.text, Role::TextFaint, columns);
            }
        }
        self.items.push(item);
    }

    fn add_action(&mut self, scene: &Scene, state: &ActionState) {
        let (seq, id) = (state.times.proposed_seq, state.action.id.clone());
        let gap = self.is_after_words();
        if action::is_routine_read(state) {
            let one = TalkRow::Plain(action::row(scene, state, &mut self.counts, Role::TextFaint));
            if let Some(Item { seq, subject: Subject::Reads(count, newest), rows, .. }) = self.items.last_mut() {
                (*count, *newest) = (*count + 1, id);
                let text = format!("{} read {count} files", scene.look.sign(Sign::Done));
                let head = TalkRow::Plain(Row::new(text, Role::TextFaint));
                if !self.open.contains(seq) {
                    *rows = vec![head];
                    return;
                }
                if *count == 2 {
                    rows.insert(0, head);
                } else if let Some(first) = rows.first_mut() {
                    *first = head;
                }
                rows.push(one);
                return;
            }
            let subject = Subject::Reads(1, id);
            self.items.push(Item { seq, subject, gap, made_of: None, rows: vec![one], prose: None });
            return;
        }
        let rows = action::rows(scene, state, &mut self.counts, self.open.contains(&seq), self.columns);
        self.items.push(Item { seq, subject: Subject::Action(id), gap, made_of: None, rows, prose: None });
    }

    fn is_after_words(&self) -> bool {
        self.items.last().is_some_and(|item| item.subject == Subject::Message && item.prose.is_some())
    }
}

/// Says that older events were not sent, where the user gets to them.
fn missing(scene: &Scene) -> Option<Item> {
    let words = scene.far.past.words()?;
    let text = if words.starts_with("reading") { words } else { "older events are read when you come here" };
    let rows = vec![TalkRow::Plain(Row::new(text, Role::TextFaint))];
    Some(Item { seq: Seq(0), subject: Subject::Message, gap: false, made_of: None, rows, prose: None })
}

/// A message that was sent while the agent works, and that it gets when its step is over: nothing has come from it since.
fn awaits_step(scene: &Scene, entry: &Entry) -> bool {
    let session = &scene.session;
    let is_newer = |seq: Seq| seq > entry.seq;
    let since = |from: Seq| session.transcript.iter().rev().take_while(move |other| other.seq > from);
    entry.speaker == Speaker::Human
        && session.turns.current.is_some()
        && since(session.turns.started).any(|other| other.speaker == Speaker::Human && other.seq < entry.seq)
        && !since(entry.seq).any(|other| matches!(other.speaker, Speaker::Agent(_) | Speaker::Thought(_)))
        && !session.actions.recent().next().is_some_and(|state| is_newer(state.times.proposed_seq))
}

/// What an item is made of.
enum Source<'a> {
    Entry(&'a Entry),
    Action(&'a ActionState),
}

/// The newest messages and actions, oldest first.
fn newest(scene: &Scene) -> Vec<Source<'_>> {
    let session = &scene.session;
    let mut entries = session.transcript.iter().rev().take(UI_TALK_ITEMS_MAX).peekable();
    let mut actions = session.actions.recent().take(UI_TALK_ITEMS_MAX).peekable();
    let mut newest = Vec::new();
    while newest.len() < UI_TALK_ITEMS_MAX {
        let next = match (entries.peek(), actions.peek()) {
            (Some(entry), Some(state)) if entry.seq < state.times.proposed_seq => actions.next().map(Source::Action),
            (None, Some(_)) => actions.next().map(Source::Action),
            (Some(_), _) => entries.next().map(Source::Entry),
            (None, None) => break,
        };
        newest.extend(next);
    }
    newest.reverse();
    newest
}

fn plain(rows: &mut Vec<TalkRow>, head: &str, head_role: Role, text: &str, role: Role, columns: u16) {
    let mut wrapped_rows = Vec::new();
    wrapped(&mut wrapped_rows, head, head_role, text, role, columns);
    rows.extend(wrapped_rows.into_iter().map(TalkRow::Plain));
}

/// The user's own message: what it mentions stands out, and pasted text is folded unless it `is_open`.
fn prompt(rows: &mut Vec<TalkRow>, entry: &Entry, is_open: bool, columns: u16) {
    let folds = |part: &&PromptPart| !is_open && matches!(part, PromptPart::Paste { .. });
    let text: String = entry.parts.iter().map(|part| if folds(&part) { label(part) } else { part.words() }).collect();
    let text = if entry.parts.is_empty() { &entry.text } else { &text };
    let is_object =
        |part: &&PromptPart| !matches!(part, PromptPart::Text { .. } | PromptPart::Paste { .. }) || folds(part);
    let objects: Vec<String> = entry.parts.iter().filter(is_object).map(label).collect();
    let mut wrapped_rows = Vec::new();
    wrapped(&mut wrapped_rows, "› ", Role::Human, text, Role::TextStrong, columns);
    rows.extend(wrapped_rows.into_iter().map(|row| TalkRow::Plain(row.highlighted(&objects, Role::Accent))));
}

impl Pane for TalkPane {
    fn id(&self) -> PaneId {
        PaneId::Talk
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        let reflows = self.columns != room.width;
        if room.width == 0 || !(touched.transcript || touched.actions || touched.target || reflows) {
            return;
        }
        let actions_changed = touched.actions || touched.target;
        self.anchored(room, |pane| pane.gather(scene, room.width, actions_changed));
        if self.list.follows {
            self.last_seen = self.items.last().map(|item| item.seq);
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        let text = escape::show(&scene.session.agent.ready.agent.name, &Show::default()).into_owned();
        let first = scene.session.actions.held().next();
        let pending = first.map(|state| format!("{} {} pending", scene.look.sign(Sign::Held), state.action.id));
        let fresh = Some(self.fresh()).filter(|fresh| *fresh > 0).map(|fresh| format!("↓ {fresh} new"));
        let right = fresh.into_iter().chain(pending).collect::<Vec<_>>().join("  ");
        Title { text, loud: !right.is_empty(), right }
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        if let Some(row) = self.row(row) {
            row.draw(brush, line, self.list.left);
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        self.row(row).map(TalkRow::text).unwrap_or_default()
    }

    fn empty(&self, scene: &Scene) -> &'static str {
        if scene.record.is_some() { "nothing was said" } else { "no messages yet" }
    }

    /// The message under the cursor as it is written.
    fn yank(&self, scene: &Scene) -> Option<String> {
        let (item, _) = self.item_at(self.list.cursor)?;
        let entry = scene.session.transcript.iter().rev().find(|entry| entry.seq == item.seq);
        entry.map(|entry| entry.text.clone()).or_else(|| self.row(self.list.cursor).map(TalkRow::text))
    }

    fn fold(&mut self, closed: bool) -> bool {
        let folds = |item: &Item| item.subject != Subject::Message;
        let Some((item, _)) = self.item_at(self.list.cursor).filter(|(item, _)| folds(item)) else {
            return false;
        };
        let seq = item.seq;
        let changed = if closed { self.open.remove(&seq) } else { self.open.insert(seq) };
        // Laid out again at the next refresh.
        self.columns = 0;
        changed
    }

    fn open(&mut self) {
        self.toggle_fold();
    }

    /// A conversation is read; the cursor only holds the place.
    fn marks_cursor(&self) -> bool {
        !self.list.follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixMs;
    use crate::model::Envelope;
    use crate::model::event::{AgentNoted, Event, Said};
    use crate::ui::look::Look;
    use crate::ui::theme::{self, Signs};
    use proptest::prelude::*;

    fn scene() -> Scene {
        let look = Look { theme: theme::builtin("dark").unwrap(), signs: Signs::Unicode };
        Scene::new(look, String::new())
    }

    fn texts(pane: &TalkPane) -> Vec<String> {
        (0..pane.rows()).map(|row| pane.row(row).map(TalkRow::text).unwrap_or_default()).collect()
    }

    proptest! {
        /// A message that streams in has the rows that it would have had at once.
        #[test]
        fn a_message_that_grows_looks_as_if_it_had_come_at_once(
            parts in proptest::collection::vec(("[ab \n\r\u{1b}日#*`|>-]{0,40}", 0..4_u8, any::<bool>()), 1..12)
        ) {
            let mut scene = scene();
            let room = Size::new(30, 10);
            let mut grown = TalkPane::default();
            for (seq, (text, kind, more)) in (1..).zip(parts) {
                let by = if kind == 3 { "human" } else { "agent" };
                let said = Said { by: by.into(), text, more, parts: Vec::new() };
                let event = match kind {
                    0 => Event::Thought(said),
                    1 => Event::AgentNoted(AgentNoted::new("mode", said.text)),
                    _ => Event::Said(said),
                };
                scene.session.apply(&Envelope { seq: Seq(seq), at: UnixMs(seq), event });
                grown.refresh(&scene, room, Touched::ALL);
                let mut at_once = TalkPane::default();
                at_once.refresh(&scene, room, Touched::ALL);
                prop_assert_eq!(texts(&grown), texts(&at_once));
            }
        }
    }

    #[test]
    fn what_a_prompt_mentions_stands_out_and_what_was_pasted_is_folded() {
        let (mut scene, mut pane) = (scene(), TalkPane::default());
        let file = PromptPart::File { path: crate::base::RelPath::new("a.rs").unwrap(), lines: None };
        let parts = vec![PromptPart::text("see "), file, PromptPart::Paste { text: "one\ntwo".to_owned() }];
        let said = Said { by: "human".into(), text: crate::model::prompt_text(&parts), more: false, parts };
        scene.session.apply(&Envelope { seq: Seq(1), at: UnixMs(1), event: Event::Said(said) });
        pane.refresh(&scene, Size::new(60, 10), Touched::ALL);
        assert_eq!(texts(&pane), ["› see @a.rs[pasted 2 lines, 7 B]"]);
        let Some(TalkRow::Plain(row)) = pane.row(0) else { panic!() };
        assert!(row.words.contains(&("@a.rs".to_owned(), Role::Accent)), "{row:?}");
        pane.list.cursor = 0;
        assert!(pane.fold(false));
        pane.refresh(&scene, Size::new(60, 10), Touched::ALL);
        assert_eq!(texts(&pane), ["› see @a.rsone", "  two"]);
    }

    #[test]
    fn what_the_agent_calls_its_session_is_not_part_of_the_conversation() {
        let (mut scene, mut pane) = (scene(), TalkPane::default());
        let noted = |what: &str| Event::AgentNoted(AgentNoted::new(what, "Fix the sum"));
        for (seq, event) in (1..).zip([noted("session_title"), noted("notice")]) {
            scene.session.apply(&Envelope { seq: Seq(seq), at: UnixMs(seq), event });
        }
        pane.refresh(&scene, Size::new(40, 10), Touched::ALL);
        assert_eq!(texts(&pane), ["notice: Fix the sum"]);
        assert_eq!(scene.session.transcript.log().count(), 1, "it is in the agent's log");
    }

    #[test]
    fn an_answer_in_markdown_is_rendered_and_can_be_seen_as_written() {
        let mut scene = scene();
        let said = |by: &str, text: &str| {
            Event::Said(Said { by: by.into(), text: text.into(), more: false, parts: Vec::new() })
        };
        for (seq, event) in
            (1..).zip([said("human", "what is it?"), said("agent", "It has **two** parts:\n\n- one\n- two")])
        {
            scene.session.apply(&Envelope { seq: Seq(seq), at: UnixMs(seq), event });
        }
        let mut pane = TalkPane::default();
        pane.refresh(&scene, Size::new(40, 10), Touched::ALL);
        assert_eq!(texts(&pane), ["› what is it?", "", "It has two parts:", "", "• one", "• two"]);
        pane.toggle_raw();
        pane.refresh(&scene, Size::new(40, 10), Touched::ALL);
        assert_eq!(texts(&pane), ["› what is it?", "", "It has **two** parts:", "", "- one", "- two"]);
        pane.list.cursor = pane.rows() - 1;
        assert_eq!(pane.yank(&scene).as_deref(), Some("It has **two** parts:\n\n- one\n- two"));
    }

    #[test]
    fn what_comes_while_reading_is_counted_and_keys_go_by_message_and_by_turn() {
        let (mut scene, mut pane) = (scene(), TalkPane::default());
        let room = Size::new(60, 8);
        let say = |scene: &mut Scene, pane: &mut TalkPane, by: &str, text: &str| {
            let seq = Seq(scene.session.head.0 + 1);
            let said = Said { by: by.into(), text: text.to_owned(), more: false, parts: Vec::new() };
            scene.session.apply(&Envelope { seq, at: UnixMs(seq.0), event: Event::Said(said) });
            pane.refresh(scene, room, Touched::ALL);
        };
        for turn in 0..3 {
            say(&mut scene, &mut pane, "human", &format!("question {turn}"));
            say(&mut scene, &mut pane, "agent", "one\n\ntwo\n\nthree");
        }
        assert_eq!((pane.fresh(), pane.is_at_end()), (0, true));
        let at = |pane: &TalkPane| pane.row(pane.list.cursor).map(TalkRow::text).unwrap_or_default();
        pane.list.jump(pane.rows - 1, pane.rows, 8);
        pane.stop_at(Step::File, false, 8);
        assert!(at(&pane).contains("question 2"), "{}", at(&pane));
        pane.stop_at(Step::Hunk, false, 8);
        assert!(at(&pane).contains("one"), "{}", at(&pane));
        pane.stop_at(Step::File, false, 8);
        assert!(at(&pane).contains("question 1"), "{}", at(&pane));
        say(&mut scene, &mut pane, "agent", "more");
        say(&mut scene, &mut pane, "human", "and more");
        assert_eq!(pane.fresh(), 2);
        assert!(pane.title(&scene).right.contains("2 new"), "{:?}", pane.title(&scene));
        assert!(at(&pane).contains("question 1"), "reading is not moved");
        pane.go_to_end();
        pane.refresh(&scene, room, Touched::ALL);
        assert_eq!(pane.fresh(), 0);
    }
}
