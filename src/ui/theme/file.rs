//! Reading theme files: palette, roles, inheritance. Errors name the file, the place and what was expected.

use super::{FLAGS, Role, Theme};
use crate::ui::inherit::{FileError, Inherits, Shelf};
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The reason that a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{place}: `{key}` is not part of a style: use fg, bg, bold, dim, italic, underlined, reversed, crossed")]
    Part { place: String, key: String },
    #[error("{place}: [roles] has `{role}`, which is not a role; see the bundled themes for the list")]
    Role { place: String, role: String },
    #[error(
        "{place}: `{value}` is not a color: use #rrggbb, a name from [palette], or a terminal color such as `light-blue` or `default`"
    )]
    Color { place: String, value: String },
    #[error("{place}: role `{role}` has no style, in this theme or in those it inherits from")]
    Missing { place: String, role: &'static str },
}

const SHELF: Shelf = Shelf {
    what: "theme",
    bundled: &[
        ("dark", include_str!("../../../themes/dark.toml")),
        ("light", include_str!("../../../themes/light.toml")),
        ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
        ("ansi16", include_str!("../../../themes/ansi16.toml")),
        ("mono", include_str!("../../../themes/mono.toml")),
    ],
};

/// The bundled themes, in the order in which they are offered.
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
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, Paint>,
}

