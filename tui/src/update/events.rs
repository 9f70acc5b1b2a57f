//! What events change: mostly what is asked for next.

use api::{Event, Work};

use super::answers::replace_jobs;
use crate::fetch::Snap;
use crate::items::Job;
use crate::state::{Level, State};
use crate::text;

pub(super) fn on_event(state: &mut State, event: Event) {
    let now = state.clock.mono_ms;
    match event {
        Event::PeerConnected { peer_id } => {
            state.fetches.want_soon(Snap::Peers, now);
            state.note(Level::Info, format!("peer {} connected", text::short_peer(&peer_id, 8)));
        }
        Event::PeerDisconnected { peer_id } => {
            state.fetches.want_soon(Snap::Peers, now);
            state.note(Level::Info, format!("peer {} left", text::short_peer(&peer_id, 8)));
        }
        Event::PeerBanned { peer_id, reason } => {
            state.fetches.want_soon(Snap::Peers, now);
            let who = text::short_peer(&peer_id, 8);
            state.note(Level::Warning, format!("peer {who} is kept out: {reason}"));
        }
        Event::RecordHeld { id, held_by } => {
            state.fetches.want_soon(Snap::Own, now);
            let peers = text::count(held_by, "peer", "peers");
            state.note(Level::Info, format!("own record {} is held by {peers}", text::short_hex(&id)));
        }
        Event::RecordAccepted { kind, competition, summary, verify_us, .. } => {
            on_accepted(state, &kind, &competition);
            let checked = if verify_us > 0 {
                format!(", checked in {}", text::millis(verify_us))
            } else {
                String::new()
            };
            state.note(Level::Info, format!("{kind} accepted{checked}: {summary}"));
        }
        Event::RecordRefused { from, reason } => {
            state.fetches.want_soon(Snap::Peers, now);
            let who = if from.is_empty() { "this machine".to_owned() } else { text::short_peer(&from, 8) };
            state.note(Level::Warning, format!("record from {who} refused: {reason}"));
        }
        Event::PrizeChanged { competition, said } => {
            state.fetches.want_soon(Snap::Competitions, now);
            if state.chosen.as_deref() == Some(competition.as_str()) {
                state.fetches.want_soon(Snap::Outline, now);
            }
            state.note(Level::Info, format!("prize of {}: {said}", text::short_hex(&competition)));
        }
        Event::Work { work } => on_work(state, work),
        Event::BlobFetched { blob, bytes } => {
            // Perhaps the test set.
            state.fetches.want_soon(Snap::Outline, now);
            state.fetches.want_soon(Snap::Blobs, now);
            let size = text::bytes(bytes);
            state.note(Level::Info, format!("blob {} is here, {size}", text::short_hex(&blob)));
        }
        Event::Lagged { missed } => {
            state.fetches.want_all_soon(now);
            state.note(Level::Warning, format!("{missed} events were missed; asking for everything again"));
        }
    }
}

fn on_accepted(state: &mut State, kind: &str, competition: &str) {
    let now = state.clock.mono_ms;
    state.fetches.want_soon(Snap::Competitions, now);
    // It may be an own one.
    state.fetches.want_soon(Snap::Own, now);
    if state.chosen.as_deref() != Some(competition) {
        return;
    }
    state.fetches.want_soon(Snap::Board, now);
    // A proof changes nothing about who has entered, and an entry nothing about what has been proved.
    let other = if kind == "submission" { Snap::Submissions } else { Snap::Entries };
    state.fetches.want_soon(other, now);
}

fn on_work(state: &mut State, work: Work) {
    let task = work.report.task.clone();
    let known = |job: &Job| matches!(job, Job::Work(known) if known.report.id == work.report.id);
    let begun = state.jobs.items().iter().any(known);
    match (begun, work.report.ended) {
        (false, false) => state.note(Level::Info, format!("{task} has begun")),
        (_, true) => {
            let took = text::seconds(work.updated.saturating_sub(work.started));
            state.note(Level::Info, format!("{task} has ended after {took}: {}", work.report.step));
        }
        (true, false) => {}
    }
    // The one of this id is replaced, or taken away.
    let next = (!work.report.ended).then(|| Job::Work(work.clone()));
    replace_jobs(state, known, next.into_iter());
}
