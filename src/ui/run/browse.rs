//! Opens an address on this machine, at the user's word only.

use crate::ui::app::Msg;
use crate::ui::limits::UI_BROWSER_MS_MAX;
use std::process::Stdio;

/// Opens it, and tells how that went.
pub(super) async fn browsed(address: String) -> Msg {
    let opened = open(&address).await;
    Msg::Browsed { address, opened }
}

/// Starts the user's browser; gives the program's name.
async fn open(address: &str) -> Result<String, String> {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let has_desktop = cfg!(target_os = "macos") || of("DISPLAY").or_else(|| of("WAYLAND_DISPLAY")).is_some();
    let words = words(of("BROWSER").as_deref(), has_desktop, address)?;
    start(&words).await
}

/// The command: what `BROWSER` says, the first of its list, or the desktop's own.
fn words(browser: Option<&str>, has_desktop: bool, address: &str) -> Result<Vec<String>, String> {
    let first = browser.and_then(|list| list.split(':').find(|one| !one.trim().is_empty()));
    let mut words = match first {
        Some(line) => shell_words::split(line).map_err(|error| format!("BROWSER is not a command: {error}"))?,
        None if cfg!(target_os = "macos") => vec!["open".to_owned()],
        None if has_desktop => vec!["xdg-open".to_owned()],
        None => return Err("there is no desktop here and BROWSER is not set".to_owned()),
    };
    let mut is_named = false;
    for word in &mut words {
        if word.contains("%s") {
            *word = word.replace("%s", address);
            is_named = true;
        }
    }
    if !is_named {
        words.push(address.to_owned());
    }
    Ok(words)
}

/// A browser may go on running; one that fails does so at once.
async fn start(words: &[String]) -> Result<String, String> {
    let [program, arguments @ ..] = words else { return Err("BROWSER is empty".to_owned()) };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let patience = std::time::Duration::from_millis(UI_BROWSER_MS_MAX);
    match tokio::time::timeout(patience, child.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(format!("{program}: {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Ok(Ok(_)) | Err(_) => Ok(program.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_browser_comes_first_and_none_is_guessed() {
        let of = |browser: Option<&str>, has_desktop| {
            words(browser, has_desktop, "https://e.example/a b").map(|words| words.join("|"))
        };
        assert_eq!(of(Some("my-browser --tab:other"), false).unwrap(), "my-browser|--tab|https://e.example/a b");
        assert_eq!(of(Some("x '-u=%s' end"), true).unwrap(), "x|-u=https://e.example/a b|end");
        if !cfg!(target_os = "macos") {
            assert_eq!(of(None, true).unwrap(), "xdg-open|https://e.example/a b");
            assert!(of(None, false).unwrap_err().contains("BROWSER is not set"));
        }
    }

    #[tokio::test]
    async fn a_browser_that_fails_is_named() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(start(&words("true x")).await, Ok("true".to_owned()));
        assert!(start(&words("false x")).await.unwrap_err().starts_with("false: "));
        assert!(start(&words("no-such-browser x")).await.is_err());
    }
}
