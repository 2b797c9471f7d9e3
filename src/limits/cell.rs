//! One token's, user's or credential's place under a rate: what is used up, and what this process may still hand out.
//! Owns the time until which the allowance is used up, the leased reserve, and the account with the store.
//! Never changes its rate: another rate is another cell.

use super::reserve::{Found, Reserve, Taken, Urgency};
use crate::{
    config::Rate,
    id::{CredentialId, TokenId, UserId},
    store::{RateAnswer, RateAsk},
};
use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

/// Whose rate it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    Token(TokenId),
    User(UserId),
    Credential(CredentialId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token {id}"),
            Self::User(id) => write!(f, "user {id}"),
            Self::Credential(id) => write!(f, "credential {id}"),
        }
    }
}

/// Nanoseconds since the process started.
pub type Nanos = u64;

pub const SECOND: Nanos = 1_000_000_000;
/// The demand of this long is leased in advance, and half as much again.
pub const TICK: Nanos = SECOND / 20;
/// What is leased for more than the least and not handed out by then is thrown away.
const UNSPENT: Nanos = SECOND;
/// A share of the store's grants is what it was in about this long.
const SHARE_OVER: f64 = 2e9;
/// A process that has not asked for this long does not know its share any more.
const KNOWN_FOR: Nanos = 10 * SECOND;
/// More than this far ahead is no time that anybody means.
const MOST_SPAN: Nanos = 1 << 60;

/// A part of the whole rate, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u32);

impl Share {
    pub const ALL: Self = Self(1_000_000);

    /// One of several equals'.
    pub fn one_of(processes: u32) -> Self {
        Self(Self::ALL.0 / processes.clamp(1, 1000))
    }

    fn of(part: f64) -> Self {
        Self((part.clamp(0.0, 1.0) * 1e6) as u32)
    }

    fn scale(self, span: Nanos) -> Nanos {
        (u128::from(span) * u128::from(self.0) / 1_000_000) as Nanos
    }

    fn stretch(self, span: Nanos) -> Nanos {
        (u128::from(span) * 1_000_000 / u128::from(self.0.max(1))).min(MOST_SPAN.into()) as Nanos
    }
}

pub struct Cell {
    pub subject: Subject,
    pub rate: Rate,
    interval: Nanos,
    /// Until when the allowance is used up, as far as is known here: what the store said last, and what was handed out
    /// without it.
    used_until: AtomicU64,
    /// What the store said last.
    told: AtomicU64,
    /// When it was asked for more than it had, last.
    dry: AtomicU64,
    /// When the last answer of the store was asked for; 0: none has come.
    answered: AtomicU64,
    /// Of what the store grants; 0: not known.
    share: AtomicU32,
    /// With which share something was handed out without the store.
    own_share: AtomicU32,
    pub reserve: Reserve,
    account: Mutex<Account>,
}

/// With the store; only the task that fills has to do with it.
#[derive(Default)]
struct Account {
    /// What `used_until` was when the store was asked last.
    seen: Nanos,
    /// When that was, what was left then, and what has been granted since; less what was for those who waited.
    asked: Nanos,
    left: u32,
    waited: u32,
    wanted: i64,
    /// What is to be left in advance, and whether that is handed out within a second.
    target: u32,
    urgency: Option<Urgency>,
    /// Whether it is looked after that what nobody takes is thrown away.
    watched: bool,
    total: Option<i64>,
    own: f64,
    all: f64,
}

impl Cell {
    pub fn new(subject: Subject, rate: Rate) -> Self {
        Self {
            subject,
            rate,
            interval: nanos(rate.interval()).max(1),
            used_until: AtomicU64::new(0),
            told: AtomicU64::new(0),
            dry: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            share: AtomicU32::new(0),
            own_share: AtomicU32::new(Share::ALL.0),
            reserve: Reserve::default(),
            account: Mutex::default(),
        }
    }

