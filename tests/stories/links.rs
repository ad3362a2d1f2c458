//! Journey "where does this come from": links are followed and lead back, what happened is listed, words are found in an
//! earlier session, which opens.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat};
use serde_json::json;

at_every_size!(links_are_followed_and_words_found_in_an_earlier_session);

fn links_are_followed_and_words_found_in_an_earlier_session(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", "bee\n")]);
    let hosts = Hosts(&room);
    let edit = |path: &str, old: &str, why: &str| json!({"edit": {"path": path, "old": old, "new": "NEW", "why": why}});
    let earlier = room.script_as("earlier.jsonl", &[edit("a.txt", "one", "the zebra is striped")]);
    let mut seat = Seat::start(&room, &["--agent", &earlier]);
    let held = seat.held();
    seat.decide(&held, "deny", json!({"reason": "zebras are out"})).unwrap();
    seat.wait_kind("session_ended");
    seat.close();
    let script = room.script(&[
        json!({"plan": [{"title": "Paint it", "status": "active"}]}),
        json!({"say": "I start with the bee."}),
        edit("a.txt", "one", "louder"),
        edit("b.txt", "bee", "louder too"),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.approve("the second is pending", |text| text.contains("edit b.txt") && text.contains("bee"));
    screen.command("related");
    screen.wait("what it relates to", |text| {
        text.contains("Related to a2") && text.contains("Paint it") && text.contains("I start with the bee.")
    });
    screen.press("down enter");
    screen.wait("the step", |text| text.contains("1 Plan") && text.contains("Paint it"));
    screen.command("events");
    screen.wait("what happened", |text| text.contains("a1 approved by") && text.contains("a2 pending"));
    screen.press("enter");
    screen.wait("its end leads to what is pending", |text| text.contains("NEW"));
    screen.command("back");
    screen.command("back");
    screen.wait_for("NEW");
    screen.command("find");
    screen.wait_for("Search in all sessions");
    screen.type_text("zebra strip");
    screen.press("enter");
    screen.wait("it is found in the earlier session", |text| {
        text.contains("1 place") && text.contains("zebra is striped")
    });
    screen.press("enter");
    screen.wait("that session is open, at what was found", |text| {
        text.contains("a1  a.txt") && text.contains("one") && !text.contains("1 pending")
    });
    screen.quit();
    drop(hosts);
}
