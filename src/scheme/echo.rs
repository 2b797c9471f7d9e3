//! Finds a credential's secrets in what a provider sends back, and masks them at equal length.
//! Owns the spellings of one grant's secrets and a filter over them; built once for a grant, used for each answer.
//! Never reads compressed bytes: those pass as they are (the documentation says so).
//!
//! Why not a substring search per spelling: one secret has about five spellings (raw, percent- and JSON-escaped,
//! base64 in its three alignments), and five passes over a large download would cost more than relaying it.
//! Instead, every spelling's windows of `width` bytes are put into a small bitmap, and the haystack is looked at
//! only every `stride` bytes: an occurrence of a spelling covers at least one of these places whole.
//! (The idea is Wu and Manber's, "A fast algorithm for multi-pattern searching", 1994.)

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use std::ops::Range;
use zeroize::Zeroizing;

/// A secret shorter than this is not looked for: it would be found in innocent text.
pub const SHORTEST: usize = 8;
const FILTER_BITS: usize = 4096;
/// Longer strides would look at less, and cost more to prepare than they save on a small answer.
const LONGEST_STRIDE: usize = 16;

/// The spellings of one or several secrets, ready to be searched for.
pub struct Echo {
    spellings: Spellings,
    filter: Box<[u64; FILTER_BITS / 64]>,
    /// Bytes in a window: 4 or 8.
    width: usize,
    stride: usize,
    longest: usize,
}

impl Echo {
    /// `None` if no secret is long enough to be looked for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let secrets: SmallVec<[&str; 4]> = secrets.into_iter().filter(|s| s.len() >= SHORTEST).collect();
        let mut spellings = Spellings::with_room(secrets.iter().map(|secret| room_for(secret)).sum());
        secrets.iter().for_each(|secret| spellings.add_all_of(secret));
        let shortest = spellings.iter().map(<[u8]>::len).min()?;
        let longest = spellings.iter().map(<[u8]>::len).max()?;
        let width = if shortest >= 16 { 8 } else { 4 };
        let stride = (shortest - width + 1).min(LONGEST_STRIDE);
        let mut echo = Self { spellings, filter: Box::new([0; FILTER_BITS / 64]), width, stride, longest };
        echo.fill_filter();
        Some(echo)
    }

    /// An occurrence that begins anywhere covers a looked-at place with one of its first `stride` windows.
    fn fill_filter(&mut self) {
        for spelling in self.spellings.iter() {
            for window in spelling.windows(self.width).take(self.stride) {
                let bit = slot(word(window));
                self.filter[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    /// Masks every occurrence; returns how many there were. Bytes without one are neither copied nor changed.
    pub fn mask(&self, bytes: &mut Bytes) -> usize {
        let Some((masked, count)) = self.masked(bytes) else { return 0 };
        *bytes = masked;
        count
    }

    /// A masked copy, and how many occurrences there were; `None` without one.
    pub fn masked(&self, bytes: &[u8]) -> Option<(Bytes, usize)> {
        let found = self.occurrences(bytes);
        if found.is_empty() {
            return None;
        }
        let mut masked = BytesMut::from(bytes);
        for range in &found {
            masked[range.clone()].fill(b'*');
        }
        Some((masked.freeze(), found.len()))
    }

    /// One chunk of a stream: what may go on, masked, and how many occurrences were masked.
    /// `held` keeps the end that could be the beginning of an occurrence until the next chunk comes.
    pub fn pass(&self, held: &mut Bytes, chunk: Bytes, last: bool) -> (Bytes, usize) {
        let mut bytes = if held.is_empty() { chunk } else { Bytes::from([&held[..], &chunk[..]].concat()) };
        // Masked before it is cut: an occurrence may end in what looks like the beginning of another.
        let count = self.mask(&mut bytes);
        let waiting = if last { 0 } else { self.unfinished(&bytes) };
        *held = bytes.split_off(bytes.len() - waiting);
        (bytes, count)
    }

    /// How many bytes at the end could be the beginning of a spelling.
    fn unfinished(&self, bytes: &[u8]) -> usize {
        let tail = bytes.len().saturating_sub(self.longest - 1);
        (tail..bytes.len())
            .find(|at| self.spellings.iter().any(|s| s.starts_with(&bytes[*at..])))
            .map_or(0, |at| bytes.len() - at)
    }

    fn occurrences(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        if self.width == 8 { self.scan::<8>(bytes) } else { self.scan::<4>(bytes) }
    }

    /// The width is known when this is compiled, so that a window is a word and comparing two is no call.
    fn scan<const WIDTH: usize>(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = self.stride - 1;
        let window_at = |text: &[u8], at: usize| text.get(at..)?.first_chunk::<WIDTH>().map(|window| word(window));
        while let Some(window) = window_at(bytes, at) {
            let bit = slot(window);
            if self.filter[bit / 64] & (1 << (bit % 64)) != 0 {
                let from = found.last().map_or(0, |range| range.end);
                let places = |spelling| (0..self.stride).filter(move |at| window_at(spelling, *at) == Some(window));
                found.extend(self.around(bytes, at, from, places));
            }
            at += self.stride;
        }
        found
    }

    /// The occurrence that covers the window at `at`, whichever spelling it is; `places` says where in one it stands.
    fn around<'e, P: Iterator<Item = usize>>(
        &'e self,
        bytes: &[u8],
        at: usize,
        from: usize,
        places: impl Fn(&'e [u8]) -> P,
    ) -> Option<Range<usize>> {
        let covering = |spelling: &'e [u8]| {
            let starts = places(spelling).filter_map(|place| at.checked_sub(place));
            let mut starts = starts.filter(|start| *start >= from && bytes[*start..].starts_with(spelling));
            starts.next().map(|start| start..start + spelling.len())
        };
        // The longest first: what is masked is never less than the secret.
        self.spellings.iter().filter_map(covering).max_by_key(ExactSizeIterator::len)
    }
}

/// The word of a window of 4 or 8 bytes.
fn word(window: &[u8]) -> u64 {
    match *window {
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        _ => 0,
    }
}

/// Where a window falls in the filter: a multiplicative hash (Knuth, TAOCP 6.4) of its word.
const fn slot(word: u64) -> usize {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS.trailing_zeros())) as usize
}

