//! The identity provider by which people sign in: where it is, how Bellhop is known there, what its groups mean here.
//! The section turns into a type in which the wrong combinations cannot be said.
//! Never holds the client's secret: it is named by the file or the variable that it stands in.

use super::{
    BaseUrl, Expected, Protocol,
    sections::is_variable,
    written::{Leaf, Written, optional, span},
};
use crate::spelled::is_name;
use serde::{Deserialize, Deserializer, de};
use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OidcConfig {
    pub issuer: IssuerUrl,
    pub client_id: String,
    /// `None`: a public client, for which PKCE alone vouches.
    pub client_secret: Option<ClientSecretSource>,
    /// What people know it by.
    pub name: String,
    pub scopes: Vec<String>,
    /// A claim's name, or a JSON pointer into the claims.
    pub user_claim: String,
    pub groups_claim: String,
    pub groups: BTreeMap<String, Vec<GroupGrant>>,
    pub first_sign_in: FirstSignIn,
    /// Who has not signed in for so long rests until they do.
    pub sign_in_every: Duration,
    pub ca_file: Option<PathBuf>,
    /// Lets requests go to loopback and private addresses, and over plain HTTP.
    pub allow_private: bool,
}

/// Compared byte by byte, so kept as it was written: a `/` at its end is part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerUrl {
    text: Box<str>,
    pub url: BaseUrl,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientSecretSource {
    File(PathBuf),
    /// The name of an environment variable.
    Environment(String),
}

/// Of somebody whom the provider lets in and whom Bellhop does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstSignIn {
    /// They get an account of the name that the provider says, if nobody has it.
    Create,
    /// An administrator makes it, and ties it to them.
    Refuse,
}

/// What a group makes its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupGrant {
    Member { organization: Box<str>, role: GroupRole },
    Administrator,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupRole {
    Owner,
    Maintainer,
    Member,
}

impl IssuerUrl {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Written for IssuerUrl {
    const EXPECTED: &'static str = "the provider's issuer, a URL such as https://id.example.org, without user or query";
}

impl FromStr for IssuerUrl {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let url = text.parse().map_err(|_| Expected(Self::EXPECTED))?;
        Ok(Self { text: text.into(), url })
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawOidc {
    #[serde(deserialize_with = "optional")]
    issuer: Option<IssuerUrl>,
    client_id: Option<String>,
    client_secret: Option<RawClientSecret>,
    name: Option<String>,
    scopes: Vec<Leaf<Scope>>,
    user_claim: Leaf<Claim>,
    groups_claim: Leaf<Claim>,
    groups: BTreeMap<String, Grants>,
    first_sign_in: FirstSignIn,
    #[serde(deserialize_with = "span::<1, 315_360_000, _>")]
    sign_in_every: Duration,
    #[serde(deserialize_with = "optional")]
    ca_file: Option<PathBuf>,
    allow_private: bool,
}

impl Default for RawOidc {
    fn default() -> Self {
        let scopes = ["openid", "profile", "email"].map(|scope| Leaf(Scope(scope.into())));
        Self {
            issuer: None,
            client_id: None,
            client_secret: None,
            name: None,
            scopes: scopes.into(),
            user_claim: Leaf(Claim("preferred_username".into())),
            groups_claim: Leaf(Claim("groups".into())),
            groups: BTreeMap::new(),
            first_sign_in: FirstSignIn::Refuse,
            sign_in_every: Duration::from_secs(30 * 86_400),
            ca_file: None,
            allow_private: false,
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "RawSecretSource")]
struct RawClientSecret(Option<ClientSecretSource>);

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct RawSecretSource {
    #[serde(deserialize_with = "optional")]
    file: Option<PathBuf>,
    env: Option<String>,
}

impl TryFrom<RawSecretSource> for RawClientSecret {
    type Error = Expected;

    fn try_from(raw: RawSecretSource) -> Result<Self, Expected> {
        match (raw.file, raw.env) {
            (None, None) => Ok(Self(None)),
            (Some(file), None) => Ok(Self(Some(ClientSecretSource::File(file)))),
            (None, Some(name)) if is_variable(&name) => Ok(Self(Some(ClientSecretSource::Environment(name)))),
            (None, Some(_)) => Err(Expected("the name of an environment variable in `env`")),
            (Some(_), Some(_)) => Err(Expected("either `file` or `env`, not both")),
        }
    }
}

/// A word of RFC 6749 §3.3.
struct Scope(String);

impl Written for Scope {
    const EXPECTED: &'static str = "a scope such as profile";
}

impl FromStr for Scope {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let is_word = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if is_word { Ok(Self(text.into())) } else { Err(Expected(Self::EXPECTED)) }
    }
}

struct Claim(String);

impl Written for Claim {
    const EXPECTED: &'static str = "a claim's name, or where it stands: /realm_access/roles";
}

impl FromStr for Claim {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        Ok(Self(text.into()))
    }
}

/// One grant, or a list of them.
struct Grants(Vec<GroupGrant>);

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GrantsVisitor)
    }
}

struct GrantsVisitor;

