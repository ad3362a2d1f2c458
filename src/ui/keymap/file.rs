//! Reading keymap files: a command and its keys a line, inheritance, conflicts, keys that cannot be sent.

use super::{Binding, Keymap};
use crate::ui::commands::{self, Command};
use crate::ui::inherit::{FileError, Inherits, Shelf};
use crate::ui::limits::UI_KEYS_IN_A_ROW_MAX;
use crate::ui::terminal::Key;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The reason that a keymap cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeymapError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{place}: there is no command `{command}`{hint}; `rightseat keys` lists them")]
    Command { place: String, command: String, hint: String },
    #[error("{place}: {command}: {what}")]
    Key { place: String, command: String, what: String },
    #[error("{place}: `{keys}` cannot be both {first} and {second}")]
    Conflict { place: String, keys: String, first: &'static str, second: &'static str },
    #[error("{place}: `{short}` ({first}) is a prefix of `{long}` ({second}), which could then never be typed")]
    Prefix { place: String, short: String, first: &'static str, long: String, second: &'static str },
    #[error("{place}: `{command}` must have a key")]
    Unreachable { place: String, command: &'static str },
}

const SHELF: Shelf = Shelf {
    what: "keymap",
    bundled: &[
        ("default", include_str!("../../../keymaps/default.toml")),
        ("vim", include_str!("../../../keymaps/vim.toml")),
        ("emacs", include_str!("../../../keymaps/emacs.toml")),
    ],
};

/// Without these a session could not be stopped or left, so no keymap may leave them without a key.
const ALWAYS_REACHABLE: &[&str] = &["stop", "quit", "palette", "leave"];

/// The bundled keymaps, in the order in which they are offered.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    SHELF.names()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    description: String,
    inherits: Option<String>,
    #[serde(default)]
    keys: BTreeMap<String, Keys>,
}

