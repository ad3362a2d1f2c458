//! The bounds of a rule: the workspace, the plan step and the time in which it counts. A rule that allows does not
//! count where a bound cannot be checked.

use crate::base::{StepId, UnixMs};
use crate::policy::place::Place;
use std::path::PathBuf;
use toml::value::{Date, Datetime, Offset, Time};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The bounds of a rule; without any it counts everywhere and always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The root of the only workspace in which it counts.
    pub workspace: Option<PathBuf>,
    /// The only plan step in which it counts.
    pub step: Option<StepId>,
    /// The time from which it no longer counts.
    pub until: Option<UnixMs>,
}

impl Bounds {
    /// Returns whether a rule with these bounds counts for an action of this step, here and now. Where the time is not
    /// known, only a rule that `tightens` counts.
    pub fn are_met(&self, tightens: bool, step: Option<&StepId>, place: &Place<'_>) -> bool {
        self.workspace.as_ref().is_none_or(|root| *root == place.root)
            && self.step.as_ref().is_none_or(|own| Some(own) == step)
            && self.until.is_none_or(|until| place.now.map_or(tightens, |now| now < until))
    }
}

/// Reads a TOML date with its time and offset; a local one would mean something else elsewhere.
pub(super) fn time_of(written: &Datetime) -> Option<UnixMs> {
    let (date, time) = (written.date?, written.time?);
    let offset_ms = match written.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60_000,
    };
    // Days since 1970 of a date in the Gregorian calendar, with years that begin in March.
    let (year, month) = (i64::from(date.year) - i64::from(date.month <= 2), i64::from(date.month));
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day) - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    u64::try_from(days * DAY_MS + seconds * 1_000 - offset_ms).ok().map(UnixMs)
}

/// Writes a time as a TOML date, to the second, in UTC.
pub(super) fn written(at: UnixMs) -> String {
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    let (days, seconds) = (at / DAY_MS + 719_468, at % DAY_MS / 1_000);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let part = |n: i64| u8::try_from(n).unwrap_or(u8::MAX);
    let date = Date { year: u16::try_from(year).unwrap_or(9_999), month: part(month), day: part(day) };
    let time = Time {
        hour: part(seconds / 3_600),
        minute: part(seconds / 60 % 60),
        second: Some(part(seconds % 60)),
        nanosecond: None,
    };
    Datetime { date: Some(date), time: Some(time), offset: Some(Offset::Z) }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<UnixMs> {
        time_of(&text.parse().unwrap())
    }

    #[test]
    fn times_are_read_with_their_offset() {
        assert_eq!(read("1970-01-01T00:00:01Z"), Some(UnixMs(1_000)));
        assert_eq!(read("2000-02-29T12:00:00Z"), Some(UnixMs(951_825_600_000)));
        assert_eq!(read("2000-02-29T13:00:00+01:00"), Some(UnixMs(951_825_600_000)));
        assert_eq!(read("2026-11-29"), None);
        assert_eq!(read("2026-11-29T10:00:00"), None);
    }

    #[test]
    fn a_bound_that_cannot_be_checked_is_not_met() {
        let until = Bounds { until: Some(UnixMs(10)), ..Bounds::default() };
        let at = |now| Place { now, ..Place::of("/w") };
        assert!(!until.are_met(false, None, &at(None)) && !until.are_met(false, None, &at(Some(UnixMs(10)))));
        assert!(until.are_met(false, None, &at(Some(UnixMs(9)))));
        assert!(until.are_met(true, None, &at(None)) && !until.are_met(true, None, &at(Some(UnixMs(10)))));
        let step = Bounds { step: Some("s1".into()), ..Bounds::default() };
        assert!(!step.are_met(false, None, &at(None)) && step.are_met(false, Some(&"s1".into()), &at(None)));
        let here = Bounds { workspace: Some("/w".into()), ..Bounds::default() };
        assert!(here.are_met(false, None, &at(None)) && !here.are_met(false, None, &Place::of("/w/sub")));
    }

    proptest! {
        #[test]
        fn a_written_time_is_read_again(seconds in 0u64..200_000_000_000) {
            prop_assert_eq!(read(&written(UnixMs(seconds * 1_000))), Some(UnixMs(seconds * 1_000)));
        }
    }
}
