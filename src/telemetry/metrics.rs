//! What is counted, per core and without locks, and summed when somebody asks.
//! Owns the counters of every core that ever served, so that no figure goes back when a core reloads.
//! Labels are bounded: providers, kinds of operations, classes of statuses, and the words of enums.

use super::exposition::Exposition;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering, fence},
    },
    time::Duration,
};

/// A counter that anybody reads.
#[derive(Default, Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Where there is one writer: not a read-modify-write.
    pub fn add(&self, count: u64) {
        self.set(self.value().wrapping_add(count));
    }

    /// Where there are several.
    pub fn add_shared(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of a histogram's buckets, in microseconds.
pub(super) const BOUNDS: [u64; 14] = [
    50,
    100,
    250,
    500,
    1_000,
    5_000,
    25_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    60_000_000,
    900_000_000,
];

#[derive(Default, Debug)]
pub struct Histogram {
    pub(super) buckets: [Counter; BOUNDS.len() + 1],
    pub(super) micros: Counter,
}

impl Histogram {
    /// Where there is one writer.
    pub fn record(&self, span: Duration) {
        let (bucket, micros) = place(span);
        self.buckets[bucket].add(1);
        self.micros.add(micros);
    }

    /// Where there are several.
    pub fn record_shared(&self, span: Duration) {
        let (bucket, micros) = place(span);
        self.buckets[bucket].add_shared(1);
        self.micros.add_shared(micros);
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.value() == 0)
    }
}

fn place(span: Duration) -> (usize, u64) {
    let micros = span.as_micros() as u64;
    (BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len()), micros)
}

/// An enum whose cases are a label's values: each with its word, in the order of its counters.
macro_rules! label {
    ($(#[$about:meta])* $name:ident { $($case:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($case),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$case),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }
        }
    };
}
pub(crate) use label;

label! {
    /// Why a provider gave no answer.
    Failure {
        Unresolved = "unresolved",
        Private = "private-address",
        Refused = "not-connected",
        Tls = "tls",
        NotHttp2 = "not-http2",
        Unsent = "closed-before-sent",
        Timeout = "timeout",
        Broken = "broken",
        Invalid = "invalid",
    }
}

label! {
    /// Which limit a caller was over.
    Limit { Token = "token", User = "user", Credential = "credential", FailedLookups = "failed_lookups" }
}

label! {
    /// What a core looks up without asking another.
    Cache { Hot = "hot", Jobs = "jobs" }
}

/// How many kinds of operations are told apart, those of unlisted paths included.
pub const KINDS: usize = 11;

/// One kind of operation of one provider, on one core.
#[derive(Default)]
pub struct OperationMetrics {
    /// By the hundreds of the status.
    pub answers: [Counter; 5],
    /// From the request's arrival to the head of the answer, whoever made it.
    pub took: Histogram,
    /// From the request's leaving to the head of the provider's answer.
    pub upstream: Histogram,
    /// What Bellhop took before that.
    pub overhead: Histogram,
}

/// One provider's figures on one core.
#[derive(Default)]
pub struct ProviderMetrics {
    pub operations: [OperationMetrics; KINDS],
    /// By [`Failure`].
    pub failures: [Counter; Failure::ALL.len()],
    pub relayed_bytes: Counter,
    pub masked_echoes: Counter,
}

/// One core's figures under one configuration.
pub struct CoreMetrics {
    pub providers: Box<[ProviderMetrics]>,
    /// By refusal code.
    pub refusals: Box<[Counter]>,
    /// By [`Limit`].
    pub throttled: [Counter; Limit::ALL.len()],
    /// By [`Cache`]: hits, and misses.
    pub looked_up: [[Counter; 2]; Cache::ALL.len()],
    pub connections: Counter,
}

impl CoreMetrics {
    pub fn looked_up(&self, cache: Cache, is_hit: bool) {
        self.looked_up[cache as usize][usize::from(!is_hit)].add(1);
    }
}

/// One core's connections, whatever is configured.
#[derive(Default)]
pub struct LineMetrics {
    /// Open ones of callers.
    pub callers: Counter,
    /// Closed at once, because `limits.connections` were open.
    pub turned_away: Counter,
    /// Submissions under way.
    pub submitting: Counter,
    /// To providers: attempts, and what became of them.
    pub dialled: Counter,
    pub opened: Counter,
    pub closed: Counter,
    /// Of the open ones, those that wait for a request; over HTTP/1.1.
    pub idle: Counter,
}

/// The ids of a core's providers, in the order of its figures.
type CoreEntry = (Arc<[Box<str>]>, Arc<CoreMetrics>);
/// A family of metrics: its name, what it is, and which of the figures.
type Pick<O, F> = (&'static str, &'static str, fn(&O) -> &F);

label! {
    /// Where callers see a certificate.
    Listener { Proxy = "proxy", Admin = "admin" }
}

