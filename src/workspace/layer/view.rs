//! The workspace as an agent in a layer sees it, reached from outside: by the root directory of the layer's init.

use crate::workspace::census::procfs;
use crate::workspace::root::Root;
use rustix::fs::{Mode, OFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module. It is empty before the layer's mounts exist.
#[derive(Debug)]
pub struct View {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    launcher: Option<i32>,
    open: Option<Arc<Root>>,
}

impl View {
    /// A view of the workspace at this path, of no layer yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root, state: Mutex::default() }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the former layer, whose mount would otherwise stay.
    pub fn close(&self) {
        *self.locked() = State::default();
    }

    /// From now on this is the view in the layer of this launcher.
    pub fn follow(&self, launcher: i32) {
        *self.locked() = State { launcher: Some(launcher), open: None };
    }

    /// The workspace in the layer.
    ///
    /// # Errors
    /// When there is no layer, or its mounts do not exist yet or no longer.
    pub fn root(&self) -> io::Result<Arc<Root>> {
        let mut state = self.locked();
        if let Some(open) = &state.open {
            return Ok(open.clone());
        }
        let launched = state.launcher.map(procfs::children).unwrap_or_default();
        let found = launched.iter().find_map(|process| self.mounted_in(process.pid));
        let open = Arc::new(found.ok_or_else(|| io::Error::other("the layer of the agent does not exist"))?);
        state.open = Some(open.clone());
        Ok(open)
    }

    /// The workspace that this process has; `None` when it is the real one. The agent cannot change what is mounted, nor
    /// any directory above the workspace.
    fn mounted_in(&self, pid: i32) -> Option<Root> {
        let inside = self.root.strip_prefix("/").ok()?;
        let path = Path::new("/proc").join(pid.to_string()).join("root").join(inside);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty()).ok()?;
        let (there, here) = (rustix::fs::fstat(&dir).ok()?, rustix::fs::stat(&self.root).ok()?);
        (there.st_dev != here.st_dev).then(|| Root::of_directory(dir, self.root.clone()))
    }
}
