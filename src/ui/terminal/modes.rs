//! The terminal modes we set, and their return: exactly once, on every way out.
//!
//! No query is ever sent, so nothing waits for an answer: the kitty keyboard protocol is pushed blindly, which
//! terminals without it ignore (its specification asks them to), and `--no-kitty` leaves it out.

use super::links;
use crate::ui::limits::UI_RESTORE_MS_MAX;
use ratatui::layout::Size;
use std::io::{self, IsTerminal as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The reason that a full-screen session cannot open here.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{0} is not a terminal (tty); use `--headless` for scripts")]
    NotATty(&'static str),
    #[error("TERM={0} cannot draw a screen; use `--linear` for plain lines or `--headless` for scripts")]
    Dumb(String),
    #[error("cannot set up the terminal: {0}; use `--headless` to run without one")]
    Io(#[from] io::Error),
}

/// The terminal modes we request beyond the alternate screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub mouse: bool,
    pub kitty: bool,
    /// Linear mode stays on the main screen so that a screen reader and the scrollback keep the text.
    pub alternate: bool,
    /// Bracketed paste; a terminal that knows no sequences at all gets none.
    pub paste: bool,
    /// Links are written, so one may be open when a write breaks off.
    pub links: bool,
}

static ENTERED: AtomicBool = AtomicBool::new(false);
static PANIC_HOOK: Once = Once::new();

/// The modes as long as they are set; gives them back when dropped.
#[derive(Debug)]
pub struct Modes {
    options: Options,
}

/// Says whether a screen can be drawn here at all.
///
/// # Errors
/// Names what is missing and the way around it.
pub fn check(term: Option<&str>, linear: bool) -> Result<(), TerminalError> {
    if !io::stdin().is_terminal() {
        return Err(TerminalError::NotATty("stdin"));
    }
    if !io::stdout().is_terminal() {
        return Err(TerminalError::NotATty("stdout"));
    }
    match term {
        Some(term @ ("dumb" | "")) if !linear => Err(TerminalError::Dumb(term.to_owned())),
        None if !linear => Err(TerminalError::Dumb(String::new())),
        Some(_) | None => Ok(()),
    }
}

/// Columns and rows of the terminal; 0×0 when it does not say.
#[must_use]
pub fn size() -> Size {
    crossterm::terminal::size().map_or_else(|_| Size::default(), |(width, height)| Size::new(width, height))
}

impl Modes {
    /// Raw mode at once; the escape sequences are returned, to leave in one write with the first frame.
    ///
    /// # Errors
    /// When the terminal cannot be put into raw mode.
    pub fn enter(options: Options) -> Result<(Self, &'static [u8]), TerminalError> {
        PANIC_HOOK.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                previous(panic);
            }));
        });
        crossterm::terminal::enable_raw_mode()?;
        let way = match (options.alternate, options.paste) {
            (true, _) => Way::Screen,
            (false, true) => Way::Lines,
            (false, false) => Way::Plain,
        };
        WAY.store(way as u8, Ordering::SeqCst);
        LINKS.store(options.links && options.alternate, Ordering::SeqCst);
        ENTERED.store(true, Ordering::SeqCst);
        Ok((Self { options }, enter_bytes(options)))
    }

    /// Sets the same modes again, after [`restore`] and a suspension.
    ///
    /// # Errors
    /// When the terminal cannot be put into raw mode.
    pub fn reenter(&self) -> Result<&'static [u8], TerminalError> {
        crossterm::terminal::enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        Ok(enter_bytes(self.options))
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        restore();
    }
}

/// DEC private modes as in xterm's ctlseqs: 1049 alternate screen, 2004 bracketed paste, 1004 focus events,
/// 1000 and 1006 clicks and wheel in SGR form; `CSI > 3 u` pushes kitty's flags 1 (disambiguate) and 2 (event types).
fn enter_bytes(options: Options) -> &'static [u8] {
    match (options.alternate, options.mouse, options.kitty) {
        (true, true, true) => b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1000h\x1b[?1006h\x1b[>3u",
        (true, true, false) => b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1000h\x1b[?1006h",
        (true, false, true) => b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[>3u",
        (true, false, false) => b"\x1b[?1049h\x1b[?2004h\x1b[?1004h",
        (false, _, _) if options.paste => b"\x1b[?2004h",
        (false, _, _) => b"",
    }
}

/// Everything off in an order that suits both kinds of terminal (kitty keeps one flag stack per screen). Sent
/// whatever was set: switching off what is off does nothing.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[m\x1b[r\x1b[<u\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[0 q\x1b[?25h";
const LEAVE_LINES: &[u8] = b"\x1b[?2004l\r\n";
const LEAVE_PLAIN: &[u8] = b"\r\n";

/// The way the terminal was entered, and so is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Way {
    Screen,
    Lines,
    Plain,
}

static LINKS: AtomicBool = AtomicBool::new(false);
static WAY: AtomicU8 = AtomicU8::new(Way::Screen as u8);

/// Returns whether the terminal is ours: frames may be written to it.
#[must_use]
pub fn are_set() -> bool {
    ENTERED.load(Ordering::SeqCst)
}

/// Gives the terminal back. Safe to call from anywhere and any number of times; only the first call after an
/// entry does something. Takes no lock that a panicking thread could hold.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let bytes = match WAY.load(Ordering::SeqCst) {
        lines if lines == Way::Lines as u8 => LEAVE_LINES,
        plain if plain == Way::Plain as u8 => LEAVE_PLAIN,
        _ => LEAVE,
    };
    if LINKS.load(Ordering::SeqCst) {
        write_without_waiting(links::CLOSE);
    }
    write_without_waiting(bytes);
    let _ = crossterm::terminal::disable_raw_mode();
}

/// A terminal that takes no bytes (a stalled link, Ctrl-S) must not keep us from ending: what it does not take
/// within a few milliseconds is not sent. The flags belong to the terminal, not to us, so they are restored.
fn write_without_waiting(mut rest: &[u8]) {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let out = rustix::stdio::stdout();
    let flags = fcntl_getfl(out).ok();
    if let Some(flags) = flags {
        let _ = fcntl_setfl(out, flags | OFlags::NONBLOCK);
    }
    let mut patience = UI_RESTORE_MS_MAX;
    while !rest.is_empty() && patience > 0 {
        match rustix::io::write(out, rest) {
            Ok(0) => break,
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                std::thread::sleep(std::time::Duration::from_millis(1));
                patience -= 1;
            }
            // A hung-up terminal has nothing to restore.
            Err(_) => break,
        }
    }
    if let Some(flags) = flags {
        let _ = fcntl_setfl(out, flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_switched_on_is_switched_off() {
        let on = String::from_utf8_lossy(enter_bytes(Options {
            mouse: true,
            kitty: true,
            alternate: true,
            paste: true,
            links: true,
        }))
        .into_owned();
        let off = String::from_utf8_lossy(LEAVE).into_owned();
        for mode in on.split("\x1b[").filter(|part| part.starts_with('?')) {
            assert!(off.contains(&mode.replace('h', "l")), "{mode} stays on");
        }
        assert!(on.contains("\x1b[>3u") && off.contains("\x1b[<u"));
    }

    #[test]
    fn a_dumb_terminal_is_told_where_to_go() {
        let text = TerminalError::Dumb("dumb".to_owned()).to_string();
        assert!(text.contains("--linear") && text.contains("--headless"), "{text}");
    }
}
