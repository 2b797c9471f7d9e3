//! Who is calling: finds the one personal access token in a request, and makes sure that it is nowhere else.
//! The token leaves the request here; what goes on carries its digest only.
//! Never says why a token is not valid: unknown, malformed, revoked and expired look alike.

use super::refusal::Refusal;
use crate::{
    identity::pat::{LENGTH, PatDigest},
    provider::preset::Slot,
    scheme::{
        minted::{self, Minted},
        sigv4::{ALGORITHM, SECURITY_TOKEN, key_id},
    },
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// What a request presented.
#[derive(Debug)]
pub enum Presented {
    Nothing,
    /// Something that cannot be a token of ours.
    Malformed,
    Token(PatDigest),
    /// One that Bellhop made for a personal one.
    Minted(Minted),
    /// One of those, whose time is over.
    Ended,
}

/// Reads a token that Bellhop has made.
pub type Reader<'r> = dyn Fn(&[u8]) -> Option<Minted> + 'r;

/// Looks into the slots that an SDK could have used, and refuses a request that says two things.
pub fn presented(headers: &HeaderMap, target: &str, slots: &[Slot], read: &Reader<'_>) -> Result<Presented, Refusal> {
    refuse_in_target(target)?;
    let mut found: Option<&[u8]> = None;
    for token in every_token(headers, slots) {
        if *found.get_or_insert(token) != token {
            return Err(two_tokens());
        }
    }
    refuse_elsewhere(headers, slots, found)?;
    let presented = found.map(|token| match PatDigest::of_token(token) {
        Some(digest) => Presented::Token(digest),
        None => read(token).map_or(Presented::Malformed, Presented::Minted),
    });
    beside(headers, slots, read, presented.unwrap_or(Presented::Nothing))
}

/// What a login has put beside the caller's token counts as one with it; where it is alone, it is the token.
fn beside(headers: &HeaderMap, slots: &[Slot], read: &Reader<'_>, presented: Presented) -> Result<Presented, Refusal> {
    let company = slots.iter().filter(|slot| slot.is_beside()).flat_map(|slot| tokens_in(headers, slot, |_| true));
    for token in company {
        let other = PatDigest::of_token(token).or_else(|| read(token).map(|minted| minted.digest));
        match (&presented, other) {
            (Presented::Nothing, _) => return Ok(read(token).map_or(Presented::Malformed, Presented::Minted)),
            (Presented::Token(digest), Some(other)) if *digest != other => return Err(two_tokens()),
            _ => {}
        }
    }
    Ok(presented)
}

fn two_tokens() -> Refusal {
    Refusal::bad_request(
        "The request carries two different tokens. Send your Bellhop token, and no other, in one place.",
    )
}

/// Whatever stands where tokens do, but for what a login has put there.
pub fn every_token<'h>(headers: &'h HeaderMap, slots: &'h [Slot]) -> impl Iterator<Item = &'h [u8]> {
    let signs = slots.contains(&Slot::Signature);
    let is_read = move |value: &&HeaderValue| !signs || !is_signature(value);
    let slotted = slots.iter().filter(|slot| !slot.is_beside()).flat_map(move |slot| tokens_in(headers, slot, is_read));
    let signers = signs.then(|| key_ids(headers)).into_iter().flatten();
    // `Authorization: Bearer …` is understood everywhere; any other credential there counts as one, too.
    let authorizations = headers.get_all(header::AUTHORIZATION).iter().filter(is_read);
    slotted.chain(signers).chain(authorizations.map(|value| after_scheme(value.as_bytes())))
}

/// The values of a cookie.
pub fn cookies<'h>(headers: &'h HeaderMap, name: &'h [u8]) -> impl Iterator<Item = &'h [u8]> {
    let all = headers.get_all(header::COOKIE).iter().flat_map(|value| crumbs(value.as_bytes()));
    all.filter(move |(crumb, _)| *crumb == name).map(|(_, value)| value)
}

/// Everything in a slot counts, also what has not the form that the slot's SDK gives it.
fn tokens_in<'h>(
    headers: &'h HeaderMap,
    slot: &'h Slot,
    is_read: impl Fn(&&HeaderValue) -> bool,
) -> impl Iterator<Item = &'h [u8]> {
    let (name, cookie) = match slot {
        Slot::Header { name, .. } => (name, None),
        Slot::Cookie { name, .. } => (&header::COOKIE, Some(name.as_bytes())),
        Slot::Signature => (&SECURITY_TOKEN, None),
    };
    headers.get_all(name).iter().filter(is_read).flat_map(move |value| {
        let value = value.as_bytes();
        let (whole, crumbs) = match cookie {
            None => (Some(slot.token(value).unwrap_or_else(|| after_scheme(value))), None),
            Some(name) => (None, Some(crumbs(value).filter(move |(n, _)| *n == name).map(|(_, v)| v))),
        };
        whole.into_iter().chain(crumbs.into_iter().flatten())
    })
}

