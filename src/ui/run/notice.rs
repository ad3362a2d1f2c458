//! Calls a user who is looking elsewhere, in the ways that their terminal knows. The words are our own only.

use crate::ui::app::Notice;

/// How the user wants to be called while they look elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notices {
    /// BEL.
    pub bell: bool,
    /// A notification of the desktop, as this terminal takes it.
    pub desktop: Option<Desktop>,
    /// The terminal is inside of tmux, which passes on only what is wrapped for it (`allow-passthrough`).
    pub in_tmux: bool,
    /// Also when the session has ended.
    pub on_end: bool,
}

/// The sequences for a notification. Terminals ignore those that they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desktop {
    /// iTerm2's; most terminals know it.
    Osc9,
    /// rxvt's: VTE, foot.
    Osc777,
    /// kitty's.
    Osc99,
}

impl Desktop {
    /// What a terminal takes, by `TERM`, and whether it is VTE.
    #[must_use]
    pub fn of(term: Option<&str>, is_vte: bool) -> Self {
        match term {
            Some(term) if term.contains("kitty") => Self::Osc99,
            Some(term) if is_vte || term.starts_with("rxvt") || term.starts_with("foot") => Self::Osc777,
            Some(_) | None => Self::Osc9,
        }
    }
}

/// The bytes that call; none where the user does not want to be called.
pub(super) fn call(notices: Notices, notice: Notice) -> Vec<u8> {
    let words = match notice {
        Notice::Ended if !notices.on_end => return Vec::new(),
        Notice::Ended => "the agent has finished",
        Notice::Waits => "an action needs your decision",
    };
    let mut text = String::new();
    if let Some(desktop) = notices.desktop {
        let sequence = match desktop {
            Desktop::Osc9 => format!("\x1b]9;rightseat: {words}\x1b\\"),
            Desktop::Osc777 => format!("\x1b]777;notify;rightseat;{words}\x1b\\"),
            Desktop::Osc99 => format!("\x1b]99;;rightseat: {words}\x1b\\"),
        };
        text = match notices.in_tmux {
            true => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
            false => sequence,
        };
    }
    if notices.bell {
        text.push('\x07');
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_terminal_is_called_as_it_knows_it() {
        let check = |term: &str, is_vte: bool, in_tmux: bool, expect: &str| {
            let desktop = Some(Desktop::of(Some(term), is_vte));
            let notices = Notices { bell: true, desktop, in_tmux, on_end: false };
            assert_eq!(String::from_utf8(call(notices, Notice::Waits)).unwrap(), format!("{expect}\x07"), "{term}");
            assert!(call(notices, Notice::Ended).is_empty());
        };
        let words = "an action needs your decision";
        check("xterm-256color", false, false, &format!("\x1b]9;rightseat: {words}\x1b\\"));
        check("xterm-256color", true, false, &format!("\x1b]777;notify;rightseat;{words}\x1b\\"));
        check("foot", false, false, &format!("\x1b]777;notify;rightseat;{words}\x1b\\"));
        check("xterm-kitty", false, false, &format!("\x1b]99;;rightseat: {words}\x1b\\"));
        let wrapped = format!("\x1bPtmux;\x1b\x1b]9;rightseat: {words}\x1b\x1b\\\x1b\\");
        check("tmux-256color", false, true, &wrapped);
    }
}
