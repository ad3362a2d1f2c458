//! Contrast of two colors as WCAG 2.2 defines it (relative luminance, ratio 1 to 21).

use ratatui::style::Color;

/// Ratio between two 24-bit colors; `None` when either is left to the terminal.
#[must_use]
pub fn ratio(a: Color, b: Color) -> Option<f64> {
    let (a, b) = (luminance(a)?, luminance(b)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

fn luminance(color: Color) -> Option<f64> {
    let Color::Rgb(r, g, b) = color else { return None };
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    Some(0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Role, builtin};

    #[test]
    fn black_on_white_is_twenty_one() {
        let black_on_white = ratio(Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)).unwrap();
        assert!((black_on_white - 21.0).abs() < 0.01);
    }

    /// Whatever carries words must be readable on the background it is likely to have, and on its own.
    #[test]
    fn words_can_be_read_in_every_theme() {
        for (name, background, faintest) in [
            ("dark", Color::Rgb(0x16, 0x18, 0x1d), 2.4),
            ("light", Color::Rgb(0xff, 0xff, 0xff), 2.8),
            ("high-contrast", Color::Rgb(0, 0, 0), 7.0),
        ] {
            let theme = builtin(name).unwrap();
            let diff_backgrounds =
                [Role::DiffAdd, Role::DiffDel, Role::Cursor].map(|role| theme.style(role).bg.unwrap());
            for role in Role::ALL {
                let style = theme.style(*role);
                let Some(fg) = style.fg else { continue };
                let quiet = matches!(
                    role,
                    Role::TextFaint
                        | Role::Border
                        | Role::DiffNumber
                        | Role::DiffFold
                        | Role::DiffOff
                        | Role::InputGhost
                );
                let least = if *role == Role::Border {
                    1.5
                } else if quiet {
                    faintest
                } else if name == "high-contrast" {
                    7.0
                } else {
                    4.5
                };
                let found = ratio(fg, style.bg.unwrap_or(background)).unwrap();
                assert!(found >= least, "{name}: {} has {found:.2}, needs {least}", role.name());
                if role.name().starts_with("syntax.") {
                    for bg in diff_backgrounds {
                        let found = ratio(fg, bg).unwrap();
                        assert!(found >= 3.0, "{name}: {} on a diff line has {found:.2}", role.name());
                    }
                }
            }
        }
    }
}
