//! The lines around the panes: who and whether connected, what happened last, some keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::log;
use crate::conn::Down;
use crate::state::{Link, Pane, State};
use crate::text;
use crate::theme::Theme;

/// Who, and whether connected.
pub(super) fn title(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let (status, style) = link(state, theme);
    let width = usize::from(area.width);
    let room = width.saturating_sub(text::width(&status) + 2);
    let who = state.node.as_ref().map_or_else(String::new, |node| {
        format!(" · {} · {}", text::short_peer(&node.peer_id, 8), node.agent)
    });
    let who = text::fit(&format!(" Podium{who}"), room, text::Align::Left);
    let line = Line::from(vec![
        Span::styled(who, theme.title()),
        Span::raw(" "),
        Span::styled(text::clip(&status, width), style),
    ]);
    frame.render_widget(line, area);
}

fn link(state: &State, theme: &Theme) -> (String, Style) {
    let retry = |at: u64| {
        let wait = at.saturating_sub(state.clock.mono_ms).div_ceil(1_000);
        if wait == 0 { "trying".to_owned() } else { format!("next try in {wait} s") }
    };
    match &state.link {
        Link::Connecting => ("connecting".to_owned(), theme.dim()),
        Link::Up => {
            let peers = state.peer_count;
            let word = if peers == 1 { "peer" } else { "peers" };
            (format!("connected · {peers} {word}"), theme.good())
        }
        Link::Down { why, retry_at_ms } => {
            let what = match why {
                Down::NoDaemon => "no daemon",
                Down::Version { .. } => "version mismatch",
                Down::Other(_) => "disconnected",
            };
            (format!("{what} · {}", retry(*retry_at_ms)), theme.error())
        }
    }
}

/// The names of the panes, each with the columns that it takes: as many as there is room for around the one that has
/// the keyboard.
fn names(state: &State, columns: u16) -> Vec<(Pane, String)> {
    let named = |name: fn(Pane) -> &'static str, gap: &str| -> Vec<(Pane, String)> {
        let boxed = |pane: Pane| match pane == state.focus {
            true => format!("[{}]", name(pane)),
            false => format!("{gap}{}{gap}", name(pane)),
        };
        Pane::ALL.into_iter().map(|pane| (pane, boxed(pane))).collect()
    };
    let width = |names: &[(Pane, String)]| names.iter().map(|(_, name)| text::width(name) + 1).sum::<usize>();
    let room = usize::from(columns) + 1;
    let (long, short) = (named(Pane::title, " "), named(Pane::short, ""));
    let mut names = if width(&long) <= room { long } else { short };
    while width(&names) > room && names.len() > 1 {
        // From the end that is farther away.
        let place = names.iter().position(|(pane, _)| *pane == state.focus).unwrap_or(0);
        let drop = if place * 2 > names.len() - 1 { 0 } else { names.len() - 1 };
        names.remove(drop);
    }
    names
}

/// The pane whose name is at column `x` of the tabs.
pub fn tab_at(state: &State, area: Rect, x: u16) -> Option<Pane> {
    let mut at = usize::from(area.x);
    for (pane, name) in names(state, area.width) {
        let end = at + text::width(&name);
        if (at..end).contains(&usize::from(x)) {
            return Some(pane);
        }
        at = end + 1;
    }
    None
}

/// The names of all panes.
pub(super) fn tabs(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let spans = names(state, area.width).into_iter().flat_map(|(pane, name)| {
        let style = if pane == state.focus { theme.focus() } else { theme.dim() };
        [Span::styled(name, style), Span::raw(" ")]
    });
    frame.render_widget(Line::from_iter(spans), area);
}

/// What went wrong, or else what happened last.
pub(super) fn event(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let latest = || state.log.items().first().map(|l| (log::line(l), log::style(l.level, theme)));
    let (said, style) = match (&state.error, &state.link) {
        (Some((error, _)), _) => (format!("error: {error}"), theme.error()),
        (None, Link::Down { .. }) if state.starting => latest().unwrap_or_default(),
        (None, Link::Down { why, .. }) if state.loaded => {
            (format!("{why}; what is shown may be old"), theme.error())
        }
        (None, Link::Down { why, .. }) => (why.to_string(), theme.error()),
        (None, Link::Connecting | Link::Up) => latest().unwrap_or_default(),
    };
    let line = text::clip(&format!(" {said}"), usize::from(area.width));
    frame.render_widget(Line::styled(line, style), area);
}

/// Some keys, or the filter while it is typed.
pub(super) fn hints(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let filter = state.filter(state.focus);
    let width = usize::from(area.width);
    if state.typing {
        let keys = "▏ Enter keeps it, Esc drops it";
        let room = width.saturating_sub(text::width(keys) + 2);
        let line = format!(" /{}{keys}", text::clip(filter, room));
        return frame.render_widget(Line::styled(line, theme.title()), area);
    }
    let active =
        if filter.is_empty() { String::new() } else { format!("/{} (Esc clears)  ", text::clip(filter, 16)) };
    let mut line = format!(" {active}");
    // The last of the table, leaving and the help, are the ones that nobody must look for in vain.
    for binding in state.keymap.bindings().iter().rev() {
        let Some(word) = binding.hint else { continue };
        let hint = format!("{} {word}  ", binding.shown(1));
        if text::width(&line) + text::width(hint.trim_end()) <= width {
            line.push_str(&hint);
        }
    }
    frame.render_widget(Line::styled(text::clip(line.trim_end(), width), theme.dim()), area);
}
