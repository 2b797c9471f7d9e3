//! Rates: a cell (the generic cell rate algorithm) for each token, user, credential and network that guesses.
//! Owns the cells that several share, and those of networks; what is whole again is forgotten.
//! Never blocks and never asks the store: what is over its rate is told when to come back.

use crate::config::Rate;
use dashmap::DashMap;
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
        let (now, interval) = (nanos(since_start), nanos(rate.interval()));
        let mut used_until = self.0.load(Ordering::Relaxed);
        loop {
            let start = room(rate, used_until, now)?;
            match self.0.compare_exchange_weak(used_until, start + interval, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => used_until = current,
            }
        }
    }

    /// Whether there is one to take; takes none.
    pub fn check(&self, rate: Rate, since_start: Duration) -> Result<(), Duration> {
        room(rate, self.0.load(Ordering::Relaxed), nanos(since_start)).map(drop)
    }
}

/// From when on the next one is used up, or how long until there is one.
fn room(rate: Rate, used_until: u64, now: u64) -> Result<u64, Duration> {
    let tolerance = nanos(rate.interval()).saturating_mul(u64::from(rate.burst.get() - 1));
    let start = used_until.max(now);
    match (start - now).checked_sub(tolerance) {
        None | Some(0) => Ok(start),
        Some(wait) => Err(Duration::from_nanos(wait)),
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
    /// Of what nobody has used yet there is none.
    pub fn find(&self, key: &K) -> Option<Arc<Cell>> {
        self.cells.get(key).map(|cell| Arc::clone(&cell))
    }

    pub fn of(&self, key: K, since_start: Duration) -> Arc<Cell> {
        if let Some(cell) = self.find(&key) {
            return cell;
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
    rate: Rate,
    began: Instant,
    networks: Cells<IpAddr>,
}

impl FailedLookups {
    pub fn new(rate: Rate) -> Self {
        Self { rate, began: Instant::now(), networks: Cells::default() }
    }

    /// Counts one failure; `Err` says how long until this network's next one is heard.
    pub fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let now = self.began.elapsed();
        self.networks.of(network(address), now).take(self.rate, now)
    }

    /// Whether this network's next failure would be heard; counts none.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let cell = self.networks.find(&network(address));
        cell.map_or(Ok(()), |cell| cell.check(self.rate, self.began.elapsed()))
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
        assert!(failures.check(a).is_err());
        assert!(failures.count(a).is_err());
        assert!(failures.count("2001:db8:0:1::1".parse().unwrap()).is_ok());
        assert!(failures.count("192.0.2.1".parse().unwrap()).is_ok());
    }
}
