//! Programs that get the user's terminal: the editor on a private copy of a text, and the login of an agent.

use super::link::Link;
use crate::base::RelPath;
use crate::model::event::AgentLogin;
use crate::ui::app::{EditorOf, Msg, Request};
use crate::ui::limits::UI_ENTRY_BYTES_MAX;
use crate::ui::terminal::modes::Modes;
use crate::ui::welcome::Wish;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Opens `editor` (a command line) on the text and returns what it left behind. The file is 0600 in a 0700 directory
/// and gone afterwards; its name ends as the real one does, for the editor's sake.
///
/// # Errors
/// In words for the user; nothing is changed then.
pub(super) async fn edit(editor: &str, name: &str, text: &str) -> Result<String, String> {
    let failed = |what: &str, error: std::io::Error| format!("{what}: {error}; nothing was changed");
    let words = shell_words::split(editor).map_err(|error| format!("EDITOR cannot be parsed: {error}"))?;
    let (program, arguments) = words.split_first().ok_or("EDITOR is empty")?;
    let dir = tempfile::Builder::new()
        .prefix("rightseat-")
        .tempdir()
        .map_err(|error| failed("cannot create a temporary directory", error))?;
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' }).collect();
    let mut file = tempfile::Builder::new()
        .prefix("edit-")
        .suffix(&format!("-{safe}"))
        .tempfile_in(dir.path())
        .map_err(|error| failed("cannot create a temporary file", error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .map_err(|error| failed("cannot write the temporary file", error))?;
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .arg(file.path())
        .status()
        .await
        .map_err(|error| failed(&format!("cannot start `{editor}`"), error))?;
    if !status.success() {
        return Err(format!("`{editor}` ended with {status}; nothing was changed"));
    }
    // Editors that save by renaming leave another file under the name, so it is opened again.
    let mut edited = String::new();
    let limit = u64::try_from(UI_ENTRY_BYTES_MAX).unwrap_or(u64::MAX);
    let read = std::fs::File::open(file.path()).and_then(|file| file.take(limit + 1).read_to_string(&mut edited));
    read.map_err(|error| failed("cannot read the edited file as text", error))?;
    if edited.len() > UI_ENTRY_BYTES_MAX {
        return Err(format!("the text is longer than {UI_ENTRY_BYTES_MAX} bytes; nothing was changed"));
    }
    Ok(edited)
}

/// Opens `editor` on a file of the workspace, at a line where it can be told one.
///
/// # Errors
/// In words for the user.
async fn visit(editor: &str, root: &Path, path: &str, line: u32) -> Result<(), String> {
    let words = shell_words::split(editor).map_err(|error| format!("EDITOR cannot be parsed: {error}"))?;
    let (program, arguments) = words.split_first().ok_or("EDITOR is empty")?;
    // The name comes from a runner's output: a link may lead anywhere, and a pipe would hold the terminal.
    let inside = RelPath::new(path).map_err(|_| format!("{path} is not in the workspace"))?;
    let file = root.join(inside.as_str()).canonicalize().map_err(|error| format!("cannot open {path}: {error}"))?;
    let root = root.canonicalize().map_err(|error| format!("cannot open the workspace: {error}"))?;
    if !file.starts_with(root) || !file.is_file() {
        return Err(format!("{path} is not a file of the workspace"));
    }
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let place = |file: &Path| format!("{}:{line}", file.display());
    let place = match name {
        "code" | "codium" | "code-insiders" | "cursor" => vec!["--goto".to_owned(), place(&file)],
        "hx" | "helix" | "subl" | "zed" => vec![place(&file)],
        _ => vec![format!("+{line}"), file.display().to_string()],
    };
    let status = tokio::process::Command::new(program).args(arguments).args(place).status().await;
    let status = status.map_err(|error| format!("cannot start `{editor}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{editor}` ended with {status}")) }
}

impl super::Client {
    pub(super) async fn edit(
        &mut self,
        of: &EditorOf,
        name: &str,
        text: &str,
        modes: &Modes,
    ) -> Result<String, String> {
        let editor = self.options.editor.clone().unwrap_or_else(|| "vi".to_owned());
        let EditorOf::Source { line } = of else {
            return self.hand_over(edit(&editor, name, text), modes).await;
        };
        if !self.link.is_local() {
            return Err(format!("{name}:{line} is on another machine: open it there"));
        }
        let opened = self.app.scene.session.opened.as_ref();
        let root = PathBuf::from(opened.map(|opened| opened.workspace.clone()).unwrap_or_default());
        self.hand_over(visit(&editor, &root, name, *line), modes).await.map(|()| String::new())
    }

    pub(super) async fn sign_in(&mut self, login: &AgentLogin, modes: &Modes) -> Vec<Request> {
        let outcome = match self.link.is_local() {
            true => self.hand_over(sign_in(login), modes).await,
            false => Err("the agent is on another machine: run the command there, in a terminal".to_owned()),
        };
        let at = self.now_ms();
        self.app.update(at, Msg::SignedIn(outcome))
    }

    /// Starts the session of the start screen; the link reports how that went.
    pub(super) fn begin(&mut self, wish: Wish) -> Vec<Request> {
        if let Some(opening) = &self.options.opening {
            self.link = Link::new((opening.begin)(wish), self.options.control);
        }
        Vec::new()
    }
}

/// Runs the agent's login, as it was shown, until it ends.
///
/// # Errors
/// In words for the user.
pub(super) async fn sign_in(login: &AgentLogin) -> Result<(), String> {
    let (program, arguments) = login.command.split_first().ok_or("this login has no command")?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).envs(login.env.iter().map(|(name, value)| (name, value)));
    let status = command.status().await.map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the login ended with {status}; you may not be signed in")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_text_comes_back_as_the_editor_left_it() {
        let edited = edit("sed -i s/old/new/", "src/a b.rs", "an old line\n").await;
        assert_eq!(edited.as_deref(), Ok("an new line\n"));
    }

    #[tokio::test]
    async fn an_editor_that_fails_changes_nothing() {
        for editor in ["false", "/no/such/editor", "'", ""] {
            assert!(edit(editor, "a", "text").await.is_err(), "{editor}");
        }
    }

    #[tokio::test]
    async fn a_file_of_the_workspace_is_opened_at_its_line_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.py"), "x\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("away")).unwrap();
        let tells = "sh -c 'test $1 = +7 && test -f $2' sh";
        assert_eq!(visit(tells, dir.path(), "a.py", 7).await, Ok(()));
        assert!(visit(tells, dir.path(), "a.py", 8).await.is_err(), "the line was told");
        for path in ["away", "../a.py", "/etc/passwd", "none.py", "."] {
            assert!(visit("true", dir.path(), path, 1).await.is_err(), "{path}");
        }
    }

    #[tokio::test]
    async fn a_login_runs_with_what_is_set_for_it_and_tells_how_it_ended() {
        let login = |script: &str| AgentLogin {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: vec![("WHO".into(), "me".into())],
            ..AgentLogin::default()
        };
        assert_eq!(sign_in(&login("test $WHO = me")).await, Ok(()));
        assert!(sign_in(&login("exit 3")).await.unwrap_err().contains('3'));
        assert!(sign_in(&AgentLogin::default()).await.is_err());
    }
}
