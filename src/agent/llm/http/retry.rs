//! The decision to repeat a request, and the delay before it. Pure but for [`roll`].

use crate::agent::llm::fault::Fault;
use crate::agent::llm::limits;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The pause before repetition `attempt + 1`, or `None` when the fault is final.
///
/// The server's `Retry-After` counts when it is within the bound; otherwise the pause doubles from
/// `first` and is spread over its upper half by `roll` (0–1), so that clients do not return in step.
pub fn pause(attempt: u32, fault: &Fault, first: Duration, roll: f64) -> Option<Duration> {
    if attempt >= limits::RETRIES_MAX || !fault.retryable() {
        return None;
    }
    if let Some(asked) = fault.retry_after() {
        let longest = Duration::from_millis(limits::RETRY_AFTER_MS_MAX);
        // A little jitter on top: many clients receive the same second.
        return (asked <= longest).then(|| asked + first.mul_f64(roll.clamp(0.0, 1.0) * 0.5));
    }
    let doubled = first.saturating_mul(1 << attempt.min(16));
    let capped = doubled.min(Duration::from_millis(limits::RETRY_MS_MAX));
    Some(capped.mul_f64(0.5 + 0.5 * roll.clamp(0.0, 1.0)))
}

/// A number between 0 and 1 that differs from process to process and call to call.
pub fn roll() -> f64 {
    // Every RandomState has its own keys; nothing here needs to be unguessable.
    let bits = RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Returns the delay that a server requests: `retry-after-ms` if present, else `Retry-After` in seconds or as a date
/// (RFC 9110, 10.2.3). A date is held against the server's own clock, its `Date` header: ours may go wrong. One that
/// has passed means at once.
pub fn asked(retry_after: &str, retry_after_ms: &str, date: &str) -> Option<Duration> {
    let number = |text: &str, unit_s: f64| {
        let amount: f64 = text.trim().parse().ok()?;
        Duration::try_from_secs_f64(amount * unit_s).ok()
    };
    let until = || {
        let [until, now] = [retry_after, date].map(|text| httpdate::parse_http_date(text.trim()).ok());
        Some(until?.duration_since(now?).unwrap_or_default())
    };
    number(retry_after_ms, 0.001).or_else(|| number(retry_after, 1.0)).or_else(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);

    fn limited(after_s: Option<u64>) -> Fault {
        Fault::RateLimited { retry_after: after_s.map(Duration::from_secs), message: String::new() }
    }

    #[test]
    fn pauses_double_within_a_cap_and_end() {
        let fault = limited(None);
        let pauses: Vec<_> = (0..6).map(|n| pause(n, &fault, FIRST, 1.0)).collect();
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(pauses, [ms(500), ms(1000), ms(2000), ms(4000), None, None]);
        assert_eq!(pause(0, &fault, FIRST, 0.0), ms(250));
    }

    #[test]
    fn retry_after_counts_unless_it_is_absurd() {
        assert_eq!(pause(0, &limited(Some(7)), FIRST, 0.0), Some(Duration::from_secs(7)));
        assert_eq!(pause(0, &limited(Some(86_400)), FIRST, 0.0), None);
    }

    #[test]
    fn every_way_of_asking_for_time_is_read() {
        let now = "Wed, 21 Oct 2026 07:28:00 GMT";
        let asked = |after: &str, ms: &str| asked(after, ms, now).map(|wait| wait.as_millis());
        assert_eq!(super::asked("Wed, 21 Oct 2026 07:28:07 GMT", "", ""), None, "by whose clock?");
        assert_eq!(asked(" 1.5 ", ""), Some(1_500));
        // The finer header counts, and one that is nonsense does not.
        assert_eq!(asked("2", "1250"), Some(1_250));
        assert_eq!(asked("2", "soon"), Some(2_000));
        // The three forms of a date that RFC 9110 wants read.
        for date in ["Wed, 21 Oct 2026 07:28:07 GMT", "Wednesday, 21-Oct-26 07:28:07 GMT", "Wed Oct 21 07:28:07 2026"] {
            assert_eq!(asked(date, ""), Some(7_000), "{date}");
        }
        assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT", ""), Some(0));
        for nonsense in ["", "-3", "1e300", "NaN", "tomorrow", "Wed, 99 Oct 2026 07:28:07 GMT"] {
            assert_eq!(asked(nonsense, ""), None, "{nonsense}");
        }
    }

    #[test]
    fn what_another_try_cannot_mend_is_final() {
        let auth = Fault::Auth { status: 401, message: String::new() };
        assert_eq!(pause(0, &auth, FIRST, 0.5), None);
        assert!((0.0..1.0).contains(&roll()));
    }
}
