//! From the first byte to the first prompt: initialize, log in when it must be, open or take up a session, set its mode
//! and options, and say all the while how far it is.

use super::client::{Called, Client, Effect, Timer};
use super::message::RpcError;
use super::peek;
use super::settings::Setter;
use super::speak;
use crate::agent::acp::limits::{ACP_MODE_RESETS_MAX, ACP_START_NOTE_MS};
use serde_json::Value;
use std::time::Duration;

/// How far the start is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Initializing,
    LoggingIn,
    Opening,
    Configuring,
    Ready,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Handshake {
    pub phase: Phase,
    /// The answer to `initialize`.
    init: Value,
    noted_ms: u64,
    logged_in: bool,
    /// Answers to settings that are still awaited before the first prompt.
    awaited: usize,
    /// While a session is loaded the agent plays its past again; that is in the journal already.
    pub replaying: bool,
    mode_resets: u32,
    /// The mode we asked for last, or the one it started in.
    pub mode_wanted: Option<String>,
    /// The user allowed the agent to change its mode; the next change is that one.
    pub mode_may_change: bool,
}

impl Handshake {
    pub fn answer(&self) -> &Value {
        &self.init
    }

    fn doing(&self) -> &'static str {
        match self.phase {
            Phase::Initializing => "waiting for its first response",
            Phase::LoggingIn => "logging in",
            Phase::Opening => "opening a session",
            Phase::Configuring | Phase::Ready => "setting its mode",
        }
    }

    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }
}

impl Client {
    pub(super) fn begin(&mut self) {
        self.begin_waiting();
        self.tell_ready("starting");
        self.call(speak::TO_AGENT.initialize, speak::initialize(), Called::Initialize);
    }

    pub(super) fn note_slow_start(&mut self) {
        if self.handshake.is_ready() {
            return;
        }
        self.handshake.noted_ms += ACP_START_NOTE_MS;
        let doing = self.handshake.doing();
        let (seconds, limit) = (self.handshake.noted_ms / 1000, self.setup.spec.start_timeout_s());
        self.tell_ready(&format!("starting: {doing}, {seconds} s of at most {limit} s"));
        self.effect(Effect::Arm(Timer::StartNote, Duration::from_millis(ACP_START_NOTE_MS)));
    }

    pub(super) fn start_timed_out(&mut self) {
        if self.handshake.is_ready() {
            return;
        }
        let (name, limit) = (self.setup.spec.shown_name().to_owned(), self.setup.spec.start_timeout_s());
        let (doing, hint) = (self.handshake.doing(), "set start_timeout_s in agents.toml to wait longer");
        self.lost(format!("{name} did not start within {limit} s: still {doing}; {hint}"), None);
    }

    pub(super) fn initialized(&mut self, outcome: Result<Value, RpcError>) {
        match outcome {
            Ok(answer) => {
                match answer.get("protocolVersion") {
                    Some(version) if version.as_u64() != Some(speak::PROTOCOL_VERSION) => {
                        let (name, ours) = (self.setup.spec.shown_name().to_owned(), speak::PROTOCOL_VERSION);
                        let why = "install versions of it and of rightseat with a common protocol version";
                        return self
                            .lost(format!("{name} speaks ACP version {version}, rightseat {ours}: {why}"), None);
                    }
                    Some(_) => {}
                    None => self.note("protocol", "it did not report its protocol version"),
                }
                self.conduct.steering = peek::offers(&answer, &["_meta", "steering", "supported"])
                    || peek::offers(&answer, &["agentCapabilities", "_meta", "steering", "supported"]);
                self.handshake.init = answer;
                self.open_session();
            }
            Err(error) => {
                let name = self.setup.spec.shown_name().to_owned();
                self.lost(format!("{name} refused to start: {}", error.words()), None);
            }
        }
    }

    /// Another session of the process that runs.
    pub(super) fn open_again(&mut self) {
        self.begin_waiting();
        self.open_session();
        self.tell_ready("starting: opening a session");
    }

