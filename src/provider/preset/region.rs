//! Regions: origins of which a header of the request chooses one, by a part of its value.
//! Facts of a preset, and an allow-list: what it does not name is nowhere.
//! Never makes a host name of what a caller sent.

use super::{
    mistake::{Checked, mistake, parsed},
    parse::header_name,
    raw::RawRegions,
};
use crate::config::{Origin, Protocol};
use http::HeaderName;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regions {
    pub header: HeaderName,
    /// The value is split here, and this part of it, from 0, is the region.
    split: Option<(char, usize)>,
    pub origins: Box<[(Box<str>, Origin)]>,
}

impl Regions {
    /// The region that a header's value names.
    pub fn of<'v>(&self, value: &'v str) -> Option<&'v str> {
        match self.split {
            None => Some(value),
            Some((at, part)) => value.split(at).nth(part),
        }
    }

    pub fn origin(&self, region: &str) -> Option<&Origin> {
        self.origins.iter().find(|(name, _)| **name == *region).map(|(_, origin)| origin)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(|(name, _)| &**name)
    }
}

pub fn check(raw: &RawRegions) -> Checked<Regions> {
    let one = |text: &str| match text.chars().collect::<Vec<_>>()[..] {
        [at] => Ok(at),
        _ => Err("expected one character"),
    };
    let split = match (&raw.split, &raw.part) {
        (Some(at), Some(part)) if part.value > 0 => Some((parsed(at, one)?, usize::from(part.value) - 1)),
        (None, None) => None,
        (Some(at), _) => return mistake(at, "expected a `part` from 1 beside it"),
        (None, Some(part)) => return mistake(part, "expected a `split` beside it"),
    };
    let origins = raw.origins.iter().map(|(name, text)| Ok((name.as_str().into(), parsed(text, https)?)));
    Ok(Regions { header: parsed(&raw.header, header_name)?, split, origins: origins.collect::<Checked<_>>()? })
}

fn https(text: &str) -> Result<Origin, &'static str> {
    let origin = text.parse::<Origin>().ok().filter(|origin| origin.protocol == Protocol::Https);
    origin.ok_or("expected `https://host`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header;
    use proptest::prelude::*;

    fn regions() -> Regions {
        let origins = [("us-east".into(), "https://quantum.example.com".parse().unwrap())].into();
        Regions { header: header::SERVER, split: Some((':', 5)), origins }
    }

    #[test]
    fn a_part_of_a_value_chooses_among_the_origins_that_are_listed() {
        let crn = "crn:v1:bluemix:public:quantum-computing:us-east:a/fake::";
        assert_eq!(regions().of(crn), Some("us-east"));
        assert!(regions().origin("us-east").is_some());
        assert!(regions().origin("us-east.evil.example.org").is_none());
        assert_eq!(regions().of("crn:v1"), None);
    }

    proptest! {
        #[test]
        fn values_from_outside_lead_to_listed_origins_or_nowhere(value in "\\PC{0,80}") {
            let regions = regions();
            if let Some(origin) = regions.of(&value).and_then(|region| regions.origin(region)) {
                prop_assert_eq!(origin.to_string(), "https://quantum.example.com");
            }
        }
    }
}
