//! The list of competitions.

use api::{CompetitionSummary, Phase, Prize};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, table};
use crate::items::{DISPUTED, next_deadline};
use crate::state::{Pane, State, best_bps};
use crate::table::{Column, Table};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "title", min: 20, max: 60, align: Align::Left, keep: 255, grow: 0 },
    Column { title: "phase", min: 10, max: 10, align: Align::Left, keep: 240, grow: 9 },
    Column { title: "set", min: 6, max: 6, align: Align::Left, keep: 245, grow: 9 },
    Column { title: "rows", min: 7, max: 9, align: Align::Right, keep: 200, grow: 9 },
    Column { title: "size class", min: 10, max: 16, align: Align::Left, keep: 190, grow: 1 },
    Column { title: "entries", min: 7, max: 7, align: Align::Right, keep: 210, grow: 9 },
    Column { title: "best", min: 8, max: 8, align: Align::Right, keep: 250, grow: 9 },
    Column { title: "left", min: 5, max: 5, align: Align::Right, keep: 235, grow: 9 },
    Column { title: "prize", min: 5, max: 10, align: Align::Left, keep: 180, grow: 9 },
];

/// The columns that fit into `width`; what is left from `now`, in seconds since 1970.
pub fn columns(width: u16, now: u64) -> Table<CompetitionSummary> {
    Table::new(COLUMNS, width, now, cell)
}

fn cell(c: &CompetitionSummary, now: u64, column: usize, width: u16) -> String {
    match column {
        0 if c.disputes.is_empty() => c.title.clone(),
        // In front, where no width cuts it off.
        0 => format!("{DISPUTED}: {}", c.title),
        1 => c.phase.as_str().to_owned(),
        2 => if c.open { "open" } else { "sealed" }.to_owned(),
        3 => rows(c),
        4 => classes(&c.size_classes, usize::from(width)),
        5 => c.entries.to_string(),
        6 => best_bps(c).map_or_else(|| "-".to_owned(), text::percent),
        7 if c.phase == Phase::Closed => "-".to_owned(),
        7 => text::left(now, next_deadline(c)),
        _ => c.prize.as_ref().map(Prize::short).unwrap_or_default(),
    }
}

/// Size classes: all of them, or the first and how many more.
fn classes(classes: &[String], width: usize) -> String {
    let all = classes.join(", ");
    match classes {
        [first, _, ..] if text::width(&all) > width => {
            let more = format!(" +{}", classes.len() - 1);
            text::clip(first, width.saturating_sub(text::width(&more))) + &more
        }
        _ => all,
    }
}

/// How many rows the test set has, or at least has while it is sealed.
pub fn rows(competition: &CompetitionSummary) -> String {
    competition.rows.map_or_else(|| format!(">={}", competition.min_rows), |rows| rows.to_string())
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let columns = columns(area.width.saturating_sub(1), state.clock.unix);
    let focused = state.focus == Pane::Competitions;
    table(frame, area, &columns.heads(), &state.competitions, focused, theme, |c| {
        let shown = state.chosen.as_ref() == Some(&c.id);
        let style = if !c.disputes.is_empty() {
            theme.warning()
        } else if shown {
            theme.title()
        } else {
            Style::new()
        };
        Row { mark: if shown { '•' } else { ' ' }, text: columns.line(c), style }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_classes_are_counted() {
        let three = ["linear-64x10".to_owned(), "mlp-64-32-10".to_owned(), "mlp-784".to_owned()];
        assert_eq!(classes(&three, 40), "linear-64x10, mlp-64-32-10, mlp-784");
        assert_eq!(classes(&three, 15), "linear-64x10 +2");
        assert_eq!(classes(&three, 10), "linear… +2");
        assert_eq!(classes(&[], 10), "");
    }
}
