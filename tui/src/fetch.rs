//! When to ask the daemon for a snapshot: soon after something happened, but never twice at a time.
//!
//! A burst of events (a hundred submissions after a healed partition) becomes one request: the first event
//! sets a time shortly ahead, the others find it set. What took long to come is asked for less often.

use api::Command;
use serde::{Deserialize, Serialize};

/// How long events are gathered before a snapshot is asked for, in milliseconds.
pub const DEBOUNCE_MS: u64 = 250;
/// After how long a snapshot is asked for again though nothing was announced, in milliseconds: counts such
/// as "being checked" change without an event.
pub const REFRESH_MS: u64 = 10_000;
/// The same for what changes every second: bytes of a blob on its way.
pub const BUSY_REFRESH_MS: u64 = 1_000;
/// An answer that took so long is not asked for again before this many times that long: at most a fifth of the
/// time goes into it, on either side.
const REST: u64 = 4;

/// A kind of snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Snap {
    /// The list of competitions.
    Competitions,
    /// The chosen competition's board.
    Board,
    /// The same without its rows: tells whether they have changed.
    Outline,
    /// The chosen competition's entries.
    Entries,
    /// The chosen competition's submissions.
    Submissions,
    /// All of the selected submission.
    Detail,
    /// Peers and bans.
    Peers,
    /// This node's own records.
    Own,
    /// Proofs under way.
    Work,
    /// Blobs on their way.
    Blobs,
    /// How the node is.
    Health,
}

impl Snap {
    /// All kinds, in the order in which they are asked for.
    pub const ALL: [Self; 11] = [
        Self::Competitions,
        Self::Board,
        Self::Outline,
        Self::Entries,
        Self::Submissions,
        Self::Detail,
        Self::Peers,
        Self::Own,
        Self::Work,
        Self::Blobs,
        Self::Health,
    ];

    /// The kind that a command asks for, if it is one.
    pub fn of(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Competitions => Self::Competitions,
            Command::Board { .. } => Self::Board,
            Command::Outline { .. } => Self::Outline,
            Command::Entries { .. } => Self::Entries,
            Command::Submissions { .. } => Self::Submissions,
            Command::Submission { .. } => Self::Detail,
            Command::Peers => Self::Peers,
            Command::Own => Self::Own,
            Command::Work => Self::Work,
            Command::Fetches => Self::Blobs,
            Command::Health => Self::Health,
            _ => return None,
        })
    }

    /// After how long it is asked for again without a reason, in milliseconds. What grows with the number of
    /// competitors is not: events and the outline tell when it is worth it.
    fn refresh_ms(self) -> Option<u64> {
        match self {
            Self::Board | Self::Submissions | Self::Detail => None,
            _ => Some(REFRESH_MS),
        }
    }
}

/// One kind of snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fetch {
    due_ms: Option<u64>,
    in_flight: Option<(Command, u64)>,
    /// When it was answered last, and how long that took.
    answered: Option<(u64, u64)>,
}

impl Fetch {
    fn want(&mut self, at_ms: u64) {
        self.due_ms = Some(self.due_ms.map_or(at_ms, |due| due.min(at_ms)));
    }

    /// The earliest time that leaves the daemon and the screen some rest.
    fn rested_ms(&self) -> u64 {
        self.answered.map_or(0, |(at, took)| at.saturating_add(took.saturating_mul(REST)))
    }
}

/// All kinds of snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetches([Fetch; Snap::ALL.len()]);

impl Fetches {
    fn slot(&mut self, snap: Snap) -> &mut Fetch {
        // The discriminants are the places in `ALL`, as a test checks.
        &mut self.0[snap as usize]
    }

    /// Asks for a snapshot at `at_ms`, or earlier if that was planned already.
    pub fn want(&mut self, snap: Snap, at_ms: u64) {
        self.slot(snap).want(at_ms);
    }

    /// Asks for a snapshot because of an event: shortly, or later if it takes long to come.
    pub fn want_soon(&mut self, snap: Snap, now_ms: u64) {
        let slot = self.slot(snap);
        slot.want((now_ms + DEBOUNCE_MS).max(slot.rested_ms()));
    }

    /// Asks for everything because of an event.
    pub fn want_all_soon(&mut self, now_ms: u64) {
        Snap::ALL.into_iter().for_each(|snap| self.want_soon(snap, now_ms));
    }

    /// Asks for everything at `at_ms`.
    pub fn want_all(&mut self, at_ms: u64) {
        Snap::ALL.into_iter().for_each(|snap| self.want(snap, at_ms));
    }

