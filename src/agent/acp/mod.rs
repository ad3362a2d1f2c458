//! External agents over the Agent Client Protocol, version 1: JSON-RPC over the agent's stdio, raw JSON first and typed
//! second. `client` is a pure machine that passes every input to the small machine it is for; the adapter around it
//! owns process, clock and disk. Nothing of the protocol leaves this module.

mod adapter;
mod amend;
mod answers;
mod asked;
mod asks;
mod blocks;
mod choice;
mod client;
mod commands;
mod conduct;
mod context;
mod copying;
mod dialects;
mod endpoints;
mod files;
mod forms;
mod grants;
mod handshake;
mod keeping;
pub mod limits;
mod lines;
mod logins;
mod message;
mod out;
mod outbox;
mod outline;
mod patch;
mod peek;
mod permission;
mod place;
mod plan_text;
mod plans;
mod preview;
mod reading;
mod record;
#[cfg(test)]
mod replay;
mod settings;
mod speak;
mod terminals;
mod tools;
mod turn;
mod updates;
mod words;

pub use adapter::{AcpAgent, AcpConfig};
pub use record::{From as RecordedFrom, read as read_record};

/// Reads a stream of protocol lines as the adapter does, without a process, and hands over every message that the host
/// would get. For measuring and for fuzzing: any bytes will do.
pub fn read_updates(stream: &[u8], mut each: impl FnMut(crate::port::FromAgent)) {
    let place = place::Roots::new("/w", "/w", std::sync::Arc::new(place::NoFiles));
    let mut client = client::Client::new(client::Setup::plain(place));
    let mut outbox = outbox::Outbox::default();
    let now = tokio::time::Instant::now();
    for line in stream.split(|byte| *byte == b'\n') {
        let inputs = match lines::parse(line) {
            lines::LineContent::Messages(messages) => messages.into_iter().map(client::Input::Message).collect(),
            lines::LineContent::Noise(text) => vec![client::Input::Noise(text)],
            lines::LineContent::Blank => Vec::new(),
        };
        for effect in inputs.into_iter().flat_map(|input| client.on(input)) {
            if let client::Effect::Report(message) = effect {
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

/// Returns the number of messages the host would get from a stream.
pub fn fold_updates(stream: &[u8]) -> usize {
    let mut messages = 0;
    read_updates(stream, |_| messages += 1);
    messages
}
