//! Plans of any shape → steps: plan updates, the entries of plan operations, the input of todo tools, and lists in what
//! the agent says where it sends none of those.

use super::dialects;
use super::peek;
use super::place::Roots;
use super::plan_text;
use super::tools::ToolCall;
use crate::base::StepId;
use crate::base::limits::PLAN_STEPS_MAX;
use crate::model::plan::{PlanDocument, Step, StepStatus, without_list_mark};
use serde_json::Value;

/// The last plan that was seen, so that an agent that sends each change twice is processed once.
#[derive(Debug, Default)]
pub struct Plans {
    last: Vec<(String, StepStatus)>,
    /// Words that stand for a step while it is active, with its title: claude sends "Reading it" for "Read it" then.
    active_forms: Vec<(String, String)>,
    /// It has sent one that is meant for reading: lists in its words are only words then.
    sends_its_own: bool,
    /// A text that is still being written: each update has all of it so far.
    written: Option<PlanDocument>,
}

impl Plans {
    /// Steps of a `plan` or `plan_update` update when they are news.
    pub fn of_update(&mut self, update: &Value) -> Option<Vec<Step>> {
        let entries = update.get("plan").map_or_else(|| peek::list(update, "entries"), |p| peek::list(p, "entries"));
        self.sends_its_own |= !entries.is_empty();
        self.news(steps(entries))
    }

    /// A text of the plan in an update; it may grow with the next one.
    pub fn text_of_update(&mut self, update: &Value, place: &Roots) {
        if let Some(document) = plan_text::of_update(update, place) {
            self.written = Some(document);
            self.sends_its_own = true;
        }
    }

    /// The text, when the agent goes on to something else.
    pub fn text(&mut self) -> Option<PlanDocument> {
        self.written.take()
    }

    /// Steps in the input of a todo tool when they are news.
    pub fn of_call(&mut self, call: &ToolCall) -> Option<Vec<Step>> {
        let entries = dialects::todos(call.raw_input())?;
        self.sends_its_own = true;
        self.news(steps(entries))
    }

    /// Steps in the agent's words, where it has no other way: a list of boxes, or
    /// a numbered list below a line that calls it a plan.
    pub fn of_words(&mut self, words: &str) -> Option<Vec<Step>> {
        if self.sends_its_own {
            return None;
        }
        let mut list: Vec<(String, StepStatus)> = Vec::new();
        let mut below_plan = false;
        for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let item = boxed(line).or_else(|| below_plan.then(|| numbered(line, list.len() + 1)).flatten());
            match item {
                Some(item) => list.push(item),
                None if list.is_empty() => below_plan = calls_it_a_plan(line),
                // Text below an item belongs to it.
                None => {}
            }
        }
        let step = |(title, status): (String, StepStatus)| step(&title, status);
        if list.len() < 2 { None } else { self.news(list.into_iter().take(PLAN_STEPS_MAX).map(step).collect()) }
    }

    /// Returns whether this call only updates the agent's own list.
    pub fn is_todo(&self, call: &ToolCall) -> bool {
        dialects::todos(call.raw_input()).is_some()
    }

    /// An empty plan when there was none, or the same one again, is no news.
    fn news(&mut self, mut steps: Vec<Step>) -> Option<Vec<Step>> {
        self.keep_titles(&mut steps);
        let seen: Vec<(String, StepStatus)> = steps.iter().map(|s| (s.title.clone(), s.status)).collect();
        if steps.is_empty() || seen == self.last {
            return None;
        }
        self.last = seen;
        Some(steps)
    }

    /// A step that becomes active keeps its title where nothing else in the list has other words. An agent that really
    /// rewords it sends the new words at its end too.
    fn keep_titles(&mut self, steps: &mut [Step]) {
        for step in steps.iter_mut().filter(|step| step.status == StepStatus::Active) {
            if let Some((_, title)) = self.active_forms.iter().find(|(form, _)| *form == step.title) {
                step.title.clone_from(title);
            }
        }
        let is_same_list = steps.len() == self.last.len();
        let mut reworded = steps.iter_mut().zip(&self.last).filter(|(step, (title, _))| step.title != *title);
        if let (true, Some((step, (title, was))), None) = (is_same_list, reworded.next(), reworded.next())
            && (step.status, *was) == (StepStatus::Active, StepStatus::Pending)
        {
            self.active_forms.push((std::mem::replace(&mut step.title, title.clone()), title.clone()));
        }
        self.active_forms.retain(|(_, title)| steps.iter().any(|step| step.title == *title));
    }
}

