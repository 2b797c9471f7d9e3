//! Millionths as people write them: seconds of microseconds, and money.
//! Owns nothing.
//! Never a float on the way: what is written is what is stored.

/// `1500000` as `1.5`.
pub fn decimal(millionths: u64) -> String {
    let (whole, rest) = (millionths / 1_000_000, millionths % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:06}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn no_digit_is_lost_and_none_is_written_in_vain() {
        for (millionths, text) in
            [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (2_000_000, "2"), (10_010_000, "10.01")]
        {
            assert_eq!(decimal(millionths), text);
        }
    }
}
