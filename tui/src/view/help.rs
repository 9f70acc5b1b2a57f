//! The help: all keys, from the table that they come from, and what the words on the board mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{lines, popup};
use crate::keymap::BINDINGS;
use crate::text::{Align, clip, fit};
use crate::theme::Theme;

const WORDS: &[(&str, &str)] = &[
    ("at least", "proved: so many test rows are right, perhaps more"),
    ("95 % CI", "Wilson interval from the number of rows, for one entry"),
    ("tries", "entries of this competitor; many make luck likelier"),
    ("when", "the competitor's own claim, UTC"),
    ("state", "pending, final, or left out (no rank), says the host"),
    ("check", "whether this node verified the proof itself"),
    ("setup", "who made the key, hence who could forge with it"),
    ("key * ≈", "end of the peer id; this node; another name looks so"),
];
const WIDTH: u16 = 64;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let keys = BINDINGS.iter().map(|b| (pair(b.shown, b.help), Style::new()));
    let words = WORDS.iter().map(|(word, meaning)| (pair(word, meaning), theme.dim()));
    // A line between them, where there is room for it and the borders.
    let roomy = BINDINGS.len() + WORDS.len() + 3 <= usize::from(area.height);
    let gap = roomy.then(|| (String::new(), Style::new()));
    let all: Vec<_> = keys.chain(gap).chain(words).collect();
    let rows = u16::try_from(all.len()).unwrap_or(u16::MAX);
    let inside = popup(frame, area, " Help (Esc closes it) ", (WIDTH, rows), theme);
    let width = usize::from(inside.width);
    lines(frame, inside, all.into_iter().map(|(line, style)| (clip(&line, width), style)));
}

fn pair(left: &str, right: &str) -> String {
    format!("{}  {right}", fit(left, 8, Align::Left))
}
