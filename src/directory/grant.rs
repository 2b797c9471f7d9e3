//! A grant: the outcome of resolving. This caller, this provider, this version of this credential, and why.
//! Owns the opened fields of the credential, in the least memory; each core prepares from it what it uses all the time.
//! Made once for many requests; what may expire is checked by the clock at each of them.

use super::{Reach, Unavailable};
use crate::{
    clock::Timestamp,
    credential::{
        Owner,
        resolve::{Question, Selection, Unresolved, Why, follow, resolve},
    },
    id::{CredentialId, OrganizationId, ProjectId},
    identity::{Context, Standing, TokenHolder, pat::PatDigest},
    job::Payer,
    provider::{Fields, Provider},
    scheme::{self, Injection, NotPreparable},
    source::{Drawn, Key, Problem, Spec},
    store::{SealedVersion, Seq, StoreError},
    vault::VaultError,
};
use http::HeaderValue;
use std::{
    fmt::Write,
    hash::{Hash, Hasher},
    sync::Arc,
};

pub struct Grant {
    pub provider: Arc<Provider>,
    pub credential: CredentialId,
    pub version: u32,
    pub why: Why,
    pub label: Box<str>,
    pub expires: Timestamp,
    pub fields: Fields,
    value: Value,
    /// What it was asked for by. Boxed because most requests name nothing.
    asked: Option<Box<Purse>>,
    /// `None`: the caller's own. Boxed because that is what most are paid with.
    home: Option<Box<Home>>,
}

/// Where the fields of a grant are from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    Entered,
    /// Read from their source, which may have others by now.
    Drawn,
}

/// What became of a grant that the provider has refused.
pub enum Renewed {
    /// There is nothing else to try.
    Same,
    Changed(Arc<Grant>),
}

/// Whose credential it is, as the caller names them, and the context that the request runs in.
#[derive(Clone)]
struct Home {
    owner: Context,
    context: Context,
    organization: Option<OrganizationId>,
    project: Option<ProjectId>,
}

static ME: Context = Context::me();

/// What a request says of what pays for it; nothing, mostly.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Purse {
    /// The context that it names.
    Named(Context),
    /// The credential that made what it is about.
    Made(CredentialId),
}

/// The whole identity of a grant: the caller's token, the provider, and what the request says of what pays.
///
/// Why the provider is compared by its place in memory: its index and its id may be another's after a reload, and a
/// request that began before it must not leave behind what one that begins after it would find.
#[derive(Clone)]
pub struct GrantKey {
    digest: PatDigest,
    provider: Arc<Provider>,
    purse: Option<Purse>,
}

impl GrantKey {
    pub fn new(digest: PatDigest, provider: &Arc<Provider>, purse: Option<&Purse>) -> Self {
        Self { digest, provider: Arc::clone(provider), purse: purse.cloned() }
    }

    pub const fn digest(&self) -> PatDigest {
        self.digest
    }

    /// Whether this is the key of what is described.
    pub fn is(&self, digest: PatDigest, provider: &Arc<Provider>, purse: Option<&Purse>) -> bool {
        self.digest == digest && Arc::ptr_eq(&self.provider, provider) && self.purse.as_ref() == purse
    }
}

impl PartialEq for GrantKey {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.digest, &other.provider, other.purse.as_ref())
    }
}

impl Eq for GrantKey {}

impl Hash for GrantKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.digest, self.provider.index(), &self.purse).hash(state);
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Unresolvable {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error("the store cannot be asked")]
    Unavailable,
    /// The stored version cannot be opened or no longer fits its preset.
    #[error("the stored credential cannot be used: {because}")]
    Unusable { home: Context, label: Box<str>, because: Box<str> },
}

