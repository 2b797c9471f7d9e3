//! What the identity provider says of itself.
//! Owns it: for an hour, for a day where it cannot be asked, and its keys until one is met that is not among them.
//! Never asks twice at once, and never again at once where nobody answered.

use super::{
    Trouble,
    ask::{Asker, Unasked},
    bounded,
};
use crate::config::IssuerUrl;
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// What it says of itself is asked for again after this.
const KEPT: Duration = Duration::from_secs(3600);
/// And is still good for so long where it cannot be asked.
const LAST_KNOWN: Duration = Duration::from_secs(24 * 3600);
/// Keys that nobody knows make it be asked no more often than this.
const AGAIN: Duration = Duration::from_secs(10);
/// One that cannot be reached is not asked again at once: everybody would wait behind each other for it.
const DOWN: Duration = Duration::from_secs(2);
#[derive(Default)]
pub struct Known(Mutex<State>);

#[derive(Default)]
struct State {
    metadata: Option<(Arc<Metadata>, Instant)>,
    /// When it was last asked for a key that was not known.
    pressed: Option<Instant>,
    /// Why it last could not be asked, and when.
    failed: Option<(String, Instant)>,
}

pub type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct More {
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

pub enum Fresh {
    Kept,
    /// A key was met that is not among those known.
    Now,
}

/// Whether it says in what people bring back who has answered.
pub fn names_itself(metadata: &Metadata) -> bool {
    metadata.additional_metadata().authorization_response_iss_parameter_supported
}

impl Known {
    /// Asked once for all who wait.
    pub async fn get(&self, (issuer, asker): (&IssuerUrl, &Asker), fresh: Fresh) -> Result<Arc<Metadata>, Trouble> {
        let mut known = self.0.lock().await;
        if let Some(metadata) = known.good(&fresh) {
            return Ok(metadata);
        }
        if let Some(failed) = known.failed.as_ref().filter(|(_, at)| at.elapsed() < DOWN) {
            return known.last().ok_or_else(|| Trouble::Unreachable(failed.0.clone()));
        }
        if let Fresh::Now = fresh {
            known.pressed = Some(Instant::now());
        }
        match discovered(issuer, asker).await {
            Ok(metadata) => {
                known.failed = None;
                known.metadata = Some((Arc::new(metadata), Instant::now()));
            }
            Err(trouble) => {
                known.failed = Some((trouble.to_string(), Instant::now()));
                return known.last().ok_or(trouble);
            }
        }
        known.last().ok_or_else(|| Trouble::Unreachable("it has said nothing".into()))
    }
}

impl State {
    fn good(&self, fresh: &Fresh) -> Option<Arc<Metadata>> {
        let (metadata, asked) = self.metadata.as_ref()?;
        let is_good = match fresh {
            Fresh::Kept => asked.elapsed() < KEPT,
            Fresh::Now => self.pressed.is_some_and(|pressed| pressed.elapsed() < AGAIN),
        };
        is_good.then(|| Arc::clone(metadata))
    }

    fn last(&self) -> Option<Arc<Metadata>> {
        let (metadata, asked) = self.metadata.as_ref()?;
        (asked.elapsed() < LAST_KNOWN).then(|| Arc::clone(metadata))
    }
}

async fn discovered(issuer: &IssuerUrl, asker: &Asker) -> Result<Metadata, Trouble> {
    let url = openidconnect::IssuerUrl::new(issuer.as_str().to_owned());
    let url = url.map_err(|_| Trouble::Unreachable("its issuer is no URL".into()))?;
    Metadata::discover_async(url, asker).await.map_err(undiscovered)
}

fn undiscovered(error: DiscoveryError<Unasked>) -> Trouble {
    match error {
        DiscoveryError::Request(error) => Trouble::Unreachable(error.to_string()),
        DiscoveryError::Response(status, ..) => {
            Trouble::Unreachable(format!("it answers {status} where it should tell of itself"))
        }
        DiscoveryError::Validation(text) => Trouble::NotBelieved(bounded(&text)),
        _ => Trouble::Unreachable("what it tells of itself cannot be read".into()),
    }
}
