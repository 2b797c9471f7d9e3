//! What a request says of its own signature: `Authorization`, `X-Amz-Date`, and what goes with them.
//! Owns nothing; a [`Claim`] is well-formed, and nothing more is known of it.
//! Never reads a claim in two ways: what is there twice, missing, unknown or out of order is refused.

use super::Flaw;
use crate::clock::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::{civil::DateTime, tz::Offset};

pub use crate::provider::preset::sigv4::ALGORITHM;
pub const DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The end of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// A signature, and what it says that it covers.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'h> {
    pub key_id: &'h str,
    pub session_token: Option<&'h str>,
    pub scope: Scope<'h>,
    /// `X-Amz-Date`, as it was signed, and the time that it is.
    pub date: &'h str,
    pub at: Timestamp,
    /// Names in lower case, sorted, with `;` between them.
    pub signed_headers: &'h str,
    pub signature: [u8; 32],
    /// `X-Amz-Content-Sha256`.
    pub content: Option<&'h str>,
}

/// For what a signature is good: `<date>/<region>/<service>/aws4_request`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scope<'h> {
    pub text: &'h str,
    pub date: &'h str,
    pub region: &'h str,
    pub service: &'h str,
}

impl<'h> Claim<'h> {
    /// Reads what the head says. `query` is looked at only for a signature that stands there.
    pub fn read(headers: &'h HeaderMap, query: Option<&str>) -> Result<Self, Flaw> {
        if query.is_some_and(is_presigned) {
            return Err(Flaw::Presigned);
        }
        let authorization = one(headers, &header::AUTHORIZATION, "Authorization")?.ok_or(Flaw::NotSigned)?;
        let parts = Parts::read(authorization)?;
        let date = one(headers, &DATE, "X-Amz-Date")?.ok_or(Flaw::NoHeader("X-Amz-Date"))?;
        let at = time(date).ok_or(Flaw::NotATime)?;
        let (key_id, scope) = parts.credential.split_once('/').ok_or(Flaw::Scope)?;
        let scope = Scope::read(scope)?;
        if !is_key_id(key_id) {
            return Err(Flaw::Scope);
        }
        if date.get(..8) != Some(scope.date) {
            return Err(Flaw::OtherDay);
        }
        check_signed_headers(parts.signed_headers)?;
        Ok(Self {
            key_id,
            session_token: one(headers, &SECURITY_TOKEN, "X-Amz-Security-Token")?,
            scope,
            date,
            at,
            signed_headers: parts.signed_headers,
            signature: signature(parts.signature).ok_or(Flaw::NotASignature)?,
            content: one(headers, &CONTENT_SHA256, "X-Amz-Content-Sha256")?,
        })
    }

    /// Who signed: the session token where there is one, else the key id. It is the secret as well.
    pub fn token(&self) -> &'h str {
        self.session_token.unwrap_or(self.key_id)
    }

    pub fn covers(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }
}

/// The key id of an `Authorization` in this form, also where the rest of it is not sound.
pub fn key_id(authorization: &[u8]) -> Option<&[u8]> {
    let rest = authorization.strip_prefix(ALGORITHM.as_bytes())?;
    let at = memchr::memmem::find(rest, b"Credential=")? + b"Credential=".len();
    let id = rest[at..].split(|b| matches!(b, b'/' | b',' | b' ')).next()?;
    (!id.is_empty()).then_some(id)
}

/// The service that an `Authorization` in this form is for, also where the rest of it is not sound.
pub fn service(authorization: &[u8]) -> Option<&[u8]> {
    let rest = authorization.strip_prefix(ALGORITHM.as_bytes())?;
    let at = memchr::memmem::find(rest, b"/aws4_request")?;
    rest[..at].rsplit(|b| *b == b'/').next()
}

/// The parts of an `Authorization`, in any order, each once.
struct Parts<'h> {
    credential: &'h str,
    signed_headers: &'h str,
    signature: &'h str,
}

impl<'h> Parts<'h> {
    fn read(authorization: &'h str) -> Result<Self, Flaw> {
        let rest = authorization.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.ok_or(Flaw::NotSigned)?.split(',') {
            let (name, value) = part.trim_matches(' ').split_once('=').ok_or(Flaw::UnknownPart)?;
            let (place, name) = match name {
                "Credential" => (&mut credential, "Credential"),
                "SignedHeaders" => (&mut signed_headers, "SignedHeaders"),
                "Signature" => (&mut signature, "Signature"),
                _ => return Err(Flaw::UnknownPart),
            };
            if place.replace(value).is_some() {
                return Err(Flaw::PartTwice(name));
            }
        }
        Ok(Self {
            credential: credential.ok_or(Flaw::NoPart("Credential"))?,
            signed_headers: signed_headers.ok_or(Flaw::NoPart("SignedHeaders"))?,
            signature: signature.ok_or(Flaw::NoPart("Signature"))?,
        })
    }
}

