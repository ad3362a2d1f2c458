//! The full-screen client: its options from command line, configuration and environment, and its exit code.

use super::args::Shared;
use super::{DONE, Fail, INTERRUPTED, home, settings};
use crate::cli::limits::PLACES_KEPT_MAX;
use crate::ui::app::Leave;
use crate::ui::app::place::Place;
use crate::ui::home::Item;
use crate::ui::run::files::{Dirs, KeepRule, PlanStore, UserFiles};
use crate::ui::run::{self, Desktop, Ended, HomeFirst, KeepPlace, Notices, Options, Stream, Way};
use crate::ui::terminal::modes;
use crate::ui::theme::{Depth, Signs};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// An environment variable, unless it is missing or no UTF-8.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Colors as the environment lets us have them.
pub fn depth() -> Depth {
    Depth::detect(env("NO_COLOR").as_deref(), env("COLORTERM").as_deref(), env("TERM").as_deref())
}

/// False for terminals that are known not to support links; one that knows nothing of them passes them over.
fn knows_links(term: Option<&str>, program: Option<&str>, vte: Option<&str>) -> bool {
    let lacks = term.is_some_and(|term| term == "linux" || term.starts_with("vt") || term.starts_with("screen"));
    let is_old_vte = vte.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version < 5_000);
    !lacks && !is_old_vte && program != Some("Apple_Terminal")
}

/// The locale of characters: the first that is set and not empty.
pub fn locale() -> Option<String> {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env(name).filter(|value| !value.is_empty()))
}

/// Checks that a client can open here, before anything is created for it.
pub fn check(shared: &Shared) -> Result<(), Fail> {
    modes::check(env("TERM").as_deref(), shared.linear).map_err(|e| Fail::usage(e.to_string()))
}

/// See the module. `control` is as the wire means it.
pub fn options(shared: &Shared, title: &str, control: Option<bool>) -> Result<Options, Fail> {
    let term = env("TERM");
    let chosen = settings::look(shared)?;
    Ok(Options {
        theme: chosen.theme,
        keymap: chosen.keymap,
        dirs: Dirs { themes: chosen.theme_dir, keymaps: chosen.keymap_dir, history: Some(chosen.history_dir) },
        depth: depth(),
        signs: if chosen.ascii { Signs::Ascii } else { Signs::detect(locale().as_deref(), term.as_deref()) },
        mouse: chosen.mouse,
        links: chosen.links
            && knows_links(term.as_deref(), env("TERM_PROGRAM").as_deref(), env("VTE_VERSION").as_deref()),
        kitty: true,
        linear: shared.linear,
        term,
        editor: chosen
            .editor
            .clone()
            .or_else(|| env("VISUAL"))
            .or_else(|| env("EDITOR"))
            .filter(|e| !e.trim().is_empty()),
        title: title.to_owned(),
        arm_after_ms: chosen.approval_arm_ms,
        is_record: false,
        notices: Notices {
            bell: chosen.bell,
            desktop: chosen.desktop.then(|| Desktop::of(env("TERM").as_deref(), env("VTE_VERSION").is_some())),
            in_tmux: env("TMUX").is_some(),
            on_end: chosen.notify_on_end,
        },
        files: UserFiles {
            rules: Some(KeepRule(std::sync::Arc::new(move |rule| super::keep_rule::keep(&chosen.policy, rule)))),
            plans: Some(PlanStore(std::sync::Arc::new(super::plans::Kept { config: shared.config.clone() }))),
        },
        control,
        opening: None,
        way: Way {
            door: Some(home::door(shared)),
            place: places().remove(title),
            keep: Some(keep_place(title)),
            ..Way::default()
        },
    })
}

/// Where the user was in the sessions that they left for others in this process, by the sessions' names.
fn places() -> std::sync::MutexGuard<'static, BTreeMap<String, Place>> {
    static PLACES: Mutex<BTreeMap<String, Place>> = Mutex::new(BTreeMap::new());
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_place(title: &str) -> KeepPlace {
    let title = title.to_owned();
    KeepPlace(Arc::new(move |place| {
        let mut places = places();
        if places.len() < PLACES_KEPT_MAX {
            places.insert(title.clone(), place);
        }
    }))
}

/// What follows the end of a client.
pub enum Then {
    /// The user has left, with this exit code.
    Done(u8),
    /// The home screen, alone.
    Home(HomeFirst),
    /// A session that the user describes first.
    New,
    /// Another session.
    Open(Item),
}

/// Runs the client until the user leaves. `left` is asked for words to print afterwards when the session continues.
pub fn run(
    runtime: &tokio::runtime::Runtime,
    options: Options,
    connect: impl Future<Output = Result<Stream, String>> + Send + 'static,
    left: impl FnOnce() -> String,
) -> Result<Then, Fail> {
    let ended = runtime.block_on(run::run(options, connect)).map_err(|e| Fail::usage(e.to_string()))?;
    let code = match ended {
        Ended::Left(Leave::Open(item)) => return Ok(Then::Open(item)),
        Ended::Left(Leave::New) => return Ok(Then::New),
        Ended::Left(Leave::Detach) => super::print(&left()).map(|()| DONE)?,
        Ended::Left(Leave::Quit) => DONE,
        Ended::LeftDraft => {
            let kept =
                "the message that you were writing is kept; `rightseat attach` with the session's name returns to it";
            super::print(kept).map(|()| DONE)?
        }
        Ended::Left(Leave::Interrupt) => super::print(&left()).map(|()| INTERRUPTED)?,
        Ended::Signal(number) => code_of_signal(number),
        Ended::HungUp => 129,
    };
    Ok(Then::Done(code))
}

/// Returns the shells' exit code for an end by a signal: 128 and its number.
pub fn code_of_signal(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(130)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_off_where_they_are_not_known() {
        assert!(
            knows_links(Some("xterm-256color"), None, None) && knows_links(Some("tmux-256color"), None, Some("7200"))
        );
        assert!(!knows_links(Some("linux"), None, None) && !knows_links(Some("screen.xterm"), None, None));
        assert!(
            !knows_links(Some("xterm"), Some("Apple_Terminal"), None)
                && !knows_links(Some("xterm"), None, Some("4205"))
        );
    }
}
