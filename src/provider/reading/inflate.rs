//! Compressed bodies, undone within a bound.
//! Owns nothing.
//! Never takes one of two readings: a stream that is sound in both forms of `deflate` is refused.

use super::Unreadable;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// Undoes a `Content-Encoding` of a body of which at most `most` bytes are wanted.
pub fn inflate(bytes: Bytes, encoding: Option<&[u8]>, most: usize) -> Result<Bytes, Unreadable> {
    let Some(encoding) = encoding else { return Ok(bytes) };
    match encoding.to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(bytes),
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(&bytes[..]), most),
        b"deflate" => deflated(&bytes, most),
        _ => Err(Unreadable::Encoding),
    }
}

/// RFC 9110 §8.4.1.2 says zlib; some senders use the bare stream.
fn deflated(bytes: &[u8], most: usize) -> Result<Bytes, Unreadable> {
    let is_zlib = matches!(bytes, [method, flags, ..]
        if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31));
    if !is_zlib {
        return read(DeflateDecoder::new(bytes), most);
    }
    let plain = read(ZlibDecoder::new(bytes), most)?;
    if read(DeflateDecoder::new(bytes), most).is_ok_and(|bare| bare != plain) {
        return Err(Unreadable::Ambiguous);
    }
    Ok(plain)
}

fn read(reader: impl Read, most: usize) -> Result<Bytes, Unreadable> {
    let mut plain = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut plain).map_err(|_| Unreadable::Compression)?;
    if plain.len() > most { Err(Unreadable::TooLarge) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zlib(plain: &[u8]) -> Bytes {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    fn bare(plain: &[u8]) -> Bytes {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn what_is_compressed_can_be_read_within_a_bound() {
        let plain = vec![b'a'; 5000];
        assert_eq!(inflate(gzip(&plain), Some(b"GZIP"), 5000).as_deref(), Ok(&plain[..]));
        assert_eq!(inflate(gzip(&plain), Some(b"gzip"), 4999), Err(Unreadable::TooLarge));
        assert_eq!(inflate(zlib(&plain), Some(b"deflate"), 5000).as_deref(), Ok(&plain[..]));
        assert_eq!(inflate(zlib(&plain), Some(b"deflate"), 4999), Err(Unreadable::TooLarge));
        assert_eq!(inflate(bare(&plain), Some(b"deflate"), 5000).as_deref(), Ok(&plain[..]));
        assert_eq!(inflate(gzip(&plain), Some(b"br"), 5000), Err(Unreadable::Encoding));
        assert_eq!(inflate(gzip(&plain), Some(b"gzip, gzip"), 5000), Err(Unreadable::Encoding));
        assert_eq!(inflate(gzip(&plain).slice(..20), Some(b"gzip"), 5000), Err(Unreadable::Compression));
    }

    #[test]
    fn a_stream_that_is_sound_in_both_forms_of_deflate_is_refused() {
        let both = polyglot(b"theirs");
        assert_eq!(read(DeflateDecoder::new(&both[..]), 100_000).as_deref(), Ok(&b"\x01theirs"[..]));
        assert_eq!(read(ZlibDecoder::new(&both[..]), 100_000).map(|plain| plain.len()), Ok(0xfffe));
        assert_eq!(inflate(both, Some(b"deflate"), 100_000), Err(Unreadable::Ambiguous));
    }

    /// Read bare, `78` begins a stored block of one byte and its length follows; read as zlib, `78 01` is the header
    /// and what follows is the length of a stored block of 0xfffe bytes, in which the rest of the bare stream hides.
    fn polyglot(hidden: &[u8]) -> Bytes {
        let length = u16::try_from(hidden.len()).unwrap();
        let mut stored = length.to_le_bytes().to_vec();
        stored.extend((!length).to_le_bytes());
        stored.extend(hidden);
        stored.extend([0x03, 0x00]);
        stored.resize(0xfffe, 0);
        let sums = stored.iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65521;
            (a, (b + a) % 65521)
        });
        let mut both = vec![0x78, 0x01, 0x00, 0xfe, 0xff, 0x01, 0x00];
        both.extend(stored);
        both.extend([0x01, 0x00, 0x00, 0xff, 0xff]);
        both.extend((sums.1 << 16 | sums.0).to_be_bytes());
        both.into()
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0..3_usize) {
            let encoding: &[u8] = [&b"gzip"[..], b"deflate", b"br"][which];
            let _ = inflate(bytes.into(), Some(encoding), 1000);
        }

        #[test]
        fn what_was_compressed_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..2000)) {
            for (bytes, encoding) in [(gzip(&plain), &b"gzip"[..]), (zlib(&plain), b"deflate"), (bare(&plain), b"deflate")] {
                prop_assert_eq!(inflate(bytes, Some(encoding), 2000), Ok(Bytes::copy_from_slice(&plain)));
            }
        }
    }
}
