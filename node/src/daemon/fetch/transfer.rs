//! One blob on its way here: which chunks are asked of whom, what came, and who sent what cannot be right.

use crate::blobs::Partial;
use crate::limits;
use libp2p::PeerId;
use libp2p::request_response::OutboundRequestId;
use protocol::BlobRef;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

/// A blob that has its turn.
pub(super) struct Fetch {
    pub(super) blob: BlobRef,
    /// Away while a worker writes to it.
    pub(super) partial: Option<Partial>,
    /// First byte that has not been asked for.
    next: u64,
    /// Bytes that have been handed to the worker or written.
    pub(super) handed: u64,
    /// Whether the first bytes are from an earlier turn: from whom, is not known any more.
    resumed: bool,
    pub(super) asked: HashMap<OutboundRequestId, u64>,
    pub(super) again: Vec<u64>,
    /// Chunks that came, by offset, not yet contiguous.
    here: BTreeMap<u64, Vec<u8>>,
    /// Peers without the blob. In a later turn they are asked again.
    pub(super) absent: HashSet<PeerId>,
    /// Peers that were too busy or did not answer, and since when.
    pub(super) busy: HashMap<PeerId, Instant>,
    /// Peers that know another length or sent wrong bytes: never asked again for this reference.
    pub(super) against: HashSet<PeerId>,
    alone: Option<PeerId>,
    helpers: HashSet<PeerId>,
    pub(super) attempts: u32,
    turn: usize,
    last_byte: Instant,
    /// When the rate was measured last, and bytes since.
    measured: (Instant, u64),
}

impl Fetch {
    pub(super) fn new(blob: BlobRef, now: Instant) -> Self {
        Self {
            blob,
            partial: None,
            next: 0,
            handed: 0,
            resumed: false,
            asked: HashMap::new(),
            again: Vec::new(),
            here: BTreeMap::new(),
            absent: HashSet::new(),
            busy: HashMap::new(),
            against: HashSet::new(),
            alone: None,
            helpers: HashSet::new(),
            attempts: 0,
            turn: 0,
            last_byte: now,
            measured: (now, 0),
        }
    }

    /// The file is open, or a worker has written to it.
    pub(super) fn take_back(&mut self, partial: Partial) {
        if self.handed == 0 && self.next == 0 {
            (self.handed, self.next) = (partial.written(), partial.written());
            self.resumed = partial.written() > 0;
        }
        self.partial = Some(partial);
    }

    /// Whether it is known where to go on.
    pub(super) fn is_open(&self) -> bool {
        self.partial.is_some() || self.handed > 0
    }

    /// From the beginning, after wrong bytes. Returns who is proved to have sent them: a peer from whom every byte
    /// came. Of several, nobody can tell which.
    pub(super) fn restart(&mut self) -> Option<PeerId> {
        let sole = match (self.helpers.len(), self.resumed) {
            (1, false) => self.helpers.iter().next().copied(),
            _ => None,
        };
        self.against.extend(sole);
        self.alone = None;
        self.attempts += 1;
        self.resumed = false;
        self.helpers.clear();
        self.asked.clear();
        self.again.clear();
        self.here.clear();
        (self.next, self.handed) = (0, 0);
        sole
    }

    /// Who of these can be asked.
    pub(super) fn usable(&self, peers: &[PeerId]) -> Vec<PeerId> {
        let usable = |peer: &&PeerId| {
            let busy = self.busy.get(peer).is_some_and(|since| since.elapsed() < limits::FETCH_RETRY);
            !busy && !self.absent.contains(peer) && !self.against.contains(peer)
        };
        peers.iter().filter(usable).copied().collect()
    }

    /// Who is asked for the next chunk.
    pub(super) fn choose(&mut self, peers: &[PeerId]) -> Option<PeerId> {
        let candidates = self.usable(peers);
        if self.attempts > 0 {
            let alone = self.alone.filter(|peer| candidates.contains(peer));
            self.alone = alone.or_else(|| candidates.first().copied());
            return self.alone;
        }
        self.turn = self.turn.wrapping_add(1);
        candidates.get(self.turn.checked_rem(candidates.len())?).copied()
    }

