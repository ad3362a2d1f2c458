//! The one place that reads configuration from disk: bounded, and clear about what could not be read.

use super::file::{File, parse};
use super::layers::{Resolved, resolve};
use super::{ConfigError, Paths};
use crate::config::limits::CONFIG_FILE_BYTES_MAX;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// Settings for a session in the workspace `root`, with the flags of this start.
pub fn load(paths: &Paths, root: &Path, flags: &File) -> Result<Resolved, ConfigError> {
    let user = match read_beside(&paths.config)? {
        Some(text) => parse(&paths.config.display().to_string(), &text)?,
        None if paths.config_named => {
            return Err(ConfigError::Read { path: paths.config.clone(), why: "no such file".to_owned() });
        }
        None => File::default(),
    };
    let project_path = Paths::project_config(root);
    // A project that cannot be read as it meant may have meant to tighten: that is an error, not a shrug.
    let project =
        read_beside(&project_path)?.map(|text| parse(&project_path.display().to_string(), &text)).transpose()?;
    Ok(resolve(&user, flags, project.as_ref()))
}

/// The text of a configuration file; `None` when there is none.
pub fn read_beside(path: &Path) -> Result<Option<String>, ConfigError> {
    let fail = |why: String| ConfigError::Read { path: path.to_owned(), why };
    // Opening a pipe would wait for its writer forever.
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err(fail("it is not a regular file".to_owned())),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(fail(e.to_string())),
    }
    let file = fs::File::open(path).map_err(|e| fail(e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(CONFIG_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > CONFIG_FILE_BYTES_MAX {
        return Err(fail(format!("it is larger than {CONFIG_FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|e| fail(format!("it is not UTF-8: {e}")))
}

#[cfg(test)]
mod tests {
    use super::super::Places;
    use super::*;

    #[test]
    fn files_are_found_read_and_blamed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c/config.toml");
        let root = dir.path().join("w");
        fs::create_dir_all(root.join(".rightseat")).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let paths = Paths::find(&Places { config: Some(file.clone()), state: Some(dir.path().join("s")) }).unwrap();
        let told = |paths: &Paths| load(paths, &root, &File::default()).unwrap_err().to_string();
        assert!(told(&paths).contains("no such file"));
        fs::write(&file, "theme = \"light\"\n").unwrap();
        fs::write(Paths::project_config(&root), "mode = \"observe\"\n").unwrap();
        let found = load(&paths, &root, &File::default()).unwrap().settings;
        assert_eq!((found.theme.as_str(), found.mode), ("light", crate::model::event::Mode::Observe));
        fs::write(Paths::project_config(&root), "mode = \n").unwrap();
        assert!(told(&paths).contains(".rightseat/config.toml:1:"), "{}", told(&paths));
        fs::remove_file(Paths::project_config(&root)).unwrap();
        fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(told(&paths).contains("not UTF-8"));
        fs::write(&file, vec![b'#'; 1_048_577]).unwrap();
        assert!(told(&paths).contains("larger than"));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(told(&paths).contains("not a regular file"));
    }
}
