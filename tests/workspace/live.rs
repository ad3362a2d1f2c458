//! The workspace behind the port: permits, trials, candidates, agents' processes.

use super::{alone, wait_until};
use rightseat::base::{ActionId, Digest, RelPath, SessionId, UnixMs};
use rightseat::config::LayerSettings;
use rightseat::journal::{Draft, Journal, Permit};
use rightseat::model::action::{Content, FileEdit, TrialBudget};
use rightseat::model::event::{OutcomeWord, Stream};
use rightseat::model::{Action, Body, Command, FileChange, Node, Proposal, Trial};
use rightseat::port::{AgentLayer, AgentSpawn, CandidateChanges, Progress, Work, Workspace};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::{LiveWorkspace, Settings};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Bench {
    dir: tempfile::TempDir,
    _state: tempfile::TempDir,
    journal: Journal,
    live: LiveWorkspace,
    actions: u32,
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, text) in files {
        put(dir.path(), path, text);
    }
    let session = SessionId::new(format!("live-{}-{:?}", std::process::id(), std::thread::current().id()));
    let live = LiveWorkspace::open(Settings {
        root: dir.path().to_owned(),
        state: state.path().to_owned(),
        launcher: env!("CARGO_BIN_EXE_rightseat").into(),
        session: session.clone(),
        containment: Containment::default(),
    })
    .unwrap();
    let journal = Journal::create(&state.path().join("journal.db"), &session).unwrap();
    Bench { dir, _state: state, journal, live, actions: 0 }
}

fn put(root: &Path, path: &str, text: &str) {
    let full = root.join(path);
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, text).unwrap();
}

impl Bench {
    fn action(&mut self, body: Body, files: Option<Vec<FileEdit>>, trial: Option<TrialBudget>) -> Action {
        self.actions += 1;
        let mut proposal = Proposal::new("a test", body);
        proposal.trial = trial;
        Action::file(ActionId::new(format!("a{}", self.actions)), proposal, files)
    }

    /// The only way to a permit: a decision and a start that are on disk.
    fn permit(&mut self, action: &Action) -> Permit {
        let digest = action.digest;
        let draft = |kind: &str, body: serde_json::Value| Draft {
            at: UnixMs(1),
            kind: kind.into(),
            body: body.to_string(),
            blobs: Vec::new(),
        };
        let batch = [
            draft("proposed", serde_json::json!({"action": action})),
            draft(
                "decided",
                serde_json::json!({"action": action.id, "revision": action.revision, "digest": digest, "verdict": "approve", "by": {"human": "c1"}}),
            ),
            draft("started", serde_json::json!({"action": action.id, "revision": action.revision, "digest": digest})),
        ];
        self.journal.append(&batch).unwrap().permits.pop().unwrap()
    }

    async fn perform(&mut self, action: Action) -> (rightseat::port::Performed, String) {
        let permit = self.permit(&action);
        let (progress, mut heard) = tokio::sync::mpsc::channel(8);
        let gather = async {
            let mut output = Vec::new();
            while let Some(progress) = heard.recv().await {
                if let Progress::Output { stream: Stream::Stdout, bytes } = progress {
                    output.extend(bytes);
                }
            }
            String::from_utf8(output).unwrap()
        };
        tokio::join!(
            self.live.perform(
                permit,
                Work { action, blobs: Default::default(), stop: Default::default(), network: None },
                progress
            ),
            gather
        )
    }
}

fn modify(path: &str, before: &str, after: &str) -> FileEdit {
    FileEdit {
        before_node: None,
        after_node: None,
        path: RelPath::new(path).unwrap(),
        change: FileChange::Modify,
        from: None,
        before: Some(Content::of(before.as_bytes())),
        after: Some(Content::of(after.as_bytes())),
    }
}