impl<'de> de::Visitor<'de> for GrantsVisitor {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the group makes its members, such as { organization: acme, role: member }, or a list of such")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, entries: A) -> Result<Grants, A::Error> {
        let grant = GrantsOf::deserialize(de::value::MapAccessDeserializer::new(entries))?;
        Ok(Grants(grant.0))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Grants, A::Error> {
        let mut all = Vec::new();
        while let Some(GrantsOf(grants)) = items.next_element()? {
            all.extend(grants);
        }
        Ok(Grants(all))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "RawGrant")]
struct GrantsOf(Vec<GroupGrant>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    organization: Option<String>,
    role: Option<GroupRole>,
    #[serde(default)]
    administrator: bool,
}

impl TryFrom<RawGrant> for GrantsOf {
    type Error = Expected;

    fn try_from(raw: RawGrant) -> Result<Self, Expected> {
        let RawGrant { organization, role, administrator } = raw;
        let member = match (organization, role) {
            (None, None) => None,
            (Some(name), Some(role)) if is_name(&name) => Some(GroupGrant::Member { organization: name.into(), role }),
            (Some(_), Some(_)) => return Err(Expected("an organization's name in `organization`")),
            _ => return Err(Expected("both `organization` and `role`")),
        };
        if member.is_none() && !administrator {
            return Err(Expected("`organization` and `role`, or `administrator: true`"));
        }
        Ok(Self(member.into_iter().chain(administrator.then_some(GroupGrant::Administrator)).collect()))
    }
}

pub fn section<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OidcConfig>, D::Error> {
    let raw = Option::<RawOidc>::deserialize(deserializer)?.unwrap_or_default();
    checked(raw).map_err(de::Error::custom)
}

fn checked(raw: RawOidc) -> Result<Option<OidcConfig>, Expected> {
    let (issuer, client_id) = match (raw.issuer, raw.client_id.filter(|id| !id.is_empty())) {
        (None, None) => return Ok(None),
        (Some(issuer), Some(client_id)) => (issuer, client_id),
        _ => return Err(Expected("both `issuer` and `client_id`, or neither")),
    };
    if issuer.url.origin.protocol == Protocol::Http && !raw.allow_private {
        return Err(Expected("an `issuer` with https, or `allow_private: true` beside it"));
    }
    let name = raw.name.filter(|name| !name.trim().is_empty());
    Ok(Some(OidcConfig {
        name: name.unwrap_or_else(|| issuer.url.origin.host.to_string()),
        issuer,
        client_id,
        client_secret: raw.client_secret.and_then(|RawClientSecret(source)| source),
        scopes: raw.scopes.into_iter().map(|Leaf(Scope(scope))| scope).collect(),
        user_claim: raw.user_claim.0.0,
        groups_claim: raw.groups_claim.0.0,
        groups: raw.groups.into_iter().map(|(group, Grants(grants))| (group, grants)).collect(),
        first_sign_in: raw.first_sign_in,
        sign_in_every: raw.sign_in_every,
        ca_file: raw.ca_file,
        allow_private: raw.allow_private,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(oidc: Value) -> Result<Option<OidcConfig>, String> {
        section(oidc).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn it_is_there_with_an_issuer_and_a_client_or_not_at_all() {
        assert_eq!(read(Value::Null), Ok(None));
        assert_eq!(read(json!({ "issuer": null, "scopes": ["openid"] })), Ok(None));
        let found = read(json!({ "issuer": "https://id.example.org/a/", "client_id": "bellhop" })).unwrap().unwrap();
        assert_eq!((found.issuer.as_str(), &*found.name), ("https://id.example.org/a/", "id.example.org"));
        assert_eq!((found.first_sign_in, found.client_secret), (FirstSignIn::Refuse, None));
    }

    #[test]
    fn what_contradicts_itself_is_refused_without_a_value() {
        let https = "https://id.example.org";
        let with = |more: Value| {
            let mut all = json!({ "issuer": https, "client_id": "bellhop" });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        for (bad, words) in [
            (json!({ "issuer": https }), "both"),
            (json!({ "client_id": "fake-canary" }), "both"),
            (json!({ "issuer": "http://id.example.org", "client_id": "a" }), "allow_private"),
            (json!({ "issuer": "https://fake-canary@id.example.org", "client_id": "a" }), "issuer"),
            (with(json!({ "client_secret": "fake-canary" })), "invalid type"),
            (with(json!({ "client_secret": { "file": "/a", "env": "A" } })), "either"),
            (with(json!({ "scopes": ["two words"] })), "a scope"),
            (with(json!({ "groups": { "a": { "organization": "Acme", "role": "owner" } } })), "an organization's name"),
            (with(json!({ "groups": { "a": { "organization": "acme" } } })), "both `organization` and `role`"),
            (with(json!({ "groups": { "a": {} } })), "administrator"),
            (with(json!({ "groups": { "a": [{ "organization": "acme", "role": "chief" }] } })), "maintainer"),
            (with(json!({ "groups": { "a": "owner" } })), "what the group makes"),
        ] {
            let error = read(bad.clone()).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn a_group_may_make_its_members_several_things() {
        let groups = json!({ "it": [{ "organization": "acme", "role": "owner", "administrator": true },
                                    { "organization": "optics", "role": "member" }] });
        let found = read(json!({ "issuer": "https://a", "client_id": "a", "groups": groups })).unwrap().unwrap();
        assert_eq!(found.groups["it"].len(), 3);
    }
}
