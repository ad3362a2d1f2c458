//! From files to settings: later layers win, the project's only where it tightens.

use super::file::{File, Specialist};
use super::{CheckSettings, Keeping, LayerSettings, Outward, Quiet, StopSettings};
use super::{broker, otlp};
use crate::base::limits::{
    MODEL_BUDGET_ACTIONS, MODEL_BUDGET_COST_MICROS, MODEL_BUDGET_TOKENS, MODEL_BUDGET_TURNS, MODEL_BUDGET_WALL_MS,
    UI_ARM_AFTER_MS, WATCH_POLL_MS,
};
use crate::config::limits::APPROVAL_ARM_MS_MIN;
use crate::model::event::{Isolation, Mode};
use crate::model::risk::RiskWeights;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Isolation as it is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolationChoice {
    /// A copy, or gated if the agent edits through rightseat; never weaker than a project asks for.
    #[default]
    Auto,
    Overlay,
    Copy,
    Gated,
    Watched,
}

impl IsolationChoice {
    /// Returns the word for it in settings and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Overlay => "overlay",
            Self::Copy => "copy",
            Self::Gated => "gated",
            Self::Watched => "watched",
        }
    }

    /// The level that was asked for, if one was.
    pub fn level(self) -> Option<Isolation> {
        match self {
            Self::Auto => None,
            Self::Overlay => Some(Isolation::Overlay),
            Self::Copy => Some(Isolation::Copy),
            Self::Gated => Some(Isolation::Gated),
            Self::Watched => Some(Isolation::Watched),
        }
    }
}

/// The condition under which the watcher polls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Polling {
    /// Only where the kernel's notices do not reach.
    #[default]
    Auto,
    Always,
    Never,
}

/// The signs the screen may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signs {
    #[default]
    Unicode,
    Ascii,
}

/// A test command: argv as it is, or a line for the shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TestCommand {
    Argv(Vec<String>),
    Line(String),
}

/// The limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub tokens: u64,
    /// Millionths of a dollar.
    pub money_micros: u64,
    pub wall_ms: u64,
    pub turns: u64,
    pub actions: u64,
}

/// What the client uses of the terminal beyond text and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terminal {
    pub mouse: bool,
    pub links: bool,
    pub signs: Signs,
    pub approval_arm_ms: u64,
}

impl Default for Terminal {
    fn default() -> Self {
        let approval_arm_ms = UI_ARM_AFTER_MS.max(APPROVAL_ARM_MS_MIN);
        Self { mouse: true, links: true, signs: Signs::default(), approval_arm_ms }
    }
}

/// Everything that can be set, with a value for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `None`: the first that works of those that are found.
    pub agent: Option<String>,
    pub mode: Mode,
    pub isolation: IsolationChoice,
    /// The weakest level that a project accepts: where `auto` finds less, the session must not start.
    pub isolation_min: Option<Isolation>,
    pub theme: String,
    pub keymap: String,
    pub editor: Option<String>,
    pub checks: CheckSettings,
    pub risk: RiskWeights,
    pub budget: Budget,
    #[serde(flatten)]
    pub terminal: Terminal,
    #[serde(flatten)]
    pub watch: WatchSettings,
    /// Names of variables that children inherit beside the built-in list.
    pub env_pass: Vec<String>,
    /// Globs of further guarded files.
    pub guarded: Vec<String>,
    pub specialists: BTreeMap<String, Specialist>,
    pub notifications: Calls,
    pub layer: LayerSettings,
    pub stop: StopSettings,
    pub keeping: Keeping,
    #[serde(flatten)]
    pub outward: Outward,
}

/// How the workspace is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchSettings {
    pub poll: Polling,
    pub poll_ms: u64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { poll: Polling::default(), poll_ms: WATCH_POLL_MS }
    }
}

