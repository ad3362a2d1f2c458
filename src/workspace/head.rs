//! The last commit of the workspace's repository, compared with a recorded tree. git only reads here: it runs nothing that
//! the repository or its user configured, and its index is not looked at.

use super::checkpoint::{Entry, EntryKind, Store, compare};
use super::limits::{HEAD_BYTES_MAX, HEAD_ERROR_BYTES_MAX, HEAD_FILES_MAX, HEAD_GIT_MS_MAX, HEAD_LISTING_BYTES_MAX};
use crate::base::{Digest, RelPath};
use crate::model::{FileMode, Node, NodeKind};
use crate::port::TreeChange;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What makes git run nothing of its own.
const QUIET: [&str; 6] =
    ["--no-pager", "--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];

/// A file of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Committed {
    mode: u32,
    object: String,
    bytes: u64,
}

impl Committed {
    fn node(&self) -> Node {
        match self.mode {
            0o120_000 => Node { kind: NodeKind::Link, mode: None },
            // git keeps one bit of them.
            mode => Node::file(FileMode::new(if mode & 0o111 == 0 { 0o644 } else { 0o755 })),
        }
    }
}

/// The files that differ between the last commit and this tree, with the committed contents in the store.
///
/// # Errors
/// In words, when there is no repository or no commit, or git cannot read it.
pub async fn changes(root: &Path, store: &Store, now: &Digest) -> Result<Vec<TreeChange>, String> {
    let listing = git(root, &["ls-tree", "-r", "-l", "-z", "HEAD"], &[]).await?;
    let (at, objects, tree) = (root.to_owned(), store.clone(), *now);
    let Sorted { mut found, same_size } = blocking(move || sorted(&at, &objects, &tree, &listing)).await?;
    let names = same_size.iter().map(|(path, ..)| path.as_path());
    let objects = hashed(root, names).await?;
    for ((path, was, is), object) in same_size.into_iter().zip(objects) {
        let runs = was.mode & 0o111 != 0;
        let modes_differ = is.mode.is_some_and(|mode| (mode & 0o100 != 0) != runs);
        if object.as_ref() != Some(&was.object) || modes_differ {
            found.push((path, Some(was), Some(is)));
        }
    }
    found.sort_by(|one, two| one.0.cmp(&two.0));
    let contents = contents(root, store, &found).await?;
    Ok(found.into_iter().filter_map(|one| change(one, &contents)).collect())
}

/// A file with its two sides.
type Found = (PathBuf, Option<Committed>, Option<Entry>);

/// What the names and lengths of files tell.
struct Sorted {
    /// They differ.
    found: Vec<Found>,
    /// Only the content can tell.
    same_size: Vec<(PathBuf, Committed, Entry)>,
}

/// Runs blocking work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|lost| Err(lost.to_string()))
}

/// Compares a listing of the commit with this tree, as far as no content is needed.
fn sorted(root: &Path, store: &Store, now: &Digest, listing: &[u8]) -> Result<Sorted, String> {
    let committed = listed(listing)?;
    let tree = compare(store, None, Some(now)).map_err(|error| error.to_string())?;
    let current: BTreeMap<PathBuf, Entry> = tree
        .into_iter()
        .filter_map(|node| Some((node.path, node.after?)))
        .filter(|(_, entry)| !matches!(entry.kind, EntryKind::Directory | EntryKind::Unknown))
        .collect();
    let mut found: Vec<Found> = Vec::new();
    let mut same_size: Vec<(PathBuf, Committed, Entry)> = Vec::new();
    for (path, was) in &committed {
        // What is there and is not content (it is ignored, or a repository of its own) is not gone.
        let disk = root.join(path).symlink_metadata().ok();
        match (current.get(path), &disk) {
            (None, Some(_)) => {}
            (None, None) => found.push((path.clone(), Some(was.clone()), None)),
            (Some(is), Some(disk)) if disk.is_file() && disk.len() == was.bytes && was.mode != 0o120_000 => {
                same_size.push((path.clone(), was.clone(), *is));
            }
            (Some(is), _) => found.push((path.clone(), Some(was.clone()), Some(*is))),
        }
    }
    let added = current.iter().filter(|(path, _)| !committed.contains_key(*path));
    found.extend(added.map(|(path, entry)| (path.clone(), None, Some(*entry))));
    Ok(Sorted { found, same_size })
}

