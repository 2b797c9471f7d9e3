//! How a value gets from its written form into a field: by `FromStr`, with one sentence of what is expected.
//! serde's own messages repeat what they found, which in a configuration may be a password; these never do.
//! Also the shapes that fields come in: one, optional, many, by name, within bounds.

use super::quantity::{Size, Span};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

/// What should have stood where something else did.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("expected {0}")]
pub struct Expected(pub &'static str);

/// A value with one written form.
pub trait Written: FromStr {
    /// Completes "expected …".
    const EXPECTED: &'static str;
}

impl Written for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port such as 127.0.0.1:8080 or [::1]:8080";
}

impl Written for IpNet {
    const EXPECTED: &'static str = "a network such as 10.0.0.0/8 or 2001:db8::/32";
}

impl Written for NonZeroU32 {
    const EXPECTED: &'static str = "a number from 1";
}

impl Written for NonZeroUsize {
    const EXPECTED: &'static str = "a number from 1";
}

impl Written for PathBuf {
    const EXPECTED: &'static str = "a path";
}

pub fn one<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Leaf::deserialize(deserializer).map(|leaf| leaf.0)
}

pub fn optional<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::<Leaf<T>>::deserialize(deserializer).map(|leaf| leaf.map(|leaf| leaf.0))
}

pub fn list<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::<Leaf<T>>::deserialize(deserializer).map(|leaves| leaves.into_iter().map(|leaf| leaf.0).collect())
}

pub fn by_name<'de, T: Written, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error> {
    let leaves = BTreeMap::<String, Leaf<T>>::deserialize(deserializer)?;
    Ok(leaves.into_iter().map(|(name, leaf)| (name, leaf.0)).collect())
}

/// A duration of `LEAST` to `MOST` seconds.
pub fn span<'de, const LEAST: u64, const MOST: u64, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let Span(span) = one(deserializer)?;
    if (Duration::from_secs(LEAST)..=Duration::from_secs(MOST)).contains(&span) {
        Ok(span)
    } else {
        Err(de::Error::custom(format_args!("expected a duration from {LEAST}s to {MOST}s")))
    }
}

/// The same, or none.
pub fn optional_span<'de, const LEAST: u64, const MOST: u64, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let written: Option<Span> = optional(deserializer)?;
    let within = |span: &Duration| (Duration::from_secs(LEAST)..=Duration::from_secs(MOST)).contains(span);
    match written {
        None => Ok(None),
        Some(Span(span)) if within(&span) => Ok(Some(span)),
        Some(_) => Err(de::Error::custom(format_args!("expected a duration from {LEAST}s to {MOST}s, or null"))),
    }
}

/// A number of `LEAST` to `MOST`, or as many bytes.
pub fn size<'de, const LEAST: u64, const MOST: u64, N: TryFrom<u64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<N, D::Error> {
    let Size(size) = one(deserializer)?;
    let within = (LEAST..=MOST).contains(&size).then(|| N::try_from(size).ok()).flatten();
    within.ok_or_else(|| de::Error::custom(format_args!("expected a number from {LEAST} to {MOST}")))
}

/// A section whose keys must agree with each other.
pub trait Consistent {
    fn consistent(&self) -> Result<(), Expected>;
}

pub fn consistent<'de, T: Deserialize<'de> + Consistent, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let section = T::deserialize(deserializer)?;
    section.consistent().map_err(de::Error::custom)?;
    Ok(section)
}

/// What serde reads a [`Written`] value through.
pub struct Leaf<T>(pub T);

impl<'de, T: Written> Deserialize<'de> for Leaf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(PhantomData)).map(Leaf)
    }
}

struct Text<T>(PhantomData<T>);

impl<T: Written> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let value = if text.is_empty() { None } else { text.parse().ok() };
        value.ok_or_else(|| E::custom(Expected(T::EXPECTED)))
    }
}
