//! Rates: a cell (the generic cell rate algorithm) for each token, user and credential, and governor for what has none.
//! Owns the cells that several share, and the table of failed look-ups by source network; both bounded in size.
//! Never blocks and never asks the store: what is over its rate is told when to come back.

use crate::config::Rate;
use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// One caller's, user's or credential's place under a [`Rate`]: the time until which its allowance is used up.
#[derive(Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// Takes one from the allowance, or says how long until there is one.
    pub fn take(&self, rate: Rate, since_start: Duration) -> Result<(), Duration> {
        let now = nanos(since_start);
        let interval = nanos(rate.interval());
        let tolerance = interval.saturating_mul(u64::from(rate.burst.get() - 1));
        let mut used_until = self.0.load(Ordering::Relaxed);
        loop {
            let start = used_until.max(now);
            if start - now > tolerance {
                return Err(Duration::from_nanos(start - now - tolerance));
            }
            match self.0.compare_exchange_weak(used_until, start + interval, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => used_until = current,
            }
        }
    }
}

/// Cells that are found by a key: of a user, whose tokens share one, or of a credential.
///
/// Why one may be forgotten: nobody holds it, and its allowance is whole again; a new one says the same.
pub struct Cells<K: Eq + Hash> {
    cells: DashMap<K, Arc<Cell>>,
    /// How many more may be made before those are looked for that can go.
    spare: AtomicUsize,
}

/// Fewer cells than this are not worth looking through.
const FEW: usize = 4096;

impl<K: Eq + Hash> Default for Cells<K> {
    fn default() -> Self {
        Self { cells: DashMap::new(), spare: AtomicUsize::new(FEW) }
    }
}

impl<K: Eq + Hash> Cells<K> {
    pub fn of(&self, key: K, since_start: Duration) -> Arc<Cell> {
        if let Some(cell) = self.cells.get(&key) {
            return Arc::clone(&cell);
        }
        // The one who takes the last place makes room; the others go on.
        if self.spare.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.make_room(nanos(since_start));
        }
        Arc::clone(&self.cells.entry(key).or_default())
    }

    fn make_room(&self, now: u64) {
        self.cells.retain(|_, cell| Arc::strong_count(cell) > 1 || cell.0.load(Ordering::Relaxed) > now);
        self.spare.store(self.cells.len().max(FEW), Ordering::Relaxed);
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Counts look-ups of tokens that nobody knows, by source network.
pub struct FailedLookups {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    /// Networks that went over their limit, and until when they are not heard.
    deaf: DashMap<IpAddr, Instant>,
}

/// More networks than this at once, and the quiet ones are forgotten.
const NETWORKS: usize = 10_000;

impl FailedLookups {
    pub fn new(rate: Rate) -> Self {
        let quota = Quota::with_period(rate.interval()).unwrap_or_else(|| Quota::per_second(rate.count));
        Self { limiter: DefaultKeyedRateLimiter::keyed(quota.allow_burst(rate.burst)), deaf: DashMap::new() }
    }

    /// Counts one failure; `Err` says how long until this network's next one is heard.
    pub fn count(&self, address: IpAddr) -> Result<(), Duration> {
        if self.limiter.len() > NETWORKS {
            self.limiter.retain_recent();
        }
        let network = network(address);
        self.limiter.check_key(&network).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            let now = Instant::now();
            if self.deaf.len() > NETWORKS {
                self.deaf.retain(|_, until| now < *until);
            }
            self.deaf.insert(network, now + wait);
            wait
        })
    }

    /// Whether this network is heard now, before it is known whether it fails; counts nothing.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let until = self.deaf.get(&network(address)).map(|until| *until);
        let wait = until.and_then(|until| until.checked_duration_since(Instant::now()));
        wait.filter(|wait| !wait.is_zero()).map_or(Ok(()), Err)
    }
}

/// IPv6 callers own at least a /64 each; an IPv4 address stands for itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        IpAddr::V4(v4) => IpAddr::V4(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU32;

    fn rate(count: u32, burst: u32) -> Rate {
        Rate {
            count: NonZeroU32::new(count).unwrap(),
            per: Duration::from_secs(1),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (cell, rate) = (Cell::default(), rate(10, 3));
        let second = Duration::from_secs(1);
        assert!((0..3).all(|_| cell.take(rate, second).is_ok()));
        let wait = cell.take(rate, second).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(cell.take(rate, second + wait).is_ok());
        assert!(cell.take(rate, second + wait).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(steps in proptest::collection::vec(0_u64..300, 1..200)) {
            let (cell, rate) = (Cell::default(), rate(20, 5));
            let (mut now, mut passed) = (Duration::from_secs(5), 0_u32);
            let start = now;
            for step in steps {
                now += Duration::from_millis(step);
                passed += u32::from(cell.take(rate, now).is_ok());
            }
            let allowed = 5.0 + now.saturating_sub(start).as_secs_f64() * 20.0;
            prop_assert!(f64::from(passed) <= allowed + 1e-6);
        }
    }

    #[test]
    fn a_cell_is_forgotten_only_when_nobody_holds_it_and_its_allowance_is_whole() {
        let (cells, rate, second) = (Cells::default(), rate(1, 2), Duration::from_secs(1));
        let held = cells.of(0, second);
        assert!(cells.of(1, second).take(rate, second).is_ok());
        assert!(cells.of(2, second * 10).take(rate, second * 10).is_ok());
        (3..FEW + 10).for_each(|key| drop(cells.of(key, second * 10)));
        assert!(cells.cells.len() < 20, "{}", cells.cells.len());
        assert!(Arc::ptr_eq(&held, &cells.of(0, second)));
        assert!(!cells.cells.contains_key(&1));
        let used = cells.of(2, second * 10);
        assert!(used.take(rate, second * 10).is_ok());
        assert!(used.take(rate, second * 10).is_err());
    }

    #[test]
    fn one_network_runs_out_and_another_does_not() {
        let failures = FailedLookups::new(rate(1, 2));
        let (a, b) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff".parse().unwrap());
        assert!(failures.count(a).is_ok());
        assert!((0..9).all(|_| failures.check(b).is_ok()));
        assert!(failures.count(b).is_ok());
        assert!(failures.count(a).is_err());
        assert!(failures.check(b).is_err());
        assert!(failures.count("2001:db8:0:1::1".parse().unwrap()).is_ok());
        assert!(failures.count("192.0.2.1".parse().unwrap()).is_ok());
    }
}
