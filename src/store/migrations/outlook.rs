//! What the schema still lacks, who runs on the store, and whom a step that takes something away must wait for.
//! Owns nothing.
//! Never takes a step that a running process does not know, whoever asks.

use super::{Kind, MIGRATIONS, Migration, apply, begin, connect, expand, pending, refuse_newer, taken};
use crate::{
    clock::Timestamp,
    store::{Address, Result, Store, dialect::Dialect, head, processes::LATELY, row::Columns, statement::Statement},
};
use serde::Serialize;
use sqlx::{AnyConnection, Connection as _, any::AnyRow};

#[derive(Clone, Debug)]
pub struct Outlook {
    /// The newest step that was taken; 0: there is no store yet.
    pub found: i64,
    /// The newest that this program knows.
    pub known: i64,
    /// In order.
    pub pending: Vec<Pending>,
    /// That were seen lately.
    pub processes: Vec<Running>,
    /// The number of the last change.
    pub head: i64,
}

/// A step that was not taken yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pending {
    pub version: i64,
    pub name: &'static str,
    pub kind: &'static str,
    /// Ids of processes that do not know it, if it has to wait for them.
    pub held_by: Vec<String>,
}

/// A `serve` that lives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Running {
    pub id: String,
    /// Of its program; `None`: from before it could say so.
    pub version: Option<String>,
    /// The newest step of the schema that it knows.
    pub knows: Option<i64>,
    pub seen: Timestamp,
    /// How long ago that was, in milliseconds, by the store's clock.
    pub silent: i64,
    /// Where it runs, up to which change it has followed, and the longest that one of the last took to be in force there,
    /// in milliseconds.
    pub host: Option<String>,
    pub followed: Option<i64>,
    pub lag: Option<i64>,
}

/// What became of the steps that contract the schema.
#[derive(Clone, Debug, Default)]
pub struct Contracted {
    pub taken: Vec<&'static str>,
    /// With those who hold them back.
    pub held: Vec<Pending>,
    pub processes: Vec<Running>,
}

impl Store {
    /// Reads only; also of a store that is not there yet, or is newer than this program knows.
    pub async fn outlook(address: &Address) -> Result<Outlook> {
        sqlx::any::install_default_drivers();
        let list = MIGRATIONS;
        if let Address::Sqlite(path) = address
            && !path.exists()
        {
            let all = (1..).zip(list).map(|(version, migration)| Pending::new(version, migration, &[]));
            return Ok(Outlook {
                found: 0,
                known: super::KNOWN,
                pending: all.collect(),
                processes: Vec::new(),
                head: 0,
            });
        }
        let mut connection = AnyConnection::connect_with(&address.options()?).await?;
        let outlook = look(&mut connection, address.dialect(), list).await;
        connection.close().await?;
        outlook
    }

    /// Takes the steps that contract the schema, each if nobody runs who does not know it.
    pub async fn contract(address: &Address) -> Result<Contracted> {
        sqlx::any::install_default_drivers();
        let dialect = address.dialect();
        let mut connection = connect(&address.options()?, dialect).await?;
        let contracted = contract(&mut connection, dialect, MIGRATIONS).await;
        connection.close().await?;
        contracted
    }

    /// Once this process is among those that are seen: a step that it does not know may have been taken just before.
    pub async fn confirm_version(&self) -> Result<()> {
        let mut connection = self.readers.acquire().await?;
        refuse_newer(&taken(&mut connection, self.dialect).await?, MIGRATIONS)
    }
}

async fn look(connection: &mut AnyConnection, dialect: Dialect, list: &[Migration]) -> Result<Outlook> {
    let taken = taken(connection, dialect).await?;
    let processes = if taken.is_empty() { Vec::new() } else { running(connection, dialect).await? };
    let pending = pending(&taken, list).map(|(version, migration)| Pending::new(version, migration, &processes));
    let (found, known) = (taken.last().copied().unwrap_or_default(), list.len() as i64);
    let head = if taken.is_empty() { 0 } else { head::seq(connection).await? };
    Ok(Outlook { found, known, pending: pending.collect(), processes, head })
}

pub(super) async fn contract(
    connection: &mut AnyConnection,
    dialect: Dialect,
    list: &[Migration],
) -> Result<Contracted> {
    expand(connection, dialect, list).await?;
    let mut contracted = Contracted::default();
    let mut transaction = begin(connection, dialect).await?;
    if let Some(lock) = dialect.lock_processes() {
        sqlx::raw_sql(lock).execute(&mut *transaction).await?;
    }
    let taken = taken(&mut transaction, dialect).await?;
    refuse_newer(&taken, list)?;
    contracted.processes = running(&mut transaction, dialect).await?;
    for (version, migration) in pending(&taken, list).filter(|(_, migration)| migration.kind == Kind::Contract) {
        let pending = Pending::new(version, migration, &contracted.processes);
        if pending.held_by.is_empty() {
            apply(&mut transaction, dialect, version, migration).await?;
            contracted.taken.push(migration.name);
        } else {
            contracted.held.push(pending);
        }
    }
    transaction.commit().await?;
    Ok(contracted)
}

/// A store from before processes said what they know has only those that do not.
async fn running(connection: &mut AnyConnection, dialect: Dialect) -> Result<Vec<Running>> {
    let there: i64 = sqlx::query_scalar(dialect.count_tables()).bind("processes").fetch_one(&mut *connection).await?;
    if there == 0 {
        return Ok(Vec::new());
    }
    let says: i64 =
        sqlx::query_scalar(dialect.count_columns()).bind("processes").bind("knows").fetch_one(&mut *connection).await?;
    let says = says != 0;
    let mut statement = Statement::new(dialect, "SELECT id, seen, ");
    statement.text(dialect.now()).text(" - seen AS silent");
    statement.text(if says { ", version, knows, host, followed, lag" } else { "" });
    statement.text(" FROM processes WHERE seen >= ").text(dialect.now()).text(" - ").value(LATELY).text(" ORDER BY id");
    let rows = statement.fetch(connection).await?;
    rows.iter().map(|row| Running::read(row, says)).collect()
}

impl Running {
    fn read(row: &AnyRow, says: bool) -> Result<Self> {
        let (id, seen, silent) = (row.text("id")?.into(), row.time("seen")?, row.number("silent")?);
        let text = |column| if says { row.optional_text(column) } else { Ok(None) };
        let number = |column| if says { row.optional_number(column) } else { Ok(None) };
        let (version, host) = (text("version")?.map(str::to_owned), text("host")?.map(str::to_owned));
        let (knows, followed, lag) = (number("knows")?, number("followed")?, number("lag")?);
        Ok(Self { id, version, knows, seen, silent, host, followed, lag })
    }
}

impl Pending {
    fn new(version: i64, migration: &Migration, processes: &[Running]) -> Self {
        let waits_for =
            |process: &&Running| migration.kind == Kind::Contract && process.knows.is_none_or(|knows| knows < version);
        let held_by = processes.iter().filter(waits_for).map(|process| process.id.clone()).collect();
        Self { version, name: migration.name, kind: migration.kind.as_str(), held_by }
    }
}
