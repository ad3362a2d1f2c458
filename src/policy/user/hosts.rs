//! The hosts of a rule: which network addresses they are about.
//!
//! `crates.io` is a name, `*.crates.io` every name below it, `*` every name, `10.0.0.5` and `10.0.0.0/8` addresses; each
//! may end with a port. A rule that allows covers the ports 80 and 443 where none is written, and never an address that
//! it does not name: a name that stands for a private address needs both. A rule that tightens covers every port.

use crate::model::{Address, Area, Host};
use ipnet::IpNet;
use publicsuffix::{List, Psl as _};
use std::net::IpAddr;
use std::sync::LazyLock;

/// Ports that an allow rule without one covers.
const WEB_PORTS: [u16; 2] = [80, 443];

/// See the module.
#[derive(Debug, Clone)]
pub struct Hosts {
    patterns: Vec<Pattern>,
    texts: Vec<String>,
}

#[derive(Debug, Clone)]
struct Pattern {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    AnyName,
    Name(String),
    Below(String),
    Net(IpNet),
}

impl What {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::AnyName);
        }
        let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
        if let Ok(net) = bare.parse::<IpNet>() {
            return Some(Self::Net(net.trunc()));
        }
        match (text.strip_prefix("*."), Host::parse(bare)?) {
            (None, Host::Ip(ip)) => Some(Self::Net(ip.into())),
            (None, Host::Name(name)) => Some(Self::Name(name)),
            (Some(_), _) => None,
        }
    }

    /// The names below one, which is written with `*.`.
    fn below(text: &str) -> Option<Self> {
        match Host::parse(text.strip_prefix("*.")?)? {
            Host::Name(name) => Some(Self::Below(name)),
            Host::Ip(_) => None,
        }
    }

    fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::AnyName, Host::Name(_)) => true,
            (Self::Name(own), Host::Name(name)) => own == name,
            (Self::Below(own), Host::Name(name)) => {
                name.strip_suffix(own.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Net(net), Host::Ip(ip)) => net.contains(&ip.to_canonical()),
            (Self::AnyName | Self::Name(_) | Self::Below(_), Host::Ip(_)) | (Self::Net(_), Host::Name(_)) => false,
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let of = |text: &str| What::below(text).or_else(|| What::parse(text));
        // An IPv6 address is full of colons.
        if let Some(what) = of(text) {
            return Some(Self { what, port: None });
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0 && host.parse::<std::net::Ipv6Addr>().is_err())?;
        Some(Self { what: of(host)?, port: Some(port) })
    }
}

impl Hosts {
    /// Reads patterns; an error names the invalid one.
    pub fn new(texts: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            Pattern::parse(text).ok_or_else(|| {
                format!("{text:?} is not a host: use a name, `*.` and a name, or an IP address or network, and a port if need be")
            })
        };
        Ok(Self { patterns: texts.iter().map(read).collect::<Result<_, _>>()?, texts: texts.to_vec() })
    }

    /// The patterns as they are written.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Returns whether a rule that allows names all of this address.
    pub fn permit(&self, address: &Address) -> bool {
        let is_open = |pattern: &Pattern| match pattern.port {
            Some(port) => port == address.port,
            None => WEB_PORTS.contains(&address.port),
        };
        let is_named = |ip: &IpAddr| self.patterns.iter().any(|pattern| pattern.is_of(*ip, address.port));
        self.patterns.iter().any(|pattern| pattern.what.covers(&address.host) && is_open(pattern))
            && address.at.iter().all(is_named)
    }

    /// Returns whether a rule that asks or denies is about this address.
    pub fn concern(&self, address: &Address) -> bool {
        self.patterns.iter().any(|pattern| {
            pattern.what.covers(&address.host) && pattern.port.is_none_or(|port| port == address.port)
                || address.at.iter().any(|ip| pattern.is_of(*ip, address.port))
        })
    }
}

impl Pattern {
    /// The place of a name: the port is that of the name unless the pattern has another one.
    fn is_of(&self, ip: IpAddr, port: u16) -> bool {
        self.what.covers(&Host::Ip(ip)) && self.port.is_none_or(|own| own == port)
    }
}

/// The Public Suffix List (https://publicsuffix.org), read when a rule is first offered. A list that cannot be read
/// knows top-level domains only.
static SUFFIXES: LazyLock<List> = LazyLock::new(|| {
    let text = include_str!("../../../assets/public_suffix_list.dat");
    text.parse().unwrap_or_default()
});

/// The patterns that a rule made from this address may have, from the host itself to the names beside it; and those for
/// the places that are not public, which it needs as well. The names beside it are those of one owner: below a suffix
/// under which anybody can register a name (`co.uk`, `github.io`), they are not offered.
pub fn host_patterns(address: &Address) -> (Vec<String>, Vec<String>) {
    let port = address.port;
    let mut all = vec![Address::new(address.host.clone(), port).to_string()];
    if let Host::Name(name) = &address.host
        && let Some((_, above)) = name.split_once('.')
        && SUFFIXES.domain(above.as_bytes()).is_some()
    {
        all.push(format!("*.{above}:{port}"));
    }
    (all, address.at.iter().map(|ip| Address::new(Host::Ip(*ip), port).to_string()).collect())
}

