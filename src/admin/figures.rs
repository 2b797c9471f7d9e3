//! The figures of the whole process, in Prometheus's text format.
//! Owns nothing of what it tells; `docs/operations.md` says what each is for.
//! Never has a label that a caller can choose, and never a name of anybody's.

use super::Admin;
use crate::{store::Question, sync::Pace, telemetry::exposition::Exposition};
use std::sync::atomic::Ordering;

impl Admin {
    pub(super) fn figures(&self) -> String {
        let mut out = Exposition::default();
        let version = env!("CARGO_PKG_VERSION");
        let mut family = out.gauges("bellhop_build_info", "Always 1; which Bellhop this is.");
        family.sample(&[("version", version)], 1.0);
        let ready = f64::from(u8::from(self.not_ready().is_none()));
        out.gauge("bellhop_ready", "1 while /readyz says so.", ready);
        self.metrics.render(&mut out);
        self.caches(&mut out);
        self.store(&mut out);
        follower(&self.pace, self.store.tells_of_changes(), &mut out);
        self.replicas(&mut out);
        self.submissions(&mut out);
        self.census(&mut out);
        self.credentials(&mut out);
        self.told(&mut out);
        self.began.render(&mut out);
        out.into_text()
    }

    fn caches(&self, out: &mut Exposition) {
        out.gauge("bellhop_cached_callers", "Callers in the cache.", self.directory.len() as f64);
        let tally = self.directory.tally();
        let help = "Look-ups in what the cores share; after a miss the store is asked.";
        let mut family = out.counters("bellhop_cache_lookups_total", help);
        for (cache, looked) in [("callers", &tally.callers), ("grants", &tally.grants)] {
            family.count(&[("cache", cache), ("outcome", "hit")], &looked.hits);
            family.count(&[("cache", cache), ("outcome", "miss")], &looked.misses);
        }
    }

    fn store(&self, out: &mut Exposition) {
        let help = "Since the change log was last read to its end.";
        out.gauge("bellhop_store_staleness_seconds", help, self.directory.staleness().as_secs_f64());
        let help = "How long known callers go on without a store: store.max_stale.";
        out.gauge("bellhop_store_max_stale_seconds", help, self.directory.max_stale().as_secs_f64());
        let figures = self.store.figures();
        let mut family = out.histograms("bellhop_store_seconds", "How long the store took, by what it was asked.");
        for question in Question::ALL {
            family.histogram(&[("question", question.as_str())], std::iter::once(figures.span(*question)));
        }
        let help = "Questions that the store did not answer, or not in time.";
        let mut family = out.counters("bellhop_store_failures_total", help);
        for question in Question::ALL {
            family.sum(&[("question", question.as_str())], std::iter::once(figures.failures(*question)));
        }
        let pools = self.store.connections();
        let mut family = out.gauges("bellhop_store_connections", "Connections to the store that are open.");
        for (pool, connections) in pools {
            family.sample(&[("pool", pool), ("state", "used")], f64::from(connections.used));
            family.sample(&[("pool", pool), ("state", "idle")], f64::from(connections.open - connections.used));
        }
        let mut family = out.gauges("bellhop_store_connections_max", "Connections to the store that may be open.");
        for (pool, connections) in pools {
            family.sample(&[("pool", pool)], f64::from(connections.most));
        }
    }

    fn replicas(&self, out: &mut Exposition) {
        let replicas = self.presence.replicas();
        let mut family =
            out.gauges("bellhop_replicas", "Processes that serve from this store, as this one hears of them.");
        family.sample(&[("state", "heard")], replicas.heard as f64);
        family.sample(&[("state", "silent")], replicas.silent as f64);
        let help = "Since this process last told the store that it lives.";
        let mut family = out.gauges("bellhop_presence_age_seconds", help);
        if let Some(told) = replicas.told {
            family.sample(&[], told.as_secs_f64());
        }
    }

