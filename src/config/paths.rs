//! The locations of configuration and state. Pure but for what `directories` reads of the environment.

use super::ConfigError;
use std::path::{Path, PathBuf};

/// The locations given on the command line and in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--state-dir DIR`, else `RIGHTSEAT_STATE_DIR`; empty counts as unset.
    pub state: Option<PathBuf>,
}

/// Every file and directory of configuration and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub config: PathBuf,
    /// `--config` named the file, so it must exist.
    pub config_named: bool,
    pub agents: PathBuf,
    pub models: PathBuf,
    pub policy: PathBuf,
    pub themes: PathBuf,
    pub keymaps: PathBuf,
    /// Sessions live in `sessions/ID/` below it.
    pub state: PathBuf,
}

impl Paths {
    /// The directory of the user's own files: beside the configuration that was named, else the platform's.
    ///
    /// # Errors
    /// When none was named and no home is known.
    pub fn dir_of(config: Option<&Path>) -> Result<PathBuf, ConfigError> {
        let platform = || directories::ProjectDirs::from("", "", "rightseat").map(|home| home.config_dir().to_owned());
        let Some(file) = config else { return platform().ok_or(ConfigError::NoHome) };
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Ok(file.parent().unwrap_or(Path::new("/")).to_owned())
    }

    /// Returns the paths by the platform's rules, unless given. The other files are looked for beside the configuration
    /// file; where no home is known, so are the sessions.
    pub fn find(places: &Places) -> Result<Self, ConfigError> {
        let home = directories::ProjectDirs::from("", "", "rightseat");
        let named = places.config.clone().filter(|p| !p.as_os_str().is_empty());
        let config = match (&named, &home) {
            (Some(file), _) => file.clone(),
            (None, Some(home)) => home.config_dir().join("config.toml"),
            (None, None) => return Err(ConfigError::NoHome),
        };
        let state = match (places.state.clone().filter(|p| !p.as_os_str().is_empty()), &home) {
            (Some(dir), _) => dir,
            (None, Some(home)) => home.state_dir().unwrap_or_else(|| home.data_local_dir()).to_owned(),
            (None, None) => Self::dir_of(Some(&config))?.join("state"),
        };
        Ok(Self::beside(config, named.is_some(), state))
    }

    fn beside(config: PathBuf, config_named: bool, state: PathBuf) -> Self {
        let dir = config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        Self {
            agents: dir.join("agents.toml"),
            models: dir.join("models.toml"),
            policy: dir.join("policy.toml"),
            themes: dir.join("themes"),
            keymaps: dir.join("keymaps"),
            config,
            config_named,
            state,
        }
    }

    /// The directory of a session.
    pub fn session(&self, id: &crate::base::SessionId) -> PathBuf {
        self.state.join("sessions").join(id.as_str())
    }

    /// The directory that holds the configuration.
    pub fn config_dir(&self) -> &Path {
        self.config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The project's own configuration.
    pub fn project_config(root: &Path) -> PathBuf {
        root.join(".rightseat/config.toml")
    }

    /// The project's own policy.
    pub fn project_policy(root: &Path) -> PathBuf {
        root.join(".rightseat/policy.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_beside_the_configuration() {
        let places = Places { config: Some("/x/y.toml".into()), state: Some("/s".into()) };
        let paths = Paths::find(&places).unwrap();
        assert_eq!(
            (paths.agents, paths.themes, paths.state),
            ("/x/agents.toml".into(), "/x/themes".into(), "/s".into())
        );
        let bare = Paths::find(&Places { config: Some("y.toml".into()), state: Some("/s".into()) }).unwrap();
        assert_eq!(bare.policy, Path::new("./policy.toml"));
    }
}
