//! A comparison that is shown in place of the item under review: what a step did, or the workspace against an earlier
//! state of it. Nothing can be decided on while it is shown.

use super::contents::Contents;
use super::{AnswerData, App, Request};
use crate::base::Digest;
use crate::model::FileEdit;
use crate::ui::app::toast::Toast;
use crate::ui::layout::PaneId;
use crate::wire::{self, Compare, Compared};

/// See the module.
#[derive(Debug)]
pub struct Comparison {
    pub scope: Compare,
    /// What is compared with what, in words that are safe to show.
    pub title: String,
    /// Names the files that came: another answer is another text.
    pub key: Digest,
    pub state: State,
    pub contents: Contents,
}

/// How far the host has come.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    Asked,
    Failed(String),
    Here { files: Vec<FileEdit>, left_out: usize },
}

impl Comparison {
    #[must_use]
    pub fn files(&self) -> &[FileEdit] {
        match &self.state {
            State::Here { files, .. } => files,
            State::Asked | State::Failed(_) => &[],
        }
    }
}

/// Shows this scope in the Diff pane; without one, the item under review again.
pub fn show(app: &mut App, scope: Option<(Compare, String)>) -> Vec<Request> {
    app.focus_on(PaneId::Diff);
    let Some((scope, title)) = scope else {
        app.scene.end_comparison();
        return app.compute_pictures();
    };
    let key = Digest::of(title.as_bytes());
    let ask = Request::Host(wire::Request::Compare(scope.clone()));
    app.scene.review.selecting_from = None;
    // The item's own picture is asked for again when it is shown again.
    app.pictured = None;
    app.scene.products.wants_nothing();
    app.scene.comparison =
        Some(Box::new(Comparison { scope, title, key, state: State::Asked, contents: Contents::default() }));
    app.scene.touched.target = true;
    vec![ask]
}

/// The host's answer, unless something else is wanted by now.
pub(super) fn compared(app: &mut App, asked: &Compare, outcome: Result<AnswerData, String>) -> Vec<Request> {
    let outcome = match outcome {
        Ok(AnswerData::Compared(compared)) => Ok(*compared),
        Ok(_) => Err("the answer compares nothing".to_owned()),
        Err(why) => Err(why),
    };
    let Some(comparison) = app.scene.comparison.as_mut().filter(|comparison| comparison.scope == *asked) else {
        return Vec::new();
    };
    comparison.state = match outcome {
        Ok(Compared { files, left_out, seq }) => {
            comparison.key = Digest::of(format!("{} {seq} {}", comparison.title, files.len()).as_bytes());
            State::Here { files, left_out }
        }
        Err(why) => {
            app.toast = Some(Toast::warning(format!("no comparison: {why}")));
            State::Failed(why)
        }
    };
    app.scene.touched.target = true;
    app.compute_pictures()
}
