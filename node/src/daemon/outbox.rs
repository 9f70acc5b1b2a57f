//! Own records until others hold them: published, offered again, and peers asked whether they have them. A record leaves
//! the outbox with the first peer's word, and further peers are counted. A peer's word is only a peer's word: whoever
//! says that it holds a record may lie. So a record that has left the outbox is still told to everybody who catches up.

use super::catch_up::Part;
use super::exchange::Asked;
use super::peers::Offence;
use super::writes::survived;
use super::{Daemon, Done};
use crate::limits;
use crate::net::{self, Request};
use crate::store::{self, StoreError};
use api::Event;
use libp2p::PeerId;
use libp2p::gossipsub::PublishError;
use protocol::RecordId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When a peer is asked next.
struct Asking {
    /// None while it is asked, or if there is nothing to ask.
    next: Option<Instant>,
    pause: Duration,
    /// Last record that it was asked about.
    after: Option<RecordId>,
}

/// Which peer is asked when about which records.
#[derive(Default)]
pub(super) struct Outbox {
    /// Published in the last while, and when.
    recent: VecDeque<(RecordId, Instant)>,
    asking: HashMap<PeerId, Asking>,
    /// What peers have said, to be written.
    words: BTreeMap<PeerId, BTreeSet<RecordId>>,
    /// Whether some of it is being written.
    writing: bool,
}

/// A peer's word that it holds records.
pub(super) type Word = (PeerId, Vec<RecordId>);

impl Outbox {
    /// Everybody is asked soon about a record that was published just now.
    fn published(&mut self, id: RecordId, now: Instant) {
        self.recent.push_back((id, now));
        if self.recent.len() > limits::HAVE_IDS {
            self.recent.pop_front();
        }
        for asking in self.asking.values_mut() {
            asking.soon(now);
        }
    }

    /// A peer is there.
    pub(super) fn meet(&mut self, peer: PeerId, now: Instant) {
        let mut asking = Asking { next: None, pause: limits::HAVE_PAUSE, after: None };
        asking.soon(now);
        self.asking.insert(peer, asking);
    }

    /// A peer has gone.
    pub(super) fn part(&mut self, peer: &PeerId) {
        self.asking.remove(peer);
    }

    /// When somebody is to be asked.
    pub(super) fn next(&self) -> Option<Instant> {
        self.asking.values().filter_map(|asking| asking.next).min()
    }

    /// Peers that are to be asked now.
    fn due(&self, now: Instant) -> Vec<PeerId> {
        let is_due = |asking: &Asking| asking.next.is_some_and(|next| next <= now);
        self.asking.iter().filter(|(_, asking)| is_due(asking)).map(|(peer, _)| *peer).collect()
    }

    /// What a peer is asked about: what waits or was published lately, and is `open` with this peer. Where it is more
    /// than goes into a question, the next one goes on.
    fn question(
        &mut self,
        peer: &PeerId,
        waiting: &BTreeSet<RecordId>,
        open: impl Fn(&RecordId) -> bool,
        now: Instant,
    ) -> Vec<RecordId> {
        let Some(asking) = self.asking.get_mut(peer) else { return Vec::new() };
        self.recent.retain(|(_, since)| now.saturating_duration_since(*since) < limits::HAVE_RECENT);
        let mut all: BTreeSet<RecordId> = waiting.iter().filter(|id| open(id)).copied().collect();
        all.extend(self.recent.iter().map(|(id, _)| *id).filter(|id| open(id)));
        let from = asking.after.map_or(Unbounded, Excluded);
        let mut ids: Vec<RecordId> = all.range((from, Unbounded)).take(limits::HAVE_IDS).copied().collect();
        ids.extend(all.iter().take(limits::HAVE_IDS.min(all.len()) - ids.len()).copied());
        (asking.next, asking.after) = (None, ids.last().copied());
        ids
    }

    /// A peer has answered, or has not (`held` is none): it is asked again after a while, if there is something to ask.
    fn answered(&mut self, peer: &PeerId, asked: usize, held: Option<usize>, now: Instant) {
        let Some(asking) = self.asking.get_mut(peer) else { return };
        asking.pause = match held {
            Some(held) if held == asked => limits::HAVE_PAUSE,
            _ => (asking.pause * 2).min(limits::HAVE_PAUSE_MAX),
        };
        asking.next = Some(now + asking.pause);
    }
}

impl Asking {
    fn soon(&mut self, now: Instant) {
        let soon = now + limits::HAVE_PAUSE;
        self.pause = limits::HAVE_PAUSE;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }
}

