//! Signs that say by shape what color says too, each with a replacement for terminals without Unicode.

macro_rules! signs {
    ($($name:ident = $unicode:literal | $ascii:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sign { $($name,)* }

        impl Sign {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn pair(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($unicode, $ascii),)* }
            }
        }
    };
}

signs! {
    Done = "✓" | "+",
    Failed = "✗" | "x",
    Active = "●" | "*",
    Pending = "○" | "o",
    Open = "▾" | "v",
    Closed = "▸" | ">",
    Current = "▸" | ">",
    Held = "◆" | "#",
    Warning = "⚠" | "!",
    Drift = "~" | "~",
    Unknown = "?" | "?",
    Skipped = "–" | "-",
    Waits = "◆" | "#",
    Pinned = "⚑" | "P",
    Frozen = "❚" | "=",
    Fold = "⋯" | "..",
    Bar = "│" | "|",
    Dot = "·" | "-",
    Chosen = "■" | "[x]",
    Unchosen = "□" | "[ ]",
    Prompt = "›" | ">",
    Cut = "…" | "~",
    Minus = "−" | "-",
    Rising = "▁" | "_",
}

/// The set of signs a terminal gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    Unicode,
    Ascii,
}

impl Signs {
    /// Unicode when the locale says UTF-8 (the first set of `LC_ALL`, `LC_CTYPE`, `LANG`), or says nothing.
    #[must_use]
    pub fn detect(locale: Option<&str>, term: Option<&str>) -> Self {
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8")
        });
        if utf8 && term != Some("linux") { Self::Unicode } else { Self::Ascii }
    }

    #[must_use]
    pub fn show(self, sign: Sign) -> &'static str {
        let (unicode, ascii) = sign.pair();
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_has_a_stand_in_in_ascii() {
        for sign in Sign::ALL {
            let (unicode, ascii) = sign.pair();
            assert!(ascii.is_ascii() && !ascii.is_empty(), "{sign:?}");
            assert!(unicode_width::UnicodeWidthStr::width(unicode) <= 2, "{sign:?}");
        }
    }

    #[test]
    fn the_locale_chooses() {
        assert_eq!(Signs::detect(Some("C.UTF-8"), Some("xterm")), Signs::Unicode);
        assert_eq!(Signs::detect(Some("POSIX"), Some("xterm")), Signs::Ascii);
        assert_eq!(Signs::detect(None, Some("linux")), Signs::Ascii);
    }
}
