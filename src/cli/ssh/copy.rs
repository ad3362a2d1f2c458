//! Copies this program to a machine that lacks it: over the same ssh, into `~/.local/bin`, after a question. It must fit
//! there: the same system and processor, and it must run.

use super::{MISSING, explained, shell};
use crate::cli::Fail;
use crate::cli::limits::COPY_HEADER_BYTES_MAX;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Stdio;

/// Put in place only once it has run there.
const SCRIPT: &str = r#"set -e
dir="$HOME/.local/bin"; new="$dir/.rightseat.new.$$"
mkdir -p "$dir"
trap 'rm -f "$new"' EXIT
cat > "$new"
chmod 755 "$new"
"$new" --version > /dev/null || exit 3
mv -f "$new" "$dir/rightseat""#;

/// Runs what needs rightseat on another machine; where that lacks it, offers a copy and tries again. `yes` answers the
/// question.
pub fn offered<T>(host: &str, yes: bool, attempt: impl Fn() -> Result<T, Fail>) -> Result<T, Fail> {
    match attempt() {
        Err(fail) if fail.text.starts_with(MISSING) => {
            offer(host, yes, fail)?;
            attempt()
        }
        done => done,
    }
}

/// The question. A full-screen client is about to open, so there is a terminal to ask on.
fn offer(host: &str, yes: bool, fail: Fail) -> Result<(), Fail> {
    let ours = system(std::env::consts::OS, std::env::consts::ARCH);
    let theirs = there(host, "uname -sm", Stdio::null())?;
    let theirs = theirs.trim();
    if theirs != ours {
        let text = format!("{}. This program is for {ours} and does not fit: {host} is {theirs}", fail.text);
        return Err(Fail::usage(text));
    }
    let program = std::env::current_exe().map_err(|e| Fail::usage(format!("this program was not found: {e}")))?;
    let bytes = program.metadata().map_or(0, |data| data.len());
    let linked = if is_static(&program) { "static" } else { "it needs this machine's C library there" };
    let what = format!(
        "copy this program ({} MB, {linked}) to ~/.local/bin/rightseat on {host}",
        bytes.div_ceil(1_000_000).max(1)
    );
    if !yes {
        let mut err = std::io::stderr();
        write!(err, "rightseat was not found on {host}; {what}? [y/N] ").and_then(|()| err.flush())?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        if !matches!(line.trim(), "y" | "Y" | "yes") {
            return Err(fail);
        }
    }
    let file = File::open(&program).map_err(|e| Fail::usage(format!("{}: {e}", program.display())))?;
    there(host, SCRIPT, Stdio::from(file))?;
    writeln!(std::io::stderr(), "copied to ~/.local/bin/rightseat on {host}")?;
    Ok(())
}

/// A system and a processor as `uname -sm` names them.
fn system(os: &str, arch: &str) -> String {
    match (os, arch) {
        ("macos", "aarch64") => "Darwin arm64".to_owned(),
        ("macos", arch) => format!("Darwin {arch}"),
        ("linux", arch) => format!("Linux {arch}"),
        (os, arch) => format!("{os} {arch}"),
    }
}

/// Runs a script of ours on the other machine; its output.
fn there(host: &str, script: &str, input: Stdio) -> Result<String, Fail> {
    let mut command = shell(host, &shell_words::join(["sh", "-c", script]), true, true).into_std();
    command.stdin(input).stderr(Stdio::inherit());
    let out = command.output().map_err(|e| Fail::usage(format!("cannot start ssh: {e}; install OpenSSH")))?;
    match out.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Some(3) => Err(Fail::usage(format!(
            "this program does not run on {host}, so it was not put there: its C library is missing or older; \
             install rightseat there another way"
        ))),
        code => Err(Fail::usage(explained(host, code, "its message is above"))),
    }
}

/// Whether a program needs no loader: its ELF header names none.
fn is_static(program: &PathBuf) -> bool {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(COPY_HEADER_BYTES_MAX).read_to_end(&mut head));
    let names_loader =
        head.windows(8).any(|word| OsStr::from_bytes(word) == "ld-linux" || word.starts_with(b"/ld-musl"));
    read.is_ok() && head.starts_with(b"\x7fELF") && !names_loader
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_offered_only_where_the_program_is_missing() {
        let tries = std::cell::Cell::new(0);
        let attempt = || {
            tries.set(tries.get() + 1);
            Err::<(), _>(Fail::usage(explained("box", Some(255), "Connection refused")))
        };
        let fail = offered("box", true, attempt).expect_err("it cannot be reached");
        assert!(fail.text.contains("cannot be reached") && tries.get() == 1, "{}", fail.text);
        assert!(explained("box", Some(127), "not found").starts_with(MISSING));
    }
}