/// The change of a file, unless both sides are the same.
fn change((path, was, is): Found, contents: &BTreeMap<String, Digest>) -> Option<TreeChange> {
    let before = was.as_ref().map(|was| {
        // Beyond what is read nothing is there to be shown.
        contents.get(&was.object).copied().unwrap_or_else(|| Digest::of(was.object.as_bytes()))
    });
    let before_bytes = was.as_ref().map(|was| was.bytes);
    let after = is.and_then(|entry| entry.content());
    let before_node = was.as_ref().map(Committed::node);
    let mut after_node = is.and_then(|entry| entry.node());
    // Of the bits git knows whether it can be run.
    if let (Some(one), Some(two)) = (before_node, after_node)
        && one.kind == two.kind
        && one.mode.map(|mode| mode.bits() & 0o100) == two.mode.map(|mode| mode.bits() & 0o100)
    {
        after_node = before_node;
    }
    let is_same = before == after && before_node == after_node;
    let path = RelPath::from_path(&path).ok().filter(|_| !is_same)?;
    Some(TreeChange { path, before, after, before_node, after_node, before_bytes })
}

/// Reads `ls-tree -l -z`: mode, type, object and size, a tab, and the name.
fn listed(bytes: &[u8]) -> Result<BTreeMap<PathBuf, Committed>, String> {
    let mut files = BTreeMap::new();
    for line in bytes.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        if files.len() >= HEAD_FILES_MAX {
            return Err(format!("the commit has more than {HEAD_FILES_MAX} files"));
        }
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let Some((about, path)) = line.split_once('\t') else { continue };
        let mut words = about.split_ascii_whitespace();
        let (Some(mode), Some("blob"), Some(object), Some(bytes)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (Ok(mode), Ok(bytes)) = (u32::from_str_radix(mode, 8), bytes.parse()) else { continue };
        files.insert(PathBuf::from(path), Committed { mode, object: object.to_owned(), bytes });
    }
    Ok(files)
}

/// The names of the contents of these files, as git would give them. `None` where that cannot be told.
async fn hashed<'a>(root: &Path, paths: impl Iterator<Item = &'a Path>) -> Result<Vec<Option<String>>, String> {
    let paths: Vec<Option<&str>> =
        paths.map(|path| path.to_str().filter(|text| !text.contains('\n') && !text.starts_with('"'))).collect();
    let input: String = paths.iter().flatten().map(|path| format!("{path}\n")).collect();
    let said = git(root, &["hash-object", "--no-filters", "--stdin-paths"], input.as_bytes()).await?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let mut objects = said.lines();
    Ok(paths.iter().map(|path| path.and_then(|_| objects.next()).map(str::to_owned)).collect())
}

/// Puts the committed contents into the store, as far as they fit; their digests by object.
async fn contents(root: &Path, store: &Store, found: &[Found]) -> Result<BTreeMap<String, Digest>, String> {
    let mut room = HEAD_BYTES_MAX;
    let fits = |was: &&Committed| {
        let fits = was.bytes <= room;
        room -= if fits { was.bytes } else { 0 };
        fits
    };
    let wanted: Vec<Committed> = found.iter().filter_map(|(_, was, _)| was.as_ref()).filter(fits).cloned().collect();
    let input: String = wanted.iter().map(|was| format!("{}\n", was.object)).collect();
    if input.is_empty() {
        return Ok(BTreeMap::new());
    }
    let said = git(root, &["cat-file", "--batch"], input.as_bytes()).await?;
    let store = store.clone();
    blocking(move || kept(&store, wanted, &said)).await
}

