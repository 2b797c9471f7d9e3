//! Signatures of AWS (SigV4): a caller's is read and verified, with their token as the secret; what leaves is signed anew.
//! Owns nothing: what is verified here is the evidence without which nothing is signed.
//! Never does I/O, never asks a clock, and never tells how a signature should have been.

mod canonical;
mod claim;
mod sign;
mod verify;

pub use claim::{ALGORITHM, CONTENT_SHA256, Claim, DATE, SECURITY_TOKEN, Scope, key_id, service};
pub use sign::{NotSignable, Signer};
pub use verify::{Payload, Received, Transport, Verified, verify};

use std::time::Duration;

/// How far a caller's clock may be off, as AWS's own may.
pub const MOST_SKEW: Duration = Duration::from_secs(5 * 60);

/// What is wrong with a caller's signature, in sentences for the caller.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    #[error("A presigned URL is not accepted. Sign the request in its headers, as SDKs do by themselves.")]
    Presigned,
    #[error(
        "The request is not signed with {ALGORITHM}. Give your SDK your Bellhop token as access key id and as secret access key."
    )]
    NotSigned,
    #[error("The header `{0}` is there more than once.")]
    Twice(&'static str),
    #[error("The header `{0}` is missing, which the signature needs.")]
    NoHeader(&'static str),
    #[error("The header `{0}` has characters that are not visible ASCII.")]
    NotText(&'static str),
    #[error("`{0}` is missing in the Authorization header.")]
    NoPart(&'static str),
    #[error("`{0}` is there twice in the Authorization header.")]
    PartTwice(&'static str),
    #[error("The Authorization header has a part that is none of Credential, SignedHeaders and Signature.")]
    UnknownPart,
    #[error("The Credential is not `<key id>/<date>/<region>/<service>/aws4_request`, in this order.")]
    Scope,
    #[error("The date in the Credential is not the day of X-Amz-Date.")]
    OtherDay,
    #[error("X-Amz-Date is not a time such as `20260102T030405Z`.")]
    NotATime,
    #[error("SignedHeaders is not a list of names in lower case, sorted, each once, with `;` between them.")]
    SignedHeaders,
    #[error("The signature does not cover the header `{0}`.")]
    NotCovered(Box<str>),
    #[error("The Signature is not 64 hexadecimal digits in lower case.")]
    NotASignature,
    #[error("The signature says {} than it is here. Set your clock; at most {} s are allowed.", apart(*.0), MOST_SKEW.as_secs())]
    Clock(i64),
    #[error("X-Amz-Content-Sha256 is not the SHA-256 of the body.")]
    OtherBody,
    #[error("X-Amz-Content-Sha256 says that the body is not signed, which is accepted for S3 over TLS only.")]
    UnsignedBody,
    #[error(
        "X-Amz-Content-Sha256 names a way of signing a stream that is not supported here. Let your SDK sign the whole body."
    )]
    SignedStream,
    #[error(
        "The signature does not match. It must be made with your Bellhop token as the secret access key, over the \
         method, path, query, host, headers and body as they were sent."
    )]
    Mismatch,
}

/// How much earlier or later, in milliseconds, the caller's clock is.
fn apart(millis: i64) -> String {
    let seconds = millis.unsigned_abs() / 1000;
    let which = if millis < 0 { "earlier" } else { "later" };
    format!("that it is {seconds} s {which}")
}

#[cfg(test)]
mod vectors;
