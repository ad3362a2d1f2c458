//! The dialects of agents beside the protocol: a table with one row per agent, or per habit of several, with the proof
//! of it; and how its words are read. Other code asks this module and knows no agent by name.

use super::patch::{self, Claim, Claimed};
use super::peek;
use crate::model::action::Command;
use crate::model::plan::StepStatus;
use serde_json::Value;
use std::sync::LazyLock;

/// The proof that an agent does so.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a test looks for every proof"))]
pub enum Proof {
    /// A recorded session: `tests/fixtures/acp/NAME.jsonl`.
    Play(&'static str),
    /// A test in a file: read in the agent's package, or in its documents, and never recorded.
    Test(&'static str, &'static str),
}

/// The meaning of a word of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Keys in a tool's input: the file it is about,
    Path,
    /// the text that is replaced, and what replaces it,
    Old,
    New,
    /// that every place is meant,
    All,
    /// the whole new content,
    Whole,
    /// a patch as text,
    Patch,
    /// a list of several replacements,
    Pieces,
    /// the two names of a file that is moved,
    MoveFrom,
    MoveTo,
    /// a command, and the directory it runs in,
    Command,
    Directory,
    /// an address on the network,
    Address,
    /// the agent's reason, which may also repeat as the title,
    Reason,
    /// a list of questions to the user, whose answers go back beside the selected option,
    Questions,
    /// a list of steps, and the words of a step,
    Steps,
    Step,
    /// the text of a plan that is to be approved, and the file that holds it.
    PlanText,
    PlanFile,
    /// Keys of updates and requests.
    UpdateKind,
    CallId,
    ModeId,
    OldText,
    NewText,
    OptionId,
    OptionName,
    /// The end of the name of a field that takes own words beside a choice.
    OwnWords,
    /// Keys of an exit code in a tool's output, and of output in `_meta`.
    Exit,
    Output,
    /// In the name of an answer: it means yes, no, or more than this time,
    Yes,
    No,
    Broad,
    /// and what makes it not broad;
    Narrow,
    /// in its name or id: it ends the turn, or changes how the agent works. Two words are adjacent.
    EndsTurn,
    Mode,
    /// First words of a title that repeats a command. The last one: the others are counted by it.
    Verb,
}

/// One row.
#[cfg_attr(not(test), expect(dead_code, reason = "for the reader, and for the test that looks for the proof"))]
pub struct Dialect {
    /// The agent's name in the catalog, or what has the habit.
    pub who: &'static str,
    /// Its other habits, with the code that allows for them.
    pub does: &'static str,
    pub proof: Proof,
    /// Words of one kind, with a bar between them.
    words: &'static [(Word, &'static str)],
}

use Proof::{Play, Test};
use Word::{
    Address, All, Broad, CallId, Directory, EndsTurn, Exit, Mode, ModeId, MoveFrom, MoveTo, Narrow, New, NewText, No,
    Old, OldText, OptionId, OptionName, Output, OwnWords, Patch, Path, Pieces, Questions, Reason, Step, Steps,
    UpdateKind, Verb, Whole, Yes,
};

const HERE: &str = "src/agent/acp/dialects.rs";
const CHOICE: &str = "src/agent/acp/choice.rs";
const FORMS: &str = "src/agent/acp/forms.rs";
const GATE: &str = "tests/acp/gate.rs";

