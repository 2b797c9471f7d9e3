//! A submission on its way: on record before its first byte leaves, bound before anybody is answered, and going on
//! without its caller once its body is complete.
//! Owns the exchange with the provider from its intent to its binding.
//! Never sends what is not on record, and never passes on an answer whose ids are not.

use super::{
    Asked, Core, Current, Exchange,
    errand::{Errand, Room},
    grpc,
    hot::{Attached, Hot},
    refusal::{self, Refusal},
    relay::{About, Came, READABLE, readable},
    sending::Sending,
};
use crate::{
    id::SubmissionId,
    job::{Intent, Made, Payer, Record, State, Thing, ThingKey, entry::Binding},
    jobs::{Jobs, NotBound, NotIntended},
    provider::{
        Provider,
        preset::operation::Kind,
        reading::{self, Created, Sent, Unreadable},
    },
    upstream::{Alarm, Lease, SendError, Waiting},
};
use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long an answer to a submission may pause.
const SILENCE: Duration = Duration::from_secs(60);

/// A submission that goes on without its caller. It has a copy of all that it needs.
struct Submission {
    core: Rc<Core>,
    current: Rc<Current>,
    provider: Arc<Provider>,
    attached: Option<Rc<Attached>>,
    method: http::Method,
    target: Box<str>,
    used: Vec<Thing>,
    document: Option<Value>,
    _room: Option<Room>,
    intent: Intent,
    arrived: Instant,
    /// The caller may leave: nothing more of the request is to come.
    complete: bool,
    _under_way: UnderWay,
}

/// A process that ends waits for it. Counted until this is dropped, however that comes about.
struct UnderWay(Rc<Core>);

impl UnderWay {
    fn begin(core: &Rc<Core>) -> Self {
        let this = Self(Rc::clone(core));
        this.count(1);
        this
    }

    fn count(&self, by: i32) {
        let Core { submitting, lines, .. } = &*self.0;
        submitting.set(submitting.get().saturating_add_signed(by));
        lines.submitting.set(submitting.get().into());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.count(-1);
    }
}

/// Why no answer of the provider's is passed on.
pub enum Lost {
    NotIntended(NotIntended),
    /// The caller left before the request was whole, and before a byte of it had left.
    CallerLeft,
    NotAnswered(SendError, Waiting),
    /// It came, and cannot be read.
    Unreadable(&'static str),
    NotBound(NotBound),
}

impl Exchange<'_> {
    /// Puts the request on record, sends it, and puts on record what came of it.
    pub(super) async fn submit(
        &self,
        asked: &Asked<'_>,
        hot: &Rc<Hot>,
        about: &About,
        errand: Errand,
        sending: Sending,
    ) -> Result<Response<Came>, Refusal> {
        let Some(found) = &asked.operation else { return Err(refusal::nobody_answered(asked)) };
        let used: Vec<Thing> = about.named.iter().map(|named| named.thing.clone()).collect();
        let intent = self.intent(&asked.sent(found, errand.document.as_ref()), asked, hot, &used)?;
        let submission = Submission {
            core: Rc::clone(self.core),
            current: Rc::clone(self.current),
            provider: Arc::clone(asked.provider),
            attached: about.attached.clone(),
            method: asked.method.clone(),
            target: asked.route.target.into(),
            used,
            document: errand.document,
            _room: errand.room,
            intent,
            arrived: self.arrived,
            complete: sending.is_complete,
            _under_way: UnderWay::begin(self.core),
        };
        // What bounds the wait is the submission's own clock, which goes on when this connection is gone.
        self.link.alarm.set(Instant::now() + sending.patience + 2 * SILENCE, Waiting::Provider);
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_local(async move {
            let came = submission.run(sending, &answer).await;
            let _ = answer.send(came);
        });
        match answered.await {
            Ok(came) => came.map_err(|lost| refusal::lost(asked, lost)),
            Err(_) => Err(refusal::nobody_answered(asked)),
        }
    }
}

impl Exchange<'_> {
    fn intent(&self, sent: &Sent<'_>, asked: &Asked<'_>, hot: &Hot, used: &[Thing]) -> Result<Intent, Refusal> {
        let unreadable = |because| refusal::names_not_read(asked, because);
        let (provider, jobs) = (asked.provider, &self.core.shared.jobs);
        let payer = hot.grant.payer(&hot.caller.holder);
        let asks = reading::asks(sent);
        let price = provider.prices().of(asks.target.as_deref()).unwrap_or_default();
        let mark = reading::repetition(sent).map_err(unreadable)?;
        let makes = reading::made_by_client(sent, provider.preset(), used).map_err(unreadable)?;
        let mut amounts = asks.amounts;
        amounts.micros = price.cost(amounts.jobs, amounts.shots, 0);
        Ok(Intent {
            id: SubmissionId::new(),
            process: jobs.process(),
            at: self.core.shared.clock.now(),
            operation: sent.found.operation.name.clone(),
            repetition: mark.map(|mark| ThingKey::of_repetition(provider.id(), &payer.account, &mark)),
            makes: makes.into_iter().map(|created| made(provider, created)).collect(),
            asks: amounts,
            target: asks.target,
            payer,
        })
    }
}

