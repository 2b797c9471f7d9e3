//! Entering a credential, and giving it a new version.
//! Owns the secrets that were sent until they are sealed.
//! Never changes an id: receipts and audit entries name it.
//!
//! Why a rotation has no time of grace: everything goes out with the current version from then on, what is asked about
//! open jobs too, as one account has made them all. An old version would have nothing left to be used for.

use super::{Credential, Found, Version, change::restriction, check_label, probe};
use crate::{
    ask::probe::Finding,
    clock::Timestamp,
    config::Expected,
    credential::{
        Owner, State,
        resolve::Personal,
        source::{BEARER, Place, Source, Written},
    },
    id::CredentialId,
    identity::{Context, Name, UserName, role::Act},
    manage::{
        Fault, Management, Rights, Wanted, Who,
        homes::{Home, Homes},
        names,
        tokens::Shown,
    },
    provider::Provider,
    scheme,
    secret::Secret,
    store::{Conflict, CredentialChange, CredentialRow, NewCredential, Origin, ProbeRow, Reading, StoreError, Verdict},
    vault::Label,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// The values of fields, by name. They are never told again.
#[derive(Debug, Default)]
pub struct Given(pub BTreeMap<String, Option<Shown>>);

/// A credential to be entered: its fields, or the source that they are read from while Bellhop runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    /// Whose: `me`, `me.<project>`, `<organization>` or `<organization>.<project>`.
    pub context: Context,
    /// Whose `me` the context is; without it, yours.
    #[serde(default)]
    pub user: Option<String>,
    pub provider: String,
    /// What people see of it.
    #[serde(default)]
    #[schema(max_length = 120)]
    pub label: String,
    /// By name, as `GET /providers/{id}` lists them; beside a source, those that it does not give. Write-only.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub fields: Given,
    /// Where its value is read from while Bellhop runs. `leap` is for everybody, with the field `bearer`; `env`, `file`
    /// and `vault` are read with this server's own rights, and for its administrators; `command` is entered at the
    /// server's command line alone.
    #[serde(default)]
    pub source: Option<Written>,
    /// When it ends; never, if it is left out.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// The only projects of its organization that may use it; empty: any.
    #[serde(default)]
    pub projects: Vec<Name>,
    /// The only members that may use it; empty: any.
    #[serde(default)]
    pub members: Vec<UserName>,
    /// Ask the provider first whether it takes it, and whose it is; what it refuses is not entered.
    #[serde(default)]
    pub probe: bool,
}

/// A new version of a credential. Its account must be the same: jobs of one cannot be asked about with a key of another.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RotateCredential {
    /// Those that change; the others stay as they are, and null takes one away. Write-only.
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub fields: Given,
    /// As where a credential is entered.
    pub source: Option<Written>,
    /// When the new version ends; as before, if it is left out.
    pub expires: Option<Timestamp>,
    /// Ask the provider first.
    pub probe: bool,
}

/// A credential with the version that was just entered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EnteredCredential {
    #[serde(flatten)]
    pub credential: Credential,
    /// What the provider said of it; null: it was not asked.
    pub finding: Option<Found>,
    /// How many jobs that it made are open: questions about them go out with the new version.
    pub open_jobs: u64,
    /// Why nothing can be paid with it as things are, in words; null: nothing is known to be in the way.
    pub warning: Option<String>,
}