impl<'h> Scope<'h> {
    fn read(text: &'h str) -> Result<Self, Flaw> {
        let mut parts = text.split('/');
        let (Some(date), Some(region), Some(service), Some(TERMINATOR), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Flaw::Scope);
        };
        let is_date = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
        let is_name = |name: &str| {
            (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let is_scope = is_date && is_name(region) && is_name(service);
        if is_scope { Ok(Self { text, date, region, service }) } else { Err(Flaw::Scope) }
    }
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName, called: &'static str) -> Result<Option<&'h str>, Flaw> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => text(value).map(Some).ok_or(Flaw::NotText(called)),
        (Some(_), Some(_)) => Err(Flaw::Twice(called)),
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|b| (b' '..0x7f).contains(&b)))
        .map(|text| text.trim_matches(' '))
}

/// What AWS allows for one, and a caller's token has.
fn is_key_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

fn check_signed_headers(text: &str) -> Result<(), Flaw> {
    let names: Vec<&str> = text.split(';').collect();
    let is_name = |name: &&str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    if !names.iter().all(is_name) || !names.is_sorted_by(|one, next| one < next) {
        return Err(Flaw::SignedHeaders);
    }
    let uncovered = ["host", "x-amz-date"].into_iter().find(|name| !names.contains(name));
    uncovered.map_or(Ok(()), |name| Err(Flaw::NotCovered(name.into())))
}

fn signature(text: &str) -> Option<[u8; 32]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// `20260102T030405Z`, and nothing looser.
fn time(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<i16>().ok()
    };
    let small = |from: usize| number(from, from + 2).and_then(|n| i8::try_from(n).ok());
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let civil = DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, 0).ok()?;
    Offset::UTC.to_timestamp(civil).ok().map(|time| Timestamp::from_millis(time.as_millisecond()))
}

