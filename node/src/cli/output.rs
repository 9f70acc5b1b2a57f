//! Tables, JSON and messages.

use api::SetupTrust;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unicode_width::UnicodeWidthStr;

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on messages are left out.
pub fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether messages are left out.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A message for people, to standard error, unless they want none.
pub fn message(text: &str) {
    if !is_quiet() {
        error(text);
    }
}

/// The same, also for those who want none. Nobody reading it is no reason to fail.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A question, after which the answer is typed on the same line.
pub fn prompt(text: &str) {
    let mut to = std::io::stderr();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush()); // whoever cannot see it does not answer
}

/// Data, to standard output. A reader that has seen enough (`| head`) is no error.
pub fn data(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// One JSON document, to standard output.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    data(&serde_json::to_string_pretty(value)?)
}

/// How a column is aligned.
#[derive(Clone, Copy)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table with a header, columns as wide as they need, two spaces between them.
pub fn table(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain(header.get(column).map(|(name, _)| name.width())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).zip(header).map(|((cell, width), (_, align))| {
            let space = " ".repeat(width.saturating_sub(cell.width()));
            match align {
                Align::Left => format!("{cell}{space}"),
                Align::Right => format!("{space}{cell}"),
            }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let names: Vec<&str> = header.iter().map(|(name, _)| *name).collect();
    let body = rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    std::iter::once(line(&names)).chain(body).collect::<Vec<_>>().join("\n")
}

/// The first eight digits of an id.
pub fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// The end of a peer id: its start is the same for everybody.
pub fn key(peer_id: &str) -> String {
    let skip = peer_id.chars().count().saturating_sub(8);
    format!("…{}", peer_id.chars().skip(skip).collect::<String>())
}

/// Basis points as a percentage with two decimals.
pub fn percent(bps: u32) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// Seconds since 1970 as a date and time in UTC.
pub fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

/// Bytes in the unit that fits.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Who made a key, for a column.
pub fn setup(trust: SetupTrust) -> &'static str {
    match trust {
        SetupTrust::SingleParty => "single party",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let rows = vec![vec!["9".into(), "李雷".into()], vec!["10".into(), "Ada".into()]];
        let expected = " #  name\n 9  李雷\n10  Ada";
        assert_eq!(table(&[("#", Align::Right), ("name", Align::Left)], &rows), expected);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(percent(9_507), "95.07 %");
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(u64::MAX), u64::MAX.to_string());
        assert_eq!(bytes(160), "160 B");
        assert_eq!(bytes(12_345_678), "12.3 MB");
    }
}
