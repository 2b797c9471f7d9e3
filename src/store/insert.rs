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
    /// One for each statement, full but for the last.
    statements: Vec<Rows>,
    failed: Option<sqlx::error::BoxDynError>,
}

#[derive(Default)]
struct Rows {
    count: usize,
    values: AnyArguments,
}

impl Insert {
    pub const fn new(dialect: Dialect, table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { dialect, table, columns, statements: Vec::new(), failed: None }
    }

    /// Begins a row; its values follow in the order of the columns.
    pub fn row(&mut self) -> &mut Self {
        let most = Dialect::MOST_PARAMETERS / self.columns.len();
        match self.statements.last_mut() {
            Some(rows) if rows.count < most => rows.count += 1,
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
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error).into());
        }
        for rows in self.statements {
            let sql = text(self.dialect, self.table, self.columns, rows.count);
            // Safe: the text is made of this program's own words and parameters.
            sqlx::query_with(AssertSqlSafe(sql), rows.values).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

fn text(dialect: Dialect, table: &str, columns: &[&str], rows: usize) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    // Writing to a String cannot fail.
    let _ = write!(sql, "{}", dialect.rows(rows, columns.len()));
    sql
}
