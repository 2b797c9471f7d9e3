//! Several processes with one store, all in one thread and in a time that the test makes: what they let through in all.

use super::{
    cell::{Cell, Nanos, SECOND, Subject},
    rates::{Rates, Round, Verdict},
    reserve::Waiting,
};
use crate::{
    id::UserId,
    store::{RateAnswer, RateAsk},
};
use proptest::prelude::*;
use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU32},
};

const MS: Nanos = SECOND / 1000;
const PATIENCE: Nanos = 250 * MS;

/// The store, as it is meant to be.
#[derive(Default)]
struct Books {
    rows: HashMap<String, (i64, i64)>,
    /// How far its clock is ahead.
    ahead: i64,
}

impl Books {
    fn lease(&mut self, asks: &[RateAsk], now: Nanos) -> Vec<RateAnswer> {
        let at = now as i64 + self.ahead;
        let grant = |ask: &RateAsk| {
            let (tat, total) = self.rows.entry(ask.key.clone()).or_insert((at, 0));
            let used = (at.max(*tat) + ask.owed).min(at + ask.span);
            let granted = ask.wanted.min((at + ask.span - used) / ask.step);
            (*tat, *total) = (used + granted * ask.step, *total + granted);
            RateAnswer { key: ask.key.clone(), granted, total: *total, at, used: *tat - at }
        };
        asks.iter().map(grant).collect()
    }
}

struct Process {
    rates: Arc<Rates>,
    cell: &'static Arc<Cell>,
    last: Nanos,
    round: Option<(Nanos, Round, Option<Vec<RateAnswer>>)>,
    watched: Vec<Arc<Cell>>,
    waiting: Vec<(Nanos, Waiting<'static>)>,
    rounds: usize,
    refused: usize,
    waited: usize,
}

impl Process {
    fn arrive(&mut self, now: Nanos) -> bool {
        let verdict = self.rates.take_at(self.cell, now);
        if verdict != Verdict::Unknown {
            self.refused += usize::from(verdict != Verdict::Passes);
            return verdict == Verdict::Passes;
        }
        self.waited += 1;
        let waiting = self.cell.reserve.wait();
        self.waiting.push((now, waiting));
        self.wake(now) > 0
    }

    /// How many of those who wait go on.
    fn wake(&mut self, now: Nanos) -> usize {
        let mut passed = 0;
        for (since, waiting) in std::mem::take(&mut self.waiting) {
            match self.rates.take_or_ask(self.cell, since, now) {
                Verdict::Passes => passed += 1,
                Verdict::Over(_) => self.refused += 1,
                Verdict::Unknown => self.waiting.push((since, waiting)),
            }
        }
        passed
    }

    fn lose_patience(&mut self, now: Nanos) -> usize {
        let late = self.waiting.iter().filter(|(since, _)| now - since >= PATIENCE).count();
        self.waiting.retain(|(since, _)| now - since < PATIENCE);
        let share = self.cell.share(now, self.rates.processes());
        let passed = (0..late).filter(|_| self.cell.take_own(share, now).is_ok()).count();
        self.refused += late - passed;
        passed
    }
}

struct World {
    books: Books,
    /// Whether the store can be reached.
    reached: bool,
    /// How long it takes to answer.
    latency: Nanos,
    processes: Vec<Process>,
    now: Nanos,
    passed: Vec<Nanos>,
}

impl World {
    fn new(rate: &str, processes: u32) -> Self {
        let subject = Subject::User(UserId::new());
        let process = |_| {
            let rates = Rates::new(true, Arc::new(AtomicU32::new(processes)));
            let cell: &'static _ = Box::leak(Box::new(rates.of(subject, rate.parse().unwrap())));
            let (round, watched, waiting) = (None, Vec::new(), Vec::new());
            Process { rates, cell, last: 0, round, watched, waiting, rounds: 0, refused: 0, waited: 0 }
        };
        let processes = (0..processes).map(process).collect();
        let (books, passed) = (Books::default(), Vec::new());
        Self { books, reached: true, latency: 3 * MS, processes, now: 10 * SECOND, passed }
    }

