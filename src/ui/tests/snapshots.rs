//! Every pane at four sizes in two themes, as a terminal would show it.

use super::stage::{MORE, PIPELINE, Stage};
use crate::ui::layout::PaneId;

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

fn check(name: &str, stage: &Stage, with_styles: bool) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../tests/snapshots/ui");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = stage.text();
    let picture = if with_styles { format!("{text}\n{}", stage.styles()) } else { text };
    settings.bind(|| insta::assert_snapshot!(name, picture));
}

fn pane(id: PaneId) {
    for (width, height) in SIZES {
        for theme in ["dark", "mono"] {
            let mut stage = Stage::set(width, height, theme);
            stage.press(&id.number().to_string());
            // A pane of its own shows it whole; the small shapes show one pane anyway.
            if width >= 100 {
                stage.command("zoom");
            }
            let name = format!("{}-{width}x{height}-{theme}", id.name().to_lowercase());
            check(&name, &stage, width <= 80);
        }
    }
}

#[test]
fn plan() {
    pane(PaneId::Plan);
}

#[test]
fn inbox() {
    pane(PaneId::Inbox);
}

#[test]
fn diff() {
    pane(PaneId::Diff);
}

#[test]
fn tests() {
    pane(PaneId::Tests);
}

#[test]
fn why() {
    pane(PaneId::Why);
}

#[test]
fn output() {
    pane(PaneId::Output);
}

#[test]
fn talk() {
    pane(PaneId::Talk);
}

#[test]
fn whole_screens() {
    for (width, height) in [(40, 10), (60, 20), (80, 24), (120, 40), (160, 45), (200, 60)] {
        for theme in ["dark", "mono"] {
            let mut stage = Stage::set(width, height, theme);
            stage.receive(MORE);
            stage.draw();
            check(&format!("screen-{width}x{height}-{theme}"), &stage, width == 160);
        }
    }
}

#[test]
fn before_the_host_answers() {
    let mut stage = Stage::empty(120, 40, "dark");
    stage.draw();
    check("empty-120x40", &stage, false);
}

#[test]
fn overlays() {
    for (name, keys) in [
        ("help", "?"),
        ("palette", ": r e d"),
        ("redirect", "r n o t"),
        ("editor", "e"),
        ("mode", "m"),
        ("lease", "g s"),
        ("which-key", "g"),
        ("composer", "i h i tab"),
        ("split", "z"),
        ("structural", "z z"),
        ("hunk-left-out", "n space"),
        ("lines-left-out", "j j v j space"),
    ] {
        let mut stage = Stage::set(80, 24, "dark");
        stage.press(keys);
        check(&format!("overlay-{name}"), &stage, false);
    }
}

/// "Why did it change its own pipeline?" is answered on one screen.
#[test]
fn the_pipeline_ledger() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let mut stage = Stage::set(width, height, "dark");
        for lines in [MORE, PIPELINE] {
            stage.receive(lines);
            stage.draw();
        }
        stage.command("focus-inbox");
        check(&format!("guard-rails-{width}x{height}"), &stage, false);
        // The denied change without a reason, below what is pending and what nobody asked about.
        stage.press("g j j j j");
        check(&format!("pipeline-{width}x{height}"), &stage, false);
        stage.press("f f j f");
        assert!(stage.text().contains("Pipeline ledger: 3 of 5 (without a reason)"), "{}", stage.text());
        stage.press("j j enter");
        assert_eq!(stage.app.scene.target.as_ref().map(|id| id.as_str()), Some("a10"));
        assert!(stage.app.overlay.is_none());
    }
    let mut stage = Stage::set(80, 24, "dark");
    stage.press("g j");
    assert!(stage.text().contains("no change to what builds"), "{}", stage.text());
    stage.press("enter f space esc");
    assert!(stage.app.overlay.is_none());
}

/// What an infrastructure action needs is on the screen with it, and its key tries it.
#[test]
fn an_infrastructure_action_shows_its_plan_and_its_way_back() {
    let mut stage = Stage::set(120, 40, "dark");
    for lines in [MORE, PIPELINE] {
        stage.receive(lines);
        stage.draw();
    }
    stage.app.scene.set_target(Some("a11".into()));
    stage.draw();
    stage.pass(2_000);
    stage.draw();
    check("infrastructure-120x40", &stage, false);
    stage.press("t");
    let tried = stage.asked.iter().any(
        |request| matches!(request, crate::wire::Request::CandidateTest(test) if test.action == Some("a11".into())),
    );
    assert!(tried, "{:?}", stage.asked);
}

#[test]
fn a_guard_rail_asks_for_its_word() {
    let mut stage = Stage::set(80, 24, "dark");
    stage.receive(MORE);
    stage.draw();
    stage.press("g n a");
    check("overlay-guard-rail", &stage, true);
}

/// Writes the frames of the whole screens to a directory, for looking at them in a real terminal:
/// `RIGHTSEAT_FRAMES=DIR cargo test --lib frames_for_the_eye`, then `cat DIR/NAME`.
#[test]
fn frames_for_the_eye() {
    let Some(dir) = std::env::var_os("RIGHTSEAT_FRAMES").map(std::path::PathBuf::from) else { return };
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 50)] {
        for theme in ["dark", "light", "ansi16", "high-contrast"] {
            for (name, keys) in [
                ("plain", ""),
                ("more", "more"),
                ("split", "z"),
                ("palette", ": r"),
                ("help", "?"),
                ("redirect", "r"),
                ("out", "3 n space v j j"),
            ] {
                let mut stage = Stage::set(width, height, theme);
                if keys == "more" {
                    stage.receive(MORE);
                    stage.draw();
                } else {
                    stage.press(keys);
                }
                std::fs::write(dir.join(format!("{name}-{width}x{height}-{theme}")), &stage.sent).unwrap();
            }
        }
    }
}
