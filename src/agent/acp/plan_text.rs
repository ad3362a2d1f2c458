//! A plan as a text, wherever an agent puts it: in the input of the tool that asks for its approval, in what the request
//! shows, in a file that it names, or in an update.

use super::dialects::{self, Word};
use super::peek;
use super::place::Roots;
use super::tools::ToolCall;
use crate::model::plan::{PlanDocument, PlanOrigin};
use serde_json::Value;

/// Words before the name of the file that holds the plan: in a title, and before the text itself.
const IN_FILE: &[&str] = &["plan approval for:", "plan saved to:"];

/// The plan that a request asks to approve; none when it asks about something else.
pub fn of_request(call: &ToolCall, place: &Roots) -> Option<PlanDocument> {
    if !matches!(call.kind(), "switch_mode" | "think" | "other" | "") {
        return None;
    }
    let raw = call.raw_input();
    let path = dialects::text(raw, Word::PlanFile).map(str::to_owned);
    if let Some(text) = dialects::text(raw, Word::PlanText).filter(|text| !text.trim().is_empty()) {
        return Some(document(text, path, PlanOrigin::Agent, place));
    }
    let about_plan = call.kind() == "switch_mode" || has_plan(call.title());
    let (named, text) = without_file_line(call.words());
    let path = path.or_else(|| named.map(str::to_owned));
    if about_plan && is_document(text) {
        return Some(document(text, path, PlanOrigin::Agent, place));
    }
    let path = path.or_else(|| in_title(call.title()).map(str::to_owned))?;
    let text = place.read_plan(&path)?;
    Some(document(&text, Some(path), PlanOrigin::File, place))
}

/// The plan that an update carries as a text: `markdown` or `file`.
pub fn of_update(update: &Value, place: &Roots) -> Option<PlanDocument> {
    let plan = update.get("plan")?;
    match peek::text(plan, "type")? {
        "markdown" => {
            let text = peek::text(plan, "content").filter(|text| !text.trim().is_empty())?;
            Some(document(text, None, PlanOrigin::Agent, place))
        }
        "file" => {
            let path = peek::first_text(plan, &["uri", "path"])?;
            let path = path.strip_prefix("file://").unwrap_or(path);
            Some(document(&place.read_plan(path)?, Some(path.to_owned()), PlanOrigin::File, place))
        }
        _ => None,
    }
}

fn document(text: &str, path: Option<String>, origin: PlanOrigin, place: &Roots) -> PlanDocument {
    let file = path.as_deref().and_then(|path| place.plan_on_disk(path));
    let path = path.map(|path| place.named(&path));
    PlanDocument { path, file, ..PlanDocument::new(&place.shown(text), origin) }
}

fn has_plan(title: &str) -> bool {
    title.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("plan"))
}

/// More than a remark: a heading, a list, or several lines.
fn is_document(text: &str) -> bool {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let is_marked = |line: &str| {
        let line = line.trim_start();
        line.starts_with('#') || line.starts_with("- ") || line.starts_with("* ") || line.starts_with("1.")
    };
    lines.clone().any(is_marked) || lines.count() > 1
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    // The marks are ASCII: a place in the lower-case text is the same place here.
    let at = text.to_ascii_lowercase().find(mark)?;
    text.get(at + mark.len()..).map(str::trim)
}

fn in_title(title: &str) -> Option<&str> {
    IN_FILE.iter().find_map(|mark| after(title, mark)).filter(|path| !path.is_empty())
}

/// `Plan saved to: PATH` on the first line, and the rest.
fn without_file_line(words: &str) -> (Option<&str>, &str) {
    let (first, rest) = words.split_once('\n').unwrap_or((words, ""));
    match IN_FILE.iter().find_map(|mark| after(first, mark)) {
        Some(path) => (Some(path), rest.trim_start_matches('\n')),
        None => (None, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::place::{Disk, NoFiles};
    use crate::agent::acp::tools::Tools;
    use crate::base::RelPath;
    use serde_json::json;
    use std::path::Path;
    use std::sync::Arc;

    struct OnePlan;

    impl Disk for OnePlan {
        fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }

        fn read_plan(&self, path: &Path) -> Option<String> {
            (path == Path::new("/tmp/plans/p.md")).then(|| "# From the file\n1. a\n".to_owned())
        }
    }

    fn request(update: Value) -> Option<PlanDocument> {
        let place = Roots::new("/w", "/w", Arc::new(OnePlan));
        let mut tools = Tools::default();
        tools.merge("t", &update, true, &place);
        of_request(tools.get("t").unwrap(), &place)
    }

    fn words(text: &str) -> Value {
        json!([{"type": "content", "content": {"type": "text", "text": text}}])
    }

    /// The shapes of the packages that were read: claude 0.100, codex 2.6, qwen 0.24, kimi 2.1, gemini 0.61.
    #[test]
    fn the_plan_of_every_agent_is_found() {
        let claude = json!({"title": "Ready to code?", "kind": "switch_mode",
            "rawInput": {"plan": "# P\n1. a", "planFilePath": "/home/me/.claude/plans/p.md"}, "content": words("# P\n1. a")});
        let found = request(claude).unwrap();
        assert_eq!((found.text.as_str(), found.path.as_deref()), ("# P\n1. a", Some("/home/me/.claude/plans/p.md")));
        let codex = json!({"title": "Implement this plan?", "kind": "switch_mode", "rawInput": {"plan": "# P\n1. a"}});
        assert_eq!(request(codex).unwrap().text, "# P\n1. a");
        let qwen = json!({"title": "Would you like to proceed?", "kind": "switch_mode", "content": words("# P\n1. a")});
        assert_eq!(request(qwen).unwrap().text, "# P\n1. a");
        let kimi = json!({"title": "ExitPlanMode", "kind": "switch_mode",
            "content": words("Plan saved to: /tmp/plans/k.md\n\n# P\n1. a")});
        let found = request(kimi).unwrap();
        assert_eq!((found.text.as_str(), found.path.as_deref()), ("# P\n1. a", Some("/tmp/plans/k.md")));
        let gemini = json!({"title": "Requesting plan approval for: /tmp/plans/p.md", "kind": "other"});
        let found = request(gemini).unwrap();
        assert_eq!((found.text.as_str(), found.origin), ("# From the file\n1. a\n", PlanOrigin::File));
    }

    #[test]
    fn other_requests_are_no_plans() {
        for other in [
            json!({"title": "Enter plan mode", "kind": "switch_mode"}),
            json!({"title": "Requesting plan approval for: /etc/passwd", "kind": "other"}),
            json!({"title": "Write plan.md", "kind": "edit", "rawInput": {"plan": "# P\n1. a"}}),
            json!({"title": "update_plan", "kind": "other", "rawInput": {"plan": [{"step": "a", "status": "pending"}]}}),
            json!({"title": "Fetch", "kind": "other", "content": words("# A page\n- x")}),
        ] {
            assert_eq!(request(other.clone()), None, "{other}");
        }
    }

    #[test]
    fn updates_carry_texts_too() {
        let place = Roots::new("/w", "/w", Arc::new(NoFiles));
        let update = json!({"plan": {"type": "markdown", "planId": "p", "content": "# P"}});
        assert_eq!(of_update(&update, &place).unwrap().text, "# P");
        assert_eq!(of_update(&json!({"plan": {"type": "items", "entries": []}}), &place), None);
        assert_eq!(of_update(&json!({"plan": {"type": "file", "uri": "file:///etc/passwd"}}), &place), None);
    }
}
