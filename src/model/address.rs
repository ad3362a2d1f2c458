//! A network address: a host and a port, and the places of the host that are not on the public internet.

use crate::model::limits::{ADDRESS_CHARS_MAX, ADDRESS_PLACES_MAX};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The characters of a label of a name, and of a name.
const LABEL_CHARS_MAX: usize = 63;
const NAME_CHARS_MAX: usize = 253;

/// The part of the network that an IP address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    Public,
    /// This machine, or the networks around it.
    Private,
    /// Link-local, where clouds keep their metadata, or an address of no host.
    Reserved,
}

impl Area {
    /// The area of an IP address. One that carries an IPv4 address is where that is. Sources: the registries of special
    /// addresses of IANA (RFC 6890), and the metadata services of clouds.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        match ip.octets() {
            [0 | 224..=255, ..] | [169, 254, ..] | [192, 0, 0, _] | [100, 100, 100, 200] => Self::Reserved,
            [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => {
                Self::Private
            }
            _ => Self::Public,
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        let v4 = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of_v4(Ipv4Addr::new(a, b, c, d))
        };
        match ip.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] | [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Self::Reserved,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Private,
            [0xfe80..=0xfebf, ..] | [0xff00..=0xffff, ..] => Self::Reserved,
            [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x2001, 0, ..] | [0x64, 0xff9b, 1, ..] => Self::Private,
            [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                v4(high, low)
            }
            _ => Self::Public,
        }
    }
}

/// A host as it is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// In lower case, without a dot at the end.
    Name(String),
    Ip(IpAddr),
}

impl Host {
    /// Reads a host; `None` where it is neither a name nor an IP address. An IPv6 address may be in brackets. A name in
    /// another script must be in its ASCII form, and a number of any other form is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').map_or(Some(text), |inner| inner.strip_suffix(']'))?;
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Self::Ip(ip.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=LABEL_CHARS_MAX).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // Resolvers take 127.1, 2130706433 and 0x7f.1 for addresses.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
        let is_name = name.len() <= NAME_CHARS_MAX && name.split('.').all(is_label) && !is_number;
        is_name.then_some(Self::Name(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// See the module. Its text is the target of an action of the kind `network`: `crates.io:443`, or
/// `registry.corp:443 at 10.0.0.5`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: Host,
    pub port: u16,
    /// The IP addresses that it stands for and that are not public, or are this machine's own.
    pub at: Vec<IpAddr>,
}

impl Address {
    pub fn new(host: Host, port: u16) -> Self {
        Self { host, port, at: Vec::new() }
    }

    /// Reads `HOST:PORT`, an `http` or `https` address, or the text of an address.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > ADDRESS_CHARS_MAX {
            return None;
        }
        let (text, at) = text.split_once(" at ").unwrap_or((text, ""));
        let places = at.split(", ").filter(|place| !place.is_empty()).take(ADDRESS_PLACES_MAX + 1);
        let at = places.map(|place| place.parse().ok()).collect::<Option<Vec<IpAddr>>>()?;
        let schemes = [("https://", 443), ("http://", 80)];
        let lower = text.to_ascii_lowercase();
        let scheme = schemes.iter().find(|(scheme, _)| lower.starts_with(scheme));
        let (authority, default) = match scheme {
            Some((scheme, port)) => {
                let rest = text.get(scheme.len()..)?;
                (rest.split(['/', '?', '#']).next().unwrap_or(rest), Some(*port))
            }
            None => (text, None),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(number(port)?)),
            Some(_) | None => (authority, default),
        };
        if host.contains(':') && !host.starts_with('[') {
            return None;
        }
        (at.len() <= ADDRESS_PLACES_MAX).then_some(Self { host: Host::parse(host)?, port: port?, at })
    }

    /// The area that it is in, as far as that is known.
    pub fn area(&self) -> Area {
        let host = match self.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        };
        // This machine's own address may be a public one.
        let places = self.at.iter().map(|ip| Area::of(*ip).max(Area::Private));
        host.into_iter().map(Area::of).chain(places).max().unwrap_or(Area::Public)
    }
}

/// A port: digits alone, so no sign and no space.
fn number(text: &str) -> Option<u16> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_plain && *port != 0)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)?;
        for (number, ip) in self.at.iter().enumerate() {
            write!(f, "{}{ip}", if number == 0 { " at " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_in_one_form() {
        for (text, form) in [
            ("crates.io:443", "crates.io:443"),
            ("Crates.IO.:443", "crates.io:443"),
            ("https://Example.com/a?b#c", "example.com:443"),
            ("http://example.com:8080", "example.com:8080"),
            ("HTTP://x", "x:80"),
            ("xn--bcher-kva.example:80", "xn--bcher-kva.example:80"),
            ("[::1]:80", "[::1]:80"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("https://[2001:db8::1]/", "[2001:db8::1]:443"),
            ("a.corp:1 at 10.0.0.5, ::1", "a.corp:1 at 10.0.0.5, ::1"),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), Some(form), "{text}");
        }
        for text in [
            "",
            "x",
            ":1",
            "x:",
            "x:0",
            "x:65536",
            "x:+1",
            "x: 1",
            "a b:1",
            "a@b:1",
            "https://a@b/",
            "https://a\\b/",
            "bücher.example:1",
            "-a:1",
            "a..b:1",
            ".:1",
            "127.1:80",
            "2130706433:80",
            "0x7f.0x1:80",
            "1.2.3.4.5:80",
            "::1:80",
            "[::1:80",
            "x\0y:1",
            "a:1 at b",
            "ftp://x/",
            "x%2e:1",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        let areas = |area: Area, texts: &[&str]| {
            for text in texts {
                assert_eq!(Area::of(text.parse().unwrap()), area, "{text}");
            }
        };
        areas(
            Area::Public,
            &["1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1", "64:ff9b::1.1.1.1", "::ffff:8.8.8.8"],
        );
        areas(
            Area::Private,
            &[
                "127.0.0.1",
                "127.9.9.9",
                "10.1.2.3",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "100.64.0.1",
                "::1",
                "fc00::1",
                "fd12::1",
                "::ffff:10.0.0.1",
                "::10.0.0.1",
                "64:ff9b::10.0.0.1",
                "2002:0a00:0001::",
                "2001::1",
            ],
        );
        areas(
            Area::Reserved,
            &[
                "169.254.169.254",
                "0.0.0.0",
                "::",
                "255.255.255.255",
                "224.0.0.1",
                "fe80::1",
                "ff02::1",
                "fd00:ec2::254",
                "::ffff:169.254.169.254",
                "64:ff9b::a9fe:a9fe",
                "2002:a9fe:a9fe::",
                "100.100.100.200",
                "192.0.0.192",
            ],
        );
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_in_one_form_or_none(text in "\\PC{0,40}|[a-z0-9.:\\[\\] at,/-]{0,40}") {
            if let Some(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Some(address));
            }
        }
    }
}
