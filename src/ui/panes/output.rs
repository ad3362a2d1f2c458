//! Output: what a command writes, live; the transcript of messages and thoughts; or the agent's own log. Bounded.

use super::row::{Row, wrapped, wrapped_on};
use super::{Pane, Title};
use crate::base::text::ansi::{self, Colour, Sgr, StyledLine};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Seq};
use crate::model::Kind;
use crate::model::event::{Decider, Survivor, Verdict};
use crate::model::session::{ActionState, Entry, Phase, Speaker};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_PROCESSES_SHOWN_MAX, UI_TRANSCRIPT_ROWS_MAX};
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::Role;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use std::ops::Range;

/// See the module.
#[derive(Debug)]
pub struct OutputPane {
    output_list: List,
    talk_list: List,
    log_list: List,
    /// `None`: output while there is some, else the transcript.
    chosen: Option<Shows>,
    shows: Shows,
    output: Vec<StyledLine>,
    /// The inputs of `output`.
    made_of: Option<(ActionId, usize, u64)>,
    talk: Talk,
    log: Talk,
    /// The process tree of the command, shown under its output.
    tree: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Output,
    Transcript,
    Log,
}

impl Default for OutputPane {
    fn default() -> Self {
        Self {
            output_list: List::following(),
            talk_list: List::following(),
            log_list: List::following(),
            chosen: None,
            shows: Shows::Transcript,
            output: Vec::new(),
            made_of: None,
            talk: Talk::default(),
            log: Talk::default(),
            tree: Vec::new(),
        }
    }
}

/// The transcript in rows, extended at its end as it grows.
#[derive(Debug, Default)]
struct Talk {
    rows: std::collections::VecDeque<Row>,
    last: Option<Last>,
    columns: u16,
}

/// The last entry that has rows. It may grow; the rows of its whole lines stay as they are.
#[derive(Debug)]
struct Last {
    seq: Seq,
    /// The entry before it.
    before: Option<Seq>,
    bytes: usize,
    rows: usize,
    /// Up to and with its last line end, and the rows behind that.
    whole_bytes: usize,
    rest_rows: usize,
}

impl Talk {
    /// Brings the rows up to date with `entries`, newest first. Everything after the entry before the last one is
    /// looked at: a note may have been placed before a message that continues, or given way to a newer one.
    fn refresh<'a>(&mut self, scene: &Scene, entries: impl Iterator<Item = &'a Entry>, columns: u16) {
        if self.columns != columns {
            *self = Self { columns, ..Self::default() };
        }
        let before = self.last.as_ref().and_then(|last| last.before);
        let mut is_found = before.is_none();
        let known = |entry: &&Entry| {
            is_found |= Some(entry.seq) == before;
            Some(entry.seq) != before
        };
        let mut fresh: Vec<&Entry> = entries.take(UI_TRANSCRIPT_ROWS_MAX).take_while(known).collect();
        fresh.reverse();
        if !is_found {
            *self = Self { columns, ..Self::default() };
        } else if let Some(gone) = self.last.take_if(|last| fresh.first().is_none_or(|first| first.seq != last.seq)) {
            self.rows.truncate(self.rows.len().saturating_sub(gone.rows));
        }
        let mut before = before.filter(|_| is_found);
        for entry in fresh {
            let mut grown = None;
            if let Some(last) = self.last.take_if(|last| last.seq == entry.seq) {
                if last.bytes == entry.text.len() {
                    self.last = Some(last);
                    before = Some(entry.seq);
                    continue;
                }
                let grew = last.bytes < entry.text.len() && last.whole_bytes > 0;
                let stale = if grew { last.rest_rows } else { last.rows };
                self.rows.truncate(self.rows.len().saturating_sub(stale));
                grown = grew.then_some(last);
            }
            self.add(scene, entry, before, grown);
            before = Some(entry.seq);
        }
        while self.rows.len() > UI_TRANSCRIPT_ROWS_MAX {
            self.rows.pop_front();
        }
    }

    /// Adds the rows of an entry that follows `before`, or those that it has got since it was `grown`: a long message
    /// that streams in must not be wrapped from its beginning for every frame.
    fn add(&mut self, scene: &Scene, entry: &Entry, before: Option<Seq>, grown: Option<Last>) {
        let (from, rows_before) = grown.map_or((0, 0), |last| (last.whole_bytes, last.rows - last.rest_rows));
        let fresh = entry.text.get(from..).unwrap_or_default();
        // Only the first line of a thought is shown, with a mark that depends on the others.
        let lines_end = fresh.rfind('\n').filter(|_| !matches!(entry.speaker, Speaker::Thought(_)));
        let whole_bytes = from + lines_end.map_or(0, |at| at + 1);
        let (whole, rest) = fresh.split_at_checked(whole_bytes - from).unwrap_or((fresh, ""));
        let mut rows = Vec::new();
        let mut whole_rows = 0;
        if !is_routine(scene, entry) {
            let begins = |text: &str| text.is_empty() == entry.text.is_empty();
            if from > 0 {
                more_rows(&mut rows, entry, whole, self.columns);
            } else if begins(whole) {
                entry_rows(&mut rows, entry, whole, self.columns);
            }
            whole_rows = rows.len();
            if whole_bytes > 0 {
                more_rows(&mut rows, entry, rest, self.columns);
            } else if begins(rest) && whole_rows == 0 {
                entry_rows(&mut rows, entry, rest, self.columns);
            }
        }
        self.last = Some(Last {
            seq: entry.seq,
            before,
            bytes: entry.text.len(),
            rows: rows_before + rows.len(),
            whole_bytes,
            rest_rows: rows.len() - whole_rows,
        });
        self.rows.extend(rows);
    }
}

