//! Whatever a user does while commands run stays the user's, on the disk and in the record, and neither an undo nor a rewind
//! loses it.
//!
//! A round is one act of a command and one of the user, at the same time on the same tree. Many rounds share a command, in
//! its layer; several commands share a session. `RIGHTSEAT_ROUNDS` and `RIGHTSEAT_SEED` make it longer, or other.

use crate::rounds::{Acts, Dice, setting, state_of};
use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rounds of one command, and commands of one session.
const ROUNDS: u64 = 25;
const COMMANDS: u64 = 10;

const ACTS: Acts = Acts { names: 25, directories: 3 };

/// The state of every file, but for the one that paces the command.
type Tree = BTreeMap<String, (u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).build().flatten();
    let files = walk.filter_map(|entry| {
        let path = entry.path().strip_prefix(root).ok()?.to_str()?.to_owned();
        Some((path, state_of(entry.path())?))
    });
    files.filter(|(path, _)| path != "signal").collect()
}

/// The paths that differ.
fn changed(one: &Tree, two: &Tree) -> BTreeSet<String> {
    let all: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    all.into_iter().filter(|path| one.get(*path) != two.get(*path)).cloned().collect()
}

/// The paths of files in a list of changes. Directories are not looked at here.
fn paths(files: &Value) -> BTreeSet<String> {
    let all = files.as_array().into_iter().flatten().filter_map(|file| file["path"].as_str());
    all.filter(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with('f'))).map(str::to_owned).collect()
}

/// The user of a session.
struct User<'a> {
    dice: Dice,
    room: &'a Room,
    number: u64,
    /// Every path that they ever changed.
    touched: BTreeSet<String>,
}

impl User<'_> {
    fn acts(&mut self, count: u64) {
        for _ in 0..count {
            self.number += 1;
            let touched = ACTS.of_user(&mut self.dice, &self.room.workspace(), self.number);
            // To the disk, which takes as long as an act of the command.
            let _ = std::fs::File::open(self.room.workspace()).and_then(|dir| dir.sync_all());
            self.touched.extend(touched);
        }
    }
}

#[derive(Debug, Default)]
struct Met {
    /// Files that commands changed, files that both sides changed, and what was taken back.
    promoted: usize,
    conflicts: usize,
    undone: usize,
    rewound: usize,
}

/// One command that waits for the user to begin, and at its end.
fn line(dice: &mut Dice, number: u64) -> String {
    let acts: Vec<String> = (0..ROUNDS).map(|act| ACTS.of_command(dice, number * 1000 + act)).collect();
    let until = |is_so: &str| format!("until read -r s < signal && {is_so}; do sleep 0.002; done");
    // The user may be through before it has seen them begin.
    format!("echo go; {}; ({}) 2>/dev/null; {}", until("true"), acts.join("; "), until("[ \"$s\" = end ]"))
}

fn play(seed: u64, commands: u64, met: &mut Met) {
    let mut dice = Dice(seed);
    let room = Room::with(&[("signal", "")]);
    let root = room.workspace();
    for _ in 0..40 {
        let path = ACTS.path(&mut dice);
        room.write(&path, &format!("old {path}\n"));
    }
    let mut script: Vec<Value> =
        (0..commands).map(|number| json!({"run": {"command": line(&mut dice, number)}})).collect();
    script.push(json!({"wait_ms": 6_000_000}));
    let mut seat = Seat::start(&room, &["--agent", &room.script(&script)]);
    let mut user = User { dice, room: &room, number: 0, touched: BTreeSet::new() };
    let mut held = seat.held();
    for number in 0..commands {
        let id = held["action"].clone();
        let began = tree(&root);
        room.write("signal", "");
        seat.approve(&held);
        seat.ever("its first words", |e| e["kind"] == "output" && e["action"] == id);
        room.write("signal", "begin\n");
        user.acts(ROUNDS);
        let left = tree(&root);
        room.write("signal", "end\n");
        let finished = seat.finished(&id);
        if number + 1 < commands {
            held = seat.held();
        }
        let own = paths(&finished["files"]);
        let (ends, users) = (tree(&root), changed(&began, &left));
        let about = || format!("seed {seed}, {id}\n{finished}\nof the user: {users:?}");
        assert!(finished["outcome"] == "ok" && finished["apart"] == true, "{}", about());
        // What the user changed is as they left it, and is nobody else's; what else changed is the command's.
        assert_eq!(changed(&left, &ends).difference(&own).collect::<Vec<_>>(), [""; 0], "{}", about());
        assert_eq!(own.intersection(&users).collect::<Vec<_>>(), [""; 0], "{}", about());
        assert!(!finished["files"].to_string().contains("\"during\""), "{}", about());
        met.promoted += own.len();
        met.conflicts += usize::from(finished["detail"].is_string());
        take_back(&mut seat, &mut user, &id, (&left, &ends, &users, &own), met);
    }
    whose(&seat, &user.touched, seed);
    let session = seat.session.clone();
    drop(seat);
    assert_verifies(&room, &session);
}

