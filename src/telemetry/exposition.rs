//! Prometheus's text format (version 0.0.4): families of samples, each with what it is.
//! Owns the text until it is sent.
//! Never takes a label's value for granted: what stands in one is escaped.

use super::metrics::{BOUNDS, Counter, Histogram};
use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
};

#[derive(Clone, Copy)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Default)]
pub struct Exposition(String);

/// One name, and its samples.
pub struct Family<'e> {
    text: &'e mut String,
    name: &'static str,
}

type Labels<'l> = [(&'l str, &'l str)];

impl Exposition {
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { text: &mut self.0, name }
    }

    pub fn counters(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, Kind::Counter, help)
    }

    pub fn gauges(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, Kind::Gauge, help)
    }

    pub fn histograms(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, Kind::Histogram, help)
    }

    pub fn counter(&mut self, name: &'static str, help: &str, value: f64) {
        self.counters(name, help).sample(&[], value);
    }

    pub fn count(&mut self, name: &'static str, help: &str, count: &AtomicU64) {
        self.counter(name, help, count.load(Ordering::Relaxed) as f64);
    }

    pub fn gauge(&mut self, name: &'static str, help: &str, value: f64) {
        self.gauges(name, help).sample(&[], value);
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: &Labels, value: f64) -> &mut Self {
        let _ = writeln!(self.text, "{}{} {value}", self.name, braced(&joined(labels)));
        self
    }

    pub fn count(&mut self, labels: &Labels, count: &AtomicU64) -> &mut Self {
        self.sample(labels, count.load(Ordering::Relaxed) as f64)
    }

    /// The sum of these.
    pub fn sum<'c>(&mut self, labels: &Labels, counters: impl Iterator<Item = &'c Counter>) -> &mut Self {
        self.sample(labels, counters.map(Counter::value).sum::<u64>() as f64)
    }

    /// One histogram of all of these.
    pub fn histogram<'h>(&mut self, labels: &Labels, all: impl Iterator<Item = &'h Histogram>) -> &mut Self {
        let (mut buckets, mut micros) = ([0_u64; BOUNDS.len() + 1], 0_u64);
        for histogram in all {
            for (sum, counter) in buckets.iter_mut().zip(&histogram.buckets) {
                *sum += counter.value();
            }
            micros += histogram.micros.value();
        }
        let (name, labels) = (self.name, joined(labels));
        let comma = if labels.is_empty() { "" } else { "," };
        let mut count = 0;
        for (at, in_bucket) in buckets.iter().enumerate() {
            count += in_bucket;
            let bound = BOUNDS.get(at).map_or_else(|| "+Inf".to_owned(), |b| (*b as f64 / 1e6).to_string());
            let _ = writeln!(self.text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(self.text, "{name}_sum{} {}", braced(&labels), micros as f64 / 1e6);
        let _ = writeln!(self.text, "{name}_count{} {count}", braced(&labels));
        self
    }
}

fn joined(labels: &Labels) -> String {
    let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_value_cannot_end_its_label() {
        let mut text = Exposition::default();
        text.gauges("bellhop_x", "What it is.").sample(&[("a", "b\"} 9\nbellhop_y 1\\"), ("c", "d")], 2.5);
        let expected = "# HELP bellhop_x What it is.\n# TYPE bellhop_x gauge\n\
                        bellhop_x{a=\"b\\\"} 9\\nbellhop_y 1\\\\\",c=\"d\"} 2.5\n";
        assert_eq!(text.into_text(), expected);
    }

    #[test]
    fn buckets_hold_all_that_is_not_longer() {
        let (one, other) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_millis(2));
        other.record_shared(Duration::from_secs(1_000));
        let mut text = Exposition::default();
        text.histograms("bellhop_x_seconds", "How long.").histogram(&[], [&one, &other].into_iter());
        let text = text.into_text();
        for line in ["{le=\"0.001\"} 0", "{le=\"0.005\"} 1", "{le=\"900\"} 1", "{le=\"+Inf\"} 2"] {
            assert!(text.contains(&format!("bellhop_x_seconds_bucket{line}\n")), "{line} in {text}");
        }
        assert!(text.ends_with("bellhop_x_seconds_sum 1000.002\nbellhop_x_seconds_count 2\n"), "{text}");
    }
}