    /// The command to send now for what is on the screen, if its time has come and no answer is awaited.
    pub fn take(
        &mut self,
        snap: Snap,
        now_ms: u64,
        command: impl FnOnce() -> Option<Command>,
    ) -> Option<Command> {
        let slot = self.slot(snap);
        if slot.in_flight.is_some() {
            return None;
        }
        // What nobody has asked for yet is asked for at once, the rest from time to time.
        if slot.due_ms.is_none() {
            let again = match (slot.answered, snap.refresh_ms()) {
                (None, _) => now_ms,
                (Some((at, _)), Some(refresh)) => (at + refresh).max(slot.rested_ms()),
                (Some(_), None) => return None,
            };
            slot.want(again);
        }
        if slot.due_ms.is_none_or(|due| due > now_ms) {
            return None;
        }
        let command = command()?;
        slot.due_ms = None;
        slot.in_flight = Some((command.clone(), now_ms));
        Some(command)
    }

    /// Notes that `command` was answered at `now_ms`. False if another answer is awaited.
    pub fn answered(&mut self, command: &Command, now_ms: u64) -> bool {
        let Some(slot) = Snap::of(command).map(|snap| self.slot(snap)) else { return false };
        let sent = slot.in_flight.take_if(|(awaited, _)| awaited == command);
        if let Some((_, at)) = &sent {
            slot.answered = Some((now_ms, now_ms.saturating_sub(*at)));
        }
        sent.is_some()
    }

    /// Notes that `command` could not be sent: it is tried again soon.
    pub fn unsent(&mut self, command: &Command, now_ms: u64) {
        let Some(slot) = Snap::of(command).map(|snap| self.slot(snap)) else { return };
        if slot.in_flight.take_if(|(awaited, _)| awaited == command).is_some() {
            slot.want(now_ms + DEBOUNCE_MS);
        }
    }

    /// Notes that something else has told the same at `now_ms`.
    pub fn fresh(&mut self, snap: Snap, now_ms: u64) {
        self.slot(snap).answered = Some((now_ms, 0));
    }

    /// Forgets one kind: it is about something else now.
    pub fn reset(&mut self, snap: Snap) {
        *self.slot(snap) = Fetch::default();
    }

    /// Forgets everything: the connection is gone, and with it the answers.
    pub fn reset_all(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(fetches: &mut Fetches, now_ms: u64) -> Option<Command> {
        fetches.take(Snap::Peers, now_ms, || Some(Command::Peers))
    }

    #[test]
    fn every_kind_has_its_place() {
        for (place, snap) in Snap::ALL.into_iter().enumerate() {
            assert_eq!(snap as usize, place);
        }
    }

    #[test]
    fn what_is_shown_is_asked_for_at_once_and_then_from_time_to_time() {
        let mut fetches = Fetches::default();
        assert_eq!(peers(&mut fetches, 5), Some(Command::Peers));
        assert_eq!(peers(&mut fetches, 90_000), None, "one is under way");
        assert!(!fetches.answered(&Command::Competitions, 90_000));
        assert!(fetches.answered(&Command::Peers, 10));
        assert_eq!(peers(&mut fetches, 9 + REFRESH_MS), None);
        assert_eq!(peers(&mut fetches, 10 + REFRESH_MS), Some(Command::Peers));
    }

    #[test]
    fn bursts_become_one_request() {
        let mut fetches = Fetches::default();
        peers(&mut fetches, 0);
        fetches.answered(&Command::Peers, 0);
        fetches.want_soon(Snap::Peers, 1_000);
        fetches.want_soon(Snap::Peers, 1_200);
        assert_eq!(peers(&mut fetches, 1_249), None);
        assert_eq!(peers(&mut fetches, 1_250), Some(Command::Peers));
    }

    #[test]
    fn what_takes_long_is_asked_for_less_often() {
        let mut fetches = Fetches::default();
        peers(&mut fetches, 0);
        fetches.answered(&Command::Peers, 5_000);
        fetches.want_soon(Snap::Peers, 5_000);
        assert_eq!(peers(&mut fetches, 24_999), None);
        assert_eq!(peers(&mut fetches, 25_000), Some(Command::Peers));
    }

    #[test]
    fn boards_are_asked_for_again_only_for_a_reason() {
        let mut fetches = Fetches::default();
        let board = || Command::Board { competition: "c".to_owned() };
        let take = |fetches: &mut Fetches, at| fetches.take(Snap::Board, at, || Some(board()));
        assert_eq!(take(&mut fetches, 0), Some(board()));
        fetches.answered(&board(), 1);
        assert_eq!(take(&mut fetches, 1_000_000), None);
        fetches.want_soon(Snap::Board, 1_000_000);
        assert_eq!(take(&mut fetches, 1_000_250), Some(board()));
    }

    #[test]
    fn what_cannot_be_asked_yet_stays_planned() {
        let mut fetches = Fetches::default();
        fetches.want(Snap::Peers, 0);
        assert_eq!(fetches.take(Snap::Peers, 1, || None), None);
        assert_eq!(peers(&mut fetches, 2), Some(Command::Peers));
        fetches.unsent(&Command::Peers, 3);
        assert_eq!(peers(&mut fetches, 2 + DEBOUNCE_MS), None);
        assert_eq!(peers(&mut fetches, 3 + DEBOUNCE_MS), Some(Command::Peers));
    }
}
