//! Effects that only the files named here may have, each with its reason.

use super::{none, sources};

/// A word, and the files that may say it.
const LICENCES: &[(&str, &[(&str, &str)])] = &[
    ("unbounded_channel", &[]),
    (
        "fs::write(",
        &[
            ("src/cli/start.rs", "the demo's playground is written before there is a session"),
            ("src/workspace/candidate/", "private copies are filled by the workspace itself"),
            ("src/workspace/layer/", "maps of ids, devices and the attempt of a layer, none of them in the workspace"),
            ("src/workspace/tree/rules/mod.rs", "keeps a session's ignore rules in its state directory"),
        ],
    ),
    (
        "Command::new(",
        &[
            ("src/agent/llm/keys.rs", "the user's own command that prints a key"),
            ("src/cli/branch.rs", "git, which makes the worktree that the user asked for"),
            ("src/cli/daemon.rs", "starts the session's host"),
            ("src/cli/git.rs", "git, for anchors and notes; it runs nothing of the repository's"),
            ("src/cli/notify.rs", "the user's own command that notifies them"),
            ("src/cli/runner.rs", "asks the Python on PATH whether it has pytest"),
            ("src/cli/ssh/mod.rs", "starts ssh"),
            ("src/ui/run/browse.rs", "opens an address in the user's browser, at the user's word"),
            ("src/ui/run/image.rs", "asks the desktop's own program for the picture on the clipboard"),
            ("src/ui/run/editor.rs", "starts the user's editor, or an agent's login, on the user's terminal"),
            ("src/workspace/head.rs", "git, which reads the last commit and runs nothing of the repository's"),
            ("src/workspace/drill/mod.rs", "the process outside of every session that a drill must spare"),
            ("src/workspace/launch/init.rs", "starts the command inside its container"),
            ("src/workspace/launch/outer.rs", "starts the container's init"),
            ("src/workspace/layer/probe.rs", "tries a layer before there is a session's runner"),
            ("src/workspace/layer/separate.rs", "starts the helper that maps root's ids"),
            ("src/workspace/run/mod.rs", "the one runner of commands"),
        ],
    ),
    (
        "SystemTime::now(",
        &[
            ("src/cli/compose.rs", "the machine's clock behind the port"),
            ("src/cli/place.rs", "names of sessions"),
            ("src/workspace/listing/mod.rs", "how old a file's times are"),
        ],
    ),
    (
        "tokio::spawn(",
        &[
            ("src/cli/", "the composition root starts host, relay and client"),
            ("src/host/", "the actor, its clients and its effects"),
            ("src/ui/run/", "the client's writer"),
            ("src/workspace/", "readers of a command's output, and the watcher"),
        ],
    ),
];

#[test]
fn effects_are_licensed() {
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.product().lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for (word, files) in LICENCES {
                let may = files
                    .iter()
                    .any(|(file, _)| source.path == *file || (file.ends_with('/') && source.path.starts_with(file)));
                if code.contains(word) && !may {
                    faults.push(format!("{}:{}: {word}", source.path, number + 1));
                }
            }
        }
    }
    none(&faults, "an effect without a licence (tests/design/licences.rs)");
}

#[test]
fn licences_are_used() {
    let all = sources();
    let mut faults = Vec::new();
    for (word, files) in LICENCES {
        for (file, _) in *files {
            let used = all.iter().any(|s| s.path.starts_with(file) && s.product().contains(word));
            if !used {
                faults.push(format!("{file} no longer needs {word}"));
            }
        }
    }
    none(&faults, "a licence that nothing uses");
}
