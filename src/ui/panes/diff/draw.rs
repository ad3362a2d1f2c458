//! Drawing of diff rows: numbers, sign, text with its colors, what is left out.

use super::plan::GUTTER_COLUMNS;
use super::{At, DiffPane, DiffRow, PlaceIn};
use crate::diff::LineKind;
use crate::model::FileChange;
use crate::ui::app::Scene;
use crate::ui::look::Brush;
use crate::ui::theme::{Role, Sign};
use crate::ui::workers::{FilePicture, LinePicture, Shown};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn row(pane: &DiffPane, scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
    aside(pane, row, brush, line);
    let line = if pane.aside.is_empty() { line } else { Rect { width: line.width - line.width / 3, ..line } };
    let Some(row) = pane.rows.get(row) else { return };
    match row {
        DiffRow::File(at) => {
            if let Some(file) = pane.pictures.get(*at) {
                let out = (0..file.hunks.len().max(1)).all(|hunk| scene.review.left_out.contains(&(*at, hunk)));
                file_head(brush, line, file, (out, pane.folds.is_viewed(*at)));
            }
        }
        DiffRow::Note(row) | DiffRow::Change { row, .. } | DiffRow::Remark { row, .. } => row.draw(brush, line, 0),
        DiffRow::Prose { row, line: number } => {
            if let Some(number) = number {
                let end = line.x + GUTTER_COLUMNS - 1;
                brush.right(line.x, line.y, end, &number.to_string(), Role::DiffNumber);
            }
            let text = Rect { x: line.x + GUTTER_COLUMNS, width: line.width.saturating_sub(GUTTER_COLUMNS), ..line };
            row.draw(brush, text, 0);
        }
        DiffRow::Fold(lines) => {
            let sign = brush.look.sign(Sign::Fold);
            let plural = if *lines == 1 { "" } else { "s" };
            brush.cut(
                line.x + 2,
                line.y,
                line.right(),
                &format!("{sign} {lines} unchanged line{plural}"),
                Role::DiffFold,
            );
        }
        DiffRow::Heading { file, hunk, part } => heading(pane, brush, line, (*file, *hunk), *part),
        DiffRow::BlankHunk { file, hunk } => {
            if scene.review.left_out.contains(&(*file, *hunk)) {
                brush.text(line.x, line.y, line.x + 1, brush.look.sign(Sign::Unchosen), Role::TextFaint);
            }
            let text = format!("{} {}", brush.look.sign(Sign::Fold), pane.blank_words((*file, *hunk)));
            brush.cut(line.x + 2, line.y, line.right(), &text, Role::DiffFold);
        }
        DiffRow::Line(at) => unified(pane, scene, brush, line, *at),
        DiffRow::Pair { left, right } => {
            let half = line.width / 2;
            side(pane, scene, brush, Rect { width: half, ..line }, *left, true);
            let bar = brush.look.sign(Sign::Bar);
            brush.text(line.x + half, line.y, line.right(), bar, Role::Border);
            let right_area = Rect { x: line.x + half + 1, width: line.width.saturating_sub(half + 1), ..line };
            side(pane, scene, brush, right_area, *right, false);
        }
    }
}

/// What stands beside a plan stays where it is while the plan is scrolled.
fn aside(pane: &DiffPane, row: usize, brush: &mut Brush<'_>, line: Rect) {
    if pane.aside.is_empty() {
        return;
    }
    let width = line.width / 3;
    let area = Rect { x: line.right().saturating_sub(width), width, ..line };
    brush.text(area.x, area.y, area.right(), brush.look.sign(Sign::Bar), Role::Border);
    if let Some(words) = row.checked_sub(pane.window().start).and_then(|at| pane.aside.get(at)) {
        words.draw(brush, Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area }, 0);
    }
}

