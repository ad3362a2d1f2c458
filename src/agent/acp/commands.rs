//! The commands that the agent offers: every list replaces the one before, and what is wrong in it is left out.

use super::peek;
use crate::agent::acp::limits::{ACP_COMMAND_NAME_BYTES_MAX, ACP_COMMAND_TEXT_BYTES_MAX, ACP_COMMANDS_MAX};
use crate::model::event::AgentCommand;
use serde_json::Value;

/// Reads an `available_commands_update`. Of two commands of one name the first counts.
pub fn of_update(update: &Value) -> Vec<AgentCommand> {
    let mut commands: Vec<AgentCommand> = Vec::new();
    for item in peek::list(update, "availableCommands") {
        let name = peek::text(item, "name").unwrap_or("").trim().trim_start_matches('/');
        let is_name = !name.is_empty() && name.len() <= ACP_COMMAND_NAME_BYTES_MAX && !name.contains('\n');
        if !is_name || commands.iter().any(|command| command.name == name) || commands.len() >= ACP_COMMANDS_MAX {
            continue;
        }
        let hint =
            item.get("input").and_then(|input| peek::text(input, "hint")).map(cut).filter(|hint| !hint.is_empty());
        let description = cut(peek::text(item, "description").unwrap_or(""));
        commands.push(AgentCommand { name: name.to_owned(), description, hint });
    }
    commands
}

/// The first line, bounded.
fn cut(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or("");
    let end = (0..=line.len().min(ACP_COMMAND_TEXT_BYTES_MAX)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    line.get(..end).unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn good_commands_are_kept_and_bad_ones_left_out() {
        let update = json!({"availableCommands": [
            {"name": "memory show", "description": "Shows\nmore", "input": null},
            {"name": "/review", "description": "Reviews", "input": {"hint": "what to review"}},
            {"name": "review", "description": "again"}, {"name": ""}, {"description": "nameless"}, 7,
            {"name": "x".repeat(ACP_COMMAND_NAME_BYTES_MAX + 1)}, {"name": "a\nb"},
            {"name": "long", "description": "ä".repeat(ACP_COMMAND_TEXT_BYTES_MAX)}]});
        let commands = of_update(&update);
        let names: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
        assert_eq!(names, ["memory show", "review", "long"]);
        assert_eq!(commands[0].description, "Shows");
        assert_eq!(commands[1].hint.as_deref(), Some("what to review"));
        assert!(commands[2].description.len() <= ACP_COMMAND_TEXT_BYTES_MAX);
        assert!(of_update(&json!({"availableCommands": "no"})).is_empty());
    }

    #[test]
    fn the_list_is_bounded() {
        let many: Vec<Value> = (0..2 * ACP_COMMANDS_MAX).map(|n| json!({"name": format!("c{n}")})).collect();
        assert_eq!(of_update(&json!({"availableCommands": many})).len(), ACP_COMMANDS_MAX);
    }
}
