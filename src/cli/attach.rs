//! Joining a session: full-screen here, over OpenSSH, or as a pipe for the far side of one.

use super::args::Shared;
use super::place::{Places, SessionPlace};
use super::screen::Then;
use super::{DONE, Done, Fail, daemon, home, packing, screen, socket, ssh};
use crate::base::{ActionId, SessionId};
use crate::cli::limits::ATTACH_TRIES_MAX;
use crate::ui::run::Stream;
use crate::wire::limits::WIRE_LINE_BYTES_MAX;
use crate::wire::{self, Message};
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// `rightseat attach`.
pub fn attach(shared: &Shared, session: Option<&str>, ssh: Option<&str>, read_only: bool, stdio: bool) -> Done {
    if let Some(host) = ssh {
        return ssh::attach(shared, host, session, read_only);
    }
    let places = Places::open(shared.state_dir())?;
    let place = places.find(session)?;
    if stdio {
        return pipe(&places, &place, read_only);
    }
    let woken = place.clone();
    home::follow(shared, here(shared, &place, read_only, None, move || wake(&places, &woken))?)
}

/// The client of a session of this machine, at one of its actions.
pub fn client(shared: &Shared, places: &Places, session: &SessionId, at: Option<ActionId>) -> Result<Then, Fail> {
    let place = places.find(Some(session.as_str()))?;
    let (woken, places) = (place.clone(), places.clone());
    here(shared, &place, false, at, move || wake(&places, &woken))
}

/// Starts a host for a session that has none.
fn wake(places: &Places, place: &SessionPlace) -> Result<(), Fail> {
    if socket::is_up(&place.socket()) { Ok(()) } else { daemon::spawn(places, place) }
}

/// The full-screen client on this terminal. `ready` runs beside it, so that the first frame waits for nothing: it
/// starts the host if there is none.
pub fn here(
    shared: &Shared,
    place: &SessionPlace,
    read_only: bool,
    at: Option<ActionId>,
    ready: impl FnOnce() -> Result<(), Fail> + Send + 'static,
) -> Result<Then, Fail> {
    let mut options = screen::options(shared, place.id.as_str(), read_only.then_some(false))?;
    options.way.at = at;
    let path = place.socket();
    let connect = connected(move || ready().map(|()| path));
    let runtime = daemon::runtime()?;
    let done = screen::run(&runtime, options, connect, || continues(place));
    runtime.shutdown_background();
    done
}

/// The stream to the host whose socket `ready` returns once it listens.
pub async fn connected(ready: impl FnOnce() -> Result<PathBuf, Fail> + Send + 'static) -> Result<Stream, String> {
    let woken = tokio::task::spawn_blocking(ready).await.map_err(|e| e.to_string())?;
    let path = woken.map_err(|fail| fail.text)?;
    let stream = socket::connect(&path).await.map_err(|e| format!("{}: {e}", path.display()))?;
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
    let (read, write) = stream.into_split();
    Ok(Stream::new(read, write, pid))
}

/// Says how to return to a session.
pub fn continues(place: &SessionPlace) -> String {
    format!("{id} continues; `rightseat attach {id}` returns to it", id = place.id)
}

/// Copies between the socket and stdin/stdout. What goes to a client that asked for it is packed, from the answer to its
/// attach on.
fn pipe(places: &Places, place: &SessionPlace, read_only: bool) -> Done {
    let runtime = daemon::runtime()?;
    let copied: Result<(), Fail> = runtime.block_on(async {
        let mut stdin = BufReader::new(tokio::io::stdin());
        // A client attaches first.
        let mut first = Vec::new();
        (&mut stdin).take(WIRE_LINE_BYTES_MAX as u64).read_until(b'\n', &mut first).await?;
        let packs = packing::asked(&first);
        if read_only && !first.is_empty() {
            first = tamed_line(&first);
        }
        let (read, mut write) = greeted(places, place, &first).await?;
        let up = async {
            if read_only {
                return without_control(stdin, write).await;
            }
            tokio::io::copy_buf(&mut stdin, &mut write).await?;
            write.shutdown().await
        };
        let down = packing::down(read, tokio::io::stdout(), packs.as_ref());
        tokio::pin!(down);
        // The end of the input is not the end of the session: the host still answers what was asked before it.
        tokio::select! {
            done = up => { done?; down.await }
            done = &mut down => done,
        }
        .map_err(Fail::from)
    });
    runtime.shutdown_background();
    copied?;
    Ok(DONE)
}

/// The stream to a host that has received this first line and answers it. A host that was just ending may have accepted
/// the connection and closed it without a word; then the next one is started.
async fn greeted(
    places: &Places,
    place: &SessionPlace,
    first: &[u8],
) -> Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf), Fail> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (places, at) = (places.clone(), place.clone());
        tokio::task::spawn_blocking(move || wake(&places, &at)).await.map_err(|e| Fail::usage(e.to_string()))??;
        let greeting = async {
            let (read, mut write) = socket::connect(&place.socket()).await?.into_split();
            let mut read = BufReader::new(read);
            write.write_all(first).await?;
            // Half a line gets no answer.
            let is_answered = !first.ends_with(b"\n") || !read.fill_buf().await?.is_empty();
            Ok::<_, std::io::Error>((is_answered, (read, write)))
        };
        match greeting.await {
            Ok((is_answered, stream)) if is_answered || tries >= ATTACH_TRIES_MAX => return Ok(stream),
            Err(e) if tries >= ATTACH_TRIES_MAX => return Err(e.into()),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Stands for an invalid message: it is invalid for the host too, which says so.
const INVALID: &str = "null";

/// A client's line as [`without_control`] passes it on.
fn tamed_line(line: &[u8]) -> Vec<u8> {
    let message = std::str::from_utf8(line).ok().and_then(|text| Message::parse(text.trim_end()).ok());
    let text = message.and_then(|message| tamed(message).to_line().ok()).unwrap_or_else(|| INVALID.to_owned());
    (text + "\n").into_bytes()
}

/// Passes messages on; whatever an attach asks for, it never gets control.
async fn without_control(stdin: impl AsyncRead + Send + Unpin + 'static, write: OwnedWriteHalf) -> std::io::Result<()> {
    let broke = |e: wire::FrameError| std::io::Error::other(e);
    let (mut reader, mut writer) = wire::pair(stdin, write);
    while let Some(frame) = reader.next().await {
        match frame.map_err(broke)? {
            Ok(message) => writer.send(&tamed(message)).await.map_err(broke)?,
            Err(_) => {
                writer.feed_line(INVALID.to_owned()).await.map_err(broke)?;
                writer.flush().await.map_err(broke)?;
            }
        }
    }
    Ok(())
}

fn tamed(message: Message) -> Message {
    let Message::Request { id, method, params } = message else { return message };
    let as_read_only = |raw: &serde_json::value::RawValue| {
        let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw.get()).ok()?;
        object.insert("control".to_owned(), false.into());
        serde_json::value::to_raw_value(&object).ok()
    };
    let params = match (method.as_str(), params) {
        // Parameters that are not an object are refused by the host.
        ("session/attach", Some(raw)) => as_read_only(&raw).or(Some(raw)),
        ("session/attach", None) => serde_json::value::to_raw_value(&serde_json::json!({ "control": false })).ok(),
        (_, params) => params,
    };
    Message::Request { id, method, params }
}
