//! Joining a session: full-screen here, over OpenSSH, or as a pipe for the far side of one.

use super::args::Global;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, NOT_SO, daemon, socket, user};
use crate::ui::run as ui;
use crate::ui::theme::{Depth, Signs};

/// `rightseat attach`.
pub fn attach(global: &Global, session: Option<&str>, ssh: Option<&str>, read_only: bool, stdio: bool) -> Done {
    if ssh.is_some() {
        return Err(Fail::usage("attaching over ssh is not here yet".into()));
    }
    let places = Places::open(global.state_dir.as_deref())?;
    let place = places.find(session)?;
    if stdio {
        wake(&places, &place)?;
        return pipe(&place);
    }
    let woken = place.clone();
    here(global, &place, read_only, move || wake(&places, &woken))
}

/// Starts a host for a session that has none.
fn wake(places: &Places, place: &SessionPlace) -> Result<(), Fail> {
    if socket::is_up(&place.socket()) { Ok(()) } else { daemon::spawn(places, place) }
}

/// The full-screen client on this terminal. `ready` runs beside it, so that the first frame waits for nothing: it starts
/// the host if there is none.
pub fn here(
    global: &Global,
    place: &SessionPlace,
    read_only: bool,
    ready: impl FnOnce() -> Result<(), Fail> + Send + 'static,
) -> Done {
    let options = options(global, place, read_only)?;
    let socket_path = place.socket();
    let runtime = daemon::runtime()?;
    let ended = runtime.block_on(ui::run(options, async move {
        let woken = tokio::task::spawn_blocking(ready).await.map_err(|e| e.to_string())?;
        woken.map_err(|fail| fail.text)?;
        let stream = socket::connect(&socket_path).await.map_err(|e| format!("{}: {e}", socket_path.display()))?;
        let (read, write) = stream.into_split();
        Ok((Box::new(read) as _, Box::new(write) as _))
    }));
    runtime.shutdown_background();
    match ended {
        Ok(ui::Ended::Left(_)) => Ok(DONE),
        Ok(ui::Ended::Signal(number)) => Ok(u8::try_from(128 + number).unwrap_or(NOT_SO)),
        Ok(ui::Ended::HungUp) => Ok(128 + 1),
        Err(error) => Err(Fail::usage(error.to_string())),
    }
}

fn options(global: &Global, place: &SessionPlace, read_only: bool) -> Result<ui::Options, Fail> {
    let config = user::config_dir(global.config.as_deref())?;
    let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    Ok(ui::Options {
        theme: global.theme.clone().unwrap_or_else(|| "dark".into()),
        keymap: global.keymap.clone().unwrap_or_else(|| "default".into()),
        theme_dir: Some(config.join("themes")),
        keymap_dir: Some(config.join("keymaps")),
        depth: Depth::detect(var("NO_COLOR").as_deref(), var("COLORTERM").as_deref(), var("TERM").as_deref()),
        signs: Signs::detect(
            var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")).as_deref(),
            var("TERM").as_deref(),
        ),
        mouse: true,
        kitty: false,
        linear: global.linear,
        term: var("TERM"),
        editor: var("VISUAL").or_else(|| var("EDITOR")),
        title: place.id.to_string(),
        control: if read_only { Some(false) } else { Some(true) },
    })
}

/// Copies between the socket and stdin/stdout.
fn pipe(place: &SessionPlace) -> Done {
    let runtime = daemon::runtime()?;
    let copied: std::io::Result<()> = runtime.block_on(async {
        let (mut read, mut write) = socket::connect(&place.socket()).await?.into_split();
        let (mut stdin, mut stdout) = (tokio::io::stdin(), tokio::io::stdout());
        let up = async {
            tokio::io::copy(&mut stdin, &mut write).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut write).await
        };
        let down = async { tokio::io::copy(&mut read, &mut stdout).await.map(|_| ()) };
        tokio::select! { done = up => done, done = down => done }
    });
    runtime.shutdown_background();
    copied?;
    Ok(DONE)
}