    fn submissions(&self, out: &mut Exposition) {
        let tally = self.jobs.tally();
        let states = [
            ("intended", &tally.intended),
            ("bound", &tally.bound),
            ("refused", &tally.refused),
            ("not_sent", &tally.not_sent),
            ("unknown", &tally.unknown),
        ];
        let help = "Submissions put on record, and what became of them.";
        let mut family = out.counters("bellhop_submissions_total", help);
        for (state, count) in states {
            family.count(&[("state", state)], count);
        }
        let help = "Answers withheld because they name another member's job.";
        out.count("bellhop_withheld_jobs_total", help, &tally.foreign);
        out.count("bellhop_spooled_bindings_total", "Jobs that went on record in the spool first.", &tally.spooled);
        let help = "Entries for the record of jobs that wait for its one writer.";
        out.gauge("bellhop_record_queue_entries", help, self.jobs.queued() as f64);
        let (entries, bytes) = self.jobs.spooled();
        out.gauge("bellhop_spool_entries", "What the store is still to be told, in the spool.", entries as f64);
        out.gauge("bellhop_spool_bytes", "The spool's size.", bytes as f64);
    }

    /// Of the whole installation, and the same at every replica.
    fn census(&self, out: &mut Exposition) {
        let census = self.counting.last();
        let mut family = out.gauges("bellhop_credentials", "Credentials, by provider and health; counted each minute.");
        for (provider, health, count) in census.iter().flat_map(|census| &census.credentials) {
            family.sample(&[("provider", provider), ("health", health)], *count as f64);
        }
        let states = [
            ("bellhop_open_submissions", "Submissions of all processes that have no end on record yet."),
            ("bellhop_unknown_submissions", "Submissions of which nobody knows whether the provider took them."),
        ];
        for ((name, help), at) in states.into_iter().zip(0..) {
            let mut family = out.gauges(name, help);
            if let Some(census) = &census {
                family.sample(&[], [census.open, census.unknown][at] as f64);
            }
        }
    }

    fn credentials(&self, out: &mut Exposition) {
        let help = "Sources of credentials in use that cannot be read now.";
        out.gauge("bellhop_failing_sources", help, self.sources.failing() as f64);
        let tally = &self.sources.tally;
        out.count("bellhop_source_reads_total", "Attempts to read a live source of a credential.", &tally.reads);
        out.count("bellhop_source_failures_total", "Attempts that failed.", &tally.failures);
        out.count("bellhop_source_changes_total", "Readings that gave another value than before.", &tally.changes);
        let help = "Exchanges of a credential for an access token, and what came of them.";
        let mut family = out.counters("bellhop_exchanges_total", help);
        for (provider, tally) in self.exchanges.tallies() {
            let outcomes = [("made", &tally.made), ("refused", &tally.refused), ("failed", &tally.failed)];
            for (outcome, count) in outcomes {
                family.count(&[("provider", &provider), ("outcome", outcome)], count);
            }
        }
    }

    fn told(&self, out: &mut Exposition) {
        let tally = &self.hooks.tally;
        let help = "Attempts to deliver a message to a webhook.";
        let mut family = out.counters("bellhop_webhook_attempts_total", help);
        let outcomes = [("delivered", &tally.delivered), ("failed", &tally.failed), ("given_up", &tally.given_up)];
        for (outcome, count) in outcomes {
            family.count(&[("outcome", outcome)], count);
        }
    }
}

fn follower(pace: &Pace, is_told: bool, out: &mut Exposition) {
    let help = "The number of the last change that is in force here.";
    out.gauge("bellhop_followed_change", help, crate::presence::Following::followed(pace) as f64);
    let help = "1 while PostgreSQL tells of changes, 0 while they are looked for. With SQLite nothing is said.";
    let mut family = out.gauges("bellhop_follower_listening", help);
    if is_told {
        family.sample(&[], f64::from(u8::from(pace.is_listening())));
    }
    let help = "From a change's being made to its being in force in this process: how long a revoked token works.";
    out.histograms("bellhop_change_lag_seconds", help).histogram(&[], std::iter::once(&pace.lag));
    out.count("bellhop_follower_failures_total", "Attempts to follow the change log that failed.", &pace.failures);
    let help = "How often all that is cached had to be asked for again, because the log was another.";
    out.counter("bellhop_follower_restarts_total", help, pace.starts_over.load(Ordering::Relaxed) as f64);
}