impl From<Unavailable> for Unresolvable {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<StoreError> for Unresolvable {
    fn from(error: StoreError) -> Self {
        tracing::warn!(event = "credential.not_looked_up", %error, "a credential could not be looked up");
        Self::Unavailable
    }
}

/// Reads the offers, applies the rule, and opens what was chosen.
pub async fn look_up(
    reach: &Reach,
    holder: &TokenHolder,
    key: GrantKey,
) -> Result<(Seq, Grant, Option<Drawn>), Unresolvable> {
    let standing = &holder.standing;
    let offers = reach.store.offers(standing.user, key.provider.id()).await?;
    let (named, made) = match &key.purse {
        None => (None, None),
        Some(Purse::Named(context)) => (Some(context), None),
        Some(Purse::Made(credential)) => (None, Some(*credential)),
    };
    let boundary = holder.boundary.as_deref();
    let question = Question { standing, boundary, named, personal: key.provider.personal(), now: reach.clock.now() };
    let selection = match made {
        Some(credential) => follow(question, &offers.value, credential)?,
        None => resolve(question, &offers.value)?,
    };
    let home = home(reach, standing, &selection).await?;
    let (fields, drawn) = open(reach, &key.provider, &selection).await?;
    let value = if drawn.is_some() { Value::Drawn } else { Value::Entered };
    Ok((offers.head, Grant::new(key, selection, home, fields, value), drawn))
}

/// Where the credential belongs, for the record of what it pays for. `None`: it is the caller's own.
async fn home(
    reach: &Reach,
    standing: &Standing,
    selection: &Selection<'_>,
) -> Result<Option<Box<Home>>, Unresolvable> {
    let Selection { offer, context, .. } = selection;
    if offer.home == ME && *context == ME {
        return Ok(None);
    }
    let membership = offer.home.organization.as_ref().and_then(|name| standing.membership(name));
    let project = match (&context.project, offer.owner, membership) {
        (None, ..) => None,
        (Some(_), Owner::Project(id), _) => Some(id),
        (Some(name), _, Some(membership)) => match membership.projects.iter().find(|p| p.name == *name) {
            Some(project) => Some(project.id),
            // Who manages the organization pays from its projects without being in them.
            None => reach.store.project_of(membership.organization, name).await?,
        },
        (Some(_), _, None) => None,
    };
    let organization = membership.map(|m| m.organization);
    Ok(Some(Box::new(Home { owner: offer.home.clone(), context: context.clone(), organization, project })))
}

async fn open(
    reach: &Reach,
    provider: &Arc<Provider>,
    selection: &Selection<'_>,
) -> Result<(Fields, Option<Drawn>), Unresolvable> {
    let offer = selection.offer;
    let mut opened = open_stored(reach, provider, selection).await?;
    if opened.as_ref().is_err_and(NotOpened::is_outrun) {
        // It was sealed anew, and its key taken away, between the reading and the opening.
        opened = open_stored(reach, provider, selection).await?;
    }
    opened.map_err(|error| match error {
        NotOpened::Stored(NotPreparable::Seal(problem)) if problem.is_of_this_process() => {
            tracing::error!(event = "credential.not_opened", %problem, credential = %offer.credential, "a stored credential cannot be opened by this process");
            Unresolvable::Unavailable
        }
        NotOpened::Source(problem) => {
            let because = format!("its source cannot be read: {problem}").into();
            Unresolvable::Unusable { home: offer.home.clone(), label: offer.label.clone(), because }
        }
        error @ NotOpened::Stored(_) => {
            tracing::error!(event = "credential.unusable", credential = %offer.credential, version = offer.version, %error, "a stored credential cannot be used");
            unusable(&offer.home, &offer.label)
        }
    })
}

async fn open_stored(
    reach: &Reach,
    provider: &Arc<Provider>,
    selection: &Selection<'_>,
) -> Result<Result<(Fields, Option<Drawn>), NotOpened>, Unresolvable> {
    let offer = selection.offer;
    // Rotated or deleted since the offers were read: the caller asks again and finds what is there now.
    let version = reach.store.sealed(offer.credential, offer.version).await?.ok_or(Unresolvable::Unavailable)?;
    Ok(open_version(reach, provider, &version).await)
}

/// Why a stored version is of no use.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error(transparent)]
    Stored(#[from] NotPreparable),
    #[error("its source cannot be read: {0}")]
    Source(Arc<Problem>),
}

impl NotOpened {
    fn is_outrun(&self) -> bool {
        matches!(self, Self::Stored(NotPreparable::Seal(VaultError::UnknownKey(_))))
    }
}

pub async fn open_version(
    reach: &Reach,
    provider: &Arc<Provider>,
    version: &SealedVersion,
) -> Result<(Fields, Option<Drawn>), NotOpened> {
    if version.source.is_none() {
        return Ok((scheme::open(&reach.vault, provider, version).await?, None));
    }
    let sealed = scheme::opened(&reach.vault, version).await.map_err(NotPreparable::from)?;
    let unread = |problem| NotOpened::Source(Arc::new(problem));
    let spec = Spec::new(provider, version, sealed).map_err(unread)?;
    let key = Key { credential: version.credential, version: version.version };
    let (fields, drawn) = reach.sources.draw(key, spec).await.map_err(NotOpened::Source)?;
    Ok((fields, Some(drawn)))
}

fn unusable(home: &Context, label: &str) -> Unresolvable {
    let because = "its stored form cannot be read; enter it again".into();
    Unresolvable::Unusable { home: home.clone(), label: label.into(), because }
}

impl Grant {
    fn new(key: GrantKey, selection: Selection<'_>, home: Option<Box<Home>>, fields: Fields, value: Value) -> Self {
        let Selection { offer, why, .. } = selection;
        Self {
            provider: key.provider,
            credential: offer.credential,
            version: offer.version,
            why,
            label: offer.label.clone(),
            expires: offer.expires,
            fields,
            value,
            asked: key.purse.map(Box::new),
            home,
        }
    }

