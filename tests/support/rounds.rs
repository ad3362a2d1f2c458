//! What a user and a command do to the same tree, as numbers from a seed say.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A number from the environment, for a longer run or another seed.
pub fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Numbers that a seed gives.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Acts on so many files in the workspace and in each of so many directories.
pub struct Acts {
    pub names: u64,
    pub directories: u64,
}

impl Acts {
    pub fn path(&self, dice: &mut Dice) -> String {
        let name = format!("f{}", dice.below(self.names));
        if dice.below(2) == 0 { name } else { format!("d{}/{name}", dice.below(self.directories)) }
    }

    /// One thing that a user does with an editor, a file manager or a shell; gives the paths that it changed.
    pub fn of_user(&self, dice: &mut Dice, tree: &Path, number: u64) -> Vec<String> {
        let (path, other) = (self.path(dice), self.path(dice));
        let full = tree.join(&path);
        let parent = |path: &Path| std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        parent(&full);
        match dice.below(5) {
            // In place, and by a rename over it, as editors save.
            0 => std::fs::write(&full, format!("user {number}")).unwrap(),
            1 => {
                let temp = tree.join(format!("{path}~"));
                std::fs::write(&temp, format!("user saved {number}")).unwrap();
                std::fs::rename(&temp, &full).unwrap();
            }
            2 if full.exists() => std::fs::remove_file(&full).unwrap(),
            3 if full.exists() && path != other => {
                parent(&tree.join(&other));
                std::fs::rename(&full, tree.join(&other)).unwrap();
                return vec![path, other];
            }
            4 if full.exists() => {
                let mode = [0o600, 0o640, 0o755, 0o700][dice.below(4) as usize];
                std::fs::set_permissions(&full, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            _ => std::fs::write(&full, format!("user made {number}")).unwrap(),
        }
        vec![path]
    }

    /// One thing that a command does, as a line for the shell.
    pub fn of_command(&self, dice: &mut Dice, number: u64) -> String {
        let (path, other) = (self.path(dice), self.path(dice));
        let dirs = format!("mkdir -p $(dirname {path}) $(dirname {other})");
        match dice.below(7) {
            0 => format!("{dirs}; echo command {number} > {path}"),
            1 => format!("{dirs}; echo command {number} >> {path}"),
            2 => format!("rm -f {path}"),
            3 => format!("{dirs}; mv -f {path} {other}"),
            4 => format!("chmod 711 {path}"),
            5 => format!("rm -rf d{}", dice.below(self.directories)),
            _ => format!("{dirs}; echo saved {number} > {path}~; mv -f {path}~ {path}"),
        }
    }
}

/// The state of one path: nothing, or its bits and content.
pub fn state_of(path: &Path) -> Option<(u32, Vec<u8>)> {
    let about = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((about.permissions().mode() & 0o7777, std::fs::read(path).unwrap()))
}