/// Ids are left empty: the supervisor's plan finds the step again by its title and keeps its own id.
fn steps(entries: &[Value]) -> Vec<Step> {
    let of = |entry: &Value| {
        let title = entry.as_str().or_else(|| dialects::step(entry))?;
        Some(step(title, dialects::step_status(entry)))
    };
    entries.iter().filter_map(of).take(PLAN_STEPS_MAX).collect()
}

fn step(title: &str, status: StepStatus) -> Step {
    let title = without_list_mark(title.lines().next().unwrap_or(title)).to_owned();
    Step { id: StepId::default(), title, status, owner: Some("agent".to_owned()), ..Step::default() }
}

/// `- [x] words`
fn boxed(line: &str) -> Option<(String, StepStatus)> {
    let rest = line.strip_prefix(['-', '*', '+'])?.trim_start().strip_prefix('[')?;
    let (mark, words) = rest.split_once(']')?;
    let status = match mark.trim() {
        "" => StepStatus::Pending,
        "x" | "X" | "✓" | "✔" => StepStatus::Done,
        "~" | "-" | ">" | "/" => StepStatus::Active,
        _ => return None,
    };
    named(words, status)
}

/// `1. words`, with the number that is due: another list is not a part of the first.
fn numbered(line: &str, due: usize) -> Option<(String, StepStatus)> {
    let words = line.strip_prefix(due.to_string().as_str())?.strip_prefix(['.', ')'])?.strip_prefix(' ')?;
    named(words, StepStatus::Pending)
}

fn named(words: &str, status: StepStatus) -> Option<(String, StepStatus)> {
    let words = words.trim();
    // Bold as a whole; a star of the words is theirs.
    let bold = words.strip_prefix("**").and_then(|rest| rest.strip_suffix("**")).filter(|inner| !inner.contains("**"));
    let words = bold.unwrap_or(words).trim();
    (!words.is_empty()).then(|| (words.to_owned(), status))
}

