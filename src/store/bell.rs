//! Hears at once that the store has changed, where the store can tell: PostgreSQL's LISTEN, on a connection of its own.
//! Owns that connection, and makes it anew when it is lost or hears nothing.
//! Never says what changed, and is never relied on: whoever waits for it looks by themselves now and then.
//!
//! Why it looks first whether a pooler is in between: one that hands out connections for one transaction each would run
//! LISTEN on a connection that is somebody else's a moment later. They would be told what they cannot understand, and
//! nobody would hear anything here.

use super::{Address, Result, StoreError};
use crate::secret::Secret;
use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgConnection, PgListener, Postgres},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

/// To connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection on which nothing was heard for this long is asked whether it lives.
const QUIET: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 5;
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

pub struct Bell {
    state: Arc<State>,
    /// None where nothing can ring.
    task: Option<AbortHandle>,
}

#[derive(Default)]
struct State {
    rung: Notify,
    connected: AtomicBool,
    /// Something was missed: the connection is to be made anew.
    doubted: Notify,
    /// How often something was missed since anything was heard.
    missed: AtomicU32,
}

/// Why a wait was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    Rung,
    Time,
}

impl Bell {
    /// Rings from when it is connected; to be made on the runtime that the connection is to live on. `listen` is where
    /// LISTEN reaches the server, if the store's own address does not.
    pub fn new(address: &Address, listen: Option<&Secret>) -> Result<Self> {
        let state = Arc::new(State::default());
        let Address::Postgres(url) = address else { return Ok(Self { state, task: None }) };
        let options: PgConnectOptions = (listen.unwrap_or(url).expose().parse())
            .map_err(|_: sqlx::Error| StoreError::Address("it is no valid URL".into()))?;
        let task = tokio::spawn(listen_for_good(options.disable_statement_logging(), Arc::clone(&state)));
        Ok(Self { state, task: Some(task.abort_handle()) })
    }

    /// Waits until it rings, but not for longer than this.
    pub async fn wait(&self, at_most: Duration) -> Woken {
        tokio::select! {
            () = self.state.rung.notified() => Woken::Rung,
            () = sleep(at_most) => Woken::Time,
        }
    }

    /// Whether a change would be heard, as far as is known.
    pub fn hears(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed) && self.state.missed.load(Ordering::Relaxed) == 0
    }

    /// There was a change, and it has not rung, which may be by chance: whether it is the second time.
    pub fn doubt(&self) -> bool {
        if !self.state.connected.load(Ordering::Relaxed) {
            return false;
        }
        self.state.doubted.notify_one();
        self.state.missed.fetch_add(1, Ordering::Relaxed) == 1
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn listen_for_good(options: PgConnectOptions, state: Arc<State>) {
    let mut failures = 0;
    loop {
        match timeout(PATIENCE, connect(&options)).await {
            Ok(Ok(listener)) => {
                failures = 0;
                state.connected.store(true, Ordering::Relaxed);
                // What happened while nobody listened is to be looked for.
                state.rung.notify_one();
                listen(listener, &state).await;
                state.connected.store(false, Ordering::Relaxed);
                tracing::debug!("the connection on which the store tells of changes has ended");
            }
            Ok(Err(StoreError::Address(_))) => {
                tracing::warn!(
                    event = "changes.deaf",
                    "a pooler stands before PostgreSQL, which carries no notices: changes are looked for instead; set \
                     store.listen_url to a URL that leads past it"
                );
                return;
            }
            Ok(Err(error)) => tracing::debug!(%error, "the store cannot be listened to"),
            Err(_) => tracing::debug!("the store cannot be listened to: it does not answer"),
        }
        sleep(PAUSES[failures]).await;
        failures = (failures + 1).min(PAUSES.len() - 1);
    }
}

/// Whether two connections at once are one at the server's end, or one is another from one statement to the next. A
/// pooler gives the connection out first that was given back last.
async fn is_pooled(options: &PgConnectOptions) -> Result<bool> {
    let (mut one, mut other) = (options.connect().await?, options.connect().await?);
    let first = end_of(&mut one).await?;
    let mut pooled = false;
    for _ in 0..ROUNDS {
        let mut transaction = other.begin().await?;
        let beside = end_of(&mut transaction).await?;
        transaction.commit().await?;
        pooled |= beside == first || end_of(&mut one).await? != first;
    }
    one.close().await?;
    other.close().await?;
    Ok(pooled)
}

/// Which process of the server is at the other end.
async fn end_of(connection: &mut PgConnection) -> Result<i32> {
    Ok(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?)
}

async fn connect(options: &PgConnectOptions) -> Result<PgListener> {
    if is_pooled(options).await? {
        return Err(StoreError::Address("a pooler stands before it".into()));
    }
    let pool = PoolOptions::<Postgres>::new().max_connections(1).connect_with(options.clone()).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen("bellhop_changes").await?;
    Ok(listener)
}

/// Until the connection is lost, or doubted.
async fn listen(mut listener: PgListener, state: &State) {
    loop {
        let heard = tokio::select! {
            heard = timeout(QUIET, listener.try_recv()) => heard,
            () = state.doubted.notified() => return,
        };
        match heard {
            Ok(Ok(Some(_))) => {
                state.missed.store(0, Ordering::Relaxed);
                state.rung.notify_one();
            }
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => match timeout(PATIENCE, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}
