//! The strict side of HTTP/1.1: a guard that reads along with hyper's parser and ends a connection whose framing
//! two parsers could read differently (RFC 9112 §2–7; SECURITY of request smuggling).
//! Owns its place in the byte stream: in which message, and how much of it is still to come.
//! Never changes a byte, never answers; the connection's driver turns a `Violation` into a refusal.

use memchr::memchr;

/// The limits on a request's head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    pub bytes: usize,
    pub fields: usize,
    pub target: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 32 * 1024, fields: 100, target: 8 * 1024 }
    }
}

/// What makes a request unreadable. After one of these nothing on the connection can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    #[error("a line ends in a bare LF or contains a bare CR")]
    BareLineEnd,
    #[error("the head contains NUL or another control character")]
    ControlCharacter,
    #[error("the request line is malformed")]
    RequestLine,
    #[error("a header field is malformed")]
    Field,
    #[error("a header field is folded over several lines")]
    Folded,
    #[error("Content-Length is not one plain number")]
    ContentLength,
    #[error("Transfer-Encoding is not exactly `chunked`")]
    TransferEncoding,
    #[error("both Content-Length and Transfer-Encoding are present")]
    TwoLengths,
    #[error("a chunk is malformed")]
    Chunk,
    #[error("the head is too large")]
    HeadTooLarge,
    #[error("the target is too long")]
    TargetTooLong,
}

/// Follows one connection's requests through the bytes that arrive on it.
pub struct Guard {
    limits: HeadLimits,
    place: Place,
    /// The beginning of a line whose end has not arrived yet.
    line: Vec<u8>,
    head: Head,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    RequestLine,
    Fields,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
}

#[derive(Clone, Copy, Default)]
struct Head {
    bytes: usize,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    http_10: bool,
}

impl Guard {
    pub const fn new(limits: HeadLimits) -> Self {
        let head = Head { bytes: 0, fields: 0, length: None, chunked: false, http_10: false };
        Self { limits, place: Place::RequestLine, line: Vec::new(), head }
    }

    /// Whether the stream stands between two requests, with nothing of the next one seen.
    pub const fn is_between_requests(&self) -> bool {
        matches!(self.place, Place::RequestLine) && self.head.bytes == 0
    }

    /// Whether a head has begun to arrive and is not complete.
    pub const fn is_in_head(&self) -> bool {
        matches!(self.place, Place::RequestLine | Place::Fields) && self.head.bytes > 0
    }

