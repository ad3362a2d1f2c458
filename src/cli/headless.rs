//! `--headless`: this process is the host and, over stdin and stdout, its first client.

use super::options::SessionOptions;
use super::place::SessionPlace;
use super::{DONE, Done, NOT_SO, USAGE, daemon, notify};
use crate::cli::limits::HEADLESS_LINGER_MS;
use crate::host::{Ending, Host};
use crate::model::event::SessionOutcome;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

/// Runs the session until it has ended, or until the input is closed and nothing is left to wait for.
pub fn run(place: &SessionPlace, options: &SessionOptions) -> Done {
    super::log::start(&place.log());
    let runtime = daemon::runtime()?;
    let mut signal = None;
    let ending = runtime.block_on(async {
        let daemon::Opened { host, mut ending, followers, door } = daemon::open(place, options).await?;
        let (eof, at_eof) = watch::channel(false);
        let input = Input { stdin: tokio::io::stdin(), eof };
        let client = {
            let host = host.clone();
            tokio::spawn(async move { host.connect(input, tokio::io::stdout(), true).await })
        };
        let ended = tokio::select! {
            end = &mut ending => end.unwrap_or_default(),
            () = over(&host, at_eof) => {
                host.close("the input was closed").await;
                ending.await.unwrap_or_default()
            }
            () = place.until_gone() => daemon::gone(&host, place, ending).await,
            number = daemon::asked_to_go() => {
                signal = Some(number);
                host.leave().await;
                ending.await.unwrap_or_default()
            }
        };
        door.close().await;
        notify::settled(followers).await;
        // The last events still go out.
        let _ = tokio::time::timeout(Duration::from_millis(HEADLESS_LINGER_MS), client).await;
        Ok::<_, super::Fail>(ended)
    });
    runtime.shutdown_background();
    super::prune::at_end(place, options.settings.keeping);
    if options.demo && ending.as_ref().is_ok_and(|ending| ending.ended.is_some()) {
        let _ = std::fs::remove_dir_all(&options.workspace);
    }
    let code = ending.map(|ending| code(&ending))?;
    // As the full-screen client: 130 for an interrupt.
    Ok(signal.map_or(code, super::screen::code_of_signal))
}

fn code(ending: &Ending) -> u8 {
    match (&ending.trouble, &ending.ended) {
        (Some(_), _) => USAGE,
        (None, Some(ended)) if ended.outcome == SessionOutcome::Done && !ending.denied => DONE,
        (None, _) => NOT_SO,
    }
}

/// Resolves when nothing is left to wait for: the session has ended and nobody asked anything for a while, or the input
/// is closed and nothing runs or waits.
async fn over(host: &Host, mut at_eof: watch::Receiver<bool>) {
    let mut published = host.follow();
    loop {
        let now = published.borrow_and_update().clone();
        let eof = *at_eof.borrow_and_update();
        // A journal that cannot be written never says that anything has ended.
        if eof && (now.ended || !now.busy || now.trouble.is_some()) {
            return;
        }
        let linger = async {
            if now.ended {
                tokio::time::sleep(Duration::from_millis(HEADLESS_LINGER_MS)).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            changed = published.changed() => if changed.is_err() { return },
            changed = at_eof.changed(), if !eof => if changed.is_err() { return },
            () = linger => return,
        }
    }
}

/// Stdin that tells when it has come to its end.
struct Input {
    stdin: tokio::io::Stdin,
    eof: watch::Sender<bool>,
}

impl AsyncRead for Input {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stdin).poll_read(cx, buf);
        if let Poll::Ready(done) = &polled
            && (done.is_err() || buf.filled().len() == before)
        {
            self.eof.send_replace(true);
        }
        polled
    }
}
