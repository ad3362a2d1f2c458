//! An agent in an overlay of the workspace: nothing is copied, what it changes is proposed, and what the user changes
//! meanwhile reaches it.

use crate::everybody::as_everybody;
use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// An agent in words of bash: it runs what the prompt says, and says what that printed.
const AGENT: &str = r#"
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
while IFS= read -r message; do
  id=${message##*'"id":'}; id=${id%%[,\}]*}
  case "$message" in
    *'"method":"initialize"'*) answer "$id" '{"protocolVersion":1,"agentCapabilities":{}}' ;;
    *'"method":"session/new"'*) answer "$id" '{"sessionId":"s1"}' ;;
    *'"method":"session/prompt"'*)
      line=${message##*'DO '}; line=${line%%' OD'*}
      say "[$(eval "$line" 2>&1 | tr '\n' ' ')]"
      answer "$id" '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

fn room(files: &[(&str, &str)]) -> Option<Room> {
    let room = Room::with(files);
    if !room.is_layered() {
        return None;
    }
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("agent.sh"), AGENT).unwrap();
    let entry = format!("[[agent]]\nname = \"sh\"\ncommand = [\"bash\", \"-c\", {AGENT:?}]\n");
    std::fs::write(config.join("agents.toml"), entry.replace("\\'", "'")).unwrap();
    Some(room)
}

/// The files below a directory.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let walk = ignore::WalkBuilder::new(dir).standard_filters(false).build().flatten();
    let files = walk.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files.filter_map(|entry| Some(entry.path().strip_prefix(dir).ok()?.to_owned())).collect()
}

/// The upper directory of the session's agent.
fn upper(room: &Room, session: &str) -> PathBuf {
    let all = ignore::WalkBuilder::new(room.state()).standard_filters(false).build().flatten();
    let mut found = all.filter(|entry| entry.path().ends_with("candidates/agent-layer/upper"));
    found.find(|entry| entry.path().to_string_lossy().contains(session)).expect("an upper directory").into_path()
}

fn do_it(seat: &mut Seat, turn: usize, line: &str) -> String {
    let before = said(seat).len();
    seat.ask("session/prompt", json!({"text": format!("DO {line} OD")}));
    seat.wait("the end of the turn", |e| e["kind"] == "turn_ended" && e["turn"] == format!("t{turn}"));
    said(seat)[before..].to_owned()
}

fn said(seat: &Seat) -> String {
    let words = seat.events.iter().filter(|e| e["kind"] == "said" && e["by"] == "agent");
    words.filter_map(|e| e["text"].as_str()).collect()
}

fn changes_of(proposal: &Value) -> Vec<String> {
    let files = proposal["files"].as_array().unwrap().iter();
    files.map(|file| format!("{} {}", file["change"].as_str().unwrap(), file["path"].as_str().unwrap())).collect()
}

/// As editors save.
fn save(room: &Room, path: &str, text: &str) {
    room.write("saved~", text);
    std::fs::rename(room.workspace().join("saved~"), room.workspace().join(path)).unwrap();
}

