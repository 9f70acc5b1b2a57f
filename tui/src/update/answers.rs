//! What the connection changes.

use api::{Ban, Body, Command, CompetitionSummary, Hello, Peer, Submission};

use super::{Effect, choose, events, fail, keep_visit, resolve};
use crate::conn::{Down, FromConn};
use crate::fetch::{BUSY_REFRESH_MS, Snap};
use crate::history;
use crate::items::{Job, Neighbour};
use crate::state::{Level, Link, Overlay, Pane, State, scale_of};

/// Most lines of own work: more than a daemon ever tells.
const MAX_JOBS: usize = 50_000;

pub(super) fn on_conn(state: &mut State, msg: FromConn, effects: &mut Vec<Effect>) {
    match msg {
        FromConn::Connected(hello) => on_connected(state, *hello),
        FromConn::Lost { why, retry_ms } => on_lost(state, why, retry_ms),
        FromConn::Answer { command, body } => on_answer(state, &command, *body, effects),
        FromConn::Event(event) => events::on_event(state, event),
    }
}

fn on_connected(state: &mut State, hello: Hello) {
    state.link = Link::Up;
    state.error = None;
    state.starting = false;
    state.fetches.reset_all();
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
    state.fetches.reset_all();
}

fn on_answer(state: &mut State, command: &Command, body: Body, effects: &mut Vec<Effect>) {
    let now = state.clock.mono_ms;
    if !state.fetches.answered(command, now) {
        return;
    }
    match body {
        Body::Competitions { competitions } => on_competitions(state, competitions, effects),
        Body::Board(board) if state.chosen.as_ref() == Some(&board.competition.id) => {
            on_board(state, *board, matches!(command, Command::Outline { .. }), effects);
        }
        Body::Entries { entries } => state.entries.replace(entries),
        Body::Submissions { submissions } => on_submissions(state, &submissions),
        Body::Submission(detail) => state.detail = Some(*detail),
        Body::Peers { peers, banned } => on_peers(state, peers, banned),
        Body::Own { records } => {
            replace_jobs(state, |job| matches!(job, Job::Own(_)), records.into_iter().map(Job::Own));
        }
        Body::Work { work } => {
            replace_jobs(state, |job| matches!(job, Job::Work(_)), work.into_iter().map(Job::Work));
        }
        Body::Fetches { fetches } => {
            if fetches.iter().any(|fetch| fetch.active) {
                state.fetches.want(Snap::Blobs, now + BUSY_REFRESH_MS);
            }
            replace_jobs(state, |job| matches!(job, Job::Blob(_)), fetches.into_iter().map(Job::Blob));
        }
        Body::Health(health) => state.health = Some(*health),
        Body::Error { message, .. } => fail(state, message),
        _ => fail(state, "the daemon answered another question than was asked".to_owned()),
    }
}

fn on_board(state: &mut State, mut board: api::Board, outline: bool, effects: &mut Vec<Effect>) {
    let now = state.clock.mono_ms;
    let rows = std::mem::take(&mut board.rows);
    let changed = state.rows_of.as_ref() != Some(&board.fingerprint);
    if !outline {
        state.scale = scale_of(&rows, board.competition.threshold_bps);
        state.history.bins = history::bins(&rows, state.scale);
        state.rows.replace(rows);
        state.rows_of = Some(board.fingerprint.clone());
        state.fetches.fresh(Snap::Outline, now);
        forget_detail(state);
        if changed {
            keep_visit(state, effects);
        }
    } else if changed {
        // Records have come that no event told of.
        state.fetches.want_soon(Snap::Board, now);
        state.fetches.want_soon(Snap::Entries, now);
        state.fetches.want_soon(Snap::Submissions, now);
    }
    state.board = Some(board);
}

/// The details that lie over the board are those of the row under them, which may have a better submission now.
fn forget_detail(state: &mut State) {
    let current = state.rows.current().map(|row| row.submission.as_str());
    let stale = state.detail.as_ref().is_some_and(|detail| Some(detail.id.as_str()) != current);
    if stale && state.overlay == Some(Overlay::Details) && state.focus == Pane::Board {
        state.detail = None;
        state.fetches.reset(Snap::Detail);
    }
}

fn on_submissions(state: &mut State, submissions: &[Submission]) {
    let Some(board) = &state.board else { return };
    state.history.best = history::best_over_time(submissions, &board.competition, state.clock.unix);
    state.history.submissions = submissions.len() as u64;
}

fn on_peers(state: &mut State, peers: Vec<Peer>, banned: Vec<Ban>) {
    let now = state.clock.mono_ms;
    let seconds = state.peers_at_ms.map(|at| now.saturating_sub(at) / 1_000).filter(|seconds| *seconds > 0);
    let before: std::collections::HashMap<&str, (u64, u64)> = state
        .peers
        .items()
        .iter()
        .filter_map(|neighbour| match neighbour {
            Neighbour::Connected { peer, .. } => {
                Some((peer.peer_id.as_str(), (peer.bytes_in, peer.bytes_out)))
            }
            Neighbour::Banned(_) => None,
        })
        .collect();
    let rate = |peer: &Peer| {
        let (bytes_in, bytes_out) = before.get(peer.peer_id.as_str())?;
        let a_second = |now: u64, then: u64| Some(now.saturating_sub(then) / seconds?);
        Some((a_second(peer.bytes_in, *bytes_in)?, a_second(peer.bytes_out, *bytes_out)?))
    };
    let count = peers.len();
    let mut all: Vec<Neighbour> = peers
        .into_iter()
        .map(|peer| Neighbour::Connected { rate: rate(&peer), peer: Box::new(peer) })
        .collect();
    all.extend(banned.into_iter().map(Neighbour::Banned));
    state.peer_count = count;
    state.peers_at_ms = Some(now);
    state.peers.replace(all);
}

/// Puts other jobs of a kind in; work under way comes first, then blobs, then records.
pub(super) fn replace_jobs(state: &mut State, kind: impl Fn(&Job) -> bool, with: impl Iterator<Item = Job>) {
    let place = |job: &Job| match job {
        Job::Work(work) => (0, work.started),
        Job::Blob(_) => (1, 0),
        Job::Own(_) => (2, 0),
    };
    let others = state.jobs.items().iter().filter(|job| !kind(job)).cloned();
    let mut all: Vec<Job> = with.chain(others).collect();
    all.sort_by_key(place);
    all.truncate(MAX_JOBS);
    state.jobs.replace(all);
}

fn on_competitions(state: &mut State, competitions: Vec<CompetitionSummary>, effects: &mut Vec<Effect>) {
    state.loaded = true;
    state.competitions.replace(competitions);
    match state.wanted.take() {
        Some(prefix) => find_wanted(state, prefix, effects),
        None if state.chosen.is_none() => {
            if let Some(newest) = state.competitions.items().first().map(|c| c.id.clone()) {
                choose(state, newest, effects);
            }
        }
        None => {}
    }
}

fn find_wanted(state: &mut State, prefix: String, effects: &mut Vec<Effect>) {
    let known = state.competitions.items();
    match resolve(known, &prefix) {
        Ok(id) => {
            state.competitions.select(|c| c.id == id);
            choose(state, id, effects);
            state.focus = Pane::Board;
        }
        Err(message) => {
            fail(state, message);
            // It may still arrive from a peer.
            state.wanted = Some(prefix);
        }
    }
}