    /// A millisecond, in which so many requests come to each.
    fn step(&mut self, arrivals: &[usize]) {
        self.now += MS;
        let now = self.now;
        for (process, arrivals) in self.processes.iter_mut().zip(arrivals) {
            let mut passed = (0..*arrivals).filter(|_| process.arrive(now)).count();
            if process.round.is_none() && process.rates.due(process.last).is_some_and(|due| due <= now) {
                process.last = now;
                let round = process.rates.begin(now);
                if !round.asks.is_empty() {
                    process.rounds += 1;
                    let answers = self.reached.then(|| self.books.lease(&round.asks, now + self.latency / 2));
                    process.round = Some((now + self.latency, round, answers));
                }
            }
            if let Some((_, round, answers)) = process.round.take_if(|(at, ..)| *at <= now) {
                process.watched.extend(process.rates.end(round, answers));
                passed += process.wake(now);
            }
            passed += process.lose_patience(now);
            process.watched.retain(|cell| cell.trim(now, process.rates.processes()).is_some());
            self.passed.extend(std::iter::repeat_n(now, passed));
        }
    }

    /// So many requests a second come to each, evenly, for so long.
    fn run(&mut self, span: Nanos, per_second: &[u64]) {
        for step in 0..span / MS {
            let arrivals = per_second.iter().map(|n| ((step + 1) * n / 1000 - step * n / 1000) as usize);
            self.step(&arrivals.collect::<Vec<_>>());
        }
    }

    /// How many passed in each second, from the first on.
    fn seconds(&self) -> Vec<usize> {
        let of = |second| move |at: &&Nanos| (*at - 1) / SECOND == second;
        (10..self.now / SECOND).map(|second| self.passed.iter().filter(of(second)).count()).collect()
    }

