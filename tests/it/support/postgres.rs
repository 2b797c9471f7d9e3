//! A PostgreSQL database of the story's own, behind a line that can be cut or go dead.
//! Only where `BELLHOP_TEST_POSTGRES` names a server.

use super::soon::{PATIENCE, within};
use sqlx::{Connection, PgConnection};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

pub struct Postgres {
    server: String,
    database: String,
    line: SocketAddr,
    state: watch::Sender<Way>,
    generation: Arc<AtomicU64>,
    relay: JoinHandle<()>,
}

/// What becomes of the bytes on the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Open,
    /// Connections end, and no new ones come about.
    Cut,
    /// Connections stay, and nothing passes any more.
    Dead,
}

static NEXT: AtomicU8 = AtomicU8::new(0);

impl Postgres {
    /// `None` where there is no server to test with.
    pub async fn fresh() -> Option<Self> {
        let Ok(server) = std::env::var("BELLHOP_TEST_POSTGRES") else {
            eprintln!("skipped: BELLHOP_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        let database = format!("it_{}_{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        execute(&server, format!("CREATE DATABASE {database}")).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = listener.local_addr().unwrap();
        let (state, seen) = watch::channel(Way::Open);
        let generation = Arc::new(AtomicU64::new(0));
        let ends = Ends { server: authority(&server).to_owned(), state: seen, generation: Arc::clone(&generation) };
        let relay = tokio::spawn(relay(listener, ends));
        Some(Self { server, database, line, state, generation, relay })
    }

    /// By the line that can be cut.
    pub fn url(&self) -> String {
        self.direct_url().replacen(authority(&self.server), &self.line.to_string(), 1)
    }

    /// By another line.
    pub fn direct_url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.database)
    }

    pub fn cut(&self) {
        self.state.send_replace(Way::Cut);
    }

    pub fn go_dead(&self) {
        self.state.send_replace(Way::Dead);
    }

    /// As after a failover that nobody told of: what was open is dead for ever, what is opened now is well.
    pub fn strand(&self) {
        self.go_dead();
        self.generation.fetch_add(1, SeqCst);
        self.restore();
    }

    pub fn restore(&self) {
        self.state.send_replace(Way::Open);
    }

    /// Once nobody uses it any more.
    pub async fn drop_database(self) {
        self.relay.abort();
        execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection = within(PATIENCE, "PostgreSQL", PgConnection::connect(server)).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap();
    rest.rsplit_once('@').map_or(rest, |(_, authority)| authority)
}

/// What every connection on the line knows.
#[derive(Clone)]
struct Ends {
    server: String,
    state: watch::Receiver<Way>,
    generation: Arc<AtomicU64>,
}

async fn relay(listener: TcpListener, ends: Ends) {
    loop {
        let (caller, _) = listener.accept().await.unwrap();
        let ends = ends.clone();
        tokio::spawn(async move {
            if *ends.state.borrow() == Way::Cut {
                return;
            }
            let Ok(database) = TcpStream::connect(&ends.server).await else { return };
            let ((from_caller, to_caller), (from_database, to_database)) = (caller.into_split(), database.into_split());
            tokio::select! {
                () = carry(from_caller, to_database, ends.clone()) => {}
                () = carry(from_database, to_caller, ends.clone()) => {}
                () = is_cut(ends.state.clone()) => {}
            }
        });
    }
}

async fn is_cut(mut state: watch::Receiver<Way>) {
    let _ = state.wait_for(|way| *way == Way::Cut).await;
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut ends: Ends) {
    let born = ends.generation.load(SeqCst);
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        if ends.generation.load(SeqCst) != born {
            return std::future::pending().await;
        }
        if count == 0 || ends.state.wait_for(|way| *way != Way::Dead).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
