//! When a certificate ends: the one field of X.509 that an operator has to know in time (RFC 5280 §4.1).
//! Owns nothing.
//! Never judges a certificate, and says nothing of one that it cannot read.

use jiff::{civil::DateTime, tz::TimeZone};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// In seconds since 1970, of a certificate in DER.
pub fn ends(certificate: &[u8]) -> Option<i64> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = expect(rest, VERSION)?.1;
    }
    // Its number, its algorithm and its issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = expect(rest, tag)?.1;
    }
    let (validity, _) = expect(rest, SEQUENCE)?;
    let (_, _, after_begin) = element(validity)?;
    let (tag, end, _) = element(after_begin)?;
    moment(tag, std::str::from_utf8(end).ok()?)
}

/// What an element of this kind holds, and what follows it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, _, _)| *found == tag).map(|(_, value, rest)| (value, rest))
}

fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((*tag, value, rest))
}

/// Of two digits for the year, RFC 5280 has the first fifty in this century.
fn moment(tag: u8, text: &str) -> Option<i64> {
    let whole = match tag {
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", whole).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["bellhop.test".into()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 4);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_of_its_forms() {
        assert_eq!(ends(&certificate(2031)), Some(1_930_348_800));
        assert_eq!(ends(&certificate(2061)), Some(2_877_120_000));
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_are_it_ends(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = ends(&bytes);
        }

        #[test]
        fn a_damaged_certificate_says_nothing_or_a_time(at in 0_usize..200, with in any::<u8>()) {
            let mut bytes = certificate(2031);
            bytes[at] = with;
            let _ = ends(&bytes);
            bytes.truncate(at);
            prop_assert_eq!(ends(&bytes), None);
        }
    }
}
