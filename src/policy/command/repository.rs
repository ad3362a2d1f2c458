//! The programs that a git repository would make git run: its configuration, its hooks and the repositories inside it
//! are data that anyone may have written, and some of it is programs. Only settings that are known to run nothing are
//! accepted.

use crate::policy::place::{Disk, Place, Target};
use std::path::{Path, PathBuf};

/// Settings that start nothing when git only looks, by section: all keys, or those listed.
const HARMLESS: &[(&str, &str)] = &[
    (
        "core",
        "repositoryformatversion filemode bare logallrefupdates ignorecase precomposeunicode symlinks autocrlf eol \
         safecrlf quotepath abbrev compression bigfilethreshold longpaths untrackedcache preloadindex commitgraph \
         multipackindex sharedrepository protecthfs protectntfs checkstat trustctime fscache whitespace \
         warnambiguousrefs loosecompression deltabasecachelimit packedgitlimit packedgitwindowsize fsync \
         fsyncobjectfiles hidedotfiles commentchar createobject unsetenvvars",
    ),
    ("branch", "*"),
    ("user", "*"),
    ("author", "*"),
    ("committer", "*"),
    ("init", "defaultbranch"),
    (
        "remote",
        "url fetch pushurl push tagopt prune prunetags mirror skipdefaultupdate skipfetchall gh-resolved pushdefault",
    ),
    ("url", "*"),
    ("http", "*"),
    ("credential", "*"),
    ("pull", "*"),
    ("push", "*"),
    ("fetch", "*"),
    ("rebase", "*"),
    ("receive", "*"),
    ("advice", "*"),
    ("color", "*"),
    ("column", "*"),
    ("gc", "*"),
    ("pack", "*"),
    ("rerere", "*"),
    ("tag", "*"),
    ("commit", "*"),
    (
        "status",
        "short branch showstash relativepaths showuntrackedfiles aheadbehind renames renamelimit displaycommentprefix",
    ),
    (
        "diff",
        "algorithm renames renamelimit noprefix mnemonicprefix colormoved colormovedws context interhunkcontext \
         suppressblankempty indentheuristic wserrorhighlight statgraphwidth autorefreshindex dirstat relative",
    ),
    ("log", "date decorate abbrevcommit follow mailmap showroot diffmerges graphcolors"),
    ("merge", "conflictstyle ff renames renamelimit log stat verbosity"),
    ("blame", "date showemail showroot blankboundary coloring"),
    ("index", "version threads sparse skiphash"),
    ("feature", "manyfiles experimental"),
    ("lfs", "repositoryformatversion access"),
    ("extensions", "objectformat refstorage worktreeconfig relativeworktrees noop"),
    ("submodule", "url active branch ignore"),
];

/// A repository that git would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The directory whose files it keeps.
    pub tree: PathBuf,
    /// Its own files.
    pub git_dir: PathBuf,
    /// Directory of the configuration and hooks; another directory for a linked work tree.
    common: PathBuf,
}

/// Returns the repository that git would find from a directory; an error says why it is unknown.
pub fn find(disk: &dyn Disk, from: &Path) -> Result<Option<Repository>, String> {
    let start = disk.real(from).ok_or("its start directory cannot be determined")?;
    for dir in start.ancestors() {
        let Some(names) = disk.names(dir) else { continue };
        let has = |name: &str| names.iter().any(|n| n == name);
        if has(".git") {
            return opened(disk, dir).map(Some);
        }
        if names.iter().any(|n| n.eq_ignore_ascii_case(".git")) {
            return Err(format!("{} contains another spelling of .git", dir.display()));
        }
        if has("HEAD") && (has("objects") || has("refs") || has("config")) {
            return Err(format!("{} looks like the inside of a repository", dir.display()));
        }
    }
    Ok(None)
}

