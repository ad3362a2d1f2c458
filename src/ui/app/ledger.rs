//! Keys in the pipeline ledger: the way from an entry to its action.

use super::App;
use super::links::{self, Place};
use super::typing::OverlayResult;
use crate::ui::overlays::{Overlay, Pipeline, PipelineKey};
use crate::ui::terminal::Key;

pub(super) fn key(app: &mut App, mut pipeline: Pipeline, key: Key) -> OverlayResult {
    match pipeline.key(key, &app.scene) {
        PipelineKey::Stays => OverlayResult::Stay(Box::new(Overlay::Pipeline(pipeline))),
        PipelineKey::Closes => OverlayResult::Close,
        PipelineKey::Jumps(action) => OverlayResult::Requests(links::follow(app, Place::Action(action))),
    }
}
