//! From the first byte to the first prompt: initialize, log in when it must be, open or take up a session, set its mode
//! and options, and say all the while how far it is.

use super::conduct::Conduct;
use super::keeping::Change;
use super::logins;
use super::message::RpcError;
use super::out::{Called, Out, Timer};
use super::peek;
use super::speak;
use crate::agent::acp::limits::ACP_START_NOTE_MS;
use crate::model::event::AgentLogin;
use serde_json::Value;
use std::collections::BTreeSet;

/// The phase of the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Initializing,
    LoggingIn,
    Opening,
    /// So many answers to settings are still awaited before the first prompt.
    Configuring {
        awaited: usize,
    },
}

/// See the module. An error is why the agent is given up.
#[derive(Debug, Default)]
pub struct Handshake {
    phase: Phase,
    noted_ms: u64,
    has_logged_in: bool,
    /// While a session is loaded the agent plays its past again; that is in the journal already.
    replaying: bool,
    /// The agent's own id of the session to continue with.
    load: Option<String>,
    /// The state of the session, when a host takes it over.
    resume: Option<String>,
    /// Names of the variables that the agent's process is given.
    env_names: BTreeSet<String>,
}

impl Handshake {
    pub fn new(load: Option<String>, resume: Option<String>, env_names: BTreeSet<String>) -> Self {
        Self { load, resume, env_names, ..Self::default() }
    }

    pub fn is_replaying(&self) -> bool {
        self.replaying
    }

    /// Returns what a new agent must be told of the session so far.
    pub fn take_resume(&mut self) -> Option<String> {
        self.resume.take()
    }

