//! Draws the state; cannot change it. One file a region.

pub mod board;
pub mod competitions;
mod details;
pub mod entries;
mod help;
mod log;
mod notice;
mod peers;
mod status;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

use crate::layout::{self, SMALLEST};
use crate::list::{Item, List};
use crate::state::{Overlay, Pane, State};
use crate::theme::Theme;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) {
    let area = frame.area();
    if layout::too_small((area.width, area.height)) {
        let hint = format!("{}x{} needed", SMALLEST.0, SMALLEST.1);
        return lines(frame, area, [(hint, theme.warning())]);
    }
    let plan = layout::plan(area, state.focus);
    status::title(frame, plan.title, state, theme);
    if let Some(tabs) = plan.tabs {
        status::tabs(frame, tabs, state, theme);
    }
    match notice::of(state) {
        Some(notice) => notice::draw(frame, plan.body, &notice, theme),
        None => {
            for (pane, area) in &plan.panes {
                draw_pane(frame, *area, *pane, plan.borders, state, theme);
            }
        }
    }
    status::event(frame, plan.event, state, theme);
    status::hints(frame, plan.hints, state, theme);
    match state.overlay {
        Some(Overlay::Help) => help::draw(frame, area, theme),
        Some(Overlay::Details) => details::draw(frame, area, state, theme),
        None => {}
    }
}

fn draw_pane(frame: &mut Frame<'_>, area: Rect, pane: Pane, borders: bool, state: &State, theme: &Theme) {
    let inside =
        if borders { boxed(frame, area, &heading(pane, state), state.focus == pane, theme) } else { area };
    match pane {
        Pane::Competitions => competitions::draw(frame, inside, state, theme),
        Pane::Board => board::draw(frame, inside, state, theme),
        Pane::Entries => entries::draw(frame, inside, state, theme),
        Pane::Peers => peers::draw(frame, inside, state, theme),
        Pane::Log => log::draw(frame, inside, state, theme),
    }
}

/// A pane's name, how many rows it has, and its filter.
fn heading(pane: Pane, state: &State) -> String {
    let (shown, all) = match pane {
        Pane::Competitions => counts(&state.competitions),
        Pane::Board => counts(&state.rows),
        Pane::Entries => counts(&state.entries),
        Pane::Peers => counts(&state.peers),
        Pane::Log => counts(&state.log),
    };
    let filter = state.filter(pane);
    if filter.is_empty() {
        format!(" {} ({all}) ", pane.title())
    } else {
        format!(" {} ({shown} of {all}: /{filter}) ", pane.title())
    }
}

fn counts<T: Item>(list: &List<T>) -> (usize, usize) {
    (list.shown_len(), list.items().len())
}

/// Draws a border with a title; returns what is inside.
fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str, focused: bool, theme: &Theme) -> Rect {
    let style = if focused { theme.focus() } else { theme.dim() };
    // A second sign beside the colour.
    let kind = if focused { BorderType::Thick } else { BorderType::Plain };
    let block =
        Block::bordered().border_type(kind).border_style(style).title(Line::styled(title, theme.title()));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// An empty bordered box over the middle of `area`, for `rows` lines of `columns`; returns what is inside.
/// Where the box would not fit, it takes the whole area and has no border.
fn popup(frame: &mut Frame<'_>, area: Rect, title: &str, (columns, rows): (u16, u16), theme: &Theme) -> Rect {
    let fits = rows + 2 <= area.height && columns + 4 <= area.width;
    let (width, height) = if fits { (columns + 4, rows + 2) } else { (area.width, area.height) };
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    if !fits {
        lines(frame, Rect { height: 1, ..place }, [(title.trim().to_owned(), theme.title())]);
        return Rect { y: place.y + 1, height: place.height - 1, ..place };
    }
    let inside = boxed(frame, place, title, true, theme);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Draws one styled text a line, as many as there is room for.
fn lines(frame: &mut Frame<'_>, area: Rect, texts: impl IntoIterator<Item = (String, Style)>) {
    for ((text, style), row) in texts.into_iter().zip(area.rows()) {
        frame.render_widget(Line::styled(text, style), row);
    }
}

/// How a row of a table is drawn.
struct Row {
    /// What stands in the column left of the table unless the row is selected.
    mark: char,
    text: String,
    style: Style,
}

/// Draws the heads and the visible rows of a list. Only these rows are ever made.
fn table<T: Item>(
    frame: &mut Frame<'_>,
    area: Rect,
    heads: &str,
    list: &List<T>,
    focused: bool,
    theme: &Theme,
    row: impl Fn(&T) -> Row,
) {
    let height = usize::from(area.height.saturating_sub(1));
    let head = (format!(" {heads}"), theme.title());
    let rows = list.window(height).map(|(selected, item)| {
        let Row { mark, text, style } = row(item);
        let on = selected && focused;
        let style = if on { style.patch(theme.selected()) } else { style };
        (format!("{}{text}", if on { '▸' } else { mark }), style)
    });
    lines(frame, area, std::iter::once(head).chain(rows));
}
