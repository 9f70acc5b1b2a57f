//! Lengths of time on the command line.

/// Seconds in a text like `90s`, `30m`, `12h` or `7d`; none if it is no such thing.
pub fn span(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_number_and_a_unit() {
        let good = [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)];
        for (text, seconds) in good {
            assert_eq!(span(text), Some(seconds), "{text}");
        }
        for bad in ["", "d", "7", "7w", "-1d", "7dd", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
