//! Pairs of versions of real files for the tests of diffs, from the sources that the build uses, and a judge of parts of a
//! diff that shares no code with what it judges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files are at most so long, so that thousands are compared in seconds; of those that are changed in every way, less.
const FILE_BYTES_MAX: usize = 40_000;
const CHANGED_BYTES_MAX: usize = 5_000;

/// The same file in two versions.
pub struct Pair {
    pub name: String,
    pub old: String,
    pub new: String,
}

/// Where cargo keeps the sources of dependencies, if it does.
fn registry() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    Some(home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?.join("registry/src"))
}

/// The Rust files below a directory that are shorter than this, in order.
fn sources(root: &Path, most: usize, bytes_max: usize) -> Vec<(PathBuf, String)> {
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = open.pop().filter(|_| found.len() < most) {
        for path in entries(&dir) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") && found.len() < most {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.extend((200..bytes_max).contains(&text.len()).then_some((path, text)));
            }
        }
    }
    found
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

/// Files of which cargo has two versions: what people really changed between releases.
pub fn released(most: usize) -> Vec<Pair> {
    let mut crates: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in registry().iter().flat_map(|registry| entries(registry)).flat_map(|index| entries(&index)) {
        let dir = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = dir.split_once(|c: char| c.is_ascii_digit()).map(|(name, _)| name.to_owned());
        crates.entry(name.unwrap_or(dir)).or_default().push(path);
    }
    let mut pairs = Vec::new();
    for versions in crates.values() {
        for two in versions.windows(2) {
            for (path, old) in sources(&two[0], 200, FILE_BYTES_MAX) {
                let relative = path.strip_prefix(&two[0]).unwrap();
                let new = std::fs::read_to_string(two[1].join(relative)).unwrap_or_default();
                if new.len() < FILE_BYTES_MAX && !new.is_empty() && new != old && pairs.len() < most {
                    pairs.push(Pair { name: path.display().to_string(), old, new });
                }
            }
        }
    }
    pairs
}

/// Our own sources and those of dependencies, each against itself changed in one of [`WAYS`] ways.
pub fn changed(most: usize) -> Vec<Pair> {
    let mut texts = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), most / 5, CHANGED_BYTES_MAX);
    texts.extend(registry().iter().flat_map(|registry| sources(registry, most - most / 5, CHANGED_BYTES_MAX)));
    let ways = |(path, text): &(PathBuf, String)| {
        let pair = |way: usize| Pair {
            name: format!("{} changed in way {way}", path.display()),
            old: text.clone(),
            new: other(text, way),
        };
        (0..WAYS).map(pair).collect::<Vec<_>>()
    };
    texts.iter().flat_map(ways).collect()
}

const WAYS: usize = 8;

/// Another version of a text, by one of several ways that code changes, or breaks.
fn other(text: &str, way: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines.len() * (way + 1) / (WAYS + 1);
    let without = |gone: std::ops::Range<usize>| {
        let kept = lines.iter().enumerate().filter(|(at, _)| !gone.contains(at));
        kept.map(|(_, line)| *line).collect::<String>()
    };
    match way {
        0 => without(at..at + 1),
        1 => without(at..at + 12),
        2 => text.replace("    ", "\t"),
        3 => text.replacen("fn ", "fn renamed_", 1),
        4 => text.replacen('(', "(extra: u8, ", 2),
        5 => format!("{}{}", lines[lines.len() / 2..].concat(), lines[..lines.len() / 2].concat()),
        6 => text.replacen('}', "", 3),
        _ => text.replacen(';', ";\n\n", 2),
    }
}

/// A changed or unchanged line as a reader sees it.
pub struct Row {
    /// ` `, `-` or `+`.
    pub sign: char,
    /// In the old version, from 1.
    pub old_no: Option<usize>,
    pub text: Vec<u8>,
    /// The change of this line is wanted.
    pub is_taken: bool,
}

