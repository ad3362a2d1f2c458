//! `terminal/*`: commands the agent leaves to us. Creating one is a proposal; the host runs it under policy.

use super::asks::Subject;
use super::client::Client;
use super::message::{Id, RpcError};
use super::peek;
use super::permission::own_title;
use super::speak::{self, Exit};
use crate::agent::acp::limits::{ACP_TERMINAL_OUTPUT_BYTES_MAX, ACP_TERMINALS_MAX};
use crate::agent::catalog::{Level, Through};
use crate::model::Proposal;
use crate::model::action::{Body, Command, Rationale};
use crate::model::event::LapseWhy;
use crate::port::Ticket;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
struct Terminal {
    /// The end of what it wrote so far; grows while the command runs.
    output: Vec<u8>,
    truncated: bool,
    byte_limit: Option<usize>,
    exit: Option<Exit>,
    /// Questions for its end.
    waiting: Vec<Id>,
}

impl Terminal {
    fn limit(&self) -> usize {
        self.byte_limit.unwrap_or(ACP_TERMINAL_OUTPUT_BYTES_MAX).min(ACP_TERMINAL_OUTPUT_BYTES_MAX)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        let from = self.output.len().saturating_sub(self.limit());
        self.truncated |= from > 0;
        self.output.drain(..from);
    }

    /// Whole characters only: the first may have been cut by the limit, the last may still be on its way.
    fn text(&self) -> String {
        let mut bytes = self.output.as_slice();
        if self.truncated {
            let torn = bytes.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
            bytes = bytes.get(torn..).unwrap_or_default();
        }
        if let (None, Err(error)) = (&self.exit, std::str::from_utf8(bytes))
            && error.error_len().is_none()
        {
            bytes = bytes.get(..error.valid_up_to()).unwrap_or_default();
        }
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// The terminals the agent holds.
#[derive(Debug, Default)]
pub struct Terminals {
    held: BTreeMap<String, Terminal>,
    last: u64,
}

impl Client {
    pub(super) fn terminal_asked(&mut self, id: Id, params: &Value) {
        if self.turn.refuses_questions() {
            self.reply(&id, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
            return;
        }
        let Some(command) = command_of(params) else {
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, "a command is required")));
            return;
        };
        if self.turns_at_boundary(&format!("the command {}", command.line())) {
            self.reply(&id, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
            return;
        }
        if self.terminals.held.len() >= ACP_TERMINALS_MAX {
            let why = format!("{ACP_TERMINALS_MAX} terminals are already open; release some");
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_REQUEST, why)));
            return;
        }
        self.turn_goes_on();
        self.terminals.last += 1;
        let terminal = format!("term-{}", self.terminals.last);
        let byte_limit = params.get("outputByteLimit").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        self.terminals.held.insert(terminal.clone(), Terminal { byte_limit, ..Terminal::default() });
        if self.conduct.commands != Through::Client {
            self.conduct.commands = Through::Client;
            self.level_seen(Level::L2);
            self.tell_ready("ready");
        }
        let mut titles = Vec::new();
        for open in self.tools.open() {
            if let Some(call) = self.tools.get_mut(&open)
                && call.kind() == "execute"
            {
                call.gated = true;
                titles.push(call.title().to_owned());
            }
        }
        let command = self.setup.place.command(command);
        let mut proposal =
            Proposal::new(format!("run {}", peek::bounded(&command.line(), 200)), Body::Command(command));
        let place = &self.setup.place;
        let evidence = titles.iter().filter_map(|title| own_title(place, title, &proposal.title)).collect();
        proposal.rationale = Some(Rationale { text: self.turn.reason(), evidence });
        self.propose(Subject::Terminal { terminal, request: id }, proposal);
    }

    fn known_terminal(&mut self, id: &Id, params: &Value) -> Option<String> {
        let name = peek::text(params, "terminalId").unwrap_or("").to_owned();
        if self.terminals.held.contains_key(&name) {
            return Some(name);
        }
        self.reply(id, Err(RpcError::new(RpcError::NOT_FOUND, format!("there is no terminal {name:?}"))));
        None
    }

    pub(super) fn terminal_output_asked(&mut self, id: &Id, params: &Value) {
        let Some(name) = self.known_terminal(id, params) else { return };
        if let Some(terminal) = self.terminals.held.get(&name) {
            // The agent's own paths may be longer than the user's: its limit holds for what it is sent.
            let mut text = self.setup.place.for_agent_text(&terminal.text());
            let over = text.len().saturating_sub(terminal.limit());
            let cut = (over..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            text.drain(..cut);
            let answer = speak::terminal_output(&text, terminal.truncated || cut > 0, terminal.exit.as_ref());
            self.reply(id, Ok(answer));
        }
    }

    pub(super) fn terminal_exit_asked(&mut self, id: Id, params: &Value) {
        let Some(name) = self.known_terminal(&id, params) else { return };
        if let Some(terminal) = self.terminals.held.get_mut(&name) {
            match terminal.exit.clone() {
                Some(exit) => {
                    self.reply(&id, Ok(speak::terminal_exited(&exit)));
                }
                None => terminal.waiting.push(id),
            }
        }
    }

    pub(super) fn terminal_kill_asked(&mut self, id: &Id, params: &Value) {
        let Some(name) = self.known_terminal(id, params) else { return };
        self.terminal_stopped(&name);
        self.reply(id, Ok(speak::terminal_killed()));
    }

    pub(super) fn terminal_release_asked(&mut self, id: &Id, params: &Value) {
        let Some(name) = self.known_terminal(id, params) else { return };
        self.terminal_stopped(&name);
        self.terminals.held.remove(&name);
        self.reply(id, Ok(speak::terminal_released()));
    }

    /// Takes the running command back; the host ends it.
    fn terminal_stopped(&mut self, name: &str) {
        if let Some(ticket) = self.asks.of_terminal(name) {
            self.void(ticket, LapseWhy::Killed);
        }
    }

    /// Output of a command that runs here for the agent.
    pub(super) fn terminal_wrote(&mut self, ticket: Ticket, bytes: &[u8]) {
        let Some(Subject::Terminal { terminal, .. }) = self.asks.get(ticket).map(|ask| &ask.subject) else { return };
        if let Some(terminal) = self.terminals.held.get_mut(terminal) {
            terminal.push(bytes);
        }
    }

    /// It has ended, or never ran. Codes above 128 are signals, as our runner reports them. `tail` is for output that was
    /// not sent while it ran.
    pub(super) fn terminal_ended(&mut self, name: &str, code: Option<i32>, tail: &str) {
        let Some(terminal) = self.terminals.held.get_mut(name) else { return };
        let signal = match code {
            Some(code) if code > 128 => Some(signal_name(code - 128)),
            None => Some("SIGTERM".to_owned()),
            Some(_) => None,
        };
        let exit = Exit { code: code.filter(|c| *c <= 128), signal };
        if terminal.output.is_empty() {
            terminal.push(tail.as_bytes());
        }
        terminal.exit = Some(exit.clone());
        for id in std::mem::take(&mut terminal.waiting) {
            self.reply(&id, Ok(speak::terminal_exited(&exit)));
        }
    }
}

