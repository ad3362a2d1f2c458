//! The freeze of a session that works while nobody is attached.

use crate::host::limits::UNATTENDED_AGAIN_MS;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// One timer at most, and none while somebody is attached, while nothing works, or when it is off.
#[derive(Debug, Default)]
pub struct Unattended {
    after: Option<Duration>,
    due: Option<Instant>,
}

impl Unattended {
    /// Freezes after this time; `None` for never.
    pub fn new(after: Option<Duration>) -> Self {
        Self { after, due: None }
    }

    /// Takes in how things are now.
    pub fn follow(&mut self, is_attended: bool, works: bool) {
        self.due = match self.after {
            Some(after) if works && !is_attended => self.due.or_else(|| Instant::now().checked_add(after)),
            Some(_) | None => None,
        };
    }

    /// Whether it is time. Then it is not again for a while, whether or not the freeze could be recorded.
    pub fn fires(&mut self) -> bool {
        let now = Instant::now();
        let fires = self.due.is_some_and(|due| due <= now);
        if fires {
            self.due = now.checked_add(Duration::from_millis(UNATTENDED_AGAIN_MS));
        }
        fires
    }

    /// Resolves when it is time.
    pub fn is_due(&self) -> impl Future<Output = ()> + use<> {
        let due = self.due;
        async move {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The reason, in words.
    pub fn why(&self) -> String {
        let minutes = self.after.unwrap_or_default().as_secs() / 60;
        format!("no client was attached for {minutes} minutes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn only_work_that_nobody_attends_is_timed_and_from_its_beginning() {
        let mut unattended = Unattended::new(Some(Duration::ZERO));
        let mut check = |is_attended, works, is_due| {
            unattended.follow(is_attended, works);
            assert_eq!(unattended.due.is_some(), is_due, "{is_attended} {works}");
            unattended.due
        };
        check(true, true, false);
        check(false, false, false);
        let began = check(false, true, true);
        assert_eq!(check(false, true, true), began, "every message does not begin it again");
        check(true, true, false);
        assert_ne!(check(false, true, true), began);
        unattended.is_due().await;
        assert!(unattended.fires());
        // The journal is in trouble: it works on, and nobody has come.
        for _ in 0..3 {
            unattended.follow(false, true);
            assert!(!unattended.fires(), "it fires once a minute at most");
            assert_eq!(unattended.is_due().now_or_never(), None);
        }
        unattended.follow(true, true);
        unattended.follow(false, true);
        assert!(unattended.fires(), "somebody came and left");
        let mut off = Unattended::new(None);
        off.follow(false, true);
        assert_eq!(off.is_due().now_or_never(), None);
    }
}
