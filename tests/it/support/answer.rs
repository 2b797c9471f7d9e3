//! An answer as a caller sees it, and what stories say about one.

use serde_json::Value;

#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// In the order in which they came; names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What stood after the body, over HTTP/2.
    pub trailers: Vec<(String, String)>,
    /// Statuses of the 1xx answers before it.
    pub interim: Vec<u16>,
    /// Whether its framing says that this is all of it.
    pub is_whole: bool,
}

impl Answer {
    /// The one value of this header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| &**value);
        let first = values.next();
        assert!(values.next().is_none(), "{name} is there more than once: {:?}", self.headers);
        first
    }

    /// The number and the text by which a call of gRPC ended: after its messages, or in the head without any.
    pub fn end(&self) -> (u8, String) {
        let field = |name: &str| {
            let mut fields = self.trailers.iter().chain(&self.headers);
            fields.find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        let code = field("grpc-status").unwrap_or_else(|| panic!("no end of a call: {self:?}"));
        let text = field("grpc-message").unwrap_or_default();
        (code.parse().unwrap(), percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned())
    }

    /// Bellhop refused a call with this code, and this number.
    #[track_caller]
    pub fn assert_call_refused(&self, code: &str, number: u8) -> &Self {
        assert_eq!(self.header("bellhop-refusal"), Some(code), "{self:?}");
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/grpc")), "{self:?}");
        assert!(self.body.is_empty() && self.trailers.is_empty(), "{self:?}");
        let (found, text) = self.end();
        assert!(found == number && !text.is_empty(), "{found}: {text}");
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}, in {} {:?}", self.status, self.text()))
    }

    /// This was relayed from the provider, as it was.
    #[track_caller]
    pub fn assert_relayed(&self) -> &Self {
        assert_eq!(self.header("bellhop-refusal"), None, "{}", self.text());
        assert!(self.header("x-request-id").is_some(), "no X-Request-Id: {:?}", self.headers);
        self
    }

    /// The receipt says that this context's credential served, and why.
    #[track_caller]
    pub fn assert_paid_by(&self, owner: &str, why: &str) -> &Self {
        self.assert_relayed();
        let receipt = self.header("bellhop-credential").unwrap_or_else(|| panic!("no receipt: {:?}", self.headers));
        let says_so =
            receipt.starts_with(&format!("owner=\"{owner}\", id=\"")) && receipt.ends_with(&format!("why={why}"));
        assert!(says_so, "expected owner {owner} and why {why}, found: {receipt}");
        self
    }

    /// Bellhop refused with this code, in the shape that every SDK can read.
    #[track_caller]
    pub fn assert_refused(&self, code: &str) -> &Self {
        assert_eq!(self.header("bellhop-refusal"), Some(code), "{} {}", self.status, self.text());
        // Presets of SDKs that repeat a POST after a 5xx state another status for a submit of unknown fate.
        let stated = self.header("bellhop-submit").is_some() && matches!(self.status, 409 | 424);
        assert!(stated || self.status == expected_status(code), "the status {} of {code}", self.status);
        assert!(self.header("x-request-id").is_some(), "no X-Request-Id: {:?}", self.headers);
        self.assert_readable_refusal()
    }

    /// RFC 9457, and the fields by which the SDKs find a text and a code.
    #[track_caller]
    pub fn assert_readable_refusal(&self) -> &Self {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("bellhop-credential"), None, "a refusal has no receipt");
        let body = self.json();
        for field in ["status", "statusCode", "code", "error_code"] {
            assert_eq!(body[field], Value::from(self.status), "{field} in {body}");
        }
        for field in ["title", "detail", "message", "error_msg", "error_message", "internal_code"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {body}");
        }
        self
    }

    /// What the refusal tells a person.
    #[track_caller]
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("a detail").to_owned()
    }
}

/// The status of each refusal.
fn expected_status(code: &str) -> u16 {
    match code {
        "missing-token" | "unknown-token" => 401,
        "bad-request" => 400,
        "unknown-provider" | "unknown-job" => 404,
        "not-allowed" | "over-quota" | "no-credential" | "ambiguous-context" | "not-a-member"
        | "credential-refused" => 403,
        "throttled" => 429,
        "upstream-unreachable" | "upstream-invalid" => 502,
        "upstream-timeout" => 504,
        "store-unavailable" | "draining" | "overloaded" => 503,
        other => panic!("{other} is no code of a refusal"),
    }
}
