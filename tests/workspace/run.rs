//! Commands: what they see, what is seen of them, how they end.

use super::{script, spawner};
use rightseat::model::event::Stream;
use rightseat::workspace::launch::Containment;
use rightseat::workspace::run::{Ended, Sink, drive};
use std::path::Path;
use std::time::Duration;

#[derive(Default)]
struct Kept {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Sink for Kept {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout | Stream::Pty => self.out.extend_from_slice(bytes),
            Stream::Stderr => self.err.extend_from_slice(bytes),
        }
    }
}

fn run(containment: Containment, text: &str, cwd: &Path, timeout: Duration) -> (Ended, String, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let running = spawner(containment).spawn(&script(text, cwd)).unwrap();
        let mut kept = Kept::default();
        let ended = drive(running, timeout, &mut kept).await;
        (ended, String::from_utf8_lossy(&kept.out).into_owned(), String::from_utf8_lossy(&kept.err).into_owned())
    })
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_command_sees_only_what_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let text = "readlink /proc/self/fd/0; ls /proc/$$/fd >fds; tr '\\n' ' ' <fds; tty; pwd; env | grep -c CARGO_PKG_NAME; \
                cut -d' ' -f7 /proc/$$/stat; cut -d' ' -f5 /proc/$$/stat; echo $$";
    for containment in [Containment::Auto, Containment::Subreaper] {
        let (ended, out, err) = run(containment, text, dir.path(), LONG);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(ended.exit, Some(0), "{out}{err}");
        assert_eq!(lines[0], "/dev/null");
        assert_eq!(lines[1], "0 1 2 not a tty");
        assert_eq!(Path::new(lines[2]), dir.path().canonicalize().unwrap());
        assert_eq!(lines[3], "0", "cargo's variables are not on the allow-list");
        assert_eq!(lines[4], "0", "no controlling terminal");
        assert_eq!(lines[5], lines[6], "its own process group");
    }
}

#[test]
fn exits_signals_and_failed_starts_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    for containment in [Containment::Auto, Containment::Subreaper] {
        for (text, exit) in [
            ("exit 0", 0),
            ("exit 3", 3),
            ("kill -TERM $$", 143),
            ("kill -KILL $$", 137),
            ("kill -SEGV $$", 139),
            ("kill 0", 143),
            ("exec nosuchprogram", 127),
        ] {
            let (ended, out, err) = run(containment, text, dir.path(), LONG);
            assert_eq!(ended.exit, Some(exit), "{text} with {containment:?}: {out}{err}");
            assert!(!ended.timed_out && ended.survivors.is_empty());
        }
    }
}

#[test]
fn a_time_limit_ends_the_whole_tree() {
    let dir = tempfile::tempdir().unwrap();
    let text = "echo begun; trap '' TERM; setsid sleep 600 & sleep 600; echo not reached";
    let (ended, out, _) = run(Containment::Auto, text, dir.path(), Duration::from_millis(300));
    assert!(ended.timed_out && ended.survivors.is_empty(), "{ended:?}");
    assert_eq!(out, "begun\n");
    assert!(ended.ms < 5_000, "{ended:?}");
}

/// What is in the pipes when a command is stopped was written before it.
#[test]
fn a_stopped_command_loses_nothing_that_it_wrote_before() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("written");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for containment in [Containment::Auto, Containment::Subreaper] {
            let text = script("echo one; echo two >&2; touch written; exec sleep 600", dir.path());
            let stop = tokio_util::sync::CancellationToken::new();
            let running = spawner(containment).spawn(&text).unwrap().until(stop.clone());
            while !mark.exists() {
                tokio::task::yield_now().await;
            }
            stop.cancel();
            let mut kept = Kept::default();
            let ended = drive(running, LONG, &mut kept).await;
            assert_eq!((kept.out.as_slice(), kept.err.as_slice()), (&b"one\n"[..], &b"two\n"[..]));
            assert!(!ended.timed_out && ended.exit.is_some_and(|exit| exit > 128), "{ended:?}");
            std::fs::remove_file(&mark).unwrap();
        }
    });
}

#[test]
fn all_output_arrives_and_what_is_left_behind_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let text = "sleep 600 & seq 1 200000; seq 1 1000 >&2; printf 'no newline'";
    for containment in [Containment::Auto, Containment::Subreaper] {
        let (ended, out, err) = run(containment, text, dir.path(), LONG);
        assert_eq!(ended.exit, Some(0));
        assert_eq!(out.lines().count(), 200_001);
        assert!(out.ends_with("200000\nno newline"));
        assert_eq!(err.lines().count(), 1000);
    }
}
