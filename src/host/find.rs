//! Files of the workspace by a few letters: the list is read beside the actor and kept for a moment, so that the keys of
//! one word read it once.

use super::clients::Responder;
use super::gate::Gate;
use crate::base::{RelPath, UnixMs};
use crate::host::limits::{
    FIND_BONUS_MAX, FIND_FILES_MAX, FIND_LIST_KEPT_MS_MAX, FIND_PATHS_DEFAULT, FIND_PATHS_MAX, FIND_PREFERRED_MAX,
};
use crate::wire::{Answer, Code, Find, Found, RpcError};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Every file and directory, as listed at a time.
#[derive(Debug)]
struct Listed {
    at: UnixMs,
    ignored: bool,
    paths: Vec<RelPath>,
    complete: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Finder {
    kept: Arc<Mutex<Option<Arc<Listed>>>>,
}

impl Finder {
    pub fn find(&self, gate: &Gate, find: Find, reply: Responder) {
        let (workspace, kept, now) = (gate.workspace().clone(), self.kept.clone(), gate.now());
        tokio::task::spawn_blocking(move || {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = kept.as_ref().filter(|listed| listed.ignored == find.ignored);
            let fresh = fresh.filter(|listed| now.since(listed.at) < FIND_LIST_KEPT_MS_MAX).cloned();
            let listed = match fresh {
                Some(listed) => Ok(listed),
                None => {
                    let files = match find.ignored {
                        true => Ok(workspace.list_ignored(FIND_FILES_MAX)),
                        false => workspace.list("", FIND_FILES_MAX),
                    };
                    files.map(|files| Arc::new(with_directories(files, find.ignored, now)))
                }
            };
            if let Ok(listed) = &listed {
                *kept = Some(listed.clone());
            }
            drop(kept);
            let found = listed.map_err(|error| RpcError::new(Code::Internal, error.to_string())).map(|listed| {
                let limit = find.limit.unwrap_or(FIND_PATHS_DEFAULT).min(FIND_PATHS_MAX);
                Answer::Find(Found { paths: best(&listed.paths, &find, limit), complete: listed.complete })
            });
            // A client that is gone needs no answer.
            let _ = reply.send(found);
        });
    }
}

fn with_directories(files: Vec<RelPath>, ignored: bool, at: UnixMs) -> Listed {
    let complete = files.len() < FIND_FILES_MAX;
    let mut directories = BTreeSet::new();
    for file in &files {
        let mut path = file.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if !directories.insert(parent.to_owned()) {
                break;
            }
            path = parent;
        }
    }
    let mut paths = files;
    paths.extend(directories.iter().filter_map(|path| RelPath::new(path).ok()));
    Listed { at, ignored, paths, complete }
}

/// The paths that match, best first: exact names, then by score, then the shorter. Without letters, the least deep. What
/// is preferred scores a little higher.
fn best(paths: &[RelPath], find: &Find, limit: usize) -> Vec<RelPath> {
    let query = find.query.trim_end_matches('/');
    let likely =
        find.prefer.iter().take(FIND_PREFERRED_MAX).zip((1..=FIND_BONUS_MAX).rev().chain(std::iter::repeat(1)));
    let likely: HashMap<&RelPath, u32> = likely.collect();
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut found: Vec<(bool, u32, usize, usize, &RelPath)> = Vec::new();
    for path in paths {
        let text = path.as_str();
        let Some(score) = pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher) else { continue };
        let score = score + likely.get(path).copied().unwrap_or(0);
        let depth = if query.is_empty() { text.matches('/').count() } else { 0 };
        found.push((text != query && path.name() != query, score, depth, text.len(), path));
    }
    let key = |(inexact, score, depth, len, path): &(bool, u32, usize, usize, &RelPath)| {
        (*inexact, std::cmp::Reverse(*score), *depth, *len, (*path).clone())
    };
    found.sort_by_cached_key(key);
    found.into_iter().take(limit).map(|(.., path)| path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(paths: &[&str]) -> Vec<RelPath> {
        with_directories(paths.iter().map(|path| RelPath::new(path).unwrap()).collect(), false, UnixMs(0)).paths
    }

    fn of(query: &str) -> Find {
        Find { query: query.to_owned(), ..Find::default() }
    }

    fn found(query: &str) -> Vec<String> {
        let paths = listed(&["src/lib.rs", "src/parse/tokens.rs", "README.md", "src/a b.rs", "tests/parse.rs"]);
        best(&paths, &of(query), 3).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_few_letters_find_a_file() {
        assert_eq!(found("tok"), ["src/parse/tokens.rs"]);
        assert_eq!(found("parse.rs").first().map(String::as_str), Some("tests/parse.rs"));
        assert_eq!(found("src/a b.rs").first().map(String::as_str), Some("src/a b.rs"));
        assert_eq!(found("src/parse/").first().map(String::as_str), Some("src/parse"), "directories are found");
        assert_eq!(found("zzz"), Vec::<String>::new());
        assert_eq!(found("").first().map(String::as_str), Some("src"), "the least deep first");
    }

    #[test]
    fn what_is_preferred_comes_first_among_its_like() {
        let paths = listed(&["a/mod.rs", "b/mod.rs", "c/mod.rs", "c/model.rs"]);
        let first = |query: &str| {
            let prefer = vec![RelPath::new("c/mod.rs").unwrap(), RelPath::new("gone.rs").unwrap()];
            best(&paths, &Find { prefer, ..of(query) }, 1).first().map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(
            (first("mod"), first(""), first("a/mod.rs")),
            ("c/mod.rs".into(), "c/mod.rs".into(), "a/mod.rs".into())
        );
        assert_eq!(first("model"), "c/model.rs");
    }

    /// 300 000 files (llxprt-code#1732) are searched without a list of that size being sent.
    #[test]
    fn a_big_tree_is_searched_and_the_answer_is_bounded() {
        let paths: Vec<RelPath> =
            (0..20_000).map(|n| RelPath::new(&format!("d{}/f{n}.rs", n % 100)).unwrap()).collect();
        assert_eq!(best(&paths, &of("f199"), 20).len(), 20);
        assert_eq!(best(&paths, &of("d7/f107.rs"), 20).first().map(RelPath::as_str), Some("d7/f107.rs"));
    }
}
