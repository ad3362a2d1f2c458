//! The diff of a comparison: its title, and what is shown while there is none.

use super::DiffPane;
use crate::base::text::{Show, escape};
use crate::ui::app::Scene;
use crate::ui::app::comparison::{Comparison, State};
use crate::ui::panes::Title;
use crate::ui::panes::row::Row;
use crate::ui::theme::{Role, Sign};

/// The rows where no file differs, or none is known yet.
pub(super) fn rows_without_files(comparison: &Comparison) -> Vec<Row> {
    match &comparison.state {
        State::Asked => vec![Row::new("being compared", Role::TextSoft)],
        State::Failed(why) => vec![Row::new(escape::show(why, &Show::prose()).into_owned(), Role::Warn)],
        State::Here { files, .. } if files.is_empty() => vec![Row::new("nothing differs", Role::TextSoft)],
        State::Here { files, .. } => {
            let count = files.len();
            let plural = if count == 1 { "" } else { "s" };
            vec![Row::new(format!("{count} file{plural} being compared"), Role::TextSoft)]
        }
    }
}

/// The scope, the file under the cursor, and the sum of all files.
pub(super) fn title(pane: &DiffPane, scene: &Scene, comparison: &Comparison) -> Title {
    let minus = scene.look.sign(Sign::Minus);
    let total = |count: fn(&crate::ui::workers::FilePicture) -> usize| pane.pictures.iter().map(count).sum::<usize>();
    let mut text = comparison.title.clone();
    if !pane.pictures.is_empty() {
        text = format!("{text}  +{} {minus}{}", total(|file| file.added), total(|file| file.removed));
    }
    if let Some(file) = pane.pictures.get(pane.file_under_cursor()) {
        text = format!("{text}  {}", file.path);
    }
    text.push_str(&pane.blanks_words());
    let mut right = Vec::new();
    if let State::Here { left_out: more @ 1.., .. } = &comparison.state {
        right.push(format!("{more} files left out"));
    }
    let files = pane.pictures.len();
    if files > 1 {
        right.push(format!("file {}/{files}", pane.file_under_cursor() + 1));
    }
    right.extend(pane.position().map(|(hunk, hunks)| format!("hunk {hunk}/{hunks}")));
    Title { text, right: right.join("  "), loud: false }
}