/// Returns whether a message to the agent only says that a rule allowed a read as proposed: nobody needs to see that.
fn is_routine(scene: &Scene, entry: &Entry) -> bool {
    let Speaker::Told(Some(action)) = &entry.speaker else { return false };
    scene.session.actions.get(action).is_some_and(|state| {
        let decided = state.decided.as_ref();
        state.action.kind() == Kind::Read
            && decided
                .is_some_and(|decided| decided.verdict == Verdict::Approve && matches!(decided.by, Decider::Rule(_)))
    })
}

/// Returns the author as shown before the words, and the style of the words.
fn manner(entry: &Entry) -> (String, Role, Role) {
    let shown = |name: &str| escape::show(name, &Show::default()).into_owned();
    match &entry.speaker {
        Speaker::Agent(name) => (format!("{}  ", shown(name)), Role::Accent, Role::Text),
        Speaker::Thought(name) => (format!("{} thinks  ", shown(name)), Role::TextFaint, Role::TextFaint),
        Speaker::Human => ("you  ".to_owned(), Role::Human, Role::TextStrong),
        Speaker::Told(_) => ("sent  ".to_owned(), Role::Human, Role::TextSoft),
        Speaker::Note => (String::new(), Role::TextFaint, Role::TextFaint),
    }
}

fn entry_rows(rows: &mut Vec<Row>, entry: &Entry, text: &str, columns: u16) {
    let (head, head_role, role) = manner(entry);
    if matches!(entry.speaker, Speaker::Thought(_)) {
        // Raw thoughts are unfolded in Why.
        let first = text.lines().next().unwrap_or_default();
        let more = if entry.text.lines().nth(1).is_some() { " …" } else { "" };
        let text = format!("{}{more}", escape::show(first, &Show::prose()));
        rows.push(Row::new(head, head_role).and(text, role));
        return;
    }
    wrapped(rows, &head, head_role, text, role, columns);
}

/// Further lines of an entry that has its first one.
fn more_rows(rows: &mut Vec<Row>, entry: &Entry, text: &str, columns: u16) {
    let (head, _, role) = manner(entry);
    wrapped_on(rows, &head, text, role, columns);
}

impl OutputPane {
    /// The transcript, then the agent's log where there is one, then a command's output again.
    pub fn next_view(&mut self, scene: &Scene) {
        self.chosen = Some(match self.shows {
            Shows::Output => Shows::Transcript,
            Shows::Transcript if scene.session.transcript.log().len() > 0 => Shows::Log,
            Shows::Transcript | Shows::Log => Shows::Output,
        });
    }

    pub fn show_transcript(&mut self) {
        self.chosen = Some(Shows::Transcript);
    }

    fn refresh_output(&mut self, scene: &Scene) {
        let Some(state) = source(scene) else {
            self.output.clear();
            self.made_of = None;
            return;
        };
        let made_of = Some((state.action.id.clone(), state.output.tail.len(), state.output.cut_bytes));
        if self.made_of == made_of {
            return;
        }
        if self.made_of.as_ref().map(|(id, _, _)| id) != Some(&state.action.id) {
            self.output_list = List::following();
        }
        self.made_of = made_of;
        self.output = ansi::lines(state.output.tail.as_bytes());
    }
}

