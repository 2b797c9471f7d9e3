//! How a credential gets onto a request. The only place on the data plane where a seal is opened,
//! and the only one that can make what `upstream` sends: a request that still holds a caller's token does not compile.
//! Owns the prepared form of a credential: its headers, its selectors, the spellings of its secrets.

pub mod echo;
pub mod exchange;
pub mod minted;
pub mod sigv4;

use crate::{
    provider::{
        FieldError, Fields, Preset, Provider, ServiceIndex,
        preset::{
            NotSelectable, Scheme, Selection, Selector, exchange::ACCESS_TOKEN, path_is_within, select, sigv4::SigV4,
        },
        value::ValueTemplate,
    },
    secret::Secret,
    store::SealedVersion,
    vault::{SecretFields, Vault, VaultError},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::PathAndQuery};
use sigv4::{NotSignable, Signer};
use zeroize::Zeroizing;

/// A request's head, built anew from the caller's: nothing in it says who they are to Bellhop.
pub struct Head {
    pub method: Method,
    /// As it goes upstream.
    pub target: PathAndQuery,
    pub headers: HeaderMap,
    /// For what its caller signed it; it is signed anew for that.
    pub signed: Option<sigv4::Verified>,
}

/// Where a request may go.
pub trait Destination: Clone {
    /// What goes into `Host`.
    fn host(&self) -> HeaderValue;
}

/// A request that may leave, and where to.
pub struct Outgoing<D, B> {
    destination: D,
    request: Request<B>,
}

impl<D: Destination, B> Outgoing<D, B> {
    fn new(head: Head, body: B, destination: &D) -> Self {
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = Uri::from(head.target);
        *request.headers_mut() = head.headers;
        request.headers_mut().insert(header::HOST, destination.host());
        Self { destination: destination.clone(), request }
    }

    pub fn into_parts(self) -> (D, Request<B>) {
        (self.destination, self.request)
    }
}

/// For operations that need no credential: none is attached, and the caller's token is gone already.
pub fn without_credential<D: Destination, B>(head: Head, body: B, destination: &D) -> Outgoing<D, B> {
    Outgoing::new(head, body, destination)
}

/// Opens one stored version. What comes back can be prepared: [`Injection::new`] will not refuse it.
pub async fn open(vault: &Vault, provider: &Provider, version: &SealedVersion) -> Result<Fields, NotPreparable> {
    let secrets = opened(vault, version).await?.into_iter().map(|(name, value)| (name.into_string(), value));
    let plain = version.plain_fields.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value)));
    let fields = provider.fields(plain.chain(secrets))?;
    // Whatever it is exchanged for can be attached if this can.
    Injection::new(provider.preset(), &fields, provider.preset().exchange.as_ref().map(|_| "access-token"))?;
    Ok(fields)
}

/// What was sealed of a version: its secret fields, or what it takes to read them from their source.
pub async fn opened(vault: &Vault, version: &SealedVersion) -> Result<SecretFields, VaultError> {
    vault.unseal(version).await
}

/// A credential, ready to be attached: what one core makes of a grant's fields, for itself alone.
pub struct Injection {
    headers: Box<[(HeaderName, HeaderValue)]>,
    selectors: Box<[Choice]>,
    signer: Option<Signer>,
}

/// A selector and the values that the credential allows it.
struct Choice {
    /// `None`: the beginning of the path.
    header: Option<HeaderName>,
    allowed: Option<Box<str>>,
}

