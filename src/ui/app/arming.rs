//! The check that a key may approve: never before the user can have read what it approves, never by accident.
//!
//! Decided by the time of the key, never by waiting. Times are milliseconds on the client's own clock.

use crate::base::limits::UI_ARM_AFTER_MS;
use crate::base::{ActionId, Digest};
use crate::ui::limits::{
    UI_AFTER_SEND_MS, UI_AFTER_VERDICT_MS, UI_ARRIVAL_GUARD_MS, UI_HELD_KEY_MS_MAX, UI_HELD_KEY_UNREPORTED_MS_MAX,
};
use crate::ui::terminal::Key;

/// The reason that a key does not approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotArmed {
    NotShown,
    JustShown,
    JustArrived,
    JustDecided,
    HeldDown,
}

/// The reason that a letter does nothing just after a message was sent.
pub const STILL_TYPING: &str = "nothing was decided: keys right after a message count as text; Esc ends that";

impl NotArmed {
    /// In words for the user.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotShown => "nothing was approved: view the action first",
            Self::JustShown => "nothing was approved: the action has only just appeared, press again",
            Self::JustArrived => "nothing was approved: something new had just arrived, press again",
            Self::JustDecided => "nothing was approved: you had just decided another action, press again",
            Self::HeldDown => {
                "nothing was approved: the key was held down or pressed again too soon, release it and press again"
            }
        }
    }
}

/// The item on the screen, since when it is shown, and the last keys.
#[derive(Debug, Clone)]
pub struct Arming {
    after_ms: u64,
    shown: Option<(ActionId, Digest, u64)>,
    arrived_at_ms: Option<u64>,
    last_key: Option<(Key, u64, bool)>,
    previous_key: Option<(Key, u64)>,
    /// The key of the last verdict, when it was pressed, and whether its release has been reported since.
    verdict: Option<(Key, u64, bool)>,
    /// When a message was sent and the composer closed, or the last letter typed since without a pause.
    typed_at_ms: Option<u64>,
    /// Whether the terminal has reported a release or a repeat, so that a press is a press.
    repeats_are_told: bool,
}

impl Default for Arming {
    fn default() -> Self {
        Self::after(UI_ARM_AFTER_MS)
    }
}

impl Arming {
    /// With this time on the screen before a key counts.
    #[must_use]
    pub fn after(after_ms: u64) -> Self {
        Self {
            after_ms,
            shown: None,
            arrived_at_ms: None,
            last_key: None,
            previous_key: None,
            verdict: None,
            typed_at_ms: None,
            repeats_are_told: false,
        }
    }

    /// A frame with this action on it went out.
    pub fn drawn(&mut self, on_screen: Option<(&ActionId, Digest)>, at_ms: u64) {
        self.shown = match (on_screen, self.shown.take()) {
            (Some((id, digest)), Some(shown)) if shown.0 == *id && shown.1 == digest => Some(shown),
            (Some((id, digest)), _) => Some((id.clone(), digest, at_ms)),
            (None, _) => None,
        };
    }

    /// Something new waits for a decision.
    pub fn arrived(&mut self, at_ms: u64) {
        self.arrived_at_ms = Some(at_ms);
    }

    /// Notes every key, so that a held one is known as such.
    pub fn key(&mut self, key: Key, held: bool, at_ms: u64) {
        self.repeats_are_told |= held;
        self.previous_key = self.last_key.take().map(|(key, at, _)| (key, at));
        self.last_key = Some((key, at_ms, held));
    }

    /// A message was sent, and what is typed from now on is commands.
    pub fn sent(&mut self, at_ms: u64) {
        self.typed_at_ms = Some(at_ms);
    }

    /// Esc: the user knows that what follows are commands.
    pub fn leaves_typing(&mut self) {
        self.typed_at_ms = None;
    }

    /// Whether this letter may still be meant for a message: it came without a pause after the last one.
    pub fn is_typing(&mut self, at_ms: u64) -> bool {
        let goes_on = self.typed_at_ms.is_some_and(|at| at_ms.saturating_sub(at) < UI_AFTER_SEND_MS);
        self.typed_at_ms = goes_on.then_some(at_ms);
        goes_on
    }

    /// The terminal reports key releases.
    pub fn key_up(&mut self) {
        self.repeats_are_told = true;
        if let Some((_, _, released)) = &mut self.verdict {
            *released = true;
        }
    }

    /// The last key gave a verdict: what comes up next is another matter.
    pub fn decided(&mut self) {
        self.verdict = self.last_key.as_ref().map(|&(key, at, _)| (key, at, false));
    }

