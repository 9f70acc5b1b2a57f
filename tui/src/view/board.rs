//! The chosen competition's leaderboard.

use api::{Board, BoardRow, SetupTrust, Standing};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::{Weight, facts};
use super::{Divider, Row, choose_hint, lines, table_with_line};
use crate::items::standing;
use crate::state::{Pane, State};
use crate::table::{Column, Placed, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;
use crate::visit::Visit;

const MOVE: usize = 1;
const BAR: usize = 5;
const COLUMNS: &[Column] = &[
    Column { title: "#", min: 3, max: 4, align: Align::Right, keep: 254, grow: 7 },
    Column { title: "move", min: 4, max: 4, align: Align::Left, keep: 225, grow: 9 },
    Column { title: "name", min: 8, max: 22, align: Align::Left, keep: 255, grow: 0 },
    Column { title: "key", min: 7, max: 13, align: Align::Left, keep: 250, grow: 5 },
    Column { title: "at least", min: 8, max: 8, align: Align::Right, keep: 253, grow: 9 },
    Column { title: "", min: 8, max: 14, align: Align::Left, keep: 200, grow: 1 },
    Column { title: "95 % CI", min: 11, max: 12, align: Align::Right, keep: 252, grow: 4 },
    Column { title: "tries", min: 5, max: 5, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "when", min: 4, max: 16, align: Align::Left, keep: 220, grow: 2 },
    Column { title: "state", min: 5, max: 8, align: Align::Left, keep: 245, grow: 1 },
    Column { title: "check", min: 5, max: 12, align: Align::Left, keep: 240, grow: 3 },
    Column { title: "setup", min: 6, max: 12, align: Align::Left, keep: 190, grow: 2 },
];

/// The columns for a width.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    placed: Vec<Placed>,
    scale: (u32, u32),
    threshold_bps: u32,
    last_visit: Option<&'a Visit>,
    now: u64,
}

impl<'a> Table<'a> {
    /// The columns that fit into `width`; bars on a `scale` in basis points with a mark at the threshold (0 if
    /// there is none); movements since `last_visit`; ages before `now`, in seconds since 1970.
    pub fn new(
        width: u16,
        scale: (u32, u32),
        threshold_bps: u32,
        last_visit: Option<&'a Visit>,
        now: u64,
    ) -> Self {
        // Without a visit before there is nothing to say in that column.
        let max = |c: &Column| if c.title == "move" && last_visit.is_none() { 0 } else { c.max };
        let columns: Vec<Column> = COLUMNS.iter().map(|c| Column { max: max(c), ..*c }).collect();
        let placed = arrange(&columns, width);
        Self { placed, scale, threshold_bps, last_visit, now }
    }

    /// The heads of the columns; the bar's head is its scale.
    pub fn heads(&self) -> String {
        let scale = format!("{}–{} %", self.scale.0 / 100, self.scale.1 / 100);
        let bar = self.placed.iter().any(|(i, _)| *i == BAR);
        if !bar {
            return heads(COLUMNS, &self.placed);
        }
        line(COLUMNS, &self.placed, |i, _| {
            if i == BAR { scale.clone() } else { COLUMNS.get(i).map_or("", |c| c.title).to_owned() }
        })
    }

    /// One competitor.
    pub fn line(&self, row: &BoardRow) -> String {
        line(COLUMNS, &self.placed, |column, width| self.cell(row, column, width))
    }

    fn cell(&self, row: &BoardRow, column: usize, width: u16) -> String {
        let roomy = |wanted: u16| width >= wanted;
        match column {
            0 => rank(row),
            MOVE => movement(row, self.last_visit),
            2 if row.namesake => format!("≈{}", row.display_name),
            2 => row.display_name.clone(),
            3 => text::short_peer(&row.competitor, usize::from(width).saturating_sub(1)),
            4 => text::percent(row.accuracy_bps),
            BAR => {
                let values = (row.accuracy_bps, row.interval_bps, self.threshold_bps);
                bar(values, self.scale, usize::from(width))
            }
            6 => text::interval(row.interval_bps),
            7 => row.entries.to_string(),
            8 if roomy(16) => text::date(row.submitted),
            8 => text::age(self.now, row.submitted),
            9 => match row.standing {
                any if roomy(8) => standing(any),
                Standing::Pending => "pend.",
                Standing::Final => "final",
                Standing::LeftOut => "out",
            }
            .to_owned(),
            10 if roomy(12) && row.checked_here && row.verify_us > 0 => {
                format!("yes, {}", text::millis(row.verify_us))
            }
            10 => if row.checked_here { "yes" } else { "no" }.to_owned(),
            _ => match row.setup {
                SetupTrust::SingleParty if roomy(12) => "single party",
                SetupTrust::SingleParty => "single",
            }
            .to_owned(),
        }
    }
}

/// How a row has moved since the last visit, as far as that is known.
pub fn movement(row: &BoardRow, last_visit: Option<&Visit>) -> String {
    last_visit.and_then(|visit| visit.movement(row)).map_or_else(String::new, |moved| moved.to_string())
}

/// A row's rank; `-` if it has none.
pub fn rank(row: &BoardRow) -> String {
    row.rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string())
}

