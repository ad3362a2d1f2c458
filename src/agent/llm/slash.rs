//! The commands that the built-in agent understands at the start of a prompt.

use crate::model::event::AgentCommand;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slash {
    /// Shorten the conversation.
    Compact,
    /// Forget the conversation.
    Clear,
    /// Go on with another model of the same provider, or say which there are.
    Model(Option<String>),
}

/// Reads a prompt; anything else than a command alone is text for the model.
pub fn parse(text: &str) -> Option<Slash> {
    let (name, rest) = match text.trim().split_once(char::is_whitespace) {
        Some((name, rest)) => (name, Some(rest.trim())),
        None => (text.trim(), None),
    };
    match (name, rest) {
        ("/compact", None) => Some(Slash::Compact),
        ("/clear", None) => Some(Slash::Clear),
        ("/model", rest) if rest.is_none_or(|name| !name.contains(char::is_whitespace)) => {
            Some(Slash::Model(rest.map(str::to_owned)))
        }
        _ => None,
    }
}

/// The commands as the supervisor is offered them.
pub fn offered() -> Vec<AgentCommand> {
    let command = |name: &str, description: &str, hint: Option<&str>| AgentCommand {
        name: name.to_owned(),
        description: description.to_owned(),
        hint: hint.map(str::to_owned),
    };
    vec![
        command("compact", "Shorten the conversation to a summary and its newest part", None),
        command("clear", "Forget the conversation; plan and files stay", None),
        command("model", "Go on with another model of this provider", Some("name of the model")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_command_alone_is_one() {
        assert_eq!(parse("/compact"), Some(Slash::Compact));
        assert_eq!(parse(" /clear\n"), Some(Slash::Clear));
        assert_eq!(parse("/model"), Some(Slash::Model(None)));
        assert_eq!(parse("/model small-1"), Some(Slash::Model(Some("small-1".into()))));
        for text in ["/clear the cache of the parser", "/compact!", "/model a b", "clear", "/tmp", "see /clear"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
