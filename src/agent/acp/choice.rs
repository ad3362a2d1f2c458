//! The options of a permission request: what each does, and which one a plain verdict may select. By kind and never by
//! position: only when all that is left of a kind is one option, and never one that changes the agent's mode or allows
//! more than this once. An option whose name or id contradicts its kind cannot be selected at all.

use super::dialects::{self, Word};
use super::peek;
use crate::agent::acp::limits::{ACP_ID_BYTES_MAX, ACP_OPTION_NAME_BYTES_MAX, ACP_OPTIONS_MAX};
use crate::model::offer::default_option;
use crate::model::{OptionEffect, RequestOption};
use serde_json::Value;

/// The word to type for an option that changes the agent's mode, and for one after which the agent stops asking.
const MODE_WORD: &str = "mode";
const ALWAYS_WORD: &str = "always";

/// The options of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub options: Vec<RequestOption>,
    /// Options whose name says something else than their kind.
    pub misleading: Vec<String>,
}

impl Choices {
    /// The option a plain verdict selects.
    pub fn plain(&self, allows: bool) -> Option<&RequestOption> {
        default_option(&self.options, allows)
    }

    /// The option that was chosen by its id, else the one a plain verdict selects.
    pub fn selected(&self, allows: bool, named: Option<&str>) -> Option<&RequestOption> {
        match named {
            Some(id) => self.options.iter().find(|o| o.id == id && o.allows == allows),
            None => self.plain(allows),
        }
    }

    /// Returns whether this refusal ends the turn, if the request says so by another one that does the opposite.
    pub fn says_end(&self, refusal: &RequestOption) -> Option<bool> {
        let differs = |o: &RequestOption| !o.allows && o.ends_turn != refusal.ends_turn;
        self.options.iter().any(differs).then_some(refusal.ends_turn)
    }
}

/// Reads the request's `options`. `refusal_ends_turn` is what this agent is known to do when it is refused.
pub fn choose(options: &[Value], refusal_ends_turn: bool) -> Choices {
    let mut out = Choices::default();
    for option in options.iter().take(ACP_OPTIONS_MAX) {
        let Some(id) = dialects::text(option, Word::OptionId).filter(|id| id.len() <= ACP_ID_BYTES_MAX) else {
            continue;
        };
        let name = dialects::text(option, Word::OptionName).unwrap_or(id);
        let kind = peek::text(option, "kind").unwrap_or("");
        let (allows, mut effect) = effect(id, name, kind, option.get("_meta").unwrap_or(&Value::Null));
        if contradicts(name, kind) {
            out.misleading.push(format!("“{}” calls itself {kind}", peek::bounded(name, ACP_OPTION_NAME_BYTES_MAX)));
            if effect != OptionEffect::Mode {
                effect = OptionEffect::Unclear;
            }
        }
        let confirm = match effect {
            OptionEffect::Mode => Some(MODE_WORD.to_owned()),
            OptionEffect::Always if allows => Some(ALWAYS_WORD.to_owned()),
            OptionEffect::Once | OptionEffect::Always | OptionEffect::Unclear => None,
        };
        let name = peek::bounded(name, ACP_OPTION_NAME_BYTES_MAX);
        out.options.push(RequestOption {
            id: id.to_owned(),
            name,
            kind: peek::bounded(kind, ACP_ID_BYTES_MAX),
            allows,
            effect,
            ends_turn: false,
            confirm,
            default: false,
        });
    }
    one_id_one_meaning(&mut out);
    mark_ends(&mut out.options, refusal_ends_turn);
    mark_default(&mut out.options, true);
    mark_default(&mut out.options, false);
    out
}

/// Determines the effect of an option from everything it says about itself.
fn effect(id: &str, name: &str, kind: &str, meta: &Value) -> (bool, OptionEffect) {
    let (allows, effect) = match kind {
        "allow_once" => (true, OptionEffect::Once),
        "allow_always" => (true, OptionEffect::Always),
        "reject_once" => (false, OptionEffect::Once),
        "reject_always" => (false, OptionEffect::Always),
        _ => return (mood(name) == Mood::Yes, OptionEffect::Unclear),
    };
    let changes_mode = speaks_of_mode(&words(id)) || speaks_of_mode(&words(name)) || holds_mode(meta, 0);
    (allows, if changes_mode { OptionEffect::Mode } else { effect })
}

