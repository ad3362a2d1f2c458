//! The real agents: where they come from, how they are pointed at the scripted model, and what they call their tools.

use crate::model_server::Turn;
use crate::seat::Room;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What is installed; pinned, because these agents change weekly. Raise them together with what the tests saw.
pub const PACKAGES: &[&str] = &[
    "@agentclientprotocol/claude-agent-acp@0.101.0",
    "@agentclientprotocol/codex-acp@2.6.0",
    "@google/gemini-cli@0.61.0",
    "opencode-ai@1.18.33",
    "@qwen-code/qwen-code@0.24.4",
    "@moonshot-ai/kimi-code@2.1.0",
    // Qwen and kimi need Node 22, which not every machine has.
    "node@22.23.3",
];

/// Half a gigabyte comes over a slow line; without any line it fails sooner by itself.
const INSTALL_MAX: Duration = Duration::from_secs(420);

/// The directory with the agents' programs, or why there is none. Installs once into a cache that survives runs.
pub fn programs() -> Result<&'static Path, &'static str> {
    static PROGRAMS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAMS.get_or_init(install).as_deref().map_err(String::as_str)
}

fn install() -> Result<PathBuf, String> {
    let cache = std::env::var_os("RIGHTSEAT_AGENT_CACHE").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/real-agents"));
    let (bin, stamp) = (cache.join("node_modules/.bin"), cache.join("installed.txt"));
    std::fs::create_dir_all(&cache).map_err(|e| e.to_string())?;
    // A runner may give each test its own process: one of them installs, the others wait for it.
    let turn = std::fs::File::create(cache.join("lock")).map_err(|e| e.to_string())?;
    turn.lock().map_err(|e| e.to_string())?;
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == PACKAGES.join("\n")) {
        return Ok(bin);
    }
    let log = cache.join("npm.log");
    let (out, err) = (std::fs::File::create(&log), std::fs::File::create(cache.join("npm.err")));
    let mut npm = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000"])
        .arg("--prefix")
        .arg(&cache)
        .args(PACKAGES)
        .stdin(Stdio::null())
        .stdout(out.map_err(|e| e.to_string())?)
        .stderr(err.map_err(|e| e.to_string())?)
        .spawn()
        .map_err(|e| format!("npm cannot be run: {e}"))?;
    let end = Instant::now() + INSTALL_MAX;
    let status = loop {
        match npm.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if Instant::now() > end => {
                npm.kill().and_then(|()| npm.wait()).map_err(|e| e.to_string())?;
                return Err(format!("npm install took longer than {INSTALL_MAX:?}"));
            }
            None => std::thread::park_timeout(Duration::from_millis(50)),
        }
    };
    if !status.success() {
        let said = std::fs::read_to_string(cache.join("npm.err")).unwrap_or_default();
        return Err(format!("npm install failed: {}", said.trim()));
    }
    std::fs::write(&stamp, PACKAGES.join("\n")).map_err(|e| e.to_string())?;
    Ok(bin)
}

/// A command of the user's own, for agents that have such: its text for the model.
const SLASH: &str = "wombat";
const SLASH_TEXT: &str = "play-slash: Say wombat $ARGUMENTS";

/// The plan that the models make.
pub const PLAN: [&str; 2] = ["look at the sums", "fix the addition"];

/// A command of an agent: what is typed until it is in the menu, and after it was taken from there; then the words that
/// reach the model, if any do, and those that come back.
pub struct Slash {
    pub letters: &'static str,
    pub name: &'static str,
    pub arguments: &'static str,
    pub heard: Option<&'static str>,
    pub shown: &'static str,
}

