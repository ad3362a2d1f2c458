//! Themes: a palette and a style for every role, read from TOML; a role never exists without a style.

pub mod contrast;
mod file;
mod role;
mod sign;

pub use file::{ThemeError, builtin, builtin_names, load};
pub use role::Role;
pub use sign::{Sign, Signs};

use ratatui::style::{Color, Modifier, Style};

/// The number of colors the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    /// The 256-color cube and gray ramp of xterm.
    Indexed,
    Ansi16,
    Mono,
}

impl Depth {
    /// From the environment's `NO_COLOR` (<https://no-color.org>: set and not empty), `COLORTERM` and `TERM`.
    #[must_use]
    pub fn detect(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) {
            return Self::Mono;
        }
        if matches!(colorterm, Some("truecolor" | "24bit")) {
            return Self::True;
        }
        match term.unwrap_or_default() {
            term if term.contains("direct") || term.contains("kitty") || term.contains("ghostty") => Self::True,
            term if term.contains("256") => Self::Indexed,
            "vt100" | "vt102" | "vt220" => Self::Mono,
            _ => Self::Ansi16,
        }
    }

    /// The built-in theme to fall back to when a terminal cannot show the chosen one.
    #[must_use]
    pub fn theme_name(self, wanted: &str) -> &str {
        match self {
            Self::True | Self::Indexed => wanted,
            Self::Ansi16 if wanted == "mono" => wanted,
            Self::Ansi16 => "ansi16",
            Self::Mono => "mono",
        }
    }
}

/// A complete theme.
#[derive(Debug, Clone)]
pub struct Theme {
    pub name: String,
    pub description: String,
    styles: [Style; Role::COUNT],
}

impl Theme {
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Replaces 24-bit colors by the nearest of the xterm cube when the terminal has only 256.
    #[must_use]
    pub fn at_depth(mut self, depth: Depth) -> Self {
        for style in &mut self.styles {
            match depth {
                Depth::True | Depth::Ansi16 => {}
                Depth::Indexed => {
                    style.fg = style.fg.map(nearest_indexed);
                    style.bg = style.bg.map(nearest_indexed);
                }
                Depth::Mono => {
                    style.fg = None;
                    style.bg = None;
                }
            }
        }
        self
    }
}

/// xterm's 6×6×6 cube (levels 0, 95, 135 … 255) and its gray ramp (8, 18 … 238), whichever is nearer.
fn nearest_indexed(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    let level = |index: u8| if index == 0 { 0 } else { 55 + 40 * index };
    let nearest = |value: u8| (0..6_u8).min_by_key(|index| level(*index).abs_diff(value)).unwrap_or(0);
    let (ri, gi, bi) = (nearest(r), nearest(g), nearest(b));
    let grey = (0..24_u8)
        .min_by_key(|index| distance((r, g, b), (8 + 10 * index, 8 + 10 * index, 8 + 10 * index)))
        .unwrap_or(0);
    let grey_level = 8 + 10 * grey;
    if distance((r, g, b), (grey_level, grey_level, grey_level))
        < distance((r, g, b), (level(ri), level(gi), level(bi)))
    {
        Color::Indexed(232 + grey)
    } else {
        Color::Indexed(16 + 36 * ri + 6 * gi + bi)
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

/// Flags a theme may set, by the name it uses.
const FLAGS: &[(&str, Modifier)] = &[
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("crossed", Modifier::CROSSED_OUT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let check = |no_color, colorterm, term, depth| {
            assert_eq!(Depth::detect(no_color, colorterm, Some(term)), depth, "{term}")
        };
        check(None, Some("truecolor"), "xterm-256color", Depth::True);
        check(None, None, "xterm-256color", Depth::Indexed);
        check(None, None, "linux", Depth::Ansi16);
        check(None, None, "vt100", Depth::Mono);
        check(Some("1"), Some("truecolor"), "xterm-256color", Depth::Mono);
        check(Some(""), Some("truecolor"), "xterm-256color", Depth::True);
    }

    #[test]
    fn colours_are_rounded_to_the_cube_or_the_grey_ramp() {
        let check = |rgb: (u8, u8, u8), index| {
            assert_eq!(nearest_indexed(Color::Rgb(rgb.0, rgb.1, rgb.2)), Color::Indexed(index), "{rgb:?}")
        };
        check((0, 0, 0), 16);
        check((255, 255, 255), 231);
        check((255, 0, 0), 196);
        check((0x21, 0x26, 0x2f), 235);
    }
}
