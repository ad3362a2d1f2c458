//! `rightseat keys`: the current keymap as a table, and what this terminal sends.

use super::args::Shared;
use super::{DONE, Done, Fail, daemon, print, settings};
use crate::cli::limits::PROBE_QUIET_MS_MAX;
use crate::ui::commands;
use crate::ui::keymap::{self, Keymap};
use crate::ui::terminal::modes::{self, Modes};
use crate::ui::terminal::{Input, Key};
use crossterm::event::{Event, EventStream};
use futures::StreamExt as _;
use std::io::Write as _;
use std::time::Duration;

fn keymap(shared: &Shared) -> Result<Keymap, Fail> {
    let look = settings::look(shared)?;
    keymap::load(&look.keymap, look.keymap_dir.as_deref()).map_err(|e| Fail::usage(e.to_string()))
}

/// `rightseat keys`.
pub fn list(shared: &Shared) -> Done {
    let keymap = keymap(shared)?;
    print(&format!("keymap {}: {}", keymap.name, keymap.description))?;
    let mut group = "";
    for command in commands::all() {
        if command.group != group {
            group = command.group;
            print(&format!("\n{group}"))?;
        }
        let place = if command.scope == commands::Scope::Anywhere {
            String::new()
        } else {
            format!(" ({})", command.scope.name())
        };
        let keys = keymap.all_shown(command.name);
        let keys = if keys.is_empty() { "–" } else { &keys };
        print(&format!("  {keys:<18} {:<20} {}{place}", command.name, command.description))?;
    }
    Ok(DONE)
}

/// `rightseat keys --probe`: every key pressed is named until Esc comes twice, or Ctrl-C, or nothing for a while.
pub fn probe(shared: &Shared) -> Done {
    let keymap = keymap(shared)?;
    super::screen::check(&Shared { linear: true, ..shared.clone() })?;
    print("Press keys to see what this terminal sends; press Esc twice to stop.")?;
    let (modes, begin) =
        Modes::enter(modes::Options { mouse: false, kitty: true, alternate: false, paste: true, links: false })
            .map_err(|e| Fail::usage(e.to_string()))?;
    let runtime = daemon::runtime()?;
    let ended = runtime.block_on(show_keys(&keymap, begin));
    drop(modes);
    runtime.shutdown_background();
    ended.map(|()| DONE)
}

async fn show_keys(keymap: &Keymap, begin: &[u8]) -> Result<(), Fail> {
    let mut out = std::io::stdout();
    out.write_all(begin)?;
    out.flush()?;
    let mut events = EventStream::new();
    let mut before: Option<Key> = None;
    let quiet = Duration::from_millis(PROBE_QUIET_MS_MAX);
    while let Ok(Some(event)) = tokio::time::timeout(quiet, events.next()).await {
        let line = describe(keymap, &event?);
        if let Some((line, key)) = line {
            // Raw mode: a line needs its carriage return.
            write!(out, "{line}\r\n")?;
            out.flush()?;
            let esc = Key::parse("esc").ok();
            let interrupt = Key::parse("C-c").ok();
            if key.is_some() && (key == interrupt || key == esc && before == esc) {
                break;
            }
            before = key;
        }
    }
    Ok(())
}

/// One event in words; nothing for a key that comes up.
fn describe(keymap: &Keymap, event: &Event) -> Option<(String, Option<Key>)> {
    match Input::from_event(event.clone())? {
        Input::Key { key, held } => {
            let keys = std::slice::from_ref(&key);
            let bound: Vec<&str> =
                keymap.bindings().iter().filter(|b| b.keys == keys).map(|b| b.command.name).collect();
            let begins: Vec<&str> = keymap
                .bindings()
                .iter()
                .filter(|b| b.keys.len() > 1 && b.keys.starts_with(keys))
                .map(|b| b.command.name)
                .collect();
            let mut line = format!("{key:<10}");
            if held {
                line.push_str(" (held)");
            }
            match (bound.is_empty(), begins.is_empty()) {
                (false, _) => line.push_str(&format!(" {}", bound.join(", "))),
                (true, false) => line.push_str(&format!(" begins {}", begins.join(", "))),
                (true, true) => line.push_str(" nothing"),
            }
            Some((line, Some(key)))
        }
        Input::Paste(text) => Some((format!("a paste of {} bytes", text.len()), None)),
        Input::Resize(size) => Some((format!("size {}×{}", size.width, size.height), None)),
        Input::KeyUp | Input::Click(_) | Input::Wheel { .. } | Input::FocusGained | Input::FocusLost => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    #[test]
    fn a_key_is_named_with_what_it_does() {
        let keymap = keymap::builtin("default").unwrap();
        let check = |code, expect: &str| {
            let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
            assert_eq!(describe(&keymap, &event).unwrap().0.split_whitespace().collect::<Vec<_>>().join(" "), expect);
        };
        check(KeyCode::Char('a'), "a approve");
        check(KeyCode::F(12), "F12 nothing");
        assert!(
            describe(&keymap, &Event::Key(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::NONE)))
                .unwrap()
                .0
                .contains("begins")
        );
    }
}