impl Submission {
    async fn run(
        self,
        sending: Sending,
        caller: &oneshot::Sender<Result<Response<Came>, Lost>>,
    ) -> Result<Response<Came>, Lost> {
        self.jobs().intend(self.intent.clone()).await.map_err(Lost::NotIntended)?;
        if caller.is_closed() && !self.complete {
            self.end(State::NotSent);
            return Err(Lost::CallerLeft);
        }
        let alarm = Rc::clone(&sending.alarm);
        let figures = self.current.figures(&self.provider, Some(Kind::Submit));
        match sending.send(&self.core.upstreams, figures, self.arrived).await {
            Ok(answer) => self.settle(answer, &alarm).await,
            Err((error, waiting)) => {
                self.end(if error.may_have_left() { State::Unknown } else { State::NotSent });
                Err(Lost::NotAnswered(error, waiting))
            }
        }
    }

    async fn settle(
        &self,
        (answer, lease): (Response<Incoming>, Lease),
        alarm: &Alarm,
    ) -> Result<Response<Came>, Lost> {
        let (parts, body) = answer.into_parts();
        let read = readable::whole(
            &parts.headers,
            (body, lease),
            self.attached.as_ref().and_then(|attached| attached.echo.as_deref()),
            READABLE,
            alarm,
            SILENCE,
        )
        .await;
        let whole = read.map_err(|because| self.lose(because))?;
        let outcome = grpc::outcome(parts.status, &parts.headers, whole.trailers.as_deref());
        if outcome.is_success() {
            self.bind(&whole.bytes).await?;
        } else {
            self.end(refused(outcome));
        }
        Ok(Response::from_parts(parts, Came::Read(whole)))
    }

    async fn bind(&self, answer: &Bytes) -> Result<(), Lost> {
        let made = self.made(answer).map_err(|because| self.lose(because.because()))?;
        let binding = Binding {
            submission: self.intent.id,
            at: self.core.shared.clock.now(),
            provider: self.provider.id().into(),
            made,
        };
        let Payer { user, organization, credential, account, .. } = self.intent.payer.clone();
        let record = |key| Record {
            key,
            account: account.clone(),
            submission: self.intent.id,
            owner: user,
            organization,
            credential,
            ended: None,
        };
        self.jobs().bind(binding, record).await.map_err(|because| {
            if because == NotBound::Unavailable {
                self.end(State::Unknown);
            }
            Lost::NotBound(because)
        })
    }

    /// What the answer says that came into being.
    fn made(&self, answer: &Bytes) -> Result<Box<[Made]>, Unreadable> {
        let path = self.target.split('?').next().unwrap_or_default();
        let found = self.provider.classify(self.method.as_str(), path.as_bytes()).ok().flatten();
        let Some(found) = found.filter(|found| !found.operation.creates.is_empty()) else { return Ok(Box::default()) };
        let sent = Sent::new(&found, &self.target, self.document.as_ref());
        let answer = reading::answer(answer, found.operation)?;
        let created = reading::made(&sent, self.provider.preset(), &self.used, &answer)?;
        Ok(created.into_iter().map(|created| made(&self.provider, created)).collect())
    }

    /// The provider took it, and what it made cannot be told.
    fn lose(&self, because: &'static str) -> Lost {
        self.end(State::Unknown);
        Lost::Unreadable(because)
    }

    fn end(&self, state: State) {
        self.jobs().end(self.intent.id, state);
    }

    fn jobs(&self) -> &Jobs {
        &self.core.shared.jobs
    }
}

/// A thing that came into being, as it goes on record.
pub fn made(provider: &Provider, created: Created) -> Made {
    let Created { thing, parent, mut figures } = created;
    provider.price(&mut figures);
    Made { parent: parent.map(|parent| ThingKey::new(provider.id(), &parent)), thing, figures }
}

/// Whether a provider's no means that nothing was made. Behind a gateway's 500, 502 and 504 it may have been, and a
/// redirect may lead to it.
fn refused(status: StatusCode) -> State {
    match status {
        redirect if redirect.is_redirection() => State::Unknown,
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => State::Unknown,
        _ => State::Refused,
    }
}
