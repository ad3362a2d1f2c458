//! The calls of an answer, one after the other, and how each came out.

use super::{Acted, Doing, Effect, Over, PlanNudge, State, Turn, Verdict};
use crate::agent::llm::crew::Role;
use crate::agent::llm::limits;
use crate::agent::llm::request::{Part, ToolCall};
use crate::agent::llm::tools::{self, Act, Intent};
use crate::agent::llm::watch::{Finding, Watch};
use crate::model::AlarmKind;
use crate::model::event::TurnEnd;
use crate::policy::claims;

impl Turn {
    /// Works off the queue until something must be awaited.
    pub(super) fn advance(&mut self, out: &mut Vec<Effect>) {
        if std::mem::take(&mut self.steered) {
            self.drop_calls("Not done: the supervisor has sent a message. Read that first.");
        }
        while let Some((call, repaired)) = self.queue.pop_front() {
            let repaired = repaired || self.other_name(&call, out);
            let (act, intent) = match tools::read_call(&call.name, &call.args, &self.names) {
                Ok(read) => read,
                Err(mistake) => {
                    if !self.judge(Watch::mistake, mistake.to_string(), Some(&call), out) {
                        return;
                    }
                    continue;
                }
            };
            let finding = self.watch.call(&call);
            if finding != Finding::Fine {
                if !self.apply(finding, Some(&call), out) {
                    return;
                }
                continue;
            }
            if self.carry_out(call, act, intent, repaired, out) {
                return;
            }
        }
        self.ask(out);
    }

    /// Returns whether the call uses another name than its tool's, and records it.
    fn other_name(&self, call: &ToolCall, out: &mut Vec<Effect>) -> bool {
        let meant = tools::meant(&call.name);
        let other = !self.names.contains(&call.name.as_str()) && self.names.contains(&meant);
        if other && !call.name.ends_with(meant) {
            let text = format!("The model called `{}`; interpreted as `{meant}`.", call.name);
            out.push(Effect::Alarm { what: AlarmKind::Repaired, text });
        }
        other
    }

    /// True when something is awaited now.
    pub(super) fn carry_out(
        &mut self,
        call: ToolCall,
        act: Act,
        intent: Intent,
        repaired: bool,
        out: &mut Vec<Effect>,
    ) -> bool {
        match &act {
            Act::Explain { text } => {
                out.push(Effect::Say(text.clone()));
                self.answer(&call, "The supervisor has read it.".to_owned(), false);
                return false;
            }
            Act::More { reference, from } => {
                let (text, failed) = match self.shelf.more(reference, *from) {
                    Ok(text) => (text, false),
                    Err(text) => (text, true),
                };
                self.answer(&call, text, failed);
                return false;
            }
            Act::Finish { report, done } => return self.finish(&call, report.clone(), *done, out),
            Act::Plan { steps } => {
                let steps = self.plan.propose(steps);
                if self.plan.is_approved() && !self.plan.is_new(&steps) {
                    self.plan.update(steps.clone());
                    out.push(Effect::ShowPlan(steps));
                    self.answer(&call, "The plan's status is updated.".to_owned(), false);
                    return false;
                }
            }
            Act::Read { .. }
            | Act::List { .. }
            | Act::Search { .. }
            | Act::Edit { .. }
            | Act::Patch { .. }
            | Act::Write { .. }
            | Act::Delete { .. }
            | Act::Move { .. }
            | Act::Run { .. }
            | Act::Test { .. }
            | Act::Ask { .. }
            | Act::Object { .. } => {}
        }
        let is_early = act.changes_things() && self.setup.plan_first && !self.plan.is_approved();
        if is_early && self.planning.nudge != PlanNudge::Before {
            self.planning.nudge = PlanNudge::InAnswer;
            let text =
                "Not done yet: first propose a plan with `plan`, so that the supervisor can change and approve it.";
            self.answer(&call, text.to_owned(), true);
            return false;
        }
        if let Err(stop) = self.budget.reserve_action() {
            self.queue.push_front((call, repaired));
            self.exhausted(&stop, out);
            return true;
        }
        let tests_failing = self.record.tests.as_ref().filter(|tests| !tests.green).map(|tests| tests.failed.max(1));
        self.state = State::Acting { call };
        let steps = if let Act::Plan { steps } = &act { self.plan.propose(steps) } else { Vec::new() };
        out.push(Effect::Act(Box::new(Doing { act, intent, repaired, tests_failing, steps })));
        true
    }