/// Puts what `cat-file --batch` says of these files into the store.
fn kept(store: &Store, wanted: Vec<Committed>, said: &[u8]) -> Result<BTreeMap<String, Digest>, String> {
    let mut rest = said;
    let mut digests = BTreeMap::new();
    for was in wanted {
        let Some(end) = memchr::memchr(b'\n', rest) else { break };
        let (head, body) = rest.split_at(end);
        let head = String::from_utf8_lossy(head);
        let length = usize::try_from(was.bytes).unwrap_or(usize::MAX);
        if head != format!("{} blob {}", was.object, was.bytes) {
            // Missing: the line is all that is said of it.
            rest = body.get(1..).unwrap_or_default();
            continue;
        }
        let Some(bytes) = length.checked_add(1).and_then(|end| body.get(1..end)) else { break };
        let digest = Digest::of(bytes);
        store.put(&digest, bytes).map_err(|error| error.to_string())?;
        digests.insert(was.object.clone(), digest);
        rest = body.get(length + 2..).unwrap_or_default();
    }
    Ok(digests)
}

/// The git of this machine, never one of the workspace.
fn program(root: &Path) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).filter(|dir| dir.is_absolute() && !dir.starts_with(root));
    let found = candidates.map(|dir| dir.join("git")).find(|git| git.is_file());
    found.ok_or_else(|| "git was not found on PATH".to_owned())
}

/// Runs git on this input and gives what it says, bounded in time and bytes.
async fn git(root: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = tokio::process::Command::new(program(root)?);
    command.args(QUIET).args(args).current_dir(root).env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")]);
    command.envs([("GIT_NO_LAZY_FETCH", "1"), ("GIT_NO_REPLACE_OBJECTS", "1"), ("LC_ALL", "C")]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_millis(HEAD_GIT_MS_MAX), async {
        let mut child = command.spawn().map_err(|error| format!("git: {error}"))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A git that reads no more says why.
                let _ = stdin.write_all(input).await;
            }
        };
        let read = |bytes_max: u64| async move {
            let mut said = Vec::new();
            if let Some(stdout) = stdout {
                let _ = stdout.take(bytes_max).read_to_end(&mut said).await;
            }
            said
        };
        let errors = async {
            let mut said = Vec::new();
            if let Some(stderr) = stderr {
                let _ = stderr.take(HEAD_ERROR_BYTES_MAX).read_to_end(&mut said).await;
            }
            said
        };
        let ((), said, errors) = tokio::join!(write, read(HEAD_LISTING_BYTES_MAX.max(HEAD_BYTES_MAX * 2)), errors);
        let status = child.wait().await.map_err(|error| format!("git: {error}"))?;
        if status.success() {
            return Ok(said);
        }
        let errors = String::from_utf8_lossy(&errors);
        Err(format!("git: {}", errors.lines().last().unwrap_or("it failed")))
    });
    ended.await.unwrap_or_else(|_| Err("git took too long".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_with_names_of_any_kind() {
        let text = "100644 blob aa    12\ta b.txt\x00100755 blob bb     3\tdir/ü\x00120000 blob cc  5\tlink\x00\
                    160000 commit dd       -\tmodule\x00";
        let files = listed(text.as_bytes()).unwrap();
        let names: Vec<_> = files.iter().map(|(path, file)| (path.to_str().unwrap(), file.bytes)).collect();
        assert_eq!(names, [("a b.txt", 12), ("dir/ü", 3), ("link", 5)]);
        let node = |name: &str| files.get(Path::new(name)).unwrap().node();
        assert_eq!(node("dir/ü"), Node::file(FileMode::new(0o755)));
        assert_eq!(node("link").kind, NodeKind::Link);
    }
}
