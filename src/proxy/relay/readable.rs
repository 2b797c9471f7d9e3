//! Answers that must be read as a whole: collected within a bound.
//! Owns nothing.
//! Never guesses: what it cannot read it says so, and the caller withholds it.

use crate::{
    provider::reading::{Unreadable, inflate},
    scheme::echo::Echo,
    upstream::{Alarm, Lease, Waiting},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body;
use hyper::body::Incoming;
use serde_json::Value;
use std::{
    future::poll_fn,
    pin::Pin,
    time::{Duration, Instant},
};

/// A provider's whole answer, decompressed and masked.
pub struct Whole {
    pub bytes: Bytes,
    /// What stood after it.
    pub trailers: Option<Box<HeaderMap>>,
    /// How many secrets were masked in it.
    pub masked: usize,
}

/// A body as it came.
#[derive(Default)]
pub struct Collected {
    pub bytes: Bytes,
    pub trailers: Option<Box<HeaderMap>>,
}

/// Why there is no whole body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incomplete {
    Silent,
    Broken,
    TooLarge,
}

impl Incomplete {
    /// To be told after "it cannot be read".
    pub const fn because(self) -> &'static str {
        match self {
            Self::Silent => "nothing more of it came",
            Self::Broken => "it broke off",
            Self::TooLarge => Unreadable::TooLarge.because(),
        }
    }
}

pub async fn whole(
    headers: &HeaderMap,
    (body, lease): (Incoming, Lease),
    echo: Option<&Echo>,
    most: usize,
    alarm: &Alarm,
    silence: Duration,
) -> Result<Whole, &'static str> {
    let came = collect(body, most, alarm, silence, Waiting::Provider).await.map_err(Incomplete::because)?;
    let Collected { bytes, trailers } = came;
    lease.give_back();
    let encoding = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let mut bytes = inflate(bytes, encoding, most).map_err(Unreadable::because)?;
    let masked = echo.map_or(0, |echo| echo.mask(&mut bytes));
    Ok(Whole { bytes, trailers, masked })
}

/// Everything that comes, up to `most` bytes.
pub async fn collect<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    most: usize,
    alarm: &Alarm,
    silence: Duration,
    from: Waiting,
) -> Result<Collected, Incomplete> {
    let (mut first, mut collected, mut trailers) = (Bytes::new(), BytesMut::new(), None);
    loop {
        alarm.set(Instant::now() + silence, from);
        let frame = tokio::time::timeout(silence, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await;
        let frame = match frame {
            Err(_) => return Err(Incomplete::Silent),
            Ok(None) if collected.is_empty() => return Ok(Collected { bytes: first, trailers }),
            Ok(None) => return Ok(Collected { bytes: collected.freeze(), trailers }),
            Ok(Some(frame)) => frame.map_err(|_| Incomplete::Broken)?,
        };
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers = frame.into_trailers().ok().map(Box::new);
                continue;
            }
        };
        if first.len().max(collected.len()) + data.len() > most {
            return Err(Incomplete::TooLarge);
        }
        // Most come in one piece, which need not be copied.
        if first.is_empty() {
            first = data;
            continue;
        }
        if collected.is_empty() {
            collected.extend_from_slice(&first);
        }
        collected.extend_from_slice(&data);
    }
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = for_people(&bytes);
        }
    }
}
