//! Columns, shortened ids, percentages and times, as text.
//!
//! Widths are display columns as the terminal library counts them, so that what is padded here is aligned
//! there: `日` is two columns, a combining accent none.

use ratatui::buffer::CellWidth;
use ratatui::style::Style;
use ratatui::text::Span;

/// Which side of a column is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text starts at the left edge.
    Left,
    /// Text ends at the right edge.
    Right,
}

/// Display columns that `text` takes.
pub fn width(text: &str) -> usize {
    let span = Span::raw(text);
    span.styled_graphemes(Style::new()).map(|g| usize::from(g.symbol.cell_width())).sum()
}

/// `text` in exactly `columns` columns: padded, or cut with `…`.
pub fn fit(text: &str, columns: usize, align: Align) -> String {
    let full = width(text);
    let (shown, used) = if full <= columns { (text.to_owned(), full) } else { cut(text, columns) };
    let blank = " ".repeat(columns.saturating_sub(used));
    match align {
        Align::Left => shown + &blank,
        Align::Right => blank + &shown,
    }
}

/// `text` in at most `columns` columns, cut with `…` if it is longer.
pub fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns { text.to_owned() } else { cut(text, columns).0 }
}

/// The longest start of `text` that leaves a column for `…`, and the columns of both.
fn cut(text: &str, columns: usize) -> (String, usize) {
    let Some(room) = columns.checked_sub(1) else { return (String::new(), 0) };
    let mut shown = String::new();
    let mut used = 0;
    for g in Span::raw(text).styled_graphemes(Style::new()) {
        let next = used + usize::from(g.symbol.cell_width());
        if next > room {
            break;
        }
        shown.push_str(g.symbol);
        used = next;
    }
    shown.push('…');
    (shown, used + 1)
}

/// `text` in lines of at most `columns` columns, broken at spaces where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(word) <= columns {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line = hard_break(word, columns, &mut lines);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Pushes full lines of a word that is longer than a line; returns the rest.
fn hard_break(word: &str, columns: usize, lines: &mut Vec<String>) -> String {
    let mut line = String::new();
    let mut used = 0;
    for g in Span::raw(word).styled_graphemes(Style::new()) {
        let w = usize::from(g.symbol.cell_width());
        if used + w > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        line.push_str(g.symbol);
        used += w;
    }
    line
}

/// The last `chars` characters of a peer id behind `…`: the first ones are the same for every ed25519 key.
pub fn short_peer(id: &str, chars: usize) -> String {
    let skip = id.chars().count().saturating_sub(chars);
    if skip == 0 { id.to_owned() } else { std::iter::once('…').chain(id.chars().skip(skip)).collect() }
}

/// The first 12 characters of a hex id.
pub fn short_hex(id: &str) -> String {
    id.chars().take(12).collect()
}

/// `9732` as `97.32 %`.
pub fn percent(bps: u32) -> String {
    format!("{} %", hundredths(bps))
}

/// `(9601, 9820)` as `96.01–98.20`.
pub fn interval((low, high): (u32, u32)) -> String {
    format!("{}–{}", hundredths(low), hundredths(high))
}

fn hundredths(bps: u32) -> String {
    format!("{}.{:02}", bps / 100, bps % 100)
}

/// `1 entry`, `2 entries`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `correct` of `rows` in basis points, rounded down; `None` for no rows.
pub fn basis_points(correct: u64, rows: u64) -> Option<u32> {
    let bps = (u128::from(correct) * 10_000).checked_div(u128::from(rows))?;
    u32::try_from(bps).ok()
}

/// How long before `now` (or after: `in …`) `then` is, in the largest whole unit. Both in seconds since 1970.
pub fn age(now: u64, then: u64) -> String {
    if then > now { format!("in {}", span(then - now)) } else { span(now - then) }
}

/// In the largest whole unit; minutes are the smallest, so that a screen need not be drawn every second.
fn span(seconds: u64) -> String {
    match seconds {
        0 => "now".to_owned(),
        1..60 => "<1m".to_owned(),
        _ => units(seconds),
    }
}

fn units(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "m")];
    for (unit, name) in UNITS {
        if seconds >= unit {
            let count = seconds / unit;
            return if count > 999 { format!(">999{name}") } else { format!("{count}{name}") };
        }
    }
    format!("{seconds}s")
}

/// Whether so short a time that is left is told in seconds.
pub fn counts_seconds(left: u64) -> bool {
    (1..120).contains(&left)
}

/// What is left until `deadline`: seconds in the last two minutes, before that the largest whole unit.
pub fn left(now: u64, deadline: u64) -> String {
    match deadline.saturating_sub(now) {
        0 => "over".to_owned(),
        left if counts_seconds(left) => format!("{left}s"),
        left => units(left),
    }
}

