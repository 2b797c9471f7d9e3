//! Many commands beside a Bellhop that serves from one SQLite file: each has its turn, and the file stays within bounds.

use crate::jobs::{office::Office, place::Place};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_beside_a_bellhop_under_load_are_never_locked_out() {
    let office = Office::open(&Place::Sqlite).await;
    let (over, submitted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let submitting = (0..8).map(|_| async {
        while !over.load(SeqCst) {
            office.submit(&office.ada).await;
            submitted.fetch_add(1, SeqCst);
        }
    });
    let commanding = async {
        let state = office.bellhop.write("more.yaml", "users: [ { name: eve }, { name: mallory } ]");
        for round in 0..4 {
            let (token, file) = (format!("token-{round}"), office.bellhop.path(&format!("{round}.backup")));
            let commands = [
                &["apply", state.to_str().unwrap()][..],
                &["token", "create", "ada", &token],
                &["usage"],
                &["backup", file.to_str().unwrap()],
                &["vacuum"],
                &["migrate", "--contract"],
                &["audit", "verify"],
            ];
            let running = commands.iter().map(|command| office.bellhop.run(command));
            for (run, command) in futures_util::future::join_all(running).await.into_iter().zip(commands) {
                assert_eq!(run.code, Some(0), "{command:?}: {}", run.err);
                assert!(!run.err.contains("locked"), "{command:?}: {}", run.err);
            }
        }
        over.store(true, SeqCst);
    };
    futures_util::future::join(futures_util::future::join_all(submitting), commanding).await;
    assert!(submitted.load(SeqCst) > 0);
    assert!(!office.bellhop.log().contains("database is locked"), "{}", office.bellhop.log());
    assert_eq!(office.jobs().await.len(), submitted.load(SeqCst));
}
