//! Plans kept for use again: texts in the configuration's folder, with placeholders in braces that are filled in when
//! one is used.

use super::args::Shared;
use super::limits::{PLAN_FILE_BYTES_MAX, PLAN_FILES_MAX};
use super::place::Places;
use super::{DONE, Done, Fail, print};
use crate::config::Paths;
use crate::journal::Reader;
use crate::model::Session;
use crate::model::plan::{self, is_template_name, placeholders};
use crate::ui::run::files::PlanFiles;
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
    let none =
        || Fail::usage(format!("session {} has no plan text that was reviewed; --mode plan asks for one", place.id));
    let latest = state.plans.latest().ok_or_else(none)?;
    if file.exists() && !replace {
        return Err(Fail::usage(format!("{} already exists; use --replace to replace it", file.display())));
    }
    keep(&file, &latest.document.text)?;
    print(&format!("version {} of the plan is saved as {}", latest.number, file.display()))?;
    Ok(DONE)
}

fn keep(file: &Path, text: &str) -> Result<(), Fail> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(Fail::at(folder))?;
    let new = file.with_extension("new");
    let written = super::place::private_file(&new).and_then(|mut out| out.write_all(text.as_bytes()));
    written.and_then(|()| std::fs::rename(&new, file)).map_err(Fail::at(file))
}

/// All templates with their texts, by name.
fn all(config: Option<&Path>) -> Result<Vec<(String, String)>, Fail> {
    let folder = folder(config)?;
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let stem = |path: &Path| {
        path.extension().is_some_and(|end| end == "md").then(|| path.file_stem()?.to_str().map(str::to_owned))?
    };
    let names = files.filter_map(|file| stem(&file.path())).filter(|name| is_template_name(name));
    let mut names: Vec<String> = names.take(PLAN_FILES_MAX).collect();
    names.sort();
    names.into_iter().map(|name| Ok((name.clone(), read(&folder.join(format!("{name}.md")))?))).collect()
}

/// `rightseat plan list`: the names with their placeholders.
pub fn list(shared: &Shared) -> Done {
    let all = all(shared.config.as_deref())?;
    for (name, text) in &all {
        let wanted = placeholders(text);
        let wanted =
            if wanted.is_empty() { String::new() } else { format!("  --set {}=…", wanted.join("=… --set ")) };
        print(&format!("{name}{wanted}"))?;
    }
    if all.is_empty() {
        let folder = folder(shared.config.as_deref())?;
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
    if !is_template_name(name) {
        let text = "a plan's name has letters, digits, - and _ only, at most 64 of them";
        return Err(Fail::usage(format!("{name:?} cannot be the name of a plan: {text}")));
    }
    Ok(folder(config)?.join(format!("{name}.md")))
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

/// The text with every placeholder filled in, and no value left over.
fn filled(text: &str, values: &[(String, String)]) -> Result<String, String> {
    let wanted = placeholders(text);
    if let Some((name, _)) = values.iter().find(|(name, _)| !wanted.contains(&name.as_str())) {
        return Err(format!("the plan has no placeholder {{{name}}}"));
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !values.iter().any(|(own, _)| own == name)).collect();
    if !missing.is_empty() {
        return Err(format!("fill in the plan's placeholders: --set {}=…", missing.join("=… --set ")));
    }
    plan::filled(text, values).map_err(str::to_owned)
}

/// The templates, for a client.
pub struct Kept {
    pub config: Option<PathBuf>,
}

impl PlanFiles for Kept {
    fn save(&self, name: &str, text: &str) -> Result<String, String> {
        let file = template(self.config.as_deref(), name).map_err(|fail| fail.text)?;
        if file.exists() {
            return Err(format!("{} already exists; choose another name", file.display()));
        }
        keep(&file, text).map_err(|fail| fail.text)?;
        Ok(file.display().to_string())
    }

    fn list(&self) -> Result<Vec<(String, String)>, String> {
        all(self.config.as_deref()).map_err(|fail| fail.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_needs_a_value_and_every_value_a_placeholder() {
        let text = "1. Rename {old} to {new}\n";
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            filled(text, &pairs)
        };
        assert_eq!(set(&[("old", "a"), ("new", "b")]).unwrap(), "1. Rename a to b\n");
        assert!(set(&[("old", "a")]).unwrap_err().contains("--set new=…"));
        assert!(set(&[("old", "a"), ("new", "b"), ("none", "c")]).unwrap_err().contains("{none}"));
    }
}