/// Everything that was ever counted.
pub struct Metrics {
    kinds: [&'static str; KINDS],
    refusal_codes: Vec<&'static str>,
    cores: Mutex<Vec<CoreEntry>>,
    lines: Mutex<Vec<Arc<LineMetrics>>>,
    /// When each listener's certificate ends, in seconds since 1970; 0: there is none.
    certificates: [AtomicI64; Listener::ALL.len()],
}

impl Metrics {
    pub fn new(kinds: [&'static str; KINDS], refusal_codes: Vec<&'static str>) -> Self {
        let (cores, lines) = (Mutex::default(), Mutex::default());
        Self { kinds, refusal_codes, cores, lines, certificates: Default::default() }
    }

    /// Counters for one core, for these providers in this order: those of a configuration that nobody uses any more, where
    /// its providers were the same.
    pub fn core(&self, providers: &Arc<[Box<str>]>) -> Arc<CoreMetrics> {
        let mut cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = cores.iter().find(|(ids, core)| ids == providers && Arc::strong_count(core) == 1);
        if let Some((_, core)) = unused {
            // What was written by whoever dropped it last is seen by whoever gets it.
            fence(Ordering::Acquire);
            return Arc::clone(core);
        }
        let core = Arc::new(CoreMetrics {
            providers: providers.iter().map(|_| ProviderMetrics::default()).collect(),
            refusals: self.refusal_codes.iter().map(|_| Counter::default()).collect(),
            throttled: Default::default(),
            looked_up: Default::default(),
            connections: Counter::default(),
        });
        cores.push((Arc::clone(providers), Arc::clone(&core)));
        core
    }

    /// Counters for one core's connections.
    pub fn lines(&self) -> Arc<LineMetrics> {
        let lines = Arc::new(LineMetrics::default());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&lines));
        lines
    }

    /// A certificate is in force, or none.
    pub fn certificate(&self, listener: Listener, ends: Option<i64>) {
        self.certificates[listener as usize].store(ends.unwrap_or(0), Ordering::Relaxed);
    }

    pub fn render(&self, out: &mut Exposition) {
        let cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        self.render_providers(&cores, out);
        let mut family = out.counters("bellhop_refusals_total", "Answers made by Bellhop itself, by refusal code.");
        for (at, code) in self.refusal_codes.iter().enumerate() {
            family.sum(&[("code", code)], cores.iter().filter_map(|(_, core)| core.refusals.get(at)));
        }
        let mut family = out.counters("bellhop_throttled_total", "Requests over a rate limit, by which limit.");
        for limit in Limit::ALL {
            let of = cores.iter().map(|(_, core)| &core.throttled[*limit as usize]);
            family.sum(&[("limit", limit.as_str())], of);
        }
        let mut family =
            out.counters("bellhop_core_cache_lookups_total", "Look-ups in what each core reaches at once.");
        for cache in Cache::ALL {
            for (at, outcome) in ["hit", "miss"].into_iter().enumerate() {
                let of = cores.iter().map(|(_, core)| &core.looked_up[*cache as usize][at]);
                family.sum(&[("cache", cache.as_str()), ("outcome", outcome)], of);
            }
        }
        let accepted = cores.iter().map(|(_, core)| &core.connections);
        out.counters("bellhop_connections_total", "Connections of callers that were served.").sum(&[], accepted);
        drop(cores);
        self.render_lines(out);
        let mut family = out.gauges(
            "bellhop_tls_certificate_expiry_timestamp_seconds",
            "When the certificate ends that callers of a listener see, in seconds since 1970.",
        );
        for listener in Listener::ALL {
            let ends = self.certificates[*listener as usize].load(Ordering::Relaxed);
            if ends != 0 {
                family.sample(&[("listener", listener.as_str())], ends as f64);
            }
        }
    }

