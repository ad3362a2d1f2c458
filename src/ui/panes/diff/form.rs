//! A form on one scrolling page: every question with its choices, its typed value, and a line for own words.

use crate::base::UnixMs;
use crate::base::text::{Show, escape, width};
use crate::model::form::{self, Field, FieldKind, Form};
use crate::ui::app::Scene;
use crate::ui::app::form::{FLAGS, FormDraft, Part, Spot, parts};
use crate::ui::limits::{UI_FORM_BESIDE_COLUMNS_MIN, UI_PREVIEW_LINES_MAX, UI_SCHEMA_CHARS_MAX};
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::theme::{Role, Sign};

/// Rows with the place on the form that each belongs to.
pub(super) struct Page {
    pub rows: Vec<Row>,
    pub spots: Vec<Option<Spot>>,
    columns: u16,
}

impl Page {
    pub(super) fn of(scene: &Scene, form: &Form, columns: u16) -> Self {
        let mut page = Self { rows: Vec::new(), spots: Vec::new(), columns };
        let who = escape::show(&scene.session.agent.ready.agent.name, &Show::default()).into_owned();
        page.put(vec![Row::new(format!("{who} asks"), Role::Accent)], None);
        page.text("", Role::Text, &form.message, Role::TextStrong, None);
        if let Some(at) = ends_at(scene, form) {
            let sign = format!("{} ", scene.look.sign(Sign::Warning));
            let words = format!("without an answer the agent goes on at {}", scene.clock_to_seconds(at));
            page.text(&sign, Role::Warn, &words, Role::Warn, None);
        }
        if let Some(url) = &form.url {
            page.address(scene, url);
            return page;
        }
        for (at, field) in form.fields.iter().enumerate() {
            page.blank();
            page.field(scene, form, at, field);
        }
        page
    }

    fn put(&mut self, rows: Vec<Row>, spot: Option<Spot>) {
        for row in rows.into_iter().flat_map(|row| row.broken(usize::from(self.columns))) {
            self.rows.push(row);
            self.spots.push(spot);
        }
    }

    fn blank(&mut self) {
        self.put(vec![Row::default()], None);
    }

    fn text(&mut self, head: &str, head_role: Role, text: &str, role: Role, spot: Option<Spot>) {
        let mut rows = Vec::new();
        wrapped(&mut rows, head, head_role, text, role, self.columns);
        self.put(rows, spot);
    }

    fn address(&mut self, scene: &Scene, url: &str) {
        self.blank();
        let exact = |text: &str| escape::show(text, &Show::default()).into_owned();
        let Some(address) = form::address(url) else {
            self.text("", Role::Text, url, Role::TextStrong, None);
            return;
        };
        let [before, host, after] = address.parts;
        let row = Row::new(exact(before), Role::TextSoft)
            .and(exact(host), Role::TextStrong)
            .and(exact(after), Role::TextSoft);
        self.put(vec![row], None);
        let warning = format!("{} ", scene.look.sign(Sign::Warning));
        for text in address.warnings {
            self.text(&warning, Role::Warn, text, Role::Warn, None);
        }
        self.blank();
        let hint = "rightseat opens it only at your word (o, on this machine): copy it (y) or open it if you trust it, then tell the agent that you agree.";
        self.text("", Role::Text, hint, Role::TextSoft, None);
    }

    fn field(&mut self, scene: &Scene, form: &Form, at: usize, field: &Field) {
        let draft = &scene.review.form;
        let here = |part: Option<Part>| Some(Spot { field: at, part });
        let must = if field.required { "needed" } else { "optional" };
        let head = format!("{} of {}  ", at + 1, form.fields.len());
        self.text(&head, Role::TextSoft, &field.title, Role::TextStrong, here(None));
        self.text("        ", Role::TextSoft, must, Role::TextFaint, here(None));
        if !field.detail.is_empty() {
            self.text("        ", Role::TextSoft, &field.detail, Role::TextSoft, here(None));
        }
        if field.secret {
            let sign = format!("      {} ", scene.look.sign(Sign::Warning));
            let words = "this asks for a secret: it is masked here and not recorded, but the agent gets it";
            self.text(&sign, Role::Warn, words, Role::Warn, here(None));
        }
        match &field.kind {
            FieldKind::Flag => {
                for (choice, word) in FLAGS.iter().enumerate() {
                    self.choice(draft, (at, field), choice, (word, "", None));
                }
            }
            FieldKind::One { choices } | FieldKind::Many { choices, .. } => {
                for (index, choice) in choices.iter().enumerate() {
                    let words = (choice.title.as_str(), choice.detail.as_str(), choice.preview.as_deref());
                    self.choice(draft, (at, field), index, words);
                }
                if parts(field).contains(&Part::OwnWords) {
                    let (text, role) = match draft.own_words(field) {
                        "" => ("in your own words (i)".to_owned(), Role::TextFaint),
                        words if field.secret => (masked(words), Role::Human),
                        words => (words.to_owned(), Role::Human),
                    };
                    let head = format!("      {} ", scene.look.sign(Sign::Prompt));
                    self.text(&head, Role::Key, &text, role, here(Some(Part::OwnWords)));
                }
            }
            FieldKind::Text { .. } | FieldKind::Number { .. } => self.value(scene, (at, field)),
            FieldKind::Json { schema } => {
                if !schema.is_null() {
                    let schema: String = schema.to_string().chars().take(UI_SCHEMA_CHARS_MAX).collect();
                    self.text("        ", Role::TextSoft, &schema, Role::TextFaint, here(None));
                }
                self.value(scene, (at, field));
            }
        }
    }

