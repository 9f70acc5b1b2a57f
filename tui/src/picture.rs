//! A screen without a terminal: for replays, pictures and tests.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::state::State;
use crate::text;
use crate::theme::Theme;
use crate::view;

/// What the screen would show.
pub fn of(state: &State, theme: &Theme) -> Buffer {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(state.size.0, state.size.1));
    let Ok(drawn) = terminal.draw(|frame| view::draw(frame, state, theme));
    drawn.buffer.clone()
}

/// A screen as text, a line a row, wide characters once, without blanks at the ends.
pub fn text(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let row = |y| {
        let mut line = String::new();
        let mut x = area.left();
        while x < area.right() {
            let Some(cell) = buffer.cell((x, y)) else { break };
            line.push_str(cell.symbol());
            x += u16::try_from(text::width(cell.symbol()).max(1)).unwrap_or(1);
        }
        line.trim_end().to_owned()
    };
    (area.top()..area.bottom()).map(row).collect()
}