/// The dialects. Where several words apply, the first of the table counts.
pub const DIALECTS: &[Dialect] = &[
    Dialect {
        who: "the protocol",
        does: "",
        proof: Test(HERE, "every_word_of_a_tools_input_is_read"),
        words: &[
            (UpdateKind, "sessionUpdate|type"),
            (CallId, "toolCallId|id"),
            (ModeId, "currentModeId|modeId"),
            (OldText, "oldText|old_text"),
            (NewText, "newText|new_text"),
            (OptionId, "optionId|id"),
            (OptionName, "name|label|title"),
        ],
    },
    Dialect {
        who: "claude",
        does: "streams the input of a tool, from nothing to all of it (`tools`)",
        proof: Play("claude_approved"),
        words: &[
            (Path, "file_path"),
            (Old, "old_string"),
            (New, "new_string"),
            (All, "replace_all"),
            (Word::Command, "command"),
            (Reason, "description"),
            (Steps, "todos"),
            (Step, "content"),
        ],
    },
    Dialect {
        who: "claude's answers to a plan",
        does: "asks for the approval of a plan by a request without its input, which an update carried before, and tells \
               the approved text again, trimmed (`plan_text`)",
        proof: Play("claude_plan"),
        words: &[(Mode, "accept edits|bypass|clear context")],
    },
    Dialect {
        who: "plans to approve",
        does: "put the text into the tool's input, into what the request shows, or into a file (`plan_text`)",
        proof: Test("src/agent/acp/plan_text.rs", "the_plan_of_every_agent_is_found"),
        words: &[
            (Word::PlanText, "plan|plan_text|planText"),
            (Word::PlanFile, "planFilePath|plan_file_path|plan_path"),
        ],
    },
    Dialect {
        who: "gemini's plans",
        does: "asks by a title that names its file; goes on after a refusal: its prompt is ended first (`turn`)",
        proof: Play("gemini_plan"),
        words: &[],
    },
    Dialect {
        who: "kimi's plans",
        does: "writes it through us outside the workspace, where it is kept; takes an absent file for a failure (`files`)",
        proof: Play("kimi_plan"),
        words: &[],
    },
    Dialect {
        who: "claude's and codex's questions",
        does: "a field of text beside each choice takes the user's own words (`forms`)",
        proof: Test(FORMS, "companions_take_the_users_own_words"),
        words: &[(OwnWords, "custom|note|other")],
    },
    Dialect {
        who: "qwen's questions",
        does: "a permission request whose input is the questions; reads `answers` beside the outcome, by number (`forms`)",
        proof: Test(FORMS, "questions_of_a_tool_are_a_form_and_their_answers_go_by_number"),
        words: &[(Questions, "questions|qwenQuestions")],
    },
    Dialect {
        who: "codex",
        does: "ends its turn when it is refused; carries edits as `changes`, output and exit code in `_meta`; tells a plan \
               before it asks about it (`codex_plan`)",
        proof: Play("codex_edited"),
        words: &[
            (Directory, "cwd"),
            (Exit, "exit_code"),
            (Output, "terminal_output_delta|terminal_output"),
            (Mode, "full access"),
        ],
    },
    Dialect {
        who: "codex's two refusals",
        does: "goes on after `decline`, and ends its turn after the `cancel` beside it (`turn`); 0.166 names only `cancel` \
               for a command and an edit",
        proof: Test("tests/real_agents/main.rs", "codex_goes_on_after_decline_and_not_after_cancel"),
        words: &[(EndsTurn, "cancel")],
    },
    Dialect {
        who: "gemini",
        does: "computes its edit again after it was allowed, from the file as it was (`grants`); counts tokens in \
               `_meta`; writes its plan only in words (`plans`)",
        proof: Play("gemini_edited"),
        words: &[],
    },
    Dialect {
        who: "opencode",
        does: "tells its editor what it is about to write itself (`files`)",
        proof: Play("opencode_approved"),
        words: &[(Path, "filePath"), (Old, "oldString"), (New, "newString"), (Patch, "diff"), (Exit, "exit")],
    },
    Dialect {
        who: "qwen",
        does: "reads a file before it edits it",
        proof: Play("qwen_approved"),
        words: &[(Path, "file_path")],
    },
    Dialect {
        who: "qwen's answers to a plan",
        does: "offers two that allow once: one of them goes back to the mode before",
        proof: Play("qwen_plan"),
        words: &[(Mode, "restore|yolo|auto")],
    },
    Dialect {
        who: "kimi",
        does: "streams the input of a tool as its text, and shows it nowhere else before it asks (`tools`)",
        proof: Play("kimi_approved"),
        words: &[(Path, "path"), (Whole, "content")],
    },
    Dialect {
        who: "copilot",
        does: "gives a patch, and several lines of a command, as well as the edit and the command; names its modes by \
               addresses, of which the last word is enough",
        proof: Play("copilot_approved"),
        words: &[(Path, "fileName"), (Old, "old_str"), (New, "new_str")],
    },
    Dialect { who: "vibe", does: "", proof: Play("vibe_approved"), words: &[(Path, "filePath")] },
    Dialect {
        who: "openhands",
        does: "asks for what it announced before by a request that shows nothing (`tools`); offers the same odd answer \
               with every question (`conduct`)",
        proof: Play("openhands_approved"),
        words: &[(Whole, "file_text"), (Broad, "auto-|low risk|low/medium")],
    },
    Dialect {
        who: "fast-agent",
        does: "gives the length of what it writes instead of the content: the write itself is asked about (`permission`)",
        proof: Play("fast_agent_approved"),
        words: &[(Path, "path")],
    },
    Dialect {
        who: "cline",
        does: "gives several lines as `commands`, and patches in the `*** Begin Patch` form",
        proof: Play("cline_approved"),
        words: &[(Patch, "input")],
    },
    Dialect {
        who: "others: input",
        does: "",
        proof: Test(HERE, "every_word_of_a_tools_input_is_read"),
        words: &[
            (Path, "filename|abs_path|absolute_path|target_file|notebook_path|file"),
            (Old, "old_text|oldText|search"),
            (New, "new_text|newText|replace|replacement"),
            (All, "replaceAll|allow_multiple"),
            (Whole, "fileText|new_content|contents|text"),
            (Patch, "patch|patchText|patch_text|unified_diff"),
            (Pieces, "edits|replacements"),
            (MoveFrom, "source|from|old_path|oldPath|source_path"),
            (MoveTo, "destination|to|new_path|newPath|dest|destination_path"),
            (Word::Command, "cmd|script|commandLine|command_line"),
            (Directory, "workdir|working_directory|directory|dir_path|dir"),
            (Address, "url|uri|address|query"),
            (Reason, "explanation|justification|reason|thought|summary"),
            (Steps, "plan|items|tasks|newTodos|task_list|entries"),
            (Step, "title|step|description|task|text|name"),
            (Exit, "exitCode"),
        ],
    },
    Dialect {
        who: "others: answers",
        does: "",
        proof: Test(CHOICE, "kinds_decide_and_once_is_once"),
        words: &[
            (Yes, "yes|allow|approve|accept|proceed|run|apply|ok"),
            (No, "no|deny|reject|decline|abort|cancel|refuse|disallow"),
            (
                Broad,
                "always|auto |automatically|don't ask|do not ask|never ask|for this session|all future|everything|\
                 whole session|allow all|approve all|yes to all",
            ),
            (Narrow, "ask every time|always ask|just once|only once"),
            (EndsTurn, "abort|stop|exit|quit|interrupt"),
            (
                Mode,
                "mode|modes|automatic|automatically|autopilot|autonomous|unrestricted|unattended|permissionless|\
                 yoloed|trusted|accept all|full auto|skip permissions|switch to|dont ask|stop asking|\
                 without asking|trust all",
            ),
        ],
    },
    Dialect {
        who: "others: titles",
        does: "title a call with its command, in ticks, shortened, behind a verb, or before a remark in brackets (`asked`)",
        proof: Test("src/agent/acp/asked.rs", "titles_that_repeat_the_command_are_told_from_those_that_add_to_it"),
        words: &[(Verb, "run|ran|running|execute|executing|executed|bash|shell|terminal")],
    },
    Dialect {
        who: "others: one permission and one write",
        does: "ask for an edit and write it through us as well: that is one question (`grants`)",
        proof: Test(GATE, "a_permission_and_its_write_through_the_client_are_one_question"),
        words: &[],
    },
];

