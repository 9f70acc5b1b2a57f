//! Who has entered the chosen competition, and what the host has done about it.

use api::{Entry, EntryStanding};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, choose_hint, lines, table};
use crate::items::entry_standing;
use crate::state::{Pane, State};
use crate::table::{Column, Table};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "name", min: 8, max: 24, align: Align::Left, keep: 255, grow: 1 },
    Column { title: "key", min: 7, max: 13, align: Align::Left, keep: 250, grow: 3 },
    Column { title: "size class", min: 12, max: 16, align: Align::Left, keep: 190, grow: 4 },
    Column { title: "standing", min: 14, max: 20, align: Align::Left, keep: 253, grow: 2 },
    Column { title: "first seen", min: 10, max: 16, align: Align::Left, keep: 240, grow: 0 },
];

fn cell(entry: &Entry, now: u64, column: usize, width: u16) -> String {
    match column {
        0 => entry.display_name.clone(),
        1 => text::short_peer(&entry.competitor, usize::from(width).saturating_sub(1)),
        2 => entry.size_class.clone(),
        3 if width >= 20 => entry.standing.as_str().to_owned(),
        3 => entry_standing(entry.standing).to_owned(),
        _ if width >= 16 => text::date(entry.first_seen),
        _ => text::age(now, entry.first_seen),
    }
}

/// The columns that fit into `width`; ages before `now`, in seconds since 1970.
pub fn columns(width: u16, now: u64) -> Table<Entry> {
    Table::new(COLUMNS, width, now, cell)
}

/// How many entries stand where.
pub fn roster(entries: &[Entry]) -> String {
    let count = |wanted| entries.iter().filter(|entry| entry.standing == wanted).count();
    let standings = [
        EntryStanding::Entered,
        EntryStanding::OnRoster,
        EntryStanding::Withdrawn,
        EntryStanding::BeyondCap,
        EntryStanding::LeftOut,
    ];
    let parts = standings.into_iter().map(|standing| (count(standing), standing)).filter(|(n, _)| *n > 0);
    let parts: Vec<_> = parts.map(|(n, standing)| format!("{n} {}", standing.as_str())).collect();
    if parts.is_empty() { "No entry yet.".to_owned() } else { parts.join(", ") }
}

/// What is said above the rows where the pane is `area`, and where the rows are.
fn split(entries: &[Entry], area: Rect) -> (Vec<String>, Rect) {
    let mut said = text::wrap(&roster(entries), usize::from(area.width));
    // Heads and two rows must remain.
    said.truncate(usize::from(area.height.saturating_sub(3)));
    let used = u16::try_from(said.len()).unwrap_or(u16::MAX).min(area.height);
    (said, Rect { y: area.y + used, height: area.height - used, ..area })
}

/// Where the table is in the pane `area`.
pub(super) fn table_area(state: &State, area: Rect) -> Rect {
    split(state.entries.items(), area).1
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if state.board.is_none() && state.entries.items().is_empty() && state.chosen.is_none() {
        return lines(frame, area, [(choose_hint(state), theme.dim())]);
    }
    let (said, below) = split(state.entries.items(), area);
    lines(frame, area, said.into_iter().map(|line| (line, theme.dim())));
    if state.entries.items().is_empty() {
        return;
    }
    let columns = columns(area.width.saturating_sub(1), state.clock.unix);
    let focused = state.focus == Pane::Entries;
    table(frame, below, &columns.heads(), &state.entries, focused, theme, |entry| Row {
        mark: if entry.mine { '*' } else { ' ' },
        text: columns.line(entry),
        style: match entry.standing {
            _ if entry.mine => theme.mine(),
            EntryStanding::Entered | EntryStanding::OnRoster => Style::new(),
            EntryStanding::Withdrawn | EntryStanding::BeyondCap | EntryStanding::LeftOut => theme.dim(),
        },
    });
}