#[test]
fn an_agent_in_an_overlay_changes_nothing_and_copies_nothing_but_what_it_changes() {
    as_everybody("agent_layer::an_agent_in_an_overlay_changes_nothing_and_copies_nothing_but_what_it_changes", || {
        let files_of_room = [
            ("edited", "1\n2\n3\n"),
            ("deleted", "d"),
            ("moved", "m\n"),
            ("run.sh", "true\n"),
            ("kept", "old\n"),
            ("dir/x", "x"),
            ("dir/y", "y"),
            ("replaced", "old\n"),
        ];
        let Some(room) = room(&files_of_room) else { return };
        let before = files(&room.workspace());
        let change = "echo 4 >> edited; rm deleted; mv moved there; chmod 755 run.sh; ln -s kept link; mkdir new; echo n > new/f; cat kept replaced dir/x; pwd";
        let mut seat = Seat::start(&room, &["--agent", "sh", "--isolation", "overlay", &format!("DO {change} OD")]);
        let held = seat.held();
        assert_eq!(files(&room.workspace()), before);
        assert_eq!(room.read("edited"), "1\n2\n3\n");
        let proposal = seat.proposal(&held["action"]);
        let expected = [
            "delete deleted",
            "modify edited",
            "create link",
            "delete moved",
            "create new/f",
            "modify run.sh",
            "create there",
        ];
        assert_eq!(changes_of(&proposal), expected);
        let session = seat.session.clone();
        let upper = upper(&room, &session);
        let changed: BTreeSet<PathBuf> = ["edited", "there", "run.sh", "new/f"].map(PathBuf::from).into();
        assert_eq!(files(&upper), changed, "nothing else is in the session's state");
        seat.approve(&held);
        seat.finished(&held["action"]);
        assert_eq!((room.read("edited").as_str(), room.read("there").as_str()), ("1\n2\n3\n4\n", "m\n"));
        assert!(!room.exists("deleted") && !room.exists("moved") && room.exists("new/f"));
        let mode = room.workspace().join("run.sh").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        let root = room.workspace().canonicalize().unwrap();
        assert!(said(&seat).contains(&format!("[old old x{} ]", root.display())), "{}", said(&seat));

        // What the user does meanwhile reaches it, however it is done, also where it had looked at the file or has one of its own.
        save(&room, "replaced", "saved\n");
        room.write("kept", "in place\n");
        room.write("edited", "1\n2\nuser\n");
        std::fs::remove_file(room.workspace().join("dir/x")).unwrap();
        std::fs::rename(room.workspace().join("dir/y"), room.workspace().join("dir/z")).unwrap();
        room.write("dir/new", "new");
        let seen = do_it(&mut seat, 2, "cat replaced kept edited; ls dir; cat dir/x");
        assert!(seen.starts_with("[saved in place 1 2 user new z cat: dir/x"), "{seen}");
        assert_eq!(seat.count("held"), 1, "none of it is the agent's");
        let whose = seat.ever("whose it is", |e| e["kind"] == "observed" && e["path"] == "dir/new");
        assert_eq!(whose["by"], "human");

        // What is denied is put back.
        let gone = do_it(&mut seat, 3, "echo more >> kept; rm -r dir; echo e > deleted");
        assert_eq!(gone, "[]");
        let held = seat.ever("the second edit", |e| e["kind"] == "held" && e["action"] == "a2");
        let expected = ["create deleted", "delete dir/new", "delete dir/z", "modify kept"];
        assert_eq!(changes_of(&seat.proposal(&held["action"])), expected);
        seat.decide(&held, "deny", json!({"reason": "no"})).unwrap();
        let seen = do_it(&mut seat, 4, "cat kept; ls dir; cat deleted");
        assert!(seen.starts_with("[in place new z cat: deleted"), "{seen}");
        assert_eq!((room.read("kept").as_str(), seat.count("held")), ("in place\n", 2));

        // The next host's agent has what this one left.
        let left = do_it(&mut seat, 5, "echo own > own; ln -sf edited link");
        assert_eq!(left, "[]");
        seat.ever("the third edit", |e| e["kind"] == "held" && e["action"] == "a3");
        seat.kill();
        let mut seat = Seat::attach(&room, &session);
        let seen = do_it(&mut seat, 6, "cat own; readlink link");
        assert!(seen.ends_with("[own edited ]"), "{seen}");
        drop(seat);
        assert_verifies(&room, &session);
    });
}

/// The proposals of edits so far.
fn edits(seat: &Seat) -> Vec<String> {
    let proposed = seat.events.iter().filter(|e| e["kind"] == "proposed" && e["action"]["kind"] == "edit");
    proposed
        .map(|e| format!("{} {}", e["action"]["id"].as_str().unwrap(), e["action"]["title"].as_str().unwrap()))
        .collect()
}