    /// Reads along. `Err` says how many of these bytes belong to sound requests.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), (usize, Violation)> {
        let mut at = 0;
        // Where the request in which something is wrong began, so that sound ones before it are still served.
        let mut sound = 0;
        while at < bytes.len() {
            if self.is_between_requests() {
                sound = at;
            }
            let rest = &bytes[at..];
            at += match self.place {
                Place::Body(left) => self.skip(rest, left, Place::Body),
                Place::ChunkData(left) => self.skip(rest, left, Place::ChunkData),
                _ => self.take_line(rest).map_err(|violation| (sound, violation))?,
            };
        }
        Ok(())
    }

    fn skip(&mut self, rest: &[u8], left: u64, place: fn(u64) -> Place) -> usize {
        let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        self.place = match left - taken as u64 {
            0 if matches!(self.place, Place::ChunkData(_)) => Place::ChunkEnd,
            0 => self.next_request(),
            left => place(left),
        };
        taken
    }

    /// Takes the rest of a line, or what has arrived of it.
    fn take_line(&mut self, rest: &[u8]) -> Result<usize, Violation> {
        let end = memchr(b'\n', rest);
        let taken = end.map_or(rest.len(), |end| end + 1);
        self.head.bytes += taken;
        self.check_size(&rest[..taken])?;
        match end {
            None => self.line.extend_from_slice(rest),
            Some(end) if self.line.is_empty() => self.line_ended(&rest[..end])?,
            Some(end) => {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.line_ended(&line)?;
            }
        }
        Ok(taken)
    }

    fn check_size(&self, taken: &[u8]) -> Result<(), Violation> {
        if self.place == Place::RequestLine && self.line.len() + taken.len() > self.limits.target + 64 {
            return Err(Violation::TargetTooLong);
        }
        if self.head.bytes > self.limits.bytes { Err(Violation::HeadTooLarge) } else { Ok(()) }
    }

    fn line_ended(&mut self, line: &[u8]) -> Result<(), Violation> {
        let line = line.strip_suffix(b"\r").ok_or(Violation::BareLineEnd)?;
        // Folded instead of searched: no early exit lets the compiler look at many bytes at once.
        if line.iter().fold(false, |bad, b| bad | ((*b < 0x20) & (*b != b'\t')) | (*b == 0x7f)) {
            let bare = memchr(b'\r', line).is_some();
            return Err(if bare { Violation::BareLineEnd } else { Violation::ControlCharacter });
        }
        self.place = match self.place {
            // RFC 9112 §2.2: an empty line before a request line is to be ignored.
            Place::RequestLine if line.is_empty() && self.head.bytes == 2 => Place::RequestLine,
            Place::RequestLine => self.request_line(line)?,
            Place::Fields if line.is_empty() => self.body()?,
            Place::Fields => {
                self.field(line)?;
                Place::Fields
            }
            Place::ChunkSize => self.chunk_size(line)?,
            Place::ChunkEnd if line.is_empty() => self.next_chunk(),
            Place::Trailers if line.is_empty() => self.next_request(),
            Place::Trailers => {
                split_field(line)?;
                Place::Trailers
            }
            Place::ChunkEnd | Place::Body(_) | Place::ChunkData(_) => return Err(Violation::Chunk),
        };
        Ok(())
    }

    fn request_line(&mut self, line: &[u8]) -> Result<Place, Violation> {
        let mut parts = line.split(|b| *b == b' ');
        let (method, target, version, more) = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(method), Some(target), Some(version), None) = (method, target, version, more) else {
            return Err(Violation::RequestLine);
        };
        if target.len() > self.limits.target {
            return Err(Violation::TargetTooLong);
        }
        self.head.http_10 = version == b"HTTP/1.0";
        let version_is_sound = self.head.http_10 || version == b"HTTP/1.1";
        if is_token(method) && is_target(target) && version_is_sound {
            Ok(Place::Fields)
        } else {
            Err(Violation::RequestLine)
        }
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Violation> {
        self.head.fields += 1;
        if self.head.fields > self.limits.fields {
            return Err(Violation::HeadTooLarge);
        }
        let (name, value) = split_field(line)?;
        // Two lengths of names are all that matters here.
        if !matches!(name.len(), 14 | 17) {
            return Ok(());
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = plain_number(value).ok_or(Violation::ContentLength)?;
            if self.head.length.replace(length).is_some() {
                return Err(Violation::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.head.chunked || self.head.http_10 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Violation::TransferEncoding);
            }
            self.head.chunked = true;
        }
        Ok(())
    }

    fn body(&mut self) -> Result<Place, Violation> {
        match (self.head.chunked, self.head.length) {
            (true, Some(_)) => Err(Violation::TwoLengths),
            (true, None) => Ok(self.next_chunk()),
            (false, None | Some(0)) => Ok(self.next_request()),
            (false, Some(length)) => Ok(Place::Body(length)),
        }
    }

    /// RFC 9112 §7.1, without extensions: nobody needs them, and parsers disagree on where they end.
    fn chunk_size(&mut self, line: &[u8]) -> Result<Place, Violation> {
        if line.is_empty() || line.len() > 16 || !line.iter().all(u8::is_ascii_hexdigit) {
            return Err(Violation::Chunk);
        }
        let size = line.iter().fold(0_u64, |size, digit| (size << 4) | u64::from(hex(*digit)));
        // Trailers have the head's limits to themselves.
        self.head = Head::default();
        Ok(if size == 0 { Place::Trailers } else { Place::ChunkData(size) })
    }

    const fn next_chunk(&mut self) -> Place {
        self.head.bytes = 0;
        Place::ChunkSize
    }

    const fn next_request(&mut self) -> Place {
        self.head = Head { bytes: 0, fields: 0, length: None, chunked: false, http_10: false };
        Place::RequestLine
    }
}

fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Violation::Folded);
    }
    let colon = memchr(b':', line).ok_or(Violation::Field)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if is_token(name) { Ok((name, value.trim_ascii())) } else { Err(Violation::Field) }
}

/// What hyper will read as a target, too. `#` never belongs in one (RFC 9112 §3.2), and parsers differ on what it cuts off.
fn is_target(target: &[u8]) -> bool {
    (target.first() == Some(&b'/') && target.iter().all(|b| TARGET[usize::from(*b)]))
        || (target.iter().all(|b| b.is_ascii_graphic() && *b != b'#') && http::Uri::try_from(target).is_ok())
}

