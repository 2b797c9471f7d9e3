//! Who guesses tokens is slowed down, by the network that they come from.
//! Owns the table of failed look-ups and of the networks that are not heard; both bounded in size.
//! Never asks the store: the keys are an attacker's to choose, and each process counts for itself.

use crate::config::Rate;
use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

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
    use std::num::NonZeroU32;

    fn rate(count: u32, burst: u32) -> Rate {
        let [count, burst] = [count, burst].map(|n| NonZeroU32::new(n).unwrap());
        Rate { count, per: Duration::from_secs(1), burst }
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