impl Daemon {
    /// Publishes a record that has been flushed.
    pub(super) fn publish(&mut self, id: RecordId, bytes: Vec<u8>) {
        match self.swarm.behaviour_mut().gossip.publish(net::topic(), bytes) {
            Ok(_) | Err(PublishError::Duplicate) => {}
            Err(error) => tracing::debug!(record = %id.short(), %error, "not published yet"),
        }
        if self.ledger.own_records().contains(&id) {
            self.outbox.published(id, Instant::now());
        }
    }

    /// Offers what waits in the outbox again. It leaves the outbox when a peer is seen to have it.
    pub(super) fn offer_outbox(&mut self) {
        if self.peers.is_empty() || self.records.outbox.is_empty() {
            return;
        }
        // Those that cannot be kept without their blobs at the moment, or were displaced, hold up no others.
        let offers: Vec<(RecordId, Vec<u8>)> = self
            .records
            .outbox
            .iter()
            .filter_map(|id| Some((*id, self.ledger.stored(*id)?.bytes)))
            .take(limits::RECORDS_PER_REQUEST)
            .collect();
        for (id, bytes) in offers {
            match self.swarm.behaviour_mut().gossip.publish(net::topic(), bytes) {
                Ok(_) | Err(PublishError::Duplicate) => {}
                Err(error) => tracing::debug!(record = %id.short(), %error, "not published yet"),
            }
        }
    }

    /// Asks the peers whose turn it is which own records they hold.
    pub(super) fn ask_holders(&mut self) {
        let now = Instant::now();
        for peer in self.outbox.due(now) {
            let (name, ledger) = (peer.to_bytes(), &self.ledger);
            let open =
                |id: &RecordId| ledger.own_records().contains(id) && ledger.holders().is_open(*id, &name);
            let ids = self.outbox.question(&peer, &self.records.outbox, open, now);
            if ids.is_empty() {
                continue;
            }
            let request = Request::Have { ids: ids.clone() };
            let request = self.swarm.behaviour_mut().exchange.send_request(&peer, request);
            self.asked.insert(request, Asked::Have { ids: ids.into_iter().collect() });
        }
    }

    /// A peer says which of the records it holds.
    pub(super) fn on_held(&mut self, peer: PeerId, asked: &HashSet<RecordId>, held: &[RecordId]) {
        let distinct: HashSet<RecordId> = held.iter().copied().collect();
        if distinct.len() != held.len() || !distinct.is_subset(asked) {
            self.not_held(peer);
            return self.blame(peer, &Offence::Held);
        }
        self.outbox.answered(&peer, asked.len(), Some(held.len()), Instant::now());
        self.peer_has(peer, held.iter().copied());
    }

    /// A peer does not say.
    pub(super) fn not_held(&mut self, peer: PeerId) {
        self.outbox.answered(&peer, 1, None, Instant::now());
    }

    /// A peer has the same records: all own ones are among them.
    pub(super) fn peer_has_all(&mut self, peer: PeerId) {
        let changes = Some(self.ledger.own_changes());
        let Some(info) = self.peers.get_mut(&peer).filter(|info| info.confirmed != changes) else { return };
        info.confirmed = changes;
        let all: Vec<RecordId> = self.ledger.own_records().iter().copied().collect();
        self.peer_has(peer, all);
    }

    /// A peer has the own records for which this says so, of their part.
    pub(super) fn peer_has_of(&mut self, peer: PeerId, has: impl Fn(RecordId, Part) -> bool) {
        let ledger = &self.ledger;
        let of_part = |id: &&RecordId| ledger.part_of(**id).is_some_and(|part| has(**id, part));
        let ids: Vec<RecordId> = ledger.own_records().iter().filter(of_part).copied().collect();
        self.peer_has(peer, ids);
    }

    /// A peer has these records: those of them that are own ones are held by one more peer, once that is on disk.
    pub(super) fn peer_has(&mut self, peer: PeerId, ids: impl IntoIterator<Item = RecordId>) {
        let name = peer.to_bytes();
        let is_news = |id: &RecordId| {
            self.ledger.own_records().contains(id)
                && (self.records.outbox.contains(id) || self.ledger.holders().is_open(*id, &name))
        };
        let ids: Vec<RecordId> = ids.into_iter().filter(is_news).collect();
        if !ids.is_empty() {
            self.outbox.words.entry(peer).or_default().extend(ids);
        }
    }

