//! What the real client costs a slow link: bytes per typed character, per move in a list, and when nothing happens.

use crate::screen::{Hosts, Screen};
use crate::seat::Room;
use serde_json::json;
use std::time::Duration;

/// Silence after which a frame has ended for sure.
const QUIET: Duration = Duration::from_millis(250);
const IDLE: Duration = Duration::from_secs(2);
/// A synchronized update (16 bytes), the character, and now and then the age of what waits elsewhere on the screen.
const TYPED_BYTES_MAX: usize = 120;
/// Two rows of a pane change their background, at worst.
const MOVE_BYTES_MAX: usize = 900;

at_every_size!(keys_cost_little_and_silence_nothing);

fn keys_cost_little_and_silence_nothing(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let text: String = (1..=200).map(|n| format!("line {n}\n")).collect();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": text}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the question is shown", |text| text.contains("line 3"));
    screen.bytes_until_quiet(QUIET);
    assert_eq!(screen.bytes_until_quiet(IDLE), 0, "bytes in two seconds of silence");

    screen.command("compose");
    screen.wait_for("Enter send");
    screen.bytes_until_quiet(QUIET);
    let typed: Vec<usize> = "supervise"
        .chars()
        .map(|c| {
            screen.type_text(&c.to_string());
            screen.bytes_until_quiet(QUIET)
        })
        .collect();
    screen.press("esc");
    screen.wait_gone("Enter send");

    screen.command("focus-diff");
    screen.bytes_until_quiet(QUIET);
    let moved: Vec<usize> = (0..12)
        .map(|_| {
            screen.command("down");
            screen.bytes_until_quiet(QUIET)
        })
        .collect();
    println!("{size:?}: typed {typed:?}, moved {moved:?}");
    assert!(typed.iter().all(|bytes| (1..=TYPED_BYTES_MAX).contains(bytes)), "typed {typed:?}");
    assert!(typed.iter().filter(|bytes| **bytes <= 20).count() >= typed.len() / 2, "mostly one character: {typed:?}");
    assert!(moved.iter().all(|bytes| *bytes <= MOVE_BYTES_MAX), "moved {moved:?}");
    screen.quit();
}