/// Checks that the patterns were made from this address, and that they cover it.
///
/// # Errors
/// The first pattern that does not fit, and why.
pub fn check_hosts(address: &str, hosts: &[String]) -> Result<(), String> {
    let address = Address::parse(address).ok_or_else(|| format!("{address:?} is not a host and a port"))?;
    if address.area() == Area::Reserved {
        return Err(format!("{address} is reserved: only a policy file may allow it"));
    }
    let (own, places) = host_patterns(&address);
    if let Some(other) = hosts.iter().find(|host| !own.contains(host) && !places.contains(host)) {
        return Err(format!("{other:?} was not made from {address}"));
    }
    if Hosts::new(hosts)?.permit(&address) { Ok(()) } else { Err(format!("the rule does not cover {address}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Hosts {
        Hosts::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_rule_covers_what_it_names_and_nothing_beside_it() {
        for (texts, covered, not) in [
            (
                &["crates.io"][..],
                &["crates.io:443", "CRATES.io.:80"][..],
                &["crates.io:22", "a.crates.io:443", "xcrates.io:443", "crates.io.evil:443"][..],
            ),
            (
                &["*.crates.io"],
                &["static.crates.io:443", "a.b.crates.io:443"],
                &["crates.io:443", "xcrates.io:443", ".crates.io.evil:443"],
            ),
            (&["Registry.npmjs.org:8443"], &["registry.npmjs.org:8443"], &["registry.npmjs.org:443"]),
            (
                &["*"],
                &["any.example:443"],
                &["1.1.1.1:443", "127.0.0.1:80", "[::1]:80", "any.example:443 at 10.0.0.1", "any.example:22"],
            ),
            (&["10.0.0.0/8"], &["10.1.2.3:443"], &["11.1.2.3:443", "a.corp:443 at 10.1.2.3", "a.corp:443"]),
            (
                &["a.corp:5432", "10.0.0.0/8"],
                &["a.corp:5432 at 10.1.2.3", "a.corp:5432"],
                &["a.corp:5432 at 10.1.2.3, 127.0.0.1", "b.corp:5432 at 10.1.2.3"],
            ),
            (&["::1", "[fd00::1]:5432", "fd00::/16"], &["[::1]:80", "[fd00::1]:5432"], &["127.0.0.1:80", "[::1]:22"]),
        ] {
            let hosts = hosts(texts);
            covered.iter().for_each(|text| assert!(hosts.permit(&address(text)), "{texts:?} {text}"));
            not.iter()
                .filter_map(|text| Address::parse(text))
                .for_each(|one| assert!(!hosts.permit(&one), "{texts:?} {one}"));
        }
    }

    #[test]
    fn a_rule_that_tightens_covers_every_port_and_every_place() {
        for (texts, about) in [
            (&["evil.example"][..], &["evil.example:443", "evil.example:22"][..]),
            (&["10.0.0.0/8"], &["10.1.1.1:1", "a.corp:443 at 10.1.1.1"]),
        ] {
            about.iter().for_each(|text| assert!(hosts(texts).concern(&address(text)), "{text}"));
        }
        assert!(!hosts(&["evil.example:22"]).concern(&address("evil.example:443")));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in
            ["", "*.", "a.*", "*x", "**", "a b", "http://a", "a:0", "a:99999", "*.1.2.3.4", "::1:", "*.*.a", "127.1"]
        {
            assert!(Hosts::new(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_is_made_from_its_address_alone() {
        let check = |text: &str, hosts: &[&str]| {
            check_hosts(text, &hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(check("index.crates.io:443", &["index.crates.io:443"]), Ok(()));
        assert_eq!(check("index.crates.io:443", &["*.crates.io:443"]), Ok(()));
        assert_eq!(check("www.shop.co.uk:443", &["*.shop.co.uk:443"]), Ok(()));
        assert_eq!(check("a.registry.corp:443", &["*.registry.corp:443"]), Ok(()));
        assert_eq!(check("a.corp:80 at 10.0.0.1", &["a.corp:80", "10.0.0.1:80"]), Ok(()));
        for (text, hosts) in [
            ("crates.io:443", &["*.io:443"][..]),
            ("crates.io:443", &["*"]),
            ("shop.co.uk:443", &["*.co.uk:443"]),
            ("someone.github.io:443", &["*.github.io:443"]),
            ("bucket.s3.amazonaws.com:443", &["*.s3.amazonaws.com:443"]),
            ("registry.corp:443", &["*.corp:443"]),
            ("crates.io:443", &["crates.io"]),
            ("crates.io:443", &[]),
            ("a.corp:80 at 10.0.0.1", &["a.corp:80"]),
            ("169.254.169.254:80", &["169.254.169.254:80"]),
            ("what", &["what"]),
        ] {
            assert!(check(text, hosts).is_err(), "{text} {hosts:?}");
        }
    }
}