    /// Takes one from this process's own share of the allowance, or says how long until there is one.
    pub fn take_own(&self, share: Share, now: Nanos) -> Result<(), Duration> {
        let interval = share.stretch(self.interval);
        let span = self.span(share).max(interval);
        let mut used_until = self.used_until.load(Acquire);
        loop {
            let next = used_until.max(now).saturating_add(interval);
            if next - now > span {
                return Err(Duration::from_nanos(next - now - span));
            }
            match self.used_until.compare_exchange_weak(used_until, next, Release, Acquire) {
                Ok(_) => break,
                Err(current) => used_until = current,
            }
        }
        if self.own_share.load(Relaxed) != share.0 {
            self.own_share.store(share.0, Relaxed);
        }
        Ok(())
    }

    pub fn take_leased(&self) -> Taken {
        self.reserve.take()
    }

    /// How long the store has nothing, by its last answer.
    pub fn nothing_for(&self, now: Nanos) -> Option<Duration> {
        let next = self.told.load(Acquire).max(now).saturating_add(self.interval);
        (next - now).checked_sub(self.shared_span()).filter(|wait| *wait > 0).map(Duration::from_nanos)
    }

    /// Whether the store was asked for more than it had by somebody who waits since then, and so for them.
    pub fn was_dry_since(&self, since: Nanos) -> bool {
        self.dry.load(Acquire) >= since
    }

    /// Whether so many wait already that the store cannot have anything for another one by its next answers: what it had
    /// is known, and how fast that grows.
    pub fn is_hopeless(&self, now: Nanos) -> bool {
        let told = self.told.load(Acquire).max(now);
        let there = (now + 2 * TICK + self.shared_span()).saturating_sub(told) / self.interval;
        self.answered.load(Relaxed) > 0 && u64::from(self.reserve.waiting()) > there
    }

    /// The share that this process had lately when the store was lost.
    pub fn share(&self, lost: Nanos, processes: u32) -> Share {
        let share = self.share.load(Relaxed);
        if share == 0 || self.answered.load(Relaxed) + KNOWN_FOR < lost {
            return Share::one_of(processes);
        }
        Share(share)
    }

    /// Whether a new one would say the same.
    pub fn is_whole(&self, now: Nanos) -> bool {
        self.used_until.load(Acquire) <= now
    }

    /// What may be used up ahead of time. One process alone keeps to the letter; where several lease, what comes in
    /// between two answers must have room: a tenth of a second's worth, which is a tenth of what a second allows.
    fn span(&self, share: Share) -> Nanos {
        if share == Share::ALL {
            return self.interval.saturating_mul(self.rate.burst.get().into()).min(MOST_SPAN);
        }
        self.shared_span()
    }

    fn shared_span(&self) -> Nanos {
        let burst = u64::from(self.rate.burst.get()).max(2 * TICK / self.interval);
        self.interval.saturating_mul(burst).min(MOST_SPAN).max(self.interval)
    }

    /// The most that all processes together may have in reserve: a tenth of what the limit allows.
    fn tenth(&self) -> u32 {
        self.rate.burst.get().min(self.rate.count.get()) / 10
    }

    /// What even a process that is asked seldom has in reserve.
    fn least(&self, processes: u32) -> u32 {
        self.tenth() / processes.max(1)
    }

    /// What is wanted of the store: for who waits, and for the demand that there was lately.
    pub fn prepare(&self, now: Nanos, processes: u32) -> RateAsk {
        let Found { left, waiting } = self.reserve.look();
        let mut account = self.account();
        let spent = account.left.saturating_sub(left).saturating_add(waiting);
        let since = now.saturating_sub(account.asked).max(TICK);
        let demand = f64::from(spent) * TICK as f64 / since as f64;
        let least = self.least(processes);
        account.target = ((demand * 1.5) as u32).min(self.tenth()).max(least);
        let a_second = demand * (SECOND / TICK) as f64;
        let lasts = f64::from(account.target) > 2.0 * a_second;
        account.urgency = Some(if lasts { Urgency::Later } else { Urgency::Soon });
        (account.asked, account.left, account.waited) = (now, left, waiting);
        account.seen = self.used_until.load(Acquire).max(now);
        let wanted = waiting.saturating_add(account.target).saturating_sub(left);
        account.wanted = wanted.into();
        RateAsk {
            key: self.subject.to_string(),
            step: signed(self.interval),
            span: signed(self.shared_span()),
            owed: signed(self.owed(account.seen, now)),
            wanted: wanted.into(),
        }
    }

