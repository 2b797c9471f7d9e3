//! The data plane: one request is one function, `Exchange::run`, read from top to bottom.
//! Owns what a core needs to serve: its connections to providers, its copy of hot grants, its counters.
//! Never asks the store itself, and never sees a credential: `directory` looks up, `scheme` attaches.

mod access;
mod admit;
mod authenticate;
mod confine;
mod drain;
mod errand;
mod grpc;
mod head;
mod hot;
mod http1;
mod http2;
mod link;
mod listen;
mod login;
mod refusal;
mod relay;
mod renew;
mod route;
mod sending;
mod settings;
mod signature;
mod streams;
mod submit;
mod tunnel;
mod upgrade;
mod whoami;
pub mod wire;

pub use drain::Stage;
pub use listen::{Entry, Queue, accept};
pub use refusal::Code;
pub use settings::{Current, Machines, Settings, SettingsError, Shared, trust};

use crate::{
    forwarded,
    hook::Refused,
    provider::{
        Match, Provider,
        preset::{Wording, operation::Kind},
    },
    telemetry::metrics::LineMetrics,
    upstream::{LocalExecutor, Upstreams},
};
use admit::AtRoot;
use drain::Drain;
use grpc::Dialect;
use hot::HotGrants;
use http::{HeaderValue, Method, Request, Response, request};
use hyper::{body::Incoming, server::conn};
use link::{Caller as Connected, Link, Patience, Ticket};
use refusal::Refusal;
use relay::{About, Answer, Came};
use route::Route;
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    net::IpAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Instant,
};
use streams::Streams;
use upgrade::{Met, Wish};

/// One core: its own runtime, listeners, pool and counters.
pub struct Core {
    pub shared: Arc<Shared>,
    pub drain: Rc<Drain>,
    /// What becomes of the queues when it drains.
    pub queue: Cell<Queue>,
    serving: Cell<u32>,
    /// Submissions that are under way, with or without their callers.
    submitting: Cell<u32>,
    streams: Streams,
    current: RefCell<Rc<Current>>,
    lines: Arc<LineMetrics>,
    upstreams: Rc<Upstreams>,
    hot: HotGrants,
    ids: RequestIds,
    http1: conn::http1::Builder,
    http2: conn::http2::Builder<LocalExecutor>,
}

impl Core {
    pub fn new(shared: Arc<Shared>, number: usize) -> Rc<Self> {
        let settings = shared.settings();
        let mut http1 = conn::http1::Builder::new();
        http1.max_header_size(settings.sizes.head + 1024).max_buf_size(relay::BUFFER.max(settings.sizes.head + 1024));
        let http2 = http2::builder(settings.sizes.h2_streams, settings.sizes.h2_header_list);
        let lines = shared.metrics.lines();
        let upstreams = Upstreams::counted(settings.timeouts.clone(), &settings.sizes, Arc::clone(&lines));
        let current = RefCell::new(Rc::new(Current::new(&shared)));
        let ids = RequestIds::new(number);
        let (drain, hot) = (Rc::new(Drain::default()), HotGrants::default());
        let (serving, submitting, streams) = (Cell::new(0), Cell::new(0), Streams::default());
        let queue = Cell::new(Queue::Emptied);
        Rc::new(Self {
            shared,
            drain,
            queue,
            serving,
            submitting,
            streams,
            current,
            lines,
            upstreams,
            hot,
            ids,
            http1,
            http2,
        })
    }

    /// Whether a connection of a caller's is still open, or something submitted is not on record yet.
    pub fn is_serving(&self) -> bool {
        self.serving.get() + self.submitting.get() > 0
    }

    /// Cuts streams whose caller may no longer have them; for as long as the core runs.
    pub async fn watch_streams(&self) {
        self.streams.watch_over(&self.shared.directory, &self.shared.clock).await;
    }

    fn is_connected(&self, by: i32) {
        self.serving.set(self.serving.get().saturating_add_signed(by));
        self.lines.callers.set(self.serving.get().into());
    }

    /// Closes connections to providers that nobody uses any more; called now and then.
    pub fn prune(&self) {
        self.upstreams.prune();
    }

    fn link(&self, connected: Connected) -> Rc<Link> {
        let current = self.current();
        current.metrics.connections.add(1);
        let timeouts = &current.settings.timeouts;
        let patience = Patience { head: timeouts.head, keep_alive: timeouts.keep_alive, body_idle: timeouts.body_idle };
        Link::new(connected, patience, current.settings.head_limits(), Rc::clone(&self.drain))
    }