/// The same id with another name or kind would be one answer with two meanings.
fn one_id_one_meaning(choices: &mut Choices) {
    let all = choices.options.clone();
    for option in &mut choices.options {
        let differs = |other: &&RequestOption| {
            other.id == option.id && (&other.name, &other.kind) != (&option.name, &option.kind)
        };
        if let Some(other) = all.iter().find(differs) {
            choices.misleading.push(format!("“{}” and “{}” have the same id", option.name, other.name));
            option.effect = OptionEffect::Unclear;
        }
    }
    let mut seen: Vec<String> = Vec::new();
    choices.options.retain(|option| {
        let is_new = option.effect == OptionEffect::Unclear || !seen.contains(&option.id);
        seen.push(option.id.clone());
        is_new
    });
}

/// Marks the refusals that end the turn. Of several, those that say so: beside them the others let it go on. A single
/// one does what the agent is known to do, whatever it is called.
fn mark_ends(options: &mut [RequestOption], refusal_ends_turn: bool) {
    let says = |o: &RequestOption| !o.allows && (ends_turn(&o.id) || ends_turn(&o.name));
    let refusals = options.iter().filter(|o| !o.allows).count();
    let differ = options.iter().any(says) && refusals > 1;
    for option in options {
        option.ends_turn = if differ { says(option) } else { !option.allows && refusal_ends_turn };
    }
}

/// Marks the only option that a plain verdict can mean. Of several refusals those that also end the turn are left out.
fn mark_default(options: &mut [RequestOption], allows: bool) {
    let of = |effect: OptionEffect| move |o: &RequestOption| o.allows == allows && o.effect == effect;
    let places = |options: &[RequestOption], fits: &dyn Fn(&RequestOption) -> bool| -> Vec<usize> {
        options.iter().enumerate().filter(|(_, o)| fits(o)).map(|(at, _)| at).collect()
    };
    let mut found = places(options, &of(OptionEffect::Once));
    if !allows && found.len() > 1 {
        found = places(options, &|o| of(OptionEffect::Once)(o) && !o.ends_turn);
    } else if !allows && found.is_empty() {
        found = places(options, &of(OptionEffect::Always));
    }
    if let [only] = found.as_slice()
        && let Some(option) = options.get_mut(*only)
    {
        option.default = true;
    }
}

/// Lower-case words of a name or an id, in any of the ways to join words.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let (mut word, mut last_lower) = (String::new(), false);
    for c in text.chars() {
        if (!c.is_alphanumeric() && !matches!(c, '\'' | '’')) || (c.is_uppercase() && last_lower) {
            out.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        last_lower = c.is_lowercase();
    }
    out.extend((!word.is_empty()).then_some(word));
    out
}

/// Returns whether these words say that the agent will ask less, or work in another way, from now on.
fn speaks_of_mode(words: &[String]) -> bool {
    // "Exit the plan" as an answer to a plan is what was asked; leaving planning while refusing is a change of mode.
    let exits = words.iter().any(|w| matches!(w.as_str(), "exit" | "leave" | "quit"))
        && words.iter().any(|w| matches!(w.as_str(), "reject" | "no" | "decline"));
    exits
        || words.iter().any(|word| dialects::is(Word::Mode, word))
        || words.windows(2).any(|pair| dialects::is(Word::Mode, &pair.join(" ")))
}

/// Returns whether a mode with this id or name asks for less than everything.
pub fn asks_less(mode: &str) -> bool {
    let words: Vec<String> = words(mode).into_iter().filter(|word| word != "mode" && word != "modes").collect();
    speaks_of_mode(&words)
}

