//! Joining a session: full-screen here, over OpenSSH, or as a pipe for the far side of one.

use super::args::Global;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, daemon, screen, socket, ssh};

/// `rightseat attach`.
pub fn attach(global: &Global, session: Option<&str>, ssh: Option<&str>, read_only: bool, stdio: bool) -> Done {
    if let Some(host) = ssh {
        return ssh::attach(global, host, session, read_only);
    }
    let places = Places::open(global.state_dir())?;
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
    let options = screen::options(global, place.id.as_str(), Some(!read_only))?;
    let path = place.socket();
    let connect = async move {
        let woken = tokio::task::spawn_blocking(ready).await.map_err(|e| e.to_string())?;
        woken.map_err(|fail| fail.text)?;
        let stream = socket::connect(&path).await.map_err(|e| format!("{}: {e}", path.display()))?;
        let (read, write) = stream.into_split();
        Ok((Box::new(read) as _, Box::new(write) as _))
    };
    let left = format!("{id} goes on; `rightseat attach {id}` comes back to it", id = place.id);
    let runtime = daemon::runtime()?;
    let done = screen::run(&runtime, options, connect, &left);
    runtime.shutdown_background();
    done
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
        let down = async {
            tokio::io::copy(&mut read, &mut stdout).await?;
            tokio::io::AsyncWriteExt::flush(&mut stdout).await
        };
        tokio::select! { done = up => done, done = down => done }
    });
    runtime.shutdown_background();
    copied?;
    Ok(DONE)
}
