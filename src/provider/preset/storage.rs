//! Where a request names objects in a provider's storage (buckets and keys): facts of a preset.
//! The raw shape and its check are here as well, as nothing else needs them.
//! Never says whose an object is: that is `provider::storage`, which has the credential's list.

use super::{
    mistake::{Checked, mistake},
    operation::Place,
    raw::Text,
};
use serde::Deserialize;
use serde_yaml::Spanned;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectPlace {
    pub at: Location,
    pub extent: Extent,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// Without a key, the bucket as a whole.
    Parts { bucket: Place, key: Option<Place> },
    /// `s3://bucket/key`
    Uri(Place),
}

/// What of the storage a key stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// One object.
    #[default]
    Object,
    /// A folder in which the provider makes a folder for each thing that it makes.
    Folder,
    /// Everything that begins so.
    Prefix,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawObject {
    bucket: Option<Text>,
    key: Option<Text>,
    uri: Option<Text>,
    #[serde(default)]
    extent: Extent,
}

pub fn check(raw: &Spanned<RawObject>, place: impl Fn(&Text, &str) -> Checked<Place>) -> Checked<ObjectPlace> {
    const WHY: &str = "it must be known where an object is";
    let at = match (&raw.value.bucket, &raw.value.key, &raw.value.uri) {
        (Some(bucket), key, None) => {
            Location::Parts { bucket: place(bucket, WHY)?, key: key.as_ref().map(|key| place(key, WHY)).transpose()? }
        }
        (None, None, Some(uri)) => Location::Uri(place(uri, WHY)?),
        _ => return mistake(raw, "expected `bucket:`, perhaps with a `key:`, or `uri:`"),
    };
    Ok(ObjectPlace { at, extent: raw.value.extent })
}