/// The words of the table by their meaning.
static WORDS: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let mut words: Vec<Vec<&'static str>> = vec![Vec::new(); Verb as usize + 1];
    for (word, more) in DIALECTS.iter().flat_map(|row| row.words) {
        if let Some(list) = words.get_mut(*word as usize) {
            for one in more.split('|') {
                if !list.contains(&one) {
                    list.push(one);
                }
            }
        }
    }
    words
});

/// Returns all words with this meaning.
pub fn words(of: Word) -> &'static [&'static str] {
    WORDS.get(of as usize).map_or(&[], Vec::as_slice)
}

/// Returns whether the word has this meaning.
pub fn is(of: Word, word: &str) -> bool {
    words(of).contains(&word)
}

/// The text under the first key of that kind.
pub fn text(value: &Value, of: Word) -> Option<&str> {
    peek::first_text(value, words(of))
}

/// Returns whether `address` is a mode of which `name` is the last word.
pub fn is_mode_address(address: &str, name: &str) -> bool {
    address.strip_suffix(name).is_some_and(|rest| rest.ends_with('#'))
}

/// A text that is one JSON object is a tool's input, not its output.
pub fn input_in(words: &str) -> Option<Value> {
    let words = words.trim();
    if !(words.starts_with('{') && words.ends_with('}')) {
        return None;
    }
    serde_json::from_str(words).ok().filter(peek::says_something)
}

