//! The PROXY protocol, versions 1 and 2: what a proxy that passes bytes on says before them of whom they are from.
//! Owns nothing; of a connection it takes what belongs to the preface, and not a byte more.
//! Never believes a peer that is not a trusted proxy, and never guesses: what is malformed ends the connection.
//!
//! The source is HAProxy's `doc/proxy-protocol.txt`. Why a parser of our own: the crates read from a buffer that is full,
//! while this says how many more bytes are the preface's, so that TLS or HTTP find the connection where it ends.

use super::is_trusted;
use crate::config::ProxyProtocol;
use ipnet::IpNet;
use std::{net::IpAddr, time::Duration};
use tokio::{io::AsyncReadExt, net::TcpStream, time::sleep};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const WORD: &[u8] = b"PROXY ";
/// Version 2, in all: what is needed is at most 52 bytes, and the rest is what load balancers say beside it.
const MOST: usize = 4 * 1024;
/// Version 1, with its line's end.
const LONGEST_LINE: usize = 107;
const SHORTEST_LINE: usize = b"PROXY UNKNOWN\r\n".len();
/// Version 2: before its length counts.
const HEAD: usize = 16;

/// Whom a connection is from: its peer, or whoever a trusted proxy names. `None`: it must be closed. Whoever asks bounds
/// the time.
pub async fn source(socket: &mut TcpStream, peer: IpAddr, rule: ProxyProtocol, trusted: &[IpNet]) -> Option<IpAddr> {
    let without = (rule != ProxyProtocol::Require).then_some(peer);
    if rule == ProxyProtocol::Never || !is_trusted(peer, trusted) {
        return without;
    }
    if !begins(socket).await? {
        return without;
    }
    let mut preface = Vec::with_capacity(2 * HEAD);
    loop {
        match read(&preface) {
            Read::Needs(more) => {
                let read = preface.len();
                preface.resize(read + more, 0);
                socket.read_exact(&mut preface[read..]).await.ok()?;
            }
            Read::Names(address) => return Some(address),
            Read::NamesNobody => return Some(peer),
            Read::Malformed => return None,
        }
    }
}

/// Whether it begins with a preface, of which nothing is taken yet. `None`: it ended.
async fn begins(socket: &TcpStream) -> Option<bool> {
    let mut first = [0; SIGNATURE.len()];
    loop {
        let count = socket.peek(&mut first).await.ok().filter(|count| *count > 0)?;
        if let Some(begins) = is_preface(&first[..count]) {
            return Some(begins);
        }
        // There is no way to wait for more than what is there already, and a proxy sends it in one piece.
        sleep(Duration::from_millis(5)).await;
    }
}

/// `None`: it cannot be told yet. No request and no TLS begins like either of them.
fn is_preface(first: &[u8]) -> Option<bool> {
    if first.starts_with(SIGNATURE) || first.starts_with(WORD) {
        return Some(true);
    }
    (!SIGNATURE.starts_with(first) && !WORD.starts_with(first)).then_some(false)
}

/// How far a preface has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Read {
    /// So many more bytes are the preface's.
    Needs(usize),
    Names(IpAddr),
    /// A health check of the proxy itself, or an address of a kind that no TCP connection has.
    NamesNobody,
    Malformed,
}

fn read(preface: &[u8]) -> Read {
    match preface.first() {
        None => Read::Needs(SHORTEST_LINE),
        Some(b'P') => read_line(preface),
        Some(_) => read_binary(preface),
    }
}