/// Why `got` is not the old version with the wanted lines of `rows` changed, in the order of the rows; `None` when it is.
///
/// Within neighboring changed lines the lines that stay keep their order, and so do those that come; where as many come
/// as go, or nothing goes and each old line has one that would replace it, their places are known exactly.
pub fn not_as_shown(old: &[u8], rows: &[Row], got: &[u8]) -> Option<String> {
    let split = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (old, got) = (split(old), split(got));
    let mut unread = got.iter().peekable();
    let mut next_old = 0;
    let mut at = 0;
    while at < rows.len() {
        let changes: Vec<&Row> = rows[at..].iter().take_while(|row| row.sign != ' ').collect();
        let first = rows[at..].iter().find_map(|row| row.old_no).filter(|_| changes.iter().any(|row| row.sign == '-'));
        // What no row shows stays.
        let until = first.or_else(|| rows[at..].first().filter(|row| row.sign == ' ').and_then(|row| row.old_no));
        let until = until.map_or(next_old, |number| number - 1).max(next_old);
        for line in old.get(next_old..until)? {
            if !unread.next().is_some_and(|got| is_same(line, got)) {
                return Some(format!("old line {:?} is not where it was", String::from_utf8_lossy(line)));
            }
        }
        next_old = until;
        if changes.is_empty() {
            let line = &rows[at].text;
            if !unread.next().is_some_and(|got| is_same(line, got)) {
                return Some(format!("line {:?} is not where it was", String::from_utf8_lossy(line)));
            }
            (next_old, at) = (next_old + 1, at + 1);
            continue;
        }
        let (removed, added): (Vec<&Row>, Vec<&Row>) = changes.iter().partition(|row| row.sign == '-');
        let count =
            removed.iter().filter(|row| !row.is_taken).count() + added.iter().filter(|row| row.is_taken).count();
        let block: Vec<&Vec<u8>> = unread.by_ref().take(count).collect();
        if block.len() < count {
            return Some("lines are missing".to_owned());
        }
        if !is_block(&removed, &added, &block) {
            let shown = |row: &&Row| {
                format!("{}{}{}", row.sign, if row.is_taken { '*' } else { ' ' }, String::from_utf8_lossy(&row.text))
            };
            let shown: String = changes.iter().map(shown).collect();
            return Some(format!(
                "of\n{shown}became\n{}",
                String::from_utf8_lossy(&block.into_iter().flatten().copied().collect::<Vec<u8>>())
            ));
        }
        (next_old, at) = (next_old + removed.len(), at + changes.len());
    }
    let rest = old.get(next_old..).unwrap_or_default();
    let is_rest = rest.len() == unread.len() && rest.iter().zip(unread).all(|(line, got)| is_same(line, got));
    (!is_rest).then(|| "the rest of the file is not as it was".to_owned())
}

/// The last line of a text has no newline, and gets one where another line comes after it.
fn is_same(line: &[u8], got: &[u8]) -> bool {
    line == got
        || (!line.ends_with(b"\n") && [&b"\n"[..], b"\r\n"].iter().any(|end| got.strip_suffix(*end) == Some(line)))
}

fn is_block(removed: &[&Row], added: &[&Row], block: &[&Vec<u8>]) -> bool {
    let gone = removed.iter().filter(|row| row.is_taken).count();
    let taken: Vec<&&Row> = added.iter().filter(|row| row.is_taken).collect();
    let exact: Option<Vec<&Row>> = if gone == taken.len() {
        let mut come = taken.iter();
        Some(
            removed
                .iter()
                .filter_map(|row| if row.is_taken { come.next().map(|row| **row) } else { Some(*row) })
                .collect(),
        )
    } else if gone == 0 && removed.len() == added.len() {
        let both = removed.iter().zip(added).flat_map(|(old, new)| [Some(*old), Some(*new).filter(|new| new.is_taken)]);
        Some(both.flatten().collect())
    } else {
        None
    };
    if let Some(exact) = exact {
        return exact.len() == block.len() && exact.iter().zip(block).all(|(row, got)| is_same(&row.text, got));
    }
    let kept: Vec<&&Row> = removed.iter().filter(|row| !row.is_taken).collect();
    // `reach[n]`: the lines so far are the first n that stay and the others that come, each in their order.
    let mut reach = vec![false; kept.len() + 1];
    reach[0] = true;
    for (at, line) in block.iter().enumerate() {
        let before = reach.clone();
        for n in 0..=kept.len() {
            let stays = n > 0 && before[n - 1] && is_same(&kept[n - 1].text, line);
            let comes =
                before[n] && at.checked_sub(n).and_then(|at| taken.get(at)).is_some_and(|row| is_same(&row.text, line));
            reach[n] = stays || comes;
        }
    }
    reach[kept.len()]
}

/// A sequence of numbers that looks random and is the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (count.max(1) as u64)).unwrap()
    }
}