#[tokio::test]
async fn an_edit_is_done_as_approved_and_a_stale_one_is_a_conflict() {
    let mut bench = bench(&[("a", "1")]);
    let edit = bench.action(Body::Edit(vec![]), Some(vec![modify("a", "1", "2")]), None);
    let (performed, _) = bench.perform(edit).await;
    assert_eq!((performed.outcome, performed.detail), (OutcomeWord::Ok, None));
    assert_eq!((performed.files[0].before, performed.files[0].after), (Some(Digest::of(b"1")), Some(Digest::of(b"2"))));
    assert_eq!(std::fs::read_to_string(bench.dir.path().join("a")).unwrap(), "2");
    let stale = bench.action(Body::Edit(vec![]), Some(vec![modify("a", "1", "3")]), None);
    let (performed, _) = bench.perform(stale).await;
    assert_eq!(performed.outcome, OutcomeWord::Conflict);
    assert_eq!(std::fs::read_to_string(bench.dir.path().join("a")).unwrap(), "2");
}

#[tokio::test]
async fn a_permit_is_good_for_its_own_bytes_only() {
    let mut bench = bench(&[("a", "1")]);
    let approved = bench.action(Body::Edit(vec![]), Some(vec![modify("a", "1", "2")]), None);
    let permit = bench.permit(&approved);
    let mut other = approved.clone();
    other.body.replace_files(vec![modify("a", "1", "evil")]);
    let (progress, _heard) = tokio::sync::mpsc::channel(1);
    let performed = bench
        .live
        .perform(
            permit,
            Work { action: other, blobs: Default::default(), stop: Default::default(), network: None },
            progress,
        )
        .await;
    assert_eq!(performed.outcome, OutcomeWord::Failed);
    assert_eq!(std::fs::read_to_string(bench.dir.path().join("a")).unwrap(), "1");
}

#[tokio::test]
async fn commands_and_reads_are_carried_out() {
    let mut bench = bench(&[("src/a", "one"), ("src/b", "two"), (".gitignore", "*.log\n"), ("src/c.log", "x")]);
    let command = Command {
        cwd: "src".into(),
        env: vec![("X".into(), "y".into())],
        ..Command::shell("echo $X in $(basename $PWD); exit 4")
    };
    let action = bench.action(Body::Command(command), None, None);
    let (performed, output) = bench.perform(action).await;
    assert_eq!(
        (performed.outcome, performed.exit, output.as_str(), performed.tail.as_str()),
        (OutcomeWord::Failed, Some(4), "y in src\n", "y in src\n")
    );
    let slow = bench.action(Body::Command(Command { timeout_ms: 200, ..Command::shell("sleep 600") }), None, None);
    let (performed, _) = bench.perform(slow).await;
    assert!(performed.timed_out && performed.outcome == OutcomeWord::Failed);
    let outside = bench.action(Body::Command(Command { cwd: "..".into(), ..Command::shell("pwd") }), None, None);
    assert_eq!(bench.perform(outside).await.0.outcome, OutcomeWord::Failed);
    let nothing = bench.action(Body::Command(Command::argv(["no-such-program"])), None, None);
    let (performed, _) = bench.perform(nothing).await;
    assert!(performed.detail.unwrap().contains("no-such-program"));
    let read = bench.action(Body::Read("src".into()), None, None);
    let (performed, _) = bench.perform(read).await;
    let read: Vec<_> = performed.read.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    assert_eq!(read, [("src/a", b"one".as_slice()), ("src/b", b"two")]);
}

