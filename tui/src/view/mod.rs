//! Draws the state; cannot change it. One file a region.

pub mod board;
mod chart;
pub mod competition;
pub mod competitions;
mod details;
pub mod entries;
pub mod facts;
mod fields;
pub mod health;
mod help;
mod log;
mod notice;
pub mod peers;
mod status;
pub mod work;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

pub use chart::range;
pub use details::export_hint;
pub use status::tab_at;

use crate::ascii;
use crate::layout::{self, SMALLEST};
use crate::list::{Item, List};
use crate::state::{Overlay, Pane, State};
use crate::text;
use crate::theme::Theme;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) {
    let area = frame.area();
    frame.buffer_mut().set_style(area, theme.base());
    if layout::too_small((area.width, area.height)) {
        let hint = format!("{}x{} needed", SMALLEST.0, SMALLEST.1);
        return lines(frame, area, [(hint, theme.warning())]);
    }
    let plan = layout::plan(area, state.focus);
    status::title(frame, plan.title, state, theme);
    status::tabs(frame, plan.tabs, state, theme);
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
        Some(Overlay::Help) => help::draw(frame, area, state, theme),
        Some(Overlay::Details) => details::draw(frame, area, state, theme),
        None => {}
    }
    if theme.ascii {
        ascii::flatten(frame.buffer_mut());
    }
}

fn draw_pane(frame: &mut Frame<'_>, area: Rect, pane: Pane, borders: bool, state: &State, theme: &Theme) {
    let inside =
        if borders { boxed(frame, area, &heading(pane, state), state.focus == pane, theme) } else { area };
    match pane {
        Pane::Competitions => competitions::draw(frame, inside, state, theme),
        Pane::Competition => competition::draw(frame, inside, state, theme),
        Pane::Board => board::draw(frame, inside, state, theme),
        Pane::Chart => chart::draw(frame, inside, state, theme),
        Pane::Entries => entries::draw(frame, inside, state, theme),
        Pane::Peers => peers::draw(frame, inside, state, theme),
        Pane::Work => work::draw(frame, inside, state, theme),
        Pane::Health => health::draw(frame, inside, state, theme),
        Pane::Log => log::draw(frame, inside, state, theme),
    }
}

/// A pane's name, how many rows it has, its filter and its order.
fn heading(pane: Pane, state: &State) -> String {
    let Some(list) = state.list(pane) else { return format!(" {} ", pane.title()) };
    let (shown, all) = list.counts();
    let filter = list.filter();
    let order = match list.order() {
        Some((name, false)) => format!(" by {name}"),
        Some((name, true)) => format!(" by {name}, reversed"),
        None => String::new(),
    };
    if filter.is_empty() {
        format!(" {} ({all}){order} ", pane.title())
    } else {
        format!(" {} ({shown} of {all}: /{filter}){order} ", pane.title())
    }
}

/// What is said where there is no competition to show yet.
fn choose_hint(state: &State) -> String {
    match &state.chosen {
        Some(id) => format!("Asking for competition {} …", text::short_hex(id)),
        None => "Choose a competition and press Enter.".to_owned(),
    }
}

/// The last line that the text with the keyboard can be scrolled to.
pub fn scroll_end(state: &State) -> usize {
    let screen = Rect::new(0, 0, state.size.0, state.size.1);
    let plan = layout::plan(screen, state.focus);
    let pane = plan.panes.iter().find(|(pane, _)| *pane == state.focus).map_or(screen, |(_, area)| *area);
    let inside = if plan.borders { inner(pane) } else { pane };
    let (all, height) = match (state.overlay, state.focus) {
        (Some(Overlay::Help), _) => {
            let (page, width) = help::page(state, screen);
            (page.len(), popup_height(screen, (width, screen.height.saturating_sub(2)), page.len()))
        }
        (Some(Overlay::Details), _) => {
            let (page, width) = details::page(state, screen);
            (page.len(), popup_height(screen, (width, screen.height), page.len()))
        }
        (None, Pane::Competition) => {
            let width = usize::from(inside.width);
            let page = state.board.as_ref().map(|b| competition::text(b, width, state.clock.unix));
            (page.map_or(0, |page| page.len()), usize::from(inside.height))
        }
        (None, Pane::Health) => {
            (health::page(state, usize::from(inside.width)).len(), usize::from(inside.height))
        }
        (None, _) => (0, 0),
    };
    all.saturating_sub(height)
}

