//! What is put on record as submissions go their way: entered in batches, each batch all or nothing.
//! Owns nothing: what was entered is in the store.
//! Never a poll as such: only what an answer says that was not known before.

use super::{Figures, Intent, Made, State, ThingKey, quota::Exceeded};
use crate::{
    clock::Timestamp,
    id::{NoteId, SubmissionId, UserId},
};
use std::borrow::Cow;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Something is about to be sent.
    Intend(Intent),
    /// The provider took it.
    Bind(Binding),
    /// It came to nothing, or nobody knows to what.
    End { submission: SubmissionId, state: State, at: Timestamp },
    /// An answer says something of what is on record.
    Observe(Observation),
    /// Something else that the audit trail has to tell: a cancel, a forced act.
    Note(Note),
}

/// What a submission brought into being, as the provider's answer has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    pub submission: SubmissionId,
    pub at: Timestamp,
    /// As in the intent.
    pub provider: Box<str>,
    pub made: Box<[Made]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    pub key: ThingKey,
    pub account: Box<str>,
    pub at: Timestamp,
    pub figures: Figures,
}

/// An entry for the audit trail from a writer that does not wait for its place in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// By which one that is entered again is known, for as long as it waits for its place.
    pub id: NoteId,
    pub at: Timestamp,
    pub user: UserId,
    /// A noun and a past participle, `job.cancelled`.
    pub action: Cow<'static, str>,
    pub subject: Box<str>,
    /// More, in words. Never a secret.
    pub detail: Box<str>,
}

/// What came of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entered {
    Done,
    /// A quota leaves no room; nothing of the intent is on record.
    Exceeded(Box<Exceeded>),
    /// The client's own id or mark of a repetition is somebody else's; nothing of the intent is on record.
    Taken,
    /// The answer names what is on record for another owner, which stays as it is; the rest of the binding is on record.
    /// Whoever asked must not see the answer.
    Foreign,
    /// What the entry is about is not on record; nothing was written.
    Missing,
}
