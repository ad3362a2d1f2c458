//! The answers an agent offers to its own request. An approval or a denial selects one of them; which one a plain
//! verdict selects is marked here, and it is never guessed among several that differ.

use serde::{Deserialize, Serialize};

/// The effect of an option beyond this one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionEffect {
    /// It answers this request and nothing else.
    Once,
    /// The agent stops asking for requests of this kind.
    Always,
    /// The agent changes its mode.
    Mode,
    /// Its kind is unknown, or its name or id contradicts its kind: it cannot be chosen.
    Unclear,
}

/// One option of a request, in the agent's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOption {
    pub id: String,
    pub name: String,
    /// The agent's own word for its kind.
    pub kind: String,
    /// It allows the action; otherwise it refuses it.
    pub allows: bool,
    pub effect: OptionEffect,
    /// Refusing with it ends the agent's turn; other refusals let it go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_turn: bool,
    /// The word the supervisor must send as `confirm` to choose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// A plain verdict selects it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
}

impl RequestOption {
    /// Describes its effect here.
    pub fn does(&self) -> &'static str {
        match (self.effect, self.allows, self.ends_turn) {
            (OptionEffect::Once, true, _) => "allows this once",
            (OptionEffect::Once, false, false) => "refuses, the agent goes on",
            (OptionEffect::Once, false, true) => "refuses and ends the turn",
            (OptionEffect::Always, true, _) => "the agent stops asking",
            (OptionEffect::Always, false, _) => "refuses from now on",
            (OptionEffect::Mode, true, _) => "changes the mode",
            (OptionEffect::Mode, false, _) => "refuses, changes the mode",
            (OptionEffect::Unclear, ..) => "unclear: cannot be selected",
        }
    }

    /// For people: id, the agent's name for it, and what it does.
    pub fn words(&self) -> String {
        let does = self.does();
        let confirm = self.confirm.as_ref().map(|word| format!(", with confirm {word:?}")).unwrap_or_default();
        format!("{:?} (“{}”: {does}{confirm})", self.id, self.name)
    }
}

/// The option that a plain approval (or denial) selects, when there is exactly one it can mean.
pub fn default_option(options: &[RequestOption], allows: bool) -> Option<&RequestOption> {
    options.iter().find(|option| option.default && option.allows == allows)
}

/// An approval of such a request must name its option.
pub fn needs_choice(options: &[RequestOption]) -> bool {
    !options.is_empty() && default_option(options, true).is_none()
}

/// The option that an answer selects: the one it names, else the default. `Err` says in words why it cannot be
/// selected, and which can.
pub fn selected<'a>(
    options: &'a [RequestOption],
    allows: bool,
    named: Option<&str>,
    confirm: Option<&str>,
) -> Result<Option<&'a RequestOption>, String> {
    let choosable = || {
        let fitting = options.iter().filter(|o| o.allows == allows && o.effect != OptionEffect::Unclear);
        let list: Vec<String> = fitting.map(RequestOption::words).collect();
        if list.is_empty() { "none of them can be selected here".to_owned() } else { list.join(", ") }
    };
    let verdict = if allows { "approve" } else { "deny" };
    let Some(named) = named else {
        return match default_option(options, allows) {
            None if allows && !options.is_empty() => Err(format!(
                "nothing was approved: the agent offers options that differ, and none is the plain one. Send `option` \
                 with the id of one: {}",
                choosable()
            )),
            found => Ok(found),
        };
    };
    let Some(option) = options.iter().find(|o| o.id == named) else {
        return Err(match options {
            [] => format!("this request has no options: {named:?} cannot be selected"),
            _ => format!("this request has no option {named:?}; to {verdict} it, choose one of: {}", choosable()),
        });
    };
    if option.effect == OptionEffect::Unclear || option.allows != allows {
        let why = option.words();
        return Err(format!("option {why} does not {verdict} the request; choose one of: {}", choosable()));
    }
    match &option.confirm {
        Some(word) if confirm.map(str::trim) != Some(word.as_str()) => {
            Err(format!("option {} needs `confirm` to be the word {word:?}", option.words()))
        }
        _ => Ok(Some(option)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(id: &str, allows: bool, effect: OptionEffect, default: bool) -> RequestOption {
        let confirm = (allows && effect == OptionEffect::Mode).then(|| "mode".to_owned());
        RequestOption {
            id: id.into(),
            name: id.into(),
            kind: "k".into(),
            allows,
            effect,
            ends_turn: false,
            confirm,
            default,
        }
    }

    #[test]
    fn a_verdict_selects_the_default_and_a_named_option_must_fit() {
        let options = [
            option("restore", true, OptionEffect::Mode, false),
            option("once", true, OptionEffect::Once, true),
            option("no", false, OptionEffect::Once, true),
            option("odd", true, OptionEffect::Unclear, false),
        ];
        let id = |allows, named, confirm| selected(&options, allows, named, confirm).map(|o| o.unwrap().id.clone());
        assert_eq!(id(true, None, None).unwrap(), "once");
        assert_eq!(id(false, None, None).unwrap(), "no");
        assert_eq!(id(true, Some("restore"), Some("mode")).unwrap(), "restore");
        for (allows, named, confirm) in [
            (true, "restore", None),
            (true, "restore", Some("yes")),
            (true, "no", None),
            (false, "once", None),
            (true, "odd", Some("mode")),
            (true, "other", None),
        ] {
            assert!(id(allows, Some(named), confirm).is_err(), "{named}");
        }
        assert!(selected(&[], true, Some("x"), None).is_err());
        assert_eq!(selected(&[], true, None, None), Ok(None));
    }

    #[test]
    fn without_a_plain_option_an_approval_lists_what_there_is() {
        let options = [option("a", true, OptionEffect::Once, false), option("b", true, OptionEffect::Once, false)];
        let words = selected(&options, true, None, None).unwrap_err();
        assert!(words.contains("\"a\"") && words.contains("\"b\""), "{words}");
        assert_eq!(selected(&options, false, None, None), Ok(None), "a denial needs none");
        assert!(needs_choice(&options) && !needs_choice(&[]));
    }
}