    pub(super) fn acted(&mut self, acted: Acted, out: &mut Vec<Effect>) {
        let State::Acting { call } = std::mem::replace(&mut self.state, State::Idle) else { return };
        self.budget.spend_ms(acted.ms);
        if let Some(steps) = acted.plan {
            self.plan.approve(steps);
            self.planning.due = true;
        }
        self.record.caveats.extend(acted.caveat);
        if acted.changed {
            self.record.changed_since = true;
        }
        if let Some(tests) = acted.tests {
            self.record.tests = Some(tests);
            self.record.changed_since = false;
        }
        let first = acted.text.lines().next().unwrap_or_default();
        self.remember(&format!("{}: {first}", describe(&call)));
        if call.name == "object" && acted.verdict == Verdict::Done {
            self.objections.extend(call.args.get("text").and_then(serde_json::Value::as_str).map(str::to_owned));
        }
        let action = acted.action;
        match acted.verdict {
            Verdict::NoChange => {
                if !self.judge(Watch::no_change, acted.text, Some(&call), out) {
                    return;
                }
            }
            Verdict::Refused => {
                if !self.judge(Watch::mistake, acted.text, Some(&call), out) {
                    return;
                }
            }
            Verdict::Done => {
                self.watch.success();
                self.answer(&call, acted.text, false);
            }
            Verdict::Failed | Verdict::Lapsed => self.answer(&call, acted.text, true),
            Verdict::Denied | Verdict::Redirected => {
                self.answer(&call, acted.text, true);
                // The supervisor wants something else: what was meant to follow no longer holds.
                self.drop_calls("Not done: the supervisor decided differently on an earlier call. Think again.");
            }
        }
        let own = self.replies.results.iter().find_map(|part| match part {
            Part::Result { id, text, .. } if *id == call.id => Some(text.clone()),
            Part::Result { .. } | Part::Text(_) | Part::Thinking { .. } | Part::Call(_) => None,
        });
        if let (Some(_), Some(text)) = (&action, own) {
            self.replies.unsent.retain(|unsent| *unsent != text);
            out.push(Effect::Told { action, text });
        }
        self.advance(out);
    }

    /// Returns the tests that the last run left failing, in words; nothing when files have changed since.
    pub(super) fn still_failing(&self) -> Option<String> {
        let tests = self.record.tests.as_ref().filter(|tests| !tests.green && !self.record.changed_since)?;
        let failures: String = tests.failures.chars().take(limits::STILL_FAILING_CHARS_MAX).collect();
        Some(format!("the last test run was not green, {} failed.\n{}", tests.failed, failures.trim_end()))
    }

    /// True when the task is over.
    pub(super) fn finish(&mut self, call: &ToolCall, report: String, done: bool, out: &mut Vec<Effect>) -> bool {
        let red = self.record.tests.as_ref().is_some_and(|tests| !tests.green);
        let can_test = self.names.contains(&"test");
        // Who changed nothing may be done without a run, but not when the goal or the report is that tests pass.
        let speaks_of_tests = claims::is_about_passing(&self.task) || claims::is_about_passing(&report);
        let answers_for_tests = matches!(self.setup.role, Role::Solo | Role::Tester);
        let unseen = can_test && answers_for_tests && speaks_of_tests && self.record.tests.is_none();
        let untested = can_test && self.record.changed_since || unseen;
        if done && untested && !std::mem::replace(&mut self.sent_once.run_tests, true) {
            let text = if unseen {
                "Not ended: no tests were run. Run `test` first; or call `finish` with done=false and say what is left."
            } else {
                "Not ended: no tests were run since your last change. Run `test` first; or call `finish` again to end without."
            };
            self.answer(call, text.to_owned(), true);
            return false;
        }
        // A report of work that is not done is taken, but not one that says that it is.
        let claims_green = claims::of_green_tests(&report).is_some();
        if (done || claims_green)
            && let Some(failing) = self.still_failing()
            && !std::mem::replace(&mut self.sent_once.what_fails, true)
        {
            let text = format!(
                "Not ended: {failing}\nGo on; or call `finish` with done=false and say what is left. Do not say that \
                 tests pass which fail."
            );
            self.answer(call, text, true);
            return false;
        }
        let mut report = report;
        if done && untested {
            let (text, mark) = if unseen {
                ("The report claims success, but no tests were run.", "no test run was observed")
            } else {
                (
                    "The report claims success, but no tests were run since the last change.",
                    "no test run was observed after the last change",
                )
            };
            out.push(Effect::Alarm { what: AlarmKind::ClaimWithoutRun, text: text.to_owned() });
            report.push_str(&format!("\n\n[rightseat: {mark}]"));
        } else if red && (done || claims_green) {
            let text = "The report claims success, but the last observed test run failed.";
            out.push(Effect::Alarm { what: AlarmKind::ClaimWithoutRun, text: text.to_owned() });
            report.push_str("\n\n[rightseat: the last observed test run failed]");
        }
        for caveat in std::mem::take(&mut self.record.caveats) {
            report.push_str(&format!("\n\n[rightseat: {caveat}]"));
        }
        self.answer(call, "The work has ended.".to_owned(), false);
        self.drop_calls("Not done: the work has ended.");
        let done = done && !red && !unseen;
        self.end(Over { reason: TurnEnd::EndTurn, finished: true, done, report, objections: Vec::new() }, out);
        true
    }
}

/// A call in few words, for the summary.
fn describe(call: &ToolCall) -> String {
    let target =
        ["path", "command", "pattern", "from", "question"].iter().find_map(|key| call.args.get(*key)?.as_str());
    format!("{} {}", call.name, target.unwrap_or_default())
}
