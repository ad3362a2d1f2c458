//! The host process: detached, without a terminal, on the session's socket.

use super::anchor::Follower;
use super::options::SessionOptions;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, USAGE, compose, notify, socket};
use crate::base::SessionId;
use crate::cli::limits::{ACCEPT_AGAIN_MS, CONNECTIONS_MAX};
use crate::host::{Ending, Host};
use crate::journal::Signer;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The order that a host process reads from its stdin: names only, no secrets.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    state: PathBuf,
    session: SessionId,
}

/// A host lives for days and has moments of much work (a first checkpoint, a search for repairs): the C library's
/// allocator should give back what they took. Other allocators pass these over; commands and agents never get them.
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// First argument of a host process; what it serves is on its stdin. Not on the command line of users.
pub const HIDDEN_COMMAND: &str = "__host";

/// Says on stdout that clients may connect.
const READY: &str = "ready";

/// Starts a detached host for this session and waits until it listens.
pub fn spawn(places: &Places, place: &SessionPlace) -> Result<(), Fail> {
    let unknown = |e| Fail::usage(format!("cannot determine the path of the rightseat executable: {e}"));
    let program = std::env::current_exe().map_err(unknown)?;
    let log = super::log::append_to(&place.log()).map_err(Fail::at(&place.log()))?;
    let mut command = Command::new(program);
    command.arg(HIDDEN_COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).current_dir("/");
    command.envs(ALLOCATOR);
    let mut child = command.spawn().map_err(|e| Fail::usage(format!("cannot start the session's host: {e}")))?;
    let order = Order { state: places.state.clone(), session: place.id.clone() };
    let text = serde_json::to_string(&order).map_err(|e| Fail::usage(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "{text}").map_err(|e| Fail::usage(format!("cannot send the session's host its order: {e}")))?;
    }
    let mut answer = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut answer)?;
    }
    match answer.trim() {
        READY => Ok(()),
        "" => Err(Fail::usage(format!("the session's host ended immediately; its log is {}", place.log().display()))),
        why => Err(Fail::usage(why.to_owned())),
    }
}

/// The hidden command that [`spawn`] starts.
pub fn host() -> Done {
    // A session of its own: no terminal can hang it up, no Ctrl-C reaches it.
    let _ = rustix::process::setsid();
    let mut text = String::new();
    std::io::stdin().take(64 * 1024).read_to_string(&mut text)?;
    let order: Order =
        serde_json::from_str(&text).map_err(|e| Fail::usage(format!("the order for the host is invalid: {e}")))?;
    let place = SessionPlace { dir: order.state.join("sessions").join(order.session.as_str()), id: order.session };
    super::log::start(&place.log());
    let runtime = runtime()?;
    let done = runtime.block_on(serve(&place));
    runtime.shutdown_background();
    if let Err(fail) = &done {
        tracing::error!(error = fail.text, "the host ended");
        // The one who waits reads it here.
        let _ = writeln!(std::io::stdout(), "{}", fail.text.replace('\n', " "));
    }
    done.map(|ending| if ending.trouble.is_some() { USAGE } else { DONE })
}

async fn serve(place: &SessionPlace) -> Result<Ending, Fail> {
    let options = place.options()?;
    let Opened { host, ending, followers, door } = open(place, &options).await?;
    writeln!(std::io::stdout(), "{READY}")?;
    let ending = until_end(&host, place, ending).await;
    door.close().await;
    notify::settled(followers).await;
    super::prune::at_end(place, options.settings.keeping);
    if options.demo && ending.ended.is_some() {
        // The playground was a throw-away copy; the journal stays.
        let _ = std::fs::remove_dir_all(&options.workspace);
    }
    Ok(ending)
}

/// A host that runs.
pub struct Opened {
    pub host: Host,
    pub ending: tokio::sync::oneshot::Receiver<Ending>,
    /// Notify the user and write anchors, where that is configured.
    pub followers: Vec<JoinHandle<()>>,
    pub door: Door,
}

/// The socket of a host and the task that accepts on it.
pub struct Door {
    accepting: JoinHandle<()>,
    socket: PathBuf,
    /// Of the socket's file: the next host may have put its own in this place.
    inode: Option<u64>,
}

impl Door {
    /// Lets nobody in any more: whoever comes now finds no host and starts the next one. To be called at once when the
    /// session's host has ended, before anything else is waited for.
    pub async fn close(self) {
        if self.inode.is_some() && socket::inode(&self.socket) == self.inode {
            let _ = std::fs::remove_file(&self.socket);
        }
        self.accepting.abort();
        let _ = self.accepting.await;
    }
}

