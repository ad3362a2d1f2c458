//! One decision on an action of a running session, from outside of it: `rightseat approve`, `deny` and `redirect` for
//! scripts, and the home screen.

use super::args::{Shared, VerdictArgs};
use super::far::AskError;
use super::place::Places;
use super::{DONE, Done, Fail, NOT_SO, daemon, fleet, print, socket};
use crate::base::Digest;
use crate::journal::Signer;
use crate::model::event::Verdict;
use crate::wire::{self, Attach, Code, Decide, Id, Message, Request, RpcError};
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};

/// The ids of the two requests.
const ATTACH: i64 = 1;
const ASK: i64 = 2;

/// `rightseat fleet key`: the public half of the key that signs decisions on other machines, made at its first use.
pub fn key(shared: &Shared) -> Done {
    let signer = Signer::load_or_make(&Places::open(shared.state_dir())?.deciding_key())?;
    print(&signer.key().to_string()).map(|()| DONE)
}

/// Sends the verdict. It counts only for what `digest` says was seen; arming is for keys and does not apply.
pub fn decide(shared: &Shared, verdict: Verdict, args: &VerdictArgs, despite_comments: bool) -> Done {
    let digest = Digest::parse(&args.digest).ok_or_else(|| {
        let text = "is not a digest: take the action's `digest` from `rightseat inbox --json`";
        Fail::usage(format!("{:?} {text}", args.digest))
    })?;
    let action = args.action.as_str().into();
    let (reason, confirm) = (args.reason.clone(), args.confirm.clone());
    let decision = Decide { reason, confirm, despite_comments, ..Decide::new(action, digest, verdict) };
    let answered = match &args.machine {
        Some(machine) => there(shared, machine, &args.session, decision),
        None => here(shared, &args.session, decision),
    };
    match answered? {
        Ok(()) => print(&format!("{} {}", verdict.words(), args.action)).map(|()| DONE),
        // What is pending has changed: that is a result, and no mistake in the command.
        Err(error) => {
            let is_result = [Code::StaleDigest, Code::NotHeld, Code::Commented].map(Code::number).contains(&error.code);
            let is_commented = error.code == Code::Commented.number();
            let hint = if is_commented { " (--despite-comments does it here)" } else { "" };
            Err(Fail { text: format!("{}{hint}", error.message), code: if is_result { NOT_SO } else { super::USAGE } })
        }
    }
}

/// Over NATS, with a signature.
fn there(shared: &Shared, machine: &str, session: &str, decision: Decide) -> Result<Result<(), RpcError>, Fail> {
    let runtime = daemon::runtime()?;
    let answered = runtime.block_on(fleet::decide(shared, machine, &session.into(), decision));
    runtime.shutdown_background();
    match answered {
        Ok(()) => Ok(Ok(())),
        Err(AskError::Refused(error)) => Ok(Err(error)),
        Err(error @ (AskError::Link { .. } | AskError::Unanswered(_))) => Err(Fail::usage(error.words())),
    }
}

fn here(shared: &Shared, session: &str, decision: Decide) -> Result<Result<(), RpcError>, Fail> {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    if !socket::is_up(&place.socket()) {
        return Err(Fail { text: format!("{} is not running: nothing is pending in it", place.id), code: NOT_SO });
    }
    let attach = Attach { script: true, ..Attach::default() };
    let runtime = daemon::runtime()?;
    let answered = runtime.block_on(async {
        let (read, write) = socket::connect(&place.socket()).await?.into_split();
        exchange(read, write, attach, Request::Decide(decision), &AtomicBool::new(false)).await
    });
    runtime.shutdown_background();
    answered.map_err(|error| Fail::usage(format!("{}: {error}", place.id)))
}

/// Attaches without the session's past, asks, and returns the answer to that. `sent` is set when the request may have
/// reached the host.
pub async fn exchange(
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
    attach: Attach,
    ask: Request,
    sent: &AtomicBool,
) -> std::io::Result<Result<(), RpcError>> {
    let broke = |error: wire::FrameError| std::io::Error::other(error);
    let (mut reader, mut writer) = wire::pair(read, write);
    let attach = Attach { control: attach.control.or(Some(false)), snapshot: true, ..attach };
    writer.send(&Request::Attach(attach).message(Id::Number(ATTACH))?).await.map_err(broke)?;
    while let Some(frame) = reader.next().await {
        // A remote shell may print a greeting before the host's first message.
        let Ok(Message::Answer { id: Id::Number(id), result }) = frame.map_err(broke)? else { continue };
        match (id == ASK, result) {
            (true, result) => return Ok(result.map(|_: Box<RawValue>| ())),
            (false, Err(error)) => return Ok(Err(error)),
            (false, Ok(_)) => {
                sent.store(true, Ordering::SeqCst);
                writer.send(&ask.message(Id::Number(ASK))?).await.map_err(broke)?;
            }
        }
    }
    Err(std::io::Error::other("the connection was closed before there was an answer"))
}