/// One after the other in one piece of memory: a core makes all of them whenever it meets a caller anew.
struct Spellings {
    text: Zeroizing<Vec<u8>>,
    ends: SmallVec<[u32; 8]>,
}

impl Spellings {
    /// With too little room the text would move, and leave behind what is not wiped.
    fn with_room(bytes: usize) -> Self {
        Self { text: Zeroizing::new(Vec::with_capacity(bytes)), ends: SmallVec::new() }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start as usize..*end as usize))
    }

    fn add_all_of(&mut self, secret: &str) {
        let (secret, traits) = (secret.as_bytes(), Traits::of(secret));
        self.add(|text| text.extend_from_slice(secret));
        for hex in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            self.add_escaped(secret, traits, |byte| [hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]]);
        }
        for special in [&br#""\"#[..], br#""\/"#].into_iter().filter(|_| traits.backslashed > 0) {
            self.add_with(secret, |byte, text| {
                text.extend(special.contains(&byte).then_some(b'\\'));
                text.push(byte);
            });
        }
        let padded = Zeroizing::new([&[0, 0], secret].concat());
        for before in 0..3 {
            self.add(|text| push_inner_base64(text, &BASE64_STANDARD_NO_PAD, &padded[2 - before..], before));
            if traits.has_two_base64s {
                self.add(|text| push_inner_base64(text, &BASE64_URL_SAFE_NO_PAD, &padded[2 - before..], before));
            }
        }
    }

    /// As URLs and JSON have it.
    ///
    /// Encoders differ on which of the unreserved characters they leave alone (RFC 3986 §2.3) and on the case of what
    /// they write (§2.1). RFC 8259 §7 lets anything be escaped: PHP escapes slashes, and encoders that think of HTML
    /// write `\u002B` for what could end an attribute or a tag.
    fn add_escaped(&mut self, secret: &[u8], traits: Traits, digits: impl Fn(u8) -> [u8; 2]) {
        let escape = |kept: &[u8], byte: u8, text: &mut Vec<u8>| {
            if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                text.push(byte);
            } else {
                text.push(b'%');
                text.extend(digits(byte));
            }
        };
        if traits.special > 0 {
            self.add_with(secret, |byte, text| escape(b"", byte, text));
        }
        if traits.reserved > 0 {
            self.add_with(secret, |byte, text| escape(UNRESERVED, byte, text));
        }
        if traits.for_html > 0 {
            self.add_with(secret, |byte, text| match byte {
                b'\\' => text.extend(br"\\"),
                _ if FOR_HTML.contains(&byte) => {
                    text.extend(br"\u00");
                    text.extend(digits(byte));
                }
                _ => text.push(byte),
            });
        }
    }

    fn add_with(&mut self, secret: &[u8], write: impl Fn(u8, &mut Vec<u8>)) {
        self.add(|text| secret.iter().for_each(|byte| write(*byte, text)));
    }

    /// Keeps what is written if it is long enough to be looked for, and new.
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.text.len();
        write(&mut self.text);
        let new = &self.text[start..];
        if new.len() < SHORTEST || self.iter().any(|known| known == new) {
            self.text.truncate(start);
        } else {
            self.ends.extend(u32::try_from(self.text.len()));
        }
    }
}