/// An interval and the value in it, on a scale with a mark at the threshold, as `width` characters: `┊├─●──┤  `.
fn bar((value, (low, high), threshold): (u32, (u32, u32), u32), scale: (u32, u32), width: usize) -> String {
    let span = u64::from(scale.1.saturating_sub(scale.0)).max(1);
    let last = u64::try_from(width.saturating_sub(1)).unwrap_or(0);
    let place = |bps: u32| {
        let offset = u64::from(bps.clamp(scale.0, scale.1.max(scale.0)) - scale.0);
        usize::try_from((offset * last + span / 2) / span).unwrap_or(0)
    };
    let (from, at, to) = (place(low), place(value), place(high));
    let mark = (threshold > 0).then(|| place(threshold));
    let glyph = |x: usize| match x {
        _ if x == at => '●',
        _ if x == from => '├',
        _ if x == to => '┤',
        _ if from < x && x < to => '─',
        _ if Some(x) == mark => '┊',
        _ => ' ',
    };
    (0..width).map(glyph).collect()
}

/// What is said above the rows where the pane is `area`, and where the rows are.
fn split(board: &Board, area: Rect, now: u64) -> (Vec<(String, Weight)>, Rect) {
    let mut facts = facts(board, usize::from(area.width), now);
    // Heads and a few rows must remain; the warnings always do.
    if facts.len() + 5 > usize::from(area.height) {
        facts.retain(|(_, weight)| *weight != Weight::Task);
    }
    let used = u16::try_from(facts.len()).unwrap_or(u16::MAX).min(area.height);
    (facts, Rect { y: area.y + used, height: area.height - used, ..area })
}

/// Where the table is in the pane `area`.
pub(super) fn table_area(state: &State, area: Rect) -> Rect {
    state.board.as_ref().map_or(area, |board| split(board, area, state.clock.unix).1)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let Some(board) = &state.board else { return lines(frame, area, [(choose_hint(state), theme.dim())]) };
    let (facts, below) = split(board, area, state.clock.unix);
    let style = |weight| match weight {
        Weight::Title => theme.title(),
        Weight::Warning => theme.warning(),
        Weight::Plain => Style::new(),
        Weight::Task => theme.dim(),
    };
    lines(frame, area, facts.into_iter().map(|(line, weight)| (line, style(weight))));
    if state.rows.items().is_empty() {
        return lines(frame, below, [(nobody(board.pending), theme.dim())]);
    }
    rows(frame, below, state, board.competition.threshold_bps, theme);
}

fn nobody(pending: u64) -> String {
    if pending > 0 {
        let records = text::count(pending, "record is", "records are");
        format!("No verified submission yet; {records} being checked.")
    } else {
        "No verified submission yet.".to_owned()
    }
}

fn rows(frame: &mut Frame<'_>, area: Rect, state: &State, threshold_bps: u32, theme: &Theme) {
    let width = area.width.saturating_sub(1);
    let columns = Table::new(width, state.scale, threshold_bps, state.last_visit(), state.clock.unix);
    let focused = state.focus == Pane::Board;
    let divider = threshold(state, usize::from(area.width));
    let row = |row: &BoardRow| {
        let style = match row.standing {
            _ if row.mine => theme.mine(),
            Standing::LeftOut => theme.dim(),
            Standing::Pending | Standing::Final => Style::new(),
        };
        Row { mark: if row.mine { '*' } else { ' ' }, text: columns.line(row), style }
    };
    table_with_line(frame, area, &columns.heads(), &state.rows, (focused, divider), theme, row);
}

/// Where the line of the threshold is drawn, if the rows stand by their ranks: between one that reaches it and one
/// that does not.
pub(super) fn threshold(
    state: &State,
    width: usize,
) -> Option<Divider<impl Fn(&BoardRow, &BoardRow) -> bool>> {
    let bps = state.board.as_ref()?.competition.threshold_bps;
    if bps == 0 || !state.rows.is_as_told() {
        return None;
    }
    // What the host has left out has no rank, and stands below everything whatever it has proved.
    let reaches = move |row: &BoardRow| row.rank.is_some() && row.accuracy_bps >= bps;
    let line = format!("─── threshold {} ", text::percent(bps));
    let line = line.clone() + &"─".repeat(width.saturating_sub(text::width(&line)));
    let is_between = move |above: &BoardRow, below: &BoardRow| reaches(above) && !reaches(below);
    Some(Divider { is_between, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_width_whatever_they_are_given() {
        assert_eq!(bar((5_000, (2_500, 7_500), 0), (0, 10_000), 9), "  ├─●─┤  ");
        assert_eq!(bar((9_999, (9_990, 10_000), 5_000), (0, 10_000), 5), "  ┊ ●");
        assert_eq!(
            bar((5_000, (2_500, 7_500), 2_500), (0, 10_000), 9),
            "  ├─●─┤  ",
            "what is measured comes first"
        );
        for value in [0, 1, 5_000, 10_000, u32::MAX] {
            for width in 0..30 {
                let odd = bar((value, (u32::MAX, 0), u32::MAX), (9_000, 9_000), width);
                assert_eq!(odd.chars().count(), width);
            }
        }
    }
}
