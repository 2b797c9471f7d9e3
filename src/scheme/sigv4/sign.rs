//! Signs what leaves with the credential's own keys, by AWS's own implementation.
//! Owns the keys of one credential, which are wiped when dropped.
//! Never signs but for what was verified, and covers only what AWS looks at: the host, the body, and what steers it.

use super::{
    Verified,
    claim::{CONTENT_SHA256, DATE, SECURITY_TOKEN},
    verify::{Payload, written},
};
use crate::{clock::Timestamp, provider::preset::sigv4::Dialect};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header, uri::PathAndQuery};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A head that cannot be signed: a header that AWS looks at is not text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the request cannot be signed")]
pub struct NotSignable;

/// The keys of one credential.
pub struct Signer(Identity);

impl Signer {
    pub fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Self {
        let token = session_token.map(str::to_owned);
        Self(Credentials::new(access_key_id, secret_access_key, token, None, "bellhop").into())
    }

    /// Takes away what is left of the caller's signature and puts the credential's in its place.
    pub fn sign(
        &self,
        method: &Method,
        target: &PathAndQuery,
        headers: &mut HeaderMap,
        host: &HeaderValue,
        verified: &Verified,
    ) -> Result<(), NotSignable> {
        for name in [header::AUTHORIZATION, DATE, SECURITY_TOKEN, CONTENT_SHA256] {
            headers.remove(name);
        }
        let made = self.signed_headers(method, target, headers, host, verified)?;
        for (name, value) in made {
            headers.insert(name, value);
        }
        Ok(())
    }

    fn signed_headers(
        &self,
        method: &Method,
        target: &PathAndQuery,
        headers: &HeaderMap,
        host: &HeaderValue,
        verified: &Verified,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, NotSignable> {
        let host = host.to_str().map_err(|_| NotSignable)?;
        let covered = headers.iter().filter(|(name, _)| is_covered(name));
        let covered = covered.map(|(name, value)| value.to_str().map(|value| (name.as_str(), value)));
        let mut covered = covered.collect::<Result<Vec<_>, _>>().map_err(|_| NotSignable)?;
        covered.push(("host", host));
        let params = v4::SigningParams::builder()
            .identity(&self.0)
            .region(&verified.region)
            .name(&verified.service)
            .time(time(verified.at))
            .settings(settings(verified.dialect))
            .build()
            .map_err(|_| NotSignable)?
            .into();
        // Only its path, query and host are looked at.
        let url = format!("https://{host}{target}");
        let request = SignableRequest::new(method.as_str(), url, covered.into_iter(), body(verified.payload));
        let signed = sign(request.map_err(|_| NotSignable)?, &params).map_err(|_| NotSignable)?;
        let (instructions, _) = signed.into_parts();
        instructions.headers().map(|(name, value)| sensitive(name, value)).collect()
    }
}

/// What AWS asks to be covered. What a connection may change on its way is not.
fn is_covered(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-amz-") || *name == header::CONTENT_TYPE || name.as_str() == "content-md5"
}

fn sensitive(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), NotSignable> {
    let name = HeaderName::try_from(name).map_err(|_| NotSignable)?;
    let mut value = HeaderValue::from_str(value).map_err(|_| NotSignable)?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn settings(dialect: Dialect) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if dialect == Dialect::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

fn body(payload: Payload) -> SignableBody<'static> {
    match payload {
        Payload::Hash(_) => SignableBody::Precomputed(written(payload)),
        Payload::Unsigned => SignableBody::UnsignedPayload,
        Payload::UnsignedStream => SignableBody::StreamingUnsignedPayloadTrailer,
    }
}

fn time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.millis().unsigned_abs())
}
