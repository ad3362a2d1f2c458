//! Why: the reason given, the evidence, the objections, and the outcome.

use super::diff::touched_words;
use super::grounds;
use super::inbox::{action_words, asks_word, risk_words};
use super::row::{Row, rendered, wrapped};
use super::{Pane, Title};
use crate::base::ActionId;
use crate::base::text::{Show, confusables, escape, width};
use crate::model::action::Author;
use crate::model::event::{Decider, Dependent, LapseWhy, OutcomeWord};
use crate::model::session::{ActionState, Phase, Speaker};
use crate::ui::app::{Scene, Touched, offers};
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_CHOICES_MAX, UI_THOUGHT_ROWS_MAX};
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};

/// See the module.
#[derive(Debug, Default)]
pub struct WhyPane {
    list: List,
    /// The action whose reasons are shown.
    of: Option<ActionId>,
    rows: Vec<Row>,
    pub thoughts_open: bool,
}

fn head(word: &str) -> String {
    format!("{word:<8}")
}

/// Columns of the pane's border and of the action's name before its title.
const TITLE_MARGIN_COLUMNS: usize = 10;

/// True when two texts hold the same letters and digits in the same order.
fn is_same_words(one: &str, other: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters(one) == letters(other)
}

/// The verbs that agents put before the path of a file that they change.
const EDIT_VERBS: [&str; 10] =
    ["edit", "write", "create", "update", "change", "modify", "add", "delete", "remove", "patch"];

/// The agent's title only names what the pane's title names.
fn says_no_more(state: &ActionState, titled: &str) -> bool {
    let title = &state.action.title;
    let names_the_file = || {
        let (Some((verb, rest)), [file]) = (title.trim().split_once(' '), state.action.files()) else { return false };
        EDIT_VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known)) && is_same_words(rest, file.path.as_str())
    };
    is_same_words(title, titled) || names_the_file()
}

/// An undo or a rewind: the user gave no reason and needs none.
fn is_own(state: &ActionState) -> bool {
    state.action.author == Author::Human && state.action.revision == 1 && state.action.rationale.is_none()
}

fn reasons(rows: &mut Vec<Row>, state: &ActionState, columns: u16) {
    let action = &state.action;
    // The pane's title says it already, where it fits and means the same.
    let titled = action_words(state);
    if !says_no_more(state, &titled) || width::width(&titled) + TITLE_MARGIN_COLUMNS > usize::from(columns) {
        wrapped(rows, "", Role::Text, &action.title, Role::TextStrong, columns);
    }
    let Some(rationale) = &action.rationale else {
        if is_own(state) {
            rows.push(Row::new(head("by"), Role::TextSoft).and("you", Role::Human));
            return;
        }
        rows.push(Row::new(head("says"), Role::TextSoft).and("no reason given", Role::Warn));
        return;
    };
    if !rationale.text.is_empty() && rationale.text != action.title {
        if !rows.is_empty() {
            rows.push(Row::default());
        }
        rendered(rows, "", Role::Text, &rationale.text, columns);
    }
}

fn against(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    let warning = scene.look.sign(Sign::Warning);
    let looks = state
        .action
        .files()
        .iter()
        .map(|file| file.path.as_str().to_owned())
        .chain(state.action.command().map(crate::model::Command::line))
        .flat_map(|text| {
            confusables::confusables(&text)
                .into_iter()
                .filter_map(|found| {
                    Some(format!(
                        "{} reads as {}",
                        escape::show(text.get(found.range)?, &Show::default()),
                        escape::show(&found.reads_as, &Show::default())
                    ))
                })
                .collect::<Vec<_>>()
        });
    let all: Vec<String> = state.alarms.iter().cloned().chain(looks).collect();
    if all.is_empty() {
        return;
    }
    rows.push(Row::default());
    rows.push(Row::new("against", Role::TextSoft));
    for text in all {
        wrapped(rows, &format!(" {warning} "), Role::Warn, &text, Role::Warn, columns);
    }
}

