//! What a caller could be paid with at one provider, and the sealed version of the one that is chosen.
//! Owns nothing; it joins what `credentials`, `organizations` and `projects` own.
//! Never chooses, and never opens a seal.

use super::{
    PlainFields, Question, Reading, Result, Snapshot, Store,
    credentials::{read_owner, read_plain, read_version},
    row::Columns,
    row::corrupt,
    row::parse,
};
use crate::{
    credential::{Offer, Owner},
    id::{CredentialId, UserId},
    identity::Name,
};
use sqlx::any::AnyRow;

/// One version of a credential, and everything that its seal is bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedVersion {
    pub credential: CredentialId,
    pub owner: Owner,
    pub provider: Box<str>,
    pub version: u32,
    /// The key that it was sealed with.
    pub key: i64,
    pub sealed: Vec<u8>,
    pub plain_fields: PlainFields,
    /// Where its value is read from; `None`: it was entered.
    pub source: Option<Box<str>>,
}

/// A restriction to a project that is gone has to stay a restriction, and fit no context, not even one
/// that is still pinned to that project; hence a name made of the credential's id.
pub(super) const OFFERS: &str = "\
    SELECT h.seq, c.id, c.version, c.user_id, c.organization_id, c.project_id, f.home, c.label, c.state, c.expires, \
           (SELECT string_agg(CASE WHEN rp.deleted IS NULL THEN rp.name ELSE 'deleted-' || replace(c.id, '-', '') END, ' ') \
              FROM credential_projects r JOIN projects rp ON rp.id = r.project_id WHERE r.credential_id = c.id) AS projects, \
           (SELECT string_agg(r.user_id, ' ') FROM credential_members r WHERE r.credential_id = c.id) AS members \
      FROM head h \
      LEFT JOIN ( \
           SELECT own.id, 'me' AS home \
             FROM credentials own WHERE own.user_id = $1 AND own.provider = $2 AND own.user_id IS NOT NULL \
        UNION ALL \
           SELECT c.id, 'me.' || p.name \
             FROM projects p JOIN credentials c ON c.project_id = p.id AND c.provider = $2 \
            WHERE p.user_id = $1 \
        UNION ALL \
           SELECT c.id, o.name \
             FROM memberships m JOIN organizations o ON o.id = m.organization_id \
             JOIN credentials c ON c.organization_id = m.organization_id AND c.provider = $2 \
            WHERE m.user_id = $1 \
        UNION ALL \
           SELECT c.id, o.name || '.' || p.name \
             FROM memberships m JOIN organizations o ON o.id = m.organization_id \
             JOIN projects p ON p.organization_id = m.organization_id \
             JOIN credentials c ON c.project_id = p.id AND c.provider = $2 \
            WHERE m.user_id = $1 \
           ) f ON 1 = 1 \
      LEFT JOIN credentials c ON c.id = f.id AND c.state <> 'deleted'";

macro_rules! select_sealed {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.user_id, c.organization_id, c.project_id, c.provider, v.version, v.key_id, v.sealed, v.plain_fields, v.source \
               FROM credential_versions v JOIN credentials c ON c.id = v.credential_id WHERE ",
            $rest
        )
    };
}

pub(super) const SEALED: &str = select_sealed!("v.credential_id = $1 AND v.version = $2");

impl Store {
    /// The user's own credentials for this provider, their projects', their organizations' and all those
    /// organizations' projects', disabled and expired ones included. One statement: a statement is a snapshot.
    pub async fn offers(&self, user: UserId, provider: &str) -> Result<Snapshot<Vec<Offer>>> {
        self.counted(Question::Offers, self.read_offers(user, provider)).await
    }

    async fn read_offers(&self, user: UserId, provider: &str) -> Result<Snapshot<Vec<Offer>>> {
        let rows = sqlx::query(OFFERS).bind(user.to_string()).bind(provider).fetch_all(&self.readers).await?;
        let head = rows.first().ok_or_else(|| corrupt("head"))?.number("seq")?;
        Ok(Snapshot { head, value: read_offers(&rows)? })
    }

    /// One version; `None` if it was never there, or its credential is deleted.
    pub async fn sealed(&self, credential: CredentialId, version: u32) -> Result<Option<SealedVersion>> {
        let query = sqlx::query(SEALED).bind(credential.to_string()).bind(i64::from(version));
        let asking = async { Ok(query.fetch_optional(&self.readers).await?) };
        let row = self.counted(Question::Credential, asking).await?;
        row.as_ref().map(SealedVersion::read).transpose()
    }

    /// The current version of a credential, a retired one's too.
    pub async fn sealed_now(&self, credential: CredentialId) -> Result<Option<SealedVersion>> {
        let row = sqlx::query(select_sealed!("v.credential_id = $1 AND v.version = c.version"))
            .bind(credential.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(SealedVersion::read).transpose()
    }

    /// At most `limit` versions that are sealed with another key than this one, in the order of their ids,
    /// from after the one that is named.
    pub async fn sealed_otherwise(
        &self,
        key: i64,
        after: Option<(CredentialId, u32)>,
        limit: u32,
    ) -> Result<Vec<SealedVersion>> {
        let (id, version) = after.map_or((String::new(), 0), |(id, version)| (id.to_string(), i64::from(version)));
        let rows = sqlx::query(select_sealed!(
            "(v.credential_id > $1 OR (v.credential_id = $1 AND v.version > $2)) AND v.key_id <> $3 \
             ORDER BY v.credential_id, v.version LIMIT $4"
        ))
        .bind(id)
        .bind(version)
        .bind(key)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(SealedVersion::read).collect()
    }
}

impl Reading {
    /// As [`Store::offers`], at the moment of this reading.
    pub async fn offers(&mut self, user: UserId, provider: &str) -> Result<Vec<Offer>> {
        let query = sqlx::query(OFFERS).bind(user.to_string()).bind(provider);
        read_offers(&query.fetch_all(self.connection()).await?)
    }
}

impl SealedVersion {
    pub(super) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            credential: row.parsed("id")?,
            owner: read_owner(row)?,
            provider: row.text("provider")?.into(),
            version: read_version(row)?,
            key: row.number("key_id")?,
            sealed: row.bytes("sealed")?.to_vec(),
            plain_fields: read_plain(row)?,
            source: row.optional_text("source")?.map(Into::into),
        })
    }
}

/// In the order of their homes.
fn read_offers(rows: &[AnyRow]) -> Result<Vec<Offer>> {
    let mut offers: Vec<Offer> = rows.iter().filter_map(|row| read_offer(row).transpose()).collect::<Result<_>>()?;
    offers.sort_by(|a, b| (&a.home, a.credential).cmp(&(&b.home, b.credential)));
    Ok(offers)
}

fn read_offer(row: &AnyRow) -> Result<Option<Offer>> {
    let Some(credential) = row.optional("id")? else { return Ok(None) };
    let mut projects: Vec<Name> = row.words("projects")?;
    projects.sort();
    Ok(Some(Offer {
        credential,
        version: read_version(row)?,
        owner: read_owner(row)?,
        home: parse(row.text("home")?, "home")?,
        label: row.text("label")?.into(),
        state: row.parsed("state")?,
        expires: row.time("expires")?,
        projects: projects.into(),
        members: row.words("members")?.into(),
    }))
}
