//! Something that happens when the session has been in a state for long enough: the freeze of one that works while nobody is
//! attached, and the exit of a host with nothing to do.

use crate::host::limits::COUNTDOWN_AGAIN_MS;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// One timer at most, and none while the state is another one, or when it is off.
#[derive(Debug, Default)]
pub struct Countdown {
    after: Option<Duration>,
    due: Option<Instant>,
}

impl Countdown {
    /// Fires after this time; `None` for never.
    pub fn new(after: Option<Duration>) -> Self {
        Self { after, due: None }
    }

    /// Takes in whether things are now as they must be.
    pub fn follow(&mut self, is_so: bool) {
        self.due = match self.after {
            Some(after) if is_so => self.due.or_else(|| Instant::now().checked_add(after)),
            Some(_) | None => None,
        };
    }

    /// Whether it is time. Then it is not again for a while, whether or not what follows could be recorded.
    pub fn fires(&mut self) -> bool {
        let now = Instant::now();
        let fires = self.due.is_some_and(|due| due <= now);
        if fires {
            self.due = now.checked_add(Duration::from_millis(COUNTDOWN_AGAIN_MS));
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

    /// The time, in minutes.
    pub fn minutes(&self) -> u64 {
        self.after.unwrap_or_default().as_secs() / 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn a_state_is_timed_from_its_beginning_and_nothing_else_is() {
        let mut countdown = Countdown::new(Some(Duration::ZERO));
        countdown.follow(false);
        assert_eq!(countdown.due, None);
        countdown.follow(true);
        let began = countdown.due;
        assert!(began.is_some());
        countdown.follow(true);
        assert_eq!(countdown.due, began, "every message does not begin it again");
        countdown.follow(false);
        countdown.follow(true);
        assert_ne!(countdown.due, began);
        countdown.is_due().await;
        assert!(countdown.fires());
        // What follows could not be recorded, and the state is the same.
        for _ in 0..3 {
            countdown.follow(true);
            assert!(!countdown.fires(), "it fires once a minute at most");
            assert_eq!(countdown.is_due().now_or_never(), None);
        }
        countdown.follow(false);
        countdown.follow(true);
        assert!(countdown.fires(), "it was another state in between");
        let mut off = Countdown::new(None);
        off.follow(true);
        assert_eq!(off.is_due().now_or_never(), None);
    }
}
