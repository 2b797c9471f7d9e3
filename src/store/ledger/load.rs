//! Reads everything that a batch is about onto its page, and locks it where others could change it meanwhile.
//! Owns nothing.
//! Never in another order than things, submissions, quotas, each by key.

use super::{
    columns::{read_reservation, read_submission, read_thing},
    page::{Line, Page, Submission},
    rules::place,
};
use crate::{
    id::{QuotaId, SubmissionId},
    job::{Intent, ThingKey, entry::Entry, quota::Period},
    store::{
        Result,
        dialect::Dialect,
        quotas::read_quota,
        row::Columns,
        statement::{Statement, fetch_in},
    },
};
use sqlx::{
    AnyConnection, Encode, Type,
    any::{Any, AnyRow},
};
use std::collections::BTreeSet;

macro_rules! select_things {
    ($rest:literal) => {
        concat!(
            "SELECT key, account, provider, kind, id, submission_id, user_id, organization_id, project_id, token_id, \
                    credential_id, parent, created, bound, status, ended, ended_at, target, shots, qpu_us, micros \
               FROM things WHERE ",
            $rest
        )
    };
}

macro_rules! select_submissions {
    ($rest:literal) => {
        concat!(
            "SELECT id, at, state, process_id, user_id, token_id, credential_id, version, organization_id, project_id, \
                    provider, account, operation, repetition, target, asked_jobs, asked_shots, asked_qpu_us, asked_micros \
               FROM submissions WHERE ",
            $rest
        )
    };
}

/// What the entries name.
#[derive(Default)]
struct Named<'e> {
    keys: BTreeSet<ThingKey>,
    submissions: BTreeSet<SubmissionId>,
    repetitions: BTreeSet<ThingKey>,
    intents: Vec<&'e Intent>,
    /// What these have only taken will have to go.
    fruitless: BTreeSet<SubmissionId>,
}

pub async fn load(connection: &mut AnyConnection, dialect: Dialect, entries: &[Entry]) -> Result<Page> {
    let named = Named::by(entries);
    let mut loading = Loading { connection, dialect, page: Page::default() };
    loading.things(&named).await?;
    loading.submissions(&named).await?;
    loading.reservations().await?;
    loading.quotas(&named.intents).await?;
    loading.used(&named.intents).await?;
    Ok(loading.page)
}

/// One, as it is now.
pub async fn submission(
    connection: &mut AnyConnection,
    dialect: Dialect,
    id: SubmissionId,
) -> Result<Option<Submission>> {
    let rows = fetch_in(connection, dialect, select_submissions!("id IN "), &[id.to_string()], "").await?;
    rows.first().map(read_submission).transpose()
}

impl<'e> Named<'e> {
    fn by(entries: &'e [Entry]) -> Self {
        let mut named = Self::default();
        for entry in entries {
            named.add(entry);
        }
        named
    }

    fn add(&mut self, entry: &'e Entry) {
        match entry {
            Entry::Intend(intent) => {
                self.keys.extend(intent.makes.iter().map(|made| place(&intent.payer, made).0));
                self.submissions.insert(intent.id);
                self.repetitions.extend(intent.repetition);
                self.intents.push(intent);
            }
            Entry::Bind(binding) => {
                self.keys.extend(binding.made.iter().map(|made| ThingKey::new(&binding.provider, &made.thing)));
                self.keys.extend(binding.made.iter().filter_map(|made| made.parent));
                self.submissions.insert(binding.submission);
            }
            Entry::End { submission, state, .. } => {
                self.submissions.insert(*submission);
                if !state.is_live() {
                    self.fruitless.insert(*submission);
                }
            }
            Entry::Observe(observation) => {
                self.keys.insert(observation.key);
            }
            Entry::Note(_) => {}
        }
    }
}

struct Loading<'c> {
    connection: &'c mut AnyConnection,
    dialect: Dialect,
    page: Page,
}