fn file_head(brush: &mut Brush<'_>, line: Rect, file: &FilePicture, (left_out, viewed): (bool, bool)) {
    let what = match file.change {
        FileChange::Modify => "",
        FileChange::Create => "new  ",
        FileChange::Delete => "deleted  ",
        FileChange::Rename => "renamed  ",
    };
    let minus = brush.look.sign(Sign::Minus);
    let counts = format!("{}+{} {minus}{}", if left_out { "excluded  " } else { "" }, file.added, file.removed);
    let end =
        brush.right(line.x + 2, line.y, line.right().saturating_sub(1), &counts, Role::TextSoft).saturating_sub(1);
    if left_out {
        brush.text(line.x, line.y, line.x + 1, brush.look.sign(Sign::Unchosen), Role::TextFaint);
    }
    let sign = brush.look.sign(if viewed { Sign::Done } else { Sign::Open });
    let x = brush.text(line.x + 1, line.y, end, &format!("{sign} {what}"), Role::TextSoft);
    let x = match &file.from {
        Some(from) => brush.cut(x, line.y, end, &format!("{from} → "), Role::TextSoft),
        None => x,
    };
    brush.cut(x, line.y, end, &file.path, Role::TextStrong);
}

fn heading(pane: &DiffPane, brush: &mut Brush<'_>, line: Rect, (file, hunk): (usize, usize), part: usize) {
    let Some(picture) = pane.hunk(file, hunk) else { return };
    let from = picture.headings.get(part).map_or(0, |(from, _)| *from);
    let to = picture.headings.get(part + 1).map_or(picture.lines.len(), |(from, _)| *from);
    let lines = picture.lines.get(from..to).unwrap_or_default();
    let count = |kind| lines.iter().filter(|line| line.kind == kind).count();
    let minus = brush.look.sign(Sign::Minus);
    let counts = format!("+{} {minus}{}", count(LineKind::Added), count(LineKind::Removed));
    let end =
        brush.right(line.x + 2, line.y, line.right().saturating_sub(1), &counts, Role::TextSoft).saturating_sub(1);
    let sign = brush.look.sign(Sign::Open);
    let x = brush.text(line.x + 1, line.y, end, &format!("{sign} "), Role::Accent);
    match picture.headings.get(part).and_then(|(_, heading)| heading.as_ref()) {
        Some(heading) => {
            let x = brush.cut(x, line.y, end, &format!("{} ", heading.kind), Role::TextSoft);
            brush.cut(x, line.y, end, &heading.path, Role::TextStrong);
        }
        None => {
            let first = lines.first().and_then(|line| line.new_no.or(line.old_no)).unwrap_or(0);
            brush.cut(x, line.y, end, &format!("line {first}"), Role::TextSoft);
        }
    }
}

/// Returns whether the review includes this line.
fn is_taken(scene: &Scene, at: At) -> bool {
    match at.place {
        PlaceIn::Before(_) | PlaceIn::After(_) => true,
        PlaceIn::Hunk(line) => scene.review.takes_line((at.file, at.hunk), line),
    }
}

/// Columns of a line number: as many digits as the file needs, four at least.
fn number_columns(pane: &DiffPane, file: usize) -> u16 {
    let last = pane.pictures.get(file).and_then(|file| file.hunks.last()).and_then(|hunk| hunk.lines.last());
    let most = last.map_or(0, |line| line.old_no.unwrap_or(0).max(line.new_no.unwrap_or(0)));
    u16::try_from(most.to_string().len()).unwrap_or(9).max(4)
}

/// Columns of a row before the text of its line.
pub(super) fn columns_before(pane: &DiffPane, file: usize, both_numbers: bool) -> usize {
    let number = usize::from(number_columns(pane, file)) + 1;
    1 + number * if both_numbers { 2 } else { 1 } + 2
}

struct Roles {
    line: Option<Role>,
    strong: Role,
    sign: Role,
    mark: &'static str,
}

fn roles(kind: LineKind, taken: bool) -> Roles {
    match (kind, taken) {
        (LineKind::Context, _) => Roles { line: None, strong: Role::Text, sign: Role::DiffNumber, mark: " " },
        (LineKind::Added, true) => {
            Roles { line: Some(Role::DiffAdd), strong: Role::DiffAddStrong, sign: Role::DiffAddSign, mark: "+" }
        }
        (LineKind::Removed, true) => {
            Roles { line: Some(Role::DiffDel), strong: Role::DiffDelStrong, sign: Role::DiffDelSign, mark: "-" }
        }
        (LineKind::Added, false) => Roles { line: None, strong: Role::DiffOff, sign: Role::DiffOff, mark: "+" },
        (LineKind::Removed, false) => Roles { line: None, strong: Role::DiffOff, sign: Role::DiffOff, mark: "-" },
    }
}