    /// What was used up here and the store does not know of. What it knows of runs out by itself.
    fn owed(&self, used_until: Nanos, now: Nanos) -> Nanos {
        let own = used_until.saturating_sub(self.told.load(Acquire).max(now));
        Share(self.own_share.load(Relaxed)).scale(own).min(MOST_SPAN)
    }

    /// The store's answer to what was prepared at `asked`. Whether it is now to be looked after, with [`Self::trim`].
    pub fn settle(&self, asked: Nanos, answer: &RateAnswer, processes: u32) -> bool {
        let mut account = self.account();
        let until = asked.saturating_add(u64::try_from(answer.used).unwrap_or(0));
        self.told.store(until, Release);
        if answer.granted < account.wanted {
            self.dry.store(asked, Release);
        }
        let granted = u32::try_from(answer.granted).unwrap_or(0);
        // Who waited too long took what was handed out here since then. It is paid with what was granted for them, as far
        // as that goes; of the rest the store does not know yet.
        let own_share = Share(self.own_share.load(Relaxed));
        let own = self.used_until.load(Acquire).saturating_sub(account.seen);
        let paid = granted.min(u32::try_from(own_share.scale(own) / self.interval).unwrap_or(u32::MAX));
        let granted = granted - paid;
        let paid = own_share.stretch(self.interval.saturating_mul(paid.into()));
        let since = |used: Nanos| until.saturating_add(used.saturating_sub(account.seen).saturating_sub(paid));
        let _ = self.used_until.fetch_update(Release, Acquire, |used| Some(since(used)));
        let share = account.share(answer, asked.saturating_sub(self.answered.load(Relaxed)), processes);
        self.share.store(share.0, Relaxed);
        self.answered.store(asked.max(1), Relaxed);
        // Who waited was counted as demand, and is not to be counted again.
        account.left = account.left.saturating_add(granted).saturating_sub(account.waited);
        let urgency = account.urgency.unwrap_or(Urgency::Later);
        self.reserve.put(granted, account.target.div_ceil(2), urgency);
        let begins = !account.watched && account.left > self.least(processes);
        account.watched |= begins;
        begins
    }

    /// Throws away what nobody has taken for long; when to look again, if there is more than the least.
    pub fn trim(&self, now: Nanos, processes: u32) -> Option<Nanos> {
        let mut account = self.account();
        let due = account.asked + UNSPENT;
        if now < due {
            return Some(due);
        }
        let thrown = self.reserve.trim(self.least(processes));
        account.left = account.left.saturating_sub(thrown);
        account.watched = false;
        None
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Figures alone: whoever panicked between two of them left an estimate.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// This process's part of all grants, the older ones counting less; before there were any, an equal one.
    fn share(&mut self, answer: &RateAnswer, since: Nanos, processes: u32) -> Share {
        let fades = (-(since as f64) / SHARE_OVER).exp();
        let granted = answer.granted.max(0);
        let all = self.total.map_or(granted, |total| (answer.total - total).max(granted));
        self.total = Some(answer.total);
        self.own = self.own * fades + granted as f64;
        self.all = self.all * fades + all as f64;
        let equal = 1.0 / f64::from(processes.max(1));
        // However little it was, a tenth of an equal share is a process's to hand out: in all, a tenth too much.
        Share::of(((self.own + equal) / (self.all + 1.0)).max(equal / 10.0))
    }
}

pub fn nanos(span: Duration) -> Nanos {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn signed(span: Nanos) -> i64 {
    i64::try_from(span).unwrap_or(i64::MAX)
}