/// A program with arguments, or one line of shell text where the agent gives no arguments.
fn command_of(params: &Value) -> Option<Command> {
    let program = peek::text(params, "command").filter(|c| !c.trim().is_empty())?;
    let args: Vec<String> = peek::list(params, "args").iter().filter_map(|a| a.as_str().map(str::to_owned)).collect();
    let is_line =
        args.is_empty() && program.contains(|c: char| c.is_whitespace() || "|&;<>()$`\\\"'*?[#~=%".contains(c));
    let mut command =
        if is_line { Command::shell(program) } else { Command::argv(std::iter::once(program.to_owned()).chain(args)) };
    command.cwd = peek::text(params, "cwd").unwrap_or(".").to_owned();
    command.env = peek::list(params, "env")
        .iter()
        .filter_map(|e| Some((peek::text(e, "name")?.to_owned(), peek::text(e, "value")?.to_owned())))
        .collect();
    Some(command)
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        6 => "SIGABRT",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("SIG{number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn output_is_cut_from_its_beginning_and_between_characters() {
        let mut terminal = Terminal { byte_limit: Some(4), ..Terminal::default() };
        terminal.push("aä".as_bytes());
        assert_eq!((terminal.text().as_str(), terminal.truncated), ("aä", false));
        terminal.push("öb".as_bytes());
        assert_eq!((terminal.text().as_str(), terminal.truncated), ("öb", true));
        terminal.push(b"\xc3");
        assert_eq!(terminal.text(), "öb", "half a character is on its way");
        terminal.push(b"\xa4");
        assert_eq!(terminal.text(), "bä");
        terminal.push(b"\xc3");
        terminal.exit = Some(Exit { code: Some(0), signal: None });
        assert_eq!(terminal.text(), "bä\u{fffd}", "and never came");
    }

    #[test]
    fn a_line_is_shell_text_and_words_are_argv() {
        for (params, expect) in [
            (json!({"command": "cargo", "args": ["test"]}), Command::argv(["cargo", "test"])),
            (json!({"command": "cargo test | tail"}), Command::shell("cargo test | tail")),
            (json!({"command": "ls"}), Command::argv(["ls"])),
            (
                json!({"command": "a b", "args": ["c"], "cwd": "/x"}),
                Command { cwd: "/x".into(), ..Command::argv(["a b", "c"]) },
            ),
        ] {
            assert_eq!(command_of(&params), Some(expect));
        }
        assert_eq!(command_of(&json!({"command": " "})), None);
    }
}