impl Loading<'_> {
    async fn things(&mut self, named: &Named<'_>) -> Result<()> {
        let mut keys = named.keys.clone();
        keys.extend(self.taken(&named.fruitless).await?);
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let tail = self.locking(" ORDER BY key, account");
        for row in self.rows(select_things!("key IN "), &keys, &tail).await? {
            let place = (row.key("key")?, row.text("account")?.into());
            self.page.things.insert(place, Line::found(read_thing(&row)?));
        }
        Ok(())
    }

    async fn taken(&mut self, submissions: &BTreeSet<SubmissionId>) -> Result<Vec<ThingKey>> {
        let sql = "SELECT key FROM things WHERE bound = 0 AND submission_id IN ";
        let rows = self.rows(sql, &texts(submissions), "").await?;
        rows.iter().map(|row| row.key("key")).collect()
    }

    /// Those that are named, those whose marks are, and those that the things came from.
    async fn submissions(&mut self, named: &Named<'_>) -> Result<()> {
        let mut ids = named.submissions.clone();
        ids.extend(self.page.things.values().filter_map(|line| line.was.as_ref()).map(|thing| thing.submission));
        ids.extend(self.repeated(&named.repetitions).await?);
        let tail = self.locking(" ORDER BY id");
        for row in self.rows(select_submissions!("id IN "), &texts(&ids), &tail).await? {
            let submission = read_submission(&row)?;
            if let Some(repetition) = submission.repetition.filter(|_| submission.state.is_live()) {
                self.page.repetitions.insert(repetition, submission.intent.id);
            }
            self.page.submissions.insert(submission.intent.id, Line::found(submission));
        }
        Ok(())
    }

    async fn repeated(&mut self, repetitions: &BTreeSet<ThingKey>) -> Result<Vec<SubmissionId>> {
        let keys: Vec<Vec<u8>> = repetitions.iter().map(|key| key.as_bytes().to_vec()).collect();
        let sql = "SELECT id FROM submissions WHERE repetition IS NOT NULL AND state IN ('open', 'bound', 'unknown') \
                   AND repetition IN ";
        let rows = self.rows(sql, &keys, "").await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    async fn reservations(&mut self) -> Result<()> {
        let sql =
            "SELECT submission_id, quota_id, period_start, held, amount FROM reservations WHERE submission_id IN ";
        let ids = texts(self.page.submissions.keys());
        for row in self.rows(sql, &ids, "").await? {
            read_reservation(&mut self.page, &row)?;
        }
        Ok(())
    }

    /// Those that bind the new ones, and those that the others have reserved from.
    async fn quotas(&mut self, intents: &[&Intent]) -> Result<()> {
        let subjects: BTreeSet<String> = intents.iter().flat_map(|intent| subjects(intent)).collect();
        let reserved: BTreeSet<QuotaId> = self.page.reservations.keys().map(|(_, quota)| *quota).collect();
        if subjects.is_empty() && reserved.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::new(self.dialect, select_quotas!("(q.subject_id IN "));
        statement.list(subjects).text(" OR q.id IN ").list(texts(&reserved));
        statement.text(") ORDER BY q.id").text(self.dialect.for_update());
        for row in statement.fetch(self.connection).await? {
            let quota = read_quota(&row)?;
            self.page.quotas.insert(quota.id, quota);
        }
        Ok(())
    }

    /// After the quotas are locked, or others would use what is read here.
    async fn used(&mut self, intents: &[&Intent]) -> Result<()> {
        let Some(first) = intents.iter().map(|intent| Period::Month.start(intent.at)).min() else { return Ok(()) };
        let ids = texts(self.page.quotas.keys());
        let tail = format!(" AND period_start >= {}", first.millis());
        let sql = "SELECT quota_id, period_start, used FROM quota_use WHERE quota_id IN ";
        for row in self.rows(sql, &ids, &tail).await? {
            self.page.used.insert((row.parsed("quota_id")?, row.time("period_start")?), row.number("used")?);
        }
        Ok(())
    }

    fn locking(&self, tail: &str) -> String {
        format!("{tail}{}", self.dialect.for_update())
    }

    async fn rows<T>(&mut self, head: &'static str, values: &[T], tail: &str) -> Result<Vec<AnyRow>>
    where
        T: for<'v> Encode<'v, Any> + Type<Any> + Clone,
    {
        fetch_in(self.connection, self.dialect, head, values, tail).await
    }
}

fn subjects(intent: &Intent) -> impl Iterator<Item = String> {
    let payer = &intent.payer;
    let always = [payer.user.to_string(), payer.credential.to_string()];
    let sometimes = [payer.organization.map(|id| id.to_string()), payer.project.map(|id| id.to_string())];
    always.into_iter().chain(sometimes.into_iter().flatten())
}

fn texts<T: ToString>(ids: impl IntoIterator<Item = T>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}
