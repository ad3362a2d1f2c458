//! Reading a file that is known to hold secrets asks, inside the workspace too.

use super::{Builtin, Case, Judge, Voice, path_words};
use crate::policy::guarded::holds_secrets;
use crate::policy::matter::{Matter, Op};

pub(super) const RULE: Builtin = Builtin {
    id: "secret-files",
    about: "Keys and credentials by their usual names (.env, id_rsa, *.pem …) ask before they are read: what an agent reads, its model gets.",
    judge: Judge::UnlessExact(speak),
    speaks_on: &["@read .env", "cat .env", "head -n 5 config/id_rsa", "grep x server.PEM"],
    silent_on: &["@read .env.example", "cat src/main.rs", "@write notes.txt"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    let voice = |path: &str| Voice::ask(format!("{path} may hold secrets"));
    match case.matter {
        Matter::Path { op: Op::Read, path, .. } => holds_secrets(path).then(|| voice(path)),
        Matter::Command { .. } => {
            path_words(case).into_iter().find(|(word, _)| holds_secrets(word)).map(|(word, _)| voice(word))
        }
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }
}
