//! How many credentials there are in which health, and how many submissions of which nobody knows the end.
//! Owns nothing.
//! Never says whose they are.

use super::{Reading, Result, row::Columns};
use crate::clock::Timestamp;

/// Numbers without names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// By provider and health.
    pub credentials: Vec<(String, String, u64)>,
    /// Of all processes: sent, and not answered yet.
    pub open: u64,
    /// What became of them somebody has to find out.
    pub unknown: u64,
}

/// Each has one health, so that they add up: what is wrong now comes before what will be.
const HEALTH: &str = "\
    SELECT h.provider, h.health, COUNT(*) AS held FROM ( \
      SELECT c.provider, CASE \
               WHEN c.state <> 'active' THEN c.state \
               WHEN c.expires <= $1 THEN 'expired' \
               WHEN v.probe_verdict = 'refused' OR EXISTS (SELECT 1 FROM source_states s \
                      JOIN processes p ON p.id = s.process_id \
                      WHERE s.credential_id = c.id AND s.version = c.version AND s.failing_since IS NOT NULL) THEN 'failing' \
               WHEN c.expires <= $2 THEN 'expiring' \
               ELSE 'active' END AS health \
        FROM credentials c LEFT JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.version \
       WHERE c.state <> 'deleted') h \
     GROUP BY h.provider, h.health ORDER BY h.provider, h.health";
const OPEN: &str = "SELECT COUNT(*) AS held FROM submissions WHERE state = 'open'";
const UNKNOWN: &str = "SELECT COUNT(*) AS held FROM submissions WHERE state = 'unknown'";

impl Reading {
    /// `soon`: what ends until then is expiring.
    pub async fn census(&mut self, now: Timestamp, soon: Timestamp) -> Result<Census> {
        let query = sqlx::query(HEALTH).bind(now.millis()).bind(soon.millis());
        let rows = query.fetch_all(self.connection()).await?;
        let credentials = rows
            .iter()
            .map(|row| Ok((row.text("provider")?.to_owned(), row.text("health")?.to_owned(), row.amount("held")?)));
        let credentials = credentials.collect::<Result<_>>()?;
        let open = sqlx::query(OPEN).fetch_one(self.connection()).await?.amount("held")?;
        let unknown = sqlx::query(UNKNOWN).fetch_one(self.connection()).await?.amount("held")?;
        Ok(Census { credentials, open, unknown })
    }
}
