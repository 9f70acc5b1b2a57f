//! What keys and the mouse change.

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{Effect, Launch, choose, fail};
use crate::conn::Down;
use crate::fetch::Snap;
use crate::keymap::{self, Action, Edit};
use crate::layout;
use crate::state::{FILTER_CHARS, Level, Link, Overlay, Pane, State};
use crate::view;

/// Rows that the wheel of a mouse moves by.
const WHEEL: isize = 3;

pub(super) fn on_key(state: &mut State, key: &KeyEvent, effects: &mut Vec<Effect>) {
    if state.typing {
        if let Some(edit) = keymap::edit(key) {
            on_edit(state, edit, effects);
        }
        return;
    }
    let Some(action) = state.keymap.action(key) else { return };
    match action {
        Action::Quit => effects.push(Effect::Quit),
        Action::Back => back(state),
        Action::Help if state.overlay == Some(Overlay::Help) => state.overlay = None,
        Action::Help => show(state, Overlay::Help),
        Action::Copy => copy(state, effects),
        Action::Export => export(state, effects),
        Action::Down => move_by(state, 1),
        Action::Up => move_by(state, -1),
        Action::PageDown => move_by(state, page(state)),
        Action::PageUp => move_by(state, -page(state)),
        Action::Top => move_by(state, isize::MIN),
        Action::Bottom => move_by(state, isize::MAX),
        // What lies over the panes takes all other keys: nothing may change unseen under it.
        _ if state.overlay.is_some() => state.overlay = None,
        Action::Open => open(state, effects),
        Action::NextPane => state.focus = state.focus.step(1),
        Action::PreviousPane => state.focus = state.focus.step(Pane::ALL.len() - 1),
        Action::Filter => state.typing = state.list(state.focus).is_some(),
        Action::Sort => change_list(state, |list| list.next_order()),
        Action::Reverse => change_list(state, |list| list.reverse()),
        Action::StartDaemon => start_daemon(state, effects),
        Action::Refresh => refresh(state, effects),
        other => state.focus = other.pane().unwrap_or(state.focus),
    }
}

fn on_edit(state: &mut State, edit: Edit, effects: &mut Vec<Effect>) {
    let mut filter = state.filter(state.focus).to_owned();
    match edit {
        Edit::Insert(c) if filter.chars().count() < FILTER_CHARS && !c.is_control() => filter.push(c),
        Edit::Insert(_) => return,
        Edit::Erase => {
            filter.pop();
        }
        Edit::Accept => state.typing = false,
        Edit::Cancel => {
            state.typing = false;
            filter.clear();
        }
        Edit::Quit => effects.push(Effect::Quit),
    }
    state.set_filter(filter);
}

fn change_list(state: &mut State, change: impl Fn(&mut dyn crate::panes::Rows)) {
    if let Some(list) = state.list_mut(state.focus) {
        change(list);
    }
}

fn show(state: &mut State, overlay: Overlay) {
    state.overlay = Some(overlay);
    state.scrolls[SCROLL_OVERLAY] = 0;
}

/// Place of the overlay in [`State::scrolls`].
const SCROLL_OVERLAY: usize = 2;

fn page(state: &State) -> isize {
    layout::page(state.size, state.focus)
}

/// Moves the selection, or scrolls the text, by so many rows.
fn move_by(state: &mut State, rows: isize) {
    let place = match (state.overlay, state.focus) {
        (Some(_), _) => SCROLL_OVERLAY,
        (None, Pane::Competition) => 0,
        (None, Pane::Health) => 1,
        (None, Pane::Chart) => return,
        (None, _) => return change_list(state, |list| list.move_by(rows)),
    };
    let end = view::scroll_end(state);
    if let Some(scroll) = state.scrolls.get_mut(place) {
        *scroll = (*scroll).min(end).saturating_add_signed(rows).min(end);
    }
}

