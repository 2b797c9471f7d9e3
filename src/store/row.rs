//! From a row's columns to this program's types.
//! Owns nothing.
//! Never lets a text through that is not what its type allows: the store may have been edited by hand.

use super::{Result, StoreError};
use crate::{clock::Timestamp, job::ThingKey};
use sqlx::{Row as _, any::AnyRow};
use std::str::FromStr;

/// Reading by name, with an error that says which column and never what was in it.
pub trait Columns {
    fn text(&self, column: &str) -> Result<&str>;
    fn optional_text(&self, column: &str) -> Result<Option<&str>>;
    fn number(&self, column: &str) -> Result<i64>;
    fn optional_number(&self, column: &str) -> Result<Option<i64>>;
    fn bytes(&self, column: &str) -> Result<&[u8]>;
    fn optional_bytes(&self, column: &str) -> Result<Option<&[u8]>>;

    /// What cannot be less than nothing.
    fn amount(&self, column: &str) -> Result<u64> {
        u64::try_from(self.number(column)?).map_err(|_| corrupt(column))
    }

    fn optional_amount(&self, column: &str) -> Result<Option<u64>> {
        self.optional_number(column)?.map(|n| u64::try_from(n).map_err(|_| corrupt(column))).transpose()
    }

    fn key(&self, column: &str) -> Result<ThingKey> {
        self.bytes(column)?.try_into().map(ThingKey::from_bytes).map_err(|_| corrupt(column))
    }

    fn optional_key(&self, column: &str) -> Result<Option<ThingKey>> {
        let bytes = self.optional_bytes(column)?;
        bytes.map(|bytes| bytes.try_into().map(ThingKey::from_bytes).map_err(|_| corrupt(column))).transpose()
    }

    fn truth(&self, column: &str) -> Result<bool> {
        Ok(self.number(column)? != 0)
    }

    fn time(&self, column: &str) -> Result<Timestamp> {
        self.number(column).map(Timestamp::from_millis)
    }

    fn optional_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.optional_number(column)?.map(Timestamp::from_millis))
    }

    fn parsed<T: FromStr>(&self, column: &str) -> Result<T> {
        parse(self.text(column)?, column)
    }

    fn optional<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        self.optional_text(column)?.map(|text| parse(text, column)).transpose()
    }

    /// Words separated by spaces; nothing is no words.
    fn words<T: FromStr>(&self, column: &str) -> Result<Vec<T>> {
        let text = self.optional_text(column)?.unwrap_or_default();
        text.split_whitespace().map(|word| parse(word, column)).collect()
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<&str> {
        Ok(self.try_get(column)?)
    }

    fn optional_text(&self, column: &str) -> Result<Option<&str>> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn optional_number(&self, column: &str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<&[u8]> {
        Ok(self.try_get(column)?)
    }

    fn optional_bytes(&self, column: &str) -> Result<Option<&[u8]>> {
        Ok(self.try_get(column)?)
    }
}

pub fn parse<T: FromStr>(text: &str, column: &str) -> Result<T> {
    text.parse().map_err(|_| corrupt(column))
}

pub fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column}"))
}
