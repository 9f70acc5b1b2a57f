//! The list of competitions.

use api::CompetitionSummary;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, table};
use crate::state::{DISPUTED, Pane, State, best_bps};
use crate::table::{Column, Placed, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "title", min: 10, max: 60, align: Align::Left, keep: 255, grow: 1 },
    Column { title: "phase", min: 10, max: 10, align: Align::Left, keep: 240, grow: 9 },
    Column { title: "set", min: 6, max: 6, align: Align::Left, keep: 245, grow: 9 },
    Column { title: "rows", min: 7, max: 9, align: Align::Right, keep: 200, grow: 9 },
    Column { title: "size class", min: 10, max: 16, align: Align::Left, keep: 190, grow: 0 },
    Column { title: "entries", min: 7, max: 7, align: Align::Right, keep: 210, grow: 9 },
    Column { title: "best", min: 8, max: 8, align: Align::Right, keep: 250, grow: 9 },
];

/// The columns for a width.
#[derive(Clone, Debug)]
pub struct Table {
    placed: Vec<Placed>,
}

impl Table {
    /// The columns that fit into `width`.
    pub fn new(width: u16) -> Self {
        Self { placed: arrange(COLUMNS, width) }
    }

    /// The heads of the columns.
    pub fn heads(&self) -> String {
        heads(COLUMNS, &self.placed)
    }

    /// One competition.
    pub fn line(&self, competition: &CompetitionSummary) -> String {
        line(COLUMNS, &self.placed, |column, width| cell(competition, column, width))
    }
}

fn cell(c: &CompetitionSummary, column: usize, width: u16) -> String {
    match column {
        0 if c.disputes.is_empty() => c.title.clone(),
        // In front, where no width cuts it off.
        0 => format!("{DISPUTED}: {}", c.title),
        1 => c.phase.as_str().to_owned(),
        2 => if c.open { "open" } else { "sealed" }.to_owned(),
        3 => rows(c),
        4 => classes(&c.size_classes, usize::from(width)),
        5 => c.entries.to_string(),
        _ => best_bps(c).map_or_else(|| "-".to_owned(), text::percent),
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
    let columns = Table::new(area.width.saturating_sub(1));
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
