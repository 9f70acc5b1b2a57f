//! What a message changes. Deterministic, without I/O: what must be done is returned as effects.

use api::{Body, Command, CompetitionSummary, Event, Hello};
use ratatui::crossterm::event::KeyEvent;

use crate::conn::{Down, FromConn};
use crate::fetch::{DEBOUNCE_MS, REFRESH_MS};
use crate::keymap::{self, Action, Edit};
use crate::layout;
use crate::state::{Clock, FILTER_CHARS, Level, Link, Overlay, Pane, State, scale_of};
use crate::text;

/// How long an error stays on the event line, in milliseconds.
const ERROR_MS: u64 = 15_000;

/// What can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// Time has passed.
    Tick(Clock),
    /// From the connection.
    Conn(FromConn),
    /// The connection's queue was full: the command was not sent.
    Unsent(Command),
}

/// What must be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the daemon.
    Send(Command),
    /// Connect now instead of waiting.
    Reconnect,
    /// Leave.
    Quit,
}

/// Changes the state; says what must be done.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(key) => on_key(state, &key, &mut effects),
        Msg::Resize(width, height) => state.size = (width, height),
        Msg::Tick(clock) => on_tick(state, clock),
        Msg::Conn(msg) => on_conn(state, msg),
        Msg::Unsent(command) => {
            let retry = state.clock.mono_ms + DEBOUNCE_MS;
            if let Some(fetch) = state.fetches.of(&command).filter(|f| f.awaited()) {
                fetch.answered(&command);
                fetch.want(retry);
            }
        }
    }
    ask(state, &mut effects);
    effects
}

/// Sends what is due.
fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    if state.link != Link::Up {
        return;
    }
    let now = state.clock.mono_ms;
    let chosen = &state.chosen;
    let board = || chosen.clone().map(|competition| Command::Board { competition });
    let entries = || chosen.clone().map(|competition| Command::Entries { competition });
    let due = [
        state.fetches.competitions.take(now, || Some(Command::Competitions)),
        state.fetches.board.take(now, board),
        state.fetches.entries.take(now, entries),
        state.fetches.peers.take(now, || Some(Command::Peers)),
    ];
    effects.extend(due.into_iter().flatten().map(Effect::Send));
}

fn on_tick(state: &mut State, clock: Clock) {
    state.clock = clock;
    if state.error.as_ref().is_some_and(|(_, at)| clock.mono_ms.saturating_sub(*at) > ERROR_MS) {
        state.error = None;
    }
}