fn calls_it_a_plan(line: &str) -> bool {
    let heads = line.starts_with('#') || line.trim_end_matches('*').ends_with(':');
    let mut words = line.split(|c: char| !c.is_alphanumeric());
    heads && words.any(|word| ["plan", "todo", "todos"].iter().any(|w| word.eq_ignore_ascii_case(w)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::place::{NoFiles, Roots};
    use crate::agent::acp::tools::Tools;
    use serde_json::json;
    use std::sync::Arc;

    fn listed(steps: Option<Vec<Step>>) -> Vec<(String, StepStatus)> {
        steps.into_iter().flatten().map(|s| (s.title, s.status)).collect()
    }

    #[test]
    fn a_plan_twice_is_heard_once_and_an_empty_one_not_at_all() {
        let mut plans = Plans::default();
        let update =
            json!({"entries": [{"content": "look", "status": "completed", "priority": "high"}, {"content": "fix"}]});
        let expect = vec![("look".into(), StepStatus::Done), ("fix".into(), StepStatus::Pending)];
        assert_eq!(listed(plans.of_update(&update)), expect);
        assert_eq!(plans.of_update(&update), None);
        assert_eq!(plans.of_update(&json!({"entries": []})), None);
        assert_eq!(
            listed(plans.of_update(&json!({"plan": {"type": "items", "entries": [{"content": "x"}]}}))).len(),
            1
        );
    }

    #[test]
    fn a_step_keeps_its_title_while_the_agent_words_it_as_what_it_does() {
        let mut plans = Plans::default();
        let mut check = |entries: &[(&str, &str)], expect: &[&str]| {
            let entry = |(content, status): &(&str, &str)| json!({"content": content, "status": status});
            let update = json!({"entries": entries.iter().map(entry).collect::<Vec<_>>()});
            let titles: Vec<String> = listed(plans.of_update(&update)).into_iter().map(|(title, _)| title).collect();
            assert_eq!(titles, expect, "{entries:?}");
        };
        check(&[("Read it", "pending"), ("Fix it", "pending")], &["Read it", "Fix it"]);
        check(&[("Reading it", "in_progress"), ("Fix it", "pending")], &["Read it", "Fix it"]);
        // The end of one and the begin of the next, in one update as in two.
        check(&[("Read it", "completed"), ("Fixing it", "in_progress")], &["Read it", "Fix it"]);
        check(&[("Fixing it", "in_progress")], &["Fix it"]);
        check(&[("Fixing it", "in_progress"), ("Test it", "pending")], &["Fix it", "Test it"]);
        check(&[("Fix it twice", "completed"), ("Test it", "pending")], &["Fix it twice", "Test it"]);
        check(
            &[("Fix it twice", "completed"), ("Sing", "in_progress"), ("x", "pending")],
            &["Fix it twice", "Sing", "x"],
        );
        check(
            &[("Fix it twice", "completed"), ("Dance", "in_progress"), ("x", "pending")],
            &["Fix it twice", "Dance", "x"],
        );
    }

    #[test]
    fn todo_tools_of_every_shape_are_plans() {
        for input in [
            json!({"todos": [{"content": "a", "status": "in_progress", "activeForm": "doing a"}]}),
            json!({"plan": [{"step": "a", "status": "in_progress"}]}),
            json!({"todos": [{"description": "a", "status": "in_progress", "id": "1"}]}),
        ] {
            let mut tools = Tools::default();
            tools.merge("t", &json!({"rawInput": input}), true, &Roots::new("/w", "/w", Arc::new(NoFiles)));
            let steps = Plans::default().of_call(tools.get("t").unwrap());
            assert_eq!(listed(steps), [("a".to_owned(), StepStatus::Active)]);
        }
    }

    #[test]
    fn a_plan_in_words_counts_where_there_is_no_other() {
        let words =
            "I looked.\n\n**Plan:**\n1. Read `a`\n   with care\n2. **Fix it**\n\nThen:\n3) test\n\nDone:\n1. other";
        let titles = |steps| listed(steps).into_iter().map(|(title, _)| title).collect::<Vec<_>>();
        assert_eq!(titles(Plans::default().of_words(words)), ["Read `a`", "Fix it", "test"]);
        let boxes = "- [x] look\n- [~] fix\n- [ ] test";
        let expect = [("look", StepStatus::Done), ("fix", StepStatus::Active), ("test", StepStatus::Pending)];
        assert_eq!(listed(Plans::default().of_words(boxes)), expect.map(|(title, status)| (title.to_owned(), status)));
        for none in [
            "1. not\n2. called so",
            "The plan: do it",
            "Plan:\n1. only one",
            "Plan:\n2026. a\n2027. b",
            "- [y] a\n- [y] b",
        ] {
            assert_eq!(Plans::default().of_words(none), None, "{none}");
        }
        let mut plans = Plans::default();
        assert!(plans.of_update(&json!({"entries": [{"content": "own"}]})).is_some());
        assert_eq!(plans.of_words(boxes), None);
    }

    #[test]
    fn other_lists_are_no_plans() {
        let mut tools = Tools::default();
        tools.merge(
            "t",
            &json!({"rawInput": {"items": ["x"], "tasks": [{"url": "u"}]}}),
            true,
            &Roots::new("/w", "/w", Arc::new(NoFiles)),
        );
        assert_eq!(Plans::default().of_call(tools.get("t").unwrap()), None);
    }
}
