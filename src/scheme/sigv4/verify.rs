//! Whether a request is what its signature says: the same secret, method, path, query, host, headers and body, now.
//! Owns nothing; what it returns is the evidence that the request may be signed anew.
//! Never compares a signature but in constant time, and never says by how much one is wrong.

use super::{
    Claim, Flaw, MOST_SKEW,
    canonical::{self, PathForm},
};
use crate::{
    clock::Timestamp,
    provider::preset::sigv4::{Dialect, SigV4},
};
use aws_lc_rs::{digest, hmac};
use http::{HeaderMap, HeaderName};
use zeroize::Zeroizing;

/// `X-Amz-Content-Sha256` of what is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The same for a body in AWS's own chunks, with a checksum after the last.
pub const UNSIGNED_STREAM: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// A request as it was received. Nothing in it is decoded.
#[derive(Clone, Copy)]
pub struct Received<'r> {
    pub method: &'r str,
    /// The whole path, with the way in that the caller used.
    pub path: &'r str,
    pub query: Option<&'r str>,
    /// As the caller wrote it.
    pub host: &'r str,
    pub headers: &'r HeaderMap,
    pub body: &'r [u8],
    pub transport: Transport,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Plain,
    Tls,
}

/// What is known of the body of a request whose signature is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// Its SHA-256.
    Hash([u8; 32]),
    Unsigned,
    UnsignedStream,
}

/// A request whose signature is good, and for what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    pub dialect: Dialect,
    pub service: Box<str>,
    pub region: Box<str>,
    pub payload: Payload,
    /// When it was verified, by Bellhop's clock.
    pub at: Timestamp,
}

impl Verified {
    /// For what Bellhop asks itself. An ARN in the target says in which region the thing is that it is
    /// about; anything else is asked in the first region of the preset that the credential is good for.
    pub fn unasked(
        signing: &SigV4,
        (target, body): (&str, &[u8]),
        allowed: Option<&str>,
        now: Timestamp,
    ) -> Option<Self> {
        let decoded = percent_encoding::percent_decode_str(target).decode_utf8().ok()?;
        let is_listed = |part: &&str| signing.regions.iter().any(|region| **region == **part);
        let mut others = signing.regions.iter().map(|region| &**region);
        let region = decoded.split(':').find(is_listed);
        let region = region.or_else(|| others.find(|region| SigV4::allows_region(allowed, region)))?;
        if !SigV4::allows_region(allowed, region) {
            return None;
        }
        let service = signing.service(target.split('/').nth(1)?, region).ok()?;
        let payload = Payload::Hash(hash(body));
        Some(Self { dialect: service.dialect, service: service.name.clone(), region: region.into(), payload, at: now })
    }
}

/// Verifies a claim with its own token as the secret.
pub fn verify(claim: &Claim<'_>, received: &Received<'_>, dialect: Dialect, now: Timestamp) -> Result<Verified, Flaw> {
    let skew = claim.at.millis() - now.millis();
    if skew.unsigned_abs() > MOST_SKEW.as_millis() as u64 {
        return Err(Flaw::Clock(skew));
    }
    if let Some(name) = received.headers.keys().find(|name| must_be_covered(name) && !claim.covers(name.as_str())) {
        return Err(Flaw::NotCovered(name.as_str().into()));
    }
    let payload = payload(claim, received, dialect)?;
    check(claim, received, dialect.into(), &written(payload))?;
    let (service, region) = (claim.scope.service.into(), claim.scope.region.into());
    Ok(Verified { dialect, service, region, payload, at: now })
}

/// What tells AWS what to do must be what the signer said.
fn must_be_covered(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-amz-")
}

/// Whether the signature is that of this request, whose payload has this hash.
pub(super) fn check(claim: &Claim<'_>, received: &Received<'_>, form: PathForm, payload: &str) -> Result<(), Flaw> {
    let canonical = canonical::request(received, form, claim.signed_headers) + payload;
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{}\n{}\n{}\n{hash}", super::ALGORITHM, claim.date, claim.scope.text);
    hmac::verify(&key(claim), text.as_bytes(), &claim.signature).map_err(|_| Flaw::Mismatch)
}

/// The key of one secret for one day, region and service.
fn key(claim: &Claim<'_>) -> hmac::Key {
    let secret = Zeroizing::new(format!("AWS4{}", claim.token()));
    let first = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    claim.scope.text.split('/').fold(first, |key, part| {
        let tag = hmac::sign(&key, part.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
    })
}

fn payload(claim: &Claim<'_>, received: &Received<'_>, dialect: Dialect) -> Result<Payload, Flaw> {
    let hash = hash(received.body);
    let may_be_unsigned = dialect == Dialect::S3 && received.transport == Transport::Tls;
    match claim.content {
        None if dialect == Dialect::S3 => Err(Flaw::NoHeader("X-Amz-Content-Sha256")),
        Some(UNSIGNED) if may_be_unsigned => Ok(Payload::Unsigned),
        Some(UNSIGNED_STREAM) if may_be_unsigned => Ok(Payload::UnsignedStream),
        Some(UNSIGNED | UNSIGNED_STREAM) => Err(Flaw::UnsignedBody),
        Some(stream) if stream.starts_with("STREAMING-") => Err(Flaw::SignedStream),
        Some(text) if text != hex(&hash) => Err(Flaw::OtherBody),
        None | Some(_) => Ok(Payload::Hash(hash)),
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// As it stands in `X-Amz-Content-Sha256`.
pub fn written(payload: Payload) -> String {
    match payload {
        Payload::Hash(hash) => hex(&hash),
        Payload::Unsigned => UNSIGNED.to_owned(),
        Payload::UnsignedStream => UNSIGNED_STREAM.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(b"0123456789abcdef"[usize::from(d)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    #[test]
    fn what_bellhop_asks_is_for_the_region_of_the_arn_or_the_first_that_is_allowed_and_for_no_other() {
        let catalog = Catalog::shipped().unwrap();
        let signing = catalog.find("braket").unwrap().preset().signs().unwrap();
        let asked = |target: &str, allowed| {
            let verified = Verified::unasked(signing, (target, &[]), allowed, Timestamp::from_millis(0))?;
            Some(format!("{} {}", verified.service, verified.region))
        };
        let task = "/braket/quantum-task/arn%3Aaws%3Abraket%3Aus-west-2%3A1%3Aquantum-task%2Ft1";
        assert_eq!(asked(task, None).as_deref(), Some("braket us-west-2"));
        assert_eq!(asked(task, Some("eu-west-2")), None);
        assert_eq!(asked("/sts/?Action=GetCallerIdentity", None).as_deref(), Some("sts us-east-1"));
        assert_eq!(asked("/sts/", Some("eu-west-2, us-west-2")).as_deref(), Some("sts us-west-2"));
        assert_eq!(asked("/sts/", Some("mars-1")), None);
        assert_eq!(asked("/iam/", None), None);
    }
}
