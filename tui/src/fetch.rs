//! When to ask the daemon for a snapshot: soon after something happened, but never twice at a time.
//!
//! A burst of events (a hundred submissions after a healed partition) becomes one request: the first event
//! sets a time shortly ahead, the others find it set.

use api::Command;

/// How long events are gathered before a snapshot is asked for, in milliseconds.
pub const DEBOUNCE_MS: u64 = 250;
/// After how long a snapshot is asked for again though nothing was announced, in milliseconds: counts such
/// as "being checked" change without an event.
pub const REFRESH_MS: u64 = 10_000;

/// One kind of snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetch {
    due_ms: Option<u64>,
    in_flight: Option<Command>,
}

impl Fetch {
    /// Asks for a snapshot at `at_ms`, or earlier if that was planned already.
    pub fn want(&mut self, at_ms: u64) {
        self.due_ms = Some(self.due_ms.map_or(at_ms, |due| due.min(at_ms)));
    }

    /// The command to send now, if its time has come and no answer is awaited.
    pub fn take(&mut self, now_ms: u64, command: impl FnOnce() -> Option<Command>) -> Option<Command> {
        if self.in_flight.is_some() || self.due_ms.is_none_or(|due| due > now_ms) {
            return None;
        }
        let command = command()?;
        self.due_ms = None;
        self.in_flight = Some(command.clone());
        Some(command)
    }

    /// Notes that `command` was answered (or could not be sent). False if another one is awaited.
    pub fn answered(&mut self, command: &Command) -> bool {
        let mine = self.in_flight.as_ref() == Some(command);
        if mine {
            self.in_flight = None;
        }
        mine
    }

    /// Whether an answer is awaited.
    pub fn awaited(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Forgets what is planned and what is awaited.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// All snapshots that the board shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetches {
    /// The list of competitions.
    pub competitions: Fetch,
    /// The chosen competition's board.
    pub board: Fetch,
    /// The chosen competition's entries.
    pub entries: Fetch,
    /// The peers.
    pub peers: Fetch,
}

impl Fetches {
    /// Asks for everything at `at_ms`.
    pub fn want_all(&mut self, at_ms: u64) {
        for fetch in self.each() {
            fetch.want(at_ms);
        }
    }

    /// Forgets everything: the connection is gone, and with it the answers.
    pub fn reset(&mut self) {
        for fetch in self.each() {
            fetch.reset();
        }
    }

    /// The one that `command` belongs to.
    pub fn of(&mut self, command: &Command) -> Option<&mut Fetch> {
        match command {
            Command::Competitions => Some(&mut self.competitions),
            Command::Board { .. } => Some(&mut self.board),
            Command::Entries { .. } => Some(&mut self.entries),
            Command::Peers => Some(&mut self.peers),
            _ => None,
        }
    }

    fn each(&mut self) -> [&mut Fetch; 4] {
        [&mut self.competitions, &mut self.board, &mut self.entries, &mut self.peers]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_become_one_request_and_requests_do_not_overlap() {
        let mut fetch = Fetch::default();
        assert_eq!(fetch.take(0, || Some(Command::Peers)), None);
        fetch.want(250);
        fetch.want(300);
        assert_eq!(fetch.take(249, || Some(Command::Peers)), None);
        assert_eq!(fetch.take(250, || Some(Command::Peers)), Some(Command::Peers));
        fetch.want(260);
        assert_eq!(fetch.take(9_999, || Some(Command::Peers)), None, "one is under way");
        assert!(!fetch.answered(&Command::Competitions));
        assert!(fetch.answered(&Command::Peers));
        assert_eq!(fetch.take(9_999, || Some(Command::Peers)), Some(Command::Peers));
    }

    #[test]
    fn what_cannot_be_asked_yet_stays_planned() {
        let mut fetch = Fetch::default();
        fetch.want(0);
        assert_eq!(fetch.take(1, || None), None);
        assert_eq!(fetch.take(2, || Some(Command::Peers)), Some(Command::Peers));
    }
}