impl Inherits for File {
    fn inherits(&self) -> Option<&str> {
        self.inherits.as_deref()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Paint {
    Foreground(String),
    Full(BTreeMap<String, Value>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Value {
    Flag(bool),
    Color(String),
}

/// A bundled theme.
///
/// # Errors
/// When there is none of that name (the bundled files themselves are held by a test).
pub fn builtin(name: &str) -> Result<Theme, ThemeError> {
    load(name, None)
}

/// A theme by name: the user's own directory first, then the bundled ones. A user theme may inherit from a
/// bundled one of the same name.
///
/// # Errors
/// Says which file is wrong, where, and what was expected.
pub fn load(name: &str, user_dir: Option<&Path>) -> Result<Theme, ThemeError> {
    let chain = SHELF.chain::<File>(name, user_dir)?;
    build(name, &chain)
}

/// Lays the files over each other, the first on top: its palette also recolors the roles it inherits.
fn build(name: &str, chain: &[(String, File)]) -> Result<Theme, ThemeError> {
    let mut palette = BTreeMap::new();
    let mut roles: BTreeMap<&str, (&str, &Paint)> = BTreeMap::new();
    for (place, file) in chain.iter().rev() {
        palette.extend(file.palette.iter().map(|(name, color)| (name.as_str(), color.as_str())));
        for (role, paint) in &file.roles {
            if !Role::ALL.iter().any(|known| known.name() == role) {
                return Err(ThemeError::Role { place: place.clone(), role: role.clone() });
            }
            roles.insert(role.as_str(), (place.as_str(), paint));
        }
    }
    let place = chain.first().map_or_else(String::new, |(place, _)| place.clone());
    let mut styles = [Style::new(); Role::COUNT];
    for (role, style) in Role::ALL.iter().zip(&mut styles) {
        let (place, paint) =
            roles.get(role.name()).ok_or_else(|| ThemeError::Missing { place: place.clone(), role: role.name() })?;
        *style = style_of(paint, &palette, place)?;
    }
    let top = chain.first().map(|(_, file)| file);
    Ok(Theme {
        name: top.and_then(|file| file.name.clone()).unwrap_or_else(|| name.to_owned()),
        description: top.map(|file| file.description.clone()).unwrap_or_default(),
        styles,
    })
}

fn style_of(paint: &Paint, palette: &BTreeMap<&str, &str>, place: &str) -> Result<Style, ThemeError> {
    let wrong = |value: &str| ThemeError::Color { place: place.to_owned(), value: value.to_owned() };
    let color = |value: &str| {
        let value = palette.get(value).copied().unwrap_or(value);
        color_of(value).ok_or_else(|| wrong(value))
    };
    let parts = match paint {
        Paint::Foreground(value) => return Ok(Style { fg: color(value)?, ..Style::new() }),
        Paint::Full(parts) => parts,
    };
    let mut style = Style::new();
    for (key, value) in parts {
        let flag = FLAGS.iter().find(|(name, _)| name == key).map_or(Modifier::empty(), |(_, flag)| *flag);
        match (key.as_str(), value) {
            ("fg", Value::Color(value)) => style.fg = color(value)?,
            ("bg", Value::Color(value)) => style.bg = color(value)?,
            (_, Value::Flag(on)) if !flag.is_empty() => {
                if *on {
                    style = style.add_modifier(flag);
                }
            }
            (_, Value::Flag(_) | Value::Color(_)) => {
                return Err(ThemeError::Part { place: place.to_owned(), key: key.clone() });
            }
        }
    }
    Ok(style)
}

/// `Some(None)` leaves the color as it is, which is the terminal's own where nothing is drawn below.
fn color_of(value: &str) -> Option<Option<Color>> {
    if value == "default" {
        return Some(None);
    }
    if let Some(hex) = value.strip_prefix('#') {
        let number = (hex.len() == 6).then(|| u32::from_str_radix(hex, 16).ok()).flatten()?;
        let [_, r, g, b] = number.to_be_bytes();
        return Some(Some(Color::Rgb(r, g, b)));
    }
    let named = match value {
        "terminal" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "gray" => Color::Gray,
        "dark-gray" => Color::DarkGray,
        "light-red" => Color::LightRed,
        "light-green" => Color::LightGreen,
        "light-yellow" => Color::LightYellow,
        "light-blue" => Color::LightBlue,
        "light-magenta" => Color::LightMagenta,
        "light-cyan" => Color::LightCyan,
        "white" => Color::White,
        _ => return None,
    };
    Some(Some(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_theme_is_complete_and_called_as_its_file() {
        for name in builtin_names() {
            let theme = builtin(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(theme.name, name);
            assert!(!theme.description.is_empty(), "{name}");
        }
    }

    #[test]
    fn sixteen_colours_are_enough_for_ansi16_and_none_for_mono() {
        let ansi = builtin("ansi16").unwrap();
        let mono = builtin("mono").unwrap();
        for role in Role::ALL {
            for color in [ansi.style(*role).fg, ansi.style(*role).bg].into_iter().flatten() {
                assert!(!matches!(color, Color::Rgb(..) | Color::Indexed(_)), "{} uses {color:?}", role.name());
            }
            assert_eq!((mono.style(*role).fg, mono.style(*role).bg), (None, None), "{}", role.name());
        }
    }

    /// A terminal with sixteen colors may be light or dark: no words are in a color that is its background.
    #[test]
    fn ansi16_can_be_read_on_black_and_on_white() {
        let ansi = builtin("ansi16").unwrap();
        for role in Role::ALL {
            let style = ansi.style(*role);
            let hidden = style.bg.is_none() && matches!(style.fg, Some(Color::White | Color::Gray | Color::Black));
            assert!(!hidden, "{} is {:?} on the terminal's own background", role.name(), style.fg);
        }
    }

    #[test]
    fn what_needs_the_human_differs_from_the_rest_without_colour() {
        let mono = builtin("mono").unwrap();
        for (loud, quiet) in [
            (Role::Waits, Role::Text),
            (Role::Alarm, Role::Text),
            (Role::BorderFocus, Role::Border),
            (Role::Cursor, Role::Text),
            (Role::DiffAdd, Role::DiffDel),
        ] {
            assert_ne!(mono.style(loud), mono.style(quiet), "{}", loud.name());
        }
    }

    #[test]
    fn a_user_theme_overrides_and_inherits() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("dark.toml"),
            "inherits = 'dark'\n[palette]\naccent = '#010203'\n[roles]\ntext = { fg = 'red', bold = true }\n",
        )
        .unwrap();
        let theme = load("dark", Some(dir.path())).unwrap();
        assert_eq!(theme.style(Role::Text), Style::new().fg(Color::Rgb(0xee, 0x7a, 0x82)).add_modifier(Modifier::BOLD));
        assert_eq!(theme.style(Role::BorderFocus).fg, Some(Color::Rgb(1, 2, 3)));
    }

    #[test]
    fn mistakes_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let check = |text: &str, expect: &str| {
            std::fs::write(dir.path().join("mine.toml"), text).unwrap();
            let error = load("mine", Some(dir.path())).unwrap_err().to_string();
            assert!(error.contains(expect) && error.contains("mine"), "{error}");
        };
        check("inherits = 'dark'\n[roles]\ntext = 'reddish'\n", "`reddish` is not a color");
        check("inherits = 'dark'\n[roles]\ntxt = 'red'\n", "`txt`, which is not a role");
        check("[roles]\ntext = 'red'\n", "role `text.soft` has no style");
        check("inherits = 'dark'\n[roles]\ntext = { loud = true }\n", "`loud` is not part of a style");
        check("inherits = 'mine'\n", "inherit");
        check("inherits = \n", "not a theme");
        assert!(builtin("nowhere").unwrap_err().to_string().contains("known: dark"));
    }
}
