//! Keys in the pipeline ledger: the way from an entry to its action.

use super::App;
use super::typing::OverlayResult;
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Overlay, Pipeline, PipelineKey};
use crate::ui::terminal::Key;

pub(super) fn key(app: &mut App, mut pipeline: Pipeline, key: Key) -> OverlayResult {
    match pipeline.key(key, &app.scene) {
        PipelineKey::Stays => OverlayResult::Stay(Box::new(Overlay::Pipeline(pipeline))),
        PipelineKey::Closes => OverlayResult::Close,
        PipelineKey::Jumps(action) => {
            app.scene.set_target(Some(action));
            app.focus_on(PaneId::Diff);
            OverlayResult::Requests(app.compute_pictures())
        }
    }
}
