//! kill -9: what was acknowledged is there exactly once, what was not is not, and nothing runs twice.

use crate::seat::{Room, Seat, assert_verifies, only_session, until};
use serde_json::json;

#[test]
fn a_held_question_survives_the_death_of_its_host() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let session = seat.session.clone();
    seat.kill();
    let mut again = Seat::attach(&room, &session);
    let same = again.held();
    assert_eq!((same["action"].clone(), same["digest"].clone()), (held["action"].clone(), held["digest"].clone()));
    again.approve(&same);
    assert_eq!(again.finished(&held["action"])["outcome"], "ok");
    assert_eq!(room.read("a.txt"), "two\n");
    again.ask("session/close", json!({}));
    assert_verifies(&room, &session);
}

/// Each approval appends one line; the host dies at a different moment of every round.
#[test]
fn no_acknowledged_decision_is_lost_or_done_twice() {
    let room = Room::with(&[("log.txt", "")]);
    let lines: Vec<_> = (0..6).map(|n| json!({"run": {"command": format!("echo {n} >> log.txt")}})).collect();
    let script = room.script(&lines);
    for round in 0..8usize {
        // The former host may have gone while it found out whether layers work: that ends with it, a moment later.
        until("the state is deleted", || std::fs::remove_dir_all(room.state()).is_ok() || !room.state().exists());
        room.write("log.txt", "");
        let mut seat = Seat::start(&room, &["--agent", &script]);
        let mut acknowledged = Vec::new();
        for n in 0..6 {
            let held = seat.held();
            if n == round % 6 {
                // The answer may or may not come: the process is killed in the middle of it.
                seat.send(
                    "action/decide",
                    json!({"action": held["action"], "digest": held["digest"], "verdict": "approve"}),
                );
                if round >= 6 {
                    seat.wait_kind("started");
                }
                break;
            }
            seat.approve(&held);
            acknowledged.push(held["action"].clone());
            seat.finished(&held["action"]);
        }
        seat.kill();
        let session = only_session(&room);
        let mut again = Seat::attach(&room, &session);
        again.ask("session/close", json!({}));
        let (_, events) = again.close();
        for action in &acknowledged {
            let decided = events.iter().filter(|e| e["kind"] == "decided" && e["action"] == *action).count();
            let started = events.iter().filter(|e| e["kind"] == "started" && e["action"] == *action).count();
            assert_eq!((decided, started), (1, 1), "{action} in round {round}");
        }
        let log = room.read("log.txt");
        let mut seen: Vec<&str> = log.lines().collect();
        seen.dedup();
        assert_eq!(seen.len(), log.lines().count(), "an effect ran twice in round {round}: {log:?}");
        assert_verifies(&room, &session);
    }
}
