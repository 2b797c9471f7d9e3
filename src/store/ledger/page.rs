//! What a batch is about, as it was read and as it is to be: submissions, things, quotas and what they are charged with.
//! Owns the arithmetic: whatever changes a thing or a submission here moves usage and quotas with it.
//! Never does I/O; what is not on the page is not on record.

use super::charge::{self, Charge};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, ProjectId, QuotaId, SubmissionId, TokenId, UserId},
    job::{
        Ended, Intent, State, Thing, ThingKey,
        entry::Note,
        quota::{Measure, Period, Quota},
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Before and after; `None` is not on record.
pub struct Line<T> {
    pub was: Option<T>,
    pub is: Option<T>,
}

pub type Place = (ThingKey, Box<str>);

#[derive(Default)]
pub struct Page {
    pub submissions: BTreeMap<SubmissionId, Line<Submission>>,
    pub things: BTreeMap<Place, Line<ThingLine>>,
    /// Who holds these marks of a repetition.
    pub repetitions: HashMap<ThingKey, SubmissionId>,
    pub quotas: BTreeMap<QuotaId, Quota>,
    /// As read, moved by what is charged on this page.
    pub used: BTreeMap<(QuotaId, Timestamp), i64>,
    pub reservations: BTreeMap<(SubmissionId, QuotaId), Line<Reservation>>,
    /// What to add.
    pub usage: BTreeMap<Bucket, Charge>,
    /// What to add.
    pub charged: BTreeMap<(QuotaId, Timestamp), i64>,
    pub notes: Vec<Note>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// Without what it was to make: that is among the things.
    pub intent: Arc<Intent>,
    pub state: State,
    pub repetition: Option<ThingKey>,
}

/// A thing with everything that is on record of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ThingLine {
    pub provider: Box<str>,
    pub thing: Thing,
    pub submission: SubmissionId,
    pub owner: UserId,
    pub organization: Option<OrganizationId>,
    pub project: Option<ProjectId>,
    pub token: TokenId,
    pub credential: CredentialId,
    pub parent: Option<ThingKey>,
    pub created: Timestamp,
    /// Not only taken by an intent.
    pub bound: bool,
    pub status: Option<Box<str>>,
    pub ended: Option<(Ended, Timestamp)>,
    pub target: Option<Box<str>>,
    pub shots: Option<u64>,
    pub qpu_us: Option<u64>,
    pub micros: Option<u64>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Reservation {
    pub period_start: Timestamp,
    pub held: u64,
    pub amount: i64,
}

/// A row of `usage`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    pub day: Timestamp,
    pub organization: Option<OrganizationId>,
    pub project: Option<ProjectId>,
    pub user: UserId,
    pub token: TokenId,
    pub credential: CredentialId,
    pub provider: Box<str>,
    pub target: Box<str>,
}

impl<T: Clone> Line<T> {
    pub fn found(row: T) -> Self {
        Self { was: Some(row.clone()), is: Some(row) }
    }
}

impl<T> Line<T> {
    pub const fn new(row: T) -> Self {
        Self { was: None, is: Some(row) }
    }
}

impl Page {
    pub fn submission(&self, id: SubmissionId) -> Option<&Submission> {
        self.submissions.get(&id)?.is.as_ref()
    }

    pub fn thing(&self, place: &Place) -> Option<&ThingLine> {
        self.things.get(place)?.is.as_ref()
    }

    pub fn holder_of(&self, repetition: ThingKey) -> Option<&Submission> {
        self.submission(*self.repetitions.get(&repetition)?)
    }

    /// Writes a submission anew, with what is reserved for it.
    pub fn open(&mut self, intent: Arc<Intent>, repetition: Option<ThingKey>, held: &[(QuotaId, Period, u64)]) {
        let (id, at) = (intent.id, intent.at);
        for &(quota, period, held) in held {
            let reservation = Reservation { period_start: period.start(at), held, amount: 0 };
            self.reservations.insert((id, quota), Line::new(reservation));
            self.charge((id, quota), as_signed(held));
        }
        if let Some(repetition) = repetition {
            self.repetitions.insert(repetition, id);
        }
        self.submissions.insert(id, Line::new(Submission { intent, state: State::Open, repetition }));
    }

    /// Moves a submission on. What was held for it as a whole is held no longer once it is known what came of it.
    pub fn turn(&mut self, id: SubmissionId, state: State) {
        let Some(submission) = self.submissions.get_mut(&id).and_then(|line| line.is.as_mut()) else { return };
        let before = submission.state;
        submission.state = state;
        if !before.is_live() {
            // Its mark is free, and may be somebody else's by now.
            submission.repetition = None;
        }
        if let Some(repetition) = submission.repetition.filter(|_| !state.is_live()) {
            self.repetitions.remove(&repetition);
        }
        for key in self.reserved(id) {
            let Some(reservation) = self.reservation(key) else { continue };
            let held = |state: State| if state.is_pending() { as_signed(reservation.held) } else { 0 };
            let by = held(state) - held(before);
            self.charge(key, by);
        }
    }

    /// Puts this in the place of what was there.
    pub fn put(&mut self, place: Place, thing: Option<ThingLine>) {
        let line = self.things.entry(place).or_insert(Line { was: None, is: None });
        let before = std::mem::replace(&mut line.is, thing.clone());
        self.account(before.as_ref(), -1);
        self.account(thing.as_ref(), 1);
    }

    /// Adds what a thing uses, or takes it back.
    fn account(&mut self, thing: Option<&ThingLine>, sign: i64) {
        let Some(thing) = thing.filter(|thing| charge::counts(thing)) else { return };
        let Some(intent) = self.submission(thing.submission).map(|s| Arc::clone(&s.intent)) else { return };
        self.usage.entry(Bucket::of(&intent, thing)).or_default().add(&charge::usage(thing), sign);
        for key in self.reserved(intent.id) {
            let (Some(measure), Some(reservation)) = (self.measure(key.1), self.reservation(key)) else { continue };
            let amount = charge::of_quota(measure, thing, charge::share(reservation.held, &intent.asks));
            self.charge(key, sign * as_signed(amount));
        }
    }

    fn reserved(&self, id: SubmissionId) -> Vec<(SubmissionId, QuotaId)> {
        let all = (id, QuotaId::FIRST)..=(id, QuotaId::LAST);
        self.reservations.range(all).map(|(key, _)| *key).collect()
    }

    fn reservation(&self, key: (SubmissionId, QuotaId)) -> Option<&Reservation> {
        self.reservations.get(&key)?.is.as_ref()
    }

    fn measure(&self, quota: QuotaId) -> Option<Measure> {
        self.quotas.get(&quota).map(|quota| quota.measure)
    }

    fn charge(&mut self, key: (SubmissionId, QuotaId), by: i64) {
        let Some(reservation) = self.reservations.get_mut(&key).and_then(|line| line.is.as_mut()) else { return };
        reservation.amount += by;
        let place = (key.1, reservation.period_start);
        *self.used.entry(place).or_default() += by;
        *self.charged.entry(place).or_default() += by;
    }
}

impl Bucket {
    /// Whoever submitted it used it, whoever it belongs to by now.
    fn of(intent: &Intent, thing: &ThingLine) -> Self {
        let payer = &intent.payer;
        Self {
            day: Period::Day.start(intent.at),
            organization: payer.organization,
            project: payer.project,
            user: payer.user,
            token: payer.token,
            credential: payer.credential,
            provider: payer.provider.clone(),
            target: thing.target.clone().unwrap_or_default(),
        }
    }
}

pub fn as_signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