impl Inherits for File {
    fn inherits(&self) -> Option<&str> {
        self.inherits.as_deref()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

impl Keys {
    fn all(&self) -> &[String] {
        match self {
            Self::One(keys) => std::slice::from_ref(keys),
            Self::Several(keys) => keys,
        }
    }
}

/// A bundled keymap.
///
/// # Errors
/// When there is none of that name (the bundled files themselves are held by a test).
pub fn builtin(name: &str) -> Result<Keymap, KeymapError> {
    load(name, None)
}

/// A keymap by name: the user's own directory first, then the bundled ones.
///
/// # Errors
/// Says which file is wrong, where, and what was expected.
pub fn load(name: &str, user_dir: Option<&Path>) -> Result<Keymap, KeymapError> {
    let chain = SHELF.chain::<File>(name, user_dir)?;
    let mut keymap = build(&chain)?;
    if let Some((place, top)) = chain.first() {
        keymap.name = top.name.clone().unwrap_or_else(|| name.to_owned());
        keymap.description.clone_from(&top.description);
        check(place, &keymap)?;
    }
    Ok(keymap)
}

/// The last word on each command wins; commands keep the order of the registry, which help shows.
fn build(chain: &[(String, File)]) -> Result<Keymap, KeymapError> {
    let mut chosen: BTreeMap<&str, (&str, &Keys)> = BTreeMap::new();
    for (place, file) in chain.iter().rev() {
        for (name, keys) in &file.keys {
            if commands::find(name).is_none() {
                return Err(KeymapError::Command { place: place.clone(), command: name.clone(), hint: near(name) });
            }
            chosen.insert(name.as_str(), (place.as_str(), keys));
        }
    }
    let mut bindings = Vec::new();
    for command in commands::all() {
        let Some((place, keys)) = chosen.get(command.name) else { continue };
        for text in keys.all() {
            bindings.push(Binding { keys: sequence(place, command, text)?, command });
        }
    }
    Ok(Keymap { name: String::new(), description: String::new(), bindings })
}

fn near(name: &str) -> String {
    let shares = |known: &str| known.split('-').any(|part| name.split('-').any(|word| word == part));
    commands::all()
        .find(|command| shares(command.name))
        .map_or_else(String::new, |command| format!(" (similar: {})", command.name))
}

fn sequence(place: &str, command: &Command, text: &str) -> Result<Vec<Key>, KeymapError> {
    let wrong = |what: String| KeymapError::Key { place: place.to_owned(), command: command.name.to_owned(), what };
    let keys = text.split_whitespace().map(Key::parse).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if keys.is_empty() || keys.len() > UI_KEYS_IN_A_ROW_MAX {
        return Err(wrong(format!("`{text}` must have 1 to {UI_KEYS_IN_A_ROW_MAX} keys")));
    }
    if let Some((key, why)) = keys.iter().find_map(|key| Some((key, key.unsendable()?))) {
        return Err(wrong(format!("`{key}` cannot be typed: {why}")));
    }
    Ok(keys)
}

fn check(place: &str, keymap: &Keymap) -> Result<(), KeymapError> {
    let place = || place.to_owned();
    for (at, first) in keymap.bindings.iter().enumerate() {
        for second in keymap.bindings.iter().skip(at + 1) {
            if !first.command.scope.overlaps(second.command.scope) {
                continue;
            }
            let (short, long) = if first.keys.len() <= second.keys.len() { (first, second) } else { (second, first) };
            if short.keys == long.keys {
                let (first, second) = (first.command.name, second.command.name);
                return Err(KeymapError::Conflict { place: place(), keys: short.shown(), first, second });
            }
            if long.keys.starts_with(&short.keys) {
                let (first, second) = (short.command.name, long.command.name);
                return Err(KeymapError::Prefix {
                    place: place(),
                    short: short.shown(),
                    first,
                    long: long.shown(),
                    second,
                });
            }
        }
    }
    for command in ALWAYS_REACHABLE {
        if keymap.shown(command).is_none() {
            return Err(KeymapError::Unreachable { place: place(), command });
        }
    }
    let consents = |binding: &&Binding| binding.command.consents;
    let never = [Key::parse("enter"), Key::parse("esc")];
    if let Some(binding) =
        keymap.bindings.iter().filter(consents).find(|b| b.keys.iter().any(|key| never.contains(&Ok(*key))))
    {
        let what = "Enter and Esc cannot be bound to commands that approve or destroy".to_owned();
        return Err(KeymapError::Key { place: place(), command: binding.command.name.to_owned(), what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::commands::Scope;
    use crate::ui::keymap::Meaning;
    use crate::ui::layout::PaneId;

    #[test]
    fn bundled_keymaps_are_free_of_conflicts_and_reach_every_command() {
        for name in builtin_names() {
            let keymap = builtin(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(keymap.name, name);
            for command in commands::all() {
                assert!(keymap.shown(command.name).is_some(), "{name}: {} has no key", command.name);
            }
        }
    }

    /// tmux, zellij and terminal flow control take these first.
    #[test]
    fn no_bundled_key_is_eaten_on_the_way() {
        for name in builtin_names() {
            for binding in builtin(name).unwrap().bindings() {
                for key in &binding.keys {
                    for taken in ["C-b", "C-g", "C-h", "C-n", "C-o", "C-p", "C-q", "C-s", "C-t"] {
                        assert_ne!(*key, Key::parse(taken).unwrap(), "{name}: {}", binding.command.name);
                    }
                }
            }
        }
    }

    #[test]
    fn the_keys_of_the_product_page_mean_what_it_says() {
        let keymap = builtin("default").unwrap();
        let check = |keys: &str, expect: &str| {
            let keys: Vec<_> = keys.split(' ').map(|key| Key::parse(key).unwrap()).collect();
            let meaning = keymap.meaning(Scope::In(PaneId::Diff), &keys);
            let Meaning::Command(command) = meaning else { panic!("{keys:?}: {meaning:?}") };
            assert_eq!(command.name, expect);
        };
        for (keys, name) in [
            ("a", "approve"),
            ("A", "approve-with-note"),
            ("g a", "approve-group"),
            ("g s", "lease"),
            ("e", "edit"),
            ("E", "edit-external"),
            ("space", "toggle-hunk"),
            ("v", "select-lines"),
            ("r", "redirect"),
            ("d", "deny"),
            ("D", "deny-with-rule"),
            ("s", "step"),
            ("c", "continue"),
            ("p", "pause"),
            ("C-\\", "stop"),
            ("u", "undo"),
            ("U", "rewind"),
            ("t", "test"),
            ("x", "explain"),
            ("z", "diff-view"),
            ("w", "whitespace"),
            ("+", "more-context"),
            ("-", "less-context"),
            ("i", "compose"),
            ("esc", "leave"),
            (":", "palette"),
            ("/", "search"),
            ("?", "help"),
            ("y", "yank"),
            ("f", "zoom"),
            ("g d", "detach"),
            ("q", "quit"),
            ("1", "focus-plan"),
            ("6", "focus-output"),
            ("tab", "next-pane"),
            ("g n", "next-pending"),
            ("F3", "next-pending"),
            ("n", "next-hunk"),
            ("]", "next-file"),
        ] {
            check(keys, name);
        }
        assert!(matches!(keymap.meaning(Scope::In(PaneId::Diff), &[Key::plain('g')]), Meaning::Unfinished));
        assert!(matches!(keymap.meaning(Scope::In(PaneId::Diff), &[Key::plain('%')]), Meaning::Nothing));
    }

    #[test]
    fn mistakes_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let check = |text: &str, expect: &str| {
            std::fs::write(dir.path().join("mine.toml"), text).unwrap();
            let error = load("mine", Some(dir.path())).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("inherits = 'default'\n[keys]\ndeny = 'a'\n", "`a` cannot be both approve and deny");
        check("inherits = 'default'\n[keys]\ndeny = 'g'\n", "is a prefix of");
        check("inherits = 'default'\n[keys]\ndeny = 'C-i'\n", "arrives as Tab");
        check("inherits = 'default'\n[keys]\ndenied = 'k'\n", "no command `denied`");
        check("inherits = 'default'\n[keys]\nplan-add = 'j'\n", "cannot be both");
        check("inherits = 'default'\n[keys]\nstop = []\n", "must have a key");
        check("inherits = 'default'\n[keys]\nopen = 'F9'\napprove = 'enter'\n", "cannot be bound");
        check("inherits = 'mine'\n", "cycle");
        check("keys = 3\n", "not a keymap");
        std::fs::write(dir.path().join("mine.toml"), "inherits = 'default'\n[keys]\napprove = 'F5'\n").unwrap();
        assert_eq!(load("mine", Some(dir.path())).unwrap().shown("approve").as_deref(), Some("F5"));
    }
}
