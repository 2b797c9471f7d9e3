//! The texts of what is asked of tables that grow without end, so that a test can read how a database would answer.
//! Owns nothing.
//! Never asks anything itself.

use super::{
    Actor, AuditFilter, AuditPlace, By, JobFilter, JobPlace, Progress, Store, SubmissionFilter, UsageFilter, Whose,
    adoption::RETIRED_AND_DONE,
    dialect::Dialect,
    jobs::{IS_PENDING, LAST_JOB, OPEN_JOBS, OPEN_JOBS_OF_MEMBER},
    leaving::{OPEN_SHARED_JOBS, UNKNOWN_OF_MEMBER},
    ledger::LOOK_UP,
    processes::ABANDONED,
};
use crate::{
    clock::Timestamp,
    id::{CredentialId, OrganizationId, SubmissionId, UserId},
    job::{State, ThingKey},
};

impl Store {
    /// Every question about jobs, submissions and usage, once for each way to narrow it down.
    pub fn texts_about_jobs(&self) -> Vec<String> {
        let leaving = [OPEN_JOBS_OF_MEMBER, OPEN_SHARED_JOBS, UNKNOWN_OF_MEMBER].map(String::from);
        let fixed = [IS_PENDING, LAST_JOB, OPEN_JOBS, ABANDONED, RETIRED_AND_DONE].map(String::from);
        let look_up = format!("{LOOK_UP}{}", self.dialect.list(3));
        let whose = [
            Whose::Everybody,
            Whose::User(UserId::FIRST),
            Whose::Organization(OrganizationId::FIRST),
            Whose::Member(UserId::FIRST, OrganizationId::FIRST),
        ];
        let lists = whose.into_iter().flat_map(|of| texts_of(self.dialect, of));
        fixed.into_iter().chain(leaving).chain([look_up]).chain(lists).collect()
    }
}

impl Store {
    /// Every question about the audit trail, once for each way to narrow it down.
    pub fn texts_about_the_trail(&self) -> Vec<String> {
        let filters = [
            (AuditFilter::default(), None),
            (AuditFilter { actor: Some(Actor::System), ..AuditFilter::default() }, None),
            (AuditFilter { subject: Some("ada".into()), ..AuditFilter::default() }, None),
            (AuditFilter::default(), Some("token.made")),
        ];
        let place = AuditPlace { at: Timestamp::MAX, seq: 0 };
        let texts = filters.iter().flat_map(|(filter, action)| {
            [None, Some(place)].map(|after| filter.statement(self.dialect, *action, after, 100).as_str().to_owned())
        });
        texts.collect()
    }
}

fn texts_of(dialect: Dialect, of: Whose) -> Vec<String> {
    let mut texts = Vec::new();
    let place = JobPlace { created: Timestamp::MAX, key: ThingKey::from_bytes([0; 32]) };
    for after in [None, Some(place)] {
        for progress in [None, Some(Progress::Open), Some(Progress::Ended)] {
            for credential in [None, Some(CredentialId::FIRST)] {
                let filter = JobFilter { of, provider: None, credential, progress };
                texts.push(filter.statement(dialect, after, 100).as_str().to_owned());
            }
        }
    }
    let open = matches!(of, Whose::Everybody).then_some(Some(State::Open));
    for state in [None, Some(State::Unknown)].into_iter().chain(open) {
        let filter = SubmissionFilter { of, provider: None, state };
        texts.push(filter.statement(dialect, Some(SubmissionId::FIRST), 100).as_str().to_owned());
    }
    for by in [By::User, By::Project, By::Token, By::Target, By::Month] {
        let filter = UsageFilter { of, from: Timestamp::from_millis(0), to: Timestamp::MAX, by };
        texts.push(filter.statement(dialect).as_str().to_owned());
        texts.push(filter.daily(dialect, 100).as_str().to_owned());
    }
    texts
}