fn place(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    rows.push(Row::default());
    let step = state.action.step.as_ref().and_then(|id| scene.session.plan.step(id));
    match step {
        Some(step) => wrapped(rows, &head("step"), Role::TextSoft, &step.title, Role::Text, columns),
        None if is_own(state) => {}
        None => rows.push(Row::new(head("step"), Role::TextSoft).and("not in the plan", Role::Warn)),
    }
    if asks_word(state) {
        let why = state.ruled.as_ref().map_or_else(String::new, |ruled| format!(": {}", ruled.reason));
        let sign = scene.look.sign(Sign::Warning);
        wrapped(rows, &head("risk"), Role::TextSoft, &format!("{sign} high{why}"), Role::RiskHigh, columns);
    } else if let Some(risk) = &state.action.risk {
        let (word, role) = risk_words(risk.score);
        let factors = if risk.factors.is_empty() { String::new() } else { format!(": {}", risk.factors.join(", ")) };
        wrapped(rows, &head("risk"), Role::TextSoft, &format!("{word}{factors}"), role, columns);
    }
    if let Some(touches) = &state.action.touches {
        let unknown = if touches.unknown.is_empty() { "" } else { "; partly unknown" };
        let words = match (touches.files, touches.unknown.is_empty()) {
            (0, false) => "not known".to_owned(),
            (_, _) => format!("{}{unknown}", touched_words(touches)),
        };
        wrapped(rows, &head("touches"), Role::TextSoft, &words, Role::Text, columns);
    }
    if let Some(found) = &state.dependents {
        let place = |one: &Dependent| {
            let within = one.within.as_ref().map_or_else(String::new, |within| format!("{within} in "));
            format!("{within}{}:{}", one.path, one.line)
        };
        let first: Vec<String> = found.first.iter().map(place).collect();
        let more = if found.places > first.len() as u64 { ", \u{2026}" } else { "" };
        let colon = if first.is_empty() { "" } else { ": " };
        let words = format!("{}{colon}{}{more}", found.words(), first.join(", "));
        let role = if found.broken && found.places > 0 { Role::Warn } else { Role::Text };
        wrapped(rows, &head("used in"), Role::TextSoft, &words, role, columns);
    }
    if let Some(ruled) = &state.ruled {
        let word = ruled.ruling.word();
        wrapped(
            rows,
            &head("rule"),
            Role::TextSoft,
            &format!("{word} ({}): {}", ruled.rule, ruled.reason),
            Role::Text,
            columns,
        );
    }
}

/// The agent's own options, and the key that sends each.
fn answers(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    if offers::of(scene).is_empty() {
        return;
    }
    rows.push(Row::default());
    rows.push(Row::new("options", Role::TextSoft));
    for option in state.action.options.iter().take(UI_CHOICES_MAX) {
        let is_next = offers::next(scene, option.allows).is_some_and(|next| next.id == option.id);
        let head = match (is_next, option.allows) {
            (true, true) => " a ",
            (true, false) => " d ",
            (false, _) => "   ",
        };
        let words = format!("{}: {}", offers::quoted(option), option.does());
        wrapped(rows, head, Role::Key, &words, Role::Text, columns);
    }
}

/// The color of a phase.
pub(super) fn phase_role(phase: Phase) -> Role {
    match phase {
        Phase::Proposed => Role::TextSoft,
        Phase::Held => Role::Held,
        Phase::Approved | Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered) => Role::Ok,
        Phase::Redirected => Role::Warn,
        Phase::Running => Role::Running,
        Phase::Denied
        | Phase::Finished(OutcomeWord::Failed | OutcomeWord::Conflict)
        | Phase::Lapsed(LapseWhy::Killed) => Role::Fail,
        Phase::Finished(OutcomeWord::Unknown) | Phase::Lapsed(LapseWhy::Voided) => Role::Unknown,
        Phase::Lapsed(LapseWhy::Canceled | LapseWhy::AgentLost | LapseWhy::Superseded) => Role::TextSoft,
    }
}

