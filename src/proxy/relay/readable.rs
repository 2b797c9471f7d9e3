//! Answers that must be read as a whole: collected and decompressed within a bound.
//! Owns nothing.
//! Never guesses: what it cannot read it says so, and the caller withholds it.

use crate::upstream::{Alarm, Waiting};
use bytes::{Bytes, BytesMut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body::Body;
use hyper::body::Incoming;
use serde_json::Value;
use std::{
    future::poll_fn,
    io::Read,
    pin::Pin,
    time::{Duration, Instant},
};

const TOO_LARGE: &str = "it is too large to be read";

/// Everything that comes, up to `most` bytes.
pub async fn collect(mut body: Incoming, most: usize, alarm: &Alarm, silence: Duration) -> Result<Bytes, &'static str> {
    let mut collected = BytesMut::new();
    loop {
        alarm.set(Instant::now() + silence, Waiting::Provider);
        let frame = tokio::time::timeout(silence, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await;
        let frame = match frame {
            Err(_) => return Err("the provider fell silent in the middle of it"),
            Ok(None) => return Ok(collected.freeze()),
            Ok(Some(frame)) => frame.map_err(|_| "it broke off")?,
        };
        let Ok(data) = frame.into_data() else { continue };
        if collected.len() + data.len() > most {
            return Err(TOO_LARGE);
        }
        collected.extend_from_slice(&data);
    }
}

/// Undoes `Content-Encoding`, for providers that compress without being asked to.
pub fn decompress(bytes: Bytes, encoding: Option<&[u8]>, most: usize) -> Result<Bytes, &'static str> {
    let Some(encoding) = encoding else { return Ok(bytes) };
    let reader: Box<dyn Read + '_> = match encoding.to_ascii_lowercase().as_slice() {
        b"" | b"identity" => return Ok(bytes),
        b"gzip" | b"x-gzip" => Box::new(MultiGzDecoder::new(&bytes[..])),
        // RFC 9110 §8.4.1.2 says zlib; some servers send the bare stream.
        b"deflate" if bytes.first().is_some_and(|b| b & 0x0f == 8) => Box::new(ZlibDecoder::new(&bytes[..])),
        b"deflate" => Box::new(DeflateDecoder::new(&bytes[..])),
        _ => return Err("it is compressed in a way that Bellhop did not ask for and cannot read"),
    };
    let mut plain = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut plain).map_err(|_| "its compression is broken")?;
    if plain.len() > most { Err(TOO_LARGE) } else { Ok(plain.into()) }
}

/// A provider's own refusal as a member of ours: its JSON, or its text.
pub fn for_people(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(bytes);
        Value::String(text.chars().filter(|c| !c.is_control()).take(2000).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn what_is_compressed_can_be_read_within_a_bound() {
        let plain = vec![b'a'; 5000];
        assert_eq!(decompress(gzip(&plain), Some(b"GZIP"), 5000).as_deref(), Ok(&plain[..]));
        assert_eq!(decompress(gzip(&plain), Some(b"gzip"), 4999), Err(TOO_LARGE));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        assert_eq!(decompress(zlib.finish().unwrap().into(), Some(b"deflate"), 5000).as_deref(), Ok(&plain[..]));
        assert!(decompress(gzip(&plain), Some(b"br"), 5000).is_err());
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0..3_usize) {
            let encoding: &[u8] = [&b"gzip"[..], b"deflate", b"br"][which];
            let _ = decompress(bytes.clone().into(), Some(encoding), 1000);
            let _ = for_people(&bytes);
        }
    }
}
