//! The way out of a layer without a network: a proxy of the host, which asks about every address that it has not been
//! asked about before.
//!
//! ```text
//! launcher, in the layer's network: listens on 127.0.0.1 ── the listener itself ──► host: accepts, asks, connects
//! ```
//!
//! A socket belongs to the network that it was made in, so what the layer connects to is accepted out here: nothing has
//! to run in the layer, and nothing of the host has to be reachable from it. Each command has its own listener, so it is
//! certain which command a connection belongs to. A name is resolved only after it was allowed, here and never in the
//! layer; where it leads to an address that is not public, that is asked about as well, and the connection is made to
//! the very addresses that were judged.
//!
//! A request to this proxy itself, with a host of the broker as the beginning of its path, goes to that host with the
//! key that the command does not have.
//!
//! An agent in a layer has the same way out (decision 23): itself, not its commands, reaches its own endpoints without a
//! question, also those that are ports of this machine.

mod broker;
mod door;
mod endpoints;
mod forward;
mod peer;
mod reach;
mod serve;

pub use broker::Broker;
pub use door::{Door, hand_over, pair};
pub use endpoints::Endpoints;
pub use peer::Tree;
pub use serve::{Ways, serve};

use std::ffi::OsString;

/// Port of the proxy in a layer's own network. It is above those that the kernel gives out.
pub const PORT: u16 = 61_080;

/// Variables in which programs look for a proxy of their requests. Sources: curl(1), the manuals of cargo, npm and Node.
const PROXIED: [&str; 9] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "CARGO_HTTP_PROXY",
];
/// Those for the hosts that they reach directly: a command's own servers are in its own network.
const DIRECT: [&str; 3] = ["no_proxy", "NO_PROXY", "npm_config_noproxy"];

/// The variables that lead programs in a layer to the proxy.
pub fn environment() -> Vec<(OsString, OsString)> {
    let proxy = format!("http://127.0.0.1:{PORT}");
    let proxied = PROXIED.iter().map(|name| (*name, proxy.as_str()));
    let direct = DIRECT.iter().map(|name| (*name, "localhost,127.0.0.1,::1"));
    let all = proxied.chain(direct).chain([("NODE_USE_ENV_PROXY", "1")]);
    all.map(|(name, value)| (name.into(), value.into())).collect()
}
