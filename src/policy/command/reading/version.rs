//! Asking a tool for its version. A tool that a project can pin or replace is asked only where nothing does.

use crate::policy::place::Place;
use std::path::Path;

/// Programs and the single arguments with which they tell their version and do nothing else.
const TELLS: &[(&str, &str)] = &[
    ("rustc", "--version -V -vV -Vv --print=sysroot"),
    ("cargo", "--version -V -vV -Vv"),
    ("rustfmt rustup", "--version -V"),
    ("node nodejs deno", "--version -v -V"),
    ("npm npx", "--version -v"),
    ("bun", "--version -v"),
    ("python python2 python3", "--version -V -VV"),
    ("pip pip3 uv ruff", "--version -V"),
    ("ruby gem php perl", "--version -v"),
    ("java javac", "--version -version"),
    ("go", "version"),
    ("git", "version"),
    ("gcc g++ cc c++ clang clang++ cpp ld as ar nm objdump gdb gfortran", "--version"),
    ("make gmake", "--version -v"),
    ("cmake ctest ninja meson bazel clang-format", "--version"),
    ("bash zsh fish", "--version"),
    ("docker podman", "--version -v"),
    ("jq rg fd fdfind grep egrep fgrep sed find ls cat sort tree file diff", "--version"),
    ("awk gawk", "--version"),
    ("curl wget tar zip unzip gzip xz zstd rsync", "--version"),
    ("tmux ssh", "-V"),
    ("openssl zig hugo", "version"),
    ("tsc", "--version -v"),
    ("sqlite3 psql protoc ghc ocaml julia lua luajit R nvim vim gh just pandoc ffmpeg", "--version"),
];

/// Files with which a project says which tool its shims run.
const PINS: &[&str] = &[".tool-versions", "mise.toml", ".mise.toml", ".mise", "rust-toolchain", "rust-toolchain.toml"];

/// Returns whether these words ask a tool for its version.
pub(super) fn is_asked(program: &str, args: &[String]) -> bool {
    let [form] = args else { return false };
    let lists = |list: &str, word: &str| list.split(' ').any(|w| w == word);
    TELLS.iter().any(|(programs, forms)| lists(programs, program) && lists(forms, form))
}

/// Returns whether the tool that would answer is the installed one, and not a file of the project.
pub(super) fn is_installed(program: &str, at: &Path, place: &Place<'_>) -> bool {
    let Some(disk) = place.disk else { return false };
    let Some(at) = disk.real(at) else { return false };
    at.ancestors().all(|dir| {
        let pinned = disk.names(dir).unwrap_or_default().into_iter().any(|name| match name.as_str() {
            // Only an official toolchain, by its name.
            "rust-toolchain" | "rust-toolchain.toml" => {
                disk.text(&dir.join(&name)).is_none_or(|text| text.contains("path"))
            }
            "go.mod" | "go.work" => program == "go",
            name => PINS.contains(&name),
        });
        !pinned || !dir.starts_with(&place.root)
    })
}
