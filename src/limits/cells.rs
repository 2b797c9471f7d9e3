//! The cells in use, found by whose they are.
//! Owns the table, and keeps it from growing for ever.
//! Never forgets a cell that somebody holds, or that a new one would not be the same as.

use super::cell::{Cell, Nanos, Subject};
use crate::config::Rate;
use dashmap::{DashMap, Entry};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

pub struct Cells {
    cells: DashMap<Subject, Arc<Cell>>,
    /// How many more may be made before those are looked for that can go.
    spare: AtomicUsize,
}

/// Fewer cells than this are not worth looking through.
const FEW: usize = 4096;

impl Default for Cells {
    fn default() -> Self {
        Self { cells: DashMap::new(), spare: AtomicUsize::new(FEW) }
    }
}

impl Cells {
    /// With another rate than before it is another cell: nothing of the old one counts.
    pub fn of(&self, subject: Subject, rate: Rate, now: Nanos) -> Arc<Cell> {
        if let Some(cell) = self.cells.get(&subject).filter(|cell| cell.rate == rate) {
            return Arc::clone(&cell);
        }
        // The one who takes the last place makes room; the others go on.
        if self.spare.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.make_room(now);
        }
        match self.cells.entry(subject) {
            Entry::Occupied(known) if known.get().rate == rate => Arc::clone(known.get()),
            Entry::Occupied(mut other) => {
                let cell = Arc::new(Cell::new(subject, rate));
                other.insert(Arc::clone(&cell));
                cell
            }
            Entry::Vacant(free) => Arc::clone(&free.insert(Arc::new(Cell::new(subject, rate)))),
        }
    }

    fn make_room(&self, now: Nanos) {
        self.cells.retain(|_, cell| Arc::strong_count(cell) > 1 || !cell.is_whole(now));
        self.spare.store(self.cells.len().max(FEW), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::cell::Share, *};
    use crate::id::UserId;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn a_cell_is_forgotten_only_when_nobody_holds_it_and_its_allowance_is_whole() {
        let (cells, rate): (_, Rate) = (Cells::default(), "1/s burst 2".parse().unwrap());
        let [zero, one, two] = [(); 3].map(|()| Subject::User(UserId::new()));
        let held = cells.of(zero, rate, SECOND);
        assert!(cells.of(one, rate, SECOND).take_own(Share::ALL, SECOND).is_ok());
        assert!(cells.of(two, rate, 10 * SECOND).take_own(Share::ALL, 10 * SECOND).is_ok());
        (3..FEW + 10).for_each(|_| drop(cells.of(Subject::User(UserId::new()), rate, 10 * SECOND)));
        assert!(cells.cells.len() < 20, "{}", cells.cells.len());
        assert!(Arc::ptr_eq(&held, &cells.of(zero, rate, SECOND)));
        assert!(!cells.cells.contains_key(&one));
        let used = cells.of(two, rate, 10 * SECOND);
        assert!(used.take_own(Share::ALL, 10 * SECOND).is_ok());
        assert!(used.take_own(Share::ALL, 10 * SECOND).is_err());
    }

    #[test]
    fn another_rate_is_in_force_at_once() {
        let (cells, user) = (Cells::default(), Subject::User(UserId::new()));
        let [slow, fast]: [Rate; 2] = ["1/h burst 1", "100/s"].map(|rate| rate.parse().unwrap());
        let cell = cells.of(user, slow, SECOND);
        assert!(cell.take_own(Share::ALL, SECOND).is_ok());
        assert!(cell.take_own(Share::ALL, SECOND).is_err());
        assert!(cells.of(user, fast, SECOND).take_own(Share::ALL, SECOND).is_ok());
    }
}
