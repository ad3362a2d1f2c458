//! Misbehaviour of models, detected and named. Pure.
//!
//! Small models repeat themselves, invent tools, answer with nothing and rewrite the failing test until it passes.
//! Each of these has a counter here; a few are reported to the model, more end the run.

use super::request::ToolCall;
use super::tools::Act;
use crate::agent::llm::limits;
use crate::base::Digest;
use crate::checks::recognise::recognise;
use crate::model::AlarmKind;
use serde_json::Value;
use std::collections::VecDeque;

/// The reaction to an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing.
    Fine,
    /// Tell the model these words instead of doing what it asked.
    Warn {
        /// The alarm's kind, empty when no alarm is due.
        alarm: Option<AlarmKind>,
        /// The words.
        text: String,
    },
    /// End the run.
    End {
        /// The alarm's kind.
        alarm: Option<AlarmKind>,
        /// The reason, for the supervisor.
        text: String,
    },
}

/// Counters of one conversation.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    calls: VecDeque<Digest>,
    mistakes: u32,
    silences: u32,
    idle_words: u32,
    no_changes: u32,
    faults: u32,
    warned_loops: u32,
}

impl Watch {
    /// A call is about to be executed.
    pub fn call(&mut self, call: &ToolCall) -> Finding {
        self.silences = 0;
        self.idle_words = 0;
        self.calls.push_back(signature(call));
        while self.calls.len() > limits::LOOP_WINDOW_CALLS {
            self.calls.pop_front();
        }
        let Some(period) = self.period() else { return Finding::Fine };
        self.warned_loops += 1;
        let what = if period == 1 { "the same call".to_owned() } else { format!("the same {period} calls") };
        if self.warned_loops > limits::LOOPS_REPORTED_MAX {
            let text = format!("The model repeats {what} ({}) despite a warning.", call.name);
            return Finding::End { alarm: Some(AlarmKind::Loop), text };
        }
        let text = format!(
            "You have made {what} {} times now with the same result. It is not done again. \
             Try something else, or call `finish` with done=false and say what is in the way.",
            limits::LOOP_REPEATS
        );
        Finding::Warn { alarm: Some(AlarmKind::Loop), text }
    }

    /// The shortest cycle that the last calls repeat often enough.
    fn period(&self) -> Option<usize> {
        let recent: Vec<&Digest> = self.calls.iter().rev().collect();
        (1..=limits::LOOP_PERIOD_MAX).find(|period| {
            let needed = period * limits::LOOP_REPEATS;
            recent.len() >= needed && (0..needed - period).all(|at| recent.get(at) == recent.get(at + period))
        })
    }

    /// A call that could not be understood (an invented tool, a missing or broken argument).
    pub fn mistake(&mut self, text: String) -> Finding {
        self.mistakes += 1;
        if self.mistakes > limits::MISTAKES_MAX {
            let text = format!("The model made {} calls that cannot be executed. The last: {text}", self.mistakes);
            return Finding::End { alarm: Some(AlarmKind::Loop), text };
        }
        Finding::Warn { alarm: (self.mistakes == 1).then_some(AlarmKind::Mistake), text }
    }

    /// A call was understood and done: mistakes count in a row.
    pub fn success(&mut self) {
        self.mistakes = 0;
        self.no_changes = 0;
        self.faults = 0;
    }

    /// An edit that would change nothing.
    pub fn no_change(&mut self, text: String) -> Finding {
        self.no_changes += 1;
        if self.no_changes > limits::NO_CHANGES_MAX {
            let text = format!("The model proposed {} edits in a row that change nothing.", self.no_changes);
            return Finding::End { alarm: Some(AlarmKind::Loop), text };
        }
        Finding::Warn { alarm: (self.no_changes == 1).then_some(AlarmKind::NoChange), text }
    }

    /// An answer without text and without a call.
    pub fn silence(&mut self) -> Finding {
        self.silences += 1;
        if self.silences > limits::SILENCES_MAX {
            let text = format!("The model gave {} empty answers.", self.silences);
            return Finding::End { alarm: Some(AlarmKind::EmptyAnswer), text };
        }
        let text = "Your answer was empty. Call a tool, or call `finish` with a report.".to_owned();
        Finding::Warn { alarm: (self.silences == 1).then_some(AlarmKind::EmptyAnswer), text }
    }

    /// Words without a call, while there is work to do. `None`: the turn ends with them.
    pub fn idle_words(&mut self) -> Option<String> {
        self.idle_words += 1;
        (self.idle_words <= limits::IDLE_WORDS_MAX).then(|| {
            "If the work is finished, call `finish` with a report. If not, go on with a tool call; \
             text alone does nothing."
                .to_owned()
        })
    }

    /// The answer broke on the wire.
    pub fn fault(&mut self, text: &str) -> Finding {
        self.faults += 1;
        if self.faults > limits::FAULTS_MAX {
            let text = format!("The model's answers broke {} times in a row: {text}", self.faults);
            return Finding::End { alarm: None, text };
        }
        let text = format!("Your last answer arrived incomplete ({text}). Nothing incomplete was executed. Continue.");
        Finding::Warn { alarm: None, text }
    }
}