/// The line of the table under a point of the screen, and how many lines the table has.
pub fn line_at(state: &State, at: Position) -> Option<(usize, usize)> {
    let screen = Rect::new(0, 0, state.size.0, state.size.1);
    let plan = layout::plan(screen, state.focus);
    let (pane, area) = plan.panes.iter().find(|(_, area)| area.contains(at))?;
    let inside = if plan.borders { inner(*area) } else { *area };
    let table = match pane {
        Pane::Board => board::table_area(state, inside),
        Pane::Entries => entries::table_area(state, inside),
        Pane::Work => work::table_area(state, inside),
        Pane::Competitions | Pane::Peers | Pane::Log => inside,
        Pane::Competition | Pane::Chart | Pane::Health => return None,
    };
    // The heads of the columns are no row.
    let line = usize::from(at.y.checked_sub(table.y + 1)?);
    let height = usize::from(table.height.saturating_sub(1));
    if *pane != Pane::Board {
        return Some((line, height));
    }
    let divider = board::threshold(state, usize::from(table.width));
    let placed = divider.and_then(|d| line_place(&state.rows, height, &d.is_between));
    match placed {
        Some(place) if place == line => None,
        Some(place) => Some((line - usize::from(place < line), height - 1)),
        None => Some((line, height)),
    }
}

fn inner(area: Rect) -> Rect {
    Block::bordered().inner(area)
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

/// Lines that a box of [`popup`] has inside, for a page of so many lines.
fn popup_height(area: Rect, (columns, most): (u16, u16), all: usize) -> usize {
    let rows = u16::try_from(all).unwrap_or(u16::MAX).min(most);
    let fits = rows + 2 <= area.height && columns + 4 <= area.width;
    usize::from(if fits { rows } else { area.height.saturating_sub(1) })
}

/// An empty bordered box over the middle of `area`, for `rows` lines of `columns`; returns what is inside.
/// Where the box would not fit, it takes the whole area and has no border.
fn popup(frame: &mut Frame<'_>, area: Rect, title: &str, (columns, rows): (u16, u16), theme: &Theme) -> Rect {
    let fits = rows + 2 <= area.height && columns + 4 <= area.width;
    let (width, height) = if fits { (columns + 4, rows + 2) } else { (area.width, area.height) };
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    frame.buffer_mut().set_style(place, theme.base());
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

/// Draws as many styled lines as there is room for, from line `from` on, and says where more are.
fn scrolled(frame: &mut Frame<'_>, area: Rect, page: Vec<(String, Style)>, from: usize, theme: &Theme) {
    let height = usize::from(area.height);
    let last = page.len().saturating_sub(height);
    let from = from.min(last);
    lines(frame, area, page.into_iter().skip(from));
    let marks = [(from > 0, "↑", area.y), (from < last, "↓", area.bottom().saturating_sub(1))];
    for (more, mark, y) in marks {
        if more && area.width > 0 {
            let place = Rect { x: area.right() - 1, y, width: 1, height: 1 };
            frame.render_widget(Line::styled(mark, theme.focus()), place);
        }
    }
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
    let never: Option<Divider<Between<T>>> = None;
    table_with_line(frame, area, heads, list, (focused, never), theme, row);
}

/// Whether something belongs between two neighbours.
type Between<T> = fn(&T, &T) -> bool;

/// A line between two rows.
struct Divider<F> {
    /// Whether it belongs between two neighbours.
    is_between: F,
    line: String,
}

/// The visible line before which a line is drawn, if any: where `is_between` holds of two rows.
fn line_place<T: Item>(list: &List<T>, height: usize, is_between: &impl Fn(&T, &T) -> bool) -> Option<usize> {
    // The line takes the place of a row.
    let height = height.saturating_sub(1);
    let mut above = list.above(height);
    for (place, (_, item)) in list.window(height).enumerate() {
        if above.is_some_and(|above| is_between(above, item)) {
            return Some(place);
        }
        above = Some(item);
    }
    None
}

/// The same as [`table`] with a line between two rows.
fn table_with_line<T: Item>(
    frame: &mut Frame<'_>,
    area: Rect,
    heads: &str,
    list: &List<T>,
    (focused, divider): (bool, Option<Divider<impl Fn(&T, &T) -> bool>>),
    theme: &Theme,
    row: impl Fn(&T) -> Row,
) {
    let height = usize::from(area.height.saturating_sub(1));
    let line = divider.and_then(|d| Some((line_place(list, height, &d.is_between)?, d.line)));
    let rows = list.window(height - usize::from(line.is_some()).min(height)).map(|(selected, item)| {
        let Row { mark, text, style } = row(item);
        let on = selected && focused;
        let style = if on { style.patch(theme.selected()) } else { style };
        (format!("{}{text}", if on { '▸' } else { mark }), style)
    });
    let mut all: Vec<(String, Style)> = rows.collect();
    if let Some((place, line)) = line {
        all.insert(place.min(all.len()), (line, theme.warning()));
    }
    let head = (format!(" {heads}"), theme.title());
    lines(frame, area, std::iter::once(head).chain(all));
}