    fn render_providers(&self, cores: &[CoreEntry], out: &mut Exposition) {
        let mut ids: Vec<&str> = cores.iter().flat_map(|(ids, _)| ids.iter().map(|id| &**id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let of = |id: &str| -> Vec<&ProviderMetrics> {
            let place = |(ids, _): &CoreEntry| ids.iter().position(|i| **i == *id);
            cores.iter().filter_map(|entry| place(entry).and_then(|at| entry.1.providers.get(at))).collect()
        };
        let all: Vec<(&str, Vec<&ProviderMetrics>)> = ids.into_iter().map(|id| (id, of(id))).collect();
        let help = "Answers, by provider, operation and class of status.";
        let mut family = out.counters("bellhop_requests_total", help);
        for (id, kind, operations) in self.operations(&all) {
            for class in (0..5).filter(|class| operations.iter().any(|o| o.answers[*class].value() > 0)) {
                let status = format!("{}xx", class + 1);
                let labels = [("provider", id), ("operation", kind), ("status", &*status)];
                family.sum(&labels, operations.iter().map(|o| &o.answers[class]));
            }
        }
        let spans: [Pick<OperationMetrics, Histogram>; 3] = [
            ("bellhop_request_seconds", "From a request's arrival to the head of its answer.", |o| &o.took),
            ("bellhop_upstream_seconds", "From a request's leaving to the head of the provider's answer.", |o| {
                &o.upstream
            }),
            ("bellhop_overhead_seconds", "From a request's arrival to its leaving: what Bellhop takes.", |o| {
                &o.overhead
            }),
        ];
        for (name, help, pick) in spans {
            let mut family = out.histograms(name, help);
            for (id, kind, operations) in self.operations(&all) {
                if operations.iter().any(|o| !pick(o).is_empty()) {
                    let labels = [("provider", id), ("operation", kind)];
                    family.histogram(&labels, operations.iter().map(|o| pick(o)));
                }
            }
        }
        let mut family =
            out.counters("bellhop_upstream_failures_total", "Requests without an answer of the provider's.");
        for (id, metrics) in &all {
            for failure in Failure::ALL {
                let labels = [("provider", *id), ("failure", failure.as_str())];
                family.sum(&labels, metrics.iter().map(|p| &p.failures[*failure as usize]));
            }
        }
        let counters: [Pick<ProviderMetrics, Counter>; 2] = [
            ("bellhop_relayed_bytes_total", "Bytes of providers' bodies passed on.", |p| &p.relayed_bytes),
            ("bellhop_masked_echoes_total", "Secrets that a provider sent back and that were masked.", |p| {
                &p.masked_echoes
            }),
        ];
        for (name, help, pick) in counters {
            let mut family = out.counters(name, help);
            for (id, metrics) in &all {
                family.sum(&[("provider", id)], metrics.iter().map(|p| pick(p)));
            }
        }
    }

    fn operations<'m>(
        &'m self,
        all: &'m [(&'m str, Vec<&'m ProviderMetrics>)],
    ) -> impl Iterator<Item = (&'m str, &'static str, Vec<&'m OperationMetrics>)> {
        all.iter().flat_map(|(id, metrics)| {
            let of = |at: usize| metrics.iter().map(|p| &p.operations[at]).collect();
            self.kinds.iter().enumerate().map(move |(at, kind)| (*id, *kind, of(at)))
        })
    }

    fn render_lines(&self, out: &mut Exposition) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |pick: fn(&LineMetrics) -> u64| lines.iter().map(|line| pick(line)).sum::<u64>() as f64;
        let (opened, closed) = (sum(|l| l.opened.value()), sum(|l| l.closed.value()));
        out.gauge("bellhop_connections_open", "Connections of callers that are open.", sum(|l| l.callers.value()));
        out.counter(
            "bellhop_connections_turned_away_total",
            "Connections closed at once, because limits.connections were open.",
            sum(|l| l.turned_away.value()),
        );
        out.gauge("bellhop_submitting", "Submissions under way.", sum(|l| l.submitting.value()));
        out.counter("bellhop_upstream_dials_total", "Attempts to connect to a provider.", sum(|l| l.dialled.value()));
        out.counter("bellhop_upstream_connections_total", "Connections to providers that came about.", opened);
        out.gauge("bellhop_upstream_connections_open", "Connections to providers that are open.", opened - closed);
        let help = "Of those over HTTP/1.1, the ones that wait for a request.";
        out.gauge("bellhop_upstream_connections_idle", help, sum(|l| l.idle.value()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(metrics: &Metrics) -> String {
        let mut out = Exposition::default();
        metrics.render(&mut out);
        out.into_text()
    }

    #[test]
    fn figures_of_all_cores_are_summed() {
        let metrics = Metrics::new(["poll"; KINDS], vec!["unknown-token"]);
        let ids: Arc<[Box<str>]> = Arc::from(["ionq".into(), "dwave".into()]);
        for core in [metrics.core(&ids), metrics.core(&ids)] {
            core.providers[0].operations[3].answers[1].add(2);
            core.providers[0].operations[3].upstream.record(Duration::from_millis(2));
            core.refusals[0].add(1);
        }
        let text = rendered(&metrics);
        assert!(text.contains("bellhop_requests_total{provider=\"ionq\",operation=\"poll\",status=\"2xx\"} 4"));
        assert!(text.contains("bellhop_upstream_seconds_bucket{provider=\"ionq\",operation=\"poll\",le=\"0.005\"} 2"));
        assert!(text.contains("bellhop_upstream_seconds_sum{provider=\"ionq\",operation=\"poll\"} 0.004"));
        assert!(text.contains("bellhop_refusals_total{code=\"unknown-token\"} 2"));
    }

    #[test]
    fn a_thousand_reloads_take_no_more_room_and_lose_no_count() {
        let metrics = Metrics::new(["poll"; KINDS], vec!["unknown-token"]);
        let ids: Arc<[Box<str>]> = Arc::from(["ionq".into()]);
        let mut current = metrics.core(&ids);
        for _ in 0..1_000 {
            current.refusals[0].add(1);
            // The old one is in use until the new one is there.
            current = metrics.core(&Arc::from(["ionq".into()]));
        }
        assert_eq!(metrics.cores.lock().unwrap().len(), 2);
        assert!(rendered(&metrics).contains("bellhop_refusals_total{code=\"unknown-token\"} 1000\n"));
        drop(current);
    }
}