    fn sum(&self, of: impl Fn(&Process) -> usize) -> usize {
        self.processes.iter().map(of).sum()
    }
}

#[track_caller]
fn assert_within(seconds: &[usize], range: std::ops::RangeInclusive<usize>) {
    assert!(seconds.iter().all(|count| range.contains(count)), "{seconds:?}");
}

#[test]
fn three_processes_let_through_what_one_would_wherever_the_requests_come_in() {
    for load in [60, 200, 2000] {
        let mut world = World::new("100/s", 3);
        world.run(4 * SECOND, &[load; 3]);
        world.run(3 * SECOND, &[3 * load, 0, 0]);
        for turn in 0..12 {
            let mut to = [0; 3];
            to[turn % 3] = 3 * load;
            world.run(SECOND / 4, &to);
        }
        let seconds = world.seconds();
        assert!(seconds[0] >= 170, "a burst comes first: {seconds:?}");
        // With no more than 180 a second the burst lasts a little longer than the first.
        assert_within(&seconds[2..], 90..=110);
    }
}

#[test]
fn no_more_questions_are_asked_than_twenty_a_second_of_each() {
    let mut world = World::new("100/s", 3);
    world.run(10 * SECOND, &[500; 3]);
    assert!(world.sum(|process| process.rounds) <= 3 * 10 * 25, "{}", world.sum(|process| process.rounds));
    assert!(world.processes.iter().all(|process| process.rounds > 100));
}

#[test]
fn who_asks_seldom_waits_for_nothing_but_their_first_answer_and_nobody_asks_for_nobody() {
    let mut world = World::new("100/s", 3);
    world.run(20 * SECOND, &[1, 0, 0]);
    let process = &world.processes[0];
    assert_eq!((process.refused, process.waited, world.passed.len()), (0, 1, 20));
    assert!(process.rounds <= 20, "{}", process.rounds);
    world.run(2 * SECOND, &[0; 3]);
    let before = world.sum(|process| process.rounds);
    world.run(60 * SECOND, &[0; 3]);
    assert_eq!(world.sum(|process| process.rounds), before);
    assert_eq!(world.processes[1].rounds, 0);
}

#[test]
fn who_stays_below_the_limit_is_never_refused() {
    let mut world = World::new("100/s", 3);
    world.run(10 * SECOND, &[30, 30, 30]);
    world.run(10 * SECOND, &[90, 0, 0]);
    world.run(10 * SECOND, &[0, 10, 80]);
    assert_eq!(world.sum(|process| process.refused), 0);
    let waited = world.sum(|process| process.waited);
    assert!(waited * 10 < world.passed.len(), "{waited} of {} waited", world.passed.len());
}

#[test]
fn small_limits_are_exact() {
    for (rate, minutes, most) in [("1/min", 10, 11), ("60/h burst 3", 10, 13), ("6/min burst 2", 10, 62)] {
        let mut world = World::new(rate, 3);
        world.run(minutes * 60 * SECOND, &[4, 4, 4]);
        let passed = world.passed.len();
        assert!((most - 2..=most).contains(&passed), "{rate}: {passed}");
    }
}

#[test]
fn a_small_burst_costs_no_throughput() {
    let mut world = World::new("100/s burst 1", 3);
    world.run(6 * SECOND, &[100; 3]);
    assert_within(&world.seconds(), 90..=110);
}

#[test]
fn one_that_dies_takes_only_what_it_had_in_reserve() {
    let mut world = World::new("100/s", 3);
    world.run(3 * SECOND, &[100; 3]);
    drop(world.processes.remove(1));
    world.run(4 * SECOND, &[100; 2]);
    assert_within(&world.seconds()[2..], 90..=110);
}

#[test]
fn without_the_store_the_sum_stays_what_it_was_and_comes_to_no_burst_when_it_is_back() {
    for load in [[100; 3], [270, 15, 15], [300, 0, 0]] {
        let mut world = World::new("100/s", 3);
        world.run(4 * SECOND, &load);
        world.reached = false;
        world.run(5 * SECOND, &load);
        world.reached = true;
        world.run(5 * SECOND, &load);
        let seconds = world.seconds();
        assert_within(&seconds[2..], 75..=112);
        assert_within(&seconds[11..], 90..=110);
    }
}

#[test]
fn who_starts_without_the_store_takes_an_equal_share() {
    let mut world = World::new("90/s burst 9", 3);
    world.reached = false;
    world.run(5 * SECOND, &[100, 0, 0]);
    assert_within(&world.seconds()[2..], 29..=31);
}

#[test]
fn a_store_that_is_slow_holds_nobody_up_for_ever_and_lets_no_more_through() {
    let mut world = World::new("100/s", 3);
    world.latency = 600 * MS;
    world.run(8 * SECOND, &[60; 3]);
    // Once more than the burst, what the three can use up before the store has heard of it.
    let most = 100 + 100 * 8 + 60;
    assert!((400..=most).contains(&world.passed.len()), "{} and {:?}", world.passed.len(), world.seconds());
    assert!(
        world.processes.iter().all(|process| process.waiting.iter().all(|(since, _)| world.now - since < PATIENCE))
    );
}

#[test]
fn a_clock_that_is_set_back_shuts_nobody_out() {
    let mut world = World::new("100/s", 2);
    world.run(3 * SECOND, &[100; 2]);
    world.books.ahead = -3_600_000_000_000;
    world.run(4 * SECOND, &[100; 2]);
    assert_within(&world.seconds()[2..], 89..=110);
}

#[derive(Clone, Debug)]
enum Event {
    Requests([usize; 3]),
    Pause(u64),
    Slow(u64),
    Dies,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => [0..12_usize, 0..12_usize, 0..40_usize].prop_map(Event::Requests),
        3 => (1..400_u64).prop_map(Event::Pause),
        1 => (0..80_u64).prop_map(Event::Slow),
        1 => Just(Event::Dies),
    ]
}

proptest! {
    /// Whatever comes when, and whoever dies: never more than was granted, and never more granted than the rate allows.
    #[test]
    fn never_more_than_burst_and_rate_allow(events in prop::collection::vec(event(), 1..120), burst in 1_u32..60) {
        let rate = format!("40/s burst {burst}");
        let mut world = World::new(&rate, 3);
        let began = world.now;
        for event in events {
            match event {
                Event::Requests(arrivals) => world.step(&arrivals),
                Event::Pause(steps) => (0..steps).for_each(|_| world.step(&[0, 0, 1])),
                // Below the patience of those who wait: nobody takes without the store.
                Event::Slow(millis) => world.latency = millis * MS,
                Event::Dies if world.processes.len() > 1 => drop(world.processes.remove(0)),
                Event::Dies => {}
            }
        }
        let granted: i64 = world.books.rows.values().map(|(_, total)| *total).sum();
        prop_assert!(world.passed.len() as i64 <= granted, "{} of {granted}", world.passed.len());
        let allowed = f64::from(burst.max(4)) + (world.now + 80 * MS - began) as f64 / 1e9 * 40.0;
        prop_assert!(granted as f64 <= allowed, "{granted} of {allowed}");
    }
}
