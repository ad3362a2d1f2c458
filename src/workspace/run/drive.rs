//! Following one command: its output as it comes, its time limit, its end.

use super::{Running, exit_code};
use crate::model::event::Stream;
use crate::workspace::limits;
use std::future::Future;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Takes output as it comes. A slow sink slows the command, by way of its full pipe.
pub trait Sink: Send {
    fn take(&mut self, stream: Stream, bytes: &[u8]) -> impl Future<Output = ()> + Send;
}

/// The end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// 128 + signal when a signal ended it; `None` when it is unknown.
    pub exit: Option<i32>,
    pub timed_out: bool,
    pub ms: u64,
    /// Processes that were still there after it had been stopped, in words.
    pub survivors: Vec<String>,
}

/// Follows `running` to its end, which its stop brings about early: what it wrote before is passed on all the same.
/// Dropping the future ends the command's whole tree.
pub async fn drive(mut running: Running, timeout: Duration, sink: &mut impl Sink) -> Ended {
    let began = Instant::now();
    let (stdout, stderr) = (running.stdout.take(), running.stderr.take());
    drop(running.stdin.take());
    let mut pump =
        Pump { stdout, stderr, sink, chunk: [vec![0; limits::RUN_CHUNK_BYTES], vec![0; limits::RUN_CHUNK_BYTES]] };
    // One future to the end: dropping it in the middle of a piece would lose the piece.
    let mut pumping = std::pin::pin!(pump.run());
    let mut pumped = false;
    let deadline = tokio::time::sleep(timeout);
    let mut deadline = std::pin::pin!(deadline);
    let stop = running.stop.clone();
    let (mut ending, mut timed_out) = (false, false);
    let mut survivors = Vec::new();
    let status = loop {
        tokio::select! {
            () = &mut pumping, if !pumped => {
                pumped = true;
                continue;
            }
            status = running.exited() => break status,
            () = &mut deadline, if !ending => timed_out = true,
            () = stop.cancelled(), if !ending => {}
        }
        ending = true;
        let census = running.end().await;
        survivors = census.survivors.iter().map(|survivor| format!("{} {}", survivor.pid, survivor.argv)).collect();
        if !survivors.is_empty() {
            break ExitStatus::default();
        }
    };
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if !pumped {
        // Everything has ended, so the pipes are at their end, unless somebody outlived a stop.
        let _ = tokio::time::timeout(Duration::from_millis(limits::RUN_DRAIN_MS_MAX), &mut pumping).await;
    }
    let exit = if survivors.is_empty() { exit_code(status) } else { None };
    Ended { exit, timed_out, ms, survivors }
}

struct Pump<'a, S, A, B> {
    stdout: Option<A>,
    stderr: Option<B>,
    sink: &'a mut S,
    chunk: [Vec<u8>; 2],
}

impl<S: Sink, A: AsyncRead + Unpin, B: AsyncRead + Unpin> Pump<'_, S, A, B> {
    /// Passes output on until both pipes are at their end.
    async fn run(&mut self) {
        let [out_chunk, err_chunk] = &mut self.chunk;
        while self.stdout.is_some() || self.stderr.is_some() {
            tokio::select! {
                count = read(&mut self.stdout, out_chunk) => match count {
                    0 => self.stdout = None,
                    count => self.sink.take(Stream::Stdout, out_chunk.get(..count).unwrap_or_default()).await,
                },
                count = read(&mut self.stderr, err_chunk) => match count {
                    0 => self.stderr = None,
                    count => self.sink.take(Stream::Stderr, err_chunk.get(..count).unwrap_or_default()).await,
                },
            }
        }
    }
}

/// Reads a piece; 0 at the end or on an error; never, when there is no pipe.
async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, chunk: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}