    pub(super) fn next_offset(&mut self) -> Option<u64> {
        if let Some(offset) = self.again.pop() {
            return Some(offset);
        }
        let offset = self.next;
        // Chunks that are here but cannot be written yet stay few.
        if offset >= self.blob.bytes || self.here.len() >= 2 * limits::CHUNKS_IN_FLIGHT {
            return None;
        }
        self.next = offset.saturating_add(limits::CHUNK_BYTES).min(self.blob.bytes);
        Some(offset)
    }

    /// A chunk that was asked for came, and has the length that it must have.
    pub(super) fn keep(&mut self, peer: PeerId, offset: u64, bytes: Vec<u8>, now: Instant) {
        self.helpers.insert(peer);
        self.last_byte = now;
        self.measured.1 += bytes.len() as u64;
        self.here.insert(offset, bytes);
    }

    /// The chunks that can be appended now.
    pub(super) fn contiguous(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut ready = Vec::new();
        while let Some(chunk) = self.here.remove(&self.handed) {
            let offset = self.handed;
            self.handed += chunk.len() as u64;
            ready.push((offset, chunk));
        }
        ready
    }

    /// Whether bytes came in this turn.
    pub(super) fn has_progressed(&self) -> bool {
        !self.helpers.is_empty()
    }

    /// Whether everybody has answered, and nobody can deliver what is missing.
    pub(super) fn is_exhausted(&self, peers: &[PeerId]) -> bool {
        let of_no_use = |peer: &PeerId| self.absent.contains(peer) || self.against.contains(peer);
        self.is_idle() && !peers.is_empty() && peers.iter().all(of_no_use)
    }

    /// Whether everybody knows another length or sent wrong bytes.
    pub(super) fn is_contradicted(&self, peers: &[PeerId]) -> bool {
        !peers.is_empty() && peers.iter().all(|peer| self.against.contains(peer))
    }

    fn is_idle(&self) -> bool {
        self.partial.is_some() && self.asked.is_empty()
    }