/// The processes of the session as a tree, bounded; children below and right of their parents.
fn process_rows(scene: &Scene) -> Vec<Row> {
    let processes = &scene.processes.0;
    if processes.is_empty() {
        return Vec::new();
    }
    let plural = if processes.len() == 1 { "" } else { "es" };
    let mut rows = vec![Row::new(format!("{} process{plural}", processes.len()), Role::TextFaint)];
    let is_here = |pid: i32| processes.iter().any(|process| process.pid == pid);
    let mut todo: Vec<(&Survivor, u16)> = processes
        .iter()
        .rev()
        .filter(|process| process.parent.is_none_or(|parent| !is_here(parent)))
        .map(|root| (root, 0))
        .collect();
    while let Some((process, depth)) = todo.pop() {
        if rows.len() > UI_PROCESSES_SHOWN_MAX {
            rows.push(Row::new(format!("{} more", processes.len() + 1 - rows.len()), Role::TextFaint).indented(2));
            break;
        }
        let pid = format!("{:<6} ", process.pid);
        let argv = escape::show(&process.argv, &Show::default()).into_owned();
        rows.push(Row::new(pid, Role::TextFaint).and(argv, Role::TextSoft).indented(2 + 2 * depth.min(6)));
        let children = processes.iter().rev().filter(|child| child.parent == Some(process.pid));
        todo.extend(children.map(|child| (child, depth.saturating_add(1))));
    }
    rows
}

/// Returns the action whose output is shown: the running one, else the one under review, else the last that wrote
/// something.
fn source(scene: &Scene) -> Option<&ActionState> {
    let actions = &scene.session.actions;
    let running = actions.open().rev().find(|state| {
        let runs = state.action.kind() == Kind::Command && !scene.processes.0.is_empty();
        state.phase == Phase::Running && (runs || !state.output.tail.is_empty())
    });
    let under_review = || scene.target().filter(|state| !state.output.tail.is_empty());
    running.or_else(under_review).or_else(|| actions.recent().find(|state| !state.output.tail.is_empty()))
}

