//! Keymaps: which keys, in which pane, mean which command. Read from TOML; a conflict is an error, so is a key
//! that a plain terminal never sends.

mod file;

pub use file::{KeymapError, builtin, builtin_names, load};

use crate::ui::commands::{Command, Scope};
use crate::ui::terminal::Key;

/// One way to call a command.
#[derive(Debug, Clone)]
pub struct Binding {
    pub keys: Vec<Key>,
    pub command: &'static Command,
}

impl Binding {
    /// The keys as hints show them: `g n`, `^\`.
    #[must_use]
    pub fn shown(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// The meaning of the keys typed so far.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    Command(&'static Command),
    /// The beginning of at least one binding.
    Unfinished,
    Nothing,
}

/// All bindings of one keymap, in the order of the commands.
#[derive(Debug, Clone)]
pub struct Keymap {
    pub name: String,
    pub description: String,
    bindings: Vec<Binding>,
}

impl Keymap {
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Returns the meaning of these keys while `scope` has the focus.
    #[must_use]
    pub fn meaning(&self, scope: Scope, keys: &[Key]) -> Meaning {
        let mut unfinished = false;
        for binding in self.bindings.iter().filter(|binding| binding.command.scope.applies_in(scope)) {
            if binding.keys == keys {
                return Meaning::Command(binding.command);
            }
            unfinished |= binding.keys.starts_with(keys);
        }
        if unfinished { Meaning::Unfinished } else { Meaning::Nothing }
    }

    /// In words, why a key without a meaning where `scope` has the focus does nothing.
    #[must_use]
    pub fn why_nothing(&self, scope: Scope, key: Key) -> String {
        let help = self.shown("help").unwrap_or_default();
        match self.bindings.iter().find(|binding| binding.keys == [key] && !binding.command.scope.applies_in(scope)) {
            Some(elsewhere) => format!("{key} is \"{}\" {}", elsewhere.command.label, elsewhere.command.scope.name()),
            None => format!("{key} does nothing here; {help} shows all keys"),
        }
    }

    /// The first way to call a command by name, as hints show it.
    #[must_use]
    pub fn shown(&self, command: &str) -> Option<String> {
        self.bindings.iter().find(|binding| binding.command.name == command).map(Binding::shown)
    }

    /// Every way to call a command, as help shows it.
    #[must_use]
    pub fn all_shown(&self, command: &str) -> String {
        let ways: Vec<_> =
            self.bindings.iter().filter(|binding| binding.command.name == command).map(Binding::shown).collect();
        ways.join("  ")
    }

    /// The bindings that continue from `keys`: what a which-key line offers.
    pub fn continuations<'a>(&'a self, scope: Scope, keys: &'a [Key]) -> impl Iterator<Item = &'a Binding> {
        self.bindings.iter().filter(move |binding| {
            binding.command.scope.applies_in(scope) && binding.keys.len() > keys.len() && binding.keys.starts_with(keys)
        })
    }
}