/// Why a credential is not attached to this request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAttachable {
    #[error(transparent)]
    NotSelectable(#[from] NotSelectable),
    #[error(transparent)]
    NotSignable(#[from] NotSignable),
}

/// Why a stored credential cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum NotPreparable {
    #[error("its seal does not open")]
    Seal(#[from] VaultError),
    #[error("its fields do not fit the provider's preset: {0}")]
    Fields(#[from] FieldError),
    #[error("its fields do not fill the provider's headers")]
    Header,
}

impl Injection {
    /// `access` is what the credential was exchanged for, where the preset says that it is.
    pub fn new(preset: &Preset, fields: &Fields, access: Option<&str>) -> Result<Self, NotPreparable> {
        let selectors = preset.selectors.iter().map(|selector| {
            let (header, field) = match selector {
                Selector::Header { name, field } => (Some(name.clone()), field),
                Selector::Path { field } => (None, field),
            };
            Choice { header, allowed: fields.plain(field).map(Into::into) }
        });
        let signer = preset.signs().map(|signing| signer(signing, fields)).transpose()?;
        Ok(Self { headers: headers(&preset.scheme, fields, access)?.into(), selectors: selectors.collect(), signer })
    }

    /// Attaches the credential, last of all: nothing that the caller sent can take its place.
    pub fn authorize<D: Destination, B>(
        &self,
        mut head: Head,
        body: B,
        (destination, service): (&D, ServiceIndex),
    ) -> Result<Outgoing<D, B>, NotAttachable> {
        // Accounts and instances are the main service's; what stands beside it knows none of them.
        if service == ServiceIndex::MAIN {
            self.selectors.iter().try_for_each(|choice| choice.apply(&mut head))?;
        }
        for (name, value) in &self.headers {
            head.headers.insert(name, value.clone());
        }
        if let Some(signer) = &self.signer {
            let verified = head.signed.take().ok_or(NotSignable)?;
            signer.sign(&head.method, &head.target, &mut head.headers, &destination.host(), &verified)?;
        }
        Ok(Outgoing::new(head, body, destination))
    }
}

impl Choice {
    fn apply(&self, head: &mut Head) -> Result<(), NotSelectable> {
        let allowed = self.allowed.as_deref();
        let Some(name) = &self.header else { return path_is_within(allowed, head.target.path().as_bytes()) };
        let mut callers = head.headers.get_all(name).iter();
        let (first, more) = (callers.next(), callers.next());
        if more.is_some() && allowed.is_some() {
            return Err(NotSelectable);
        }
        if let Selection::Set(value) = select(allowed, first.map(HeaderValue::as_bytes))? {
            let value = HeaderValue::from_str(value).map_err(|_| NotSelectable)?;
            head.headers.insert(name, value);
        }
        Ok(())
    }
}

fn signer(signing: &SigV4, fields: &Fields) -> Result<Signer, NotPreparable> {
    let field = |name: &str| fields.expose(name).ok_or(NotPreparable::Header);
    let session_token = signing.session_token.as_deref().and_then(|name| fields.expose(name));
    Ok(Signer::new(field(&signing.access_key_id)?, field(&signing.secret_access_key)?, session_token))
}

fn headers(
    scheme: &Scheme,
    fields: &Fields,
    access: Option<&str>,
) -> Result<Vec<(HeaderName, HeaderValue)>, NotPreparable> {
    let value = |name: &str| if name == ACCESS_TOKEN { access } else { fields.expose(name) };
    let expand = |template: &ValueTemplate| template.expand(value).ok_or(NotPreparable::Header);
    match scheme {
        Scheme::Headers(all) => {
            all.iter().map(|(name, value)| Ok((name.clone(), sensitive(expand(value)?.expose())?))).collect()
        }
        Scheme::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{}:{}", expand(user)?.expose(), expand(password)?.expose()));
            let value = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())));
            Ok(vec![(header::AUTHORIZATION, sensitive(&value)?)])
        }
        Scheme::Cookies(all) => {
            let pairs =
                all.iter().map(|(name, value)| Ok::<_, NotPreparable>(format!("{name}={}", expand(value)?.expose())));
            let value = Zeroizing::new(pairs.collect::<Result<Vec<_>, _>>()?.join("; "));
            Ok(vec![(header::COOKIE, sensitive(&value)?)])
        }
        // It is made anew for each request.
        Scheme::SigV4(_) => Ok(Vec::new()),
    }
}

/// Marked, so that no `Debug` of a header map prints it and HTTP/2 keeps it out of its tables.
fn sensitive(text: &str) -> Result<HeaderValue, NotPreparable> {
    let mut value = HeaderValue::from_str(text).map_err(|_| NotPreparable::Header)?;
    value.set_sensitive(true);
    Ok(value)
}
