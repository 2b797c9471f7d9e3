//! The order of events in the directory's caches, run through every order that its threads can take (loom).

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
