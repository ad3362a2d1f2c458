//! Output: what a command writes, live, or the agent's own log (its stderr, and notes on the protocol). Bounded.

use super::row::{Row, wrapped};
use super::{Pane, Title};
use crate::base::text::ansi::{self, Colour, Sgr, StyledLine};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, CommentId, Seq};
use crate::model::Kind;
use crate::model::comment::{Comment, Fate, Subject};
use crate::model::event::Survivor;
use crate::model::session::{ActionState, Phase};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_PROCESSES_SHOWN_MAX;
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::overlays::Commented;
use crate::ui::panes::diff::{fate_words, remark_rows};
use crate::ui::theme::Role;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use std::ops::Range;

/// See the module.
#[derive(Debug)]
pub struct OutputPane {
    output_list: List,
    log_list: List,
    shows: Shows,
    output: Vec<StyledLine>,
    /// The inputs of `output`.
    made_of: Option<(ActionId, usize, u64)>,
    log: Vec<Row>,
    /// The inputs of `log`: its newest line, and columns.
    logged: Option<(Seq, u16)>,
    /// The process tree of the command, shown under its output.
    tree: Vec<Row>,
    /// The rows of comments, each with its place among the lines.
    remarks: Vec<Remark>,
    selecting_from: Option<usize>,
    /// Rows of the room it had last.
    height: usize,
}

/// A row of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remark {
    comment: CommentId,
    /// The lines above it.
    lines: usize,
    row: Row,
}

