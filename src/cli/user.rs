//! The user's own files: where they are.

use super::Fail;
use std::path::{Path, PathBuf};

/// The directory of config.toml, agents.toml, models.toml, policy.toml, themes/ and keymaps/: beside the file named by
/// `--config`, else the platform's.
pub fn config_dir(config: Option<&Path>) -> Result<PathBuf, Fail> {
    if let Some(file) = config {
        let file = std::path::absolute(file)?;
        return Ok(file.parent().unwrap_or(Path::new("/")).to_owned());
    }
    let none = || Fail::usage("no home directory is known; give --config".into());
    let dirs = directories::ProjectDirs::from("", "", "rightseat").ok_or_else(none)?;
    Ok(dirs.config_dir().to_owned())
}