fn opened(disk: &dyn Disk, tree: &Path) -> Result<Repository, String> {
    let doubt = |what: &str| format!("{}/.git {what}", tree.display());
    let git = tree.join(".git");
    let git_dir = if disk.names(&git).is_some() {
        git
    } else {
        let text = disk.text(&git).ok_or_else(|| doubt("cannot be read"))?;
        let to = text.strip_prefix("gitdir:").ok_or_else(|| doubt("is not a repository"))?;
        tree.join(to.trim_end_matches(['\n', '\r']).trim_start())
    };
    let git_dir = disk.real(&git_dir).ok_or_else(|| doubt("cannot be resolved"))?;
    let names = disk.names(&git_dir).ok_or_else(|| doubt("cannot be read"))?;
    if !names.iter().any(|n| n == "HEAD") {
        return Err(doubt("is not a complete repository"));
    }
    let common = match disk.text(&git_dir.join("commondir")) {
        Some(to) => disk.real(&git_dir.join(to.trim_end())).ok_or_else(|| doubt("cannot be resolved"))?,
        None => git_dir.clone(),
    };
    Ok(Repository { tree: tree.to_owned(), git_dir, common })
}

/// Checks that read-only git commands, started in a directory, run nothing of the repository's own; the error gives the
/// reason against it. `compares`: git reads the files of the work tree.
pub fn is_harmless(place: &Place<'_>, from: &Path, compares: bool) -> Result<(), String> {
    let disk = place.disk.ok_or("the repository cannot be looked up")?;
    // What git does without a repository is not known: it may be given one by other means.
    let found = find(disk, from)?.ok_or("no repository was found")?;
    if !matches!(place.target(&place.root, &found.tree.to_string_lossy()), Target::Inside(_)) {
        return Err(format!("the repository's root is outside the workspace, at {}", found.tree.display()));
    }
    let config = disk.text(&found.common.join("config")).ok_or("the repository's configuration cannot be read")?;
    check(&config)?;
    disk.own_git_settings().iter().try_for_each(|text| check_own(text))?;
    let names = disk.names(&found.git_dir).unwrap_or_default();
    if names.iter().any(|n| n == "config.worktree") {
        check(&disk.text(&found.git_dir.join("config.worktree")).ok_or("its configuration cannot be read")?)?;
    }
    let hooks = disk.names(&found.common.join("hooks")).unwrap_or_default();
    if hooks.iter().any(|n| n.to_ascii_lowercase().starts_with("post-index-change") && !n.ends_with(".sample")) {
        return Err("the repository has a hook that runs on read-only git commands".to_owned());
    }
    if !compares {
        return Ok(());
    }
    if names.iter().any(|n| n.starts_with("sharedindex.")) {
        return Err("the repository has a split index".to_owned());
    }
    let tracked = match (names.iter().any(|n| n == "index"), disk.tracked(&found.git_dir)) {
        (false, _) => return Ok(()),
        (true, Some(tracked)) => tracked,
        (true, None) => return Err("the repository's index cannot be read".to_owned()),
    };
    let inner = tracked.has_repositories.then_some("the repository contains others with their own settings");
    inner.map_or(Ok(()), |why| Err(why.to_owned()))
}

/// A setting as it is written: section and key in lower case, and the value.
type Setting = (String, String, String);

/// Reads a configuration line by line. A continued value is taken for settings, so that nothing hides in one.
fn settings(config: &str) -> impl Iterator<Item = Result<Setting, &'static str>> {
    let mut section = String::new();
    config.lines().filter_map(move |line| {
        let mut line = line.trim();
        while let Some(header) = line.strip_prefix('[') {
            let Some((inner, after)) = header.split_once(']') else {
                return Some(Err("a section of the configuration is not closed"));
            };
            let name = inner.split([' ', '\t', '"', '.']).next().unwrap_or_default();
            if inner.matches('"').count() == 1 || name.is_empty() {
                return Some(Err("a section of the configuration cannot be read"));
            }
            section = name.to_ascii_lowercase();
            line = after.trim();
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            return None;
        }
        let key = line.split(['=', ' ', '\t']).next().unwrap_or_default();
        if !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Some(Err("a line of the repository's configuration cannot be read"));
        }
        let value = line.split_once('=').map_or("", |(_, value)| value.trim());
        Some(Ok((section.clone(), key.to_ascii_lowercase(), value.to_owned())))
    })
}

