//! The store over time: programs of two versions on it, copies of it, other keys for it, and its file on one machine.

mod backup;
mod crowd;
mod full;
mod rotation;
mod upgrade;