    fn begin_waiting(&mut self) {
        self.handshake.noted_ms = 0;
        let limit = Duration::from_secs(self.setup.spec.start_timeout_s());
        self.effect(Effect::Arm(Timer::Start, limit));
        self.effect(Effect::Arm(Timer::StartNote, Duration::from_millis(ACP_START_NOTE_MS)));
    }

    fn open_session(&mut self) {
        self.handshake.phase = Phase::Opening;
        let cwd = self.setup.place.seen().to_path_buf();
        let init = &self.handshake.init;
        let loads = peek::offers(init, &["agentCapabilities", "loadSession"]);
        let resumes = peek::offers(init, &["agentCapabilities", "sessionCapabilities", "resume"]);
        let lists = peek::offers(init, &["agentCapabilities", "sessionCapabilities", "list"]);
        match self.setup.load.clone() {
            Some(id) if resumes => {
                self.session = Some(id.clone());
                let params = speak::resume_session(&id, &cwd);
                self.call(speak::TO_AGENT.session_resume, params, Called::Open { resumed: true });
            }
            Some(id) if loads => {
                self.session = Some(id.clone());
                self.handshake.replaying = true;
                let params = speak::load_session(&id, &cwd);
                self.call(speak::TO_AGENT.session_load, params, Called::Open { resumed: true });
            }
            None if self.setup.resume.is_some() && lists && (loads || resumes) => {
                self.call(speak::TO_AGENT.session_list, speak::list_sessions(&cwd), Called::Sessions);
            }
            Some(_) | None => self.new_session(),
        }
    }

    fn new_session(&mut self) {
        self.session = None;
        self.handshake.replaying = false;
        let params = speak::new_session(self.setup.place.seen());
        self.call(speak::TO_AGENT.session_new, params, Called::Open { resumed: false });
    }

    /// A host took over and knows no id: the agent's latest session in this directory is the one.
    pub(super) fn sessions_listed(&mut self, outcome: Result<Value, RpcError>) {
        let seen = self.setup.place.seen().to_str().map(str::to_owned);
        let latest = outcome.ok().and_then(|answer| {
            let here = peek::list(&answer, "sessions").iter().filter(|s| peek::text(s, "cwd") == seen.as_deref());
            let latest = here.max_by_key(|s| peek::text(s, "updatedAt").unwrap_or("").to_owned())?;
            peek::text(latest, "sessionId").map(str::to_owned)
        });
        match latest {
            Some(id) => {
                self.setup.load = Some(id);
                self.open_session();
            }
            None => self.new_session(),
        }
    }

    pub(super) fn opened(&mut self, resumed: bool, outcome: Result<Value, RpcError>) {
        self.handshake.replaying = false;
        match outcome {
            Ok(answer) => {
                if let Some(id) = peek::text(&answer, "sessionId") {
                    self.session = Some(id.to_owned());
                }
                if self.session.is_none() {
                    return self.lost("it opened a session without an id".to_owned(), None);
                }
                if resumed {
                    self.setup.resume = None;
                }
                self.tell_ready("starting: setting its options");
                self.settings.merge(&answer);
                self.configure();
            }
            Err(error) if self.wants_login(&error) && !self.handshake.logged_in => self.log_in(&error),
            Err(error) if resumed => {
                let text = format!(
                    "the agent cannot take its session up again: {}; a new one is opened, which remembers nothing but what \
                     it is told of this one",
                    error.words()
                );
                self.alarm("session_lost", None, text);
                self.new_session();
            }
            Err(error) => {
                let hint = if self.wants_login(&error) { self.login_hint() } else { String::new() };
                self.lost(format!("it opened no session: {}{hint}", error.words()), None);
            }
        }
    }

    fn wants_login(&self, error: &RpcError) -> bool {
        let words = error.words().to_lowercase();
        error.code == RpcError::AUTH_REQUIRED
            || ["authenticat", "log in", "login", "unauthorized", "api key"].iter().any(|w| words.contains(w))
    }

