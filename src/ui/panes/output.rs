//! Output: what a command writes, live; or the transcript of what was said, thought and told. Bounded.

use std::ops::Range;

use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};

use super::row::{Row, wrapped};
use super::why::phase_words;
use super::{Pane, Title};
use crate::base::limits::{UI_PROCESSES_SHOWN_MAX, UI_TRANSCRIPT_ROWS_MAX};
use crate::base::text::ansi::{self, Colour, Sgr, StyledLine};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Seq};
use crate::model::Kind;
use crate::model::event::{Decider, Survivor, Verdict};
use crate::model::session::{ActionState, Entry, Phase, Speaker};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::Role;

/// See the module.
#[derive(Debug)]
pub struct OutputPane {
    output_list: List,
    talk_list: List,
    /// `None`: output while there is some, else the transcript.
    chosen: Option<Shows>,
    shows: Shows,
    output: Vec<StyledLine>,
    /// What `output` was made of.
    made_of: Option<(ActionId, usize, u64)>,
    talk: Talk,
    /// What runs below the command, under its output.
    tree: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Output,
    Transcript,
}

impl Default for OutputPane {
    fn default() -> Self {
        Self {
            output_list: List::following(),
            talk_list: List::following(),
            chosen: None,
            shows: Shows::Transcript,
            output: Vec::new(),
            made_of: None,
            talk: Talk::default(),
            tree: Vec::new(),
        }
    }
}

/// The transcript in rows, extended at its end as it grows.
#[derive(Debug, Default)]
struct Talk {
    rows: std::collections::VecDeque<Row>,
    /// The last entry that has rows, how long it was, and how many rows it has.
    last: Option<(Seq, usize, usize)>,
    columns: u16,
}

impl Talk {
    fn refresh(&mut self, scene: &Scene, columns: u16) {
        let transcript = &scene.session.transcript;
        if self.columns != columns {
            *self = Self { columns, ..Self::default() };
        }
        let mut fresh: Vec<&Entry> = match self.last {
            None => transcript.iter().rev().take(UI_TRANSCRIPT_ROWS_MAX).collect(),
            Some((seq, _, _)) => transcript.iter().rev().take_while(|entry| entry.seq >= seq).collect(),
        };
        fresh.reverse();
        for entry in fresh {
            if let Some((seq, len, rows)) = self.last
                && seq == entry.seq
            {
                if len == entry.text.len() {
                    continue;
                }
                self.rows.truncate(self.rows.len().saturating_sub(rows));
            }
            let mut rows = Vec::new();
            if !is_routine(scene, entry) {
                entry_rows(&mut rows, entry, columns);
            }
            self.last = Some((entry.seq, entry.text.len(), rows.len()));
            self.rows.extend(rows);
        }
        while self.rows.len() > UI_TRANSCRIPT_ROWS_MAX {
            self.rows.pop_front();
        }
    }
}

/// The agent was told that a read went through, by a rule and as proposed: nobody needs to hear that.
fn is_routine(scene: &Scene, entry: &Entry) -> bool {
    let Speaker::Told(Some(action)) = &entry.speaker else { return false };
    scene.session.actions.get(action).is_some_and(|state| {
        let decided = state.decided.as_ref();
        state.action.kind == Kind::Read
            && decided
                .is_some_and(|decided| decided.verdict == Verdict::Approve && matches!(decided.by, Decider::Rule(_)))
    })
}

fn entry_rows(rows: &mut Vec<Row>, entry: &Entry, columns: u16) {
    let shown = |name: &str| escape::show(name, &Show::default()).into_owned();
    let (head, head_role, role) = match &entry.speaker {
        Speaker::Agent(name) => (shown(name), Role::Accent, Role::Text),
        Speaker::Thought(name) => (format!("{} thinks", shown(name)), Role::TextFaint, Role::TextFaint),
        Speaker::Human => ("you".to_owned(), Role::Human, Role::TextStrong),
        Speaker::Told(_) => ("told it".to_owned(), Role::Human, Role::TextSoft),
        Speaker::Note => (String::new(), Role::TextFaint, Role::TextFaint),
    };
    let head = if head.is_empty() { head } else { format!("{head}  ") };
    if matches!(entry.speaker, Speaker::Thought(_)) {
        // Raw thoughts are unfolded in Why.
        let first = entry.text.lines().next().unwrap_or_default();
        let more = if entry.text.lines().nth(1).is_some() { " …" } else { "" };
        let text = format!("{}{more}", escape::show(first, &Show::prose()));
        rows.push(Row::new(head, head_role).and(text, role));
        return;
    }
    wrapped(rows, &head, head_role, &entry.text, role, columns);
}

impl OutputPane {
    pub fn toggle_transcript(&mut self) {
        self.chosen = Some(match self.shows {
            Shows::Output => Shows::Transcript,
            Shows::Transcript => Shows::Output,
        });
    }

    fn refresh_output(&mut self, scene: &Scene) {
        let Some(state) = source(scene) else {
            self.output.clear();
            self.made_of = None;
            return;
        };
        let made_of = Some((state.action.id.clone(), state.tail.len(), state.tail_cut_bytes));
        if self.made_of == made_of {
            return;
        }
        if self.made_of.as_ref().map(|(id, _, _)| id) != Some(&state.action.id) {
            self.output_list = List::following();
        }
        self.made_of = made_of;
        self.output = ansi::lines(state.tail.as_bytes());
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

/// Whose output is shown: what runs, else what is under review, else the last that wrote something.
fn source(scene: &Scene) -> Option<&ActionState> {
    let actions = &scene.session.actions;
    let running = actions.iter().rev().find(|state| {
        let runs = state.action.kind == Kind::Command && !scene.processes.0.is_empty();
        state.phase == Phase::Running && (runs || !state.tail.is_empty())
    });
    let under_review = || scene.target().filter(|state| !state.tail.is_empty());
    running.or_else(under_review).or_else(|| actions.iter().rev().find(|state| !state.tail.is_empty()))
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
        if (touched.transcript || self.talk.columns != room.width) && self.shows == Shows::Transcript && room.width > 0
        {
            self.talk.refresh(scene, room.width);
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        if self.shows == Shows::Transcript {
            return Title { text: "transcript".to_owned(), ..Title::default() };
        }
        let Some(state) = source(scene) else { return Title::default() };
        let (phase, _) = phase_words(state.phase);
        let exit = state.finished.as_ref().and_then(|finished| finished.exit);
        let right = exit.map_or_else(|| phase.to_owned(), |exit| format!("exit {exit}"));
        let line = state.action.command.as_ref().map(crate::model::Command::line).unwrap_or_default();
        Title { text: format!("{}  {}", state.action.id, escape::show(&line, &Show::default())), right, loud: false }
    }

    fn rows(&self) -> usize {
        match self.shows {
            Shows::Output => self.output.len() + self.tree.len(),
            Shows::Transcript => self.talk.rows.len(),
        }
    }

    fn list(&self) -> &List {
        match self.shows {
            Shows::Output => &self.output_list,
            Shows::Transcript => &self.talk_list,
        }
    }

    fn list_mut(&mut self) -> &mut List {
        match self.shows {
            Shows::Output => &mut self.output_list,
            Shows::Transcript => &mut self.talk_list,
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
        }
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        match self.shows {
            Shows::Output => "no command has written anything yet",
            Shows::Transcript => "nothing was said yet",
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

/// A program's own colours, as the terminal's palette knows them. Reversed text is shown bold: a program must not
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
