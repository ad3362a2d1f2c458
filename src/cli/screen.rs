//! The full-screen client: its options from command line, configuration and environment, and its exit code.

use super::args::Shared;
use super::{DONE, Done, Fail, INTERRUPTED, settings};
use crate::ui::app::Leave;
use crate::ui::run::{self, Ended, KeepRule, Notices, Options, Stream};
use crate::ui::terminal::modes;
use crate::ui::theme::{Depth, Signs};
use std::future::Future;

/// An environment variable, unless it is missing or no UTF-8.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Colors as the environment lets us have them.
pub fn depth() -> Depth {
    Depth::detect(env("NO_COLOR").as_deref(), env("COLORTERM").as_deref(), env("TERM").as_deref())
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
        theme_dir: chosen.theme_dir,
        keymap_dir: chosen.keymap_dir,
        history_dir: Some(chosen.history_dir),
        depth: depth(),
        signs: if chosen.ascii { Signs::Ascii } else { Signs::detect(locale().as_deref(), term.as_deref()) },
        mouse: chosen.mouse,
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
        notices: Notices { bell: chosen.bell, desktop: chosen.desktop, on_end: chosen.notify_on_end },
        rules: Some(KeepRule(std::sync::Arc::new(move |rule| super::keep_rule::keep(&chosen.policy, rule)))),
        control,
        opening: None,
    })
}

/// Runs the client until the user leaves. `left` is asked for words to print afterwards when the session continues.
pub fn run(
    runtime: &tokio::runtime::Runtime,
    options: Options,
    connect: impl Future<Output = Result<Stream, String>> + Send + 'static,
    left: impl FnOnce() -> String,
) -> Done {
    let ended = runtime.block_on(run::run(options, connect)).map_err(|e| Fail::usage(e.to_string()))?;
    match ended {
        Ended::Left(Leave::Detach) => super::print(&left()).map(|()| DONE),
        Ended::Left(Leave::Quit) => Ok(DONE),
        Ended::Left(Leave::Interrupt) => super::print(&left()).map(|()| INTERRUPTED),
        Ended::Signal(number) => Ok(code_of_signal(number)),
        Ended::HungUp => Ok(129),
    }
}

/// Returns the shells' exit code for an end by a signal: 128 and its number.
pub fn code_of_signal(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(130)
}
