//! The command line as a user meets it: each command's good way, and each bad input's one clear line.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

#[path = "../support/seat.rs"]
#[expect(dead_code, reason = "this program needs a part of what drives sessions")]
mod seat;

mod looking;
mod mistakes;
mod records;

use seat::Room;

/// A workspace with one file.
fn room() -> Room {
    Room::with(&[("a.txt", "one\n")])
}

/// Runs to exit code 0 and gives what was printed.
fn said(room: &Room, args: &[&str]) -> String {
    let (code, out, err) = room.run(args);
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

/// Runs to exit code 2 with one line that says all of these.
fn refused(room: &Room, args: &[&str], words: &[&str]) {
    let (code, out, err) = room.run(args);
    assert_eq!(code, 2, "{args:?}: {out} {err}");
    assert_eq!(err.trim_end().lines().count(), 1, "{args:?}: more than one line: {err}");
    for word in words {
        assert!(err.contains(word), "{args:?}: {word:?} is not in {err}");
    }
}

/// Runs with this on standard input.
fn fed(room: &Room, args: &[&str], input: &str) -> (i32, String) {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = room.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}