/// Returns whether a setting is known to run nothing; section and key in lower case.
pub fn is_harmless_setting(section: &str, key: &str) -> bool {
    lists(HARMLESS, section, key) && !matches!((section, key), ("credential", "helper"))
}

/// Returns whether a table lists a key of a section.
fn lists(table: &[(&str, &str)], section: &str, key: &str) -> bool {
    let keys = table.iter().find(|(name, _)| *name == section).map_or("", |(_, keys)| keys);
    keys == "*" || keys.split_whitespace().any(|listed| listed == key)
}

fn check(config: &str) -> Result<(), String> {
    for setting in settings(config) {
        let (section, key, _) = setting?;
        if !lists(HARMLESS, &section, &key) {
            return Err(format!("the repository's configuration sets {section}.{key}"));
        }
    }
    Ok(())
}

/// Settings of the user's own that name a program which git runs when it only looks.
const RUNS: &[(&str, &str)] = &[
    ("core", "fsmonitor pager hookspath attributesfile"),
    ("pager", "*"),
    ("diff", "external command textconv"),
    ("filter", "clean process"),
    ("gpg", "program"),
];

/// The user's own settings are trusted, but not to run a file of whatever repository git is in.
fn check_own(config: &str) -> Result<(), String> {
    let is_relative = |word: &str| {
        let word = word.trim_matches(['"', '\'', '!']);
        word.contains('/') && !word.starts_with(['/', '~', '$', '%', '-']) && !word.contains("://")
    };
    for (section, key, value) in settings(config).flatten().filter(|(section, key, _)| lists(RUNS, section, key)) {
        let names_directory = key == "hookspath" && !value.trim_matches('"').starts_with(['/', '~', '%']);
        if names_directory || value.split_whitespace().any(is_relative) {
            return Err(format!("your own git configuration sets {section}.{key} to a path in the repository"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::Files;

    fn verdict(files: Files, from: &str) -> Result<(), String> {
        let place = Place { disk: Some(&files), ..Place::of("/w") };
        is_harmless(&place, Path::new(from), true)
    }

    fn repository(config: &str) -> Files {
        Files::default().file("/w/.git/HEAD", "ref: x").file("/w/.git/config", config).file("/w/src/a", "")
    }

    #[test]
    fn a_configuration_that_starts_nothing_is_accepted() {
        let plain = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n[remote \"origin\"]\n\turl = x\n\tfetch = +refs/*\n\
                     [branch \"main\"]\n\tremote = origin\n# note\n[user]\n\tname = a b\n";
        assert_eq!(verdict(repository(plain), "/w"), Ok(()));
        assert_eq!(verdict(repository(plain), "/w/src"), Ok(()));
        assert!(verdict(Files::default().file("/w/a", ""), "/w").is_err());
        let linked = Files::default()
            .file("/w/.git", "gitdir: /main/.git/worktrees/w\n")
            .file("/main/.git/worktrees/w/HEAD", "x")
            .file("/main/.git/worktrees/w/commondir", "/main/.git\n");
        assert_eq!(verdict(linked.clone().file("/main/.git/config", plain), "/w"), Ok(()));
        assert!(verdict(linked.file("/main/.git/config", "[core]\nfsmonitor=x\n"), "/w").is_err());
    }

    #[test]
    fn whatever_may_start_something_is_refused() {
        for config in [
            "[core]\n\tfsmonitor = ./x\n",
            "[core] fsmonitor = ./x\n",
            "[branch \"x\"] [core] fsmonitor = ./x\n",
            "[branch \"x\"][core]fsmonitor = ./x\n",
            "[CORE]\n FSMonitor=./x\n",
            "[core]\n\tpager = ./x\n",
            "[core]\n\thooksPath = x\n",
            "[core]\n\tworktree = /etc\n",
            "[core]\n\tattributesFile = x\n",
            "[core]\n\tsshCommand = x\n",
            "[core]\nfilemode = true \\\nfsmonitor = x\n",
            "[diff]\n\texternal = ./x\n",
            "[diff \"a\"]\n\ttextconv = ./x\n",
            "[diff \"a\"]\n\tcommand = ./x\n",
            "[diff.a]\n\ttextconv = ./x\n",
            "[filter \"a\"]\n\tclean = ./x\n",
            "[filter \"a]b\"]\n\tprocess = ./x\n",
            "[include]\n\tpath = x\n",
            "[includeIf \"gitdir:x\"]\n\tpath = x\n",
            "[alias]\n\tst = !x\n",
            "[gpg]\n\tprogram = ./x\n",
            "[log]\n\tshowSignature = true\n",
            "[pager]\n\tlog = ./x\n",
            "[remote \"o\"]\n\tpromisor = true\n",
            "[remote \"o\"]\n\tuploadpack = x\n",
            "[extensions]\n\tpartialClone = o\n",
            "[lfs \"extension.x\"]\n\tclean = ./x\n",
            "[status]\n\tsubmoduleSummary = true\n",
            "[submodule]\n\trecurse = true\n",
            "[merge \"x\"]\n\tdriver = ./x\n",
            "[trailer \"x\"]\n\tcommand = ./x\n",
            "\u{feff}[core]\n\tfsmonitor = ./x\n",
            "[branch \"a\n[core]\nfsmonitor=x\n",
            "[core\nfsmonitor = x\n",
            "fsmonitor = x\n",
        ] {
            assert!(verdict(repository(config), "/w").is_err(), "{config}");
        }
        let plain = "[core]\n\tbare = false\n";
        assert!(verdict(repository(plain).file("/w/.git/hooks/post-index-change", ""), "/w").is_err());
        assert!(verdict(repository(plain).file("/w/.git/config.worktree", "[core]\nfsmonitor=x\n"), "/w").is_err());
        assert!(verdict(repository(plain).file("/w/.git/sharedindex.1", ""), "/w").is_err());
        // A bare repository among the files of another is found by git as well.
        let bare = repository(plain).file("/w/evil/HEAD", "x").file("/w/evil/config", "").file("/w/evil/objects/x", "");
        assert!(verdict(bare.clone(), "/w/evil").is_err());
        assert!(verdict(bare, "/w/evil/objects").is_err());
        assert!(verdict(repository(plain), "/w/.git").is_err());
        let above = Files::default().file("/.git/HEAD", "x").file("/.git/config", plain).file("/w/a", "");
        assert!(verdict(above, "/w").is_err());
        assert!(verdict(Files::default().file("/w/.GIT/HEAD", "x"), "/w").is_err());
    }

    #[test]
    fn the_users_own_settings_run_nothing_of_the_repository() {
        for config in [
            "[core]\n\tfsmonitor = .git/hooks/watch\n",
            "[core]\n\tpager = ./pager\n",
            "[core]\n\thooksPath = .githooks\n",
            "[pager]\n\tlog = sh tools/pager.sh\n",
            "[diff]\n\texternal = \"./x\"\n",
            "[diff \"a\"]\n\ttextconv = tools/x\n",
            "[filter \"a\"]\n\tprocess = ../x\n",
        ] {
            let files = repository("[core]\n").own_git(config);
            assert!(verdict(files, "/w").is_err(), "{config}");
        }
        let usual = "[core]\n\tpager = delta\n\thooksPath = ~/hooks\n\texcludesfile = ~/.gitignore\n[filter \"lfs\"]\n\t\
                     clean = git-lfs clean -- %f\n\tprocess = /usr/bin/git-lfs filter-process\n[alias]\n\tx = \"!f() { \\\n\
                     ./x; }\"\n[init]\n\tdefaultBranch = main\n";
        assert_eq!(verdict(repository("[core]\n").own_git(usual), "/w"), Ok(()));
    }
}