fn unified(pane: &DiffPane, scene: &Scene, brush: &mut Brush<'_>, line: Rect, at: At) {
    let Some(picture) = pane.line(at) else { return };
    let taken = is_taken(scene, at);
    let kind = pane.kind_of(picture);
    let roles = roles(kind, taken);
    let columns = number_columns(pane, at.file);
    let mut x = line.x + 1;
    let shows_old = picture.kind != LineKind::Added;
    let shows_new = picture.kind != LineKind::Removed;
    for (number, shows) in [(picture.old_no, shows_old), (picture.new_no, shows_new)] {
        if let Some(number) = number.filter(|_| shows && at.from == 0) {
            brush.right(x, line.y, x + columns, &number.to_string(), Role::DiffNumber);
        }
        x += columns + 1;
    }
    if let Some(role) = roles.line {
        brush.over(Rect { x, width: line.right().saturating_sub(x), ..line }, role);
    }
    mark(brush, x, line, &roles, at);
    if kind != LineKind::Context && !taken {
        let out = brush.look.sign(Sign::Unchosen);
        brush.text(line.x, line.y, line.x + 1, out, Role::TextFaint);
    } else {
        ran(pane, brush, line, picture, at);
    }
    text(brush, x + 2, line, &picture.shown, at, &roles, taken);
}

fn side(pane: &DiffPane, scene: &Scene, brush: &mut Brush<'_>, line: Rect, at: Option<At>, old: bool) {
    let Some(at) = at else { return };
    let Some(picture) = pane.line(at) else { return };
    let taken = is_taken(scene, at);
    let roles = roles(pane.kind_of(picture), taken);
    let columns = number_columns(pane, at.file);
    let number = if old { picture.old_no } else { picture.new_no };
    let x = line.x + 1;
    if let Some(number) = number.filter(|_| at.from == 0) {
        brush.right(x, line.y, x + columns, &number.to_string(), Role::DiffNumber);
    }
    let x = x + columns + 1;
    if let Some(role) = roles.line {
        brush.over(Rect { x, width: line.right().saturating_sub(x), ..line }, role);
    }
    mark(brush, x, line, &roles, at);
    if taken && !old {
        ran(pane, brush, line, picture, at);
    }
    text(brush, x + 2, line, &picture.shown, at, &roles, taken);
}

/// Whether a changed line ran when it was tested.
fn ran(pane: &DiffPane, brush: &mut Brush<'_>, line: Rect, picture: &LinePicture, at: At) {
    if let Some((sign, role)) = pane.ran.sign(at.file, picture).filter(|_| at.from == 0) {
        brush.text(line.x, line.y, line.x + 1, brush.look.sign(sign), role);
    }
}

/// `+` or `-`; a row in which a long line continues says that instead.
fn mark(brush: &mut Brush<'_>, x: u16, line: Rect, roles: &Roles, at: At) {
    if at.from == 0 {
        brush.text(x, line.y, line.right(), roles.mark, roles.sign);
    } else {
        let sign = brush.look.sign(Sign::Cut);
        brush.text(x, line.y, line.right(), sign, roles.sign);
    }
}

/// The piece of a line that this row has, with syntax colors under the marks of what changed.
fn text(brush: &mut Brush<'_>, x: u16, line: Rect, shown: &Shown, piece: At, roles: &Roles, taken: bool) {
    let base = roles.line.map_or_else(Style::new, |role| brush.look.style(role));
    let plain = brush.look.style(if taken { Role::Text } else { Role::DiffOff });
    let strong = brush.look.style(roles.strong);
    let end = line.right();
    let stop = piece.to.min(shown.text.len());
    let mut x = x;
    let mut at = piece.from;
    // Runs between the borders of all ranges have one style each; the ranges of a line are few.
    while at < stop && x < end {
        let role = shown.roles.iter().find(|(range, _)| range.contains(&at));
        let is_strong = shown.strong.iter().any(|range| range.contains(&at));
        let borders =
            shown.roles.iter().map(|(range, _)| range).chain(&shown.strong).flat_map(|range| [range.start, range.end]);
        let next = borders.filter(|border| *border > at).min().unwrap_or(stop).min(stop);
        let mut style = plain.patch(base);
        if let Some((_, role)) = role.filter(|_| taken) {
            style = style.patch(brush.look.style(*role));
        }
        if is_strong {
            style = style.patch(strong);
        }
        let Some(run) = shown.text.get(at..next) else { break };
        x = brush.styled(x, line.y, end, run, style);
        at = next;
    }
}
