//! Joining a session: full-screen here, over OpenSSH, or as a pipe for the far side of one.

use super::args::Global;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, daemon, socket};

/// `rightseat attach`.
pub fn attach(global: &Global, session: Option<&str>, ssh: Option<&str>, read_only: bool, stdio: bool) -> Done {
    if ssh.is_some() {
        return Err(Fail::usage("attaching over ssh is not here yet".into()));
    }
    let places = Places::open(global.state_dir.as_deref())?;
    let place = places.find(session)?;
    wake(&places, &place)?;
    if stdio { pipe(&place) } else { here(global, &place, read_only) }
}

/// Starts a host for a session that has none.
fn wake(places: &Places, place: &SessionPlace) -> Result<(), Fail> {
    let runtime = daemon::runtime()?;
    let is_up = runtime.block_on(socket::connect(&place.socket())).is_ok();
    runtime.shutdown_background();
    if is_up { Ok(()) } else { daemon::spawn(places, place) }
}

/// The full-screen client on this terminal.
pub fn here(_global: &Global, _place: &SessionPlace, _read_only: bool) -> Done {
    Err(Fail::usage("the full-screen client is not here yet; use --headless or attach --stdio".into()))
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
