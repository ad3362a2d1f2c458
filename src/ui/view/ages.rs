//! The ages on the screen: whether there are any, and when they have to be drawn again.
//!
//! Each is a whole number of minutes. Drawn once a minute, none is ever more than a minute behind, however many there are.

use super::header;
use crate::ui::app::App;
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_AGE_STEP_MS;
use crate::ui::overlays::Overlay;

/// The time on the client's clock at which the ages on the screen are a minute old; never, while none is.
#[must_use]
pub fn change_at_ms(app: &App) -> Option<u64> {
    shows_any(app).then(|| app.scene.ages_at_ms + UI_AGE_STEP_MS)
}

fn shows_any(app: &App) -> bool {
    match &app.overlay {
        Some(Overlay::Home(home)) => home.shows_ages(),
        Some(Overlay::Welcome(_)) => false,
        _ => {
            let has_row = app.layout.inbox_line.is_some() || app.layout.shows(PaneId::Inbox);
            (has_row && app.scene.waits() > 0) || header::shows_age(app)
        }
    }
}
