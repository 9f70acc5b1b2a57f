//! Tables, JSON and messages.

use super::called::in_message;
pub use super::called::program;
use api::SetupTrust;
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use unicode_width::UnicodeWidthStr;

static QUIET: AtomicBool = AtomicBool::new(false);
/// Columns of the terminal that tables are printed on; files and programs get all of a table.
static WIDTH: AtomicUsize = AtomicUsize::new(usize::MAX);

/// From now on messages are left out.
pub fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether messages are left out.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// From now on tables leave out what does not fit onto the terminal.
pub fn fit_the_terminal() {
    let stdout = std::io::stdout();
    if stdout.is_terminal()
        && let Ok(size) = tcgetwinsize(stdout)
        && size.ws_col > 0
    {
        WIDTH.store(size.ws_col.into(), Ordering::Relaxed);
    }
}

/// A message for people, to standard error, unless they want none.
pub fn message(text: &str) {
    if !is_quiet() {
        error(text);
    }
}

/// The same, also for those who want none. Nobody reading it is no reason to fail.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", in_message(text, program()));
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

/// A table with a header, columns as wide as they need, two spaces between them. The columns that matter most come
/// first: of those that a terminal has no room for, it says so.
pub fn table(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    table_within(WIDTH.load(Ordering::Relaxed), header, rows)
}

fn table_within(room: usize, header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain(header.get(column).map(|(name, _)| name.width())).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..header.len()).map(width).collect();
    while widths.len() > 1 && widths.iter().sum::<usize>() + 2 * (widths.len() - 1) > room {
        widths.pop();
    }
    let (header, left_out) = header.split_at(widths.len());
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
    let mut lines: Vec<String> = std::iter::once(line(&names)).chain(body).collect();
    if !left_out.is_empty() {
        let names: Vec<&str> =
            left_out.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
        lines.push(format!("(no room for {}: --json has all of it)", names.join(", ")));
    }
    lines.join("\n")
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
        10_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// So many of them: `1 peer`, `2 peers`.
pub fn count(count: impl Into<u64>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { many })
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
    fn a_narrow_terminal_gets_the_columns_that_matter_and_is_told_of_the_rest() {
        let header = [("id", Align::Left), ("name", Align::Left), ("clock", Align::Right)];
        let rows = vec![vec!["7".into(), "Ada".into(), "+0 s".into()]];
        assert_eq!(table_within(15, &header, &rows).lines().count(), 2);
        let narrow = "id  name\n7   Ada\n(no room for clock: --json has all of it)";
        assert_eq!(table_within(14, &header, &rows), narrow);
        assert!(table_within(0, &header, &rows).starts_with("id\n7\n"), "the first column always");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(percent(9_507), "95.07 %");
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(u64::MAX), u64::MAX.to_string());
        assert_eq!(bytes(160), "160 B");
        assert_eq!(bytes(12_345_678), "12.3 MB");
        assert_eq!(bytes(34_359_738_368), "34.4 GB");
        assert_eq!(
            (count(1_u64, "row", "rows"), count(0_u64, "row", "rows")),
            ("1 row".into(), "0 rows".into())
        );
    }
}
