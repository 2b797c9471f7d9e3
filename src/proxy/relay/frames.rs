//! Where messages end in a stream of them: of gRPC, and of a WebSocket.
//! Owns its place in the stream, and no byte of it but an unfinished head.
//! Never changes anything; between two messages nothing needs to be held back, as no secret stands across their heads.

use smallvec::SmallVec;

/// Follows a stream of messages that each say how long they are.
pub struct Frames {
    head: SmallVec<[u8; 14]>,
    left: u64,
    measure: fn(&[u8]) -> Option<u64>,
}

impl Frames {
    /// Whether it is compressed, and its length (PROTOCOL-HTTP2 of gRPC).
    pub const fn of_grpc() -> Self {
        let measure = |head: &[u8]| match *head {
            [_, a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d]).into()),
            _ => None,
        };
        Self { head: SmallVec::new_const(), left: 0, measure }
    }

    /// RFC 6455 §5.2.
    pub const fn of_websocket() -> Self {
        Self { head: SmallVec::new_const(), left: 0, measure: websocket }
    }

    /// Reads along.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let passed = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            self.head.push(*first);
            if let Some(length) = (self.measure)(&self.head) {
                self.left = length;
                self.head.clear();
            }
            bytes = rest;
        }
    }

    /// Whether the next byte begins a message.
    pub fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }
}

fn websocket(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else { return None };
    let (extended, short) = match second & 0x7f {
        126 => (2, 0),
        127 => (8, 0),
        short => (0, u64::from(short)),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let is_whole = rest.len() == extended + mask;
    is_whole.then(|| rest[..extended].iter().fold(short, |length, byte| length << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grpc(length: usize) -> Vec<u8> {
        [&[0][..], &u32::try_from(length).unwrap().to_be_bytes(), &vec![b'x'; length]].concat()
    }

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let head = match length {
            0..126 => vec![0x81, mask | length as u8],
            126..65536 => [&[0x81, mask | 0x7e][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0x81, mask | 0x7f][..], &(length as u64).to_be_bytes()].concat(),
        };
        [head, vec![0; if masked { 4 } else { 0 }], vec![0xff; length]].concat()
    }

    /// After each byte, whether a message has just ended.
    fn ends(mut frames: Frames, stream: &[u8]) -> Vec<usize> {
        let ended = stream.iter().enumerate().filter(|(_, byte)| {
            frames.follow(&[**byte]);
            frames.is_between()
        });
        ended.map(|(at, _)| at + 1).collect()
    }

    fn sums(messages: &[Vec<u8>]) -> Vec<usize> {
        messages
            .iter()
            .scan(0, |sum, message| {
                *sum += message.len();
                Some(*sum)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn messages_end_where_they_say(lengths in proptest::collection::vec((0_usize..300, any::<bool>()), 0..6), long in any::<bool>()) {
            let calls: Vec<_> = lengths.iter().map(|(length, _)| grpc(*length)).collect();
            prop_assert_eq!(ends(Frames::of_grpc(), &calls.concat()), sums(&calls));
            let mut socket: Vec<_> = lengths.iter().map(|(length, masked)| frame(*length, *masked)).collect();
            socket.extend(long.then(|| frame(70_000, false)));
            prop_assert_eq!(ends(Frames::of_websocket(), &socket.concat()), sums(&socket));
        }

        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 1_usize..50) {
            for new in [Frames::of_grpc, Frames::of_websocket] {
                let (mut whole, mut parts) = (new(), new());
                whole.follow(&bytes);
                bytes.chunks(cut).for_each(|part| parts.follow(part));
                prop_assert_eq!((whole.left, &whole.head), (parts.left, &parts.head));
            }
        }
    }
}
