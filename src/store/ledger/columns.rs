//! Submissions and things as columns: written and read in one place.
//! Owns nothing.
//! Never the text of a whole statement but for the one that every follow-up asks.

use super::{
    charge::clean,
    page::{Line, Page, Reservation, Submission, ThingLine, as_signed},
};
use crate::{
    clock::Timestamp,
    id::SubmissionId,
    job::{Amounts, Intent, Payer, Thing, ThingKey},
    store::{
        Result,
        insert::Insert,
        row::{Columns, corrupt},
    },
};
use sqlx::any::AnyRow;
use std::sync::Arc;

pub const SUBMISSION: &[&str] = &[
    "id",
    "at",
    "state",
    "process_id",
    "user_id",
    "token_id",
    "credential_id",
    "version",
    "organization_id",
    "project_id",
    "provider",
    "account",
    "operation",
    "repetition",
    "target",
    "asked_jobs",
    "asked_shots",
    "asked_qpu_us",
    "asked_micros",
];

pub const THING: &[&str] = &[
    "key",
    "account",
    "provider",
    "kind",
    "id",
    "submission_id",
    "user_id",
    "organization_id",
    "project_id",
    "token_id",
    "credential_id",
    "parent",
    "created",
    "bound",
    "status",
    "ended",
    "ended_at",
    "target",
    "shots",
    "qpu_us",
    "micros",
];

/// What every follow-up asks, before the list of keys.
pub const LOOK_UP: &str =
    "SELECT key, account, submission_id, user_id, organization_id, credential_id, ended FROM things WHERE key IN ";

pub fn write_submission(insert: &mut Insert, submission: &Submission) {
    let Submission { intent, state, repetition } = submission;
    let (payer, asks) = (&intent.payer, &intent.asks);
    let insert = insert.row().bind(intent.id.to_string()).bind(intent.at.millis()).bind(state.as_str());
    let insert = insert.bind(intent.process.to_string()).bind(payer.user.to_string()).bind(payer.token.to_string());
    let insert = insert.bind(payer.credential.to_string()).bind(i64::from(payer.version));
    let insert = insert.bind(payer.organization.map(|id| id.to_string())).bind(payer.project.map(|id| id.to_string()));
    let insert = insert.bind(clean(&payer.provider)).bind(clean(&payer.account)).bind(clean(&intent.operation));
    let insert = insert.bind(repetition.map(|key| key.as_bytes().to_vec())).bind(intent.target.as_deref().map(clean));
    let insert = insert.bind(as_signed(asks.jobs)).bind(as_signed(asks.shots));
    insert.bind(as_signed(asks.qpu_us)).bind(as_signed(asks.micros));
}

pub fn read_submission(row: &AnyRow) -> Result<Submission> {
    let payer = Payer {
        user: row.parsed("user_id")?,
        token: row.parsed("token_id")?,
        credential: row.parsed("credential_id")?,
        version: u32::try_from(row.number("version")?).map_err(|_| corrupt("version"))?,
        organization: row.optional("organization_id")?,
        project: row.optional("project_id")?,
        provider: row.text("provider")?.into(),
        account: row.text("account")?.into(),
    };
    let intent = Intent {
        id: row.parsed("id")?,
        process: row.parsed("process_id")?,
        at: row.time("at")?,
        payer,
        operation: row.text("operation")?.into(),
        repetition: None,
        makes: Box::default(),
        asks: Amounts {
            jobs: row.amount("asked_jobs")?,
            shots: row.amount("asked_shots")?,
            qpu_us: row.amount("asked_qpu_us")?,
            micros: row.amount("asked_micros")?,
        },
        target: row.optional_text("target")?.map(Into::into),
    };
    Ok(Submission {
        intent: Arc::new(intent),
        state: row.parsed("state")?,
        repetition: row.optional_key("repetition")?,
    })
}

pub fn write_thing(insert: &mut Insert, key: &ThingKey, account: &str, thing: &ThingLine) {
    let number = |amount: Option<u64>| amount.map(as_signed);
    let insert = insert.row().bind(key.as_bytes().to_vec()).bind(clean(account)).bind(clean(&thing.provider));
    let insert = insert.bind(clean(&thing.thing.kind)).bind(clean(&thing.thing.id)).bind(thing.submission.to_string());
    let insert = insert.bind(thing.owner.to_string()).bind(thing.organization.map(|id| id.to_string()));
    let insert = insert.bind(thing.project.map(|id| id.to_string())).bind(thing.token.to_string());
    let insert = insert.bind(thing.credential.to_string()).bind(thing.parent.map(|key| key.as_bytes().to_vec()));
    let insert = insert.bind(thing.created.millis()).bind(i64::from(thing.bound));
    let insert = insert.bind(thing.status.as_deref().map(clean)).bind(thing.ended.map(|(ended, _)| ended.as_str()));
    let insert = insert.bind(thing.ended.map(|(_, at)| at.millis())).bind(thing.target.as_deref().map(clean));
    insert.bind(number(thing.shots)).bind(number(thing.qpu_us)).bind(number(thing.micros));
}

pub fn read_thing(row: &AnyRow) -> Result<ThingLine> {
    let ended = row.optional("ended")?.zip(row.optional_time("ended_at")?);
    Ok(ThingLine {
        provider: row.text("provider")?.into(),
        thing: Thing { kind: row.text("kind")?.into(), id: row.text("id")?.into() },
        submission: row.parsed("submission_id")?,
        owner: row.parsed("user_id")?,
        organization: row.optional("organization_id")?,
        project: row.optional("project_id")?,
        token: row.parsed("token_id")?,
        credential: row.parsed("credential_id")?,
        parent: row.optional_key("parent")?,
        created: row.time("created")?,
        bound: row.truth("bound")?,
        status: row.optional_text("status")?.map(Into::into),
        ended,
        target: row.optional_text("target")?.map(Into::into),
        shots: row.optional_amount("shots")?,
        qpu_us: row.optional_amount("qpu_us")?,
        micros: row.optional_amount("micros")?,
    })
}

pub fn read_reservation(page: &mut Page, row: &AnyRow) -> Result<()> {
    let submission: SubmissionId = row.parsed("submission_id")?;
    let reservation = Reservation {
        period_start: Timestamp::from_millis(row.number("period_start")?),
        held: row.amount("held")?,
        amount: row.number("amount")?,
    };
    page.reservations.insert((submission, row.parsed("quota_id")?), Line::found(reservation));
    Ok(())
}