/// Returns a digest of a call's effect, without the words around it.
fn signature(call: &ToolCall) -> Digest {
    let mut args = call.args.clone();
    if let Value::Object(args) = &mut args {
        for words in ["why", "expect", "evidence", "step"] {
            args.shift_remove(words);
        }
        args.sort_keys();
    }
    Digest::of(format!("{} {args}", call.name).as_bytes())
}

/// Returns whether an act would change tests or how they run. `before` gives a file's text as it is.
pub fn touches_tests(act: &Act, before: impl Fn(&str) -> Option<String>) -> bool {
    if act.files().iter().any(|path| recognise(path).is_guarded()) {
        return true;
    }
    // Unit tests beside the code.
    let marks = ["#[test]", "#[cfg(test)]", "#[tokio::test]", "def test_", "func Test"];
    let holds = |text: &str| marks.iter().any(|mark| text.contains(mark)) || text.contains("assert");
    match act {
        Act::Edit { path, swaps } => swaps.iter().any(|swap| {
            let inside = before(path).and_then(|text| {
                let tests = text.find("#[cfg(test)]")?;
                text.find(swap.old.as_str()).map(|at| at > tests)
            });
            inside.unwrap_or_else(|| holds(&swap.old))
        }),
        Act::Write { path, content } => before(path).is_some_and(|text| {
            let tests = |text: &str| -> Vec<String> {
                text.lines().filter(|line| holds(line)).map(|line| line.trim().to_owned()).collect()
            };
            tests(&text) != tests(content)
        }),
        Act::Patch { patch } => {
            patch.lines().any(|line| line.starts_with('-') && !line.starts_with("---") && holds(line))
        }
        Act::Read { .. }
        | Act::List { .. }
        | Act::Search { .. }
        | Act::Delete { .. }
        | Act::Move { .. }
        | Act::Run { .. }
        | Act::Test { .. }
        | Act::Plan { .. }
        | Act::Explain { .. }
        | Act::Ask { .. }
        | Act::More { .. }
        | Act::Object { .. }
        | Act::Finish { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::edits::Swap;
    use super::*;
    use serde_json::json;

    fn call(name: &str, args: Value) -> ToolCall {
        ToolCall { id: String::new(), name: name.into(), args, seal: None }
    }

    #[test]
    fn the_same_call_over_and_over_is_told_and_then_ends_the_run() {
        let mut watch = Watch::default();
        let mut warnings = 0;
        for n in 0..50 {
            // The reason changes, the deed does not.
            match watch.call(&call("read", json!({"why": n, "path": "a"}))) {
                Finding::Fine => {}
                Finding::Warn { .. } => warnings += 1,
                Finding::End { alarm, .. } => {
                    assert_eq!((alarm, warnings), (Some(AlarmKind::Loop), limits::LOOPS_REPORTED_MAX));
                    assert!(n < 10);
                    return;
                }
            }
        }
        panic!("never ended");
    }

    #[test]
    fn a_cycle_of_calls_is_a_loop_and_progress_is_not() {
        let mut watch = Watch::default();
        let ends = (0..60).any(|n| {
            let path = ["a", "b", "c"][n % 3];
            matches!(watch.call(&call("read", json!({"path": path}))), Finding::End { .. })
        });
        assert!(ends);
        let mut watch = Watch::default();
        assert!((0..60).all(|n| watch.call(&call("read", json!({"path": n}))) == Finding::Fine));
    }

    #[test]
    fn every_counter_ends() {
        let mut watch = Watch::default();
        let end = |finding: Finding| matches!(finding, Finding::End { .. });
        assert!((0..20).any(|_| end(watch.silence())));
        assert!((0..20).any(|_| end(watch.mistake("x".into()))));
        assert!((0..20).any(|_| end(watch.no_change("x".into()))));
        assert!((0..20).any(|_| end(watch.fault("cut"))));
        assert!((0..20).any(|_| watch.idle_words().is_none()));
    }

    #[test]
    fn tests_are_recognised_beside_and_within_code() {
        let delete = |path: &str| touches_tests(&Act::Delete { path: path.into() }, |_| None);
        assert!(delete("tests/a.rs") && delete("conftest.py") && !delete("src/lib.rs"));
        let file = "fn f() -> u8 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::f(), 2); }\n}\n";
        let edit = |old: &str| Act::Edit {
            path: "src/lib.rs".into(),
            swaps: vec![Swap { old: old.into(), new: "x".into(), all: false, near_line: None }],
        };
        let before = |_: &str| Some(file.to_owned());
        assert!(touches_tests(&edit("super::f(), 2"), before));
        assert!(!touches_tests(&edit("{ 1 }"), before));
        let write = |content: &str| Act::Write { path: "src/lib.rs".into(), content: content.into() };
        assert!(touches_tests(&write(&file.replace(", 2", ", 1")), before));
        assert!(!touches_tests(&write(&file.replace("{ 1 }", "{ 2 }")), before));
    }
}
