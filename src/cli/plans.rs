//! Plans kept for use again: texts in the configuration's folder, with placeholders in braces that are filled in when
//! one is used.

use super::args::Shared;
use super::limits::PLAN_FILE_BYTES_MAX;
use super::place::Places;
use super::{DONE, Done, Fail, print};
use crate::config::Paths;
use crate::journal::Reader;
use crate::model::Session;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// `rightseat plan save`: the newest text of the session's plan, as it is.
pub fn save(shared: &Shared, name: &str, session: Option<&str>, replace: bool) -> Done {
    let file = template(shared.config.as_deref(), name)?;
    let place = Places::open(shared.state_dir())?.find(session)?;
    let reader = Reader::open(&place.journal())?;
    let mut state = Session::default();
    for record in reader.iter(crate::base::Seq(1)) {
        state.apply(&record?.envelope());
    }
    let none = || Fail::usage(format!("session {} has no plan", place.id));
    let latest = state.plans.latest().ok_or_else(none)?;
    if file.exists() && !replace {
        return Err(Fail::usage(format!("{} already exists; use --replace to replace it", file.display())));
    }
    let folder = file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(Fail::at(folder))?;
    let new = file.with_extension("new");
    let written = super::place::private_file(&new).and_then(|mut out| out.write_all(latest.document.text.as_bytes()));
    written.and_then(|()| std::fs::rename(&new, &file)).map_err(Fail::at(&file))?;
    print(&format!("version {} of the plan is saved as {}", latest.number, file.display()))?;
    Ok(DONE)
}

/// `rightseat plan list`: the names with their placeholders.
pub fn list(shared: &Shared) -> Done {
    let folder = folder(shared.config.as_deref())?;
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let stem = |path: &Path| {
        path.extension().is_some_and(|end| end == "md").then(|| path.file_stem()?.to_str().map(str::to_owned))?
    };
    let mut names: Vec<String> = files.filter_map(|file| stem(&file.path())).filter(|name| is_name(name)).collect();
    names.sort();
    for name in &names {
        let text = read(&folder.join(format!("{name}.md")))?;
        let wanted = placeholders(&text);
        let wanted =
            if wanted.is_empty() { String::new() } else { format!("  --set {}=…", wanted.join("=… --set ")) };
        print(&format!("{name}{wanted}"))?;
    }
    if names.is_empty() {
        print(&format!("no plans in {}; `rightseat plan save NAME` keeps one", folder.display()))?;
    }
    Ok(DONE)
}

/// The text that `--plan` names, a template or a file, with its placeholders filled in.
pub fn text(shared: &Shared) -> Result<Option<String>, Fail> {
    let Some(named) = &shared.plan else {
        return match shared.set.first() {
            Some(_) => Err(Fail::usage("--set fills in a placeholder of a plan: name one with --plan".to_owned())),
            None => Ok(None),
        };
    };
    let template = template(shared.config.as_deref(), named).ok().filter(|file| file.is_file());
    let file = template.unwrap_or_else(|| PathBuf::from(named));
    if !file.is_file() {
        let text = format!("there is no plan {named:?}: `rightseat plan list` lists yours, and no such file exists");
        return Err(Fail::usage(text));
    }
    let pair = |one: &String| {
        let pair = one.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.to_owned()));
        pair.ok_or_else(|| Fail::usage(format!("--set takes NAME=VALUE, not {one:?}")))
    };
    let values = shared.set.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    filled(&read(&file)?, &values).map(Some).map_err(|why| Fail::usage(format!("{}: {why}", file.display())))
}

fn folder(config: Option<&Path>) -> Result<PathBuf, Fail> {
    Ok(Paths::dir_of(config)?.join("plans"))
}

fn template(config: Option<&Path>, name: &str) -> Result<PathBuf, Fail> {
    if !is_name(name) {
        let text = "a plan's name has letters, digits, - and _ only, at most 64 of them";
        return Err(Fail::usage(format!("{name:?} cannot be the name of a plan: {text}")));
    }
    Ok(folder(config)?.join(format!("{name}.md")))
}

/// A name that is a file in the folder and nothing else.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-')
}

fn read(file: &Path) -> Result<String, Fail> {
    let mut text = String::new();
    let source = std::fs::File::open(file).map_err(Fail::at(file))?;
    source.take(PLAN_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(Fail::at(file))?;
    if text.len() as u64 > PLAN_FILE_BYTES_MAX {
        return Err(Fail::usage(format!("{} has more than {PLAN_FILE_BYTES_MAX} bytes", file.display())));
    }
    Ok(text)
}

/// The pieces of a text: what stands as it is, and names in braces.
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut out = Vec::new();
    let (mut rest, mut plain) = (text, 0);
    while let Some(at) = rest.get(plain..).and_then(|tail| tail.find('{')).map(|at| at + plain) {
        let inside = rest.get(at + 1..).and_then(|tail| tail.split_once('}')).map(|(name, _)| name);
        let fits = |name: &&str| name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_name(name);
        match inside.filter(fits) {
            Some(name) => {
                out.push((rest.get(..at).unwrap_or_default(), Some(name)));
                rest = rest.get(at + name.len() + 2..).unwrap_or_default();
                plain = 0;
            }
            None => plain = at + 1,
        }
    }
    out.push((rest, None));
    out
}

/// The names of its placeholders, each once.
fn placeholders(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in pieces(text).into_iter().filter_map(|(_, name)| name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The text with every placeholder filled in; a value is taken as it is, whatever it contains.
fn filled(text: &str, values: &[(String, String)]) -> Result<String, String> {
    let wanted = placeholders(text);
    if let Some((name, _)) = values.iter().find(|(name, _)| !wanted.contains(&name.as_str())) {
        return Err(format!("the plan has no placeholder {{{name}}}"));
    }
    let value = |name: &str| values.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let missing: Vec<&str> = wanted.into_iter().filter(|name| value(name).is_none()).collect();
    if !missing.is_empty() {
        return Err(format!("fill in the plan's placeholders: --set {}=…", missing.join("=… --set ")));
    }
    let each = pieces(text).into_iter().map(|(plain, name)| [plain, name.and_then(value).unwrap_or_default()].concat());
    Ok(each.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_once_and_code_is_left_alone() {
        let text = "1. Rename {old} to {new}\n2. `fn f() { {old} }` {} {1} { x }\n";
        assert_eq!(placeholders(text), ["old", "new"]);
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            filled(text, &pairs)
        };
        let done = set(&[("old", "{new}"), ("new", "é")]).unwrap();
        assert_eq!(
            done, "1. Rename {new} to é\n2. `fn f() { {new} }` {} {1} { x }\n",
            "a value is not filled in again"
        );
        assert!(set(&[("old", "a")]).unwrap_err().contains("--set new=…"));
        assert!(set(&[("old", "a"), ("new", "b"), ("none", "c")]).unwrap_err().contains("{none}"));
        assert_eq!(filled("no {", &[]).unwrap(), "no {");
    }

    #[test]
    fn a_name_is_a_file_in_the_folder_and_nothing_else() {
        for bad in ["", "..", "a/b", "/etc/passwd", "a.md", ".a", "a b", "-x", "é", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
        assert!(is_name("fix-bug_2"));
    }
}
