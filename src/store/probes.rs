//! What a provider said of a credential's version when it was asked, and whose it is.
//! Owns the columns `probed`, `probe_verdict` and `probe_account` of `credential_versions`.
//! Never asks anybody.

use super::{Reading, Result, Tx, row::Columns};
use crate::{clock::Timestamp, id::CredentialId};
use sqlx::any::AnyRow;
use std::{fmt, str::FromStr};

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct ProbeRow {
    pub at: Timestamp,
    pub verdict: Verdict,
    /// Whom the provider sees.
    pub account: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = ProbeVerdict)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Valid,
    Refused,
    /// Nobody was reached who could have said.
    Unreachable,
}

impl Tx {
    /// Notes the newest answer about one version. It changes nothing that is served, and is announced as every change is.
    pub async fn note_probe(&mut self, credential: CredentialId, version: u32, probe: &ProbeRow) -> Result<()> {
        sqlx::query(
            "UPDATE credential_versions SET probed = $3, probe_verdict = $4, probe_account = $5 \
             WHERE credential_id = $1 AND version = $2",
        )
        .bind(credential.to_string())
        .bind(i64::from(version))
        .bind(probe.at.millis())
        .bind(probe.verdict.to_string())
        .bind(probe.account.as_deref().map(str::to_owned))
        .execute(self.writing())
        .await?;
        self.announce_credential(credential).await
    }
}

impl Reading {
    /// The account that any version of this credential was last seen to be of.
    pub async fn probed_account(&mut self, credential: CredentialId) -> Result<Option<Box<str>>> {
        let row = sqlx::query(
            "SELECT probe_account FROM credential_versions WHERE credential_id = $1 AND probe_account IS NOT NULL \
             ORDER BY version DESC LIMIT 1",
        )
        .bind(credential.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| row.text("probe_account").map(Into::into)).transpose()
    }
}

impl ProbeRow {
    pub(super) fn read(row: &AnyRow) -> Result<Option<Self>> {
        let (Some(at), Some(verdict)) = (row.optional_time("probed")?, row.optional("probe_verdict")?) else {
            return Ok(None);
        };
        Ok(Some(Self { at, verdict, account: row.optional_text("probe_account")?.map(Into::into) }))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        })
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Valid, Self::Refused, Self::Unreachable];
        known.into_iter().find(|verdict| verdict.to_string() == text).ok_or_else(|| "no verdict".into())
    }
}
