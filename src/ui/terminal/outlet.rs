//! The way out for frames: a thread that writes them, so that a terminal that takes no bytes stalls the picture and
//! not the client. At most one frame is on its way.

use super::modes;
use crate::ui::limits::{UI_FRAME_MS_MIN, UI_RESTORE_MS_MAX, UI_SLOW_FRAME_MS_MAX};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// See the module.
#[derive(Debug)]
pub struct Outlet {
    frames: SyncSender<Vec<u8>>,
    done: mpsc::Receiver<io::Result<Duration>>,
    busy: bool,
    /// The time that recent frames took to be written: a slow link shows there.
    drain: Duration,
}

impl Outlet {
    /// Writes to `sink`, in production standard output.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(sink: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (frames, to_write) = sync_channel(1);
        let (written, done) = mpsc::channel(1);
        std::thread::Builder::new()
            .name("rightseat-screen".to_owned())
            .spawn(move || write(&to_write, &written, sink))?;
        Ok(Self { frames, done, busy: false, drain: Duration::ZERO })
    }

    /// Returns whether the last frame is still being written; then the next one waits and includes what comes
    /// meanwhile.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// The shortest time between two frames. A link is left free for as long as a frame takes it, so that keys and their
    /// effects get through; those are `awaited` and shown as soon as the terminal has taken the last frame.
    #[must_use]
    pub fn pace(&self, awaited: bool) -> Duration {
        let (least, most) = (Duration::from_millis(UI_FRAME_MS_MIN), Duration::from_millis(UI_SLOW_FRAME_MS_MAX));
        if awaited { least } else { (self.drain * 2).clamp(least, most) }
    }

    /// Sends one frame off. Nothing happens for an empty one.
    pub fn send(&mut self, frame: Vec<u8>) {
        if !frame.is_empty() && self.frames.try_send(frame).is_ok() {
            self.busy = true;
        }
    }

    /// Waits for the frame on its way before the terminal changes hands, so that nothing is drawn over what follows. A
    /// terminal that takes no bytes is not waited for beyond [`UI_RESTORE_MS_MAX`].
    pub async fn settle(&mut self) {
        if self.busy {
            let _ = tokio::time::timeout(Duration::from_millis(UI_RESTORE_MS_MAX), self.written()).await;
        }
    }

    /// Waits for the frame to be written; forever when none is on its way. Safe to cancel.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub async fn written(&mut self) -> io::Result<()> {
        if !self.busy {
            return std::future::pending().await;
        }
        let result = self.done.recv().await;
        self.busy = false;
        let took = result.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
        // A link that has become fast is believed after a few frames.
        self.drain = took.max(self.drain / 2);
        Ok(())
    }
}

fn write(
    frames: &Receiver<Vec<u8>>,
    written: &mpsc::Sender<io::Result<Duration>>,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) {
    while let Ok(frame) = frames.recv() {
        let begun = Instant::now();
        let result = sink(&frame).map(|()| begun.elapsed());
        if written.blocking_send(result).is_err() {
            return;
        }
    }
}

/// One write for a whole frame, as far as the kernel takes it in one. What is left of it when the terminal was given
/// back is not written.
///
/// # Errors
/// When the terminal is gone.
pub fn to_stdout(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() && modes::are_set() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_on_its_way_is_written_before_the_terminal_changes_hands() {
        let (go, wait) = sync_channel::<()>(0);
        let (written, frames) = sync_channel(1);
        let mut outlet = Outlet::open(move |frame: &[u8]| {
            let _ = wait.recv();
            let _ = written.send(frame.to_vec());
            Ok(())
        })
        .expect("a thread");
        outlet.send(b"frame".to_vec());
        let slow = std::thread::spawn(move || go.send(()).expect("the writer waits"));
        outlet.settle().await;
        assert!(!outlet.is_busy());
        assert_eq!(frames.try_recv().as_deref(), Ok(&b"frame"[..]));
        slow.join().expect("no panic");
    }

    #[tokio::test]
    async fn frames_come_seldom_where_they_are_written_slowly_and_often_again_afterwards() {
        let (go, wait) = sync_channel::<u64>(1);
        let mut outlet = Outlet::open(move |_: &[u8]| {
            std::thread::park_timeout(Duration::from_millis(wait.recv().unwrap_or(0)));
            Ok(())
        })
        .expect("a thread");
        assert_eq!(outlet.pace(false), Duration::from_millis(UI_FRAME_MS_MIN));
        let mut paces = Vec::new();
        for ms in [80, 0, 0, 0, 0, 0] {
            go.send(ms).expect("the writer waits");
            outlet.send(b"frame".to_vec());
            outlet.written().await.expect("written");
            paces.push(outlet.pace(false));
        }
        assert!(paces[0] >= Duration::from_millis(150), "{paces:?}");
        assert_eq!(outlet.pace(true), Duration::from_millis(UI_FRAME_MS_MIN));
        assert!(paces.is_sorted_by(|a, b| a >= b), "{paces:?}");
        assert!(paces[5] < Duration::from_millis(100), "{paces:?}");
    }

    #[tokio::test]
    async fn a_terminal_that_takes_no_bytes_is_left_after_a_while() {
        let (_go, wait) = sync_channel::<()>(0);
        let mut outlet = Outlet::open(move |_: &[u8]| {
            let _ = wait.recv();
            Ok(())
        })
        .expect("a thread");
        outlet.settle().await;
        outlet.send(b"frame".to_vec());
        outlet.settle().await;
        assert!(outlet.is_busy());
    }
}