/// Also where only a part of it stands in the query, in any spelling.
fn is_presigned(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let name: Vec<u8> = percent_encoding::percent_decode_str(name).collect();
        let names: [&[u8]; 4] = [b"x-amz-signature", b"x-amz-credential", b"x-amz-algorithm", b"x-amz-security-token"];
        names.iter().any(|known| name.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIGNATURE: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    fn authorization() -> String {
        format!(
            "{ALGORITHM} Credential=fake_key/20150830/us-west-2/braket/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature={SIGNATURE}"
        )
    }

    fn read(fields: &[(&HeaderName, &str)], query: Option<&str>) -> Result<(String, String, i64), Flaw> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        Claim::read(&headers, query)
            .map(|claim| (claim.key_id.to_owned(), claim.scope.text.to_owned(), claim.at.millis()))
    }

    #[test]
    fn a_claim_is_read_as_sdks_write_it() {
        let read = read(&[(&header::AUTHORIZATION, &authorization()), (&DATE, "20150830T123600Z")], Some("a=b"));
        let scope = "20150830/us-west-2/braket/aws4_request";
        assert_eq!(read, Ok(("fake_key".into(), scope.into(), 1_440_938_160_000)));
    }

    #[test]
    fn each_flaw_is_told() {
        let good = authorization();
        let changed = |from: &str, to: &str| good.replace(from, to);
        for (authorization, date, flaw) in [
            ("Bearer fake".to_owned(), "20150830T123600Z", Flaw::NotSigned),
            (changed("-SHA256", "-SHA1"), "20150830T123600Z", Flaw::NotSigned),
            (changed(", SignedHeaders=host;x-amz-date", ""), "20150830T123600Z", Flaw::NoPart("SignedHeaders")),
            (format!("{good}, Signature={SIGNATURE}"), "20150830T123600Z", Flaw::PartTwice("Signature")),
            (format!("{good}, Other=1"), "20150830T123600Z", Flaw::UnknownPart),
            (changed("us-west-2/braket", "braket"), "20150830T123600Z", Flaw::Scope),
            (changed("/aws4_request", "/aws4_request/x"), "20150830T123600Z", Flaw::Scope),
            (changed("20150830/us-west-2", "us-west-2/20150830"), "20150830T123600Z", Flaw::Scope),
            (changed("fake_key", ""), "20150830T123600Z", Flaw::Scope),
            (good.clone(), "20150831T123600Z", Flaw::OtherDay),
            (good.clone(), "2015-08-30T12:36Z", Flaw::NotATime),
            (good.clone(), "20150830T126100Z", Flaw::NotATime),
            (changed("host;x-amz-date", "x-amz-date;host"), "20150830T123600Z", Flaw::SignedHeaders),
            (changed("host;x-amz-date", "host;host;x-amz-date"), "20150830T123600Z", Flaw::SignedHeaders),
            (changed("host;x-amz-date", "Host;x-amz-date"), "20150830T123600Z", Flaw::SignedHeaders),
            (changed("host;x-amz-date", "x-amz-date"), "20150830T123600Z", Flaw::NotCovered("host".into())),
            (changed("host;x-amz-date", "host"), "20150830T123600Z", Flaw::NotCovered("x-amz-date".into())),
            (changed("5fa0", "5FA0"), "20150830T123600Z", Flaw::NotASignature),
            (changed("5fa0", ""), "20150830T123600Z", Flaw::NotASignature),
        ] {
            let found = read(&[(&header::AUTHORIZATION, &authorization), (&DATE, date)], None);
            assert_eq!(found, Err(flaw), "{authorization} {date}");
        }
    }

    #[test]
    fn what_is_missing_there_twice_or_in_the_query_is_told() {
        let (good, date) = (authorization(), "20150830T123600Z");
        let authorized = (&header::AUTHORIZATION, &*good);
        assert_eq!(read(&[(&DATE, date)], None), Err(Flaw::NotSigned));
        assert_eq!(read(&[authorized], None), Err(Flaw::NoHeader("X-Amz-Date")));
        assert_eq!(read(&[authorized, authorized, (&DATE, date)], None), Err(Flaw::Twice("Authorization")));
        assert_eq!(read(&[authorized, (&DATE, date), (&DATE, date)], None), Err(Flaw::Twice("X-Amz-Date")));
        let twice = [authorized, (&DATE, date), (&SECURITY_TOKEN, "a"), (&SECURITY_TOKEN, "a")];
        assert_eq!(read(&twice, None), Err(Flaw::Twice("X-Amz-Security-Token")));
        for query in ["X-Amz-Signature=0", "a=b&x-amz-credential=c", "X%2dAmz-Algorithm=d", "a;X-Amz-Security-Token=e"]
        {
            assert_eq!(read(&[authorized, (&DATE, date)], Some(query)), Err(Flaw::Presigned), "{query}");
        }
    }

    proptest! {
        #[test]
        fn bytes_from_outside_never_panic(authorization in ".{0,300}", date in ".{0,20}", query in ".{0,60}") {
            let mut headers = HeaderMap::new();
            let fields = [(header::AUTHORIZATION, format!("{ALGORITHM} {authorization}")), (DATE, date)];
            for (name, value) in fields {
                headers.extend(HeaderValue::from_bytes(value.as_bytes()).ok().map(|value| (name, value)));
            }
            let _ = Claim::read(&headers, Some(&query));
            let _ = (key_id(authorization.as_bytes()), service(authorization.as_bytes()));
        }

        #[test]
        fn what_is_read_is_what_was_written(
            key in "[A-Za-z0-9_]{1,128}", region in "[a-z0-9-]{1,20}", service in "[a-z0-9-]{1,20}", gap in " {0,2}",
        ) {
            let credential = format!("Credential={key}/20150830/{region}/{service}/aws4_request");
            let text = format!("{ALGORITHM} {credential},{gap}Signature={SIGNATURE},{gap}SignedHeaders=host;x-amz-date");
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            headers.insert(DATE, "20150830T123600Z".parse().unwrap());
            let claim = Claim::read(&headers, None).unwrap();
            prop_assert_eq!((claim.key_id, claim.scope.region, claim.scope.service), (&*key, &*region, &*service));
            prop_assert_eq!(key_id(text.as_bytes()), Some(key.as_bytes()));
            prop_assert_eq!(super::service(text.as_bytes()), Some(service.as_bytes()));
        }

        #[test]
        fn one_changed_byte_is_no_other_key(at in 0_usize..130, with in 0x20_u8..0x7f) {
            let mut text = authorization().into_bytes();
            text[at % 97] = with;
            let text = String::from_utf8(text).unwrap();
            if let Ok((key, scope, _)) = read(&[(&header::AUTHORIZATION, &text), (&DATE, "20150830T123600Z")], None) {
                let written = format!("Credential={key}/{scope},");
                prop_assert!(text.contains(&written));
            }
        }
    }
}