fn back(state: &mut State) {
    if state.overlay.take().is_some() || state.error.take().is_some() {
        return;
    }
    if !state.filter(state.focus).is_empty() {
        return state.set_filter(String::new());
    }
    state.focus = Pane::Competitions;
}

fn open(state: &mut State, effects: &mut Vec<Effect>) {
    match state.focus {
        Pane::Competitions => {
            let Some(id) = state.competitions.current().map(|c| c.id.clone()) else { return };
            choose(state, id, effects);
            state.focus = Pane::Board;
        }
        Pane::Competition | Pane::Chart => state.focus = Pane::Board,
        Pane::Health => {}
        _ if state.has_current() => {
            show(state, Overlay::Details);
            let wanted = state.rows.current().map(|row| row.submission.as_str());
            if state.focus == Pane::Board && state.detail.as_ref().map(|d| d.id.as_str()) != wanted {
                state.detail = None;
                state.fetches.reset(Snap::Detail);
            }
        }
        _ => {}
    }
}

fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    let Some((kind, id)) = state.selected_id() else { return fail(state, "nothing to copy here".to_owned()) };
    // What the terminal is told to copy is what people paste: only what an id can be.
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    state.note(Level::Info, format!("{kind} id copied: {id}"));
    effects.push(Effect::Copy(id));
}

fn export(state: &mut State, effects: &mut Vec<Effect>) {
    let id = match state.focus {
        Pane::Competitions => state.competitions.current().map(|c| c.id.clone()),
        _ => state.chosen.clone(),
    };
    match id {
        None => fail(state, "choose a competition to export first".to_owned()),
        Some(id) => effects.push(Effect::Launch(Launch::Export(id))),
    }
}

fn start_daemon(state: &mut State, effects: &mut Vec<Effect>) {
    let absent = matches!(state.link, Link::Down { why: Down::NoDaemon, .. });
    match &state.node_program {
        _ if !absent => fail(state, "a daemon is there already".to_owned()),
        None => fail(state, "no program to start was found: install it beside this one".to_owned()),
        Some(_) if state.starting => {}
        Some(_) => {
            state.starting = true;
            effects.extend([Effect::Launch(Launch::Daemon), Effect::Reconnect]);
        }
    }
}

fn refresh(state: &mut State, effects: &mut Vec<Effect>) {
    if state.link == Link::Up {
        state.fetches.want_all(state.clock.mono_ms);
    } else {
        effects.push(Effect::Reconnect);
    }
}

pub(super) fn on_mouse(state: &mut State, event: MouseEvent) {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    let at = Position::new(event.column, event.row);
    if state.overlay.is_some() {
        match event.kind {
            MouseEventKind::ScrollDown => move_by(state, WHEEL),
            MouseEventKind::ScrollUp => move_by(state, -WHEEL),
            MouseEventKind::Down(MouseButton::Left) => state.overlay = None,
            _ => {}
        }
        return;
    }
    let plan = layout::plan(area, state.focus);
    let tab = if plan.tabs.contains(at) { view::tab_at(state, plan.tabs, at.x) } else { None };
    let pane = tab.or_else(|| plan.panes.iter().find(|(_, area)| area.contains(at)).map(|(pane, _)| *pane));
    let Some(pane) = pane else { return };
    match event.kind {
        MouseEventKind::ScrollDown | MouseEventKind::ScrollUp => {
            let rows = if event.kind == MouseEventKind::ScrollDown { WHEEL } else { -WHEEL };
            // What is under the pointer moves; the keyboard stays where it is.
            let focus = std::mem::replace(&mut state.focus, pane);
            move_by(state, rows);
            state.focus = focus;
        }
        MouseEventKind::Down(MouseButton::Left) => {
            if let Some((line, height)) = view::line_at(state, at)
                && let Some(list) = state.list_mut(pane)
            {
                list.select_line(line, height);
            }
            state.focus = pane;
        }
        _ => {}
    }
}
