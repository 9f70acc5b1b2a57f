//! Amounts of money, as people write and read them.

use alloy_primitives::U256;

/// Decimals of a chain's coin.
pub const COIN_DECIMALS: u8 = 18;
/// Decimals of a price of gas, in gwei.
pub const GWEI_DECIMALS: u8 = 9;

/// Units in a decimal number, exactly; none if it has more decimals, or is no number.
pub fn parse(text: &str, decimals: u8) -> Option<U256> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = usize::from(decimals);
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || part.len() > decimals {
        return None;
    }
    let padded = format!("{whole}{part}{}", "0".repeat(decimals - part.len()));
    U256::from_str_radix(&padded, 10).ok()
}

/// A decimal number of units, without zeros that say nothing.
pub fn text(units: U256, decimals: u8) -> String {
    let digits = units.to_string();
    let decimals = usize::from(decimals);
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, part) = padded.split_at(padded.len() - decimals);
    match part.trim_end_matches('0') {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
}

/// The chain's coin.
pub fn coin(wei: U256) -> String {
    text(wei, COIN_DECIMALS)
}

/// A price of gas.
pub fn gwei(wei: u128) -> String {
    text(U256::from(wei), GWEI_DECIMALS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        for (text_, decimals, units) in [
            ("1", 18, 10u128.pow(18)),
            ("0.5", 18, 5 * 10u128.pow(17)),
            (".25", 2, 25),
            ("7.", 0, 7),
            ("0", 18, 0),
        ] {
            assert_eq!(parse(text_, decimals), Some(U256::from(units)), "{text_}");
        }
        for bad in ["", ".", "-1", "+1", "1e18", "1,5", "0.001", " 1", "1.2.3"] {
            assert_eq!(parse(bad, 2), None, "{bad:?}");
        }
        assert_eq!(parse(&"9".repeat(80), 0), None, "too large");
        assert_eq!(coin(U256::from(1_500_000_000_000_000_000u128)), "1.5");
        assert_eq!(coin(U256::from(1)), "0.000000000000000001");
        assert_eq!((coin(U256::ZERO).as_str(), gwei(2_000_000_001).as_str()), ("0", "2.000000001"));
        assert_eq!(text(U256::from(7), 0), "7");
    }
}