fn history(rows: &mut Vec<Row>, state: &ActionState, columns: u16) {
    let mut row = Row::new(head("now"), Role::TextSoft).and(state.phase.words(), phase_role(state.phase));
    if state.reverted {
        row = row.and(", later undone", Role::Warn);
    } else if state.verified {
        row = row.and(", verified by a green run", Role::Ok);
    }
    rows.push(row);
    if let Some(decided) = &state.decided {
        let verdict = decided.verdict.words();
        let by = match &decided.by {
            Decider::Human(client) => match client.key() {
                Some((key, _)) => format!("a key of yours ({key}) from another machine"),
                None if client.is_script() => format!("a script of yours ({client})"),
                None => format!("you ({client})"),
            },
            Decider::Rule(rule) => format!("rule {rule}"),
            Decider::Lease(lease) => format!("lease {lease}"),
        };
        let reason = decided.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let chosen = state.action.options.iter().find(|option| decided.option.as_ref() == Some(&option.id));
        let option = chosen.map_or_else(String::new, |option| format!(", option {}", offers::quoted(option)));
        wrapped(
            rows,
            &head("decided"),
            Role::TextSoft,
            &format!("{verdict} by {by}{option}{reason}"),
            Role::Text,
            columns,
        );
    }
    for (title, answer) in state.answers() {
        wrapped(rows, &head("answered"), Role::TextSoft, &format!("{title}: {answer}"), Role::Human, columns);
    }
    if let Some(detail) = state.finished.as_ref().and_then(|finished| finished.detail.as_ref()) {
        wrapped(rows, &head("end"), Role::TextSoft, detail, Role::Warn, columns);
    }
    let layer = state.finished.as_ref().and_then(|finished| finished.layer.as_ref());
    if let Some(layer) = layer.filter(|layer| !layer.shared.is_empty()) {
        let shared = format!("{}: not in the layer, the real build folders", layer.shared.join(", "));
        wrapped(rows, &head("shared"), Role::TextSoft, &shared, Role::Text, columns);
    }
    if let Some(detail) = state.lapsed.as_ref().and_then(|lapsed| lapsed.detail.as_ref()) {
        wrapped(rows, &head("end"), Role::TextSoft, detail, Role::Warn, columns);
    }
    if let Some(text) = &state.explained {
        rows.push(Row::default());
        rendered(rows, &head("answer"), Role::TextSoft, text, columns);
    }
    for told in &state.told {
        rows.push(Row::default());
        wrapped(rows, &head("sent"), Role::Human, told, Role::TextSoft, columns);
    }
}

impl WhyPane {
    fn thoughts(&mut self, scene: &Scene, columns: u16) {
        let thoughts: Vec<&str> = scene
            .session
            .transcript
            .iter()
            .rev()
            .take(crate::ui::limits::UI_THOUGHTS_LOOKED_AT_MAX)
            .filter(|entry| matches!(entry.speaker, Speaker::Thought(_)))
            .map(|entry| entry.text.as_str())
            .collect();
        if thoughts.is_empty() {
            return;
        }
        self.rows.push(Row::default());
        let sign = scene.look.sign(if self.thoughts_open { Sign::Open } else { Sign::Closed });
        let plural = if thoughts.len() == 1 { "" } else { "s" };
        self.rows.push(Row::new(format!("{sign} {} raw thought{plural}", thoughts.len()), Role::TextFaint));
        if self.thoughts_open {
            let mut rows = Vec::new();
            for text in thoughts {
                wrapped(&mut rows, "  ", Role::TextFaint, text, Role::TextFaint, columns);
                if rows.len() >= UI_THOUGHT_ROWS_MAX {
                    break;
                }
            }
            rows.truncate(UI_THOUGHT_ROWS_MAX);
            self.rows.extend(rows);
        }
    }
}

impl Pane for WhyPane {
    fn id(&self) -> PaneId {
        PaneId::Why
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        if !(touched.target || touched.actions || touched.plan) {
            return;
        }
        self.rows.clear();
        // Another action is read from its first line.
        let of = scene.target.clone();
        if self.of.is_some() && self.of != of {
            self.list = List::default();
        }
        self.of = of;
        if let Some(ended) = &scene.session.ended {
            rendered(&mut self.rows, &head("report"), Role::Accent, &ended.report, room.width);
            self.rows.push(Row::default());
        }
        let Some(state) = scene.target() else { return };
        reasons(&mut self.rows, state, room.width);
        if !is_own(state) {
            self.rows.push(Row::default());
            grounds::rows(&mut self.rows, scene, state, room.width);
        }
        against(&mut self.rows, scene, state, room.width);
        place(&mut self.rows, scene, state, room.width);
        answers(&mut self.rows, scene, state, room.width);
        history(&mut self.rows, state, room.width);
        self.thoughts(scene, room.width);
    }

    fn title(&self, scene: &Scene) -> Title {
        let text =
            scene.target().map_or_else(String::new, |state| format!("{}  {}", state.action.id, action_words(state)));
        Title { text, ..Title::default() }
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        if let Some(row) = self.rows.get(row) {
            row.draw(brush, line, self.list.left);
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        self.rows.get(row).map(Row::text).unwrap_or_default()
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        ""
    }
}
