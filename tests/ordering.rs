//! The order of events in the directory's caches and in what is leased of a limit, run through every order that their threads
//! can take (loom).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use loom::{
    sync::{Arc, Mutex, atomic},
    thread,
};

#[path = "../src/directory/order.rs"]
mod order;

use order::Order;

/// The store, whose only row was `value` when the log had come to `head`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row {
    head: i64,
    value: i64,
}

struct World {
    store: Mutex<Row>,
    /// With the telling of the log that it was read in.
    cache: Mutex<Option<(Row, u32)>>,
    order: Order,
}

impl World {
    fn new() -> Arc<Self> {
        let (store, cache) = (Mutex::new(Row { head: 1, value: 1 }), Mutex::new(None));
        let order = Order::new();
        order.start_over(1);
        Arc::new(Self { store, cache, order })
    }

    /// A request: from the cache, or from the store by way of it.
    fn ask(&self) -> Row {
        let kept = *self.cache.lock().unwrap();
        if let Some((row, era)) = kept
            && era == self.order.era()
        {
            return row;
        }
        loop {
            let departure = self.order.depart();
            let read = *self.store.lock().unwrap();
            let mut place = self.cache.lock().unwrap();
            if self.order.holds(departure, read.head) {
                *place = Some((read, departure.era));
                return read;
            }
        }
    }

    /// A change, and its being followed.
    fn change(&self, head: i64, value: i64) {
        *self.store.lock().unwrap() = Row { head, value };
        self.order.advance(head, || *self.cache.lock().unwrap() = None);
    }
}

/// However a look-up and a change overlap: once the change has been followed, nobody gets what was before it.
#[test]
fn nothing_that_was_read_before_a_change_outlives_it() {
    loom::model(|| {
        let world = World::new();
        let asking = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.ask();
            })
        };
        world.change(2, 2);
        assert_eq!(world.ask().value, 2, "the change has been followed");
        asking.join().unwrap();
        assert_eq!(world.ask().value, 2, "and nothing resurrects what was before it");
    });
}

#[test]
fn nor_do_two_changes_and_two_who_ask() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new();
        let asking = [(); 2].map(|()| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.ask())
        });
        world.change(2, 2);
        world.change(3, 3);
        assert_eq!(world.ask().value, 3);
        for asked in asking {
            asked.join().unwrap();
        }
        assert_eq!(world.ask().value, 3);
    });
}

/// A failover lost a change: what was read of the other history is not taken for newer, although its number is higher.
#[test]
fn what_was_read_of_another_history_is_not_kept() {
    loom::model(|| {
        let world = World::new();
        *world.store.lock().unwrap() = Row { head: 5, value: 5 };
        let asking = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.ask())
        };
        *world.store.lock().unwrap() = Row { head: 3, value: 3 };
        world.order.start_over(3);
        let asked = world.ask();
        asking.join().unwrap();
        assert_eq!(asked.value, 3);
        assert_eq!(world.ask().value, 3, "nothing of the other history is left");
    });
}

/// A copy that is marked with the epoch from before its look-up is never good after a change that the look-up missed.
#[test]
fn a_copy_is_out_of_date_once_something_was_dropped() {
    loom::model(|| {
        let world = World::new();
        let copying = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let epoch = world.order.epoch();
                (epoch, world.ask())
            })
        };
        world.change(2, 2);
        let (epoch, copy) = copying.join().unwrap();
        assert!(copy.value == 2 || epoch != world.order.epoch());
    });
}

#[path = "../src/limits/reserve.rs"]
mod reserve;

use reserve::{Asking, Reserve, Taken, Urgency};

/// A process that hands out what it has leased, and the task that leases.
struct Till {
    reserve: Reserve,
    /// How often the task was told; it was told last where this is more than it has seen.
    told: Mutex<usize>,
}

impl Till {
    /// Takes one, or waits and asks for it.
    fn take(&self) -> bool {
        match self.reserve.take() {
            Taken::One => return true,
            Taken::Low(urgency) => {
                self.ask(urgency);
                return true;
            }
            Taken::Nothing => {}
        }
        // Whoever waits goes on waiting.
        std::mem::forget(self.reserve.wait());
        self.ask(Urgency::Soon);
        false
    }

    fn ask(&self, urgency: Urgency) {
        if self.reserve.ask(urgency) != Asking::Known {
            *self.told.lock().unwrap() += 1;
        }
    }
}

/// Two take from a reserve of one while the task looks at it: one gets it, and the task sees that another waits, now or
/// because it is told again.
#[test]
fn who_waits_for_more_is_seen_and_nothing_is_handed_out_twice() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let till = Arc::new(Till { reserve: Reserve::default(), told: Mutex::new(0) });
        till.reserve.put(1, 1, Urgency::Later);
        let taking = [(); 2].map(|()| {
            let till = Arc::clone(&till);
            thread::spawn(move || till.take())
        });
        let told = *till.told.lock().unwrap();
        let seen = till.reserve.look();
        let taken = taking.map(|taking| taking.join().unwrap());
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
        assert_eq!(till.reserve.waiting(), 1);
        let again = *till.told.lock().unwrap() > told;
        assert!(again || (seen.waiting, seen.left) == (1, 0), "{seen:?}");
    });
}

#[test]
fn what_is_thrown_away_is_not_handed_out() {
    loom::model(|| {
        let reserve = Arc::new(Reserve::default());
        reserve.put(3, 0, Urgency::Later);
        let taking = [(); 2].map(|()| {
            let reserve = Arc::clone(&reserve);
            thread::spawn(move || reserve.take() != Taken::Nothing)
        });
        let thrown = reserve.trim(1);
        let taken = taking.map(|taking| u32::from(taking.join().unwrap())).iter().sum::<u32>();
        assert_eq!(taken + thrown + reserve.look().left, 3);
    });
}
