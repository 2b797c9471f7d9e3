//! URLs in answers: those of the provider lead back through Bellhop, by the same way in.
//! Owns nothing.
//! Never lets a URL of another host stand where a preset says that an SDK would send its token to it.

use crate::provider::{Located, pointer::Pointer};
use bytes::Bytes;
use serde_json::Value;

/// The answer with the provider's own URLs at `pointers` replaced; unchanged bytes if there are none.
pub fn rewrite<'p>(
    bytes: Bytes,
    pointers: &[Pointer],
    locate: impl for<'u> Fn(&'u str) -> Located<'u> + 'p,
    base: &str,
) -> Result<Bytes, &'static str> {
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let mut document: Value = serde_json::from_slice(&bytes).map_err(|_| "it is not the JSON that it says it is")?;
    let (mut changed, mut foreign) = (false, false);
    for pointer in pointers {
        pointer.update(&mut document, &mut |value| {
            let Value::String(url) = value else { return };
            match locate(url) {
                Located::Own(target) => {
                    *url = format!("{base}{target}");
                    changed = true;
                }
                Located::Relative => {}
                Located::Foreign => foreign = true,
            }
        });
    }
    match (foreign, changed) {
        (true, _) => Err("it sends the caller's token to another host"),
        (false, false) => Ok(bytes),
        (false, true) => serde_json::to_vec(&document).map(Bytes::from).map_err(|_| "it cannot be written again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(url: &str) -> Located<'_> {
        match url.strip_prefix("https://api.example.com") {
            Some(target) => Located::Own(target),
            None if url.starts_with('/') => Located::Relative,
            None => Located::Foreign,
        }
    }

    fn run(text: &'static str) -> Result<String, &'static str> {
        let pointers = [Pointer::parse("/answer/url").unwrap(), Pointer::parse("/regions/*/endpoint").unwrap()];
        let bytes = rewrite(Bytes::from_static(text.as_bytes()), &pointers, located, "http://bellhop/x@acme");
        bytes.map(|b| String::from_utf8(b.to_vec()).unwrap())
    }

    #[test]
    fn own_urls_lead_back_and_everything_else_stays_as_it_was() {
        assert_eq!(
            run(r#"{"z": 1.10, "answer": {"url": "https://api.example.com/a%2Fb?c=d"}, "a": 12345678901234567890123}"#)
                .unwrap(),
            r#"{"z":1.10,"answer":{"url":"http://bellhop/x@acme/a%2Fb?c=d"},"a":12345678901234567890123}"#
        );
        assert_eq!(
            run(r#"{"regions":[{"endpoint":"https://api.example.com/eu"},{"endpoint":"/na"}]}"#).unwrap(),
            r#"{"regions":[{"endpoint":"http://bellhop/x@acme/eu"},{"endpoint":"/na"}]}"#
        );
        let untouched = r#"{ "answer" : { "url" : null }, "url": "https://evil.example.org" }"#;
        assert_eq!(run(untouched).unwrap(), untouched);
    }

    #[test]
    fn a_url_of_another_host_withholds_the_answer() {
        assert!(run(r#"{"answer":{"url":"https://evil.example.org/"}}"#).is_err());
        assert!(run("not json").is_err());
        assert_eq!(run("").unwrap(), "");
    }
}