/// An undo or a rewind, sometimes after the user went on. What is certain is taken back; what the user changed never is.
fn take_back(
    seat: &mut Seat,
    user: &mut User<'_>,
    id: &Value,
    (left, ends, users, own): (&Tree, &Tree, &BTreeSet<String>, &BTreeSet<String>),
    met: &mut Met,
) {
    let root = user.room.workspace();
    let (goes_on, is_rewind) = (user.dice.below(2) == 0, user.dice.below(2) == 0);
    let acts = if goes_on { 1 + user.dice.below(5) } else { 0 };
    user.acts(acts);
    let before = tree(&root);
    let since = changed(ends, &before);
    let mut taken = own.clone();
    if is_rewind {
        let list = seat.ask("checkpoint/rewind", json!({"action": id, "preview": true}));
        let all = list["files"].as_array().unwrap();
        let certain = |file: &&Value| file["certain"] == true;
        let chosen: BTreeSet<String> = paths(&json!(all.iter().filter(certain).collect::<Vec<_>>()));
        for path in users.iter().chain(&since) {
            assert!(!chosen.contains(path), "{path} of the user is to be rewound with {id}: {list}");
        }
        for file in all.iter().filter(|file| users.contains(file["path"].as_str().unwrap())) {
            // The watcher may not have told yet whose it is.
            assert!(file["by"] == "human" || file["by"].is_null(), "{file} is the user's: {list}");
        }
        if chosen.is_empty() {
            return;
        }
        let files: Vec<&String> = chosen.iter().collect();
        taken.clone_from(&chosen);
        let done = seat.ask("checkpoint/rewind", json!({"action": id, "files": files, "listed": list["listed"]}));
        assert_eq!(seat.finished(&done["action"])["outcome"], "ok", "{done}");
        met.rewound += 1;
    } else {
        let mut asked = seat.try_ask("checkpoint/undo", json!({"action": id}));
        if let Err(refusal) = &asked {
            let list = refusal["data"]["changes"].as_array().cloned().unwrap_or_default();
            let certain: Vec<Value> = list.iter().filter(|c| c["certain"] == true).map(|c| c["path"].clone()).collect();
            if certain.is_empty() {
                return;
            }
            taken = certain.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect();
            asked = seat.try_ask("checkpoint/undo", json!({"action": id, "files": certain}));
        }
        let done = asked.unwrap_or_else(|refusal| panic!("undo of {id}: {refusal}"));
        if done["action"].is_null() {
            return;
        }
        let outcome = seat.finished(&done["action"]);
        assert_eq!(outcome["outcome"], "ok", "{outcome}");
        met.undone += 1;
    }
    let now = tree(&root);
    let about = || format!("{id}, rewind {is_rewind}, the user went on with {since:?}");
    // An undo removes a file that its action made, also where the user gave it other bits: undoing the undo brings both back.
    let has_bits_only = |path: &&String| {
        let bytes = |tree: &Tree| tree.get(*path).map(|(_, bytes)| bytes.clone());
        own.contains(*path) && bytes(ends) == bytes(&before)
    };
    for path in since.iter().filter(|path| !has_bits_only(path)) {
        assert_eq!(now.get(path), before.get(path), "{path} of the user was lost: {}", about());
    }
    // What was taken back is as the user left it: nothing of the command is there.
    let wrong: Vec<String> =
        changed(left, &now).intersection(&taken).filter(|path| !since.contains(*path)).cloned().collect();
    assert!(wrong.is_empty(), "{wrong:?} is not as it was: {}\nof the command {own:?}", about());
}

/// Each change that the record calls an action's is in what that action did, and each other one is on a path of the user's.
fn whose(seat: &Seat, touched: &BTreeSet<String>, seed: u64) {
    let mut did: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finished in seat.events.iter().filter(|e| e["kind"] == "finished") {
        did.entry(finished["action"].to_string()).or_default().extend(paths(&finished["files"]));
    }
    for seen in seat.events.iter().filter(|e| e["kind"] == "observed") {
        let path = seen["path"].as_str().unwrap_or_default();
        if paths(&json!([seen])).is_empty() {
            continue;
        }
        let is_right = match seen["by"].as_str() {
            Some(by) => by == "human" && touched.contains(path),
            None => did.get(&seen["by"]["action"].to_string()).is_some_and(|paths| paths.contains(path)),
        };
        assert!(is_right, "seed {seed}: {seen}");
    }
}

#[test]
fn what_a_user_does_during_commands_is_theirs_and_is_never_lost() {
    let room = Room::with(&[]);
    if !room.is_layered() {
        return;
    }
    let (rounds, first) = (setting("RIGHTSEAT_ROUNDS", 1000), setting("RIGHTSEAT_SEED", 1));
    let commands = rounds.div_ceil(ROUNDS);
    let mut met = Met::default();
    for session in 0..commands.div_ceil(COMMANDS) {
        play(first + session, COMMANDS.min(commands - session * COMMANDS), &mut met);
    }
    println!("{} rounds from seed {first}: {met:?}", commands * ROUNDS);
    let is_met = met.promoted as u64 > commands && met.conflicts as u64 > commands / 4;
    assert!(is_met && met.undone > 0 && met.rewound > 0, "{met:?}: the rounds must meet");
}
