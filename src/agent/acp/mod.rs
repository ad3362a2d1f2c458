//! External agents over the Agent Client Protocol, version 1: JSON-RPC over the agent's stdio, raw JSON first and typed
//! second. `client` is a pure machine, split by what it must remember; the adapter around it owns process, clock and
//! disk. Nothing of the protocol leaves this module.

mod adapter;
mod amend;
mod answers;
mod asks;
mod choice;
mod client;
mod conduct;
mod copying;
mod files;
mod forms;
mod handshake;
mod keeping;
pub mod limits;
mod lines;
mod message;
mod outbox;
mod outline;
mod patch;
mod peek;
mod permission;
mod place;
mod plans;
mod preview;
mod record;
#[cfg(test)]
mod replay;
mod settings;
mod speak;
mod terminals;
mod tools;
mod turn;
mod updates;

pub use adapter::{AcpAgent, AcpConfig};
pub use record::{From as RecordedFrom, read as read_record};

/// Reads a stream of protocol lines as the adapter does, without a process, and hands over every message that the host
/// would get. For measuring and for fuzzing: any bytes will do.
pub fn read_updates(stream: &[u8], mut each: impl FnMut(crate::port::FromAgent)) {
    struct Nothing;
    impl place::Disk for Nothing {
        fn read(&self, _: &crate::base::RelPath) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }
    let setup = client::Setup {
        spec: crate::agent::catalog::AgentSpec::default(),
        place: place::Place::new("/w", "/w"),
        isolation: crate::model::event::Isolation::Gated,
        resume: None,
        load: None,
        env_names: std::collections::BTreeSet::new(),
    };
    let mut client = client::Client::new(setup);
    let mut outbox = outbox::Outbox::default();
    let now = tokio::time::Instant::now();
    for line in stream.split(|byte| *byte == b'\n') {
        let inputs = match lines::hear(line) {
            lines::Heard::Messages(messages) => messages.into_iter().map(client::Input::Message).collect(),
            lines::Heard::Noise(text) => vec![client::Input::Noise(text)],
            lines::Heard::Blank => Vec::new(),
        };
        for effect in inputs.into_iter().flat_map(|input| client.on(input, &Nothing)) {
            if let client::Effect::Tell(message) = effect {
                outbox.push(message, now);
            }
        }
        while outbox.is_full()
            && let Some(message) = outbox.pop()
        {
            each(message);
        }
    }
    while let Some(message) = outbox.pop() {
        each(message);
    }
}

/// How many messages the host would get of a stream.
pub fn fold_updates(stream: &[u8]) -> usize {
    let mut messages = 0;
    read_updates(stream, |_| messages += 1);
    messages
}