#[tokio::test]
async fn trials_are_put_back_counted_and_blind_to_each_other() {
    let test = "from calc import add\nassert add(2, 2) == 4, add(2, 2)\n";
    let wrong = "def add(a, b):\n    return a - b\n";
    let mut bench = bench(&[("calc.py", wrong), ("test.py", test)]);
    let commands = vec![
        Command::argv(["python3", "test.py"]),
        Command::shell("echo made > made; echo spoilt > calc.py; echo $RIGHTSEAT_N; sleep 600"),
    ];
    let budget = TrialBudget { runs_max: 8, wall_ms_max: 60_000, commands };
    let action = bench.action(Body::Command(Command::argv(["python3", "test.py"])), None, Some(budget));
    let permit = bench.permit(&action);
    let mut trials = bench.live.open_trials(permit, &action).await.unwrap();
    let trial = |edits: Vec<(RelPath, Option<Vec<u8>>)>, command| Trial {
        what: "a try".into(),
        edits,
        command,
        env: vec![("RIGHTSEAT_N".into(), "7".into())],
        timeout_ms: 5_000,
        collect: vec![RelPath::new("made").unwrap()],
        record_cases: false,
    };
    let calc = RelPath::new("calc.py").unwrap();
    let began = Instant::now();
    // Same size, same second: stale compiled code would give the answer of the trial before.
    for (sign, exit) in [("-", 1), ("+", 0), ("*", 0), ("/", 1), ("+", 0)] {
        let text = wrong.replace('-', sign).into_bytes();
        let output = trials.run(trial(vec![(calc.clone(), Some(text))], 0)).await.unwrap();
        assert_eq!(output.exit, Some(exit), "{sign}: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("5 trials in {:?}", began.elapsed());
    let mut hanging = trial(vec![], 1);
    hanging.timeout_ms = 400;
    let output = trials.run(hanging).await.unwrap();
    assert!(output.timed_out);
    assert_eq!((output.stdout.as_slice(), output.collected[0].1.as_slice()), (b"7\n".as_slice(), b"made\n".as_slice()));
    // What that run spoilt and made is gone.
    let output = trials.run(trial(vec![], 0)).await.unwrap();
    assert_eq!((output.exit, output.collected.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AssertionError: 0"));
    let mut forbidden = trial(vec![], 0);
    forbidden.env = vec![("LD_PRELOAD".into(), "x".into())];
    assert!(trials.run(forbidden).await.is_err());
    assert!(trials.run(trial(vec![], 5)).await.is_err());
    trials.run(trial(vec![], 0)).await.unwrap();
    assert!(trials.run(trial(vec![], 0)).await.is_err(), "the budget is spent");
    assert_eq!(std::fs::read_to_string(bench.dir.path().join("calc.py")).unwrap(), wrong);
    assert!(!bench.dir.path().join("made").exists());
}

#[tokio::test]
async fn checkpoints_tell_what_a_command_did() {
    let mut bench = bench(&[("a", "1"), ("b", "2")]);
    let before = bench.live.snapshot().await.unwrap();
    let action = bench.action(Body::Command(Command::shell("echo x > a; rm b; mkdir d; echo n > d/new")), None, None);
    bench.perform(action).await;
    let after = bench.live.snapshot().await.unwrap();
    let told: Vec<String> =
        bench.live.tree_changes(before, after).unwrap().into_iter().map(|change| change.path.to_string()).collect();
    assert_eq!(told, ["a", "b", "d/new"]);
    assert_eq!(bench.live.stored(Digest::of(b"2")).unwrap().unwrap(), b"2");
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is for the whole test")]
async fn an_agent_talks_over_pipes_and_ends_with_its_tree() {
    let _alone = alone();
    let bench = bench(&[("a", "1")]);
    let spawn = AgentSpawn {
        argv: [
            "bash",
            "-c",
            "setsid sleep 600 & trap '' TERM; while read -r line; do echo \"got $line\"; done; sleep 600",
        ]
        .map(Into::into)
        .into(),
        cwd: bench.dir.path().to_owned(),
        ..AgentSpawn::default()
    };
    let mut agent = bench.live.spawn_agent(spawn).await.unwrap();
    agent.stdin.write_all(b"hello\n").await.unwrap();
    let mut answer = [0u8; 10];
    agent.stdout.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"got hello\n");
    wait_until("the agent's tree is seen", || bench.live.processes().len() >= 2);
    (agent.end)(Duration::from_millis(100)).await;
    assert!(bench.live.processes().is_empty());
    assert!(agent.exited.await.is_some());
    let census = bench.live.stop().await;
    assert!(census.survivors.is_empty() && census.ended.is_empty());
}

/// The agent's own process, at the workspace's own path.
#[tokio::test]
async fn an_agent_in_a_layer_sees_its_copy_at_the_path_of_the_workspace() {
    let bench = bench(&[("a", "1"), (".gitignore", "node_modules\n"), ("node_modules/p/index.js", "yours")]);
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let own = outside.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let live = bench.live.layered(&LayerSettings::default(), Vec::new());
    let candidate = live.candidate("agent").await.unwrap();
    let root = live.root().to_owned();
    let text = format!(
        "cd {root}; cat node_modules/p/index.js; echo; (echo x > node_modules/p/index.js) 2>/dev/null && echo OUT; \
         echo 9 > a; echo new > b; (echo x > {outside}/f) 2>/dev/null && echo OUT; echo x > {outside}/own/f && echo own; \
         test -e {state} && ls -A {state}; pwd; read -r line; echo more >> b; read -r line",
        root = root.display(),
        outside = outside.path().display(),
        state = bench._state.path().display(),
    );
    let spawn = AgentSpawn {
        argv: vec!["bash".into(), "-c".into(), text],
        cwd: root.clone(),
        layer: Some(AgentLayer {
            candidate: candidate.root().to_owned(),
            own: vec![own.clone()],
            ..AgentLayer::default()
        }),
        ..AgentSpawn::default()
    };
    let mut agent = match live.spawn_agent(spawn).await {
        Ok(agent) => agent,
        Err(error) => {
            println!("not run: {error}");
            return;
        }
    };
    let mut said = String::new();
    while !said.contains(&format!("{}\n", root.display())) {
        let mut some = [0u8; 256];
        let count = agent.stdout.read(&mut some).await.unwrap();
        assert!(count > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    assert_eq!(said, format!("yours\nown\n{}\n", root.display()));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!((read("a").as_str(), read("node_modules/p/index.js").as_str()), ("1", "yours"));
    assert!(!root.join("b").exists() && !outside.path().join("f").exists() && own.join("f").exists());
    let changed = |changes: CandidateChanges| -> Vec<(String, Option<Vec<u8>>)> {
        changes
            .files
            .into_iter()
            .map(|change| (change.path.to_string(), change.after.map(|(_, bytes)| bytes)))
            .collect()
    };
    let expected = [("a".to_owned(), Some(b"9\n".to_vec())), ("b".to_owned(), Some(b"new\n".to_vec()))];
    assert_eq!(changed(candidate.changes().await.unwrap()), expected);
    // What changes in the workspace comes through, and what is denied is put back.
    put(&root, "theirs", "mine");
    assert_eq!(candidate.refresh().await.unwrap(), []);
    candidate.reset(RelPath::new("a").unwrap(), Some(Digest::of(b"9\n"))).await.unwrap();
    agent.stdin.write_all(b"go\n").await.unwrap();
    let more = async {
        while changed(candidate.changes().await.unwrap()) != [("b".to_owned(), Some(b"new\nmore\n".to_vec()))] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), more).await.unwrap();
    (agent.end)(Duration::from_millis(100)).await;
    assert!(agent.exited.await.is_some());
}

/// A plan's file was looked for in the layer of an earlier agent, although the present one works in a copy.
#[tokio::test]
async fn a_file_of_the_agent_is_that_of_the_candidate_opened_last() {
    let bench = bench(&[("plan", "1")]);
    let path = RelPath::new("plan").unwrap();
    let seen = || bench.live.candidate_image("agent", &path).map(|image| image.bytes);
    let layered = bench.live.candidate_in_layer("agent").await.unwrap();
    put(&layered.root().join("upper"), "plan", "in the layer");
    assert_eq!(seen().as_deref(), Some(b"in the layer".as_slice()));
    let copy = bench.live.candidate("agent").await.unwrap();
    put(copy.root(), "plan", "in the copy");
    assert_eq!(seen().as_deref(), Some(b"in the copy".as_slice()));
}

#[tokio::test]
async fn a_candidate_is_private_and_tells_its_changes() {
    let bench = bench(&[("a", "1"), ("b", "2")]);
    let candidate = bench.live.candidate("agent/one").await.unwrap();
    put(candidate.root(), "a", "9");
    put(bench.dir.path(), "b", "theirs");
    assert_eq!(candidate.refresh().await.unwrap(), []);
    let changes = candidate.changes().await.unwrap().files;
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].path.as_str(), changes[0].change), ("a", FileChange::Modify));
    assert_eq!(
        (changes[0].before.as_deref(), &changes[0].after),
        (Some(b"1".as_slice()), &Some((Node::default(), b"9".to_vec())))
    );
    candidate.reset(RelPath::new("a").unwrap(), Some(Digest::of(b"9"))).await.unwrap();
    assert_eq!(candidate.changes().await.unwrap(), CandidateChanges::default());
    let root = candidate.root().to_owned();
    drop(candidate);
    assert!(!root.exists());
}
