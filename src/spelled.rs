//! Values that are one word wherever they are written: in JSON, in an address, in the API's document.
//! Owns nothing; their own `Display` and `FromStr` say how they are spelled.
//! Never accepts what `FromStr` refuses.

use std::fmt;
use utoipa::openapi::{
    RefOr, Schema,
    schema::{AnyOfBuilder, ObjectBuilder, SchemaFormat, Type},
};

/// Reads and writes a type in serde, and describes it in the API's document, as its text.
macro_rules! spelled {
    ($($name:ident: $shape:expr, $about:literal);* $(;)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str($crate::spelled::Word(std::marker::PhantomData))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::spelled::schema($shape, $about)
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}
pub(crate) use spelled;

/// Reads a text of either life as a `T`.
pub struct Word<T>(pub std::marker::PhantomData<T>);

impl<T: std::str::FromStr<Err: fmt::Display>> serde::de::Visitor<'_> for Word<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Whether an organization or a project can be called so. Here, because the configuration names some.
pub fn is_name(text: &str) -> bool {
    let shape = (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    shape && text != "me"
}

/// What the document says of how one is spelled, for programs.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A format of JSON Schema.
    Format(&'static str),
    /// A regular expression of ECMA-262, and the greatest length.
    Pattern(&'static str, usize),
    /// A name for what this regular expression says exactly, where none without a look ahead can.
    Named(&'static str, &'static str),
    /// A format, or this word.
    Or(&'static str, &'static str),
}

pub fn schema(shape: Shape, about: &str) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let format = |format: &str| Some(SchemaFormat::Custom(format.into()));
    let about = (!about.is_empty()).then_some(about);
    RefOr::T(match shape {
        Shape::Format(name) => text().format(format(name)).description(about).into(),
        Shape::Pattern(pattern, most) => text().pattern(Some(pattern)).max_length(Some(most)).description(about).into(),
        Shape::Named(name, pattern) => text().format(format(name)).pattern(Some(pattern)).description(about).into(),
        Shape::Or(name, word) => {
            let either = AnyOfBuilder::new().item(text().format(format(name))).item(text().enum_values(Some([word])));
            either.description(about).into()
        }
    })
}