fn read_line(line: &[u8]) -> Read {
    if let Some(text) = line.strip_suffix(b"\r\n") {
        return std::str::from_utf8(text).ok().and_then(named_by).unwrap_or(Read::Malformed);
    }
    let more = if line.last() == Some(&b'\r') { 1 } else { 2 };
    if line.len() + more > LONGEST_LINE || line.contains(&b'\n') { Read::Malformed } else { Read::Needs(more) }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.2 56324 443`.
fn named_by(text: &str) -> Option<Read> {
    let mut words = text.strip_prefix("PROXY ")?.split(' ');
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Read::NamesNobody);
    }
    let (from, to): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let ports = [words.next()?, words.next()?];
    let is_family = |address: IpAddr| if family == "TCP4" { address.is_ipv4() } else { address.is_ipv6() };
    let is_sound = matches!(family, "TCP4" | "TCP6")
        && is_family(from)
        && is_family(to)
        && ports.iter().all(|port| port.parse::<u16>().is_ok())
        && words.next().is_none();
    is_sound.then_some(Read::Names(from))
}

fn read_binary(preface: &[u8]) -> Read {
    let Some(head) = preface.first_chunk::<HEAD>() else { return Read::Needs(HEAD - preface.len()) };
    let [.., command, family, high, low] = *head;
    let length = HEAD + usize::from(u16::from_be_bytes([high, low]));
    let (version, command) = (command >> 4, command & 0xf);
    let (family, transport) = (family >> 4, family & 0xf);
    if !head.starts_with(SIGNATURE) || version != 2 || command > 1 || family > 3 || transport > 2 || length > MOST {
        return Read::Malformed;
    }
    // What is not given an address by its family or command may still have a length.
    let named = match (command, family, transport) {
        (1, 1, 1) => 4,
        (1, 2, 1) => 16,
        _ => 0,
    };
    // Two addresses and two ports.
    if named > 0 && length < HEAD + 2 * named + 4 {
        return Read::Malformed;
    }
    if preface.len() < length {
        return Read::Needs(length - preface.len());
    }
    let from = &preface[HEAD..HEAD + named];
    if let Ok(from) = <[u8; 4]>::try_from(from) {
        Read::Names(from.into())
    } else if let Ok(from) = <[u8; 16]>::try_from(from) {
        Read::Names(from.into())
    } else {
        Read::NamesNobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What it comes to, and how much of it was the preface.
    fn fed(bytes: &[u8]) -> (Read, usize) {
        let mut taken = 0;
        loop {
            match read(&bytes[..taken]) {
                Read::Needs(more) if taken + more > bytes.len() => return (Read::Needs(more), taken),
                Read::Needs(more) => taken += more,
                outcome => return (outcome, taken),
            }
        }
    }

    fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    fn addresses(from: IpAddr) -> Vec<u8> {
        match from {
            IpAddr::V4(from) => [&from.octets()[..], &[198, 51, 100, 2, 0xdc, 4, 1, 187]].concat(),
            IpAddr::V6(from) => [&from.octets()[..], &[0; 16], &[0xdc, 4, 1, 187]].concat(),
        }
    }

    #[test]
    fn a_line_names_whom_it_is_from() {
        let named = |line: &str| fed(line.as_bytes()).0;
        let is = |address: &str| Read::Names(address.parse().unwrap());
        assert_eq!(named("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), is("192.0.2.1"));
        assert_eq!(named("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"), is("2001:db8::1"));
        assert_eq!(named("PROXY UNKNOWN\r\n"), Read::NamesNobody);
        assert_eq!(named("PROXY UNKNOWN ff:: :: 1 2 and more\r\n"), Read::NamesNobody);
        for malformed in [
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n",
            "PROXY TCP4 192.0.2.1  198.51.100.2 56324 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 70000\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.2 56324 443\r\n",
            "PROXY UNKNOWN\n and then something\r\n",
        ] {
            assert_eq!(named(malformed), Read::Malformed, "{malformed}");
        }
        assert_eq!(named(&format!("PROXY UNKNOWN {}\r\n", "x".repeat(100))), Read::Malformed);
    }

    #[test]
    fn what_names_nobody_is_passed_over() {
        for (command, family) in [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00), (0x21, 0x12), (0x21, 0x31)] {
            let preface = binary(command, family, &[7; 300]);
            assert_eq!(fed(&preface), (Read::NamesNobody, preface.len()));
        }
        for (command, family, length) in
            [(0x11, 0x11, 12), (0x22, 0x11, 12), (0x21, 0x41, 12), (0x21, 0x13, 12), (0x21, 0x11, 11), (0x21, 0x21, 35)]
        {
            assert_eq!(fed(&binary(command, family, &vec![1; length])).0, Read::Malformed, "{command:x} {family:x}");
        }
        assert_eq!(fed(&binary(0x21, 0x11, &[1; MOST])).0, Read::Malformed);
    }

    #[test]
    fn nothing_else_begins_like_it() {
        for first in [&b"POST / HTTP/1.1"[..], b"PRI * HTTP/2.0", b"\x16\x03\x01", b"\r\nGET /", b"PROXYS"] {
            assert_eq!(is_preface(first), Some(false), "{first:?}");
        }
        for first in [&b"P"[..], b"PROXY", b"\r\n\r\n"] {
            assert_eq!(is_preface(first), None);
        }
    }

    proptest! {
        #[test]
        fn exactly_the_preface_is_taken(from: IpAddr, beside in prop::collection::vec(any::<u8>(), 0..600), rest: Vec<u8>) {
            let family = if from.is_ipv4() { 0x11 } else { 0x21 };
            let preface = binary(0x21, family, &[addresses(from), beside].concat());
            let bytes = [&preface[..], &rest].concat();
            prop_assert_eq!(fed(&bytes), (Read::Names(from), preface.len()));
            for cut in 0..preface.len() {
                prop_assert!(matches!(fed(&preface[..cut]).0, Read::Needs(_)));
            }
        }

        #[test]
        fn bytes_from_outside_never_panic_and_take_no_more_than_the_bound(
            mut bytes in prop::collection::vec(any::<u8>(), 0..6000),
            begins in prop::sample::select(vec![SIGNATURE, WORD, b""]),
        ) {
            bytes.splice(0..0, begins.iter().copied());
            prop_assert!(fed(&bytes).1 <= MOST);
        }
    }
}
