//! `rightseat themes`: what there is to choose from, bundled and the user's own.

use super::args::Shared;
use super::{DONE, Done, print, screen, settings};
use crate::base::text::Untrusted;
use crate::ui::theme;
use std::collections::BTreeSet;
use std::path::Path;

/// Lists the themes; a file of the user's that cannot be used is listed with the reason.
pub fn list(shared: &Shared) -> Done {
    let look = settings::look(shared)?;
    let mut names: Vec<String> = theme::builtin_names().map(str::to_owned).collect();
    let own: BTreeSet<String> = look.theme_dir.as_deref().map(names_in).unwrap_or_default();
    names.extend(own.iter().filter(|name| !theme::builtin_names().any(|known| known == name.as_str())).cloned());
    for name in names {
        let mark = if name == look.theme { '*' } else { ' ' };
        let (from, says) = match theme::load(&name, look.theme_dir.as_deref()) {
            Ok(theme) if own.contains(&name) => ("yours", theme.description),
            Ok(theme) => ("bundled", theme.description),
            Err(error) => ("broken", error.to_string()),
        };
        let (name, says) = (Untrusted::new(name), Untrusted::new(says));
        print(&format!("{mark} {:<16} {from:<8} {}", name.visible(), says.visible()))?;
    }
    let shown = screen::depth().theme_name(&look.theme).to_owned();
    if shown != look.theme {
        print(&format!("this terminal has too few colors for {}; {shown} is used instead", look.theme))?;
    }
    Ok(DONE)
}

/// The names of the TOML files in a directory.
pub fn names_in(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let path = entry.path();
            let is_toml = path.extension().is_some_and(|e| e == "toml");
            is_toml.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
        })
        .collect()
}
