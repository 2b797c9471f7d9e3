//! Samples of bodies and answers as bytes: JSON as it stands, or a message of gRPC whose fields are the members of an
//! object, by their numbers.
//! Owns nothing.
//! Never on the data plane: it is for fixtures.

use super::preset::operation::{Format, Operation};
use serde_json::Value;

/// As an SDK or a provider writes it.
pub fn bytes(value: &Value, operation: &Operation) -> Result<Vec<u8>, &'static str> {
    match operation.format {
        Format::Json => Ok(value.to_string().into_bytes()),
        Format::Grpc => {
            let message = message(value)?;
            let length = u32::try_from(message.len()).map_err(|_| "the message is too long")?;
            Ok([&[0][..], &length.to_be_bytes(), &message].concat())
        }
    }
}

fn message(value: &Value) -> Result<Vec<u8>, &'static str> {
    let fields = value.as_object().ok_or("expected an object whose members are the numbers of fields")?;
    let mut bytes = Vec::new();
    for (number, value) in fields {
        let number = number.parse().map_err(|_| "expected the number of a field")?;
        match value {
            Value::Array(items) => {
                for item in items {
                    bytes.extend(field(number, item)?);
                }
            }
            one => bytes.extend(field(number, one)?),
        }
    }
    Ok(bytes)
}

/// The wire types that samples need: varint, and what has a length.
fn field(number: u64, value: &Value) -> Result<Vec<u8>, &'static str> {
    let content = match value {
        Value::Number(value) => {
            let value = value.as_u64().ok_or("expected a whole number that is not negative")?;
            return Ok([varint(number << 3), varint(value)].concat());
        }
        Value::String(text) => text.as_bytes().to_vec(),
        inner => message(inner)?,
    };
    Ok([varint(number << 3 | 2), varint(content.len() as u64), content].concat())
}

fn varint(number: u64) -> Vec<u8> {
    if number < 0x80 { vec![number as u8] } else { [vec![number as u8 | 0x80], varint(number >> 7)].concat() }
}