impl Given {
    /// Without those that are to be taken away.
    fn values(self) -> Vec<(String, Secret)> {
        self.0.into_iter().filter_map(|(name, value)| Some((name, value?.0))).collect()
    }
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What is wrong with a secret is told without it: serde's own words would repeat it.
impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde_json::Value;
        let wrong = || de::Error::custom("expected texts by the names of fields in `fields`");
        let Value::Object(fields) = Value::deserialize(deserializer)? else { return Err(wrong()) };
        let read = |(name, value)| match value {
            Value::String(text) => Ok((name, Some(Shown(Secret::new(text))))),
            Value::Null => Ok((name, None)),
            _ => Err(wrong()),
        };
        fields.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Management {
    pub async fn create_credential(&self, who: &Who, wanted: CreateCredential) -> Result<EnteredCredential, Fault> {
        check_label(&wanted.label)?;
        let provider = Arc::clone(self.current().provider(&wanted.provider)?);
        let (mut reading, rights) = self.look(who).await?;
        entering(&mut reading, &rights, &wanted, &provider).await?;
        drop(reading);
        let source = wanted.source.map(|written| read_source(written, &rights)).transpose()?;
        let given = wanted.fields.values();
        let version = match source {
            Some(source) => Version::sourced(&provider, source, given),
            None => provider.fields(given).map(|fields| Version::entered(&fields)).map_err(|error| error.to_string()),
        };
        let version = version.map_err(|error| Fault::invalid("fields", error))?;
        let finding = if wanted.probe { Some(self.accepted(&provider, &version).await?) } else { None };
        let (mut tx, rights) = self.act(who).await?;
        let wanted = CreateCredential { fields: Given::default(), source: None, ..wanted };
        let (owner, home) = entering(&mut tx, &rights, &wanted, &provider).await?;
        let id = CredentialId::new();
        let label = Label { credential: id, owner, provider: provider.id(), version: 1 };
        let credential = NewCredential {
            id,
            owner,
            provider: provider.id().into(),
            label: wanted.label.as_str().into(),
            expires: wanted.expires.unwrap_or(Timestamp::MAX),
            restriction: restriction(&mut tx, owner, &wanted.projects, &wanted.members).await?,
            version: version.seal(&self.vault, label)?,
            origin: Origin::Hand,
        };
        match tx.insert_credentials(&[credential]).await {
            Err(StoreError::Conflict(Conflict::ActiveCredential)) => return Err(taken(&provider, &home)),
            done => done?,
        }
        if let Some(finding) = &finding {
            tx.note_probe(id, 1, &self.probe_row(finding)).await?;
        }
        let from = version.source.as_ref().map(|source| format!(", read from {source}")).unwrap_or_default();
        tx.record(rights.entry("credential.added", id).detail(format!("{}@{home}{from}", provider.id())));
        tx.commit().await?;
        let (credential, warning) = (self.credential(who, id).await?, self.unread(&version));
        Ok(EnteredCredential { credential, finding: finding.map(Into::into), open_jobs: 0, warning })
    }

    pub async fn rotate_credential(
        &self,
        who: &Who,
        id: CredentialId,
        wanted: RotateCredential,
        read: Option<&Wanted>,
    ) -> Result<EnteredCredential, Fault> {
        let (mut reading, rights) = self.look(who).await?;
        let (row, _) = self.managed(&mut reading, &rights, id).await?;
        self.check_tag((&mut reading, &rights), &row, read).await?;
        drop(reading);
        if row.state == State::Retired {
            return Err(Fault::conflict("it is retired: it only serves what is asked about its open jobs"));
        }
        let provider = self.served(&row)?;
        let (probes, expires) = (wanted.probe, wanted.expires);
        let version = self.next_version(&provider, &row, &rights, wanted).await?;
        same_account(&provider, &row, &version)?;
        let finding = if probes { Some(self.accepted(&provider, &version).await?) } else { None };
        let label = Label { credential: id, owner: row.owner, provider: provider.id(), version: row.version + 1 };
        let sealed = version.seal(&self.vault, label)?;
        let (mut tx, rights) = self.act(who).await?;
        let (row, _) = self.managed(&mut tx, &rights, id).await?;
        self.check_tag((&mut tx, &rights), &row, read).await?;
        if let Some(finding) = &finding {
            same_probed_account(tx.probed_account(id).await?.as_deref(), finding)?;
        }
        let open_jobs = tx.open_jobs(id).await?;
        match tx.add_version(id, &sealed).await {
            Err(StoreError::Conflict(Conflict::Missing)) => {
                let text = "somebody else has just rotated or deleted it: look at it again, then repeat";
                return Err(Fault::conflict(text));
            }
            done => done?,
        }
        if let Some(finding) = &finding {
            tx.note_probe(id, sealed.version, &self.probe_row(finding)).await?;
        }
        if let Some(expires) = expires {
            tx.change_credential(id, CredentialChange::Expires(expires)).await?;
        }
        tx.record(rights.entry("credential.rotated", id).detail(format!("version {}", sealed.version)));
        tx.commit().await?;
        let (credential, warning) = (self.credential(who, id).await?, self.unread(&version));
        Ok(EnteredCredential { credential, finding: finding.map(Into::into), open_jobs, warning })
    }

    /// Of what was given, and what stays of the version before.
    async fn next_version(
        &self,
        provider: &Arc<Provider>,
        row: &CredentialRow,
        rights: &Rights,
        wanted: RotateCredential,
    ) -> Result<Version, Fault> {
        let source = wanted.source.map(|written| read_source(written, rights)).transpose()?;
        // Where only the bearer that Leap is asked with is given anew, it stays the source.
        let before = || row.source.as_deref().and_then(|text| text.parse::<Source>().ok());
        let stays = |source: &Source| is_anybodys(source) && wanted.fields.0.contains_key(BEARER);
        let source = source.or_else(|| before().filter(stays));
        let mut kept: BTreeMap<String, Secret> =
            row.plain_fields.iter().map(|(name, value)| (name.to_string(), Secret::new(&**value))).collect();
        // What a source gives is not kept as if it had been entered.
        if row.source.is_none() && source.is_none() {
            let gone = || Fault::conflict("somebody has just rotated or deleted it: look at it again");
            let sealed = self.store.sealed(row.id, row.version).await?.ok_or_else(gone)?;
            let secrets = scheme::opened(&self.vault, &sealed).await?;
            kept.extend(secrets.into_iter().map(|(name, value)| (name.into(), value)));
        }
        kept.retain(|name, _| !wanted.fields.0.contains_key(name));
        let is_nothing = wanted.fields.0.is_empty() && row.source.is_none();
        let mut given = wanted.fields.values();
        let made = match source {
            Some(source) => {
                let read = source.place.fields();
                given.extend(kept.into_iter().filter(|(name, _)| !read.contains(&name.as_str())));
                Version::sourced(provider, source, given)
            }
            None if is_nothing => Err("expected at least one that changes".into()),
            None => {
                let fields = provider.fields(given.into_iter().chain(kept));
                fields.map(|fields| Version::entered(&fields)).map_err(|error| error.to_string())
            }
        };
        made.map_err(|error| Fault::invalid("fields", error))
    }

    /// What the provider says of a version that is about to be entered, unless that is no.
    async fn accepted(&self, provider: &Arc<Provider>, version: &Version) -> Result<Finding, Fault> {
        let finding = probe::of_new(self, provider, version).await?;
        match finding.verdict {
            Verdict::Refused => Err(Fault::invalid(
                "fields",
                format!(
                    "the provider refuses it ({}): nothing was changed. Without a probe it is taken as it is",
                    finding.because
                ),
            )),
            _ => Ok(finding),
        }
    }

    /// A source that the configuration says nothing of. The process that serves may have another one, so it is entered.
    fn unread(&self, version: &Version) -> Option<String> {
        let is_vault = matches!(version.source.as_ref()?.place, Place::Vault { .. });
        (is_vault && self.current().config.sources.vault.is_none()).then(|| {
            "`sources.vault` is not configured here, and until it is where Bellhop serves, nothing is paid with this".into()
        })
    }

    pub(super) fn probe_row(&self, finding: &Finding) -> ProbeRow {
        ProbeRow { at: self.now(), verdict: finding.verdict, account: finding.account.clone() }
    }
}

/// Whose it is to be, if this actor may enter it there.
async fn entering(
    reading: &mut Reading,
    rights: &Rights,
    wanted: &CreateCredential,
    provider: &Provider,
) -> Result<(Owner, Home), Fault> {
    let owner = names::owner(reading, rights, &wanted.context, wanted.user.as_deref()).await?;
    rights.over_owner(reading, owner, Act::ManageCredentials).await?;
    let home = Homes::default().of(reading, owner).await?;
    home.within(rights, provider.id())?;
    if wanted.context.organization.is_none() && provider.personal() == Personal::Forbidden {
        let id = provider.id();
        return Err(Fault::forbidden(format!(
            "personal credentials are switched off for {id}: `providers.{id}.personal` in the configuration"
        )));
    }
    Ok((owner, home))
}

/// Why Vault is not for everybody who manages a credential: Bellhop signs in there once, for all of them, so whoever
/// names a path spends what stands there, also where it is another organization's. Leap is asked with a bearer of
/// the very person's. A command is a program that the server runs: whoever administers the installation over the
/// network does not thereby hold its machine.
fn read_source(written: Written, rights: &Rights) -> Result<Source, Fault> {
    let source: Source = written.try_into().map_err(|error: Expected| Fault::invalid("source", error.to_string()))?;
    if matches!(source.place, Place::Command { .. }) && !rights.is_at_machine() {
        return Err(Fault::forbidden(
            "a source of kind `command` is a program that the server runs: enter it there, at the server's command line \
             or with `bellhop apply`",
        ));
    }
    if is_anybodys(&source) || rights.is_admin() {
        return Ok(source);
    }
    let kind = source.place.kind();
    let text =
        format!("a source of kind `{kind}` is read with this server's own rights: only its administrator enters one");
    Err(Fault::forbidden(text))
}

/// Whether it is read with what somebody entered, and not with this server's own rights.
const fn is_anybodys(source: &Source) -> bool {
    matches!(source.place, Place::Leap { .. })
}

fn taken(provider: &Provider, home: &Home) -> Fault {
    let (id, at) = (provider.id(), home.context.as_ref().map(ToString::to_string).unwrap_or_default());
    let whose = home.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default();
    Fault::conflict(format!(
        "{home} has an active credential for {id}: `bellhop credential rotate {id}@{at}{whose}` gives it a new key, `disable` \
         makes room for another"
    ))
}

/// Jobs of one account cannot be asked about with a key of another, so that is a new credential.
fn same_account(provider: &Provider, row: &CredentialRow, version: &Version) -> Result<(), Fault> {
    let Some(account) = &provider.preset().account else { return Ok(()) };
    if row.plain_fields.get(account).map(|value| &**value) == account_of(provider, account, version) {
        return Ok(());
    }
    Err(Fault::invalid(
        "fields",
        format!(
            "`{account}` is another account: a new version must be of the same one. Disable this credential and add another"
        ),
    ))
}

fn account_of<'v>(provider: &'v Provider, field: &str, version: &'v Version) -> Option<&'v str> {
    let default = || provider.preset().field(field).and_then(|spec| spec.default.as_deref());
    version.plain.get(field).map(|value| &**value).or_else(default)
}

/// What the provider itself says of both.
fn same_probed_account(before: Option<&str>, finding: &Finding) -> Result<(), Fault> {
    let (Some(before), Some(now)) = (before, finding.account.as_deref()) else { return Ok(()) };
    if before == now {
        return Ok(());
    }
    Err(Fault::invalid(
        "fields",
        format!(
            "it is of another account, {now}, and this credential is of {before}: a new version must be of the same one. \
             Disable this credential and add another"
        ),
    ))
}