/// Who signed, where they do not say so by a session token: beside one, the key id may be anything but another's token.
fn key_ids(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let is_named = headers.contains_key(SECURITY_TOKEN);
    let ids = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| key_id(value.as_bytes()));
    ids.filter(move |id| !is_named || PatDigest::of_token(id).is_some())
}

/// The last word: SDKs write `Bearer …`, `apiKey …`, `Basic …` or nothing before the token.
fn after_scheme(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.rsplit(|b| *b == b' ').next().unwrap_or(value)
}

/// Its last word is no token: who signed is read out of it.
fn is_signature(value: &HeaderValue) -> bool {
    value.as_bytes().starts_with(ALGORITHM.as_bytes())
}

fn crumbs(cookie: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    cookie.split(|b| *b == b';').filter_map(|crumb| {
        let crumb = crumb.trim_ascii();
        let at = memchr::memchr(b'=', crumb)?;
        Some((&crumb[..at], &crumb[at + 1..]))
    })
}

pub fn refuse_in_target(target: &str) -> Result<(), Refusal> {
    let decoded = || percent_encoding::percent_decode_str(target).collect::<Vec<u8>>();
    let found =
        target.len() > LENGTH && (holds_token(target.as_bytes()) || (target.contains('%') && holds_token(&decoded())));
    if found {
        return Err(Refusal::bad_request(
            "A token does not belong into a URL, where logs keep it. Send it in a header, and consider this one known: \
             revoke it.",
        ));
    }
    Ok(())
}

/// A token outside of its slot would be passed on to the provider.
fn refuse_elsewhere(headers: &HeaderMap, slots: &[Slot], presented: Option<&[u8]>) -> Result<(), Refusal> {
    // Any other form than a personal token's cannot be told by itself; whatever this caller signs in with is known.
    let repeats = |value: &[u8]| {
        presented.is_some_and(|token| token.len() > LENGTH && memchr::memmem::find(value, token).is_some())
    };
    let holds = |slot: &Slot, name: &HeaderName| match slot {
        Slot::Signature => *name == SECURITY_TOKEN,
        slot => slot.header() == Some(name),
    };
    let is_slot = |name: &HeaderName| *name == header::AUTHORIZATION || slots.iter().any(|slot| holds(slot, name));
    let is_slot_crumb = |crumb: &[u8]| {
        slots
            .iter()
            .any(|slot| matches!(slot, Slot::Cookie { name, .. } if crumbs(crumb).any(|(n, _)| n == name.as_bytes())))
    };
    let carries = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = value.as_bytes();
        match *name {
            _ if value.len() < LENGTH || is_slot(name) => false,
            header::COOKIE => {
                value.split(|b| *b == b';').any(|crumb| !is_slot_crumb(crumb) && (holds_token(crumb) || repeats(crumb)))
            }
            _ => holds_token(value) || repeats(value),
        }
    };
    match headers.iter().find(|field| carries(*field)) {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::bad_request(format!(
            "The header `{name}` holds a Bellhop token, and would pass it on to the provider. Send it in one place only."
        ))),
    }
}

/// Whether these bytes hold a token of ours, as it is or in base64.
pub fn holds_token(bytes: &[u8]) -> bool {
    MARKS.raw.find_iter(bytes).any(|at| is_token_at(bytes, at))
        || minted::holds_one(bytes)
        || holds_token_in_base64(bytes)
}

fn is_token_at(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + LENGTH).is_some_and(|text| PatDigest::of_token(text).is_some())
}