    /// Logs in by the configured method, or by one whose key is in the agent's environment. Never opens a browser by
    /// itself: what else there is, the user is told.
    fn log_in(&mut self, error: &RpcError) {
        self.handshake.logged_in = true;
        let methods = peek::list(&self.handshake.init, "authMethods");
        let has = |name: &str| self.setup.env_names.contains(name);
        let by_key = |method: &&Value| {
            let vars = peek::list(method, "vars");
            let named = peek::text(method, "id").unwrap_or("").to_uppercase().replace('-', "_");
            has(&named)
                || peek::text(method, "varName").is_some_and(has)
                || (!vars.is_empty()
                    && vars
                        .iter()
                        .filter(|v| v.get("optional") != Some(&Value::Bool(true)))
                        .all(|v| peek::text(v, "name").or_else(|| v.as_str()).is_some_and(has)))
        };
        let wanted = |method: &&Value| peek::text(method, "id") == self.setup.spec.auth.as_deref();
        let chosen = methods.iter().find(wanted).filter(|_| self.setup.spec.auth.is_some());
        let id = chosen.or_else(|| methods.iter().find(by_key)).and_then(|m| peek::text(m, "id")).map(str::to_owned);
        match id {
            Some(id) => {
                self.handshake.phase = Phase::LoggingIn;
                self.call(speak::TO_AGENT.authenticate, speak::authenticate(&id), Called::Authenticate);
            }
            None => {
                let hint = self.login_hint();
                self.lost(format!("it requires a login first: {}{hint}", error.words()), None);
            }
        }
    }

    pub(super) fn authenticated(&mut self, outcome: Result<Value, RpcError>) {
        match outcome {
            Ok(_) => self.open_session(),
            Err(error) => {
                let hint = self.login_hint();
                self.lost(format!("the login failed: {}{hint}", error.words()), None);
            }
        }
    }

    /// The ways to log in, in words, one a line.
    fn login_hint(&self) -> String {
        let program = self.setup.spec.command.first().map_or("", String::as_str);
        let mut lines: Vec<String> = Vec::new();
        for method in peek::list(&self.handshake.init, "authMethods") {
            let id = peek::text(method, "id").unwrap_or("?");
            let name = peek::text(method, "name").unwrap_or(id);
            let vars: Vec<&str> = peek::list(method, "vars")
                .iter()
                .filter_map(|v| peek::text(v, "name").or_else(|| v.as_str()))
                .chain(peek::text(method, "varName"))
                .collect();
            let args: Vec<&str> = peek::list(method, "args").iter().filter_map(Value::as_str).collect();
            let how = if !vars.is_empty() {
                format!("set {} and list it in pass_env", vars.join(", "))
            } else if !args.is_empty() {
                format!("run `{program} {}` once in a terminal", args.join(" "))
            } else {
                format!("set auth = \"{id}\" in agents.toml, or run `{program}` once on its own")
            };
            let more = peek::text(method, "description").map(|d| format!(" ({d})")).unwrap_or_default();
            lines.push(format!("{name}{more}: {how}"));
        }
        if lines.is_empty() {
            format!("; run `{program}` once on its own to log in")
        } else {
            format!("\n{}", lines.join("\n"))
        }
    }

    /// Mode and options of the catalog, before the first prompt: an agent in a permissive mode must not get one.
    fn configure(&mut self) {
        self.handshake.phase = Phase::Configuring;
        self.handshake.mode_wanted = self.settings.mode().map(str::to_owned);
        if let Some(mode) = self.setup.spec.mode.clone()
            && self.settings.mode().is_some_and(|now| now != mode)
        {
            self.set_option("mode", &mode, true);
        }
        for (id, value) in self.setup.spec.options.clone() {
            let value = value.text();
            let is_so = self.settings.options().iter().any(|o| o.id == id && o.value.as_deref() == Some(&value));
            if !is_so {
                self.set_option(&id, &value, true);
            }
        }
        self.configured();
    }

    fn configured(&mut self) {
        if self.handshake.phase != Phase::Configuring || self.handshake.awaited > 0 {
            return;
        }
        self.handshake.phase = Phase::Ready;
        self.effect(Effect::Disarm(Timer::Start));
        self.effect(Effect::Disarm(Timer::StartNote));
        self.tell_ready("ready");
        self.first_prompt();
    }