/// The next host's agent finds the same changes where it works: a question about them that is still pending is the same
/// question, and one that was answered meanwhile is not asked again.
#[test]
fn a_pending_edit_is_asked_about_once_after_its_host_was_killed() {
    as_everybody("agent_layer::a_pending_edit_is_asked_about_once_after_its_host_was_killed", || {
        for isolation in ["overlay", "copy"] {
            let Some(room) = room(&[("kept", "old\n")]) else { return };
            let mut seat =
                Seat::start(&room, &["--agent", "sh", "--isolation", isolation, "DO echo 1 > one; echo 2 > two OD"]);
            let held = seat.held();
            let session = seat.session.clone();
            seat.kill();

            // Still pending, under its own name, and answered as before.
            let mut seat = Seat::attach(&room, &session);
            do_it(&mut seat, 2, "true");
            assert_eq!(edits(&seat), ["a1 edit one, two"], "{isolation}");
            seat.approve(&held);
            seat.finished(&held["action"]);
            assert_eq!(room.read("one"), "1\n", "{isolation}");

            // Denied before its agent starts again: the agent has what the workspace has.
            do_it(&mut seat, 3, "echo more >> kept");
            let held = seat.ever("the second edit", |e| e["kind"] == "held" && e["action"] == "a2");
            seat.kill();
            let mut seat = Seat::attach(&room, &session);
            seat.decide(&held, "deny", json!({"reason": "keep it"})).unwrap();
            do_it(&mut seat, 4, "true");
            assert_eq!(do_it(&mut seat, 5, "cat kept"), "[old ]", "{isolation}");
            assert_eq!(edits(&seat), ["a1 edit one, two", "a2 edit kept"], "{isolation}");
            seat.ever("the reason", |e| e["kind"] == "told" && e["text"].to_string().contains("keep it"));

            // Changed further before it was asked again: one question, about what it has now.
            do_it(&mut seat, 6, "echo 1 > last");
            seat.ever("the third edit", |e| e["kind"] == "held" && e["action"] == "a3");
            seat.kill();
            let mut seat = Seat::attach(&room, &session);
            do_it(&mut seat, 7, "echo 2 > last");
            seat.ever("its end", |e| e["kind"] == "lapsed" && e["action"] == "a3" && e["why"] == "superseded");
            let held = seat.ever("the fourth edit", |e| e["kind"] == "held" && e["action"] == "a4");
            seat.approve(&held);
            seat.finished(&held["action"]);
            assert_eq!((room.read("last").as_str(), edits(&seat).len()), ("2\n", 4), "{isolation}");
            drop(seat);
            assert_verifies(&room, &session);
        }
    });
}

/// What `readlink`, `stat` and `ls` say of the workspace.
fn look(room: &Room, line: &str) -> String {
    let done = std::process::Command::new("bash").args(["-c", line]).current_dir(room.workspace()).output().unwrap();
    String::from_utf8_lossy(&done.stdout).replace('\n', " ")
}

