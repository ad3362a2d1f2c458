//! Just enough HTTP/1.1 over a raw socket: one request a connection, chunked answers.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// One request as it arrived. Header names are in lower case.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Received {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads one request; `None` when the peer closed without one.
pub fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if read_more(stream, &mut bytes)? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut body = bytes.split_off(head_end + 4);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let path = first.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    if header("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
        while !body.ends_with(b"0\r\n\r\n") && read_more(stream, &mut body)? > 0 {}
        body = unchunk(&body);
    } else {
        let length: usize = header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        while body.len() < length && read_more(stream, &mut body)? > 0 {}
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Some(Received { method, path, headers, body }))
}

fn read_more(stream: &mut TcpStream, into: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer)?;
    into.extend_from_slice(&buffer[..count]);
    Ok(count)
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap_or("0");
        let size = usize::from_str_radix(size.split(';').next().unwrap_or("0").trim(), 16).unwrap_or(0);
        let start = at + 2;
        if size == 0 || start + size > rest.len() {
            break;
        }
        whole.extend_from_slice(&rest[start..start + size]);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    whole
}

/// A complete JSON answer.
pub fn write_json(out: &mut TcpStream, status: u16, headers: &[&str], body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let extra: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    write!(
        out,
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n{extra}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A page where an event stream was expected, as captive portals send it.
pub fn write_html(out: &mut TcpStream) -> std::io::Result<()> {
    let body = "<html><body>Please sign in to the network.</body></html>";
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The head of an event stream; chunks follow.
pub fn write_stream_head(out: &mut TcpStream) -> std::io::Result<()> {
    out.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
    )?;
    out.flush()
}

/// One chunk of a chunked body.
pub fn write_chunk(out: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    out.write_all(&chunk)
}

/// The end of a chunked body.
pub fn write_end(out: &mut TcpStream) -> std::io::Result<()> {
    out.write_all(b"0\r\n\r\n")
}

/// A gzip body of zero bytes, written by hand: RFC 1951 blocks, RFC 1952 frame.
///
/// A deflate block with fixed codes holds one literal zero and then copies of length 258 at
/// distance 1; each copy costs 13 bits, so one mebibyte shrinks to about 6.6 kB.
pub fn write_gzip_bomb(out: &mut TcpStream, mebibytes: usize) -> std::io::Result<()> {
    let copies = mebibytes * 1024 * 1024 / 258;
    let mut bits = Bits::default();
    bits.push(1, 1); // last block
    bits.push(1, 2); // fixed Huffman codes
    bits.push_reversed(0b0011_0000, 8); // literal 0
    for _ in 0..copies {
        bits.push_reversed(0b1100_0101, 8); // length 258 (symbol 285)
        bits.push_reversed(0, 5); // distance 1
    }
    bits.push_reversed(0, 7); // end of block
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    body.extend(bits.bytes());
    body.extend([0; 8]); // checksum and size: a bomb does not need them right
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    out.write_all(&body)
}

#[derive(Default)]
struct Bits {
    done: Vec<u8>,
    open: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, width: u32) {
        for shift in 0..width {
            self.open |= ((value >> shift) & 1) << self.count;
            self.count += 1;
            if self.count == 8 {
                self.done.push(self.open as u8);
                (self.open, self.count) = (0, 0);
            }
        }
    }

    /// Huffman codes go most significant bit first.
    fn push_reversed(&mut self, value: u32, width: u32) {
        for shift in (0..width).rev() {
            self.push((value >> shift) & 1, 1);
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.done.push(self.open as u8);
        }
        self.done
    }
}
