//! What is used up of each limit that several processes keep together, by the store's own clock.
//! Owns the table `rates`; it need not survive a crash, and what it grants is the asker's to hand out.
//! Never grants more than a limit allows, whoever asks, however many at once, and wherever its clock jumps to.
//!
//! The generic cell rate algorithm: a limit is a step of time for each, and a span that may be used up ahead of time. The
//! clock is read once for each statement. A row that says more is used up than its whole span, because the clock was set
//! back or the limit was another, counts as one whose whole span is.

use super::{Result, Store, row::Columns, statement::Statement};

/// What a process wants of one limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateAsk {
    pub key: String,
    /// Nanoseconds for each; from 1.
    pub step: i64,
    /// Nanoseconds that may be used up ahead of time; from `step`.
    pub span: i64,
    /// Nanoseconds that were used up without asking.
    pub owed: i64,
    pub wanted: i64,
}

/// What it gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateAnswer {
    pub key: String,
    pub granted: i64,
    /// Of this limit to all who ever asked.
    pub total: i64,
    /// By the store's clock.
    pub at: i64,
    /// Nanoseconds that are used up ahead of time now.
    pub used: i64,
}

/// Who has waited for a row's lock has an earlier time than who had it: then the later one counts, or what was used up
/// since would be forgiven. Further behind than this is a clock that was set back.
const LOCK_WAIT: i64 = 2_000_000_000;
/// What is as if nobody had ever used it goes after this long.
const KEPT: i64 = 3_600_000_000_000;
/// At once, so that nobody waits for long.
const SWEPT: i64 = 5000;

impl Store {
    /// Whether processes on other machines may serve from it, too.
    pub fn is_shared(&self) -> bool {
        self.dialect.is_shared()
    }

    /// Grants of each limit what there is. Keys come in their order and once each: two that lock the same rows in another
    /// order than each other would never end.
    pub async fn lease(&self, asks: &[RateAsk]) -> Result<Vec<RateAnswer>> {
        debug_assert!(asks.is_sorted_by(|a, b| a.key < b.key), "in order, and once each");
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::new(
            self.dialect,
            "INSERT INTO rates (key, tat, granted, total, at, step, span, owed, wanted) VALUES ",
        );
        let now = self.dialect.statement_nanos();
        for (place, ask) in asks.iter().enumerate() {
            let (used, granted) = fresh(ask);
            statement.text(if place == 0 { "(" } else { ", (" }).value(ask.key.clone());
            statement.text(", ").text(now).text(" + ").value(used).text(", ").value(granted).text(", ").value(granted);
            statement.text(", ").text(now).text(", ").value(ask.step).text(", ").value(ask.span);
            statement.text(", ").value(ask.owed).text(", ").value(ask.wanted).text(")");
        }
        statement.text(&self.grant_more());
        if asks.len() > 1 {
            statement.once();
        }
        let mut connection = self.writers.acquire().await?;
        let rows = statement.fetch(&mut connection).await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(RateAnswer {
                key: row.text("key")?.to_owned(),
                granted: row.number("granted")?,
                total: row.number("total")?,
                at: row.number("at")?,
                used: row.number("used")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// What becomes of a row that is there.
    fn grant_more(&self) -> String {
        let (least, most) = self.dialect.least_and_greatest();
        let at = format!(
            "CASE WHEN rates.at BETWEEN excluded.at AND excluded.at + {LOCK_WAIT} THEN rates.at ELSE excluded.at END"
        );
        let used = format!("{least}({most}(rates.tat, {at}) + excluded.owed, {at} + excluded.span)");
        let granted = format!("{least}(excluded.wanted, ({at} + excluded.span - {used}) / excluded.step)");
        format!(
            " ON CONFLICT (key) DO UPDATE SET tat = {used} + {granted} * excluded.step, granted = {granted}, \
             total = rates.total + {granted}, at = {at}, step = excluded.step, span = excluded.span, \
             owed = excluded.owed, wanted = excluded.wanted \
             RETURNING key, granted, total, at, tat - at AS used"
        )
    }

    /// Forgets what nobody has used for long: how many limits' rows that were.
    pub async fn forget_rates(&self) -> Result<u64> {
        let now = self.dialect.statement_nanos();
        let mut statement =
            Statement::new(self.dialect, "DELETE FROM rates WHERE key IN (SELECT key FROM rates WHERE tat < ");
        statement.text(now).text(" - ").value(KEPT).text(" AND at < ").text(now).text(" - ").value(KEPT);
        // In the order in which those lock rows who ask for more.
        statement.text(" ORDER BY key LIMIT ").value(SWEPT).text(self.dialect.for_update()).text(")");
        let mut connection = self.writers.acquire().await?;
        statement.execute(&mut connection).await
    }
}

/// Of a limit that nobody uses: how much is used up afterwards, and how many are granted.
fn fresh(ask: &RateAsk) -> (i64, i64) {
    let owed = ask.owed.min(ask.span);
    let granted = ask.wanted.min((ask.span - owed) / ask.step);
    (owed + granted * ask.step, granted)
}