/// Links, empty directories and permission bits were only named.
#[test]
fn links_directories_and_bits_are_proposed_like_files() {
    as_everybody("agent_layer::links_directories_and_bits_are_proposed_like_files", || {
        for isolation in ["overlay", "copy"] {
            let files = [("kept", "old\n"), ("d/x", "x\n"), ("turned/in", "in\n"), ("../outside", "secret\n")];
            let Some(room) = room(&files) else { return };
            look(&room, "ln -s kept was_link; ln -s kept gone_link; mkdir empty_gone; chmod 755 d");
            let change = "ln -s kept link; ln -s ../outside far; ln -sfn d was_link; rm gone_link; mkdir made; \
            mkdir -m 700 closed; echo c > closed/c; rmdir empty_gone; chmod 700 d; rm -r turned; ln -s d turned";
            let prompt = format!("DO {change} OD");
            let mut seat = Seat::start(&room, &["--agent", "sh", "--isolation", isolation, &prompt]);
            let held = seat.held();
            assert_eq!(look(&room, "ls"), "d empty_gone gone_link kept turned was_link ", "{isolation}");
            let proposal = seat.proposal(&held["action"]);
            let expected = [
                "create closed",
                "create closed/c",
                "modify d",
                "delete empty_gone",
                "create far",
                "delete gone_link",
                "create link",
                "create made",
                "modify was_link",
            ];
            assert_eq!(changes_of(&proposal), expected, "{isolation}");
            let title = proposal["title"].as_str().unwrap();
            assert!(title.contains("far -> ../outside") && title.contains("made/"), "{title}");
            let far = proposal["files"].as_array().unwrap().iter().find(|file| file["path"] == "far").unwrap().clone();
            assert_eq!(
                (&far["after"], &far["after_node"]["kind"]),
                (&json!("../outside"), &json!("link")),
                "{isolation}"
            );
            seat.ever("what is left", |e| {
                e["kind"] == "agent_noted" && e["text"].to_string().contains("turned: not proposed")
            });
            seat.approve(&held);
            assert_eq!(seat.finished(&held["action"])["outcome"], "ok", "{isolation}");
            let seen = "readlink link far was_link; stat -c %a d closed; cat closed/c; ls; cat ../outside";
            let expected = "kept ../outside d 700 700 c closed d far kept link made turned was_link secret ";
            assert_eq!(look(&room, seen), expected, "{isolation}");

            // What is denied is put back, and no more than that.
            do_it(&mut seat, 2, "ln -s kept two; mkdir made2; chmod 755 d; rm link; ln -sfn kept was_link; rmdir made");
            let held = seat.ever("the second edit", |e| e["kind"] == "held" && e["action"] == "a2");
            let expected = ["modify d", "delete link", "delete made", "create made2", "create two", "modify was_link"];
            assert_eq!(changes_of(&seat.proposal(&held["action"])), expected, "{isolation}");
            seat.decide(&held, "deny", json!({"reason": "no"})).unwrap();
            let seen = do_it(&mut seat, 3, "stat -c %a d; readlink link was_link; ls -d made made2 two 2>&-");
            assert_eq!(seen, "[700 kept d made ]", "{isolation}");
            assert_eq!(edits(&seat).len(), 2, "{isolation}");

            // The first edit is taken back whole.
            seat.ask("checkpoint/undo", json!({"action": "a1"}));
            seat.wait_kind("reverted");
            let expected = "kept kept 755 d empty_gone gone_link kept turned was_link secret ";
            let seen = "readlink was_link gone_link; stat -c %a d; ls; cat ../outside";
            assert_eq!(look(&room, seen), expected, "{isolation}");
            let session = seat.session.clone();
            drop(seat);
            assert_verifies(&room, &session);
        }
    });
}

/// As with `copy`, the state directory would hold all of them.
#[test]
fn a_workspace_of_100_000_files_is_not_copied_for_an_agent() {
    let Some(room) = room(&[("src/a", "one\n")]) else { return };
    for directory in 0..100 {
        let directory = room.workspace().join(format!("many/d{directory}"));
        std::fs::create_dir_all(&directory).unwrap();
        // The checkpoint keeps equal contents once.
        (0..1000).for_each(|file| std::fs::write(directory.join(format!("f{file}")), "same").unwrap());
    }
    let prompt = "DO ls many | wc -l; ls many/d99 | wc -l; cat many/d99/f999; echo two >> src/a OD";
    let mut seat = Seat::start(&room, &["--agent", "sh", "--isolation", "overlay", prompt]);
    seat.patience = std::time::Duration::from_secs(300);
    let held = seat.held();
    assert_eq!(changes_of(&seat.proposal(&held["action"])), ["modify src/a"]);
    assert!(said(&seat).contains("[100 1000 same]"), "{}", said(&seat));
    assert_eq!(files(&upper(&room, &seat.session)), BTreeSet::from([PathBuf::from("src/a")]));
    let state = ignore::WalkBuilder::new(room.state()).standard_filters(false).build().flatten().count();
    assert!(state < 2000, "{state} nodes in the state of the session");
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert_eq!(room.read("src/a"), "one\ntwo\n");
}
