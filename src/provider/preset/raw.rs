//! The shape of a preset's YAML, before it is checked. Whatever can be wrong by itself has its place in the file.
//! Unknown and doubled keys are refused here; sense is made of the rest in `parse`.
//! Never leaves this folder.

use super::{
    Cookies, Wording,
    login::Mint,
    operation::{Kind, TimeUnit},
    refusal::RawRefusal,
    sdk::{FileFormat, Names, PlainHttp, Way},
    sigv4::RawSigV4,
    storage::RawObject,
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;
use serde_yaml::Spanned;
use std::{collections::BTreeMap, fmt};

pub type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPreset {
    pub id: Text,
    pub name: String,
    pub website: Option<String>,
    pub origin: Text,
    #[serde(default)]
    pub http2: bool,
    #[serde(default)]
    pub services: Vec<RawService>,
    pub regions: Option<RawRegions>,
    pub ignored_prefix: Option<Text>,
    pub caller_token: Spanned<Vec<Spanned<RawSlot>>>,
    pub fields: Spanned<Vec<RawField>>,
    #[serde(default)]
    pub one_of: Vec<Vec<Text>>,
    pub scheme: Spanned<RawScheme>,
    #[serde(default)]
    pub selectors: Vec<RawSelector>,
    #[serde(default)]
    pub states: RawStates,
    pub operations: Vec<RawOperation>,
    pub refusals: Option<Vec<Spanned<u16>>>,
    pub refused_by: Option<RawRefusal>,
    pub head: Option<Text>,
    #[serde(default)]
    pub errors: RawErrors,
    #[serde(default)]
    pub cookies: Cookies,
    pub lost_submit: Option<Spanned<u16>>,
    pub probe: Option<RawProbe>,
    pub account: Option<Text>,
    pub storage: Option<Text>,
    #[serde(default)]
    pub sdks: Vec<RawSdk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawService {
    pub name: Text,
    pub path: Text,
    pub origin: Option<Text>,
    #[serde(default)]
    pub removed: bool,
    #[serde(default)]
    pub http2: bool,
    #[serde(default)]
    pub errors: Wording,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRegions {
    pub header: Text,
    pub split: Option<Text>,
    pub part: Option<Spanned<u8>>,
    pub origins: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSlot {
    pub header: Option<Text>,
    pub word: Option<Text>,
    pub cookie: Option<Text>,
    pub sigv4: Option<Text>,
    #[serde(default)]
    pub beside: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawField {
    pub name: Text,
    pub kind: RawKind,
    pub label: String,
    pub help: Option<String>,
    #[serde(default)]
    pub optional: bool,
    pub default: Option<Text>,
    #[serde(default)]
    pub format: RawFormat,
    #[serde(default)]
    pub list: bool,
    pub prefix: Option<Text>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum RawKind {
    Secret,
    Plain,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum RawFormat {
    #[default]
    Text,
    Label,
    Path,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawScheme {
    Headers(Vec<RawPair>),
    Basic(RawBasic),
    Cookies(Vec<RawPair>),
    SigV4(Box<RawSigV4>),
    Exchange(Box<RawExchange>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExchange {
    pub service: Option<Text>,
    pub request: Text,
    #[serde(default)]
    pub with: Vec<RawPair>,
    pub form: Option<BTreeMap<String, Text>>,
    pub json: Option<BTreeMap<String, Text>>,
    pub cookies: Option<BTreeMap<String, Text>>,
    pub token: Text,
    pub lifetime: Option<Text>,
    pub assume: Option<Text>,
    pub rotates: Option<RawRotation>,
    pub given: Option<Text>,
    pub refusals: Option<Vec<Spanned<u16>>>,
    pub attach: Spanned<RawAttachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRotation {
    pub field: Text,
    pub at: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawAttachment {
    Headers(Vec<RawPair>),
    Cookies(Vec<RawPair>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPair {
    pub name: Text,
    pub value: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBasic {
    pub user: Text,
    pub password: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawSelector {
    Header(RawHeaderSelector),
    Path(RawPathSelector),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHeaderSelector {
    pub name: Text,
    pub field: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPathSelector {
    pub field: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOperation {
    pub name: Text,
    pub kind: Spanned<Kind>,
    pub on: Spanned<OneOrMany>,
    #[serde(default)]
    pub uses: Vec<RawReference>,
    #[serde(default)]
    pub creates: Vec<RawCreation>,
    #[serde(default)]
    pub reads: RawReadings,
    #[serde(default)]
    pub choices: Vec<RawChoice>,
    pub repetition: Option<Text>,
    pub count: Option<Text>,
    pub lists: Option<RawListing>,
    pub item_error: Option<Text>,
    #[serde(default)]
    pub rewrites: Vec<Text>,
    pub head: Option<Text>,
    pub silence: Option<Text>,
    #[serde(default)]
    pub answer_headers: Vec<RawPair>,
    #[serde(default)]
    pub websocket: bool,
    #[serde(default)]
    pub grpc: bool,
    pub login: Option<RawLogin>,
    pub publishes: Option<Spanned<Value>>,
    pub sends: Option<Spanned<Value>>,
    #[serde(default)]
    pub objects: Vec<Spanned<RawObject>>,
    pub query: Option<Vec<Text>>,
    #[serde(default)]
    pub form: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLogin {
    pub token: Text,
    #[serde(default)]
    pub mint: Mint,
    pub lifetime: Option<Text>,
    pub claims: Option<Spanned<Value>>,
    pub answer: Option<Spanned<Value>>,
    #[serde(default)]
    pub cookies: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReference {
    pub kind: Text,
    pub id: Text,
    pub when: Option<RawCondition>,
    #[serde(default)]
    pub segments: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawChoice {
    pub at: Text,
    pub field: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCondition {
    pub at: Text,
    pub is: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCreation {
    pub kind: Text,
    pub id: Text,
    pub after: Option<Text>,
    pub parent: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawReadings {
    pub of: Option<Text>,
    pub status: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    pub status_names: Vec<String>,
    pub target: Option<Spanned<OneOrMany>>,
    pub shots: Option<Spanned<OneOrMany>>,
    pub qpu_time: Option<RawTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTime {
    pub at: Spanned<OneOrMany>,
    pub unit: TimeUnit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawListing {
    pub kind: Text,
    pub items: Text,
    pub id: Text,
    pub total: Option<Text>,
    pub offset: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawStates {
    #[serde(default)]
    pub completed: Vec<Text>,
    #[serde(default)]
    pub failed: Vec<Text>,
    #[serde(default)]
    pub cancelled: Vec<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawErrors {
    #[serde(default)]
    pub error_as_text: Vec<Spanned<u16>>,
    #[serde(default)]
    pub error_code_as_text: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProbe {
    pub request: Text,
    pub account: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSdk {
    pub name: Text,
    pub version: Option<String>,
    pub ways: Spanned<Vec<Way>>,
    #[serde(default)]
    pub plain_http: PlainHttp,
    #[serde(default)]
    pub environment: BTreeMap<String, Text>,
    #[serde(default)]
    pub unset: Vec<Text>,
    #[serde(default)]
    pub files: Vec<RawConfigFile>,
    pub snippet: Option<Text>,
    pub note: Option<String>,
    pub warning: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfigFile {
    pub name: Text,
    #[serde(rename = "where")]
    pub places: Spanned<Vec<Text>>,
    pub variable: Option<Text>,
    #[serde(default)]
    pub variable_names: Names,
    pub format: FileFormat,
    #[serde(default)]
    pub required: bool,
    pub content: Option<Text>,
    #[serde(default)]
    pub tokens: Vec<Text>,
    #[serde(default)]
    pub addresses: Vec<Text>,
}

/// A text, or a list of them.
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of them")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}