    /// The settings in force. A reload is noticed here.
    fn current(&self) -> Rc<Current> {
        let mut current = self.current.borrow_mut();
        if !current.is_of(&self.shared) {
            *current = Rc::new(Current::new(&self.shared));
        }
        Rc::clone(&current)
    }
}

/// Names of requests: unique over cores and restarts, and no more than that.
struct RequestIds {
    prefix: String,
    next: Cell<u64>,
}

impl RequestIds {
    fn new(core: usize) -> Self {
        let started = uuid::Uuid::now_v7().simple().to_string();
        Self { prefix: format!("{}{core:02x}", &started[4..16]), next: Cell::new(0) }
    }

    fn next(&self) -> HeaderValue {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 24];
        let number = self.next.replace(self.next.get() + 1);
        let prefix = self.prefix.len().min(14);
        text[..prefix].copy_from_slice(&self.prefix.as_bytes()[..prefix]);
        for (at, digit) in text[14..].iter_mut().rev().enumerate() {
            *digit = HEX[(number >> (4 * at)) as usize & 15];
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }
}

/// Where an exchange stands, for the counters.
#[derive(Default)]
struct Tally {
    provider: Cell<Option<u16>>,
    kind: Cell<Option<Kind>>,
    /// How its SDKs want to be refused.
    wording: Cell<Wording>,
}

/// Answers one request, whatever happens.
async fn serve(core: &Rc<Core>, ticket: &Ticket, entry: Entry, request: Request<Incoming>) -> Response<Answer> {
    let (link, arrived) = (ticket.link(), ticket.entered);
    let (tally, id, current) = (Tally::default(), core.ids.next(), core.current());
    let (parts, body) = request.into_parts();
    let address = forwarded::address(link.peer, &parts.headers, &current.settings.trusted_proxies);
    let dialect = Dialect::of(&parts);
    let exchange = Exchange { core, current: &current, ticket, link, address, arrived, tally: &tally, dialect };
    let mut run = pin!(exchange.run(entry, parts, body));
    let answered =
        poll_fn(|cx| if ticket.is_cut_off(cx) { Poll::Ready(Err(Refusal::draining())) } else { run.as_mut().poll(cx) });
    let (status, mut answer) = match answered.await {
        Ok(answer) => (grpc::outcome_so_far(answer.status(), answer.headers()), answer),
        Err(refusal) => {
            current.metrics.refusals[refusal.code as usize].add(1);
            tracing::debug!(request = ?id, refusal = refusal.code.as_str(), "refused");
            if let Some((credential, way, status)) = refusal.refused {
                let refused = Refused { at: core.shared.clock.now(), way, status: Some(status) };
                core.shared.refusals.add(credential, refused);
            }
            let status = refusal.told_by();
            match dialect {
                Dialect::Http => {
                    (status, refusal.answer(exchange.current.shape(tally.provider.get(), tally.wording.get())))
                }
                Dialect::Grpc => (status, refusal.answer_call()),
            }
        }
    };
    if let Some(metrics) = current.metrics_of(tally.provider.get()) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        let operation = &metrics.operations[settings::kind_place(tally.kind.get())];
        operation.answers[class].add(1);
        operation.took.record(arrived.elapsed());
    }
    answer.headers_mut().insert(head::REQUEST_ID, id);
    answer
}

/// One request on its way: what the steps share.
#[derive(Clone, Copy)]
struct Exchange<'e> {
    core: &'e Rc<Core>,
    current: &'e Rc<Current>,
    ticket: &'e Ticket,
    link: &'e Rc<Link>,
    /// The caller's: the peer's, or what a proxy that the operator trusts says.
    address: IpAddr,
    arrived: Instant,
    tally: &'e Tally,
    dialect: Dialect,
}

/// What is asked of which provider.
struct Asked<'a> {
    provider: &'a Arc<Provider>,
    method: &'a Method,
    route: &'a Route<'a, 'a>,
    operation: Option<Match<'a>>,
}

impl Asked<'_> {
    fn kind(&self) -> Option<Kind> {
        self.operation.as_ref().map(|found| found.operation.kind)
    }

    /// Whether it may cost something, or undo what did. What no preset lists is taken at its method's word.
    fn may_cost(&self) -> bool {
        match self.kind() {
            Some(Kind::Submit | Kind::Cancel) => true,
            Some(Kind::Account) | None => !self.method.is_safe(),
            Some(_) => false,
        }
    }

    const fn path(&self) -> &str {
        self.route.path
    }
}