fn on_key(state: &mut State, key: &KeyEvent, effects: &mut Vec<Effect>) {
    if state.typing {
        if let Some(edit) = keymap::edit(key) {
            on_edit(state, edit, effects);
        }
        return;
    }
    let Some(action) = keymap::action(key) else { return };
    match action {
        Action::Quit => effects.push(Effect::Quit),
        Action::Back => back(state),
        Action::Help => {
            state.overlay = if state.overlay == Some(Overlay::Help) { None } else { Some(Overlay::Help) };
        }
        // What lies over the panes takes all other keys: nothing may move unseen under it.
        _ if state.overlay.is_some() => state.overlay = None,
        Action::Open => open(state),
        Action::NextPane => state.focus = state.focus.step(1),
        Action::PreviousPane => state.focus = state.focus.step(Pane::ALL.len() - 1),
        Action::Filter => state.typing = true,
        Action::Refresh => refresh(state, effects),
        Action::Down => move_by(state, 1),
        Action::Up => move_by(state, -1),
        Action::PageDown => move_by(state, layout::page(state.size, state.focus)),
        Action::PageUp => move_by(state, -layout::page(state.size, state.focus)),
        Action::Top => move_by(state, isize::MIN),
        Action::Bottom => move_by(state, isize::MAX),
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

fn move_by(state: &mut State, rows: isize) {
    match state.focus {
        Pane::Competitions => state.competitions.move_by(rows),
        Pane::Board => state.rows.move_by(rows),
        Pane::Entries => state.entries.move_by(rows),
        Pane::Peers => state.peers.move_by(rows),
        Pane::Log => state.log.move_by(rows),
    }
}

fn back(state: &mut State) {
    if state.overlay.take().is_some() {
        return;
    }
    if state.error.take().is_some() {
        return;
    }
    if state.filter(state.focus).is_empty() {
        state.focus = Pane::Competitions;
    } else {
        state.set_filter(String::new());
    }
}

fn open(state: &mut State) {
    if state.focus != Pane::Competitions {
        state.overlay = state.has_current().then_some(Overlay::Details);
        return;
    }
    let Some(id) = state.competitions.current().map(|c| c.id.clone()) else { return };
    choose(state, id);
    state.focus = Pane::Board;
}

/// Shows another competition's board; the one that is shown already only refreshes.
fn choose(state: &mut State, id: String) {
    if state.chosen.as_ref() != Some(&id) {
        state.chosen = Some(id);
        state.board = None;
        state.rows = Default::default();
        state.entries = Default::default();
        // Answers for the competition before are no longer awaited; they are ignored when they come.
        state.fetches.board.reset();
        state.fetches.entries.reset();
    }
    state.fetches.board.want(state.clock.mono_ms);
    state.fetches.entries.want(state.clock.mono_ms);
}

fn refresh(state: &mut State, effects: &mut Vec<Effect>) {
    if state.link == Link::Up {
        state.fetches.want_all(state.clock.mono_ms);
    } else {
        effects.push(Effect::Reconnect);
    }
}

fn on_conn(state: &mut State, msg: FromConn) {
    match msg {
        FromConn::Connected(hello) => on_connected(state, *hello),
        FromConn::Lost { why, retry_ms } => on_lost(state, why, retry_ms),
        FromConn::Answer { command, body } => on_answer(state, &command, *body),
        FromConn::Event(event) => on_event(state, event),
    }
}

fn on_connected(state: &mut State, hello: Hello) {
    state.link = Link::Up;
    state.error = None;
    state.fetches.reset();
    state.fetches.want_all(state.clock.mono_ms);
    state.note(Level::Info, format!("connected to {}", hello.agent));
    state.node = Some(hello);
}

fn on_lost(state: &mut State, why: Down, retry_ms: u64) {
    let news = match &state.link {
        Link::Down { why: before, .. } => *before != why,
        Link::Connecting | Link::Up => true,
    };
    if news {
        state.note(Level::Warning, why.to_string());
    }
    state.link = Link::Down { why, retry_at_ms: state.clock.mono_ms + retry_ms };
    state.fetches.reset();
}

fn on_answer(state: &mut State, command: &Command, body: Body) {
    let awaited = state.fetches.of(command).is_some_and(|fetch| fetch.answered(command));
    if !awaited {
        return;
    }
    let again = state.clock.mono_ms + REFRESH_MS;
    if let Some(fetch) = state.fetches.of(command) {
        fetch.want(again);
    }
    match body {
        Body::Competitions { competitions } => on_competitions(state, competitions),
        Body::Board(mut board) if state.chosen.as_ref() == Some(&board.competition.id) => {
            let rows = std::mem::take(&mut board.rows);
            state.scale = scale_of(&rows);
            state.rows.replace(rows);
            state.board = Some(*board);
        }
        Body::Entries { entries } => state.entries.replace(entries),
        Body::Peers { peers, .. } => state.peers.replace(peers),
        Body::Error { message, .. } => fail(state, message),
        _ => fail(state, "the daemon answered another question than was asked".to_owned()),
    }
}

fn on_competitions(state: &mut State, competitions: Vec<CompetitionSummary>) {
    state.loaded = true;
    state.competitions.replace(competitions);
    match state.wanted.take() {
        Some(prefix) => find_wanted(state, prefix),
        None if state.chosen.is_none() => {
            if let Some(newest) = state.competitions.items().first().map(|c| c.id.clone()) {
                choose(state, newest);
            }
        }
        None => {}
    }
}

fn find_wanted(state: &mut State, prefix: String) {
    let known = state.competitions.items();
    match resolve(known, &prefix) {
        Ok(id) => {
            state.competitions.select(|c| c.id == id);
            choose(state, id);
            state.focus = Pane::Board;
        }
        Err(message) => {
            fail(state, message);
            // It may still arrive from a peer.
            state.wanted = Some(prefix);
        }
    }
}

/// The whole id of the only competition whose id starts with `prefix`.
///
/// # Errors
///
/// A sentence for people if there is none, or more than one.
pub fn resolve(known: &[CompetitionSummary], prefix: &str) -> Result<String, String> {
    let prefix = prefix.to_ascii_lowercase();
    let mut hits = known.iter().filter(|c| c.id.starts_with(&prefix));
    let shown = text::clip(&crate::sanitise::text(&prefix), 20);
    match (hits.next(), hits.count()) {
        (Some(only), 0) => Ok(only.id.clone()),
        (Some(_), others) => {
            Err(format!("{} competitions start with {shown}: give more of the id", others + 1))
        }
        (None, _) => Err(format!("competition {shown} is not known here (of {})", known.len())),
    }
}

fn on_event(state: &mut State, event: Event) {
    let soon = state.clock.mono_ms + DEBOUNCE_MS;
    match event {
        Event::PeerConnected { peer_id } => {
            state.fetches.peers.want(soon);
            state.note(Level::Info, format!("peer {} connected", text::short_peer(&peer_id, 8)));
        }
        Event::PeerDisconnected { peer_id } => {
            state.fetches.peers.want(soon);
            state.note(Level::Info, format!("peer {} left", text::short_peer(&peer_id, 8)));
        }
        Event::PeerBanned { peer_id, reason } => {
            state.fetches.peers.want(soon);
            let who = text::short_peer(&peer_id, 8);
            state.note(Level::Warning, format!("peer {who} is kept out: {reason}"));
        }
        Event::RecordHeld { .. } => {}
        Event::RecordAccepted { kind, competition, summary, verify_us, .. } => {
            state.fetches.competitions.want(soon);
            if state.chosen.as_ref() == Some(&competition) {
                state.fetches.board.want(soon);
                // A proof changes nothing about who has entered.
                if kind != "submission" {
                    state.fetches.entries.want(soon);
                }
            }
            let checked = if verify_us > 0 {
                format!(", checked in {}", text::millis(verify_us))
            } else {
                String::new()
            };
            state.note(Level::Info, format!("{kind} accepted{checked}: {summary}"));
        }
        Event::RecordRefused { from, reason } => {
            state.fetches.peers.want(soon);
            let who = if from.is_empty() { "this machine".to_owned() } else { text::short_peer(&from, 8) };
            state.note(Level::Warning, format!("record from {who} refused: {reason}"));
        }
        Event::BlobFetched { blob, bytes } => {
            state.fetches.board.want(soon);
            state.note(Level::Info, format!("blob {} is here, {bytes} bytes", text::short_hex(&blob)));
        }
        Event::Lagged { missed } => {
            state.fetches.want_all(soon);
            state.note(Level::Warning, format!("{missed} events were missed; asking for everything again"));
        }
    }
}

fn fail(state: &mut State, message: String) {
    state.error = Some((message, state.clock.mono_ms));
}