    /// Sets one of the agent's own options; what cannot be set is said, with what could be.
    pub(super) fn set_option(&mut self, id: &str, value: &str, at_start: bool) {
        let session = self.session_id();
        let setter = match self.settings.setter(id, value) {
            Ok(setter) => setter,
            Err(why) => return self.note("protocol", &why),
        };
        let called = Called::Set { what: format!("{id} = {value}"), at_start };
        match setter {
            Setter::Mode(mode) => {
                self.handshake.mode_wanted = Some(mode.clone());
                self.call(speak::TO_AGENT.session_set_mode, speak::set_mode(&session, &mode), called);
            }
            Setter::Model(model) => {
                self.call("session/set_model", speak::set_model(&session, &model), called);
            }
            Setter::Choice { id, value } => {
                if self.settings.is_mode_option(&id) {
                    self.handshake.mode_wanted = Some(value.clone());
                }
                let params = speak::set_option(&session, &id, &value);
                self.call(speak::TO_AGENT.session_set_config_option, params, called);
            }
            Setter::Switch { id, value } => {
                let params = speak::set_switch(&session, &id, value);
                self.call(speak::TO_AGENT.session_set_config_option, params, called);
            }
        }
        self.handshake.awaited += usize::from(at_start);
    }

    pub(super) fn was_set(&mut self, what: &str, at_start: bool, outcome: Result<Value, RpcError>) {
        match outcome {
            Ok(answer) => {
                let mut news = self.settings.merge(&answer);
                if let (true, Some(mode)) = (what.starts_with("mode = "), self.handshake.mode_wanted.clone()) {
                    news |= self.settings.mode_is(&mode);
                }
                if news && self.handshake.is_ready() {
                    self.tell_ready("ready");
                }
            }
            Err(error) => {
                let text = format!("the agent rejected {what}: {}", error.words());
                if at_start && what.starts_with("mode = ") {
                    self.alarm("mode_changed", None, text);
                } else {
                    self.note("protocol", &text);
                }
            }
        }
        if at_start {
            self.handshake.awaited = self.handshake.awaited.saturating_sub(1);
            self.configured();
        }
    }

    /// The agent reports its mode. One that nobody asked for is an alarm, and is reverted a few times.
    pub(super) fn mode_reported(&mut self, mode: &str) {
        let news = self.settings.mode_is(mode);
        if !news {
            return;
        }
        if std::mem::take(&mut self.handshake.mode_may_change) {
            self.handshake.mode_wanted = Some(mode.to_owned());
        }
        let wanted = self.handshake.mode_wanted.clone();
        if wanted.as_deref() != Some(mode) && self.handshake.is_ready() {
            let text = format!("the agent changed its own mode to “{mode}”");
            match wanted {
                Some(wanted) if self.handshake.mode_resets < ACP_MODE_RESETS_MAX => {
                    self.handshake.mode_resets += 1;
                    self.alarm("mode_changed", None, format!("{text}; it was reset to “{wanted}”"));
                    self.set_option("mode", &wanted, false);
                }
                Some(_) | None => self.alarm("mode_changed", None, text),
            }
        }
        if self.handshake.is_ready() {
            self.tell_ready("ready");
        }
    }

    /// Ends: politely where the agent knows how, then by its process group.
    pub(super) fn shut_down(&mut self) {
        for ticket in self.asks.withdrawable() {
            self.void(ticket, crate::model::event::LapseWhy::Cancelled);
        }
        let session = self.session_id();
        if self.turn.is_running() {
            self.notify(speak::TO_AGENT.session_cancel, speak::cancel(&session));
        }
        if peek::offers(&self.handshake.init, &["agentCapabilities", "sessionCapabilities", "close"])
            && !session.is_empty()
        {
            self.call(speak::TO_AGENT.session_close, speak::close_session(&session), Called::Close);
        }
        self.finish();
    }
}