    /// Whether no byte came for so long that the place is better used by another.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let silence = now.saturating_duration_since(self.last_byte);
        let patience = if self.is_idle() { limits::FETCH_PATIENCE } else { 2 * limits::FETCH_PATIENCE };
        // A slow disk is nobody's silence.
        self.partial.is_some() && silence > patience
    }

    /// Whether the last turn was slower than [`limits::FETCH_MIN_RATE`]. Measures anew when it was not.
    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        let (since, bytes) = self.measured;
        let span: Duration = now.saturating_duration_since(since);
        if span < limits::FETCH_TURN || self.partial.is_none() {
            return false;
        }
        if bytes < limits::FETCH_MIN_RATE.saturating_mul(span.as_secs()) {
            return true;
        }
        self.measured = (now, 0);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::BlobStore;
    use protocol::BlobId;

    fn fetch(bytes: u64) -> Fetch {
        Fetch::new(BlobRef { id: BlobId::of(b"x"), bytes }, Instant::now())
    }

    #[test]
    fn chunks_are_asked_once_each_and_handed_over_in_order() {
        let mut fetch = fetch(2 * limits::CHUNK_BYTES + 5);
        let offsets: Vec<u64> = std::iter::from_fn(|| fetch.next_offset()).collect();
        assert_eq!(offsets, [0, limits::CHUNK_BYTES, 2 * limits::CHUNK_BYTES]);
        fetch.here.insert(limits::CHUNK_BYTES, vec![1; limits::CHUNK_BYTES as usize]);
        assert!(fetch.contiguous().is_empty());
        fetch.here.insert(0, vec![0; limits::CHUNK_BYTES as usize]);
        assert_eq!(fetch.contiguous().len(), 2);
        assert_eq!(fetch.handed, 2 * limits::CHUNK_BYTES);
        fetch.again.push(7);
        assert_eq!(fetch.next_offset(), Some(7));
    }

    #[test]
    fn after_wrong_bytes_one_peer_alone_is_asked_and_a_liar_never_again() {
        let (a, b) = (PeerId::random(), PeerId::random());
        let peers = [a, b];
        let mut fetch = fetch(10);
        let both: HashSet<_> = (0..4).filter_map(|_| fetch.choose(&peers)).collect();
        assert_eq!(both.len(), 2, "several peers in turn");
        fetch.helpers = both;
        assert_eq!(fetch.restart(), None, "which of the two lied is not known");
        assert_eq!(fetch.choose(&peers), Some(a));
        assert_eq!(fetch.choose(&peers), Some(a));
        fetch.helpers.insert(a);
        assert_eq!(fetch.restart(), Some(a));
        assert_eq!(fetch.choose(&peers), Some(b));
        fetch.helpers.insert(b);
        assert_eq!(fetch.restart(), Some(b));
        assert_eq!(fetch.choose(&peers), None);
        assert_eq!(fetch.next_offset(), Some(0));
    }

    #[test]
    fn a_peer_is_not_blamed_for_bytes_of_an_earlier_turn_or_of_others() {
        let (a, b) = (PeerId::random(), PeerId::random());
        let mut resumed = fetch(10);
        resumed.resumed = true;
        resumed.keep(a, 5, vec![0; 5], Instant::now());
        assert_eq!(resumed.restart(), None);
        assert!(resumed.against.is_empty());
        // The one that is asked alone went away half-way, and another took its place.
        resumed.keep(a, 0, vec![0; 5], Instant::now());
        resumed.alone = Some(b);
        resumed.keep(b, 5, vec![0; 5], Instant::now());
        assert_eq!(resumed.restart(), None);
        assert!(resumed.against.is_empty());
    }

    #[test]
    fn a_peer_that_is_busy_is_left_alone_for_a_while() {
        let a = PeerId::random();
        let mut fetch = fetch(10);
        fetch.busy.insert(a, Instant::now());
        assert_eq!(fetch.choose(&[a]), None);
        fetch.busy.insert(a, Instant::now() - limits::FETCH_RETRY);
        assert_eq!(fetch.choose(&[a]), Some(a));
        assert_eq!(fetch.choose(&[]), None);
    }

    #[test]
    fn a_turn_ends_when_nobody_has_the_blob_or_too_few_bytes_come() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(dir.path()).unwrap();
        let (a, b, start) = (PeerId::random(), PeerId::random(), Instant::now());
        let mut fetch = Fetch::new(BlobRef { bytes: 1 << 30, ..fetch(0).blob }, start);
        fetch.absent.insert(a);
        assert!(!fetch.is_exhausted(&[a]), "the file is not open yet");
        fetch.take_back(blobs.resume(fetch.blob).unwrap());
        assert!(fetch.is_exhausted(&[a]) && !fetch.is_exhausted(&[a, b]) && !fetch.is_exhausted(&[]));
        assert!(!fetch.is_contradicted(&[a]));
        fetch.against.insert(b);
        assert!(
            fetch.is_exhausted(&[a, b]) && fetch.is_contradicted(&[b]) && !fetch.is_contradicted(&[a, b])
        );

        assert!(!fetch.is_stalled(start + limits::FETCH_PATIENCE));
        assert!(fetch.is_stalled(start + limits::FETCH_PATIENCE + Duration::from_secs(1)));
        // A byte now and then does not keep the place.
        for second in (0..60).step_by(14) {
            fetch.keep(a, second << 20, vec![0; 1 << 20], start + Duration::from_secs(second));
        }
        let later = start + limits::FETCH_TURN;
        assert!(!fetch.is_stalled(later) && fetch.is_slow(later));
        fetch.measured.1 = limits::FETCH_MIN_RATE * limits::FETCH_TURN.as_secs();
        assert!(!fetch.is_slow(later));
        assert!(!fetch.is_slow(later + limits::FETCH_TURN / 2), "measured anew");
        assert!(fetch.is_slow(later + limits::FETCH_TURN));
    }
}
