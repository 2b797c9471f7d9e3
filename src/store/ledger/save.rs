//! Writes back what has changed on a page.
//! Owns nothing.
//! Never in another order than submissions, things, the rest, each by key; and never over a row that was not on the page.

use super::{
    charge::{Charge, clean},
    columns::{SUBMISSION, THING, write_submission, write_thing},
    page::{Bucket, Line, Page, Submission, as_signed},
};
use crate::{
    job::{State, entry::Note},
    store::{
        Conflict, Result,
        dialect::Dialect,
        insert::Insert,
        statement::{MOST_VALUES, Statement},
    },
};
use sqlx::AnyConnection;

pub async fn save(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    insert_submissions(connection, dialect, page).await?;
    move_submissions(connection, dialect, page).await?;
    insert_things(connection, dialect, page).await?;
    change_things(connection, dialect, page).await?;
    delete_things(connection, page).await?;
    save_reservations(connection, dialect, page).await?;
    add_used(connection, dialect, page).await?;
    add_usage(connection, dialect, page).await?;
    insert_notes(connection, dialect, &page.notes).await
}

async fn insert_submissions(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let mut new: Vec<&Submission> = page.submissions.values().filter_map(Line::inserted).collect();
    // Two replicas meet at the marks, not at the ids.
    new.sort_by_key(|submission| submission.repetition);
    let mut insert = Insert::new(dialect, "submissions", SUBMISSION).otherwise(" ON CONFLICT DO NOTHING");
    for submission in &new {
        write_submission(&mut insert, submission);
    }
    all_of(new.len(), insert.count(connection).await?)
}

async fn move_submissions(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    for state in [State::Open, State::Bound, State::Refused, State::NotSent, State::Unknown] {
        let moved = page.submissions.iter().filter(|(_, line)| line.changed().is_some_and(|s| s.state == state));
        let (marked, unmarked): (Vec<_>, Vec<_>) =
            moved.partition(|(_, line)| line.changed().is_some_and(|s| s.repetition.is_some()));
        for (lines, sql) in [
            (marked, "UPDATE submissions SET state = "),
            (unmarked, "UPDATE submissions SET repetition = NULL, state = "),
        ] {
            for lines in lines.chunks(MOST_VALUES) {
                let mut statement = Statement::new(dialect, sql);
                statement.value(state.as_str()).text(" WHERE id IN ").list(lines.iter().map(|(id, _)| id.to_string()));
                statement.execute(connection).await?;
            }
        }
    }
    Ok(())
}

async fn insert_things(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let mut insert = Insert::new(dialect, "things", THING).otherwise(" ON CONFLICT DO NOTHING");
    let mut new = 0;
    for ((key, account), line) in &page.things {
        if let Some(thing) = line.inserted() {
            write_thing(&mut insert, key, account, thing);
            new += 1;
        }
    }
    all_of(new, insert.count(connection).await?)
}

/// As an insert that finds them there: the one way to change many rows in many columns that both databases have,
/// and by their primary key for certain.
async fn change_things(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let mut insert = Insert::new(dialect, "things", THING).otherwise(
        " ON CONFLICT (key, account) DO UPDATE SET \
          submission_id = excluded.submission_id, organization_id = excluded.organization_id, \
          project_id = excluded.project_id, token_id = excluded.token_id, credential_id = excluded.credential_id, \
          created = excluded.created, bound = excluded.bound, status = excluded.status, ended = excluded.ended, \
          ended_at = excluded.ended_at, target = excluded.target, shots = excluded.shots, qpu_us = excluded.qpu_us, \
          micros = excluded.micros",
    );
    for ((key, account), line) in &page.things {
        if let Some(thing) = line.changed() {
            write_thing(&mut insert, key, account, thing);
        }
    }
    insert.execute(connection).await
}

