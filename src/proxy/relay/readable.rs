//! Answers that must be read as a whole: collected within a bound.
//! Owns nothing.
//! Never guesses: what it cannot read it says so, and the caller withholds it.

use crate::upstream::{Alarm, Waiting};
use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;
use serde_json::Value;
use std::{
    future::poll_fn,
    pin::Pin,
    time::{Duration, Instant},
};

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
            return Err("it is too large to be read");
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
