//! A statement that is put together from this program's own words, with values bound as they come.
//! Owns the text and the values until they are sent.
//! Never puts a value into the text.

use super::{Result, dialect::Dialect};
use sqlx::{
    AnyConnection, Arguments as _, AssertSqlSafe, Encode, Type,
    any::{Any, AnyArguments, AnyRow},
};
use std::fmt::Write;

pub struct Statement {
    dialect: Dialect,
    sql: String,
    count: usize,
    values: AnyArguments,
    /// Lists are of every length: their texts would fill the cache of statements.
    once: bool,
    failed: Option<sqlx::error::BoxDynError>,
}

/// As many values as go into one `IN`.
pub const MOST_VALUES: usize = 5000;

impl Statement {
    pub fn new(dialect: Dialect, sql: &'static str) -> Self {
        Self { dialect, sql: sql.into(), count: 0, values: AnyArguments::default(), once: false, failed: None }
    }

    pub fn text(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    pub fn as_str(&self) -> &str {
        &self.sql
    }

    /// Its text is hardly ever the same again.
    pub fn once(&mut self) -> &mut Self {
        self.once = true;
        self
    }

    /// A parameter, and what is bound to it.
    pub fn value<'v, T: Encode<'v, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        self.count += 1;
        // Writing to a String cannot fail.
        let _ = match self.dialect {
            Dialect::Sqlite => write!(self.sql, "?"),
            Dialect::Postgres => write!(self.sql, "${}", self.count),
        };
        if let Err(error) = self.values.add(value) {
            self.failed = Some(error);
        }
        self
    }

    /// `(…, …)`, for `IN`; at most [`MOST_VALUES`].
    pub fn list<'v, T: Encode<'v, Any> + Type<Any>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        self.once().text("(");
        for (place, value) in values.into_iter().enumerate() {
            self.text(if place == 0 { "" } else { "," }).value(value);
        }
        if self.sql.ends_with('(') {
            // PostgreSQL knows no empty list.
            self.text("NULL");
        }
        self.text(")")
    }

    pub async fn fetch(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>> {
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error).into());
        }
        // Safe: the text is made of this program's own words and parameters.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values).persistent(!self.once);
        Ok(query.fetch_all(connection).await?)
    }

    /// How many rows were changed.
    pub async fn execute(self, connection: &mut AnyConnection) -> Result<u64> {
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error).into());
        }
        // Safe: as above.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values).persistent(!self.once);
        Ok(query.execute(connection).await?.rows_affected())
    }
}

/// The rows for which `head` and one of the values hold, in as many statements as it takes; `tail` ends each.
/// In a transaction: what has no name is prepared and executed in two steps, and between them a pooler may give the
/// connection to somebody else.
pub async fn fetch_in<'v, T: Encode<'v, Any> + Type<Any> + Clone>(
    connection: &mut AnyConnection,
    dialect: Dialect,
    head: &'static str,
    values: &[T],
    tail: &str,
) -> Result<Vec<AnyRow>> {
    let mut rows = Vec::new();
    for some in values.chunks(MOST_VALUES) {
        let mut statement = Statement::new(dialect, head);
        statement.list(some.iter().cloned()).text(tail);
        rows.append(&mut statement.fetch(connection).await?);
    }
    Ok(rows)
}