/// A time that something took, in the two largest units: `2 h 5 min`.
pub fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `1536` as `1.5 kB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} B")
}

/// Done of a whole, as `[====      ]  42 %` in so many columns.
pub fn gauge(done_bps: u32, columns: usize) -> String {
    let done = done_bps.min(10_000);
    let percent = format!("{:>4} %", done / 100);
    let room = columns.saturating_sub(width(&percent));
    if room < 4 {
        return percent;
    }
    let full = usize::try_from(done).unwrap_or(0) * room / 10_000;
    format!("{}{}{percent}", "█".repeat(full), "─".repeat(room - full))
}

/// `2025-11-23 19:12`, in UTC; `?` for a time that no calendar has (anybody may claim any number).
pub fn date(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok().and_then(|s| time::OffsetDateTime::from_unix_timestamp(s).ok());
    known.map_or_else(
        || "?".to_owned(),
        |t| {
            format!(
                "{:04}-{:02}-{:02} {:02}:{:02}",
                t.year(),
                u8::from(t.month()),
                t.day(),
                t.hour(),
                t.minute()
            )
        },
    )
}

/// `19:12:05`, in UTC.
pub fn clock(seconds: u64) -> String {
    let of_day = seconds % 86_400;
    format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// `6204` microseconds as `6.2 ms`.
pub fn millis(micros: u64) -> String {
    format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_counts_columns_not_characters() {
        assert_eq!(fit("日本", 6, Align::Left), "日本  ");
        assert_eq!(fit("日本語", 4, Align::Left), "日… ", "half a character is never drawn");
        assert_eq!(fit("abc", 5, Align::Right), "  abc");
        assert_eq!(fit("abcdef", 4, Align::Left), "abc…");
        assert_eq!(fit("abc", 0, Align::Left), "");
        for columns in 0..12 {
            assert_eq!(width(&fit("a日e\u{301}語🦀x", columns, Align::Left)), columns);
        }
    }

    #[test]
    fn wrap_never_exceeds_the_width_and_loses_nothing() {
        let text = "single-party key: its maker could forge proofs 日本語日本語日本語";
        for columns in 2..60 {
            let lines = wrap(text, columns);
            assert!(lines.iter().all(|l| width(l) <= columns), "{columns}: {lines:?}");
            let joined: String = lines.concat().split_whitespace().collect();
            assert_eq!(joined, text.split_whitespace().collect::<String>());
        }
        assert!(wrap("  ", 10).is_empty());
    }

    #[test]
    fn ids_are_short() {
        assert_eq!(short_peer("12D3KooWAbCdEfGh", 6), "…CdEfGh");
        assert_eq!(short_peer("ab", 6), "ab");
        assert_eq!(short_hex("0123456789abcdef"), "0123456789ab");
    }

    #[test]
    fn numbers() {
        assert_eq!(percent(9732), "97.32 %");
        assert_eq!(percent(10_000), "100.00 %");
        assert_eq!(interval((7, 9820)), "0.07–98.20");
        assert_eq!(basis_points(2, 3), Some(6666));
        assert_eq!(basis_points(1, 0), None);
        assert_eq!(basis_points(u64::MAX, 1), None);
        assert_eq!(millis(6204), "6.2 ms");
        assert_eq!([bytes(999), bytes(1_536), bytes(8 << 30)], ["999 B", "1.5 kB", "8.5 GB"]);
        assert_eq!(bytes(u64::MAX), "18446744.0 TB");
        assert_eq!(gauge(5_000, 12), "███───  50 %");
        assert_eq!(gauge(u32::MAX, 8), " 100 %");
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(count(0, "entry", "entries"), "0 entries");
    }

    #[test]
    fn times() {
        assert_eq!(age(100, 100), "now");
        assert_eq!(age(100, 41), "<1m");
        assert_eq!(age(41, 100), "in <1m");
        assert_eq!(age(10_000, 100), "2h");
        assert_eq!(age(0, 172_800), "in 2d");
        assert_eq!(age(u64::MAX, 0), ">999y");
        assert_eq!([left(1, 1), left(1, 120), left(1, 121)], ["over", "119s", "2m"]);
        assert_eq!(left(0, u64::MAX), ">999y");
        assert_eq!([seconds(59), seconds(61), seconds(7_500)], ["59 s", "1 min 1 s", "2 h 5 min"]);
        assert_eq!(seconds(90_000), "1 d 1 h");
        assert_eq!(date(1_763_925_125), "2025-11-23 19:12");
        assert_eq!(date(u64::MAX), "?");
        assert_eq!(clock(1_763_925_125), "19:12:05");
    }
}