/// How free the agent is by its own configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leash {
    Asks,
    Unasked,
    /// Codex only: it asks, and its refusals are `decline` and `cancel`. Codex 0.166 names only the latter for a command;
    /// its list is left out on the way to its adapter, which then offers every answer that codex takes.
    AsksWithDecline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Claude,
    Codex,
    Gemini,
    Opencode,
    Qwen,
    Kimi,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
            Self::Qwen => "qwen",
            Self::Kimi => "kimi",
        }
    }

    /// The entry for `agents.toml`: program, environment and mode, pointed at the model server.
    pub fn entry(self, bin: &Path, origin: &str, home: &Path, leash: Leash) -> String {
        std::fs::create_dir_all(home).unwrap();
        let asks = leash != Leash::Unasked;
        let program = |name: &str| bin.join(name).display().to_string();
        let home_text = home.display().to_string();
        let (command, env, more): (Vec<String>, Vec<(&str, String)>, &str) = match self {
            Self::Claude => {
                let env = vec![
                    ("ANTHROPIC_BASE_URL", origin.to_owned()),
                    ("ANTHROPIC_API_KEY", "x".into()),
                    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
                    ("DISABLE_AUTOUPDATER", "1".into()),
                    // Its newest models have no list of steps without it.
                    ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1".into()),
                    // As root it works unasked only where it is told that this is a sandbox.
                    ("IS_SANDBOX", "1".into()),
                ];
                let more = if asks { "mode = \"default\"" } else { "mode = \"bypassPermissions\"" };
                (vec![program("claude-agent-acp")], env, more)
            }
            Self::Codex => {
                codex_home(home, origin);
                let mode = if asks { "read-only" } else { "agent-full-access" };
                let mut env = vec![
                    ("CODEX_HOME", home.join(".codex").display().to_string()),
                    ("CODEX_API_KEY", "x".into()),
                    ("INITIAL_AGENT_MODE", mode.into()),
                ];
                if leash == Leash::AsksWithDecline {
                    env.push(("CODEX_PATH", without_its_list(home, &program("codex"))));
                }
                (vec![program("codex-acp")], env, "level = \"L1\"")
            }
            Self::Gemini => {
                let settings = json!({"security": {"auth": {"selectedType": "gemini-api-key"}},
                    "general": {"disableAutoUpdate": true}, "privacy": {"usageStatisticsEnabled": false}});
                std::fs::create_dir_all(home.join(".gemini")).unwrap();
                std::fs::write(home.join(".gemini/settings.json"), settings.to_string()).unwrap();
                let env = vec![
                    ("GEMINI_API_KEY", "x".into()),
                    ("GOOGLE_GEMINI_BASE_URL", origin.to_owned()),
                    ("GEMINI_MODEL", "gemini-2.5-flash".into()),
                ];
                let more = if asks { "mode = \"default\"" } else { "mode = \"yolo\"" };
                (vec![program("gemini"), "--acp".into()], env, more)
            }
            Self::Opencode => {
                let word = if asks { "ask" } else { "allow" };
                let config = json!({
                    "provider": {"scripted": {"npm": "@ai-sdk/openai-compatible", "name": "scripted",
                        "options": {"baseURL": format!("{origin}/v1"), "apiKey": "x"},
                        "models": {"scripted": {"name": "scripted", "tool_call": true, "attachment": true,
                            "modalities": {"input": ["text", "image"], "output": ["text"]}}}}},
                    "model": "scripted/scripted", "small_model": "scripted/scripted",
                    "permission": {"edit": word, "bash": word}, "experimental": {"continue_loop_on_deny": true},
                    "command": {SLASH: {"template": SLASH_TEXT, "description": "says it"}},
                    "autoupdate": false, "share": "disabled"});
                let env = vec![
                    ("OPENCODE_CONFIG_CONTENT", config.to_string()),
                    ("OPENCODE_DISABLE_AUTOUPDATE", "true".into()),
                ];
                (vec![program("opencode"), "acp".into()], env, "level = \"L2\"")
            }
            Self::Qwen => {
                // Its list of steps is off by default.
                let settings = json!({"security": {"auth": {"selectedType": "openai"}},
                    "tools": {"todoWrite": {"enabled": true}},
                    "general": {"enableAutoUpdate": false}, "privacy": {"usageStatisticsEnabled": false}});
                std::fs::create_dir_all(home.join(".qwen")).unwrap();
                std::fs::write(home.join(".qwen/settings.json"), settings.to_string()).unwrap();
                let env = vec![
                    ("OPENAI_API_KEY", "x".into()),
                    ("OPENAI_BASE_URL", format!("{origin}/v1")),
                    ("OPENAI_MODEL", "scripted".into()),
                ];
                let more = if asks { "mode = \"default\"" } else { "mode = \"yolo\"" };
                (vec![program("qwen"), "--acp".into()], env, more)
            }
            Self::Kimi => {
                let env = vec![
                    ("KIMI_MODEL_NAME", "scripted".into()),
                    ("KIMI_MODEL_API_KEY", "x".into()),
                    ("KIMI_MODEL_BASE_URL", format!("{origin}/v1")),
                    ("KIMI_MODEL_PROVIDER_TYPE", "openai".into()),
                ];
                let more = if asks { "mode = \"default\"" } else { "mode = \"yolo\"" };
                (vec![program("kimi"), "acp".into()], env, more)
            }
        };
        let env: Vec<String> = env
            .iter()
            .map(|(k, v)| format!("{k} = {}", json!(v)))
            .chain([
                format!("HOME = {}", json!(home_text)),
                format!("PATH = {}", json!(with_node(bin))),
                format!("SCRIPTED_PORT = {}", json!(origin.rsplit(':').next())),
            ])
            .collect();
        let through = match self {
            Self::Claude => "level = \"L2\"\n",
            Self::Gemini | Self::Qwen => "level = \"L3\"\nedits = \"client\"\n",
            Self::Kimi => "level = \"L3\"\nedits = \"client\"\ncommands = \"client\"\n",
            Self::Codex | Self::Opencode => "",
        };
        format!(
            "[[agent]]\nname = \"{}\"\ncommand = {}\nstart_timeout_s = 120\n{more}\n{through}own = [{}]\nhosts = [{}]\nenv = {{ {} }}\n",
            self.name(),
            json!(command),
            json!(home_text),
            json!(origin.trim_start_matches("http://")),
            env.join(", ")
        )
    }

    fn call(self, text: &str, tool: &str, args: Value) -> Turn {
        Turn { text: text.to_owned(), ..Turn::call(tool, args) }
    }

    /// The model reads a file.
    pub fn reads(self, file: &str) -> Turn {
        match self {
            Self::Claude => self.call("First I read.", "Read", json!({"file_path": file})),
            Self::Codex => self.call("First I read.", "exec_command", json!({"cmd": format!("cat {file}")})),
            Self::Gemini => self.call("First I read.", "read_file", json!({"file_path": file})),
            Self::Qwen => self.call("First I read.", "read_file", json!({"file_path": absolute(file)})),
            Self::Opencode => self.call("First I read.", "read", json!({"filePath": file})),
            Self::Kimi => self.call("First I read.", "Read", json!({"path": file})),
        }
    }

    /// The model replaces `old` by `new` in a file of the tests.
    pub fn edits(self, file: &str) -> Turn {
        self.replaces(file, "old", "new", "I change old to new.")
    }

    /// The model replaces a whole line.
    pub fn replaces(self, file: &str, old: &str, new: &str, why: &str) -> Turn {
        match self {
            Self::Claude => self.call(why, "Edit", json!({"file_path": file, "old_string": old, "new_string": new})),
            Self::Codex => {
                let patch = format!(
                    "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: {file}\n@@\n-{old}\n+{new}\n*** End Patch\nEOF"
                );
                self.call(why, "exec_command", json!({"cmd": patch}))
            }
            Self::Gemini => {
                let args = json!({"file_path": file, "old_string": old, "new_string": new, "instruction": "change"});
                self.call(why, "replace", args)
            }
            Self::Opencode => self.call(why, "edit", json!({"filePath": file, "oldString": old, "newString": new})),
            Self::Qwen => {
                self.call(why, "edit", json!({"file_path": absolute(file), "old_string": old, "new_string": new}))
            }
            Self::Kimi => self.call(why, "Edit", json!({"path": file, "old_string": old, "new_string": new})),
        }
    }

    /// The model says what it will do: with its own tool where the agent passes that on. Gemini keeps its todo list to
    /// itself; its model says it in words.
    pub fn plans(self) -> Vec<Turn> {
        self.lists(&[(PLAN[0], "completed"), (PLAN[1], "in_progress")], 2)
    }

    /// The model sends its list of steps with their statuses; the last `new` of them are new. A step that is `deleted`
    /// is left out. Claude 0.101 creates and updates one after the other, where its model has tools for that at all.
    pub fn lists(self, steps: &[(&str, &str)], new: usize) -> Vec<Turn> {
        let said = "I make a plan.";
        let kept = || steps.iter().filter(|(_, status)| *status != "deleted");
        let todos = |key: &str, more: Value| {
            let todo = |(at, (title, status)): (usize, &(&str, &str))| {
                let mut todo = json!({key: title, "status": status, "id": at.to_string()});
                todo.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                todo
            };
            json!({"todos": kept().enumerate().map(todo).collect::<Vec<_>>()})
        };
        vec![match self {
            Self::Claude => {
                let known = steps.len() - new;
                let created = steps.iter().skip(known).fold(Turn::text(said), |turn, (title, _)| {
                    let args =
                        json!({"subject": title, "description": title, "activeForm": format!("At work: {title}")});
                    turn.with_call("TaskCreate", args)
                });
                let numbered = steps.iter().enumerate().filter(|(_, (_, status))| *status != "pending");
                let updated = numbered.fold(Turn::text(said), |turn, (at, (_, status))| {
                    turn.with_call("TaskUpdate", json!({"taskId": (at + 1).to_string(), "status": status}))
                });
                return [created, updated].into_iter().filter(|turn| !turn.calls.is_empty()).collect();
            }
            Self::Codex => {
                let step = |(step, status): &(&str, &str)| json!({"step": step, "status": status});
                self.call(said, "update_plan", json!({"plan": kept().map(step).collect::<Vec<_>>()}))
            }
            Self::Gemini => {
                let lines = kept().enumerate().map(|(at, (title, _))| format!("{}. {title}\n", at + 1));
                let said = format!("{said}\n\n**Plan:**\n{}", lines.collect::<String>());
                self.call(&said, "write_todos", todos("description", json!({})))
            }
            Self::Opencode => self.call(said, "todowrite", todos("content", json!({"priority": "high"}))),
            Self::Qwen => self.call(said, "todo_write", todos("content", json!({}))),
            Self::Kimi => self.call(said, "TodoList", todos("title", json!({}))),
        }]
    }

    /// The model runs a command in the way that asks the human and can write. Codex runs commands in its own sandbox,
    /// where nothing can be written in the mode that asks for edits: its model asks to run it outside.
    pub fn asks_to_run(self, line: &str) -> Turn {
        // Codex answers its model after 10 s while a command still runs; a busy machine takes longer to start `node`.
        let outside = json!({
            "cmd": line,
            "sandbox_permissions": "require_escalated",
            "justification": "it writes",
            "yield_time_ms": 30_000
        });
        match self {
            Self::Codex => self.call("Now I run it.", "exec_command", outside),
            Self::Claude | Self::Gemini | Self::Opencode | Self::Qwen | Self::Kimi => self.runs(line),
        }
    }

    /// The model asks two questions with choices, where the agent passes its questions on: gemini 0.61 leaves its tool
    /// for them out over ACP, and opencode 1.18 offers it only to its own clients.
    pub fn asks(self, questions: [(&str, &str, [&str; 2]); 2]) -> Option<Turn> {
        let (tool, of): (_, fn(&str) -> Value) = match self {
            Self::Claude => ("AskUserQuestion", |_| json!({"multiSelect": false})),
            Self::Codex => ("request_user_input", |header| json!({"id": header})),
            Self::Gemini | Self::Opencode | Self::Qwen | Self::Kimi => return None,
        };
        let list = questions.map(|(header, question, labels)| {
            let options = labels.map(|label| json!({"label": label, "description": "one of two"}));
            let mut one = json!({"header": header, "question": question, "options": options});
            one.as_object_mut().unwrap().extend(of(header).as_object().unwrap().clone());
            one
        });
        Some(self.call("I ask.", tool, json!({"questions": list})))
    }

    /// A command of the agent. Gemini 0.61 answers its own commands without its model.
    pub fn slash(self, room: &Room) -> Slash {
        let own = Slash {
            letters: "/wom",
            name: "/wombat",
            arguments: " of the parser",
            heard: Some("Say wombat of the parser"),
            shown: "The command came.",
        };
        match self {
            Self::Claude => {
                let text = format!("---\ndescription: says it\n---\n{SLASH_TEXT}\n");
                room.write(&format!(".claude/commands/{SLASH}.md"), &text);
                own
            }
            Self::Opencode | Self::Qwen | Self::Kimi => own,
            Self::Codex => Slash {
                letters: "/revi",
                name: "/review",
                arguments: "play-slash of the parser",
                heard: Some("play-slash of the parser"),
                ..own
            },
            Self::Gemini => Slash {
                letters: "/abo",
                name: "/about",
                arguments: "",
                heard: None,
                shown: "Auth Type: gemini-api-key",
            },
        }
    }

    /// The agent's own setting in which it plans and changes nothing; none where it has no plan to approve over ACP:
    /// opencode 1.18 registers `plan_exit` only for its own client.
    pub fn plan_mode(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Codex => Some(("collaboration_mode", "plan")),
            Self::Claude | Self::Gemini | Self::Qwen | Self::Kimi => Some(("mode", "plan")),
            Self::Opencode => None,
        }
    }

    /// The model asks for the approval of a plan. Codex reads it from what the model says; kimi and gemini from a file
    /// that the model writes first, whose name they tell it.
    pub fn submits(self, plan: &str) -> Vec<Turn> {
        let said = "This is my plan.";
        match self {
            Self::Claude => vec![self.call(said, "ExitPlanMode", json!({"plan": plan}))],
            Self::Codex => vec![Turn::text(&format!("<proposed_plan>\n{plan}\n</proposed_plan>"))],
            Self::Qwen => vec![self.call(said, "exit_plan_mode", json!({"plan": plan}))],
            Self::Kimi => {
                let path = r"{{/[^\s\x22\x27`\\]*/plans/[^\s\x22\x27`\\]*\.md}}";
                let write = self.call("I write it down.", "Write", json!({"path": path, "content": plan}));
                vec![write, self.call(said, "ExitPlanMode", json!({}))]
            }
            Self::Gemini => {
                let path = r"{{/[^\s\x22\x27`\\]*/plans}}/plan.md";
                let write = self.call("I write it down.", "write_file", json!({"file_path": path, "content": plan}));
                vec![write, self.call(said, "exit_plan_mode", json!({"plan_filename": "plan.md"}))]
            }
            Self::Opencode => Vec::new(),
        }
    }

    /// The model runs a command.
    pub fn runs(self, line: &str) -> Turn {
        match self {
            Self::Claude => self.call("Now I run it.", "Bash", json!({"command": line, "description": "run it"})),
            Self::Codex => self.call("Now I run it.", "exec_command", json!({"cmd": line, "yield_time_ms": 30_000})),
            Self::Gemini => {
                self.call("Now I run it.", "run_shell_command", json!({"command": line, "description": "run it"}))
            }
            Self::Opencode => self.call("Now I run it.", "bash", json!({"command": line, "description": "run it"})),
            Self::Qwen => {
                let args = json!({"command": line, "description": "run it", "is_background": false});
                self.call("Now I run it.", "run_shell_command", args)
            }
            Self::Kimi => self.call("Now I run it.", "Bash", json!({"command": line})),
        }
    }
}

