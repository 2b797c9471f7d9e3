//! A submission on its way: on record before its first byte leaves, bound before anybody is answered, and going on
//! without its caller once it is on its way.
//! Owns the exchange with the provider from the moment it is on record to the moment its ids are.
//! Never sends what is not on record, and never passes on an answer whose ids are not.

use super::{
    Asked, Core, Exchange, Sending,
    errand::Errand,
    hot::Hot,
    refusal::{self, Refusal},
    relay::{Came, readable::{self, READABLE}},
};
use crate::{
    id::SubmissionId,
    job::{Amounts, Intent, JOB, Made, Payer, State, Thing, ThingKey},
    jobs::{Jobs, NotBound, NotIntended},
    provider::{Provider, reading},
    store::Binding,
    upstream::{Alarm, SendError, Waiting},
};
use bytes::Bytes;
use http::{StatusCode, response};
use serde_json::Value;
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// How long an answer to a submission may pause.
const SILENCE: Duration = Duration::from_secs(60);

/// A submission that is on record.
struct Submission {
    core: Rc<Core>,
    provider: Arc<Provider>,
    /// Its place in the preset.
    operation: u16,
    id: SubmissionId,
    payer: Payer,
    hot: Rc<Hot>,
    /// What the request names, and the document that it is.
    used: Vec<Thing>,
    document: Option<Value>,
    alarm: Rc<Alarm>,
}

/// Why the provider's answer to a submission is not passed on.
enum Lost {
    NotSent(SendError, Waiting),
    /// The answer came, and cannot be read or put on record.
    Withheld(&'static str),
    Foreign,
    NotOnRecord,
}
