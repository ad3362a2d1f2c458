//! Hours in which nobody is called, as local time of the machine: `22:00-07:00`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const DAY_MIN: u32 = 24 * 60;

/// From the first minute to before the last one; over midnight when it ends earlier than it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(try_from = "String", into = "String")]
pub struct Quiet {
    from_min: u32,
    to_min: u32,
}

impl TryFrom<String> for Quiet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let (from_min, to_min) = both.ok_or_else(|| format!("{text:?} is not a time such as 22:00-07:00"))?;
        Ok(Self { from_min, to_min })
    }
}

impl From<Quiet> for String {
    fn from(quiet: Quiet) -> Self {
        let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", time(quiet.from_min), time(quiet.to_min))
    }
}

impl Quiet {
    /// Milliseconds until these hours end; `None` outside of them. `now_s` is Unix time, `utc_offset_s` the time zone.
    pub fn ends_in_ms(self, now_s: u64, utc_offset_s: i32) -> Option<u64> {
        let local = i64::try_from(now_s).ok()?.saturating_add(i64::from(utc_offset_s));
        let second = u32::try_from(local.rem_euclid(i64::from(DAY_MIN) * 60)).ok()?;
        let since = |minute: u32| (second + DAY_MIN * 60 - minute * 60) % (DAY_MIN * 60);
        let length = (self.to_min + DAY_MIN - self.from_min) % DAY_MIN * 60;
        let gone = since(self.from_min);
        (gone < length).then(|| u64::from(length - gone) * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_go_over_midnight_and_end_in_their_time_zone() {
        let quiet = |text: &str| Quiet::try_from(text.to_owned());
        let at = |hours: u64, minutes: u64| (hours * 60 + minutes) * 60;
        let check = |text: &str, now_s: u64, offset_s: i32, minutes: Option<u64>| {
            let ends = quiet(text).unwrap().ends_in_ms(now_s, offset_s);
            assert_eq!(ends, minutes.map(|minutes| minutes * 60_000), "{text} at {now_s}");
        };
        check("22:00-07:00", at(23, 0), 0, Some(8 * 60));
        check("22:00-07:00", at(6, 59), 0, Some(1));
        check("22:00-07:00", at(7, 0), 0, None);
        check("22:00-07:00", at(21, 59), 0, None);
        check("22:00-07:00", at(21, 0), 3600, Some(9 * 60));
        check("12:30-13:00", 86_400 * 20_000 + at(12, 45), 0, Some(15));
        check("10:00-10:00", at(10, 0), 0, None);
        for text in ["", "22-7", "24:00-07:00", "22:00", "22:60-07:00"] {
            assert!(quiet(text).is_err(), "{text}");
        }
        assert_eq!(String::from(quiet("7:05-9:00").unwrap()), "07:05-09:00");
    }
}
