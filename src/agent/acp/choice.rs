//! Which option of a permission request says what was decided. By kind, never by position; never one that allows more
//! than this once; an option whose name speaks against its kind is not used.

use super::peek;
use serde_json::Value;

/// An option as it will be named to the human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub id: String,
    pub name: String,
    pub kind: String,
}

/// What a request offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub allow: Option<Choice>,
    pub reject: Option<Choice>,
    /// Options whose name says something else than their kind.
    pub misleading: Vec<String>,
}

/// Chooses among the request's `options`.
pub fn choose(options: &[Value]) -> Choices {
    let mut out = Choices::default();
    for option in options {
        let Some(id) = peek::first_text(option, &["optionId", "id"]) else { continue };
        let name = peek::first_text(option, &["name", "label", "title"]).unwrap_or(id);
        let kind = peek::text(option, "kind").unwrap_or("");
        let choice = Choice { id: id.to_owned(), name: name.to_owned(), kind: kind.to_owned() };
        let (mood, broad) = (mood(name), is_broad(name));
        match kind {
            "allow_once" if mood == Mood::No || broad => out.misleading.push(describe(&choice)),
            "allow_once" => out.allow = out.allow.or(Some(choice)),
            "reject_once" | "reject_always" if mood == Mood::Yes => out.misleading.push(describe(&choice)),
            "reject_once" if out.reject.as_ref().is_none_or(|r| r.kind != "reject_once") => out.reject = Some(choice),
            "reject_always" => out.reject = out.reject.or(Some(choice)),
            "allow_always" if mood == Mood::No => out.misleading.push(describe(&choice)),
            _ => {}
        }
    }
    out
}

fn describe(choice: &Choice) -> String {
    format!("“{}” calls itself {}", choice.name, choice.kind)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Yes,
    No,
    Unclear,
}

/// Only the first word counts: "No, and tell it what to do" is a no, "Do not ask again" is neither.
fn mood(name: &str) -> Mood {
    let lower = name.to_lowercase();
    let first = lower.split(|c: char| !c.is_alphanumeric()).find(|w| !w.is_empty()).unwrap_or("");
    match first {
        "yes" | "allow" | "approve" | "accept" | "proceed" | "run" | "apply" | "ok" => Mood::Yes,
        "no" | "deny" | "reject" | "decline" | "abort" | "cancel" | "refuse" | "disallow" => Mood::No,
        _ => Mood::Unclear,
    }
}

/// Does the name promise more than this one time?
fn is_broad(name: &str) -> bool {
    let lower = name.to_lowercase();
    let broad = [
        "always",
        "auto-",
        "auto ",
        "automatically",
        "don't ask",
        "do not ask",
        "never ask",
        "for this session",
        "all future",
        "everything",
        "whole session",
        "low risk",
        "low/medium",
        "allow all",
        "approve all",
        "yes to all",
    ];
    let narrowed = ["ask every time", "always ask", "just once", "only once"];
    broad.iter().any(|b| lower.contains(b)) && !narrowed.iter().any(|n| lower.contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(options: &[(&str, &str)], allow: Option<&str>, reject: Option<&str>, misleading: usize) {
        let options: Vec<Value> = options
            .iter()
            .map(|(kind, name)| json!({"optionId": format!("id-{name}"), "name": name, "kind": kind}))
            .collect();
        let chosen = choose(&options);
        let name = |c: Option<Choice>| c.map(|c| c.name);
        assert_eq!((name(chosen.allow), name(chosen.reject)), (allow.map(Into::into), reject.map(Into::into)));
        assert_eq!(chosen.misleading.len(), misleading);
    }

    #[test]
    fn kinds_decide_and_once_is_once() {
        check(
            &[("allow_always", "Always"), ("allow_once", "Allow"), ("reject_once", "Reject")],
            Some("Allow"),
            Some("Reject"),
            0,
        );
        check(&[("allow_always", "Allow for this session"), ("reject_once", "No")], None, Some("No"), 0);
        check(
            &[("reject_always", "Never"), ("reject_once", "No, and tell it why")],
            None,
            Some("No, and tell it why"),
            0,
        );
        check(&[("shiny", "Yes")], None, None, 0);
    }

    #[test]
    fn a_name_against_its_kind_is_not_used() {
        check(&[("allow_once", "Reject"), ("reject_once", "Allow")], None, None, 2);
        check(
            &[("allow_once", "Auto-confirm everything"), ("allow_once", "Yes, proceed"), ("reject_once", "No")],
            Some("Yes, proceed"),
            Some("No"),
            1,
        );
    }
}
