//! Which picture of a change is wanted, and what is still needed for it.

use super::{App, Request};
use crate::base::Digest;
use crate::model::{Content, FileEdit};
use crate::ui::workers::{Job, PictureOptions, Versions};

/// The inputs of the last requested picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictured {
    /// The action, or the comparison.
    of: Digest,
    options: PictureOptions,
    edits: u64,
    contents: u64,
}

/// Asks for the picture of what is shown, if there is none yet, and before that for the contents it needs.
pub(super) fn compute(app: &mut App) -> Vec<Request> {
    if app.scene.comparison.is_some() {
        return compare(app);
    }
    let Some(state) = app.scene.target() else { return Vec::new() };
    let files = state.action.files();
    if files.is_empty() {
        return Vec::new();
    }
    let options = PictureOptions { is_edited: !app.scene.review.edited.is_empty(), ..app.panes.diff.picture_options() };
    let (edits, contents) = (app.scene.review.edits, app.scene.contents.edition);
    let of = Pictured { of: state.action.digest, options, edits, contents };
    if app.pictured == Some(of) {
        return Vec::new();
    }
    let mut files = files.to_vec();
    if !app.scene.contents.has_all(&files) {
        // Nothing may be shown in its place meanwhile, least of all the picture of another action.
        app.scene.products.wants_nothing();
        return app.scene.contents.next(&files).map(Request::Host).into_iter().collect();
    }
    app.pictured = Some(of);
    for (at, file) in files.iter_mut().enumerate() {
        if let Some(text) = app.scene.review.edited.get(&Some(at)) {
            file.after = Some(Content::Text(text.clone()));
        }
    }
    let contents = &app.scene.contents;
    let files = files.into_iter().map(|file| Versions::of(file, |digest| contents.fetched(digest))).collect();
    want(app, Job::new(files, options))
}

/// A comparison is shown as far as its contents are here, and once more when all of them are.
fn compare(app: &mut App) -> Vec<Request> {
    let options = PictureOptions { is_comparison: true, ..app.panes.diff.picture_options() };
    let Some(comparison) = &mut app.scene.comparison else { return Vec::new() };
    let files: Vec<FileEdit> = comparison.files().to_vec();
    if files.is_empty() {
        app.scene.products.wants_nothing();
        return Vec::new();
    }
    let mut requests: Vec<Request> = comparison.contents.next(&files).map(Request::Host).into_iter().collect();
    let has_all = comparison.contents.has_all(&files);
    let of = Pictured { of: comparison.key, options, edits: 0, contents: u64::from(has_all) };
    if app.pictured == Some(of) {
        return requests;
    }
    app.pictured = Some(of);
    let contents = &comparison.contents;
    let files = files.into_iter().map(|file| Versions::of(file, |digest| contents.fetched(digest))).collect();
    requests.extend(want(app, Job::new(files, options)));
    requests
}

fn want(app: &mut App, job: Job) -> Vec<Request> {
    if app.scene.products.wants(&job) { vec![Request::Compute(job)] } else { Vec::new() }
}
