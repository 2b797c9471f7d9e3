//! Where tokens stand: the caller's in what an SDK sends, and the credential's in what goes upstream, checked.
//! Owns nothing.
//! Never lets a preset set a header that frames or routes a message.

use super::{
    Company, Scheme, Selector, Slot,
    exchange::{self, ACCESS_TOKEN, Exchange},
    known::Known,
    mistake::{Checked, mistake, parsed},
    parse::{header_name, token},
    raw::{RawAttachment, RawPair, RawScheme, RawSelector, RawSlot, Text},
    sigv4,
};
use crate::provider::{fields::Format, value::ValueTemplate};
use http::HeaderName;
use serde_yaml::Spanned;

pub fn slots(raw: &Spanned<Vec<Spanned<RawSlot>>>) -> Checked<Box<[Slot]>> {
    if raw.value.is_empty() {
        return mistake(raw, "expected at least one place for the caller's token");
    }
    raw.value.iter().map(slot).collect()
}

fn slot(raw: &Spanned<RawSlot>) -> Checked<Slot> {
    if let RawSlot { header: None, word: None, cookie: None, sigv4: Some(algorithm), beside: false } = &raw.value {
        let known = |text: &str| {
            if text == sigv4::ALGORITHM { Ok(Slot::Signature) } else { Err("expected `AWS4-HMAC-SHA256`") }
        };
        return parsed(algorithm, known);
    }
    match (&raw.value.header, &raw.value.cookie, &raw.value.word) {
        (Some(header), None, word) if !raw.value.beside => Ok(Slot::Header {
            name: parsed(header, header_name)?,
            word: word.as_ref().map(|w| parsed(w, token)).transpose()?,
        }),
        (None, Some(cookie), None) => Ok(Slot::Cookie {
            name: parsed(cookie, token)?,
            company: if raw.value.beside { Company::Beside } else { Company::Alone },
        }),
        _ => mistake(raw, "expected `header:`, perhaps with a `word:`, `cookie:` or `sigv4:`"),
    }
}

pub fn scheme(raw: &Spanned<RawScheme>, known: &Known<'_>) -> Checked<(Scheme, Option<Exchange>)> {
    let value = |text: &Text| known.template(text);
    match &raw.value {
        RawScheme::Headers(all) => Ok((Scheme::Headers(headers(raw, all, value)?), None)),
        RawScheme::Cookies(all) => Ok((Scheme::Cookies(cookies(raw, all, value)?), None)),
        RawScheme::Basic(basic) => {
            Ok((Scheme::Basic { user: value(&basic.user)?, password: value(&basic.password)? }, None))
        }
        RawScheme::SigV4(signing) => Ok((Scheme::SigV4(Box::new(sigv4::check(signing, known.fields)?)), None)),
        RawScheme::Exchange(exchange) => {
            if let Ok(field) = known.named(ACCESS_TOKEN) {
                return mistake(raw, format!("`{}` is what the exchange yields, and cannot be a field", field.name));
            }
            let value = |text: &Text| known.template_with(text, &[ACCESS_TOKEN]);
            let attached = match &exchange.attach.value {
                RawAttachment::Headers(all) => Scheme::Headers(headers(&exchange.attach, all, value)?),
                RawAttachment::Cookies(all) => Scheme::Cookies(cookies(&exchange.attach, all, value)?),
            };
            Ok((attached, Some(exchange::check(exchange, known)?)))
        }
    }
}

type Pairs<N> = Box<[(N, ValueTemplate)]>;

fn headers(
    at: &Spanned<impl Sized>,
    all: &[RawPair],
    value: impl Fn(&Text) -> Checked<ValueTemplate>,
) -> Checked<Pairs<HeaderName>> {
    if all.is_empty() {
        return mistake(at, "expected at least one");
    }
    all.iter().map(|pair| Ok((parsed(&pair.name, header_name)?, value(&pair.value)?))).collect()
}

fn cookies(
    at: &Spanned<impl Sized>,
    all: &[RawPair],
    value: impl Fn(&Text) -> Checked<ValueTemplate>,
) -> Checked<Pairs<Box<str>>> {
    if all.is_empty() {
        return mistake(at, "expected at least one");
    }
    all.iter().map(|pair| Ok((parsed(&pair.name, token)?, value(&pair.value)?))).collect()
}

pub fn selector(raw: &RawSelector, known: &Known<'_>, scheme: &Scheme) -> Checked<Selector> {
    match raw {
        RawSelector::Header(header) if scheme.sets(&header.name.value) => {
            mistake(&header.name, "expected another header than those that the credential is attached with")
        }
        RawSelector::Header(header) => {
            Ok(Selector::Header { name: parsed(&header.name, header_name)?, field: known.plain(&header.field)? })
        }
        RawSelector::Path(path) => {
            let field = known.plain(&path.field)?;
            match known.named(&field) {
                Ok(spec) if spec.format == Format::Path => Ok(Selector::Path { field }),
                _ => mistake(&path.field, "expected a field with `format: path`"),
            }
        }
    }
}
