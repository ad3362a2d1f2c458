//! The drill at the start of a session.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};

/// The processes of this machine whose environment names a drill.
fn left_of_drills(session: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    let texts = environments.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    texts.filter(|text| text.contains(&format!("RIGHTSEAT_SESSION={session}-drill"))).collect()
}

#[test]
fn a_session_records_that_its_stop_works() {
    let room = Room::with(&[("a.txt", "1\n")]);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "2\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let drilled = seat.wait_kind("drilled");
    let rungs: Vec<&Value> = drilled["rungs"].as_array().unwrap().iter().collect();
    assert_eq!(rungs.len(), 2, "where commands run, and where the agent does: {drilled}");
    assert!(rungs.iter().all(|rung| rung["result"] != "failed" && rung["left"] == 0), "{drilled}");
    assert!(rungs.iter().any(|rung| rung["result"] == "passed" && rung["started"].as_u64() >= Some(6)), "{drilled}");
    assert_eq!(left_of_drills(&seat.session), Vec::<String>::new());
    seat.approve(&held);
    seat.wait_kind("session_ended");
    assert!(!seat.events.iter().any(|e| e["kind"] == "alarm"), "{:?}", seat.events);
    let session = seat.session.clone();
    seat.close();
    let (_, report, _) = room.run(&["export", &session, "--format", "md"]);
    assert!(report.contains("Stop drill passed"), "{report}");
}

#[test]
fn the_drill_on_request_says_each_rung_and_can_be_turned_off_in_sessions() {
    let room = Room::with(&[("a.txt", "1\n")]);
    let (code, text, _) = room.run(&["doctor", "--drill", "--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["ok"]), (0, &json!(true)), "{report}");
    let rungs: Vec<&str> =
        report["rungs"].as_array().unwrap().iter().filter_map(|rung| rung["rung"].as_str()).collect();
    assert_eq!(rungs, ["layer", "namespace", "subreaper"]);
    let (code, text, _) = room.run(&["doctor", "--drill"]);
    assert!(code == 0 && text.contains("subreaper: passed"), "{text}");
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[stop]\ndrill = false\n").unwrap();
    let script = room.script(&[json!({"run": {"command": "sleep 3"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("session_ended");
    assert!(!seat.events.iter().any(|e| e["kind"] == "drilled"));
}
