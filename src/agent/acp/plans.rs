//! Plans of any shape → steps: plan updates, the entries of plan operations, and the input of todo tools.

use super::peek;
use super::tools::ToolCall;
use crate::base::StepId;
use crate::base::limits::PLAN_STEPS_MAX;
use crate::model::plan::{Step, StepStatus};
use serde_json::Value;

/// The last plan that was seen, so that an agent that sends each change twice is heard once.
#[derive(Debug, Default)]
pub struct Plans {
    last: Vec<(String, StepStatus)>,
}

impl Plans {
    /// Steps of a `plan` or `plan_update` update when they are news.
    pub fn of_update(&mut self, update: &Value) -> Option<Vec<Step>> {
        let entries = update.get("plan").map_or_else(|| peek::list(update, "entries"), |p| peek::list(p, "entries"));
        self.news(steps(entries))
    }

    /// Steps in the input of a todo tool when they are news.
    pub fn of_call(&mut self, call: &ToolCall) -> Option<Vec<Step>> {
        let entries = todos(call)?;
        self.news(steps(entries))
    }

    /// Does this call only keep the agent's own list?
    pub fn is_todo(&self, call: &ToolCall) -> bool {
        todos(call).is_some()
    }

    /// An empty plan when there was none, or the same one again, is no news.
    fn news(&mut self, steps: Vec<Step>) -> Option<Vec<Step>> {
        let seen: Vec<(String, StepStatus)> = steps.iter().map(|s| (s.title.clone(), s.status)).collect();
        if steps.is_empty() || seen == self.last {
            return None;
        }
        self.last = seen;
        Some(steps)
    }
}

fn todos(call: &ToolCall) -> Option<&[Value]> {
    let raw = call.raw_input();
    let entries = ["todos", "plan", "items", "tasks", "newTodos", "task_list", "entries"]
        .iter()
        .map(|key| peek::list(raw, key))
        .find(|list| !list.is_empty())?;
    let is_todo = |entry: &Value| entry.is_object() && title(entry).is_some() && entry.get("status").is_some();
    entries.iter().all(is_todo).then_some(entries)
}

fn title(entry: &Value) -> Option<&str> {
    peek::first_text(entry, &["content", "title", "step", "description", "task", "text", "name"])
        .filter(|title| !title.trim().is_empty())
}

/// Ids are left empty: the supervisor's plan finds the step again by its title and keeps its own id.
fn steps(entries: &[Value]) -> Vec<Step> {
    let of = |entry: &Value| {
        let title = entry.as_str().or_else(|| title(entry))?;
        Some(Step {
            id: StepId::default(),
            title: title.lines().next().unwrap_or(title).trim().to_owned(),
            status: status(peek::text(entry, "status").unwrap_or("")),
            owner: Some("agent".to_owned()),
            ..Step::default()
        })
    };
    entries.iter().filter_map(of).take(PLAN_STEPS_MAX).collect()
}

fn status(word: &str) -> StepStatus {
    match word {
        "in_progress" | "in-progress" | "inProgress" | "active" | "doing" | "running" => StepStatus::Active,
        "completed" | "complete" | "done" | "finished" => StepStatus::Done,
        "failed" | "error" => StepStatus::Failed,
        "cancelled" | "canceled" | "skipped" => StepStatus::Skipped,
        _ => StepStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::tools::Tools;
    use serde_json::json;

    fn told(steps: Option<Vec<Step>>) -> Vec<(String, StepStatus)> {
        steps.into_iter().flatten().map(|s| (s.title, s.status)).collect()
    }

    #[test]
    fn a_plan_twice_is_heard_once_and_an_empty_one_not_at_all() {
        let mut plans = Plans::default();
        let update =
            json!({"entries": [{"content": "look", "status": "completed", "priority": "high"}, {"content": "mend"}]});
        let expect = vec![("look".into(), StepStatus::Done), ("mend".into(), StepStatus::Pending)];
        assert_eq!(told(plans.of_update(&update)), expect);
        assert_eq!(plans.of_update(&update), None);
        assert_eq!(plans.of_update(&json!({"entries": []})), None);
        assert_eq!(told(plans.of_update(&json!({"plan": {"type": "items", "entries": [{"content": "x"}]}}))).len(), 1);
    }

    #[test]
    fn todo_tools_of_every_shape_are_plans() {
        for input in [
            json!({"todos": [{"content": "a", "status": "in_progress", "activeForm": "doing a"}]}),
            json!({"plan": [{"step": "a", "status": "in_progress"}]}),
            json!({"todos": [{"description": "a", "status": "in_progress", "id": "1"}]}),
        ] {
            let mut tools = Tools::default();
            tools.merge("t", &json!({"rawInput": input}), true);
            let steps = Plans::default().of_call(tools.get("t").unwrap());
            assert_eq!(told(steps), [("a".to_owned(), StepStatus::Active)]);
        }
    }

    #[test]
    fn other_lists_are_no_plans() {
        let mut tools = Tools::default();
        tools.merge("t", &json!({"rawInput": {"items": ["x"], "tasks": [{"url": "u"}]}}), true);
        assert_eq!(Plans::default().of_call(tools.get("t").unwrap()), None);
    }
}