async fn delete_things(connection: &mut AnyConnection, page: &Page) -> Result<()> {
    for ((key, account), _) in page.things.iter().filter(|(_, line)| line.was.is_some() && line.is.is_none()) {
        sqlx::query("DELETE FROM things WHERE key = $1 AND account = $2")
            .bind(key.as_bytes().to_vec())
            .bind(clean(account))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn save_reservations(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let columns = &["submission_id", "quota_id", "period_start", "held", "amount"];
    let mut insert = Insert::new(dialect, "reservations", columns)
        .otherwise(" ON CONFLICT (submission_id, quota_id) DO UPDATE SET amount = excluded.amount");
    for ((submission, quota), line) in &page.reservations {
        if let Some(reservation) = line.inserted().or_else(|| line.changed()) {
            let insert = insert.row().bind(submission.to_string()).bind(quota.to_string());
            let insert = insert.bind(reservation.period_start.millis()).bind(as_signed(reservation.held));
            insert.bind(reservation.amount);
        }
    }
    insert.execute(connection).await
}

async fn add_used(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let mut insert = Insert::new(dialect, "quota_use", &["quota_id", "period_start", "used"])
        .otherwise(" ON CONFLICT (quota_id, period_start) DO UPDATE SET used = quota_use.used + excluded.used");
    for ((quota, start), by) in page.charged.iter().filter(|(_, by)| **by != 0) {
        insert.row().bind(quota.to_string()).bind(start.millis()).bind(*by);
    }
    insert.execute(connection).await
}

async fn add_usage(connection: &mut AnyConnection, dialect: Dialect, page: &Page) -> Result<()> {
    let columns = &[
        "day",
        "organization_id",
        "project_id",
        "user_id",
        "token_id",
        "credential_id",
        "provider",
        "target",
        "jobs",
        "shots",
        "qpu_us",
        "micros",
    ];
    let mut insert = Insert::new(dialect, "usage", columns).otherwise(
        " ON CONFLICT (day, organization_id, project_id, user_id, token_id, credential_id, provider, target) \
          DO UPDATE SET jobs = usage.jobs + excluded.jobs, shots = usage.shots + excluded.shots, \
          qpu_us = usage.qpu_us + excluded.qpu_us, micros = usage.micros + excluded.micros",
    );
    for (bucket, charge) in page.usage.iter().filter(|(_, charge)| **charge != Charge::default()) {
        write_usage(&mut insert, bucket, charge);
    }
    insert.execute(connection).await
}

fn write_usage(insert: &mut Insert, bucket: &Bucket, charge: &Charge) {
    let insert = insert.row().bind(bucket.day.millis());
    let insert = insert.bind(bucket.organization.map(|id| id.to_string()).unwrap_or_default());
    let insert = insert.bind(bucket.project.map(|id| id.to_string()).unwrap_or_default());
    let insert =
        insert.bind(bucket.user.to_string()).bind(bucket.token.to_string()).bind(bucket.credential.to_string());
    let insert = insert.bind(&*bucket.provider).bind(&*bucket.target);
    insert.bind(charge.jobs).bind(charge.shots).bind(charge.qpu_us).bind(charge.micros);
}

async fn insert_notes(connection: &mut AnyConnection, dialect: Dialect, notes: &[Note]) -> Result<()> {
    let columns = &["id", "at", "user_id", "action", "subject", "detail"];
    let mut insert = Insert::new(dialect, "notes", columns).otherwise(" ON CONFLICT (id) DO NOTHING");
    for note in notes {
        let insert = insert.row().bind(note.id.to_string()).bind(note.at.millis()).bind(note.user.to_string());
        insert.bind(&*note.action).bind(clean(&note.subject)).bind(clean(&note.detail));
    }
    insert.execute(connection).await
}

impl<T: PartialEq> Line<T> {
    const fn inserted(&self) -> Option<&T> {
        if self.was.is_none() { self.is.as_ref() } else { None }
    }

    fn changed(&self) -> Option<&T> {
        self.is.as_ref().filter(|_| self.was.is_some() && self.was != self.is)
    }
}

/// Fewer than were to be written: somebody else has written one of them since they were not found.
fn all_of(expected: usize, written: u64) -> Result<()> {
    if written == expected as u64 { Ok(()) } else { Err(Conflict::Raced.into()) }
}
