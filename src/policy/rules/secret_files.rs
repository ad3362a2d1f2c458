//! Reading a file that is known to hold secrets asks, inside the workspace too.

use super::{Builtin, Case, Judge, Voice};
use crate::policy::command::named::{How, named};
use crate::policy::command::reading::{Found, found_below};
use crate::policy::guarded::holds_secrets;
use crate::policy::matter::{Matter, Op};

pub(super) const RULE: Builtin = Builtin {
    id: "secret-files",
    about: "Keys and credentials by their usual names (.env, id_rsa, *.pem …) ask before they are read, by name or by a search of a directory: what an agent reads is sent to its model.",
    judge: Judge::UnlessExact(speak),
    speaks_on: &["@read .env", "cat .env", "head -n 5 config/id_rsa", "grep x server.PEM"],
    silent_on: &["@read .env.example", "cat src/main.rs", "@write notes.txt"],
};

fn speak(case: &Case<'_>) -> Option<Voice> {
    let voice = |path: &str| Voice::ask(format!("{path} may contain secrets"));
    match case.matter {
        Matter::Path { op: Op::Read, path, .. } => holds_secrets(path).then(|| voice(path)),
        Matter::Command { .. } => named(case).iter().find_map(|named| {
            if holds_secrets(&named.word) {
                return Some(voice(&named.word));
            }
            let How::Searches(search) = named.how else { return None };
            named.at.iter().find_map(|at| match found_below(case.place, at, &named.word, search, &holds_secrets) {
                Found::Nothing => None,
                Found::File(file) => Some(voice(&file)),
                Found::Unknown => Some(Voice::ask(format!("{} has too many files to check for secrets", named.word))),
            })
        }),
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => None,
    }
}
