//! Limits on the bytes that a change on the screen costs. Bytes are the same on every machine; times are not.

use super::stage::{MORE, Stage};
use crate::ui::app::Msg;
use crate::ui::layout::PaneId;
use crate::ui::terminal::{Input, Key};

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (160, 45), (200, 60)];

#[test]
fn a_typed_character_costs_at_most_60_bytes() {
    for (width, height) in SIZES {
        let mut stage = Stage::set(width, height, "dark");
        stage.command("compose");
        for c in "hello there, agent".chars() {
            // Long enough for every age on the screen to be another one.
            stage.pass(70_000);
            stage.send(Msg::Input(Input::Key { key: Key::plain(c), held: false }));
            let bytes = stage.draw();
            assert!((1..=60).contains(&bytes), "{width}x{height} {c:?}: {bytes} bytes");
        }
    }
}

#[test]
fn a_list_move_costs_at_most_400_bytes() {
    for (width, height) in SIZES {
        for (pane, id) in [("1", PaneId::Plan), ("2", PaneId::Inbox), ("4", PaneId::Tests), ("5", PaneId::Why)] {
            let mut stage = Stage::set(width, height, "dark");
            stage.receive(MORE);
            stage.press(pane);
            stage.draw();
            // Down to the last row and back, so that every pair of neighbors is moved between.
            for key in std::iter::repeat_n("j", 24).chain(std::iter::repeat_n("k", 24)) {
                stage.pass(500);
                let top = stage.app.panes.get(id).list().top;
                stage.send(Msg::Input(Input::Key { key: Key::parse(key).unwrap(), held: false }));
                let bytes = stage.draw();
                // The inbox's cursor selects what the other panes show, so they change with it.
                let looks_elsewhere = id == PaneId::Inbox;
                // A pane beside others cannot be scrolled by the terminal: its rows are sent again.
                let scrolls = stage.app.panes.get(id).list().top != top;
                let most = if looks_elsewhere {
                    30_000
                } else if scrolls {
                    3_000
                } else {
                    400
                };
                assert!(bytes <= most, "{width}x{height} pane {pane} {key}: {bytes} bytes");
            }
        }
    }
}

#[test]
fn nothing_new_costs_nothing() {
    let mut stage = Stage::set(200, 60, "dark");
    for _ in 0..3 {
        stage.pass(60_000);
        // Ages are printed again when something else is drawn, not for their own sake.
        let text = stage.text();
        let bytes = stage.draw();
        assert!(bytes <= 60, "{bytes} bytes for {text}");
    }
}

/// Streamed text, one frame a token as on a quick terminal; a slow one coalesces and pays less.
#[test]
fn streamed_text_costs_at_most_125_bytes_a_token() {
    for (width, height) in SIZES {
        let mut stage = Stage::set(width, height, "dark");
        stage.command("focus-talk");
        let words =
            "the bound in peek lets the index reach the length so the comparison must be strict and the tests agree ";
        let (mut tokens, mut bytes, mut seq) = (0, 0, 33_u64);
        for _ in 0..4 {
            for word in words.split_inclusive(' ') {
                stage.pass(30);
                stage.receive(&format!(
                    r#"{{"seq":{seq},"at":1764000100000,"kind":"said","by":"repair","text":"{word}","more":true}}"#
                ));
                seq += 1;
                tokens += 1;
                bytes += stage.draw();
            }
        }
        assert!(bytes / tokens <= 125, "{width}x{height}: {} bytes a token", bytes / tokens);
    }
}

#[test]
fn two_hundred_keys_are_one_frame() {
    let mut stage = Stage::set(120, 40, "dark");
    stage.command("compose");
    let frames = stage.frames;
    for _ in 0..200 {
        stage.send(Msg::Input(Input::Key { key: Key::plain('x'), held: false }));
    }
    let bytes = stage.draw();
    assert_eq!(stage.frames, frames + 1);
    assert!(bytes < 2_000, "{bytes}");
}