    /// The same, with other fields of the same credential.
    pub(super) fn with(&self, fields: Fields) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            credential: self.credential,
            version: self.version,
            why: self.why,
            label: self.label.clone(),
            expires: self.expires,
            fields,
            value: self.value,
            asked: self.asked.clone(),
            home: self.home.clone(),
        }
    }

    /// Whether there may be another value by now, which the provider does not refuse.
    pub fn is_renewable(&self) -> bool {
        self.value == Value::Drawn
    }

    /// Whose it is, as the caller names them.
    pub fn home(&self) -> &Context {
        self.home.as_deref().map_or(&ME, |home| &home.owner)
    }

    pub fn context(&self) -> &Context {
        self.home.as_deref().map_or(&ME, |home| &home.context)
    }

    /// Whose members share the credential.
    pub fn organization(&self) -> Option<OrganizationId> {
        self.home.as_deref()?.organization
    }

    /// In whose name it pays, and for which project.
    pub fn payer(&self, holder: &TokenHolder) -> Payer {
        Payer {
            user: holder.standing.user,
            token: holder.token,
            credential: self.credential,
            version: self.version,
            organization: self.organization(),
            project: self.home.as_deref().and_then(|home| home.project),
            provider: self.provider.id().into(),
            account: self.account(),
        }
    }

    /// Whom the provider sees: the field that says so, else this credential by itself.
    fn account(&self) -> Box<str> {
        let field = self.provider.preset().account.as_deref().and_then(|name| self.fields.plain(name));
        field.map_or_else(|| self.credential.to_string().into(), Into::into)
    }

    pub(super) fn purse(&self) -> Option<&Purse> {
        self.asked.as_deref()
    }

    pub(super) fn is_for(&self, provider: &Arc<Provider>, purse: Option<&Purse>) -> bool {
        Arc::ptr_eq(&self.provider, provider) && self.purse() == purse
    }

    /// What attaches the credential, or what it was exchanged for. It was tried when the grant was made.
    pub fn injection(&self, access: Option<&str>) -> Result<Injection, Unresolvable> {
        Injection::new(self.provider.preset(), &self.fields, access).map_err(|_| unusable(self.home(), &self.label))
    }

    /// The value of `Bellhop-Credential`: an RFC 9651 dictionary. The label is a String where it is ASCII, else a
    /// Display String (§3.3.8).
    pub fn receipt(&self) -> HeaderValue {
        let mut text = String::with_capacity(256);
        let _ = write!(text, "owner=\"{}\", id=\"{}\", label=", self.home(), self.credential);
        write_label(&mut text, &self.label);
        let _ = write!(text, ", why={}", self.why);
        // Copied, as a core keeps thousands of them and no more than their bytes.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("why=unknown"))
    }
}

fn write_label(text: &mut String, label: &str) {
    if label.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        text.push('"');
        label.chars().for_each(|c| {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        });
    } else {
        text.push_str("%\"");
        for byte in label.bytes() {
            match byte {
                b'%' | b'"' | 0..=0x1f | 0x7f.. => {
                    let _ = write!(text, "%{byte:02x}");
                }
                plain => text.push(char::from(plain)),
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{GrantKey, Purse, write_label};
    use crate::{identity::pat::PatDigest, provider::Catalog};

    #[test]
    fn what_was_granted_before_a_reload_is_not_found_after_it() {
        let (before, after) = (Catalog::shipped().unwrap(), Catalog::shipped().unwrap());
        let digest = PatDigest::from_hex(&"0".repeat(64)).unwrap();
        let key = |catalog: &Catalog| GrantKey::new(digest, catalog.at(0).unwrap(), None);
        assert!(key(&before) == key(&before));
        assert!(key(&before) != key(&after));
        assert!(!key(&before).is(digest, after.at(0).unwrap(), None));
        assert!(!key(&before).is(digest, before.at(0).unwrap(), Some(&Purse::Named(super::ME.clone()))));
    }

    fn written(label: &str) -> String {
        let mut text = String::new();
        write_label(&mut text, label);
        text
    }

    #[test]
    fn a_label_is_a_string_or_a_display_string() {
        assert_eq!(written("shared"), "\"shared\"");
        assert_eq!(written("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\"");
        assert_eq!(written("schlüssel%"), "%\"schl%c3%bcssel%25\"");
        assert_eq!(written(""), "\"\"");
        assert_eq!(written("line\nbreak"), "%\"line%0abreak\"");
    }
}
