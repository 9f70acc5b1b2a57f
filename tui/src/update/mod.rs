//! What a message changes. Deterministic, without I/O: what must be done is returned as effects.

mod answers;
mod events;
mod keys;

use api::{Command, CompetitionSummary, Phase};
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Rect;
use serde::{Deserialize, Serialize};

use crate::conn::FromConn;
use crate::fetch::Snap;
use crate::items::next_deadline;
use crate::layout;
use crate::state::{Clock, Level, Link, Overlay, Pane, State};
use crate::text;
use crate::visit::Visit;

/// How long an error stays on the event line, in milliseconds.
const ERROR_MS: u64 = 15_000;
/// Competitions whose last ranks are kept in memory.
const MAX_VISITS: usize = 16;

/// What can happen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Msg {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// Time has passed.
    Tick(Clock),
    /// From the connection.
    Conn(FromConn),
    /// The connection's queue was full: the command was not sent.
    Unsent(Command),
    /// The ranks of a competition at the last visit, as far as they were kept.
    Visit(String, Visit),
    /// A program was started: what to tell people.
    Launched(String),
    /// A program has ended, or could not be started: what to tell people.
    Ended(Launch, Result<String, String>),
}

/// What must be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the daemon.
    Send(Command),
    /// Connect now instead of waiting.
    Reconnect,
    /// Copy a text into the clipboard of whoever sits at the terminal.
    Copy(String),
    /// Look up the ranks of this competition at the last visit.
    LoadVisit(String),
    /// Keep the ranks of this competition for the next visit.
    SaveVisit(String, Visit),
    /// Start a program.
    Launch(Launch),
    /// Leave.
    Quit,
}

/// A program that can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Launch {
    /// The daemon.
    Daemon,
    /// Writes a bundle of this competition.
    Export(String),
}

/// Changes the state; says what must be done.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Tick(clock) => on_tick(state, clock),
        msg => {
            state.stale = true;
            on_other(state, msg, &mut effects);
        }
    }
    ask(state, &mut effects);
    effects
}

fn on_other(state: &mut State, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Tick(_) => {}
        Msg::Key(key) => keys::on_key(state, &key, effects),
        Msg::Mouse(event) => keys::on_mouse(state, event),
        Msg::Resize(width, height) => state.size = (width, height),
        Msg::Conn(msg) => answers::on_conn(state, msg, effects),
        Msg::Unsent(command) => state.fetches.unsent(&command, state.clock.mono_ms),
        Msg::Visit(competition, visit) => {
            if state.visits.len() >= MAX_VISITS
                && let Some(other) = state.visits.keys().find(|id| Some(*id) != state.chosen.as_ref())
            {
                let other = other.clone();
                state.visits.remove(&other);
            }
            state.visits.insert(competition, visit);
            keep_visit(state, effects);
        }
        Msg::Launched(said) => state.note(Level::Info, said),
        Msg::Ended(launch, result) => {
            state.starting &= launch != Launch::Daemon;
            match result {
                Ok(said) => state.note(Level::Info, said),
                Err(why) => fail(state, why),
            }
        }
    }
}

/// The panes that are on the screen.
fn visible(state: &State) -> Vec<Pane> {
    let area = Rect::new(0, 0, state.size.0, state.size.1);
    layout::plan(area, state.focus).panes.into_iter().map(|(pane, _)| pane).collect()
}

/// Sends what is due of what the screen shows.
fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    if state.link != Link::Up {
        return;
    }
    let panes = visible(state);
    let sees = |wanted: &[Pane]| wanted.iter().any(|pane| panes.contains(pane));
    let now = state.clock.mono_ms;
    for snap in Snap::ALL {
        let needed = match snap {
            Snap::Competitions | Snap::Peers => true,
            Snap::Board => sees(&[Pane::Competition, Pane::Board, Pane::Chart]),
            Snap::Outline => state.board.is_some() && sees(&[Pane::Competition, Pane::Board, Pane::Chart]),
            Snap::Entries => sees(&[Pane::Entries]),
            // Without the board nobody knows of how many rows they are.
            Snap::Submissions => state.board.is_some() && sees(&[Pane::Chart]),
            Snap::Detail => state.overlay == Some(Overlay::Details) && state.focus == Pane::Board,
            Snap::Own | Snap::Work | Snap::Blobs => sees(&[Pane::Work]),
            Snap::Health => sees(&[Pane::Health]),
        };
        if !needed {
            continue;
        }
        let chosen = || state.chosen.clone();
        let command = || {
            Some(match snap {
                Snap::Competitions => Command::Competitions,
                Snap::Board => Command::Board { competition: chosen()? },
                Snap::Outline => Command::Outline { competition: chosen()? },
                Snap::Entries => Command::Entries { competition: chosen()? },
                Snap::Submissions => Command::Submissions { competition: chosen()? },
                Snap::Detail => Command::Submission { id: state.rows.current()?.submission.clone() },
                Snap::Peers => Command::Peers,
                Snap::Own => Command::Own,
                Snap::Work => Command::Work,
                Snap::Blobs => Command::Fetches,
                Snap::Health => Command::Health,
            })
        };
        effects.extend(state.fetches.take(snap, now, command).map(Effect::Send));
    }
}

fn on_tick(state: &mut State, clock: Clock) {
    let before = pulse(state);
    state.clock = clock;
    if state.error.as_ref().is_some_and(|(_, at)| clock.mono_ms.saturating_sub(*at) > ERROR_MS) {
        state.error = None;
        state.stale = true;
    }
    // A screen that would look the same is not drawn.
    state.stale |= pulse(state) != before;
}

/// As much of the time as the screen shows: minutes, and seconds where something is counted down.
fn pulse(state: &State) -> (u64, u64) {
    let now = state.clock.unix;
    let near = |c: &CompetitionSummary| {
        c.phase != Phase::Closed && text::counts_seconds(next_deadline(c).saturating_sub(now))
    };
    let seconds = match &state.link {
        Link::Down { retry_at_ms, .. } => retry_at_ms.saturating_sub(state.clock.mono_ms).div_ceil(1_000),
        _ if state.competitions.items().iter().any(near) => now,
        _ => 0,
    };
    (now / 60, seconds)
}

/// Shows another competition's board; the one that is shown already only refreshes.
fn choose(state: &mut State, id: String, effects: &mut Vec<Effect>) {
    if state.chosen.as_ref() != Some(&id) {
        if !state.visits.contains_key(&id) {
            effects.push(Effect::LoadVisit(id.clone()));
        }
        state.chosen = Some(id);
        state.board = None;
        state.rows_of = None;
        state.rows.clear();
        state.entries.clear();
        state.history = Default::default();
        state.detail = None;
        state.scrolls = [0; 3];
        // Answers for the competition before are no longer awaited; they are ignored when they come.
        for snap in [Snap::Board, Snap::Outline, Snap::Entries, Snap::Submissions, Snap::Detail] {
            state.fetches.reset(snap);
        }
    }
    for snap in [Snap::Board, Snap::Entries, Snap::Submissions] {
        state.fetches.want(snap, state.clock.mono_ms);
    }
}

/// Keeps the ranks for the next visit, once those of the last one have been read.
fn keep_visit(state: &State, effects: &mut Vec<Effect>) {
    let Some(id) = state.chosen.as_ref().filter(|id| state.visits.contains_key(*id)) else { return };
    if state.rows_of.is_some() && !state.rows.items().is_empty() {
        effects.push(Effect::SaveVisit(id.clone(), Visit::of(state.rows.items(), state.clock.unix)));
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

fn fail(state: &mut State, message: String) {
    state.error = Some((message, state.clock.mono_ms));
}
