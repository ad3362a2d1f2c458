//! `terminal/*`: commands the agent leaves to us. Creating one is a proposal; the host runs it under policy. From its
//! approval to its real end a command belongs to its terminal, which keeps what it writes, also after it was killed.

use super::asks::{Asks, Opening, Subject};
use super::context::Context;
use super::message::{Id, RpcError};
use super::out::Out;
use super::peek;
use super::preview::own_title;
use super::speak::{self, Exit};
use crate::agent::acp::limits::{ACP_TERMINAL_OUTPUT_BYTES_MAX, ACP_TERMINALS_MAX};
use crate::model::Proposal;
use crate::model::action::{Body, Command, Rationale};
use crate::model::event::LapseWhy;
use crate::port::{FromAgent, Performed, Ticket};
use serde_json::Value;
use std::collections::BTreeMap;

/// The state of a terminal's command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    /// Nobody wants it any more; the host ends it.
    Stopping,
    Ended(Exit),
}

#[derive(Clone, Debug, Default)]
struct Terminal {
    /// The host's name for its command.
    ticket: Option<Ticket>,
    /// The end of what it wrote so far; grows while the command runs.
    output: Vec<u8>,
    truncated: bool,
    byte_limit: Option<usize>,
    state: State,
    /// The agent has no use for it any more: it is gone once its command has ended.
    is_released: bool,
    /// Questions for its end.
    waiting: Vec<Id>,
}

impl Terminal {
    fn exit(&self) -> Option<&Exit> {
        match &self.state {
            State::Ended(exit) => Some(exit),
            State::Running | State::Stopping => None,
        }
    }

    /// Takes the running command back; the host ends it.
    fn stop(&mut self, why: LapseWhy, out: &mut Out) {
        if let (State::Running, Some(ticket)) = (&self.state, self.ticket) {
            self.state = State::Stopping;
            out.report(FromAgent::Withdraw { ticket, why });
        }
    }

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
        if let (None, Err(error)) = (self.exit(), std::str::from_utf8(bytes))
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

impl Terminals {
    /// Asks about a command. Its terminal is there once it runs.
    pub fn asked(&mut self, id: Id, params: &Value, command: Command, asks: &mut Asks, cx: &mut Context) {
        if self.held.len() + asks.openings() >= ACP_TERMINALS_MAX {
            let why = format!("{ACP_TERMINALS_MAX} terminals are already open; release some");
            cx.out.refuse(&id, RpcError::INVALID_REQUEST, why);
            return;
        }
        cx.goes_on();
        self.last += 1;
        let byte_limit = params.get("outputByteLimit").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let opening = Opening { request: id, terminal: format!("term-{}", self.last), byte_limit };
        cx.conduct.commands_come_through_us(&mut cx.out);
        let titles = cx.tools.gate(|call| call.kind() == "execute");
        let place = cx.out.place();
        let command = place.command(command);
        let title = format!("run {}", peek::bounded(&command.line(), 200));
        let mut proposal = Proposal::new(title, Body::Command(command));
        let evidence = titles.iter().filter_map(|title| own_title(&place, title, &proposal.title)).collect();
        proposal.rationale = Some(Rationale { text: cx.turn.words.reason(), evidence });
        asks.propose(Subject::Terminal(opening), proposal, &mut cx.out);
    }

    /// The command was approved and runs.
    pub fn start(&mut self, ticket: Ticket, opening: Opening, out: &mut Out) {
        let Opening { request, terminal, byte_limit } = opening;
        out.reply(&request, Ok(speak::terminal_created(&terminal)));
        self.held.insert(terminal, Terminal { ticket: Some(ticket), byte_limit, ..Terminal::default() });
    }

    /// A request about a terminal that the agent holds.
    fn known(&mut self, id: &Id, params: &Value, out: &mut Out) -> Option<&mut Terminal> {
        let name = peek::text(params, "terminalId").unwrap_or("");
        let terminal = self.held.get_mut(name).filter(|terminal| !terminal.is_released);
        if terminal.is_none() {
            out.refuse(id, RpcError::NOT_FOUND, format!("there is no terminal {name:?}"));
        }
        terminal
    }