/// The notifications for a user who is looking elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    pub bell: bool,
    pub desktop: bool,
    pub on_end: bool,
    /// Run by the host while no client is attached; empty for none.
    pub command: Vec<String>,
    /// Risk of a pending action from which the command is run.
    pub risk_min: u64,
    pub quiet: Option<Quiet>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { bell: false, desktop: false, on_end: true, command: Vec::new(), risk_min: 0, quiet: None }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agent: None,
            mode: Mode::default(),
            isolation: IsolationChoice::default(),
            isolation_min: None,
            theme: "dark".to_owned(),
            keymap: "default".to_owned(),
            editor: None,
            checks: CheckSettings::default(),
            risk: RiskWeights::default(),
            budget: Budget {
                tokens: MODEL_BUDGET_TOKENS,
                money_micros: MODEL_BUDGET_COST_MICROS,
                wall_ms: MODEL_BUDGET_WALL_MS,
                turns: MODEL_BUDGET_TURNS,
                actions: MODEL_BUDGET_ACTIONS,
            },
            terminal: Terminal::default(),
            watch: WatchSettings::default(),
            env_pass: Vec::new(),
            guarded: Vec::new(),
            specialists: BTreeMap::new(),
            notifications: Calls::default(),
            layer: LayerSettings::default(),
            stop: StopSettings::default(),
            keeping: Keeping::default(),
            outward: Outward::default(),
        }
    }
}

/// The origin of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    BuiltIn,
    User,
    Flag,
    Project,
}

/// Settings, and how they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub settings: Settings,
    /// Layer of every key that some layer set, as in the file (`budget.tokens`).
    pub sources: BTreeMap<String, Layer>,
    /// The settings of a project that were rejected, and those that have no effect, in words.
    pub warnings: Vec<String>,
}

/// Lays the layers over each other.
pub fn resolve(user: &File, flags: &File, project: Option<&File>) -> Resolved {
    let mut out = Resolved { settings: Settings::default(), sources: BTreeMap::new(), warnings: Vec::new() };
    for (layer, file) in [(Layer::User, user), (Layer::Flag, flags)] {
        apply(&mut out.settings, file);
        out.sources.extend(keys(file).into_iter().map(|k| (k, layer)));
    }
    if let Some(project) = project {
        tighten(&mut out, project);
    }
    out.warnings.extend(broker::without_effect(&out.settings.layer));
    out.warnings.extend(otlp::without_effect(out.settings.outward.otlp_endpoint.as_ref()));
    out.warnings.extend(out.settings.outward.nats.without_effect());
    out
}

fn apply(s: &mut Settings, f: &File) {
    fn set<T: Clone>(to: &mut T, from: &Option<T>) {
        if let Some(value) = from {
            to.clone_from(value);
        }
    }
    fn some<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
        if from.is_some() {
            to.clone_from(from);
        }
    }
    some(&mut s.agent, &f.agent);
    set(&mut s.mode, &f.mode);
    set(&mut s.isolation, &f.isolation);
    set(&mut s.theme, &f.theme);
    set(&mut s.keymap, &f.keymap);
    some(&mut s.editor, &f.editor);
    set(&mut s.budget.tokens, &f.budget.tokens);
    set(&mut s.budget.money_micros, &f.budget.money_usd.map(micros));
    set(&mut s.budget.wall_ms, &f.budget.wall_s.map(|s| s.saturating_mul(1000)));
    set(&mut s.budget.turns, &f.budget.turns);
    set(&mut s.budget.actions, &f.budget.actions);
    set(&mut s.terminal.approval_arm_ms, &f.ui.approval_arm_ms);
    set(&mut s.terminal.mouse, &f.ui.mouse);
    set(&mut s.terminal.links, &f.ui.links);
    set(&mut s.terminal.signs, &f.ui.signs);
    set(&mut s.watch.poll, &f.watch.poll);
    set(&mut s.watch.poll_ms, &f.watch.poll_ms);
    set(&mut s.env_pass, &f.env.pass);
    set(&mut s.guarded, &f.policy.guarded);
    set(&mut s.notifications.bell, &f.notifications.bell);
    set(&mut s.notifications.desktop, &f.notifications.desktop);
    set(&mut s.notifications.on_end, &f.notifications.on_end);
    set(&mut s.notifications.command, &f.notifications.command);
    set(&mut s.notifications.risk_min, &f.notifications.risk_min);
    some(&mut s.notifications.quiet, &f.notifications.quiet);
    s.layer.apply(&f.layer);
    s.checks.apply(&f.checks);
    f.policy.risk.apply(&mut s.risk);
    s.stop.apply(&f.stop);
    s.keeping.apply(&f.host, &f.state);
    s.outward.anchor.apply(&f.anchor);
    set(&mut s.outward.git_notes, &f.git.notes);
    some(&mut s.outward.otlp_endpoint, &f.otlp.endpoint);
    s.outward.nats.apply(&f.nats);
    s.specialists.extend(f.specialists.clone());
    s.layer.broker.extend(f.broker.clone());
}

