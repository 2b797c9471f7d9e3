//! How each SDK of a provider is pointed at Bellhop, for documents, pages and `bellhop env`.
//! Texts with `{base}` (a provider's URL without a slash at its end), `{host}`, `{port}` and `{token}` to fill in.
//! Never read on the data plane.

/// One SDK that people use with the provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sdk {
    pub name: Box<str>,
    /// The versions that this was found to be true for.
    pub version: Option<Box<str>>,
    /// The ways in that it can use, best first.
    pub ways: Box<[Way]>,
    /// Variables to set, in order.
    pub environment: Box<[(Box<str>, Box<str>)]>,
    /// Code, where variables do not do.
    pub snippet: Option<Box<str>>,
    pub note: Option<Box<str>>,
}

/// A way in. An SDK that drops the path of its base URL cannot use [`Way::Path`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Path,
    Port,
    Host,
    Root,
}

/// What may be filled in.
pub const PLACEHOLDERS: [&str; 4] = ["base", "host", "port", "token"];