    /// Writes what peers have said, all that has come together in one go.
    pub(super) fn pump_words(&mut self) {
        if self.outbox.writing || self.outbox.words.is_empty() {
            return;
        }
        self.outbox.writing = true;
        let words = std::mem::take(&mut self.outbox.words).into_iter();
        let words: Vec<Word> = words.map(|(peer, ids)| (peer, ids.into_iter().collect())).collect();
        let disk = Arc::clone(self.ledger.store());
        self.tasks.spawn_blocking(move || {
            let bytes = |ids: &[RecordId]| ids.iter().map(|id| *id.as_bytes()).collect();
            let stored: Vec<store::Word> =
                words.iter().map(|(peer, ids)| (peer.to_bytes(), bytes(ids))).collect();
            Done::Confirmed { result: survived(|| disk.confirm(&stored)), words }
        });
    }

    /// Peers' words are on disk, or were not written: then they are asked again.
    pub(super) fn on_confirmed(&mut self, words: Vec<Word>, result: Result<(), StoreError>) {
        self.outbox.writing = false;
        if let Err(error) = result {
            tracing::warn!(%error, "what peers hold was not written");
            for (peer, _) in words {
                self.not_held(peer);
                if let Some(info) = self.peers.get_mut(&peer) {
                    info.confirmed = None;
                }
            }
            if error.is_fatal() {
                self.fail(error);
            }
            return;
        }
        for (peer, ids) in words {
            for id in &ids {
                self.records.outbox.remove(id);
            }
            for (id, held_by) in self.ledger.confirmed(&peer.to_bytes(), &ids) {
                self.tell(Event::RecordHeld { id: id.to_string(), held_by });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> RecordId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        RecordId::new(bytes)
    }

    #[test]
    fn a_question_holds_so_many_and_the_next_one_the_rest() {
        let (now, peer) = (Instant::now(), PeerId::random());
        let mut outbox = Outbox::default();
        outbox.meet(peer, now);
        let waiting: BTreeSet<RecordId> = (0..=limits::HAVE_IDS).map(id).collect();
        let first = outbox.question(&peer, &waiting, |_| true, now);
        assert_eq!(first, (0..limits::HAVE_IDS).map(id).collect::<Vec<_>>());
        assert_eq!(outbox.next(), None, "not while it is asked");
        let second = outbox.question(&peer, &waiting, |_| true, now);
        assert_eq!((second.len(), second[0], second[1]), (limits::HAVE_IDS, id(limits::HAVE_IDS), id(0)));
        assert_eq!(outbox.question(&peer, &waiting, |other| *other == id(7), now), [id(7)]);
        assert!(outbox.question(&PeerId::random(), &waiting, |_| true, now).is_empty());
    }

    #[test]
    fn what_was_published_lately_is_asked_about_though_it_waits_no_longer() {
        let (now, peer) = (Instant::now(), PeerId::random());
        let mut outbox = Outbox::default();
        for n in 0..=limits::HAVE_IDS {
            outbox.published(id(n), now);
        }
        outbox.meet(peer, now);
        let asked = outbox.question(&peer, &BTreeSet::new(), |_| true, now);
        assert_eq!((asked.len(), asked[0]), (limits::HAVE_IDS, id(1)), "the latest");
        let later = now + limits::HAVE_RECENT;
        assert!(outbox.question(&peer, &BTreeSet::new(), |_| true, later).is_empty());
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_a_new_record_ends_them() {
        let (now, peer) = (Instant::now(), PeerId::random());
        let mut outbox = Outbox::default();
        outbox.meet(peer, now);
        let pause = |outbox: &Outbox| outbox.next().unwrap() - now;
        assert_eq!(pause(&outbox), limits::HAVE_PAUSE);
        let mut pauses = Vec::new();
        for _ in 0..20 {
            outbox.answered(&peer, 2, Some(1), now);
            pauses.push(pause(&outbox));
        }
        assert_eq!(pauses[..2], [2 * limits::HAVE_PAUSE, 4 * limits::HAVE_PAUSE]);
        assert_eq!(pauses[19], limits::HAVE_PAUSE_MAX);
        outbox.answered(&peer, 1, None, now);
        assert_eq!(pause(&outbox), limits::HAVE_PAUSE_MAX);
        outbox.published(id(1), now);
        assert_eq!(pause(&outbox), limits::HAVE_PAUSE);
        assert!(outbox.due(now).is_empty());
        assert_eq!(outbox.due(now + limits::HAVE_PAUSE), [peer]);
        outbox.answered(&peer, 1, Some(1), now);
        assert_eq!(pause(&outbox), limits::HAVE_PAUSE);
        outbox.part(&peer);
        assert_eq!(outbox.next(), None);
    }
}