/// Whole micro-dollars; a negative or absurd amount was refused when the file was read.
fn micros(usd: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 0 … 1e9 dollars")]
    let micros = (usd * 1e6).round() as u64;
    micros
}

/// The keys a project may set. All others need the user.
const TIGHTENABLE: [&str; 18] = [
    "mode",
    "isolation",
    "budget.tokens",
    "budget.money_usd",
    "budget.wall_s",
    "budget.turns",
    "budget.actions",
    "policy.guarded",
    "policy.risk.files",
    "policy.risk.size",
    "policy.risk.tests",
    "policy.risk.commands",
    "policy.risk.network",
    "policy.risk.evidence",
    "policy.risk.undo",
    "policy.risk.guarded",
    "policy.risk.drift",
    "policy.risk.dependents",
];

fn tighten(out: &mut Resolved, p: &File) {
    for key in keys(p) {
        if !TIGHTENABLE.contains(&key.as_str()) {
            out.warnings.push(format!(
                "the project's configuration sets {key}, which only the user's configuration may set: ignored"
            ));
        }
    }
    let s = &mut out.settings;
    let mut taken: Vec<&str> = Vec::new();
    let mut refused: Vec<&str> = Vec::new();
    let mut lower = |key: &'static str, to: &mut u64, from: Option<u64>| match from {
        Some(value) if value < *to => {
            *to = value;
            taken.push(key);
        }
        Some(value) if value > *to => refused.push(key),
        Some(_) | None => {}
    };
    lower("budget.tokens", &mut s.budget.tokens, p.budget.tokens);
    lower("budget.money_usd", &mut s.budget.money_micros, p.budget.money_usd.map(micros));
    lower("budget.wall_s", &mut s.budget.wall_ms, p.budget.wall_s.map(|s| s.saturating_mul(1000)));
    lower("budget.turns", &mut s.budget.turns, p.budget.turns);
    lower("budget.actions", &mut s.budget.actions, p.budget.actions);
    match p.mode {
        Some(mode) if strictness(mode) > strictness(s.mode) => {
            s.mode = mode;
            taken.push("mode");
        }
        Some(mode) if mode != s.mode => refused.push("mode"),
        Some(_) | None => {}
    }
    match (p.isolation.and_then(IsolationChoice::level), s.isolation.level()) {
        (Some(level), None) => {
            s.isolation_min = Some(level);
            taken.push("isolation");
        }
        (Some(level), Some(own)) if strength(level) > strength(own) => {
            s.isolation = p.isolation.unwrap_or_default();
            taken.push("isolation");
        }
        (Some(level), Some(own)) if level != own => refused.push("isolation"),
        (Some(_) | None, _) => {}
    }
    for glob in p.policy.guarded.iter().flatten() {
        if !s.guarded.contains(glob) {
            s.guarded.push(glob.clone());
            taken.push("policy.guarded");
        }
    }
    let (raised, lowered) = p.policy.risk.raise(&mut s.risk);
    taken.extend(raised);
    refused.extend(lowered);
    out.sources.extend(taken.into_iter().map(|k| (k.to_owned(), Layer::Project)));
    out.warnings.extend(refused.into_iter().map(|k| format!("the project's configuration would loosen {k}: ignored")));
}

