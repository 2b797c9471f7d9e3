//! A form that was sent after its session had ended, while its sender is at the identity provider.
//! Owns nothing: it is sealed into its browser's cookie, so that any replica can give it back.
//! Never larger than browsers keep, and never for longer than an hour.

use super::Management;
use crate::secret::Secret;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// From when the form was sent until its sender is back.
pub const PATIENCE: Duration = Duration::from_secs(3600);
/// Of the cookie's value. Browsers keep 4096 bytes with its name and all: RFC 6265bis, section 5.6.
const LARGEST: usize = 3 * 1024;
/// What the cookie's seal is for.
const SEALED_AS: &str = "form";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptForm {
    /// Where it was sent.
    pub path: String,
    pub fields: Vec<(String, String)>,
    /// In milliseconds.
    ends: i64,
}

impl Management {
    /// For a cookie; `None`: it is too large for one.
    pub fn keep_form(&self, path: &str, fields: &[(String, String)]) -> Option<Secret> {
        let form = KeptForm { path: path.into(), fields: fields.to_vec(), ends: self.now().plus(PATIENCE).millis() };
        let plain = Zeroizing::new(serde_json::to_vec(&form).ok()?);
        let sealed = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(self.vault.mint(SEALED_AS, &plain).ok()?));
        (sealed.expose().len() <= LARGEST).then_some(sealed)
    }

    /// What such a cookie holds.
    pub fn kept_form(&self, cookie: &str) -> Option<KeptForm> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let plain = self.vault.read_minted(SEALED_AS, &sealed)?;
        let form: KeptForm = serde_json::from_slice(&plain).ok()?;
        (self.now().millis() < form.ends).then_some(form)
    }
}
