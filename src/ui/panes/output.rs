//! Output: what a command writes, live, or the agent's own log (its stderr, and notes on the protocol). Bounded.

use super::row::{Row, wrapped};
use super::{Pane, Title};
use crate::base::text::ansi::{self, Colour, Sgr, StyledLine};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Seq};
use crate::model::Kind;
use crate::model::event::Survivor;
use crate::model::session::{ActionState, Phase};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_PROCESSES_SHOWN_MAX;
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
        }
        self.made_of = made_of;
        self.output = ansi::lines(state.output.tail.as_bytes());
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
        if touched.actions || touched.target {
            self.refresh_output(scene);
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
            Shows::Output => self.output.len() + self.tree.len(),
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
            Shows::Output => {
                if let Some(text) = self.output.get(row) {
                    output_row(brush, line, text);
                } else if let Some(row) = row.checked_sub(self.output.len()).and_then(|at| self.tree.get(at)) {
                    row.draw(brush, line, self.output_list.left);
                }
            }
            Shows::Log => {
                if let Some(row) = self.log.get(row) {
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
            Shows::Log => self.log.get(row).map(Row::text).unwrap_or_default(),
        }
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        match self.shows {
            Shows::Output => "no command output yet",
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
