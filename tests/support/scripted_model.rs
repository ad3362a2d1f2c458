//! Runs the scripted model server: `cargo run --example scripted-model -- SCRIPT.json [PORT]`.
//!
//! Prints one JSON line with the port, then serves until stdin closes; at the end it prints the
//! requests it received, one JSON line each.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test support"
)]

#[path = "model_server/mod.rs"]
mod model_server;

use std::io::Read;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("usage: scripted-model SCRIPT.json [PORT]");
    let port = arguments.next().map_or(0, |port| port.parse().expect("a port number"));
    let text = std::fs::read_to_string(&path).expect("the script must be readable");
    let script = serde_json::from_str(&text).expect("the script must be valid");
    let server = model_server::ModelServer::start_on(script, port);
    println!("{}", serde_json::json!({"port": server.port(), "origin": server.origin()}));
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("stdin");
    for request in server.received() {
        let line = serde_json::json!({"method": request.method, "path": request.path, "body": request.body});
        println!("{line}");
    }
}