    fn choice(
        &mut self,
        draft: &FormDraft,
        (at, field): (usize, &Field),
        index: usize,
        (title, detail, preview): (&str, &str, Option<&str>),
    ) {
        let spot = Some(Spot { field: at, part: Some(Part::Choice(index)) });
        let picked = draft.is_picked(field, index);
        let mark = match (matches!(field.kind, FieldKind::Many { .. }), picked) {
            (true, true) => "[x]",
            (true, false) => "[ ]",
            (false, true) => "(x)",
            (false, false) => "( )",
        };
        let digit = if index < 9 { format!("{}", index + 1) } else { " ".to_owned() };
        let default = if picked && draft.is_default(field) { "  (the agent's default)" } else { "" };
        let role = if picked { Role::Human } else { Role::Text };
        let (beside, columns) = (self.preview_columns(preview), self.columns);
        let first = self.rows.len();
        self.columns -= beside;
        self.text(&format!("    {digit} {mark} "), Role::Key, &format!("{title}{default}"), role, spot);
        if !detail.is_empty() {
            self.text("          ", Role::TextSoft, detail, Role::TextSoft, spot);
        }
        self.columns = columns;
        let shown = preview.unwrap_or_default().lines().take(UI_PREVIEW_LINES_MAX);
        if beside == 0 {
            shown.for_each(|line| self.text("          │ ", Role::TextFaint, line, Role::Text, spot));
            return;
        }
        let mut preview = Vec::new();
        shown.for_each(|line| wrapped(&mut preview, "│ ", Role::TextFaint, line, Role::Text, beside));
        self.put_beside(first, usize::from(columns - beside), preview, spot);
    }

    /// The columns for the preview of a choice beside it; 0 where it is below.
    fn preview_columns(&self, preview: Option<&str>) -> u16 {
        let fits = preview.is_some() && self.columns >= UI_FORM_BESIDE_COLUMNS_MIN;
        if fits { self.columns / 2 } else { 0 }
    }

    /// Puts rows at the right of those from `first` on.
    fn put_beside(&mut self, first: usize, left: usize, beside: Vec<Row>, spot: Option<Spot>) {
        for (at, right) in (first..).zip(beside) {
            if at == self.rows.len() {
                self.rows.push(Row::default());
                self.spots.push(spot);
            }
            if let Some(row) = self.rows.get_mut(at) {
                let gap = left.saturating_sub(width::width(&row.text()));
                row.words.push((" ".repeat(gap), Role::Text));
                row.words.extend(right.words);
            }
        }
    }

    fn value(&mut self, scene: &Scene, (at, field): (usize, &Field)) {
        let draft = &scene.review.form;
        let spot = Some(Spot { field: at, part: Some(Part::Value) });
        let head = format!("      {} ", scene.look.sign(Sign::Prompt));
        let Some(text) = draft.text(field) else {
            self.text(&head, Role::Key, "type an answer (i)", Role::TextFaint, spot);
            return;
        };
        let text = if field.secret { masked(&text) } else { text };
        let default = if draft.is_default(field) { "  (the agent's default)" } else { "" };
        let role = if draft.unfinished(field).is_some() { Role::Warn } else { Role::Human };
        self.text(&head, Role::Key, &format!("{text}{default}"), role, spot);
        if let Some(why) = draft.unfinished(field).and_then(|text| field.read(text).err()) {
            self.text("        ", Role::Warn, &format!("{why}: not sent"), Role::Warn, spot);
        }
    }
}

/// When the agent goes on without an answer.
fn ends_at(scene: &Scene, form: &Form) -> Option<UnixMs> {
    let asked_at = scene.target()?.times.proposed_at;
    Some(UnixMs(asked_at.0.saturating_add(form.within_ms?)))
}

/// A secret by its length only.
fn masked(text: &str) -> String {
    "•".repeat(text.chars().count().min(32))
}
