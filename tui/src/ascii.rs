//! The screen in ASCII only, for terminals and fonts that have nothing else.
//!
//! Everything is drawn as usual and translated at the end, so that no part of the program needs to know.

use ratatui::buffer::{Buffer, CellWidth};

/// What stands for a character that ASCII does not have.
fn like(c: char) -> char {
    match c {
        '─' | '━' | '–' | '—' | '╌' => '-',
        '│' | '┃' | '▏' => '|',
        '┊' => ':',
        '┌' | '┐' | '└' | '┘' | '┏' | '┓' | '┗' | '┛' | '├' | '┤' | '┴' | '┬' | '┼' => {
            '+'
        }
        '●' | '•' => 'o',
        '·' => '.',
        '▸' | '→' => '>',
        '←' => '<',
        '↑' => '^',
        '↓' => 'v',
        '…' => '~',
        '≈' => '~',
        '×' => 'x',
        '█' | '▉' | '▊' | '▋' | '▌' | '▍' | '▎' => '#',
        // Patterns of dots that lines of a chart are drawn with; the first one is empty.
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28FF}' => '*',
        _ => '?',
    }
}

/// Replaces whatever is not ASCII, column by column.
pub fn flatten(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let Some(cell) = buffer.cell_mut((x, y)) else { break };
            let columns = cell.symbol().cell_width().max(1);
            if !cell.symbol().is_ascii() {
                let mark = cell.symbol().chars().next().map_or('?', like);
                // A wide character takes the columns after it, too.
                for column in x..(x + columns).min(area.right()) {
                    if let Some(cell) = buffer.cell_mut((column, y)) {
                        cell.set_char(mark);
                    }
                }
            }
            x += columns;
        }
    }
}

/// `text` with whatever is not ASCII replaced, at the same width.
pub fn line(text: &str) -> String {
    let columns = u16::try_from(crate::text::width(text)).unwrap_or(u16::MAX);
    let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, 1));
    buffer.set_string(0, 0, text, ratatui::style::Style::new());
    flatten(&mut buffer);
    buffer.content().iter().map(|cell| cell.symbol()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_where_they_are() {
        assert_eq!(line("│a日b·…│"), "|a??b.~|");
        assert_eq!(line("plain"), "plain");
        for text in ["├─●──┤", "Zoë", "日本語", "e\u{301}", "🦀 ▸ ⠉⠂"] {
            assert!(line(text).is_ascii(), "{text}");
            assert_eq!(line(text).len(), crate::text::width(text), "{text}");
        }
    }
}