/// What stands for itself in a URL, beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";
/// What encoders that think of HTML escape in JSON; they escape the backslash as others do.
const FOR_HTML: &[u8] = b"+\"&'<>`";

/// How many of a secret's characters some encoder would escape: what nobody escapes needs no spelling of its own.
#[derive(Clone, Copy)]
struct Traits {
    special: usize,
    reserved: usize,
    for_html: usize,
    backslashed: usize,
    /// The two alphabets of base64 differ in digits whose bits end a `>`, `?` or `~`, and no other ASCII character.
    has_two_base64s: bool,
}

impl Traits {
    fn of(secret: &str) -> Self {
        let count = |is: &dyn Fn(u8) -> bool| secret.bytes().filter(|b| is(*b)).count();
        Self {
            special: count(&|b| !b.is_ascii_alphanumeric()),
            reserved: count(&|b| !b.is_ascii_alphanumeric() && !UNRESERVED.contains(&b)),
            for_html: count(&|b| b == b'\\' || FOR_HTML.contains(&b)),
            backslashed: count(&|b| br#""\/"#.contains(&b)),
            has_two_base64s: !secret.is_ascii() || secret.bytes().any(|b| b"\x7f>?~".contains(&b)),
        }
    }
}

/// What all spellings take.
fn room_for(secret: &str) -> usize {
    let (length, traits) = (secret.len(), Traits::of(secret));
    let if_any = |count: usize, longer: usize| if count == 0 { 0 } else { length + count * longer };
    let escaped = if_any(traits.special, 2) + if_any(traits.reserved, 2) + if_any(traits.for_html, 5);
    let alphabets = if traits.has_two_base64s { 2 } else { 1 };
    length + 2 * escaped + 2 * if_any(traits.backslashed, 1) + alphabets * 3 * ((length + 2).div_ceil(3) * 4)
}

/// The characters of a text's base64 that depend on nothing else, when the first `before` bytes of it are others'.
fn push_inner_base64(text: &mut Vec<u8>, engine: &impl Engine, padded: &[u8], before: usize) {
    let start = text.len();
    text.resize(start + (padded.len() * 8).div_ceil(6), 0);
    let written = engine.encode_slice(padded, &mut text[start..]).unwrap_or(0);
    text.truncate(start + written.min(padded.len() * 8 / 6));
    text.drain(start..(start + (before * 8).div_ceil(6)).min(text.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    const SECRET: &str = "fake-echo-canary/\"0001\"+x";

    fn mask(text: &[u8]) -> (Vec<u8>, usize) {
        let mut bytes = Bytes::copy_from_slice(text);
        let count = Echo::new([SECRET]).unwrap().mask(&mut bytes);
        (bytes.to_vec(), count)
    }

    #[test]
    fn every_spelling_is_masked_at_equal_length() {
        for prefix in ["", "a", "ab", "abc", "user:"] {
            let forms = [
                format!("{prefix}{SECRET}tail"),
                STANDARD.encode(format!("{prefix}{SECRET}tail")),
                serde_json::to_string(&format!("{prefix}{SECRET}")).unwrap(),
                percent_encoding::utf8_percent_encode(&format!("{prefix}{SECRET}"), percent_encoding::NON_ALPHANUMERIC)
                    .to_string(),
            ];
            for form in forms {
                let (masked, count) = mask(form.as_bytes());
                assert_eq!(count, 1, "{form}");
                assert_eq!(masked.len(), form.len());
                assert!(!String::from_utf8_lossy(&masked).contains("canary"));
            }
        }
    }

    #[test]
    fn innocent_bytes_are_not_copied() {
        let mut bytes = Bytes::from(vec![b'x'; 5000]);
        let before = bytes.as_ptr();
        assert_eq!(Echo::new([SECRET]).unwrap().mask(&mut bytes), 0);
        assert_eq!(bytes.as_ptr(), before);
    }

    #[test]
    fn short_secrets_are_not_looked_for() {
        assert!(Echo::new(["1234567"]).is_none());
        assert!(Echo::new(["1234567", "fake-long-enough"]).is_some());
    }

    #[test]
    fn only_a_possible_beginning_waits() {
        let echo = Echo::new([SECRET]).unwrap();
        assert_eq!(echo.unfinished(b"nothing here."), 0);
        assert_eq!(echo.unfinished(b"...fake-echo-c"), 11);
        assert_eq!(echo.unfinished(b"...f"), 1);
        assert_eq!(echo.unfinished(b""), 0);
    }

    #[test]
    fn escapes_are_found_in_every_form_that_encoders_give_them() {
        let echo = Echo::new([r#"fake\"echo/canary+1"#]).unwrap();
        for form in [
            "fake%5C%22echo%2Fcanary%2B1",
            "fake%5c%22echo%2fcanary%2b1",
            r#"fake\\\"echo/canary+1"#,
            r#"fake\\\"echo\/canary+1"#,
            r"fake\\\u0022echo/canary\u002B1",
            r"fake\\\u0022echo/canary\u002b1",
        ] {
            assert!(echo.masked(form.as_bytes()).is_some_and(|(_, count)| count == 1), "{form}");
        }
    }

    proptest! {
        #[test]
        fn the_spellings_never_outgrow_their_room(secret in "[!-~]{8,60}|[+/\"]{8,30}") {
            let mut spellings = Spellings::with_room(room_for(&secret));
            let room = spellings.text.capacity();
            spellings.add_all_of(&secret);
            prop_assert_eq!(spellings.text.capacity(), room);
        }

        #[test]
        fn a_secret_is_found_wherever_it_stands(
            secret in "[!-~]{8,60}", before in "[ -~]{0,90}", after in "[ -~]{0,90}", twice in any::<bool>(),
        ) {
            prop_assume!(!format!("{before}{after}").contains(&secret));
            let text = if twice { format!("{before}{secret}{secret}{after}") } else { format!("{before}{secret}{after}") };
            let mut bytes = Bytes::from(text.clone());
            let count = Echo::new([secret.as_str()]).unwrap().mask(&mut bytes);
            prop_assert!(count >= 1);
            prop_assert_eq!(bytes.len(), text.len());
            prop_assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none());
        }

        #[test]
        fn a_secret_is_found_across_any_cuts(
            secret in "[ab]{8,12}|[a-z0-9-]{8,40}", cuts in proptest::collection::vec(1_usize..20, 1..8), before in "[A-Zab]{0,20}",
        ) {
            let echo = Echo::new([secret.as_str()]).unwrap();
            let text = format!("{before}{secret}END");
            let (mut held, mut out, mut rest) = (Bytes::new(), Vec::new(), text.as_bytes());
            let mut cuts = cuts.iter().cycle();
            while !rest.is_empty() {
                let (chunk, more) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                out.extend_from_slice(&echo.pass(&mut held, Bytes::copy_from_slice(chunk), more.is_empty()).0);
                rest = more;
            }
            prop_assert!(held.is_empty());
            prop_assert_eq!(out.len(), text.len());
            prop_assert!(memchr::memmem::find(&out, secret.as_bytes()).is_none());
        }
    }
}