/// The command line in a tool's input, in the shapes agents use: text, argv, or a program with arguments.
pub fn command(raw: &Value) -> Option<Command> {
    let cwd = text(raw, Directory).unwrap_or(".").to_owned();
    if let Some(lines) = texts(raw.get("commands")).filter(|lines| !lines.is_empty()) {
        return Some(Command { cwd, ..Command::shell(lines.join("\n")) });
    }
    let command = match words(Word::Command).iter().find_map(|key| raw.get(*key))? {
        Value::String(line) if line.trim().is_empty() => return None,
        Value::String(line) => match texts(raw.get("args")) {
            Some(args) if !args.is_empty() => Command::argv(std::iter::once(line.clone()).chain(args)),
            Some(_) | None => Command::shell(line.clone()),
        },
        list @ (Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_)) => {
            let argv = texts(Some(list)).filter(|argv| !argv.is_empty())?;
            unwrapped(&argv).map_or_else(|| Command::argv(argv.clone()), Command::shell)
        }
    };
    Some(Command { cwd, ..command })
}

/// The text inside `bash -lc TEXT` and its like: what the user must judge, not its wrapper.
fn unwrapped(argv: &[String]) -> Option<String> {
    let [shell, flag, text] = argv else { return None };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    (["sh", "bash", "zsh", "dash"].contains(&name) && ["-c", "-lc", "-ic"].contains(&flag.as_str()))
        .then(|| text.clone())
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

/// The command in a title such as `` `cargo test` `` when nothing else shows it.
pub fn title_command(title: &str) -> &str {
    let inner = title.split('`').nth(1).filter(|inner| title.matches('`').count() == 2 && !inner.trim().is_empty());
    inner.unwrap_or(title)
}

/// Returns what a tool's input says about files. `location` names the file where the input does not.
pub fn claims(raw: &Value, kind: &str, location: Option<String>) -> Vec<Claim> {
    if let Some(changes) = raw.get("changes").and_then(Value::as_object) {
        return changes.iter().flat_map(|(path, change)| change_claims(path, change)).collect();
    }
    if let Some(patch) = raw.as_str().or_else(|| text(raw, Patch)) {
        let claims = if patch.contains("*** Begin Patch") {
            patch::claims(patch)
        } else {
            patch::unified(patch, text(raw, Path))
        };
        if !claims.is_empty() {
            return claims;
        }
    }
    let Some(path) = text(raw, Path).map(str::to_owned).or(location) else { return Vec::new() };
    if kind == "delete" {
        return vec![Claim::new(path, Claimed::Delete)];
    }
    if let (Some(from), Some(to)) = (text(raw, MoveFrom), text(raw, MoveTo))
        && kind == "move"
    {
        return vec![Claim::new(from, Claimed::RenameTo(to.to_owned()))];
    }
    let many = words(Pieces).iter().flat_map(|key| peek::list(raw, key));
    let pieces: Vec<Claim> = many.chain(std::iter::once(raw)).filter_map(|edit| piece(&path, edit)).collect();
    if !pieces.is_empty() {
        return pieces;
    }
    let writes = kind == "edit" || peek::first_text(raw, &["file_text", "new_content"]).is_some();
    match text(raw, Whole) {
        Some(content) if writes => vec![Claim::new(path, Claimed::Whole(content.to_owned()))],
        Some(_) | None => Vec::new(),
    }
}

fn piece(path: &str, edit: &Value) -> Option<Claim> {
    let (old, new) = (text(edit, Old)?, text(edit, New)?);
    let all = words(All).iter().any(|key| edit.get(*key) == Some(&Value::Bool(true)));
    let change = if old.is_empty() {
        Claimed::Whole(new.to_owned())
    } else {
        Claimed::Piece { old: old.to_owned(), new: new.to_owned(), all, line: None }
    };
    Some(Claim::new(path, change))
}

/// One entry of codex's `changes`: `{type: update, unified_diff, move_path}` or `{update: {…}}`.
fn change_claims(path: &str, change: &Value) -> Vec<Claim> {
    let tagged = peek::first_text(change, &["type", "kind"]);
    let (kind, body) = match tagged {
        Some(kind) => (kind, change),
        None => match change.as_object().and_then(|map| map.iter().next()) {
            Some((kind, body)) => (kind.as_str(), body),
            None => return Vec::new(),
        },
    };
    match kind {
        "add" => vec![Claim::new(path, Claimed::Whole(peek::text(body, "content").unwrap_or("").to_owned()))],
        "delete" => vec![Claim::new(path, Claimed::Delete)],
        _ => {
            let diff = peek::first_text(body, &["unified_diff", "diff"]).unwrap_or("");
            let mut claims = patch::unified(diff, Some(path));
            if let Some(to) = peek::first_text(body, &["move_path", "movePath"]) {
                claims.push(Claim::new(path, Claimed::RenameTo(to.to_owned())));
            }
            claims
        }
    }
}

/// The exit code in a tool's raw output.
pub fn exit_code(raw: &Value) -> Option<i32> {
    let in_it = |value: &Value| words(Exit).iter().find_map(|key| value.get(*key)?.as_i64());
    in_it(raw).or_else(|| in_it(raw.get("metadata")?)).and_then(|code| i32::try_from(code).ok())
}

/// The exit code that an update carries beside the call.
pub fn carried_exit(update: &Value) -> Option<i32> {
    i32::try_from(update.get("_meta")?.get("terminal_exit")?.get("exit_code")?.as_i64()?).ok()
}

/// Output of a command that an update carries beside the call.
pub fn carried_output(update: &Value) -> Option<&str> {
    let meta = update.get("_meta")?;
    words(Output).iter().find_map(|key| {
        let output = meta.get(*key)?;
        output.as_str().or_else(|| peek::first_text(output, &["data", "output", "text"]))
    })
}

/// Input and output tokens of one turn, from the unstable field of the prompt's answer or from where gemini keeps them.
pub fn tokens(answer: &Value) -> Option<[Option<u64>; 2]> {
    let quota = answer.get("_meta").and_then(|meta| meta.get("quota")).and_then(|quota| quota.get("token_count"));
    let usage = answer.get("usage").filter(|usage| usage.is_object()).or(quota)?;
    let number = |keys: [&str; 2]| keys.iter().find_map(|key| usage.get(*key).and_then(Value::as_u64));
    Some([number(["inputTokens", "input_tokens"]), number(["outputTokens", "output_tokens"])])
}

/// The entries of a todo list in a tool's input.
pub fn todos(raw: &Value) -> Option<&[Value]> {
    let entries = words(Steps).iter().map(|key| peek::list(raw, key)).find(|list| !list.is_empty())?;
    let is_todo = |entry: &Value| entry.is_object() && step(entry).is_some() && entry.get("status").is_some();
    entries.iter().all(is_todo).then_some(entries)
}

/// The words of an entry of a plan.
pub fn step(entry: &Value) -> Option<&str> {
    text(entry, Step).filter(|title| !title.trim().is_empty())
}

pub fn step_status(entry: &Value) -> StepStatus {
    StepStatus::of(peek::text(entry, "status").unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_row_names_a_proof_that_exists() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for row in DIALECTS {
            match row.proof {
                Play(name) => {
                    assert!(root.join(format!("tests/fixtures/acp/{name}.jsonl")).is_file(), "{}: {name}", row.who);
                }
                Test(file, name) => {
                    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                    assert!(text.contains(&format!("fn {name}(")), "{}: {file} has no test {name}", row.who);
                }
            }
            assert!(!(row.does.is_empty() && row.words.is_empty()), "{} says nothing", row.who);
        }
    }

    /// A row about a recorded agent agrees with its record.
    #[test]
    fn the_keys_of_recorded_agents_are_in_their_records() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for row in DIALECTS {
            let Play(name) = row.proof else { continue };
            let text = std::fs::read_to_string(root.join(format!("tests/fixtures/acp/{name}.jsonl"))).unwrap();
            let is_key =
                |word: Word| [Path, Old, New, All, Whole, Patch, Word::Command, Directory, Exit].contains(&word);
            for (_, keys) in row.words.iter().filter(|(word, _)| is_key(*word)) {
                for key in keys.split('|') {
                    assert!(text.contains(&format!("\"{key}\":")), "{}: {key}", row.who);
                }
            }
        }
    }

    #[test]
    fn every_word_of_a_tools_input_is_read() {
        let one = |key: &str, value: Value| Value::Object([(key.to_owned(), value)].into_iter().collect());
        let with = |key: &str, value: Value, mut more: Value| {
            more[key] = value;
            more
        };
        let edits = |raw: &Value, kind: &str| claims(raw, kind, Some("at".to_owned()));
        for key in words(Path) {
            assert_eq!(edits(&one(key, json!("a")), "delete"), [Claim::new("a", Claimed::Delete)], "{key}");
        }
        for (old, new) in words(Old).iter().flat_map(|old| words(New).iter().map(move |new| (old, new))) {
            let raw = with(old, json!("x"), one(new, json!("y")));
            let is_piece = |all| Claim::new("at", Claimed::Piece { old: "x".into(), new: "y".into(), all, line: None });
            assert_eq!(edits(&raw, "edit"), [is_piece(false)], "{old} {new}");
            for key in words(All) {
                assert_eq!(edits(&with(key, json!(true), raw.clone()), "edit"), [is_piece(true)], "{key}");
            }
            for key in words(Pieces) {
                assert_eq!(edits(&one(key, json!([raw])), "edit"), [is_piece(false)], "{key}");
            }
        }
        for key in words(Whole) {
            let whole = Claim::new("at", Claimed::Whole("x".into()));
            assert_eq!(edits(&one(key, json!("x")), "edit"), [whole], "{key}");
        }
        for key in words(Patch) {
            let patch = json!("*** Begin Patch\n*** Delete File: d\n*** End Patch");
            assert_eq!(edits(&one(key, patch), "edit"), [Claim::new("d", Claimed::Delete)], "{key}");
        }
        for (from, to) in words(MoveFrom).iter().flat_map(|from| words(MoveTo).iter().map(move |to| (from, to))) {
            let raw = with(from, json!("a"), one(to, json!("b")));
            assert_eq!(edits(&raw, "move"), [Claim::new("a", Claimed::RenameTo("b".into()))], "{from} {to}");
        }
        for key in words(Word::Command) {
            for dir in words(Directory) {
                let raw = with(dir, json!("d"), one(key, json!(["bash", "-lc", "make"])));
                assert_eq!(command(&raw), Some(Command { cwd: "d".into(), ..Command::shell("make") }), "{key} {dir}");
            }
        }
        for key in words(Exit) {
            assert_eq!(exit_code(&one(key, json!(3))), Some(3), "{key}");
            assert_eq!(exit_code(&json!({"metadata": one(key, json!(4))})), Some(4), "{key}");
        }
        for (list, title) in words(Steps).iter().flat_map(|list| words(Step).iter().map(move |title| (list, title))) {
            let entry = with(title, json!("do it"), json!({"status": "doing"}));
            let raw = one(list, json!([entry]));
            let found = todos(&raw).and_then(<[Value]>::first).unwrap();
            assert_eq!((step(found), step_status(found)), (Some("do it"), StepStatus::Active), "{list} {title}");
        }
    }
}