/// RFC 9110 §5.6.2. A space before the colon fails here, too.
fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| TOKEN[usize::from(*b)])
}

const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
/// What is common in a target; anything else is looked at more closely.
const TARGET: [bool; 256] = table(b"/-._~!$&'()*+,;=:@%?");

/// Letters, digits, and these.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = (at as u8).is_ascii_alphanumeric();
        at += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

fn plain_number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<(), Violation> {
        Guard::new(HeadLimits::default()).read(bytes).map_err(|(_, violation)| violation)
    }

    #[test]
    fn sound_requests_pass_one_after_the_other() {
        let mut guard = Guard::new(HeadLimits::default());
        let requests = b"GET /a%2Fb?x=1,2 HTTP/1.1\r\nHost: h\r\n\r\n\
            POST /j HTTP/1.1\r\nhost: h\r\nContent-Length: 5\r\n\r\nab\ncd\
            POST /k HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\nX: y\r\n\r\n";
        assert_eq!(guard.read(requests), Ok(()));
        assert!(guard.is_between_requests());
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        use Violation::*;
        let cases: &[(&[u8], Violation)] = &[
            (b"GET / HTTP/1.1\nHost: h\r\n\r\n", BareLineEnd),
            (b"GET / HTTP/1.1\r\nHost: h\n\r\n", BareLineEnd),
            (b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", BareLineEnd),
            (b"GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", ControlCharacter),
            (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", Field),
            (b"GET / HTTP/1.1\r\nHost: h\r\n X: folded\r\n\r\n", Folded),
            (b"GET / HTTP/1.1\r\nnocolon\r\n\r\n", Field),
            (b"GET  / HTTP/1.1\r\n\r\n", RequestLine),
            (b"GET / HTTP/1.1 \r\n\r\n", RequestLine),
            (b"GET / HTTP/2.0\r\n\r\n", RequestLine),
            (b"GET /#f HTTP/1.1\r\n\r\n", RequestLine),
            (b"GE(T / HTTP/1.1\r\n\r\n", RequestLine),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", ContentLength),
            (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", ContentLength),
            (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", ContentLength),
            (b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", ContentLength),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", TransferEncoding),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", TransferEncoding),
            (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", TransferEncoding),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", TransferEncoding),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", TwoLengths),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n", Chunk),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", Chunk),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", Chunk),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n", BareLineEnd),
        ];
        for (bytes, violation) in cases {
            assert_eq!(read(bytes), Err(*violation), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn heads_are_bounded() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
        let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(33_000));
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(8 * 1024));
        let endless = "y".repeat(40_000);
        assert_eq!(read(many.as_bytes()), Err(Violation::HeadTooLarge));
        assert_eq!(read(large.as_bytes()), Err(Violation::HeadTooLarge));
        assert_eq!(read(long.as_bytes()), Err(Violation::TargetTooLong));
        assert_eq!(read(endless.as_bytes()), Err(Violation::TargetTooLong));
    }

    #[test]
    fn sound_requests_before_a_violation_are_counted() {
        let good = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut both = good.to_vec();
        both.extend_from_slice(b"GET / HTTP/1.1\r\nHost : h\r\n\r\n");
        assert_eq!(Guard::new(HeadLimits::default()).read(&both), Err((good.len(), Violation::Field)));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(
            bytes in proptest::collection::vec(prop_oneof![
                Just(&b"GET / HTTP/1.1\r\n"[..]), Just(&b"Host: h\r\n"[..]), Just(&b"Content-Length: 3\r\n"[..]),
                Just(&b"Transfer-Encoding: chunked\r\n"[..]), Just(&b"\r\n"[..]), Just(&b"3\r\nabc\r\n"[..]),
                Just(&b"0\r\n"[..]), Just(&b"\n"[..]), Just(&b"abc"[..]),
            ], 0..12),
            cuts in proptest::collection::vec(1_usize..20, 1..40),
        ) {
            let bytes = bytes.concat();
            let whole = read(&bytes);
            let mut guard = Guard::new(HeadLimits::default());
            let (mut rest, mut cut) = (&bytes[..], cuts.iter().cycle());
            let mut parts = Ok(());
            while !rest.is_empty() && parts.is_ok() {
                let (part, more) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
                parts = guard.read(part).map_err(|(_, violation)| violation);
                rest = more;
            }
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }
    }
}
