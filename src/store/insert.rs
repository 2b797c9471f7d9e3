//! Many rows in one statement: what makes loading a million users a matter of seconds.
//! Owns the values until they are sent.
//! Never puts a value into the text of a statement.

use super::{Result, dialect::Dialect};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Encode, Type, any::Any, any::AnyArguments};
use std::fmt::Write;

/// `INSERT INTO table (columns) VALUES …`, split where a database's limit asks for it.
pub struct Insert {
    dialect: Dialect,
    table: &'static str,
    columns: &'static [&'static str],
    /// What happens to a row that is there already.
    otherwise: &'static str,
    /// One for each statement, full but for the last.
    statements: Vec<Rows>,
    failed: Option<sqlx::error::BoxDynError>,
}

/// With thirty columns, still within the parameters that a database takes: SQLite 32,766, PostgreSQL 65,535.
const MOST_ROWS: usize = 500;

#[derive(Default)]
struct Rows {
    count: usize,
    values: AnyArguments,
}

impl Insert {
    pub const fn new(dialect: Dialect, table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { dialect, table, columns, otherwise: "", statements: Vec::new(), failed: None }
    }

    /// `ON CONFLICT …`; without it, a row that is there already is an error.
    pub fn otherwise(self, on_conflict: &'static str) -> Self {
        Self { otherwise: on_conflict, ..self }
    }

    /// Begins a row; its values follow in the order of the columns.
    pub fn row(&mut self) -> &mut Self {
        match self.statements.last_mut() {
            Some(rows) if rows.count < MOST_ROWS => rows.count += 1,
            _ => self.statements.push(Rows { count: 1, ..Rows::default() }),
        }
        self
    }

    pub fn bind<'v, T: Encode<'v, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        if let Some(rows) = self.statements.last_mut()
            && let Err(error) = rows.values.add(value)
        {
            self.failed = Some(error);
        }
        self
    }

    pub async fn execute(self, connection: &mut AnyConnection) -> Result<()> {
        self.count(connection).await.map(drop)
    }

    /// How many rows were written.
    pub async fn count(self, connection: &mut AnyConnection) -> Result<u64> {
        let mut count = 0;
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error).into());
        }
        for rows in self.statements {
            let sql = text(self.dialect, self.table, self.columns, rows.count) + self.otherwise;
            // Safe: the text is made of this program's own words and parameters.
            let query = sqlx::query_with(AssertSqlSafe(sql), rows.values);
            // Only the full ones come again; the others would fill the cache of statements with texts of every length.
            let done = query.persistent(rows.count == MOST_ROWS).execute(&mut *connection).await?;
            count += done.rows_affected();
        }
        Ok(count)
    }
}

fn text(dialect: Dialect, table: &str, columns: &[&str], rows: usize) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    // Writing to a String cannot fail.
    let _ = write!(sql, "{}", dialect.rows(rows, columns.len()));
    sql
}