/// A `_meta` that names a mode says what the option sets.
fn holds_mode(meta: &Value, depth: usize) -> bool {
    const DEPTH_MAX: usize = 4;
    match meta {
        Value::Object(map) if depth < DEPTH_MAX => map.iter().any(|(key, value)| {
            let off = matches!(value, Value::Null | Value::Bool(false));
            (!off && words(key).iter().any(|word| word == "mode" || word == "modes")) || holds_mode(value, depth + 1)
        }),
        Value::Array(list) if depth < DEPTH_MAX => list.iter().any(|value| holds_mode(value, depth + 1)),
        Value::String(text) => words(text).iter().any(|word| word == "yolo" || word == "bypass"),
        Value::Object(_) | Value::Array(_) => true,
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn ends_turn(text: &str) -> bool {
    words(text).iter().any(|word| dialects::is(Word::EndsTurn, word))
}

fn contradicts(name: &str, kind: &str) -> bool {
    match kind {
        "allow_once" => mood(name) == Mood::No || is_broad(name),
        "allow_always" => mood(name) == Mood::No,
        "reject_once" | "reject_always" => mood(name) == Mood::Yes,
        _ => false,
    }
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
    if dialects::is(Word::Yes, first) {
        Mood::Yes
    } else if dialects::is(Word::No, first) {
        Mood::No
    } else {
        Mood::Unclear
    }
}

/// Returns whether the name promises more than this one time.
fn is_broad(name: &str) -> bool {
    let lower = name.to_lowercase();
    let has = |of: Word| dialects::words(of).iter().any(|words| lower.contains(words));
    has(Word::Broad) && !has(Word::Narrow)
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
        let chosen = choose(&options, false);
        let name = |allows| chosen.plain(allows).map(|option| option.name.as_str());
        assert_eq!((name(true), name(false)), (allow, reject));
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

    fn defaults(options: &[(&str, &str, &str)]) -> (Option<String>, Option<String>) {
        let options: Vec<Value> =
            options.iter().map(|(id, name, kind)| json!({"optionId": id, "name": name, "kind": kind})).collect();
        let chosen = choose(&options, false);
        let id = |allows| chosen.plain(allows).map(|option| option.id.clone());
        (id(true), id(false))
    }

    /// As read in the packages of qwen, kimi, claude and codex.
    #[test]
    fn options_of_real_plans_are_never_chosen_by_position() {
        let ids = |allow: Option<&str>, reject: Option<&str>| (allow.map(str::to_owned), reject.map(str::to_owned));
        let qwen = [
            ("restore_previous", "Yes, restore previous mode (yolo)", "allow_once"),
            ("proceed_always", "Yes, and auto-accept edits", "allow_always"),
            ("proceed_once", "Yes, and manually approve edits", "allow_once"),
            ("cancel", "No, keep planning", "reject_once"),
        ];
        assert_eq!(defaults(&qwen), ids(Some("proceed_once"), Some("cancel")));
        let kimi = [
            ("plan_opt_0", "Rewrite the parser", "allow_once"),
            ("plan_opt_1", "Patch the lexer", "allow_once"),
            ("plan_revise", "Revise", "reject_once"),
            ("plan_reject_and_exit", "Reject and exit plan mode", "reject_once"),
        ];
        assert_eq!(defaults(&kimi), ids(None, Some("plan_revise")));
        let claude = [
            ("exit-plan-default", "Yes, and manually approve edits", "allow_once"),
            ("exit-plan-accept-edits", "Yes, and accept edits", "allow_once"),
            ("exit-plan-bypass", "Yes, and bypass permissions", "allow_once"),
            ("reject", "No, keep planning", "reject_once"),
        ];
        assert_eq!(defaults(&claude), ids(Some("exit-plan-default"), Some("reject")));
        let codex = [
            ("allow_once", "Yes", "allow_once"),
            ("decline", "No, continue without running it", "reject_once"),
            ("cancel", "No, and tell Codex what to do differently", "reject_once"),
        ];
        assert_eq!(defaults(&codex), ids(Some("allow_once"), Some("decline")));
        let two = [("a", "No", "reject_once"), ("b", "No, skip the file", "reject_once")];
        assert_eq!(defaults(&two), ids(None, None));
        let twins = [("x", "Yes", "allow_once"), ("x", "Yes, always", "allow_always"), ("n", "No", "reject_once")];
        assert_eq!(defaults(&twins), ids(None, Some("n")), "one id with two meanings");
    }

    /// One row per agent and set of options: what `approve` and `deny` select, by id. A set in a recorded play that is
    /// not in the list is a failure too.
    #[test]
    fn every_recorded_set_of_options_selects_what_its_row_says() {
        let rows: Vec<Value> = serde_json::from_str(include_str!("../../../tests/fixtures/acp/options.json")).unwrap();
        let mut known = Vec::new();
        for row in &rows {
            let options = row["options"].as_array().unwrap();
            let chosen = choose(options, false);
            let id = |allows| chosen.plain(allows).map_or(Value::Null, |option| json!(option.id));
            assert_eq!((id(true), id(false)), (row["approve"].clone(), row["deny"].clone()), "{row}");
            for option in chosen.options.iter().filter(|o| o.default && o.allows) {
                assert_eq!((option.effect, &option.confirm), (OptionEffect::Once, &None), "{row}");
            }
            known.push(options.iter().map(|o| o["optionId"].clone()).collect::<Vec<_>>());
        }
        for play in std::fs::read_dir("tests/fixtures/acp").unwrap() {
            let path = play.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            for line in lines.filter(|line| line.is_object()) {
                let Some(options) = line.pointer("/line/params/options").and_then(Value::as_array) else { continue };
                let ids: Vec<_> = options.iter().map(|o| o["optionId"].clone()).collect();
                assert!(known.contains(&ids), "{}: {ids:?} has no row", path.display());
            }
        }
    }

    /// Row 43: one to nine of them in any order, with unknown kinds and without an accept.
    #[test]
    fn no_order_and_no_number_of_options_makes_a_broad_one_the_default() {
        let all = [
            ("exit-plan-bypass", "Yes, and bypass permissions", "allow_once"),
            ("restore_previous", "Yes, restore previous mode (yolo)", "allow_once"),
            ("always", "Yes, always", "allow_always"),
            ("shiny", "Yes", "allow_shiny"),
            ("auto", "Yes, auto-accept edits", "allow_once"),
            ("clear", "Yes, clear context and start", "allow_once"),
            ("default", "Yes, and manually approve edits", "allow_once"),
            ("exit", "No, exit plan mode", "reject_once"),
            ("reject", "No, keep planning", "reject_once"),
        ];
        for chosen in 1_usize..1 << all.len() {
            for turned in 0..all.len() {
                let at = (0..all.len()).map(|at| (at + turned) % all.len()).filter(|at| chosen >> at & 1 == 1);
                let options: Vec<Value> =
                    at.map(|at| json!({"optionId": all[at].0, "name": all[at].1, "kind": all[at].2})).collect();
                let choices = choose(&options, false);
                let has = |id: &str| options.iter().any(|option| option["optionId"] == id);
                let id = |allows| choices.plain(allows).map(|option| option.id.as_str());
                assert_eq!(id(true), has("default").then_some("default"), "{options:?}");
                assert_eq!(id(false), has("reject").then_some("reject"), "{options:?}");
            }
        }
    }

    #[test]
    fn the_end_of_the_turn_is_what_is_known_or_what_one_refusal_of_several_says() {
        let ends = |options: &[(&str, &str)], known| {
            let options: Vec<Value> =
                options.iter().map(|(id, name)| json!({"optionId": id, "name": name, "kind": "reject_once"})).collect();
            choose(&options, known).options.iter().map(|o| o.ends_turn).collect::<Vec<_>>()
        };
        assert_eq!(ends(&[("cancel", "Reject")], false), [false], "gemini goes on");
        assert_eq!(ends(&[("cancel", "No, and tell Codex what to do differently")], true), [true]);
        assert_eq!(ends(&[("decline", "No, continue"), ("cancel", "No, and tell Codex")], true), [false, true]);
    }

    #[test]
    fn an_option_that_changes_the_mode_is_found_by_id_name_and_meta() {
        let of = |option: Value| choose(&[option], false).options[0].effect;
        for option in [
            json!({"optionId": "acceptEdits", "name": "Yes", "kind": "allow_once"}),
            json!({"optionId": "y", "name": "Yes, restore previous mode (yolo)", "kind": "allow_once"}),
            json!({"optionId": "y", "name": "Yes", "kind": "allow_once", "_meta": {"qwen": {"setMode": "auto"}}}),
            json!({"optionId": "plan_reject_and_exit", "name": "No", "kind": "reject_once"}),
        ] {
            assert_eq!(of(option.clone()), OptionEffect::Mode, "{option}");
        }
        let plain = json!({"optionId": "y", "name": "Allow", "kind": "allow_once", "_meta": {"mode": null}});
        assert_eq!(of(plain), OptionEffect::Once);
    }
}
