//! Finding the operation that a request is: one trie per provider over all of its path templates.
//! A path is read as segments decoded once, and again as a lenient server might read it; where the readings
//! disagree, no operation is found at all, so that an odd spelling never gets around a rule.
//! Never allocates for a path without escapes and empty segments, never changes what goes upstream.

mod pattern;

pub use pattern::{MOST_CAPTURES, NotAPattern, Pattern};

use memchr::memchr2;
use pattern::Segment;
use smallvec::SmallVec;
use std::{borrow::Cow, ops::Range};

/// How often a segment is decoded before its path counts as an attempt to hide something.
const MOST_DECODINGS: usize = 4;

/// The request's path can be read in more than one way, and the readings are not the same operation.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the path can be read in more than one way: write it without superfluous escapes, dots and slashes")]
pub struct Ambiguous;

/// Two operations that the same request would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collision {
    pub with: u16,
}

/// What the caller of [`Routes::insert`] knows about an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    Open,
    /// Never reached, however its path is spelled.
    Blocked,
}

/// All of a provider's templates.
#[derive(Debug)]
pub struct Routes {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(Box<[u8]>, usize)>,
    /// By the text that must follow the capture; what asks for the longest comes first.
    captures: Vec<(Box<[u8]>, usize)>,
    /// Templates that end here.
    ends: Vec<End>,
    /// Templates whose tail begins here.
    tails: Vec<End>,
}

#[derive(Clone, Debug)]
struct End {
    method: Option<Box<str>>,
    operation: u16,
    pattern: u16,
    passage: Passage,
}

/// Which template a path has matched, and where its captures are in the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub operation: u16,
    /// Which of the operation's templates.
    pub pattern: u16,
    spans: [(usize, usize); MOST_CAPTURES],
}

impl Found {
    /// Where the capture at this position of the template is in the raw path.
    pub fn span(&self, capture: usize) -> Option<Range<usize>> {
        self.spans.get(capture).map(|(start, end)| *start..*end)
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Routes {
    /// Adds one template of an operation, also as it is without its empty segments.
    pub fn insert(&mut self, pattern: &Pattern, operation: u16, nth: u16, passage: Passage) -> Result<(), Collision> {
        let end = End { method: pattern.method.clone(), operation, pattern: nth, passage };
        let is_full = |s: &&Segment| !matches!(s, Segment::Literal(text) if text.is_empty());
        self.insert_segments(pattern.segments.iter(), end.clone())?;
        self.insert_segments(pattern.segments.iter().filter(is_full), end)
    }

    fn insert_segments<'s>(&mut self, segments: impl Iterator<Item = &'s Segment>, end: End) -> Result<(), Collision> {
        let mut at = 0;
        for segment in segments {
            at = match segment {
                Segment::Literal(text) => self.literal(at, text),
                Segment::Capture(_, suffix) => self.capture(at, suffix),
                Segment::Tail(_) => return add(&mut self.nodes[at].tails, end),
            };
        }
        add(&mut self.nodes[at].ends, end)
    }

    fn literal(&mut self, at: usize, text: &[u8]) -> usize {
        if let Some((_, next)) = self.nodes[at].literals.iter().find(|(t, _)| **t == *text) {
            return *next;
        }
        let next = self.push();
        self.nodes[at].literals.push((text.into(), next));
        next
    }

    fn capture(&mut self, at: usize, suffix: &[u8]) -> usize {
        if let Some((_, next)) = self.nodes[at].captures.iter().find(|(s, _)| **s == *suffix) {
            return *next;
        }
        let next = self.push();
        let captures = &mut self.nodes[at].captures;
        captures.push((suffix.into(), next));
        captures.sort_by_key(|(s, _)| std::cmp::Reverse(s.len()));
        next
    }

    fn push(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The operation that a method and a raw path (without query) are; `None` when no template fits.
    pub fn find(&self, method: &str, path: &[u8]) -> Result<Option<Found>, Ambiguous> {
        let raw = split(path);
        let hit = if is_plain(path, &raw) {
            let segments: SmallVec<[&[u8]; 16]> = raw.iter().map(|r| &path[r.clone()]).collect();
            self.walk(method, &segments)
        } else {
            self.walk_every_reading(method, path, &raw)?
        };
        Ok(hit.map(|hit| hit.located(path, &raw)))
    }

    /// For paths with escapes, empty segments or dots.
    fn walk_every_reading(
        &self,
        method: &str,
        path: &[u8],
        raw: &[Range<usize>],
    ) -> Result<Option<Hit<'_>>, Ambiguous> {
        let once: Vec<Cow<[u8]>> = raw.iter().map(|r| decode(&path[r.clone()])).collect();
        let lenient: Vec<Vec<u8>> = once.iter().map(|s| decode_fully(s)).collect::<Result<_, _>>()?;
        let lenient: Vec<Vec<u8>> = lenient.into_iter().filter(|s| !s.is_empty()).collect();
        let joined = lenient.join(&b'/');
        let resplit: Vec<&[u8]> = joined.split(|b| matches!(b, b'/' | b'\\')).filter(|s| !s.is_empty()).collect();
        if resplit.iter().any(|s| matches!(*s, b"." | b"..")) {
            return Err(Ambiguous);
        }
        let hit = self.walk(method, &once);
        let operation = |hit: &Option<Hit<'_>>| hit.as_ref().map(|h| h.end.operation);
        if operation(&hit) != operation(&self.walk(method, &lenient)) {
            return Err(Ambiguous);
        }
        // An id may hold an escaped slash, so this reading decides nothing but that a blocked path stays blocked.
        let hidden = self.walk(method, &resplit).filter(Hit::is_blocked);
        if hidden.is_some() && operation(&hidden) != operation(&hit) { Err(Ambiguous) } else { Ok(hit) }
    }

    fn walk<S: AsRef<[u8]>>(&self, method: &str, segments: &[S]) -> Option<Hit<'_>> {
        let mut captures = SmallVec::new();
        let end = self.descend(0, &mut Walk { method, segments, captures: &mut captures }, 0)?;
        Some(Hit { end, captures })
    }

