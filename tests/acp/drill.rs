//! The drill at the start of a session, where it fails and where it proves nothing.

use crate::holder::HELD;
use crate::seat::{Scene, edit_call};
use rightseat::model::event::Mode;
use serde_json::json;

fn scene(mode: Mode, launcher: &'static str) -> Scene {
    let asks = json!({"permission": edit_call("t1", "a.txt", Some("1"), "2"), "then": [], "else": []});
    let mut scene = Scene::of(json!([[asks]])).with(&[("a.txt", "1")]);
    (scene.mode, scene.drilled_by) = (Some(mode), Some(launcher));
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_fails_raises_an_alarm_and_everything_asks() {
    for (mode, then) in [(Mode::Guarded, "step"), (Mode::Plan, "plan")] {
        let mut s = scene(mode, HELD).start().await;
        let lease = s.call("lease/grant", json!({"actions_max": 4})).await.unwrap()["lease"].clone();
        let drilled = s.wait_kind("drilled").await;
        assert_eq!(drilled["rungs"][0]["result"], "failed", "{drilled}");
        let revoked = s.wait_kind("lease_revoked").await;
        assert!(revoked["lease"] == lease && revoked["why"] == "the drill of the stop failed", "{revoked}");
        let alarm = s.wait("the alarm", |e| e["kind"] == "alarm" && e["what"] == "drill").await;
        assert!(alarm["text"].as_str().unwrap().contains("every action asks from now on"), "{alarm}");
        // The plan's hold stays.
        s.call("gate/mode", json!({"mode": "observe"})).await.unwrap();
        s.wait("the mode", |e| e["kind"] == "mode_changed" && e["mode"] == "observe").await;
        let modes = s.events.iter().filter(|e| e["kind"] == "mode_changed").map(|e| e["mode"].as_str().unwrap());
        let expect: &[&str] = if then == "step" { &["step", "observe"] } else { &["observe"] };
        assert_eq!(modes.collect::<Vec<_>>(), expect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_proves_nothing_is_a_note_and_changes_nothing() {
    let mut s = scene(Mode::Guarded, "exit 1").start().await;
    s.call("lease/grant", json!({"actions_max": 4})).await.unwrap();
    let drilled = s.wait_kind("drilled").await;
    assert_eq!(drilled["rungs"][0]["result"], "unproved", "{drilled}");
    assert!(drilled["rungs"][0]["why"].as_str().unwrap().contains("nothing is proved"), "{drilled}");
    s.call("gate/mode", json!({"mode": "observe"})).await.unwrap();
    let is_told = |e: &serde_json::Value| e["kind"] == "alarm" || e["kind"] == "lease_revoked" || e["mode"] == "step";
    assert!(!s.events.iter().any(is_told), "{:?}", s.events);
}