/// Searches that are prepared once: every request's longer values are looked through.
struct Marks {
    raw: Finder<'static>,
    /// `bhp_` in base64, where it begins on a boundary of three bytes or one or two after it: the characters that
    /// depend on nothing else.
    base64: [Finder<'static>; 3],
}

static MARKS: LazyLock<Marks> =
    LazyLock::new(|| Marks { raw: Finder::new(b"bhp_"), base64: [b"Ymhw", b"JocF", b"iaHB"].map(Finder::new) });

fn holds_token_in_base64(bytes: &[u8]) -> bool {
    MARKS.base64.iter().any(|mark| mark.find(bytes).is_some())
        && bytes.split(|b| !(b.is_ascii_alphanumeric() || b"+/-_".contains(b))).any(run_holds_token)
}

fn run_holds_token(run: &[u8]) -> bool {
    (0..4.min(run.len())).any(|skip| {
        let text: Vec<u8> = run[skip..]
            .iter()
            .map(|b| match b {
                b'-' => b'+',
                b'_' => b'/',
                b => *b,
            })
            .collect();
        let whole = text.len() / 4 * 4;
        let tail = if text.len() - whole == 1 { whole } else { text.len() };
        // A tail whose unused bits are set is no canonical base64, but its whole groups can still be read.
        [tail, whole].into_iter().any(|end| {
            BASE64_STANDARD_NO_PAD
                .decode(&text[..end])
                .is_ok_and(|decoded| MARKS.raw.find_iter(&decoded).any(|at| is_token_at(&decoded, at)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::pat::PlainPat, provider::preset::Company};
    use aws_lc_rs::rand::SystemRandom;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use proptest::prelude::*;

    fn pat() -> PlainPat {
        PlainPat::generate(&SystemRandom::new()).unwrap()
    }

    fn slots() -> Vec<Slot> {
        let header =
            |name, word: Option<&str>| Slot::Header { name: HeaderName::from_static(name), word: word.map(Into::into) };
        vec![
            header("authorization", Some("apiKey")),
            header("x-auth-token", None),
            Slot::Cookie { name: "oat".into(), company: Company::Alone },
        ]
    }

    fn ask(fields: &[(&'static str, String)], target: &str) -> Result<Presented, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        presented(&headers, target, &slots(), &|_| None)
    }

    #[test]
    fn a_token_is_found_wherever_an_sdk_puts_it() {
        let pat = pat();
        let token = pat.expose();
        for field in [
            ("authorization", format!("apiKey {token}")),
            ("authorization", format!("Bearer {token}")),
            ("authorization", format!("Basic {token}")),
            ("authorization", token.to_owned()),
            ("x-auth-token", token.to_owned()),
            ("cookie", format!("a=b; oat={token}")),
        ] {
            let found = ask(std::slice::from_ref(&field), "/").unwrap();
            assert!(matches!(found, Presented::Token(digest) if digest == pat.digest()), "{}", field.0);
        }
        let twice = [("authorization", format!("Bearer {token}")), ("x-auth-token", token.to_owned())];
        assert!(matches!(ask(&twice, "/"), Ok(Presented::Token(_))));
        assert!(matches!(ask(&[], "/"), Ok(Presented::Nothing)));
        assert!(matches!(ask(&[("x-auth-token", "fake-own-key".into())], "/"), Ok(Presented::Malformed)));
    }

    #[test]
    fn two_different_tokens_are_refused() {
        let (a, b) = (pat(), pat());
        let both = [("authorization", format!("Bearer {}", a.expose())), ("x-auth-token", b.expose().to_owned())];
        assert!(ask(&both, "/").is_err());
        let same_header = [("x-auth-token", a.expose().to_owned()), ("x-auth-token", b.expose().to_owned())];
        assert!(ask(&same_header, "/").is_err());
        let own_key = [("authorization", format!("Bearer {}", a.expose())), ("x-auth-token", "fake-own-key".into())];
        assert!(ask(&own_key, "/").is_err());
    }

    #[test]
    fn who_signed_is_the_session_token_or_else_the_key_id() {
        let (a, b) = (pat(), pat());
        let signed = |key: &str| {
            let scope = "20260102/us-west-2/braket/aws4_request";
            ("authorization", format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host, Signature=00"))
        };
        let session = |token: &str| ("x-amz-security-token", token.to_owned());
        let ask = |fields: &[(&'static str, String)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), value.parse().unwrap());
            }
            // As where a request names no provider: another's SDKs use the same header.
            presented(&headers, "/", &[slots(), vec![Slot::Signature]].concat(), &|_| None)
        };
        let is_a =
            |found: Result<Presented, Refusal>| matches!(found, Ok(Presented::Token(digest)) if digest == a.digest());
        assert!(is_a(ask(&[signed(a.expose())])));
        assert!(is_a(ask(&[signed("AKIAFAKE"), session(a.expose())])));
        assert!(is_a(ask(&[signed(a.expose()), session(a.expose())])));
        assert!(ask(&[signed(b.expose()), session(a.expose())]).is_err());
        assert!(ask(&[signed(b.expose()), signed(a.expose())]).is_err());
        assert!(matches!(ask(&[signed("AKIAFAKE")]), Ok(Presented::Malformed)));
        assert!(ask(&[signed(a.expose()), session("fake-own-token")]).is_err());
        assert!(is_a(ask(&[("authorization", format!("Bearer {}", a.expose()))])));
    }

    #[test]
    fn a_token_in_a_url_is_refused() {
        let pat = pat();
        let token = pat.expose();
        let encoded = token.replace('_', "%5F");
        for target in [format!("/v1?token={token}"), format!("/auth_tokens/{token}"), format!("/v1?t={encoded}")] {
            assert!(ask(&[], &target).is_err(), "{target}");
        }
    }

    proptest! {
        #[test]
        fn a_token_elsewhere_is_refused_raw_and_in_base64(before in "[a-z:]{0,7}", after in "[a-z:]{0,7}", form in 0..4) {
            let pat = pat();
            let text = format!("{before}{}{after}", pat.expose());
            let value = match form {
                0 => text,
                1 => BASE64_STANDARD.encode(text),
                2 => BASE64_URL_SAFE.encode(text),
                _ => format!("x {} y", BASE64_STANDARD_NO_PAD.encode(text)),
            };
            prop_assert!(ask(&[("x-other", value)], "/").is_err());
        }

        #[test]
        fn other_values_pass(value in "[ -~]{0,120}") {
            prop_assert!(ask(&[("x-other", value)], "/").is_ok());
        }
    }
}
