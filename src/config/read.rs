//! Typed sections out of a [`Node`] tree: a serde deserializer whose errors know the place and the key.
//! What a message says was expected; what was found is left out, because it may be a secret.
//! An empty section reads as one with no keys, so that a commented-out list of keys is no mistake.

use super::{
    ConfigError,
    tree::{Entry, Node, Place, Value},
};
use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Error as _, IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};
use std::{fmt, slice};

pub fn read<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, ConfigError> {
    T::deserialize(node).map_err(|mistake| {
        let place = mistake.place.unwrap_or_else(|| node.place.clone());
        let keys: Vec<&str> = mistake.keys.iter().rev().map(String::as_str).collect();
        let separator = if keys.is_empty() { "" } else { ": " };
        ConfigError::new(place, format!("{}{separator}{}", keys.join("."), mistake.message))
    })
}

#[derive(Debug)]
pub struct Mistake {
    message: String,
    place: Option<Place>,
    /// Innermost first.
    keys: Vec<String>,
}

impl Mistake {
    /// The innermost place is the one that counts.
    fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    fn under(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), place: None, keys: Vec::new() }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown key `{}`: expected one of {}", field.escape_debug(), expected.join(", ")))
    }
}

impl Node {
    fn text<'de>(&'de self, expected: &str) -> Result<&'de str, Mistake> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(Mistake::custom(format_args!("expected {expected}")).at(&self.place)),
        }
    }

    fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

/// Numbers and booleans were kept as text: whether they are any is the field's to say.
macro_rules! parsed {
    ($($method:ident $visit:ident $expected:literal),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            let value = self.text($expected)?.parse();
            let value = value.map_err(|_| Mistake::custom(concat!("expected ", $expected)).at(&self.place))?;
            visitor.$visit(value).map_err(|mistake: Mistake| mistake.at(&self.place))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let read = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), current: None }),
        };
        read.map_err(|mistake| mistake.at(&self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self).map_err(|mistake: Mistake| mistake.at(&self.place)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null | Value::Map(_) => visitor
                .visit_map(Entries { entries: self.entries().iter(), current: None })
                .map_err(|mistake| mistake.at(&self.place)),
            _ => Err(Mistake::custom("expected keys with values").at(&self.place)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null | Value::List(_) => {
                visitor.visit_seq(Items(self.items().iter())).map_err(|mistake| mistake.at(&self.place))
            }
            _ => Err(Mistake::custom("expected a list").at(&self.place)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let text = self.text(&format!("one of {}", variants.join(", ")))?;
        visitor.visit_enum(text.into_deserializer()).map_err(|mistake: Mistake| mistake.at(&self.place))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    parsed! {
        deserialize_bool visit_bool "true or false",
        deserialize_u8 visit_u8 "a number",
        deserialize_u16 visit_u16 "a number",
        deserialize_u32 visit_u32 "a number",
        deserialize_u64 visit_u64 "a number",
        deserialize_i64 visit_i64 "a number"
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct Items<'de>(slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}

struct Entries<'de> {
    entries: slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Mistake;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        self.current = self.entries.next();
        let key = self.current.map(|entry| {
            let key: de::value::BorrowedStrDeserializer<'de, Mistake> =
                de::value::BorrowedStrDeserializer::new(&entry.key);
            seed.deserialize(key).map_err(|mistake| mistake.at(&entry.place))
        });
        key.transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let entry = self.current.take().ok_or_else(|| Mistake::custom("a value was read before its key"))?;
        seed.deserialize(&entry.value).map_err(|mistake| mistake.at(&entry.value.place).under(&entry.key))
    }
}