/// Qwen takes only absolute paths, and tells its model where it works.
fn absolute(file: &str) -> String {
    format!(r"{{{{/[^\s\x22\x27`\\]*/ws}}}}/{file}")
}

/// The agents' programs first: a newer Node is beside them where the machine's is too old.
fn with_node(bin: &Path) -> String {
    let rest = std::env::var("PATH").unwrap_or_default();
    format!("{}:{rest}", bin.display())
}

/// A program that is codex, without the list of answers that it names in a request.
fn without_its_list(home: &Path, codex: &str) -> String {
    let text = format!(
        r#"#!/usr/bin/env node
const child = require("node:child_process").spawn({}, process.argv.slice(2), {{stdio: ["inherit", "pipe", "inherit"]}});
require("node:readline").createInterface({{input: child.stdout}}).on("line", line => {{
  try {{
    const message = JSON.parse(line);
    if (message.params) delete message.params.availableDecisions;
    line = JSON.stringify(message);
  }} catch {{}}
  console.log(line);
}});
child.on("exit", code => process.exit(code ?? 1));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
"#,
        json!(codex)
    );
    let path = home.join("codex-without-list");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn codex_home(home: &Path, origin: &str) {
    let dir = home.join(".codex");
    std::fs::create_dir_all(dir.join("rules")).unwrap();
    let config = format!(
        "model = \"scripted\"\nmodel_provider = \"scripted\"\n[model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{origin}/v1\"\nwire_api = \"responses\"\nrequires_openai_auth = false\nexperimental_bearer_token = \"x\"\n[tools.update_plan]\nenabled = true\n[features]\ndefault_mode_request_user_input = true\n"
    );
    std::fs::write(dir.join("config.toml"), config).unwrap();
    let rules = "prefix_rule(pattern = [\"touch\"], decision = \"prompt\")\nprefix_rule(pattern = [\"echo\"], decision = \"prompt\")\n";
    std::fs::write(dir.join("rules/default.rules"), rules).unwrap();
}
