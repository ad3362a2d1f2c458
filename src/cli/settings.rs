//! Settings as the commands use them, and `rightseat config`.

use super::args::{ConfigCommand, Shared};
use super::{DONE, Done, Fail, print};
use crate::base::text::Untrusted;
use crate::config::{self, ConfigError, File, Keeping, Layer, Paths, Resolved, Signs};
use std::path::{Path, PathBuf};

impl From<ConfigError> for Fail {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

/// The appearance of clients, from the user's layers only: a project cannot set it.
pub struct Look {
    pub theme: String,
    pub keymap: String,
    pub theme_dir: Option<PathBuf>,
    pub keymap_dir: Option<PathBuf>,
    /// The messages that were sent, by project.
    pub history_dir: PathBuf,
    pub editor: Option<String>,
    pub mouse: bool,
    pub links: bool,
    pub ascii: bool,
    pub approval_arm_ms: u64,
    pub bell: bool,
    pub desktop: bool,
    pub notify_on_end: bool,
    /// Path of the user's own rules.
    pub policy: PathBuf,
}

/// Returns all paths.
pub fn paths(shared: &Shared) -> Result<Paths, Fail> {
    let places = config::Places { config: shared.config.clone(), state: shared.state_dir.clone() };
    Ok(Paths::find(&places)?)
}

/// The command line as a layer.
fn flags(shared: &Shared) -> File {
    File {
        agent: shared.agent.clone(),
        mode: shared.mode,
        isolation: shared.isolation,
        theme: shared.theme.clone(),
        keymap: shared.keymap.clone(),
        ..File::default()
    }
}

/// Everything for a session in this workspace.
pub fn resolved(shared: &Shared, workspace: &Path) -> Result<Resolved, Fail> {
    Ok(config::load(&paths(shared)?, workspace, &flags(shared))?)
}

/// The user's own layer.
fn user(paths: &Paths) -> Result<File, Fail> {
    Ok(match config::read_beside(&paths.config)? {
        Some(text) => config::parse(&paths.config.display().to_string(), &text)?,
        None if paths.config_named => {
            return Err(Fail::usage(format!(
                "{} does not exist; pass an existing file with --config",
                paths.config.display()
            )));
        }
        None => File::default(),
    })
}

/// Other machines of the home screen: the user's name for each, and the machine as for ssh. A configuration that cannot
/// be read is reported when a client opens.
pub fn hosts(shared: &Shared) -> Vec<(String, String)> {
    let user = paths(shared).and_then(|paths| user(&paths));
    user.map(|file| file.hosts.into_iter().collect()).unwrap_or_default()
}

/// The fleet as the user's settings say it now.
#[cfg(feature = "nats")]
pub fn fleet(shared: &Shared) -> Result<config::NatsSettings, Fail> {
    nats(&paths(shared)?)
}

/// The same for a host, which was started with this settings file.
#[cfg(feature = "nats")]
pub fn nats_of(config: Option<&Path>) -> Result<config::NatsSettings, Fail> {
    nats(&Paths::find(&config::Places { config: config.map(Path::to_owned), state: None })?)
}

#[cfg(feature = "nats")]
fn nats(paths: &Paths) -> Result<config::NatsSettings, Fail> {
    Ok(config::resolve(&user(paths)?, &File::default(), None).settings.outward.nats)
}

/// What is kept of sessions, as the user's settings say it.
pub fn keeping(shared: &Shared) -> Result<Keeping, Fail> {
    Ok(config::resolve(&user(&paths(shared)?)?, &File::default(), None).settings.keeping)
}

/// See [`Look`].
pub fn look(shared: &Shared) -> Result<Look, Fail> {
    let paths = paths(shared)?;
    let user = user(&paths)?;
    let settings = config::resolve(&user, &flags(shared), None).settings;
    Ok(Look {
        theme: settings.theme,
        keymap: settings.keymap,
        theme_dir: Some(paths.themes),
        keymap_dir: Some(paths.keymaps),
        history_dir: paths.state.join("history"),
        editor: settings.editor,
        mouse: settings.terminal.mouse,
        links: settings.terminal.links,
        ascii: settings.terminal.signs == Signs::Ascii,
        approval_arm_ms: settings.terminal.approval_arm_ms,
        bell: settings.notifications.bell,
        desktop: settings.notifications.desktop,
        notify_on_end: settings.notifications.on_end,
        policy: paths.policy,
    })
}

/// `rightseat config`.
pub fn config(shared: &Shared, command: &ConfigCommand) -> Done {
    match command {
        ConfigCommand::Path => show_paths(shared),
        ConfigCommand::Show => show(shared),
        ConfigCommand::Schema => {
            let schema = serde_json::to_string_pretty(&config::schema()).map_err(|e| Fail::usage(e.to_string()))?;
            print(&schema)?;
            Ok(DONE)
        }
    }
}

/// The directory that the command is about, resolved.
pub fn workspace(shared: &Shared) -> Result<PathBuf, Fail> {
    let dir = shared.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    dir.canonicalize().map_err(|e| Fail::usage(format!("{}: {e}; choose a directory with --dir", dir.display())))
}

fn show_paths(shared: &Shared) -> Done {
    let paths = paths(shared)?;
    let project = Paths::project_config(&workspace(shared)?);
    for (name, path) in [
        ("config", &paths.config),
        ("agents", &paths.agents),
        ("models", &paths.models),
        ("policy", &paths.policy),
        ("themes", &paths.themes),
        ("keymaps", &paths.keymaps),
        ("project", &project),
        ("state", &paths.state),
    ] {
        let there = if path.exists() { "" } else { "  (does not exist)" };
        print(&format!("{name:<8} {}{there}", Untrusted::new(path.display().to_string()).visible()))?;
    }
    Ok(DONE)
}

fn show(shared: &Shared) -> Done {
    let found = resolved(shared, &workspace(shared)?)?;
    for (key, value) in found.settings.rows() {
        let from = match found.sources.get(key) {
            None | Some(Layer::BuiltIn) => "built-in",
            Some(Layer::User) => "user",
            Some(Layer::Flag) => "command line",
            Some(Layer::Project) => "project",
        };
        print(&format!("{key:<22} = {:<28} # {from}", Untrusted::new(value).visible()))?;
    }
    for (role, specialist) in &found.settings.specialists {
        let (role, model) = (Untrusted::new(role.as_str()), Untrusted::new(specialist.model.as_str()));
        print(&format!("specialists.{} = {}", role.visible(), model.visible()))?;
    }
    for (host, of) in &found.settings.layer.broker {
        let (host, env) = (Untrusted::new(host.as_str()), Untrusted::new(of.env.as_str()));
        print(&format!("broker.{:?}.env = {:?}", host.visible().to_string(), env.visible().to_string()))?;
    }
    for warning in &found.warnings {
        super::complain(warning);
    }
    Ok(DONE)
}