    fn doing(&self) -> &'static str {
        match self.phase {
            Phase::Initializing => "waiting for its first response",
            Phase::LoggingIn => "logging in",
            Phase::Opening => "opening a session",
            Phase::Configuring { .. } => "setting its mode",
        }
    }

    pub fn begin(&mut self, conduct: &Conduct, out: &mut Out) {
        self.begin_waiting(conduct, out);
        conduct.report_state("starting", out);
        out.call(speak::method::INITIALIZE, speak::initialize(), Called::Initialize);
    }

    pub fn note_slow_start(&mut self, conduct: &Conduct, out: &mut Out) {
        if conduct.is_ready() {
            return;
        }
        self.noted_ms += ACP_START_NOTE_MS;
        let (doing, seconds, limit) = (self.doing(), self.noted_ms / 1000, conduct.spec().start_timeout_s());
        conduct.report_state(&format!("starting: {doing}, {seconds} s of at most {limit} s"), out);
        out.arm(Timer::StartNote, ACP_START_NOTE_MS);
    }

    pub fn timed_out(&self, conduct: &Conduct) -> Result<(), String> {
        if conduct.is_ready() {
            return Ok(());
        }
        let (name, limit) = (conduct.spec().shown_name(), conduct.spec().start_timeout_s());
        let (doing, hint) = (self.doing(), "set start_timeout_s in agents.toml to wait longer");
        Err(format!("{name} did not start within {limit} s: still {doing}; {hint}"))
    }

    pub fn initialized(
        &mut self,
        outcome: Result<Value, RpcError>,
        conduct: &mut Conduct,
        out: &mut Out,
    ) -> Result<(), String> {
        let name = conduct.spec().shown_name();
        let answer = outcome.map_err(|error| format!("{name} refused to start: {}", error.words()))?;
        match answer.get("protocolVersion") {
            Some(version) if version.as_u64() != Some(speak::PROTOCOL_VERSION) => {
                let ours = speak::PROTOCOL_VERSION;
                let why = "install versions of it and of rightseat with a common protocol version";
                return Err(format!("{name} speaks ACP version {version}, rightseat {ours}: {why}"));
            }
            Some(_) => {}
            None => out.note("protocol", "it did not report its protocol version"),
        }
        conduct.initialized(answer);
        self.open_session(conduct, out);
        Ok(())
    }

    /// Another session of the process that runs. A copy has been opened by the agent already.
    pub fn change(&mut self, change: Change, conduct: &mut Conduct, out: &mut Out) {
        conduct.starts_again();
        self.load = None;
        self.begin_waiting(conduct, out);
        match change {
            Change::Forked(answer) => {
                out.enter(peek::text(&answer, "sessionId").map(str::to_owned));
                self.configure(&answer, conduct, out);
                return;
            }
            Change::Resume(id) => self.load = Some(id),
            Change::New => {}
        }
        self.open_session(conduct, out);
        conduct.report_state("starting: opening a session", out);
    }

    fn begin_waiting(&mut self, conduct: &Conduct, out: &mut Out) {
        self.noted_ms = 0;
        out.arm(Timer::Start, conduct.spec().start_timeout_s().saturating_mul(1000));
        out.arm(Timer::StartNote, ACP_START_NOTE_MS);
    }

    fn open_session(&mut self, conduct: &Conduct, out: &mut Out) {
        self.phase = Phase::Opening;
        let place = out.place();
        let cwd = place.seen();
        let loads = conduct.has(&["loadSession"]);
        let resumes = conduct.has(&["sessionCapabilities", "resume"]);
        let lists = conduct.has(&["sessionCapabilities", "list"]);
        match self.load.clone() {
            Some(id) if resumes => {
                let params = speak::resume_session(&id, cwd);
                out.enter(Some(id));
                out.call(speak::method::SESSION_RESUME, params, Called::Open { resumed: true });
            }
            Some(id) if loads => {
                self.replaying = true;
                let params = speak::load_session(&id, cwd);
                out.enter(Some(id));
                out.call(speak::method::SESSION_LOAD, params, Called::Open { resumed: true });
            }
            None if self.resume.is_some() && lists && (loads || resumes) => {
                out.call(speak::method::SESSION_LIST, speak::list_sessions(cwd), Called::Sessions);
            }
            Some(_) | None => self.new_session(out),
        }
    }

    fn new_session(&mut self, out: &mut Out) {
        out.enter(None);
        self.replaying = false;
        let params = speak::new_session(out.place().seen());
        out.call(speak::method::SESSION_NEW, params, Called::Open { resumed: false });
    }

    /// A host took over and knows no id: the agent's latest session in this directory is the one.
    pub fn sessions_listed(&mut self, outcome: Result<Value, RpcError>, conduct: &Conduct, out: &mut Out) {
        let place = out.place();
        let latest = outcome.ok().and_then(|answer| {
            let here = peek::list(&answer, "sessions").iter().filter(|s| peek::text(s, "cwd") == place.seen().to_str());
            let latest = here.max_by_key(|s| peek::text(s, "updatedAt").unwrap_or("").to_owned())?;
            peek::text(latest, "sessionId").map(str::to_owned)
        });
        match latest {
            Some(id) => {
                self.load = Some(id);
                self.open_session(conduct, out);
            }
            None => self.new_session(out),
        }
    }

    pub fn opened(
        &mut self,
        resumed: bool,
        outcome: Result<Value, RpcError>,
        conduct: &mut Conduct,
        out: &mut Out,
    ) -> Result<(), String> {
        self.replaying = false;
        match outcome {
            Ok(answer) => {
                if let Some(id) = peek::text(&answer, "sessionId") {
                    out.enter(Some(id.to_owned()));
                }
                if out.session().is_empty() {
                    return Err("it opened a session without an id".to_owned());
                }
                if resumed {
                    self.resume = None;
                }
                conduct.report_state("starting: setting its options", out);
                self.configure(&answer, conduct, out);
                Ok(())
            }
            Err(error) if wants_login(&error) && !self.has_logged_in => self.log_in(&error, conduct, out),
            Err(error) if resumed => {
                let text = format!(
                    "the agent cannot resume its session: {}; a new session starts and knows only what it is told of \
                     this one",
                    error.words()
                );
                out.alarm("session_lost", None, text);
                self.new_session(out);
                Ok(())
            }
            Err(error) => {
                let hint = if wants_login(&error) { login_hint(conduct, out) } else { String::new() };
                Err(format!("it opened no session: {}{hint}", error.words()))
            }
        }
    }

    /// Logs in by the configured method, or by one whose key is in the agent's environment. Never opens a browser by
    /// itself: what else there is, the user is told.
    fn log_in(&mut self, error: &RpcError, conduct: &Conduct, out: &mut Out) -> Result<(), String> {
        self.has_logged_in = true;
        let has = |name: &str| self.env_names.contains(name);
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
        let auth = conduct.spec().auth.as_deref();
        let chosen = conduct.logins().iter().find(|method| auth.is_some() && peek::text(method, "id") == auth);
        let chosen = chosen.or_else(|| conduct.logins().iter().find(by_key));
        let Some(id) = chosen.and_then(|method| peek::text(method, "id")) else {
            return Err(format!("it requires a login first: {}{}", error.words(), login_hint(conduct, out)));
        };
        self.phase = Phase::LoggingIn;
        out.call(speak::method::AUTHENTICATE, speak::authenticate(id), Called::Authenticate);
        Ok(())
    }

    pub fn authenticated(
        &mut self,
        outcome: Result<Value, RpcError>,
        conduct: &Conduct,
        out: &mut Out,
    ) -> Result<(), String> {
        outcome.map_err(|error| format!("the login failed: {}{}", error.words(), login_hint(conduct, out)))?;
        self.open_session(conduct, out);
        Ok(())
    }

    /// Mode and options of the catalog, before the first prompt: an agent in a permissive mode must not get one.
    fn configure(&mut self, answer: &Value, conduct: &mut Conduct, out: &mut Out) {
        let (mode, options) = (conduct.spec().mode.clone(), conduct.spec().options.clone());
        let mut awaited = 0;
        conduct.set(out, |settings, out| {
            settings.merge(answer);
            settings.want_this_mode();
            if let Some(mode) = mode
                && settings.mode().is_some_and(|now| now != mode)
            {
                awaited += usize::from(settings.send("mode", &mode, true, out));
            }
            for (id, value) in options {
                let value = value.text();
                if !settings.is_set(&id, &value) {
                    awaited += usize::from(settings.send(&id, &value, true, out));
                }
            }
            false
        });
        self.phase = Phase::Configuring { awaited };
        self.try_end(conduct, out);
    }

    /// The answer to one of those settings has come.
    pub fn was_set(&mut self, conduct: &mut Conduct, out: &mut Out) {
        if let Phase::Configuring { awaited } = &mut self.phase {
            *awaited = awaited.saturating_sub(1);
            self.try_end(conduct, out);
        }
    }

    fn try_end(&self, conduct: &mut Conduct, out: &mut Out) {
        if self.phase == (Phase::Configuring { awaited: 0 }) && !conduct.is_ready() {
            out.disarm(Timer::Start);
            out.disarm(Timer::StartNote);
            conduct.becomes_ready(out);
        }
    }
}

fn wants_login(error: &RpcError) -> bool {
    let words = error.words().to_lowercase();
    error.code == RpcError::AUTH_REQUIRED
        || ["authenticat", "log in", "login", "unauthorized", "api key"].iter().any(|w| words.contains(w))
}

/// The ways to log in, in words, one a line.
fn login_hint(conduct: &Conduct, out: &mut Out) -> String {
    // The ways are known from now on, also after the agent is given up.
    conduct.report_state("starting: it requires a login", out);
    let program = conduct.spec().command.first().map_or("", String::as_str);
    let line = |login: AgentLogin| {
        let more = if login.detail.is_empty() { String::new() } else { format!(" ({})", login.detail) };
        format!("{}{more}: {}", login.name, logins::how(&login, conduct.spec()))
    };
    let lines: Vec<String> = logins::read(conduct.logins(), conduct.spec()).into_iter().map(line).collect();
    if lines.is_empty() {
        format!("; run `{program}` once on its own to log in")
    } else {
        format!("\n{}", lines.join("\n"))
    }
}
