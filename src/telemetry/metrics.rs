//! What is counted, per core and without locks, and summed when somebody asks.
//! Owns the counters of every core that ever served, so that no figure goes back when a core reloads.
//! Labels are bounded: providers, kinds of operations, classes of statuses, refusal codes.

use std::{
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A counter that one core writes and anybody reads.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Not a read-modify-write: there is one writer.
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of a histogram's buckets, in microseconds.
const BOUNDS: [u64; 14] = [
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

#[derive(Default)]
pub struct Histogram {
    buckets: [Counter; BOUNDS.len() + 1],
    micros: Counter,
}

impl Histogram {
    pub fn record(&self, span: Duration) {
        let micros = span.as_micros() as u64;
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].add(1);
        self.micros.add(micros);
    }

    /// In Prometheus's text format, by itself.
    pub fn render(&self, text: &mut String, name: &str, help: &str) {
        head(text, name, "histogram", help);
        render_histogram(text, name, "", [self].into_iter());
    }
}

/// How many kinds of operations are told apart, those of unlisted paths included.
pub const KINDS: usize = 11;

/// One provider's figures on one core.
#[derive(Default)]
pub struct ProviderMetrics {
    /// By kind of operation and by the hundreds of the status.
    pub answers: [[Counter; 5]; KINDS],
    /// From the request's leaving to the head of the provider's answer.
    pub upstream: Histogram,
    /// What Bellhop took before that.
    pub overhead: Histogram,
    pub relayed_bytes: Counter,
    pub masked_echoes: Counter,
}

/// One core's figures.
pub struct CoreMetrics {
    pub providers: Box<[ProviderMetrics]>,
    /// By refusal code.
    pub refusals: Box<[Counter]>,
    pub connections: Counter,
}

/// The ids of a core's providers, in the order of its figures.
type CoreEntry = (Arc<[Box<str>]>, Arc<CoreMetrics>);
/// A family of metrics: its name, what it is, and which of a provider's figures.
type Family<T> = (&'static str, &'static str, fn(&ProviderMetrics) -> &T);

/// Everything that was ever counted.
pub struct Metrics {
    kinds: [&'static str; KINDS],
    refusal_codes: Vec<&'static str>,
    cores: Mutex<Vec<CoreEntry>>,
}

impl Metrics {
    pub fn new(kinds: [&'static str; KINDS], refusal_codes: Vec<&'static str>) -> Self {
        Self { kinds, refusal_codes, cores: Mutex::default() }
    }

    /// Counters for one core, for these providers in this order.
    pub fn core(&self, providers: &Arc<[Box<str>]>) -> Arc<CoreMetrics> {
        let core = Arc::new(CoreMetrics {
            providers: providers.iter().map(|_| ProviderMetrics::default()).collect(),
            refusals: self.refusal_codes.iter().map(|_| Counter::default()).collect(),
            connections: Counter::default(),
        });
        let mut cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        cores.push((Arc::clone(providers), Arc::clone(&core)));
        core
    }

    /// In Prometheus's text format, version 0.0.4.
    pub fn render(&self) -> String {
        let cores = self.cores.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<&str> = cores.iter().flat_map(|(ids, _)| ids.iter().map(|id| &**id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let of = |id: &str| -> Vec<&ProviderMetrics> {
            let place = |(ids, _): &CoreEntry| ids.iter().position(|i| **i == *id);
            cores.iter().filter_map(|entry| place(entry).and_then(|at| entry.1.providers.get(at))).collect()
        };
        let mut text = String::new();
        head(&mut text, "bellhop_requests_total", "counter", "Answers, by provider, operation and status class.");
        for id in &ids {
            self.render_answers(&mut text, id, &of(id));
        }
        let histograms: [Family<Histogram>; 2] = [
            ("bellhop_upstream_seconds", "From sending a request to the head of the provider's answer.", |p| {
                &p.upstream
            }),
            ("bellhop_overhead_seconds", "What Bellhop itself took before a request left.", |p| &p.overhead),
        ];
        for (name, help, pick) in histograms {
            head(&mut text, name, "histogram", help);
            for id in &ids {
                render_histogram(&mut text, name, &format!("provider=\"{id}\""), of(id).into_iter().map(pick));
            }
        }
        let counters: [Family<Counter>; 2] = [
            ("bellhop_relayed_bytes_total", "Bytes of providers' bodies passed on.", |p| &p.relayed_bytes),
            ("bellhop_masked_echoes_total", "Secrets that a provider sent back and that were masked.", |p| {
                &p.masked_echoes
            }),
        ];
        for (name, help, pick) in counters {
            head(&mut text, name, "counter", help);
            for id in &ids {
                let sum: u64 = of(id).into_iter().map(|p| pick(p).value()).sum();
                let _ = writeln!(text, "{name}{{provider=\"{id}\"}} {sum}");
            }
        }
        head(&mut text, "bellhop_refusals_total", "counter", "Answers made by Bellhop itself, by refusal code.");
        for (at, code) in self.refusal_codes.iter().enumerate() {
            let sum: u64 = cores.iter().filter_map(|(_, core)| core.refusals.get(at)).map(Counter::value).sum();
            let _ = writeln!(text, "bellhop_refusals_total{{code=\"{code}\"}} {sum}");
        }
        head(&mut text, "bellhop_connections_total", "counter", "Connections accepted from callers.");
        let sum: u64 = cores.iter().map(|(_, core)| core.connections.value()).sum();
        let _ = writeln!(text, "bellhop_connections_total {sum}");
        text
    }

    fn render_answers(&self, text: &mut String, id: &str, metrics: &[&ProviderMetrics]) {
        for (at, kind) in self.kinds.iter().enumerate() {
            for class in 0..5 {
                let sum: u64 = metrics.iter().map(|p| p.answers[at][class].value()).sum();
                if sum > 0 {
                    let status = class + 1;
                    let _ = writeln!(
                        text,
                        "bellhop_requests_total{{provider=\"{id}\",operation=\"{kind}\",status=\"{status}xx\"}} {sum}"
                    );
                }
            }
        }
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn render_histogram<'m>(text: &mut String, name: &str, label: &str, all: impl Iterator<Item = &'m Histogram>) {
    let (mut buckets, mut micros) = ([0_u64; BOUNDS.len() + 1], 0_u64);
    for histogram in all {
        for (sum, counter) in buckets.iter_mut().zip(&histogram.buckets) {
            *sum += counter.value();
        }
        micros += histogram.micros.value();
    }
    let (comma, labels) = if label.is_empty() { ("", String::new()) } else { (",", format!("{{{label}}}")) };
    let mut count = 0;
    for (at, in_bucket) in buckets.iter().enumerate() {
        count += in_bucket;
        let bound = BOUNDS.get(at).map_or_else(|| "+Inf".to_owned(), |b| (*b as f64 / 1e6).to_string());
        let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(text, "{name}_sum{labels} {}", micros as f64 / 1e6);
    let _ = writeln!(text, "{name}_count{labels} {count}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_all_cores_are_summed() {
        let metrics = Metrics::new(["poll"; KINDS], vec!["unknown-token"]);
        let ids: Arc<[Box<str>]> = Arc::from(["ionq".into(), "dwave".into()]);
        for core in [metrics.core(&ids), metrics.core(&ids)] {
            core.providers[0].answers[3][1].add(2);
            core.providers[0].upstream.record(Duration::from_millis(2));
            core.refusals[0].add(1);
        }
        let text = metrics.render();
        assert!(text.contains("bellhop_requests_total{provider=\"ionq\",operation=\"poll\",status=\"2xx\"} 4"));
        assert!(text.contains("bellhop_upstream_seconds_bucket{provider=\"ionq\",le=\"0.005\"} 2"));
        assert!(text.contains("bellhop_upstream_seconds_sum{provider=\"ionq\"} 0.004"));
        assert!(text.contains("bellhop_refusals_total{code=\"unknown-token\"} 2"));
    }
}
