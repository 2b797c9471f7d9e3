//! Where live sources of credentials are reached, and how Bellhop signs in there.
//! Each section turns into a type in which the wrong combinations cannot be said.
//! Never holds a secret: tokens are named by the file or the variable that they stand in.

use super::{
    BaseUrl, Expected, Origin, Protocol,
    sections::is_variable,
    written::{Written as _, optional},
};
use serde::{Deserialize, Deserializer, de};
use std::path::PathBuf;

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesConfig {
    #[serde(deserialize_with = "vault")]
    pub vault: Option<VaultConfig>,
    pub leap: LeapConfig,
}

/// HashiCorp Vault, or what speaks its API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VaultConfig {
    pub url: BaseUrl,
    pub ca_file: Option<PathBuf>,
    pub namespace: Option<String>,
    pub login: VaultLogin,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VaultLogin {
    TokenFile(PathBuf),
    /// The name of an environment variable.
    TokenVariable(String),
    /// With the token of a service account.
    Kubernetes {
        role: String,
        mount: String,
        token_file: PathBuf,
    },
}

/// D-Wave's Leap account API.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeapConfig {
    #[serde(deserialize_with = "url")]
    pub url: BaseUrl,
    #[serde(deserialize_with = "optional")]
    pub ca_file: Option<PathBuf>,
}

impl Default for LeapConfig {
    fn default() -> Self {
        let origin = Origin { protocol: Protocol::Https, host: "cloud.dwavesys.com".into(), port: 443 };
        Self { url: BaseUrl { origin, path: "/leap/api".into() }, ca_file: None }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawVault {
    #[serde(deserialize_with = "optional")]
    url: Option<BaseUrl>,
    #[serde(deserialize_with = "optional")]
    ca_file: Option<PathBuf>,
    namespace: Option<String>,
    #[serde(deserialize_with = "optional")]
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    kubernetes: Option<RawKubernetes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKubernetes {
    role: String,
    mount: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    token_file: Option<PathBuf>,
}

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const SAFE: Expected = Expected("https, or http to a loopback address");

fn vault<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<VaultConfig>, D::Error> {
    let raw = Option::<RawVault>::deserialize(deserializer)?.unwrap_or_default();
    checked(raw).map_err(de::Error::custom)
}

fn checked(raw: RawVault) -> Result<Option<VaultConfig>, Expected> {
    let RawVault { url, ca_file, namespace, token_file, token_env, kubernetes } = raw;
    let login = match (token_file, token_env, kubernetes) {
        (None, None, None) => None,
        (Some(file), None, None) => Some(VaultLogin::TokenFile(file)),
        (None, Some(name), None) if is_variable(&name) => Some(VaultLogin::TokenVariable(name)),
        (None, None, Some(RawKubernetes { role, mount, token_file })) => {
            let mount = mount.unwrap_or_else(|| "kubernetes".into());
            let token_file = token_file.unwrap_or_else(|| SERVICE_ACCOUNT.into());
            Some(VaultLogin::Kubernetes { role, mount, token_file })
        }
        _ => return Err(Expected("one of `token_file`, `token_env` (a variable's name) and `kubernetes`")),
    };
    match (url, login) {
        (None, None) if ca_file.is_none() && namespace.is_none() => Ok(None),
        (Some(url), Some(login)) if is_safe(&url) => Ok(Some(VaultConfig { url, ca_file, namespace, login })),
        (Some(_), Some(_)) => Err(SAFE),
        _ => Err(Expected("both `url` and a way to sign in, or neither")),
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BaseUrl, D::Error> {
    let url: Option<BaseUrl> = optional(deserializer)?;
    let url = url.ok_or_else(|| de::Error::custom(Expected(BaseUrl::EXPECTED)))?;
    if is_safe(&url) { Ok(url) } else { Err(de::Error::custom(SAFE)) }
}

/// What is sent there opens everything that is kept there.
fn is_safe(url: &BaseUrl) -> bool {
    let Origin { protocol, host, .. } = &url.origin;
    *protocol == Protocol::Https || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(vault: Value) -> Result<SourcesConfig, String> {
        serde_json::from_value(json!({ "vault": vault })).map_err(|error| error.to_string())
    }

    #[test]
    fn vault_has_an_address_and_one_way_in_or_is_not_there() {
        let https = "https://vault.example.org:8200";
        assert_eq!(read(Value::Null), Ok(SourcesConfig::default()));
        assert_eq!(read(json!({ "url": null, "token_file": null })), Ok(SourcesConfig::default()));
        for good in [
            json!({ "url": https, "token_file": "/run/token" }),
            json!({ "url": "http://127.0.0.1:8200", "token_env": "VAULT_TOKEN" }),
            json!({ "url": "http://[::1]:8200", "kubernetes": { "role": "bellhop" }, "namespace": "team" }),
        ] {
            assert!(read(good.clone()).unwrap().vault.is_some(), "{good}");
        }
        for (bad, words) in [
            (json!({ "url": https }), "way to sign in"),
            (json!({ "token_file": "/run/token" }), "way to sign in"),
            (json!({ "url": "http://vault.example.org", "token_file": "/run/token" }), "loopback"),
            (json!({ "url": https, "token_file": "/run/token", "token_env": "A" }), "one of"),
            (json!({ "url": https, "token_env": "A=B" }), "one of"),
            (json!({ "url": https, "token": "fake-canary" }), "unknown field"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(words) && !error.contains("canary"), "{error}");
        }
    }
}