/// Starts the host and its socket.
pub async fn open(place: &SessionPlace, options: &SessionOptions) -> Result<Opened, Fail> {
    let setup = compose::setup(place, options)?;
    let (host, ending) = Host::start(setup).await.map_err(|e| Fail::usage(e.to_string()))?;
    let listener =
        socket::listen(&place.socket()).map_err(|e| Fail::usage(format!("{}: {e}", place.socket().display())))?;
    let accepting = tokio::spawn(accept(listener, host.clone()));
    let door = Door { accepting, inode: socket::inode(&place.socket()), socket: place.socket() };
    let calls = options.settings.notifications.clone();
    let follow = |calls| notify::follow(host.follow(), place.journal(), calls, Box::new(compose::SystemClock));
    let mut followers = Vec::new();
    if !calls.command.is_empty() {
        followers.push(tokio::spawn(follow(calls)));
    }
    if options.settings.outward.anchor.is_set() {
        let signer = Signer::load(&place.signing_key()).ok();
        let places = (options.settings.outward.anchor.clone(), options.workspace.clone());
        followers.push(tokio::spawn(Follower::new(host.clone(), &place.journal(), signer, places)?.follow()));
    }
    if options.settings.outward.git_notes {
        let follower = super::notes::Follower::new(host.clone(), &place.journal(), options.workspace.clone())?;
        followers.push(tokio::spawn(follower.follow()));
    }
    #[cfg(feature = "otlp")]
    if let Some(endpoint) = options.settings.outward.otlp_endpoint.clone() {
        let follower = super::otlp::Follower::new(host.clone(), &place.journal(), endpoint)?;
        followers.push(tokio::spawn(follower.follow()));
    }
    #[cfg(feature = "nats")]
    followers.extend(fleet(&host, place, options).await);
    Ok(Opened { host, ending, followers, door })
}

/// Tells the fleet of the session, if there is one. It is looked up in the user's settings of today: a session that is resumed
/// must not accept the keys of then. What is wrong with it is an alarm, and the session goes on.
#[cfg(feature = "nats")]
async fn fleet(host: &Host, place: &SessionPlace, options: &SessionOptions) -> Option<JoinHandle<()>> {
    let config = options.config.clone();
    let opened = match super::settings::nats_of(config.as_deref()) {
        Ok(settings) if settings.url.is_none() => return None,
        Ok(settings) => super::fleet::Publisher::new(host.clone(), place, config, &settings).await,
        Err(fail) => Err(fail.text),
    };
    match opened {
        Ok(publisher) => Some(tokio::spawn(publisher.follow())),
        Err(why) => {
            host.alarm(crate::model::AlarmKind::Order, format!("the fleet is not told of this session: {why}")).await;
            None
        }
    }
}

async fn accept(listener: UnixListener, host: Host) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut intruded = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) if socket::is_own(&stream) => match socket::is_from_session(&stream) {
                Some(true) => {
                    if !std::mem::replace(&mut intruded, true) {
                        host.intruded().await;
                    }
                }
                // Nobody is there any more, or somebody got it from one that is not.
                None => tracing::warn!("a connection of a process that has ended was refused"),
                Some(false) => {
                    // Beyond the bound a connection is closed at once, so that a flood of them costs nothing.
                    let Ok(place) = room.clone().try_acquire_owned() else { continue };
                    let host = host.clone();
                    tokio::spawn(async move {
                        let (read, write) = stream.into_split();
                        host.connect(read, write, false).await;
                        drop(place);
                    });
                }
            },
            Ok(_) => tracing::warn!("a connection of another user was refused"),
            // Out of descriptors, most likely: those who are attached must not lose the way back for that.
            Err(error) => {
                tracing::error!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_AGAIN_MS)).await;
            }
        }
    }
}

/// Until the session is closed, its directory is gone, or the process is asked to go.
async fn until_end(host: &Host, place: &SessionPlace, ending: tokio::sync::oneshot::Receiver<Ending>) -> Ending {
    let mut ending = ending;
    tokio::select! {
        end = &mut ending => return end.unwrap_or_default(),
        () = place.until_gone() => return gone(host, place, ending).await,
        _ = asked_to_go() => host.leave().await,
    }
    ending.await.unwrap_or_default()
}

/// Ends a session whose directory was deleted: nobody could read what would be recorded.
pub async fn gone(host: &Host, place: &SessionPlace, ending: tokio::sync::oneshot::Receiver<Ending>) -> Ending {
    let why = format!("the session's directory {} was deleted or moved: its record is gone", place.dir.display());
    super::complain(&why);
    host.close(&why).await;
    Ending { trouble: Some(why), ..ending.await.unwrap_or_default() }
}

/// Resolves at SIGTERM, SIGINT or SIGHUP with the signal's number.
pub async fn asked_to_go() -> i32 {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let mut streams: Vec<_> = kinds.into_iter().filter_map(|k| Some((k.as_raw_value(), signal(k).ok()?))).collect();
    std::future::poll_fn(|cx| {
        let got = streams.iter_mut().find_map(|(number, s)| s.poll_recv(cx).is_ready().then_some(*number));
        got.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Fail> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Fail::from)
}
