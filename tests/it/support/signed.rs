//! Requests signed as AWS's SDKs sign them, by AWS's own implementation; and what such a signature should be.

use super::{Ask, Pat, provider_line::Arrived};
use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use std::time::{Duration, SystemTime};

/// Who signs, for what, and when.
#[derive(Clone, Debug)]
pub struct Signature {
    key_id: String,
    secret: String,
    session_token: Option<String>,
    pub service: &'static str,
    pub region: &'static str,
    pub at: SystemTime,
    /// As the caller will write it.
    pub host: String,
    /// In the place of the body's hash.
    pub payload: Option<&'static str>,
}

impl Signature {
    pub fn with_keys(key_id: &str, secret: &str, host: &str) -> Self {
        Self {
            key_id: key_id.into(),
            secret: secret.into(),
            session_token: None,
            service: "braket",
            region: "us-west-2",
            at: SystemTime::now(),
            host: host.into(),
            payload: None,
        }
    }

    /// The token is access key id and secret access key.
    pub fn by(pat: &Pat, host: &str) -> Self {
        Self::with_keys(&pat.to_string(), &pat.to_string(), host)
    }

    /// The token is session token and secret access key.
    pub fn in_session(pat: &Pat, key_id: &str, host: &str) -> Self {
        Self { session_token: Some(pat.to_string()), ..Self::with_keys(key_id, &pat.to_string(), host) }
    }

    pub fn service(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    pub fn region(self, region: &'static str) -> Self {
        Self { region, ..self }
    }

    pub fn payload(self, payload: &'static str) -> Self {
        Self { payload: Some(payload), ..self }
    }

    pub fn later(self, by: Duration) -> Self {
        Self { at: self.at + by, ..self }
    }

    pub fn earlier(self, by: Duration) -> Self {
        Self { at: self.at - by, ..self }
    }

    /// The request with its signature; headers of it that begin with `x-amz-` are covered.
    pub fn sign(&self, ask: Ask) -> Ask {
        let covered: Vec<(String, String)> =
            ask.headers.iter().filter(|(name, _)| name.to_lowercase().starts_with("x-amz-")).cloned().collect();
        let made = self.headers(ask.method, &ask.target, &covered, ask.body.as_deref().unwrap_or_default());
        made.into_iter().fold(ask, |ask, (name, value)| ask.header(&name, value))
    }

    fn headers(&self, method: &str, target: &str, covered: &[(String, String)], body: &[u8]) -> Vec<(String, String)> {
        let identity = Credentials::new(&*self.key_id, &*self.secret, self.session_token.clone(), None, "story").into();
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let payload = SignableBody::Precomputed(self.payload.map_or_else(|| sha256(body), str::to_owned));
        let headers = covered.iter().map(|(name, value)| (&**name, &**value)).chain([("host", &*self.host)]);
        let request = SignableRequest::new(method, format!("http://{}{target}", self.host), headers, payload).unwrap();
        let (made, _) = sign(request, &params).unwrap().into_parts();
        made.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Whether what arrived at the provider is signed by these keys, to the letter.
    #[track_caller]
    pub fn assert_is_on(&self, arrived: &Arrived) {
        let at = arrived.header("x-amz-date").expect("a date");
        let signed = arrived.header("authorization").expect("a signature");
        let (_, rest) = signed.split_once("SignedHeaders=").expect("signed headers");
        let names: Vec<&str> = rest.split(',').next().unwrap().split(';').collect();
        let made_anew = ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let covered: Vec<(String, String)> = names
            .iter()
            .filter(|name| !made_anew.contains(name))
            .map(|name| ((*name).to_owned(), arrived.header(name).expect("what is signed").to_owned()))
            .collect();
        let same_time = Self { at: time(at), ..self.clone() };
        let expected = same_time.headers(&arrived.method, &arrived.target, &covered, &arrived.body);
        let expected = expected.iter().find(|(name, _)| name == "authorization").map(|(_, value)| &**value);
        assert_eq!(Some(signed), expected);
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// `20260102T030405Z`
fn time(text: &str) -> SystemTime {
    let parsed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).unwrap();
    parsed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().into()
}