    pub fn output_asked(&mut self, id: &Id, params: &Value, out: &mut Out) {
        let Some(terminal) = self.known(id, params, out) else { return };
        // The agent's own paths may be longer than the user's: its limit holds for what it is sent.
        let mut text = out.place().for_agent_text(&terminal.text());
        let over = text.len().saturating_sub(terminal.limit());
        let cut = (over..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        text.drain(..cut);
        out.reply(id, Ok(speak::terminal_output(&text, terminal.truncated || cut > 0, terminal.exit())));
    }

    pub fn exit_asked(&mut self, id: Id, params: &Value, out: &mut Out) {
        let Some(terminal) = self.known(&id, params, out) else { return };
        match terminal.exit() {
            Some(exit) => {
                out.reply(&id, Ok(speak::terminal_exited(exit)));
            }
            None => terminal.waiting.push(id),
        }
    }

    pub fn kill_asked(&mut self, id: &Id, params: &Value, out: &mut Out) {
        if let Some(terminal) = self.known(id, params, out) {
            terminal.stop(LapseWhy::Killed, out);
            out.reply(id, Ok(speak::terminal_killed()));
        }
    }

    pub fn release_asked(&mut self, id: &Id, params: &Value, out: &mut Out) {
        if let Some(terminal) = self.known(id, params, out) {
            terminal.stop(LapseWhy::Killed, out);
            terminal.is_released = true;
            out.reply(id, Ok(speak::terminal_released()));
            self.forget_released();
        }
    }

    fn forget_released(&mut self) {
        self.held.retain(|_, terminal| !terminal.is_released || terminal.exit().is_none());
    }

    /// Takes every running command back.
    pub fn stop_all(&mut self, why: LapseWhy, out: &mut Out) {
        self.held.values_mut().for_each(|terminal| terminal.stop(why, out));
    }

    /// Returns whether a command is being ended whose end the agent must receive in this turn.
    pub fn is_stopping(&self) -> bool {
        self.held.values().any(|terminal| terminal.state == State::Stopping)
    }

    fn of(&mut self, ticket: Ticket) -> Option<&mut Terminal> {
        self.held.values_mut().find(|terminal| terminal.ticket == Some(ticket))
    }

    /// Output of a command that runs here for the agent.
    pub fn wrote(&mut self, ticket: Ticket, bytes: &[u8]) {
        if let Some(terminal) = self.of(ticket) {
            terminal.push(bytes);
        }
    }

    /// The command has ended. Codes above 128 are signals, as our runner reports them; the tail is for output that was
    /// not sent while it ran. False when it is not one of these.
    pub fn ended(&mut self, ticket: Ticket, performed: &Performed, out: &mut Out) -> bool {
        let Some(terminal) = self.of(ticket) else { return false };
        let signal = match performed.exit {
            Some(code) if code > 128 => Some(signal_name(code - 128)),
            None => Some("SIGTERM".to_owned()),
            Some(_) => None,
        };
        let exit = Exit { code: performed.exit.filter(|code| *code <= 128), signal };
        if terminal.output.is_empty() {
            terminal.push(performed.tail.as_bytes());
        }
        if let (Some(_), Some(detail)) = (performed.layer.network, &performed.detail) {
            terminal.push(format!("\nrightseat: {detail}\n").as_bytes());
        }
        for id in std::mem::take(&mut terminal.waiting) {
            out.reply(&id, Ok(speak::terminal_exited(&exit)));
        }
        terminal.state = State::Ended(exit);
        self.forget_released();
        out.refresh_copy();
        true
    }
}

/// A program with arguments, or one line of shell text where the agent gives no arguments.
pub fn command_of(params: &Value) -> Option<Command> {
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
        terminal.state = State::Ended(Exit { code: Some(0), signal: None });
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