    /// Literal before capture before tail, going back where the better one leads nowhere:
    /// no deeper than the longest template, and at most two ways at each step.
    /// Leaves the captures as they were where it finds nothing.
    fn descend<S: AsRef<[u8]>>(&self, node: usize, walk: &mut Walk<'_, S>, at: usize) -> Option<&End> {
        let node = self.nodes.get(node)?;
        let Some(segment) = walk.segments.get(at).map(AsRef::as_ref) else {
            return pick(&node.ends, walk.method).or_else(|| walk.tail(node, at));
        };
        if let Some((_, next)) = node.literals.iter().find(|(text, _)| **text == *segment)
            && let Some(end) = self.descend(*next, walk, at + 1)
        {
            return Some(end);
        }
        for (suffix, next) in &node.captures {
            if segment.len() <= suffix.len() || !segment.ends_with(suffix) {
                continue;
            }
            walk.captures.push(Captured::Segment(at, suffix.len()));
            if let Some(end) = self.descend(*next, walk, at + 1) {
                return Some(end);
            }
            walk.captures.pop();
        }
        walk.tail(node, at)
    }
}

struct Walk<'w, S> {
    method: &'w str,
    segments: &'w [S],
    captures: &'w mut Captures,
}

impl<S> Walk<'_, S> {
    fn tail<'n>(&mut self, node: &'n Node, at: usize) -> Option<&'n End> {
        let end = pick(&node.tails, self.method)?;
        self.captures.push(Captured::From(at));
        Some(end)
    }
}

type Captures = SmallVec<[Captured; MOST_CAPTURES]>;

#[derive(Clone, Copy)]
enum Captured {
    /// The number of a segment, and how many of its last characters do not belong to the capture.
    Segment(usize, usize),
    /// The number of the first segment of a tail.
    From(usize),
}

/// A template that fits, and what it captured.
struct Hit<'r> {
    end: &'r End,
    captures: Captures,
}

impl Hit<'_> {
    fn is_blocked(&self) -> bool {
        self.end.passage == Passage::Blocked
    }

    fn located(&self, path: &[u8], raw: &[Range<usize>]) -> Found {
        let mut spans = [(0, 0); MOST_CAPTURES];
        for (span, captured) in spans.iter_mut().zip(&self.captures) {
            let segment = |at: usize| raw.get(at).cloned().unwrap_or(path.len()..path.len());
            *span = match *captured {
                Captured::From(at) => (segment(at).start, path.len()),
                Captured::Segment(at, suffix) => {
                    let Range { start, end } = segment(at);
                    (start, without_last(path, end, suffix))
                }
            };
        }
        Found { operation: self.end.operation, pattern: self.end.pattern, spans }
    }
}

/// Where a raw segment ends without its last decoded characters. A `%` is never a digit of an escape, so
/// escapes can be told from their end.
fn without_last(path: &[u8], end: usize, characters: usize) -> usize {
    (0..characters).fold(end, |end, _| {
        let escaped =
            matches!(path[..end], [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
        end.saturating_sub(if escaped { 3 } else { 1 })
    })
}

fn add(ends: &mut Vec<End>, end: End) -> Result<(), Collision> {
    match ends.iter().find(|e| e.method == end.method) {
        None => {
            ends.push(end);
            Ok(())
        }
        Some(earlier) if earlier.operation == end.operation => Ok(()),
        Some(earlier) => Err(Collision { with: earlier.operation }),
    }
}

/// The template for exactly this method, else `GET`'s for a `HEAD`, else the one for any.
/// In either case of letters: a server may not mind, so a rule must not be got around by it.
fn pick<'n>(ends: &'n [End], method: &str) -> Option<&'n End> {
    let named = |name: &str| ends.iter().find(|e| e.method.as_deref().is_some_and(|m| m.eq_ignore_ascii_case(name)));
    let read = || if method.eq_ignore_ascii_case("HEAD") { named("GET") } else { None };
    named(method).or_else(read).or_else(|| ends.iter().find(|e| e.method.is_none()))
}

/// Where each segment is, without the slash that a path begins with and one that it may end with.
fn split(path: &[u8]) -> Ranges {
    let first = usize::from(path.starts_with(b"/"));
    let mut segments = Ranges::new();
    if path.len() == first {
        return segments;
    }
    let end = path.len() - usize::from(path.ends_with(b"/"));
    let mut start = first;
    for slash in memchr::memchr_iter(b'/', &path[first..end]) {
        segments.push(start..first + slash);
        start = first + slash + 1;
    }
    segments.push(start..end);
    segments
}

type Ranges = SmallVec<[Range<usize>; 16]>;

/// Whether there is only one way to read it.
fn is_plain(path: &[u8], segments: &[Range<usize>]) -> bool {
    memchr2(b'%', b'\\', path).is_none() && segments.iter().all(|s| !matches!(&path[s.clone()], b"" | b"." | b".."))
}

/// Replaces `%xx` once; what is no escape stays as it is.
pub fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(raw).into()
}

/// Replaces `%xx` until there is none left.
pub fn decode_fully(text: &[u8]) -> Result<Vec<u8>, Ambiguous> {
    let mut text = text.to_vec();
    for _ in 0..MOST_DECODINGS {
        match decode(&text) {
            Cow::Borrowed(_) => return Ok(text),
            Cow::Owned(decoded) => text = decoded,
        }
    }
    Err(Ambiguous)
}

#[cfg(test)]
mod tests;