impl Pane for OutputPane {
    fn id(&self) -> PaneId {
        PaneId::Output
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        if touched.actions || touched.target {
            self.refresh_output(scene);
            self.tree = process_rows(scene);
        }
        let running = source(scene).is_some_and(|state| state.phase == Phase::Running);
        let talks = !scene.session.transcript.is_empty();
        self.shows = match self.chosen {
            Some(chosen) => chosen,
            None if running || !talks => Shows::Output,
            None => Shows::Transcript,
        };
        let (talk, entries) = match self.shows {
            Shows::Output => return,
            Shows::Transcript => {
                (&mut self.talk, Box::new(scene.session.transcript.iter().rev()) as Box<dyn Iterator<Item = _>>)
            }
            Shows::Log => (&mut self.log, Box::new(scene.session.transcript.log().rev()) as _),
        };
        if (touched.transcript || talk.columns != room.width) && room.width > 0 {
            talk.refresh(scene, entries, room.width);
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        match self.shows {
            Shows::Output => {}
            Shows::Transcript => return Title { text: "transcript".to_owned(), ..Title::default() },
            Shows::Log => return Title { text: "agent log".to_owned(), ..Title::default() },
        }
        let Some(state) = source(scene) else { return Title::default() };
        let phase = state.phase.words();
        let exit = state.finished.as_ref().and_then(|finished| finished.exit);
        let right = exit.map_or_else(|| phase.to_owned(), |exit| format!("exit {exit}"));
        let line = state.action.command().map(crate::model::Command::line).unwrap_or_default();
        Title { text: format!("{}  {}", state.action.id, escape::show(&line, &Show::default())), right, loud: false }
    }

    fn rows(&self) -> usize {
        match self.shows {
            Shows::Output => self.output.len() + self.tree.len(),
            Shows::Transcript => self.talk.rows.len(),
            Shows::Log => self.log.rows.len(),
        }
    }

    fn list(&self) -> &List {
        match self.shows {
            Shows::Output => &self.output_list,
            Shows::Transcript => &self.talk_list,
            Shows::Log => &self.log_list,
        }
    }

    fn list_mut(&mut self) -> &mut List {
        match self.shows {
            Shows::Output => &mut self.output_list,
            Shows::Transcript => &mut self.talk_list,
            Shows::Log => &mut self.log_list,
        }
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        match self.shows {
            Shows::Output => {
                if let Some(text) = self.output.get(row) {
                    output_row(brush, line, text);
                } else if let Some(row) = row.checked_sub(self.output.len()).and_then(|at| self.tree.get(at)) {
                    row.draw(brush, line, self.output_list.left);
                }
            }
            Shows::Transcript => {
                if let Some(row) = self.talk.rows.get(row) {
                    row.draw(brush, line, self.talk_list.left);
                }
            }
            Shows::Log => {
                if let Some(row) = self.log.rows.get(row) {
                    row.draw(brush, line, self.log_list.left);
                }
            }
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        match self.shows {
            Shows::Output => match self.output.get(row) {
                Some(line) => line.text.clone(),
                None => {
                    let tree = row.checked_sub(self.output.len()).and_then(|at| self.tree.get(at));
                    tree.map(Row::text).unwrap_or_default()
                }
            },
            Shows::Transcript => self.talk.rows.get(row).map(Row::text).unwrap_or_default(),
            Shows::Log => self.log.rows.get(row).map(Row::text).unwrap_or_default(),
        }
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        match self.shows {
            Shows::Output => "no command output yet",
            Shows::Transcript => "no messages yet",
            Shows::Log => "the agent log is empty",
        }
    }

    /// A log has no row of its own; the cursor only holds the place.
    fn marks_cursor(&self) -> bool {
        !self.list().follows
    }
}

fn output_row(brush: &mut Brush<'_>, line: Rect, text: &StyledLine) {
    let plain = brush.look.style(Role::Text);
    let mut x = line.x + 1;
    let end = line.right();
    let mut at = 0;
    let mut run = |range: Range<usize>, style: Style, brush: &mut Brush<'_>| {
        if let Some(words) = text.text.get(range) {
            x = brush.styled(x, line.y, end, words, style);
        }
    };
    for (range, sgr) in &text.spans {
        run(at..range.start, plain, brush);
        run(range.clone(), plain.patch(style_of(*sgr)), brush);
        at = range.end;
    }
    run(at..text.text.len(), plain, brush);
}

/// A program's own colors, as the terminal's palette knows them. Reversed text is shown bold: a program must not
/// draw what looks like our cursor.
fn style_of(sgr: Sgr) -> Style {
    let color = |colour: Colour| match colour {
        Colour::Default => None,
        Colour::Indexed(index) => Some(Color::Indexed(index)),
        Colour::Rgb(r, g, b) => Some(Color::Rgb(r, g, b)),
    };
    let mut style = Style { fg: color(sgr.fg), bg: color(sgr.bg), ..Style::new() };
    for (on, modifier) in [
        (sgr.bold || sgr.reverse, Modifier::BOLD),
        (sgr.dim, Modifier::DIM),
        (sgr.italic, Modifier::ITALIC),
        (sgr.underline, Modifier::UNDERLINED),
        (sgr.strike, Modifier::CROSSED_OUT),
    ] {
        if on {
            style = style.add_modifier(modifier);
        }
    }
    style
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

    proptest! {
        /// A message that streams in has the rows that it would have had at once; of notes that wait the last is left.
        #[test]
        fn text_that_grows_is_wrapped_as_if_it_had_come_at_once(
            parts in proptest::collection::vec(("[ab \n\r\u{1b}日]{0,40}", 0..5_u8, any::<bool>()), 1..12)
        ) {
            let look = Look { theme: theme::builtin("dark").unwrap(), signs: Signs::Unicode };
            let mut scene = Scene::new(look, String::new());
            let mut grown = Talk::default();
            for (seq, (text, kind, more)) in (1..).zip(parts) {
                let said = Said { by: "agent".into(), text, more };
                let event = match kind {
                    0 => Event::Said(said),
                    1 => Event::Thought(said),
                    2 => Event::AgentNoted(AgentNoted::new("mode", said.text)),
                    _ => Event::AgentNoted(AgentNoted::new("waiting", said.text)),
                };
                scene.session.apply(&Envelope { seq: Seq(seq), at: UnixMs(seq), event });
                grown.refresh(&scene, scene.session.transcript.iter().rev(), 30);
                let mut at_once = Talk::default();
                at_once.refresh(&scene, scene.session.transcript.iter().rev(), 30);
                prop_assert_eq!(&grown.rows, &at_once.rows);
            }
        }
    }
}
