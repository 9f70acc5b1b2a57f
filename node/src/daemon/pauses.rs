//! Peers that are left alone for a while because they did not answer: twice as long each time.

use crate::limits;
use libp2p::PeerId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// See the module. Bounded: who fills it has everybody tried again.
#[derive(Default)]
pub(super) struct Pauses {
    peers: HashMap<PeerId, Pause>,
}

struct Pause {
    until: Instant,
    length: Duration,
}

impl Pauses {
    pub(super) fn is_paused(&self, peer: &PeerId, now: Instant) -> bool {
        self.peers.get(peer).is_some_and(|pause| pause.until > now)
    }

    /// It is left alone from now on, twice as long as the last time.
    pub(super) fn pause(&mut self, peer: PeerId, now: Instant) {
        if self.peers.len() >= limits::DIAL_PAUSES && !self.peers.contains_key(&peer) {
            self.peers.clear();
        }
        let pause = self.peers.entry(peer).or_insert(Pause { until: now, length: limits::DIAL_PAUSE / 2 });
        pause.length = (pause.length * 2).min(limits::DIAL_PAUSE_MAX);
        pause.until = now + pause.length;
    }

    /// It answers.
    pub(super) fn end(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_end_with_an_answer() {
        let (mut pauses, mut now, peer) = (Pauses::default(), Instant::now(), PeerId::random());
        for expected in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            assert!(!pauses.is_paused(&peer, now));
            pauses.pause(peer, now);
            now += Duration::from_secs(expected);
            assert!(pauses.is_paused(&peer, now - Duration::from_millis(1)));
        }
        pauses.pause(peer, now);
        pauses.end(&peer);
        pauses.pause(peer, now);
        assert!(!pauses.is_paused(&peer, now + limits::DIAL_PAUSE), "from the beginning");
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        for _ in 0..limits::DIAL_PAUSES {
            pauses.pause(PeerId::random(), now);
        }
        assert_eq!(pauses.peers.len(), limits::DIAL_PAUSES);
        pauses.pause(PeerId::random(), now);
        assert_eq!(pauses.peers.len(), 1);
    }
}
