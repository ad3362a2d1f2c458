//! `terminal/*`: commands the agent leaves to us. Creating one is a proposal; the host runs it under policy.

use super::asks::Subject;
use super::client::Client;
use super::message::{Id, RpcError};
use super::peek;
use super::speak::{self, Exit};
use crate::agent::catalog::{Level, Through};
use crate::base::limits::ACP_TERMINALS_MAX;
use crate::model::Proposal;
use crate::model::action::{Body, Command, Evidence, Rationale};
use crate::model::event::LapseWhy;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
struct Terminal {
    output: String,
    truncated: bool,
    byte_limit: Option<usize>,
    exit: Option<Exit>,
    /// Questions for its end.
    waiting: Vec<Id>,
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
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, "a command is needed")));
            return;
        };
        if self.terminals.held.len() >= ACP_TERMINALS_MAX {
            let why = format!("{ACP_TERMINALS_MAX} terminals are held already; release some");
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
        let mut evidence = Vec::new();
        for open in self.tools.open() {
            if let Some(call) = self.tools.get_mut(&open)
                && call.kind() == "execute"
            {
                call.gated = true;
                evidence
                    .push(Evidence::new("quote", format!("it calls this “{}”", self.setup.place.shown(call.title()))));
            }
        }
        let command = self.setup.place.command(command);
        let mut proposal =
            Proposal::new(format!("run {}", peek::bounded(&command.line(), 200)), Body::Command(command));
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
            let answer = speak::terminal_output(&terminal.output, terminal.truncated, terminal.exit.as_ref());
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

    /// It has ended, or never ran. Codes above 128 are signals, as our runner reports them.
    pub(super) fn terminal_ended(&mut self, name: &str, code: Option<i32>, tail: &str) {
        let Some(terminal) = self.terminals.held.get_mut(name) else { return };
        let signal = match code {
            Some(code) if code > 128 => Some(signal_name(code - 128)),
            None => Some("SIGTERM".to_owned()),
            Some(_) => None,
        };
        let exit = Exit { code: code.filter(|c| *c <= 128), signal };
        let tail = self.setup.place.for_agent_text(tail);
        terminal.output = match terminal.byte_limit {
            Some(limit) if tail.len() > limit => {
                terminal.truncated = true;
                let from = tail.len() - limit;
                let cut = (from..=tail.len()).find(|at| tail.is_char_boundary(*at)).unwrap_or(tail.len());
                tail.get(cut..).unwrap_or("").to_owned()
            }
            Some(_) | None => tail,
        };
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
