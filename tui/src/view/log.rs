//! What happened, newest first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, table};
use crate::items::LogLine;
use crate::state::{Level, Pane, State};
use crate::text;
use crate::theme::Theme;

/// A line of the log, as one line.
pub(super) fn line(line: &LogLine) -> String {
    format!("{} {}", text::clock(line.at), line.text)
}

/// The style of a line.
pub(super) fn style(level: Level, theme: &Theme) -> Style {
    match level {
        Level::Info => Style::new(),
        Level::Warning => theme.warning(),
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let width = usize::from(area.width.saturating_sub(1));
    table(frame, area, "UTC      event", &state.log, state.focus == Pane::Log, theme, |entry| Row {
        mark: ' ',
        text: text::clip(&line(entry), width),
        style: style(entry.level, theme),
    });
}
