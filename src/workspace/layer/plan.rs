//! What the launcher has to know to build a layer: one argument of its command line, as JSON.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that a layer is made of. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workspace: the lower directory, and where the overlay is mounted.
    pub root: PathBuf,
    /// `None` where one of the binds is the workspace.
    pub upper: Option<Upper>,
    /// Directories and files that are mounted elsewhere than they are, or can be written where they are.
    pub binds: Vec<Bind>,
    /// Directories of the workspace that are the real ones: build folders.
    pub shared: Vec<PathBuf>,
    /// Directories that can be written, with nothing of it kept: caches of tools.
    pub scratch: Vec<Scratch>,
    /// Files and directories that are empty in the layer.
    pub hidden: Vec<PathBuf>,
    /// The command shares the network of the host.
    pub network: bool,
    /// Without it: the way out is a proxy, whose listener goes through the launcher's standard input.
    #[serde(default)]
    pub proxied: bool,
    /// With a proxy: the standard input is the command's, too.
    #[serde(default)]
    pub keeps_input: bool,
    /// With a proxy: ports of this machine that lead to themselves from the layer.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Where the launcher writes why the layer could not be made. Then nothing was started.
    pub refusal: PathBuf,
}

/// A directory or file in a place of the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub from: PathBuf,
    pub at: PathBuf,
    pub writable: bool,
}

/// The two directories of an overlay that are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upper {
    pub upper: PathBuf,
    pub work: PathBuf,
    /// What is written outlives the mount and must survive a crash of the machine.
    #[serde(default)]
    pub lasting: bool,
}

/// One directory with an overlay that is thrown away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    pub at: PathBuf,
    pub upper: Upper,
}

impl Plan {
    /// The argument that [`Plan::parse`] reads.
    ///
    /// # Errors
    /// In words, when a path is not UTF-8.
    pub fn to_argument(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|error| format!("the layer cannot be described to the launcher: {error}"))
    }

    /// # Errors
    /// In words, when it is no such argument.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("the launcher does not understand the layer: {error}"))
    }

    /// The directories that can be written in the layer, temporary ones included.
    pub(super) fn writable(&self) -> Vec<&Path> {
        let own = [self.root.as_path()].into_iter().chain(self.shared.iter().map(PathBuf::as_path));
        let bound = self.binds.iter().filter(|bind| bind.writable).map(|bind| bind.at.as_path());
        own.chain(bound)
            .chain(self.scratch.iter().map(|one| one.at.as_path()))
            .chain([Path::new("/tmp"), Path::new("/var/tmp"), Path::new("/dev")])
            .collect()
    }
}