impl Exchange<'_> {
    /// accept → route or log in → authenticate → admit → errand → verify → resolve → confine → access → authorize →
    /// forward or submit → renew → relay.
    ///
    /// Why what is seldom awaited is boxed: a future is copied into its parent as a whole, with room for all that it
    /// could ever wait for. Boxing the rare waits keeps the common one small.
    async fn run(self, entry: Entry, mut parts: request::Parts, body: Incoming) -> Result<Response<Answer>, Refusal> {
        let headers = std::mem::take(&mut parts.headers);
        head::check(&parts, &headers, self.current.settings.head_limits())?;
        let wish = Wish::of(&parts, &headers)?;
        let doors = self.current.doors();
        let mut route = route::route(&doors, entry, &parts, &headers)?;
        let provider = match route.destination.take() {
            Some(provider) => provider,
            None => match Box::pin(self.at_root(&parts.method, &route, &headers)).await? {
                AtRoot::Provider(provider) => provider,
                AtRoot::Answered(answer) => return Ok(*answer),
            },
        };
        if let Some(prefix) = &provider.preset().ignored_prefix {
            route.skip(prefix);
        }
        let signed_target = self.signed_target(provider, &route, &headers)?;
        if let Some(target) = &signed_target {
            route.read_as(target);
        }
        let operation = self.classify(provider, &parts.method, route.path)?;
        if let Some(login) = operation.and_then(|found| found.operation.login.as_ref()) {
            let asked = Asked { provider, method: &parts.method, route: &route, operation };
            return Box::pin(self.login(&asked, login, &headers, body)).await;
        }
        let presented = self.presented(provider, &mut route, &headers)?;
        let asked = Asked { provider, method: &parts.method, route: &route, operation };
        if asked.may_cost() {
            self.ticket.keep_to_the_end();
        }
        upgrade::allow(&asked, wish)?;
        let caller = self.authenticate(&asked, presented).await?;
        let admitted = self.admit(&asked, caller).await?;
        let mut errand = self.errand(&asked, &admitted, &headers, body).await?;
        let signed = self.verify(&asked, &parts, &headers, &errand)?;
        let made = self.purse(&asked, &errand)?;
        let grant = self.resolve(&asked, admitted, made.as_ref()).await?;
        let permit = self.confine(&asked, grant.as_deref(), &errand).await?;
        self.keep_within(&asked, grant.as_deref(), &errand, signed.as_ref()).await?;
        let attached = self.access(&asked, grant.as_deref()).await?;
        let paying = grant.as_deref().zip(attached.as_deref());
        let mut sending = self.authorize(&asked, paying, permit, headers, signed, errand.take_body())?;
        let again = sending.again.take();
        let mut about = About { permit, named: std::mem::take(&mut errand.named), attached };
        let answer = match &grant {
            Some(hot) if asked.kind() == Some(Kind::Submit) => {
                Box::pin(self.submit(&asked, hot, &about, errand, sending)).await?
            }
            _ => {
                let (answer, lease) = match wish {
                    Wish::Answer => self.forward(&asked, grant.as_ref(), sending).await?,
                    Wish::WebSocket => {
                        match Box::pin(self.switch(&asked, grant.as_ref(), about.attached.as_deref(), sending)).await? {
                            Met::Switching(answer) => return Ok(answer),
                            Met::Answered(answer, lease) => (answer, lease),
                        }
                    }
                };
                answer.map(|body| Came::Coming(body, lease))
            }
        };
        let (grant, answer) = match grant {
            Some(hot) if about.is_renewable(&hot) && (asked.is_refused(&answer) || asked.hides_reason(&answer)) => {
                let (hot, answer) = Box::pin(self.renew(&asked, hot, &mut about, again, answer)).await?;
                (Some(hot), answer)
            }
            grant => (grant, answer),
        };
        self.relay(&asked, grant, about, answer).await
    }

    fn classify<'p>(&self, provider: &'p Provider, method: &Method, path: &str) -> Result<Option<Match<'p>>, Refusal> {
        let operation = provider.classify(method.as_str(), path.as_bytes()).map_err(|_| {
            Refusal::bad_request("The path could be read in two ways. Send it as your SDK does, encoded once.")
        })?;
        self.tally.provider.set(Some(provider.index()));
        self.tally.kind.set(operation.map(|found| found.operation.kind));
        Ok(operation)
    }
}
