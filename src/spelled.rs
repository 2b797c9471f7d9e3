//! Values that are one word wherever they are written: in JSON, in an address, in the API's document.
//! Owns nothing; their own `Display` and `FromStr` say how they are spelled.
//! Never accepts what `FromStr` refuses.

use std::fmt;
use utoipa::openapi::{
    RefOr, Schema,
    schema::{ObjectBuilder, SchemaFormat, Type},
};

/// Reads and writes a type in serde, and describes it in the API's document, as its text.
macro_rules! spelled {
    ($($name:ident: $format:expr, $about:literal);* $(;)?) => {$(
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
                $crate::spelled::schema($format, $about)
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

pub fn schema(format: &str, about: &str) -> RefOr<Schema> {
    let format = (!format.is_empty()).then(|| SchemaFormat::Custom(format.into()));
    let text = ObjectBuilder::new().schema_type(Type::String).format(format).description(Some(about));
    RefOr::T(Schema::Object(text.build()))
}
