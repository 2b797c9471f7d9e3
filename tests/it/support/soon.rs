//! Waiting, with an end: a story that hangs fails, and says what it waited for.

use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Longer than anything takes on a slow machine, unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What `future` comes to, or a failed story.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
}

/// Asks again until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFnMut() -> bool) {
    eventually_within(PATIENCE, what, is_so).await;
}

pub async fn eventually_within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < limit, "waited {limit:?} until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