fn strictness(mode: Mode) -> u8 {
    match mode {
        Mode::Guarded => 0,
        Mode::Plan => 1,
        Mode::Step => 2,
        Mode::Observe => 3,
    }
}

/// Stronger is higher.
fn strength(level: Isolation) -> u8 {
    match level {
        Isolation::Watched => 0,
        Isolation::Gated => 1,
        Isolation::Copy => 2,
        Isolation::Overlay => 3,
    }
}

/// Every key that a file sets, with dots.
fn keys(file: &File) -> Vec<String> {
    fn walk(prefix: &str, value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, inner) in fields {
                    let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&key, inner, out);
                }
            }
            serde_json::Value::Null => {}
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => {
                out.push(prefix.to_owned());
            }
        }
    }
    let mut out = Vec::new();
    if let Ok(value) = serde_json::to_value(file) {
        walk("", &value, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{parse, schema};
    use super::*;
    use proptest::prelude::*;

    fn file(text: &str) -> File {
        parse("config.toml", text).unwrap()
    }

    #[test]
    fn later_layers_win_and_say_so() {
        let user = file(
            "theme = \"light\"\nmode = \"plan\"\n[budget]\nmoney_usd = 2.5\n[checks]\ncommand = [\"make\", \"check\"]\n[specialists.planner]\nmodel = \"a/b\"\n",
        );
        let flags = file("theme = \"mono\"\n");
        let found = resolve(&user, &flags, None);
        assert_eq!(
            (found.settings.theme.as_str(), found.settings.mode, found.settings.budget.money_micros),
            ("mono", Mode::Plan, 2_500_000)
        );
        assert_eq!(found.settings.checks.command, Some(TestCommand::Argv(vec!["make".into(), "check".into()])));
        assert_eq!(found.sources.get("theme"), Some(&Layer::Flag));
        assert_eq!(found.sources.get("budget.money_usd"), Some(&Layer::User));
        assert_eq!(found.sources.get("keymap"), None);
        assert_eq!(resolve(&File::default(), &File::default(), None).settings, Settings::default());
    }

    #[test]
    fn a_project_tightens_and_never_loosens() {
        let user = file(
            "mode = \"plan\"\nisolation = \"copy\"\n[budget]\ntokens = 1000\nturns = 10\n[policy]\nguarded = [\"a/**\"]\n",
        );
        let project = file(
            "agent = \"acp:evil\"\nmode = \"step\"\nisolation = \"watched\"\neditor = \"evil\"\n[checks]\ncommand = \"evil\"\n[budget]\ntokens = 500\nturns = 99\n\
             [policy]\nguarded = [\"b/**\", \"a/**\"]\n[env]\npass = [\"AWS_SECRET\"]\n[specialists.coder]\nmodel = \"evil/x\"\n[ui]\napproval_arm_ms = 300\n",
        );
        let found = resolve(&user, &File::default(), Some(&project));
        let without = resolve(&user, &File::default(), None).settings;
        let expect = Settings {
            mode: Mode::Step,
            budget: Budget { tokens: 500, ..without.budget },
            guarded: vec!["a/**".into(), "b/**".into()],
            ..without
        };
        assert_eq!(found.settings, expect);
        assert_eq!(found.sources.get("mode"), Some(&Layer::Project));
        for key in [
            "agent",
            "editor",
            "checks.command",
            "env.pass",
            "specialists.coder.model",
            "ui.approval_arm_ms",
            "loosen isolation",
            "loosen budget.turns",
        ] {
            assert!(found.warnings.iter().any(|w| w.contains(key)), "{key}: {:?}", found.warnings);
        }
    }

    proptest! {
        /// Whatever a project says, nothing is looser than without it.
        #[test]
        fn tightening_is_monotone(mode in 0..4usize, isolation in 0..5usize, tokens in proptest::option::of(0..2_000u64), user_mode in 0..4usize, user_isolation in 0..5usize) {
            let modes = [Mode::Guarded, Mode::Plan, Mode::Step, Mode::Observe];
            let levels = [IsolationChoice::Watched, IsolationChoice::Gated, IsolationChoice::Copy, IsolationChoice::Overlay, IsolationChoice::Auto];
            let mut user = File { mode: Some(modes[user_mode]), isolation: Some(levels[user_isolation]), ..File::default() };
            user.budget.tokens = Some(1_000);
            let mut project = File { mode: Some(modes[mode]), isolation: Some(levels[isolation]), ..File::default() };
            project.budget.tokens = tokens;
            let found = resolve(&user, &File::default(), Some(&project)).settings;
            prop_assert!(strictness(found.mode) >= strictness(modes[user_mode]));
            match levels[user_isolation].level() {
                None => prop_assert_eq!((found.isolation, found.isolation_min), (IsolationChoice::Auto, levels[isolation].level())),
                Some(own) => prop_assert!(found.isolation.level().is_some_and(|l| strength(l) >= strength(own))),
            }
            prop_assert!(found.budget.tokens <= 1_000);
        }
    }

    #[test]
    fn faults_name_file_line_column_and_what_was_meant() {
        let check = |text: &str, expect: &str| {
            let found = parse("config.toml", text).unwrap_err().to_string();
            assert!(found.starts_with(expect), "{found}");
        };
        check(
            "mode = \"guarded\"\nthem = \"dark\"\n",
            "config.toml:2:1: unknown key `them`; did you mean `theme`? (known: agent, ",
        );
        check("[ui]\nmose = true\n", "config.toml:2:1: unknown key `mose`; did you mean `mouse`?");
        check(
            "mode = \"gaurded\"\n",
            "config.toml:1:8: unknown value `gaurded`; did you mean `guarded`? (known: observe, step, plan, guarded)",
        );
        check("mode = 3\n", "config.toml:1:8: ");
        check("theme = \n", "config.toml:1:9: ");
        check("zzz = 1\n", "config.toml:1:1: unknown key `zzz` (known:");
        check("[ui]\napproval_arm_ms = 10\n", "config.toml:2:19: ui.approval_arm_ms: 10 is not between 300 and 10000");
        check("[env]\npass = [\"A B\"]\n", "config.toml:2:8: env.pass: \"A B\" is not a variable name");
        check("[budget]\nmoney_usd = -1\n", "config.toml:2:13: budget.money_usd: -1 is not an amount in dollars");
        check("[checks]\ncommand = []\n", "config.toml:2:11: checks.command: it is empty");
        check(
            "[specialists.planner]\nmodel = \"x\"\n",
            "config.toml:1:2: specialists: planner: write a model as PROVIDER/MODEL",
        );
        check("[specialists.planner]\nmodle = \"x\"\n", "config.toml:2:1: unknown key `modle`; did you mean `model`?");
    }

    #[test]
    fn the_schema_fits_what_is_read() {
        let schema = serde_json::to_value(schema()).unwrap();
        let fits = |text: &str| jsonschema::is_valid(&schema, &toml::from_str::<serde_json::Value>(text).unwrap());
        assert!(fits(
            "mode = \"step\"\n[checks]\ncommand = \"make\"\n[ui]\nsigns = \"ascii\"\n[specialists.coder]\nmodel = \"a/b\"\n"
        ));
        assert!(!fits("mod = \"step\"\n"));
        assert!(!fits("mode = \"fast\"\n"));
    }
}