    /// Checks that the last key may approve this action now.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, action: &ActionId, digest: Digest) -> Result<(), NotArmed> {
        let Some((key, now, held)) = self.last_key else { return Err(NotArmed::NotShown) };
        let Some((_, _, shown_at)) = self.shown.as_ref().filter(|shown| shown.0 == *action && shown.1 == digest) else {
            return Err(NotArmed::NotShown);
        };
        if held || self.repeats(key, now) {
            return Err(NotArmed::HeldDown);
        }
        if self.is_just_decided(key, now) {
            return Err(NotArmed::JustDecided);
        }
        if now.saturating_sub(*shown_at) < self.after_ms {
            return Err(NotArmed::JustShown);
        }
        if self.arrived_at_ms.is_some_and(|arrived| now.saturating_sub(arrived) < UI_ARRIVAL_GUARD_MS) {
            return Err(NotArmed::JustArrived);
        }
        Ok(())
    }

    /// The key of a verdict must be released before it counts again; where releases are not reported, time is used
    /// instead.
    fn is_just_decided(&self, key: Key, now: u64) -> bool {
        self.verdict.is_some_and(|(verdict, at, released)| {
            verdict == key && !released && (self.repeats_are_told || now.saturating_sub(at) < UI_AFTER_VERDICT_MS)
        })
    }

    /// A terminal that tells no repeats sends the first one after up to about 0.7 s (X11 and macOS defaults are
    /// 660 and 500 ms), so the same key so soon after itself may be one that is still down.
    fn repeats(&self, key: Key, now: u64) -> bool {
        let within = if self.repeats_are_told { UI_HELD_KEY_MS_MAX } else { UI_HELD_KEY_UNREPORTED_MS_MAX };
        self.previous_key.is_some_and(|(previous, at)| previous == key && now.saturating_sub(at) < within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "a1";

    fn shown_at(at_ms: u64) -> Arming {
        let mut arming = Arming::default();
        arming.drawn(Some((&A.into(), Digest::of(b"x"))), at_ms);
        arming
    }

    fn press(arming: &mut Arming, at_ms: u64, held: bool) -> Result<(), NotArmed> {
        arming.key(Key::plain('a'), held, at_ms);
        arming.check(&A.into(), Digest::of(b"x"))
    }

    #[test]
    fn nothing_is_approved_before_it_could_be_read() {
        assert_eq!(press(&mut Arming::default(), 1000, false), Err(NotArmed::NotShown));
        assert_eq!(press(&mut shown_at(1000), 1399, false), Err(NotArmed::JustShown));
        assert_eq!(press(&mut shown_at(1000), 1400, false), Ok(()));
    }

    #[test]
    fn the_time_on_the_screen_can_be_longer() {
        let mut arming = Arming::after(3000);
        arming.drawn(Some((&A.into(), Digest::of(b"x"))), 1000);
        assert_eq!(press(&mut arming, 3999, false), Err(NotArmed::JustShown));
        assert_eq!(press(&mut arming, 6000, false), Ok(()));
    }

    #[test]
    fn another_revision_starts_the_clock_again() {
        let mut arming = shown_at(0);
        arming.drawn(Some((&A.into(), Digest::of(b"y"))), 5000);
        assert_eq!(press(&mut arming, 6000, false), Err(NotArmed::NotShown));
    }

    #[test]
    fn a_key_that_was_on_its_way_when_something_arrived_does_not_count() {
        let mut arming = shown_at(0);
        arming.arrived(5000);
        assert_eq!(press(&mut arming, 5299, false), Err(NotArmed::JustArrived));
        assert_eq!(press(&mut arming, 6300, false), Ok(()));
    }

    #[test]
    fn a_key_held_down_approves_nothing() {
        let mut arming = shown_at(0);
        assert_eq!(press(&mut arming, 1000, false), Ok(()));
        assert_eq!(press(&mut arming, 1500, false), Err(NotArmed::HeldDown));
        assert_eq!(press(&mut arming, 1530, false), Err(NotArmed::HeldDown));
        assert_eq!(press(&mut arming, 2500, false), Ok(()));
        assert_eq!(press(&mut arming, 3500, true), Err(NotArmed::HeldDown));
    }

    #[test]
    fn the_key_of_a_verdict_does_not_decide_on_what_comes_up_next() {
        let next = |arming: &mut Arming, at_ms| {
            arming.drawn(Some((&A.into(), Digest::of(b"plan"))), at_ms);
        };
        let press = |arming: &mut Arming, at_ms| {
            arming.key(Key::plain('a'), false, at_ms);
            arming.check(&A.into(), Digest::of(b"plan"))
        };
        let mut arming = shown_at(0);
        arming.key(Key::plain('a'), false, 1000);
        arming.decided();
        next(&mut arming, 1050);
        assert_eq!(press(&mut arming, 1850), Err(NotArmed::JustDecided));
        assert_eq!(press(&mut arming, 2600), Ok(()));
        // A terminal that reports releases: the key counts again once it was let go.
        let mut arming = shown_at(0);
        arming.key_up();
        arming.key(Key::plain('a'), false, 1000);
        arming.decided();
        next(&mut arming, 1050);
        assert_eq!(press(&mut arming, 3000), Err(NotArmed::JustDecided), "it was never let go");
        arming.key_up();
        assert_eq!(press(&mut arming, 3200), Ok(()));
    }

    #[test]
    fn where_repeats_are_told_quick_presses_count() {
        let mut arming = shown_at(0);
        arming.key_up();
        assert_eq!(press(&mut arming, 1000, false), Ok(()));
        assert_eq!(press(&mut arming, 1200, false), Ok(()));
    }
}