/// What a row shows.
enum OutputRow<'a> {
    Line(usize, &'a StyledLine),
    Remark(&'a Remark),
    Tree(&'a Row),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Output,
    Log,
}

impl Default for OutputPane {
    fn default() -> Self {
        Self {
            output_list: List::following(),
            log_list: List::following(),
            shows: Shows::Output,
            output: Vec::new(),
            made_of: None,
            log: Vec::new(),
            logged: None,
            tree: Vec::new(),
            remarks: Vec::new(),
            selecting_from: None,
            height: 0,
        }
    }
}

impl OutputPane {
    /// A command's output, or the agent's log.
    pub fn next_view(&mut self) {
        self.shows = match self.shows {
            Shows::Output => Shows::Log,
            Shows::Log => Shows::Output,
        };
    }

    pub fn show_log(&mut self) {
        self.shows = Shows::Log;
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
            self.selecting_from = None;
        }
        self.made_of = made_of;
        self.output = ansi::lines(state.output.tail.as_bytes());
    }

    /// The comments on what is shown, below their lines; those whose lines are gone at the end.
    fn refresh_remarks(&mut self, scene: &Scene, columns: u16) {
        self.remarks.clear();
        let Some(state) = source(scene) else { return };
        let is_on_it = |comment: &&Comment| matches!(&comment.anchor.on, Some(Subject::Output { action }) if *action == state.action.id);
        let mut comments = scene.session.plans.all_comments().filter(is_on_it).peekable();
        if comments.peek().is_none() {
            return;
        }
        let text = ansi::joined(&self.output);
        for comment in comments {
            let fate = comment.anchor.fate(&text);
            let last = |line: u32| line.saturating_add(comment.anchor.lines().saturating_sub(1));
            let line = match fate {
                Fate::Standing { line: 0 } | Fate::Addressed { line: 0 } | Fate::Outdated => None,
                Fate::Standing { line } => Some(last(line)),
                Fate::Addressed { line } => Some(line),
            };
            let lines = line.and_then(|line| usize::try_from(line).ok()).unwrap_or(self.output.len());
            let quotes = line.is_none() && comment.anchor.line > 0;
            let rows = remark_rows(scene, comment, fate_words(comment, fate), quotes, columns);
            let lines = lines.min(self.output.len());
            self.remarks.extend(rows.into_iter().map(|row| Remark { comment: comment.id.clone(), lines, row }));
        }
        self.remarks.sort_by_key(|remark| remark.lines);
    }

    fn row(&self, row: usize) -> Option<OutputRow<'_>> {
        // Comments are few, so their places are found one by one.
        let mut above = 0;
        for remark in &self.remarks {
            if row < remark.lines + above {
                break;
            }
            if row == remark.lines + above {
                return Some(OutputRow::Remark(remark));
            }
            above += 1;
        }
        let line = row - above;
        match self.output.get(line) {
            Some(text) => Some(OutputRow::Line(line, text)),
            None => self.tree.get(line - self.output.len()).map(OutputRow::Tree),
        }
    }

    /// Begins or ends a selection of lines; true while there is one.
    pub fn select(&mut self, wanted: bool) -> bool {
        let from = self.selecting_from.take();
        self.selecting_from = (wanted && from.is_none()).then_some(self.output_list.cursor);
        self.selecting_from.is_some()
    }

    /// What a comment would be on: the selected lines, or the one under the cursor; with no output, the run.
    #[must_use]
    pub fn lines_here(&self, scene: &Scene) -> Option<Commented> {
        let state = source(scene).or_else(|| scene.target()).filter(|_| self.shows == Shows::Output)?;
        let on = Some(Subject::Output { action: state.action.id.clone() });
        let cursor = self.output_list.cursor;
        let from = self.selecting_from.unwrap_or(cursor);
        let lines: Vec<(usize, &StyledLine)> = (from.min(cursor)..=from.max(cursor))
            .filter_map(|row| match self.row(row)? {
                OutputRow::Line(line, text) => Some((line, text)),
                OutputRow::Remark(_) | OutputRow::Tree(_) => None,
            })
            .collect();
        let (Some((first, text)), Some((last, _))) = (lines.first(), lines.last()) else {
            return Some(Commented { on, quote: state.action.title.clone(), ..Commented::default() });
        };
        let line = u32::try_from(first + 1).unwrap_or(u32::MAX);
        let lines = u32::try_from(last - first + 1).unwrap_or(1);
        Some(Commented { on, line, lines, quote: text.text.trim().to_owned(), ..Commented::default() })
    }

    /// The action whose output is shown.
    #[must_use]
    pub fn action(&self, scene: &Scene) -> Option<ActionId> {
        source(scene).filter(|_| self.shows == Shows::Output).map(|state| state.action.id.clone())
    }

    /// The comment under the cursor.
    #[must_use]
    pub fn comment_here(&self) -> Option<&CommentId> {
        self.comment_of(self.output_list.cursor)
    }

    fn comment_of(&self, row: usize) -> Option<&CommentId> {
        match self.row(row)? {
            OutputRow::Remark(remark) => Some(&remark.comment),
            OutputRow::Line(..) | OutputRow::Tree(_) => None,
        }
    }

    /// Moves to the next comment; false when there is none.
    pub fn go_to_comment(&mut self, forward: bool) -> bool {
        let is_first = |row: usize| {
            self.comment_of(row).is_some()
                && row.checked_sub(1).and_then(|above| self.comment_of(above)) != self.comment_of(row)
        };
        let (cursor, len) = (self.output_list.cursor, Pane::rows(self));
        let found = if forward {
            (cursor + 1..len).find(|row| is_first(*row))
        } else {
            (0..cursor).rev().find(|row| is_first(*row))
        };
        if let Some(row) = found {
            self.output_list.jump(row, len, self.height);
        }
        found.is_some()
    }

    /// Moves to a comment by its name.
    pub fn go_to_comment_of(&mut self, id: &CommentId) {
        let len = Pane::rows(self);
        if let Some(row) = (0..len).find(|row| self.comment_of(*row) == Some(id)) {
            self.output_list.jump(row, len, self.height);
        }
    }

    fn refresh_log(&mut self, scene: &Scene, columns: u16) {
        let newest = scene.session.transcript.log().next_back().map(|entry| (entry.seq, columns));
        if self.logged == newest || columns == 0 {
            return;
        }
        self.logged = newest;
        self.log.clear();
        for entry in scene.session.transcript.log() {
            wrapped(&mut self.log, "", Role::TextFaint, &entry.text, Role::TextSoft, columns);
        }
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
        self.height = usize::from(room.height);
        if touched.actions || touched.target {
            self.refresh_output(scene);
            self.refresh_remarks(scene, room.width);
            self.tree = process_rows(scene);
        }
        if self.shows == Shows::Log {
            self.refresh_log(scene, room.width);
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        if self.shows == Shows::Log {
            return Title { text: "agent log".to_owned(), ..Title::default() };
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
            Shows::Output => self.output.len() + self.remarks.len() + self.tree.len(),
            Shows::Log => self.log.len(),
        }
    }

    fn list(&self) -> &List {
        match self.shows {
            Shows::Output => &self.output_list,
            Shows::Log => &self.log_list,
        }
    }

    fn list_mut(&mut self) -> &mut List {
        match self.shows {
            Shows::Output => &mut self.output_list,
            Shows::Log => &mut self.log_list,
        }
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        match self.shows {
            Shows::Output => match self.row(row) {
                Some(OutputRow::Line(_, text)) => output_row(brush, line, text),
                Some(OutputRow::Remark(Remark { row, .. }) | OutputRow::Tree(row)) => {
                    row.draw(brush, line, self.output_list.left);
                }
                None => {}
            },
            Shows::Log => {
                if let Some(row) = self.log.get(row) {
                    row.draw(brush, line, self.log_list.left);
                }
            }
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        match self.shows {
            Shows::Output => match self.row(row) {
                Some(OutputRow::Line(_, line)) => line.text.clone(),
                Some(OutputRow::Remark(Remark { row, .. }) | OutputRow::Tree(row)) => row.text(),
                None => String::new(),
            },
            Shows::Log => self.log.get(row).map(Row::text).unwrap_or_default(),
        }
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        match self.shows {
            Shows::Output => "no command output yet",
            Shows::Log => "the agent log is empty",
        }
    }

    fn is_selected(&self, _scene: &Scene, row: usize) -> bool {
        let cursor = self.output_list.cursor;
        self.shows == Shows::Output
            && self.selecting_from.is_some_and(|from| (from.min(cursor)..=from.max(cursor)).contains(&row))
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
