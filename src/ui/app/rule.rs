//! A rule made of a denial: drafted from what was denied, shown, and changed by the user before it is kept.

use crate::model::session::ActionState;
use crate::model::{Command, Kind};

/// The text of a deny rule for `policy.toml` that covers this action; a first draft, for a user to widen or narrow.
#[must_use]
pub fn draft(state: &ActionState, reason: Option<&str>) -> String {
    let action = &state.action;
    let mut lines = vec!["[[rule]]".to_owned(), "ruling = \"deny\"".to_owned()];
    match action.kind() {
        Kind::Edit => {
            lines.push("kinds = [\"edit\", \"delete\"]".to_owned());
            let paths = action.files().iter().map(|file| quoted(&literal_glob(file.path.as_str())));
            lines.push(format!("paths = [{}]", paths.collect::<Vec<_>>().join(", ")));
        }
        Kind::Command => {
            let words = action.command().map(words_of).unwrap_or_default();
            lines.push("# matched word by word; a trailing * matches any further words".to_owned());
            lines.push(format!("command = {}", quoted(&words)));
        }
        Kind::Read => {
            lines.push("kinds = [\"read\"]".to_owned());
            let path = action.target().unwrap_or("**");
            lines.push(format!("paths = [{}]", quoted(&literal_glob(path))));
        }
        Kind::Network => lines.push("kinds = [\"network\"]".to_owned()),
        Kind::Plan => lines.push("kinds = [\"plan\"]".to_owned()),
        Kind::Other => lines.push("kinds = [\"other\"]".to_owned()),
    }
    if let Some(reason) = reason {
        lines.push(format!("reason = {}", quoted(reason)));
    }
    lines.join("\n") + "\n"
}

/// Returns the first command of a line, as far as it can be split without a shell.
fn words_of(command: &Command) -> String {
    match (&command.argv, &command.shell) {
        (Some(argv), _) => shell_words::join(argv),
        (None, Some(line)) => line.split(['|', '&', ';', '\n']).next().unwrap_or_default().trim().to_owned(),
        (None, None) => String::new(),
    }
}

/// A TOML string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A path as a glob that means nothing but this path.
fn literal_glob(path: &str) -> String {
    path.chars().fold(String::new(), |glob, c| match c {
        '*' | '?' | '[' | ']' | '{' | '}' | '\\' => format!("{glob}[{c}]"),
        c => format!("{glob}{c}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::stage::{SESSION, Stage};

    #[test]
    fn a_draft_names_exactly_what_was_denied() {
        let mut stage = Stage::set(120, 40, "dark");
        stage.receive(SESSION);
        let state = stage.app.scene.target().unwrap().clone();
        let text = draft(&state, Some("not \"that\"\nfile"));
        assert_eq!(
            text,
            "[[rule]]\nruling = \"deny\"\nkinds = [\"edit\", \"delete\"]\npaths = [\"src/tokens.rs\"]\nreason = \"not \\\"that\\\"\\u000Afile\"\n"
        );
        assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
    }

    #[test]
    fn signs_of_globs_in_a_name_mean_themselves() {
        assert_eq!(literal_glob("a*[b].rs"), "a[*][[]b[]].rs");
    }
}
