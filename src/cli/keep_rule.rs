//! Adds a rule that the user made from an action to the user's policy, and removes one again.

use crate::config;
use crate::policy::Policy;
use std::io::Write as _;
use std::path::Path;
use toml_edit::{DocumentMut, Item};

/// Appends the rule to the policy file, which stays as it was unless the whole of it is in force afterwards. Returns
/// the file's name.
///
/// # Errors
/// What is wrong with the rule, the file or the disk, in words.
pub fn keep(path: &Path, rule: &str) -> Result<String, String> {
    let name = path.display().to_string();
    let before = config::read_beside(path).map_err(|e| e.to_string())?.unwrap_or_default();
    let rule = rule.trim();
    if rule.is_empty() {
        return Err("there is no rule to add".to_owned());
    }
    if let (_, Some(error)) = Policy::with_file(Vec::new(), &name, &before) {
        return Err(format!("{error}; fix the file first, nothing was added"));
    }
    let gap = if before.is_empty() { "" } else { "\n" };
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let after = format!("{before}{end}{gap}{rule}\n");
    if let (_, Some(error)) = Policy::with_file(Vec::new(), &name, &after) {
        // The user sees the rule alone: its lines count from there.
        let first = before.lines().count() + gap.len();
        let line = error.line.saturating_sub(first);
        return Err(format!("line {line}: {}", error.what));
    }
    write(path, &after)?;
    Ok(name)
}

/// Removes the rule with this id from the policy file; everything else stays as it is written.
///
/// # Errors
/// What is wrong with the file or the disk, in words; then nothing is changed.
pub fn remove(path: &Path, id: &str) -> Result<(), String> {
    let name = path.display().to_string();
    let text = config::read_beside(path).map_err(|e| e.to_string())?.unwrap_or_default();
    let mut document: DocumentMut = text.parse().map_err(|e| format!("{name}: {e}; fix the file first"))?;
    let rules = document.get_mut("rule").and_then(Item::as_array_of_tables_mut);
    let found = rules.and_then(|rules| {
        let at = rules.iter().position(|rule| rule.get("id").and_then(Item::as_str) == Some(id))?;
        rules.remove(at);
        Some(())
    });
    found.ok_or_else(|| format!("{name} has no rule with the id {id:?}: remove it by hand"))?;
    write(path, &document.to_string())
}

/// Replaces the file as a whole.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}; nothing was changed", path.display());
    let dir = path.parent().ok_or_else(|| format!("{} has no directory", path.display()))?;
    std::fs::create_dir_all(dir).map_err(failed)?;
    // A temporary file is 0600; a link is followed, so that a policy kept elsewhere stays a link.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut file = tempfile::NamedTempFile::new_in(target.parent().unwrap_or(dir)).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&target).map_err(|e| failed(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_added_behind_the_others_and_a_broken_one_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config/policy.toml");
        keep(&path, "[[rule]]\nruling = \"deny\"\npaths = [\"vendor/**\"]\n").unwrap();
        keep(&path, "[[rule]]\nruling = \"deny\"\ncommand = \"make *\"").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "[[rule]]\nruling = \"deny\"\npaths = [\"vendor/**\"]\n\n[[rule]]\nruling = \"deny\"\ncommand = \"make *\"\n"
        );
        let why = keep(&path, "[[rule]]\nruling = \"no\"\n").unwrap_err();
        assert!(why.starts_with("line 2: "), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::write(&path, "broken").unwrap();
        assert!(
            keep(&path, "[[rule]]\nruling = \"deny\"\npaths = [\"a\"]").unwrap_err().contains("fix the file first")
        );
    }

    #[test]
    fn a_rule_is_removed_by_its_id_and_the_rest_stays_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        let own = "# mine\n[[rule]]\nruling = \"deny\" # yes\npaths = [\"vendor/**\"]\n";
        keep(&path, own).unwrap();
        keep(&path, "[[rule]]\nid = \"always-1\"\nruling = \"allow\"\ncommand = \"cargo check\"").unwrap();
        remove(&path, "always-1").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), own);
        assert!(remove(&path, "always-1").unwrap_err().contains("no rule with the id"));
        assert!(remove(&dir.path().join("none.toml"), "x").is_err());
    }
}
