//! Where a key comes from, and where it must not be found.

use crate::model_server::Turn;
use crate::session::{Answer, KEY, Ran, Session};
use base64::Engine as _;
use serde_json::{Value, json};
use std::process::Command;

fn approve(_: &Value) -> Answer {
    Answer::Approve
}

fn finish() -> Turn {
    Turn::call("finish", json!({"report": "looked", "done": false}))
}

/// Not in a file of the session (journal, logs, snapshots, project, configuration), not in an export of any kind, not in
/// what was sent to clients or to the model: raw, in base64 wherever it begins, in hex, percent-encoded.
pub fn no_key_anywhere(ran: &Ran) {
    let forms = forms();
    let clean = |text: &[u8], place: &str| {
        // The forms are plain ASCII: what is lost here is none of them.
        let text = String::from_utf8_lossy(text);
        assert!(forms.iter().all(|form| !text.contains(form.as_str())), "the key is in {place}");
    };
    for (path, bytes) in ran.files() {
        clean(&bytes, &path.display().to_string());
    }
    clean(serde_json::to_string(&ran.events).unwrap().as_bytes(), "the journal's events");
    clean(ran.sent().as_bytes(), "what the model is told");
    clean(ran.stderr.as_bytes(), "the log");
    for format in ["jsonl", "md", "html"] {
        clean(&ran.exported(format), format);
    }
}

fn forms() -> Vec<String> {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url = KEY.replace('+', "%2B").replace('/', "%2F");
    let mut forms = vec![KEY.to_owned(), hex.to_uppercase(), hex, url];
    // Within a longer text base64 depends on the place: three beginnings, without the ends that mix with neighbors.
    for before in 0..3 {
        let text = format!("{}{KEY}", "x".repeat(before));
        for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE] {
            let coded = engine.encode(&text);
            forms.push(coded[4..coded.len() - 4].to_owned());
        }
    }
    forms
}

/// Looks where a process of the same user may look: environments, command lines, open files, memory.
const HUNT: &str = r#"
import os, re, sys
key = b"".join([b"sk-story-", b"Zq9+/x7-do-not-", b"leak-0123456789"])
seen, found = 0, []
def look(path, size=1 << 20):
    try:
        with open(path, "rb") as f:
            if key in f.read(size):
                found.append(path)
    except OSError:
        pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    base = "/proc/" + pid
    try:
        mine = os.readlink(base + "/exe") if pid == str(os.getpid()) else open(base + "/comm").read()
    except OSError:
        continue
    if "rightseat" in mine:
        seen += 1
    for name in ("environ", "cmdline"):
        look(base + "/" + name)
    try:
        for fd in os.listdir(base + "/fd"):
            target = os.readlink(base + "/fd/" + fd)
            if target.startswith("/") and not target.startswith(("/dev", "/proc")):
                look(base + "/fd/" + fd)
    except OSError:
        pass
    if "rightseat" in mine:
        try:
            maps, mem = open(base + "/maps").read(), open(base + "/mem", "rb")
        except OSError:
            continue
        for line in maps.splitlines():
            low, high = (int(n, 16) for n in line.split()[0].split("-"))
            if "rw" in line:
                try:
                    mem.seek(low)
                    if key in mem.read(high - low):
                        found.append(base + "/mem")
                        break
                except (OSError, ValueError, OverflowError):
                    pass
for root, _, names in os.walk(os.environ["HOME"]):
    for name in names:
        path = os.path.join(root, name)
        if os.path.isfile(path) and name != "hunt.py":
            look(path, 1 << 28)
print("hunted", seen, "of ours, found", found)
"#;

/// As root a process of the same user may read everything; the test goes down to another user then.
fn other_user() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(65_534)
}

#[test]
fn an_approved_command_of_the_same_user_cannot_read_the_key() {
    let mut session = Session::of("openai-chat", [Turn::call("run", json!({"command": "python3 hunt.py"})), finish()]);
    session.files.push(("hunt.py", HUNT));
    // In a layer there would be no host to look at.
    session.config.push_str("[layer]\ncommands = \"never\"\n");
    session.user = other_user();
    let ran = session.run(approve);
    let sent = ran.sent();
    assert!(
        sent.contains("hunted ") && !sent.contains("hunted 0 "),
        "the host was looked at: {:#?}",
        ran.events.last()
    );
    assert!(sent.contains("of ours, found []"), "{}", &sent[sent.find("hunted ").unwrap()..][..300]);
    assert_eq!(ran.exit, Some(1), "it ended by itself, with the goal open");
    no_key_anywhere(&ran);
}

#[test]
fn a_session_of_an_ordinary_user_works_from_end_to_end() {
    let turns = [
        Turn::call("read", json!({"path": "calc.py"})),
        Turn::call("edit", json!({"path": "calc.py", "old": "a - b", "new": "a + b", "why": "add must add"})),
        Turn::call("test", json!({})),
        finish(),
    ];
    let mut session = Session::of("anthropic", turns);
    session.user = other_user();
    let ran = session.run(approve);
    assert_eq!(ran.exit, Some(1), "{:#?} {}", ran.events.last(), ran.stderr);
    assert_eq!(ran.kind("check_finished").last().unwrap()["failed"], 0);
    no_key_anywhere(&ran);
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Starts a keyring of its own on a bus of its own, puts the key into it and then runs the program.
const KEYRING: &str = r#"
printf %s password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
printf %s "$TO_BE_STORED" | secret-tool store --label=test service rightseat-test account 'me too' || exit 9
unset TO_BE_STORED
exec "$@"
"#;

#[test]
fn a_key_is_read_from_a_real_keyring() {
    if let Some(missing) =
        ["dbus-run-session", "gnome-keyring-daemon", "secret-tool"].iter().find(|name| !is_there(name))
    {
        eprintln!("SKIPPED: a_key_is_read_from_a_real_keyring needs `{missing}`, which is not here");
        return;
    }
    let mut session = Session::of("openai-chat", [Turn::call("read", json!({"path": "calc.py"})), finish()]);
    session.key_source = "key_keyring = { service = \"rightseat-test\", account = \"me too\" }";
    session.env = vec![("TO_BE_STORED", KEY.to_owned())];
    session.wrapper = ["dbus-run-session", "--", "sh", "-c", KEYRING, "sh"].map(str::to_owned).to_vec();
    let ran = session.run(approve);
    assert_eq!(ran.exit, Some(1), "{:#?} {}", ran.events.last(), ran.stderr);
    let header = ran.server.received()[0].header("authorization").map(str::to_owned);
    assert_eq!(header, Some(format!("Bearer {KEY}")));
    no_key_anywhere(&ran);
}

#[test]
fn a_keyring_that_does_not_answer_is_told_with_what_to_do() {
    let mut session = Session::of("openai-chat", [finish()]);
    session.key_source = "key_keyring = { service = \"rightseat-test\", account = \"nobody\" }";
    session.env = vec![("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus".to_owned())];
    let ran = session.run(approve);
    let text = ran.kind("turn_ended").last().unwrap()["text"].as_str().unwrap().to_owned();
    assert_eq!((ran.reason(), ran.exit, ran.server.turns_used()), ("error", Some(1), 0));
    assert!(text.contains("service `rightseat-test`, account `nobody`") && text.contains("secret-tool`"), "{text}");
}
