//! The help: all keys, from the table that they come from, and what the words on the board mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{popup, scrolled};
use crate::state::State;
use crate::text::{Align, fit, wrap};
use crate::theme::Theme;

const WORDS: &[(&str, &str)] = &[
    ("at least", "proved: so many test rows are right, perhaps more"),
    ("95 % CI", "Wilson interval from the number of rows, for one entry"),
    ("┊ ───", "the competition's threshold"),
    ("move", "ranks up or down since this board was last looked at"),
    ("tries", "entries of this competitor; many make luck likelier"),
    ("when", "the competitor's own claim, UTC"),
    ("state", "pending, final, or left out (no rank), says the host"),
    ("check", "whether this node verified the proof itself"),
    ("setup", "who made the key, hence who could forge with it"),
    ("key * ≈", "end of the peer id; this node; another name looks so"),
    ("records", "told of by a peer; = the same set as here, ≠ another"),
    ("opening", "the secret file without which an entry proves nothing"),
];
/// Columns of a key and its meaning.
const WIDTH: u16 = 66;
/// Columns of the keys.
const KEYS: usize = 10;

/// The lines of the box on a screen of this size, whether each is about a key, and how wide they are.
pub(super) fn page(state: &State, area: Rect) -> (Vec<(String, bool)>, u16) {
    let width = WIDTH.min(area.width.saturating_sub(4));
    let columns = usize::from(width).saturating_sub(KEYS + 2);
    let keys = state.keymap.bindings().iter().map(|b| (b.shown(2), b.help, true));
    let words = WORDS.iter().map(|(word, meaning)| ((*word).to_owned(), *meaning, false));
    let lines = |(left, right, key): (String, &str, bool)| {
        let left = std::iter::once(left).chain(std::iter::repeat(String::new()));
        let pairs = left.zip(wrap(right, columns));
        pairs.map(move |(left, right)| (pair(&left, &right), key)).collect::<Vec<_>>()
    };
    let gap = std::iter::once((String::new(), false));
    (keys.flat_map(lines).chain(gap).chain(words.flat_map(lines)).collect(), width)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let (page, width) = page(state, area);
    let rows = u16::try_from(page.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(2));
    let inside = popup(frame, area, " Help (Esc closes it) ", (width, rows), theme);
    let style = |key| if key { Style::new() } else { theme.dim() };
    let page = page.into_iter().map(|(line, key)| (line, style(key))).collect();
    scrolled(frame, inside, page, state.scrolls[2], theme);
}

fn pair(left: &str, right: &str) -> String {
    format!("{}  {right}", fit(left, KEYS, Align::Left))
}
