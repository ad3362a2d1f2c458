//! What the benches have in common: a sheet on which figures stand beside their floor and their bound.
//!
//! Counts and ratios are judged, and a bench that is over a bound ends with exit code 1. Times and rates depend on the
//! machine and what else runs on it: they are printed with the bound and never fail.

#![allow(dead_code, reason = "each bench uses its part")]

use std::process::ExitCode;
use std::time::Instant;

/// A table of figures on its way to the terminal.
pub struct Sheet {
    over: usize,
}

impl Sheet {
    pub fn new(title: &str) -> Self {
        println!("\n{title}\n{:<58} {:>14} {:>14} {:>8}  bound", "", "ours", "floor", "ratio");
        Self { over: 0 }
    }

    /// Ours against the floor of the same run.
    pub fn ratio(&mut self, what: &str, unit: &str, ours: f64, floor: f64, most: f64) {
        let ratio = ours / floor;
        let verdict = self.judge(ratio <= most);
        println!("{what:<58} {:>14} {:>14} {ratio:>8.2}  <= {most} {verdict}", shown(ours, unit), shown(floor, unit));
    }

    /// Something that is counted.
    pub fn count(&mut self, what: &str, unit: &str, ours: f64, most: f64) {
        let verdict = self.judge(ours <= most);
        println!("{what:<58} {:>14} {:>14} {:>8}  <= {} {verdict}", shown(ours, unit), "", "", shown(most, unit));
    }

    /// A time or a rate, with what it should be.
    pub fn figure(&self, what: &str, ours: String, wish: &str) {
        println!("{what:<58} {ours:>14} {:>14} {:>8}  {wish}", "", "");
    }

    fn judge(&mut self, is_within: bool) -> &'static str {
        self.over += usize::from(!is_within);
        if is_within { "ok" } else { "OVER" }
    }

    /// Non-zero when something was over its bound.
    pub fn end(self) -> ExitCode {
        match self.over {
            0 => ExitCode::SUCCESS,
            over => {
                println!("\n{over} over the bound");
                ExitCode::FAILURE
            }
        }
    }
}

fn shown(value: f64, unit: &str) -> String {
    if value.fract() == 0.0 { format!("{value} {unit}") } else { format!("{value:.2} {unit}") }
}

/// Whether Cargo asks for measurements; a test run of all targets only wants to see that it starts.
pub fn is_measuring() -> bool {
    std::env::args().any(|word| word == "--bench")
}

/// The quickest of many rounds of each, in turn, in microseconds: what else the machine does only ever adds to a time.
pub fn quickest<A, B>(rounds: usize, mut ours: impl FnMut() -> A, mut floor: impl FnMut() -> B) -> (f64, f64) {
    let (mut best_ours, mut best_floor) = (f64::MAX, f64::MAX);
    for _ in 0..rounds {
        best_ours = best_ours.min(micros(&mut ours));
        best_floor = best_floor.min(micros(&mut floor));
    }
    (best_ours, best_floor)
}

/// How long it takes, in microseconds.
pub fn micros<A>(mut work: impl FnMut() -> A) -> f64 {
    let began = Instant::now();
    divan::black_box(work());
    began.elapsed().as_secs_f64() * 1e6
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The largest resident set this process has had, KiB.
pub fn peak_kib() -> f64 {
    status_kib("self", "VmHWM:")
}

/// Begins the peak anew from what is resident now.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of `/proc/PID/status` in KiB.
pub fn status_kib(pid: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}
