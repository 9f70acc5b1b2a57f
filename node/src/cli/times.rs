//! Lengths of time on the command line.

use super::context::CliError;
use super::output;

/// Refuses what has to wait for a deadline, before everybody else refuses it.
pub fn check_passed(what: &str, deadline: u64, now: u64) -> Result<(), CliError> {
    // In the second of the deadline itself it is still too early.
    match deadline.saturating_add(1).checked_sub(now).filter(|left| *left > 0) {
        Some(left) => {
            let reason = format!("{what} {}: wait for another {}", output::when(deadline), span_text(left));
            Err(CliError::Refused { reason })
        }
        None => Ok(()),
    }
}

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

/// Seconds for people, rounded down to the unit that fits: `45 s`, `12 min`, `5 h`, `3 d`.
pub fn span_text(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_early_says_how_long_to_wait() {
        assert!(check_passed("entries until", 100, 101).is_ok());
        let early = check_passed("entries until", 100, 40).unwrap_err().to_string();
        assert_eq!(early, "refused: entries until 1970-01-01T00:01:40Z: wait for another 61 s");
        assert!(check_passed("entries until", 100, 100).is_err());
    }

    #[test]
    fn people_are_told_one_unit() {
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 d")]
        {
            assert_eq!(span_text(seconds), text);
        }
    }

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
