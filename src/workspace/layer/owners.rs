//! Who owns the files of a workspace. A layer knows some user and group ids only, and a file of anybody else cannot be
//! changed in it.

use crate::workspace::limits;
use std::fs::Metadata;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The ids that a layer knows.
#[derive(Debug)]
pub(super) struct Ids {
    users: Vec<Range<u64>>,
    groups: Vec<Range<u64>>,
}

/// A node that belongs to somebody whom the layer does not know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    pub path: PathBuf,
    pub user: u32,
    pub group: u32,
}

impl Ids {
    /// Reads `uid_map` and `gid_map` of a process in the layer.
    pub(super) fn parse(users: &str, groups: &str) -> Self {
        Self { users: ranges(users), groups: ranges(groups) }
    }

    /// The first node with an owner that these ids leave out. What is below the `shared` directories is not looked at,
    /// nor what is beyond the limits.
    pub(super) fn stranger(&self, root: &Path, shared: &[PathBuf]) -> Option<Stranger> {
        let is_all = |ranges: &[Range<u64>]| ranges.iter().any(|one| one.start == 0 && one.end >= u64::from(u32::MAX));
        if is_all(&self.users) && is_all(&self.groups) {
            return None;
        }
        let mut left = limits::LAYER_OWNERS_NODES_MAX;
        let mut directories = vec![(root.to_owned(), 0)];
        if let Some(found) = self.unknown(root) {
            return Some(found);
        }
        while let Some((dir, depth)) = directories.pop() {
            for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
                left = left.checked_sub(1)?;
                let path = entry.path();
                if shared.contains(&path) {
                    continue;
                }
                if let Some(found) = self.unknown(&path) {
                    return Some(found);
                }
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_directory && depth < limits::LAYER_OWNERS_DEPTH_MAX {
                    directories.push((path, depth + 1));
                }
            }
        }
        None
    }

    fn unknown(&self, path: &Path) -> Option<Stranger> {
        let about = path.symlink_metadata().ok()?;
        (!self.knows(&about)).then(|| Stranger { path: path.to_owned(), user: about.uid(), group: about.gid() })
    }

    fn knows(&self, about: &Metadata) -> bool {
        let is_in = |ranges: &[Range<u64>], id: u32| ranges.iter().any(|one| one.contains(&u64::from(id)));
        is_in(&self.users, about.uid()) && is_in(&self.groups, about.gid())
    }
}

/// The second and third number of each line: the first id outside, and how many.
fn ranges(text: &str) -> Vec<Range<u64>> {
    let range = |line: &str| {
        let mut numbers = line.split_whitespace().skip(1).map(|word| word.parse::<u64>().ok());
        let (first, count) = (numbers.next()??, numbers.next()??);
        Some(first..first.saturating_add(count))
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_found_unless_it_is_shared() {
        let dir = tempfile::tempdir().unwrap();
        let about = dir.path().metadata().unwrap();
        std::fs::create_dir_all(dir.path().join("target/deep")).unwrap();
        std::fs::write(dir.path().join("target/deep/f"), "").unwrap();
        let map = |id: u32| format!("{id:>10} {id:>10} 1\n");
        let own = Ids::parse(&map(about.uid()), &map(about.gid()));
        assert_eq!(own.stranger(dir.path(), &[]), None);
        let other = Ids::parse(&map(about.uid()), &map(about.gid() + 1));
        let found = other.stranger(dir.path(), &[]).unwrap();
        assert_eq!((found.path.as_path(), found.group), (dir.path(), about.gid()));
        let all = Ids::parse("0 0 4294967295\n", "0 0 4294967295\n");
        assert_eq!(all.stranger(dir.path(), &[]), None);
        // Without ids nothing is known.
        assert!(Ids::parse("", "x").stranger(dir.path(), &[dir.path().join("target")]).is_some());
    }
}
