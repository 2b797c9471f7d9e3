//! One question to an HTTP API that is a source.
//! Owns nothing.
//! Never a header that a log would show.

use super::{problem::Problem, text::LARGEST};
use crate::{
    config::BaseUrl,
    secret::Secret,
    upstream::{
        TlsTrust,
        once::{self, NotTold, Question},
    },
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use std::{path::Path, time::Duration};

pub struct Api(once::Api);

const PATIENCE: Duration = Duration::from_secs(15);

impl Api {
    pub fn new(url: &BaseUrl, ca_file: Option<&Path>) -> Result<Self, String> {
        let trust = ca_file.map_or_else(|| Ok(TlsTrust::public()), TlsTrust::of_file);
        let trust = trust.map_err(|error| error.to_string())?;
        once::Api::new(url, &trust, (LARGEST, PATIENCE)).map(Self)
    }

    pub async fn ask(&self, question: Question<'_>) -> Result<(StatusCode, Bytes), Problem> {
        let told = self.0.ask(question).await?;
        Ok((told.status, told.body))
    }
}

impl From<NotTold> for Problem {
    fn from(reason: NotTold) -> Self {
        match reason {
            NotTold::Unreachable(error) => Self::Unreachable(error),
            NotTold::Hangs => Self::Hangs,
            NotTold::TooLarge => Self::TooLarge,
            NotTold::Broken => Self::Broken,
            NotTold::Unaskable => Self::Unknown,
        }
    }
}

/// A header's value that no log shows.
pub fn sensitive(text: &Secret) -> Result<HeaderValue, Problem> {
    let mut value = HeaderValue::from_str(text.expose()).map_err(|_| Problem::Header)?;
    value.set_sensitive(true);
    Ok(value)
}

pub fn bearer(token: &Secret) -> Result<HeaderValue, Problem> {
    sensitive(&Secret::new(format!("Bearer {}", token.expose())))
}
