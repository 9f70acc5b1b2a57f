//! Blobs from whoever has them: several chunks at once, from several peers in turn, written in order, verified at
//! the end. Wrong bytes cannot be blamed on one of several peers, so the next attempt asks one peer alone.

use super::{Daemon, Done};
use crate::blobs::{BlobError, Partial};
use crate::limits;
use api::{Body, ErrorKind, Event};
use libp2p::PeerId;
use libp2p::request_response::OutboundRequestId;
use protocol::{BlobFacts, BlobId, BlobRef, BlobRole};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// Blobs that are fetched, or wait for it.
#[derive(Default)]
pub(super) struct Fetches {
    active: HashMap<BlobId, Fetch>,
    queue: VecDeque<BlobRef>,
    queued: HashSet<BlobId>,
    waiters: HashMap<BlobId, Vec<(oneshot::Sender<Body>, Instant)>>,
    /// Given up until somebody asks: nobody here could deliver it.
    hopeless: HashMap<BlobId, Instant>,
}

struct Fetch {
    blob: BlobRef,
    /// Away while a worker writes to it.
    partial: Option<Partial>,
    /// First byte that has not been asked for.
    next: u64,
    /// Bytes that have been handed to the worker or written.
    handed: u64,
    asked: HashMap<OutboundRequestId, u64>,
    again: Vec<u64>,
    /// Chunks that came, by offset, not yet contiguous.
    here: BTreeMap<u64, Vec<u8>>,
    lacking: HashMap<PeerId, Instant>,
    liars: HashSet<PeerId>,
    alone: Option<PeerId>,
    helpers: HashSet<PeerId>,
    attempts: u32,
    turn: usize,
    last_byte: Instant,
}

/// What a worker did with a partial blob.
pub(super) struct Progress {
    blob: BlobRef,
    result: Result<Step, BlobError>,
}

enum Step {
    /// Opened, or chunks appended.
    Partial(Partial),
    /// Verified and in its place.
    Complete,
}

impl Fetch {
    fn new(blob: BlobRef) -> Self {
        Self {
            blob,
            partial: None,
            next: 0,
            handed: 0,
            asked: HashMap::new(),
            again: Vec::new(),
            here: BTreeMap::new(),
            lacking: HashMap::new(),
            liars: HashSet::new(),
            alone: None,
            helpers: HashSet::new(),
            attempts: 0,
            turn: 0,
            last_byte: Instant::now(),
        }
    }

    /// From the beginning, after wrong bytes.
    fn restart(&mut self) {
        if let Some(alone) = self.alone.take() {
            self.liars.insert(alone);
        } else if self.helpers.len() == 1 {
            self.liars.extend(self.helpers.iter().copied());
        }
        self.attempts += 1;
        self.helpers.clear();
        self.asked.clear();
        self.again.clear();
        self.here.clear();
        (self.next, self.handed) = (0, 0);
    }

    /// Who is asked for the next chunk.
    fn choose(&mut self, peers: &[PeerId]) -> Option<PeerId> {
        let usable = |peer: &PeerId| {
            let lacks = self.lacking.get(peer).is_some_and(|since| since.elapsed() < limits::FETCH_RETRY);
            !lacks && !self.liars.contains(peer)
        };
        if self.attempts > 0 {
            let alone = self.alone.filter(|peer| peers.contains(peer) && usable(peer));
            self.alone = alone.or_else(|| peers.iter().copied().find(usable));
            return self.alone;
        }
        let candidates: Vec<PeerId> = peers.iter().copied().filter(usable).collect();
        self.turn = self.turn.wrapping_add(1);
        candidates.get(self.turn.checked_rem(candidates.len())?).copied()
    }

    fn next_offset(&mut self) -> Option<u64> {
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

    /// The chunks that can be appended now.
    fn contiguous(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut ready = Vec::new();
        while let Some(chunk) = self.here.remove(&self.handed) {
            let offset = self.handed;
            self.handed += chunk.len() as u64;
            ready.push((offset, chunk));
        }
        ready
    }
}

impl Daemon {
    /// Reads the blobs that records need and that are here; fetches the others.
    pub(super) fn pump_blobs(&mut self) {
        for wanted in self.ledger.state().wanted_blobs() {
            let (role, blob) = (wanted.role, wanted.blob);
            if self.reading.contains(&(role, blob)) {
                continue;
            }
            if self.ledger.blobs().len_of(blob.id).is_some() {
                self.reading.insert((role, blob));
                let materials = Arc::clone(self.ledger.materials());
                self.tasks.spawn_blocking(move || {
                    let result = materials.facts(role, blob);
                    Done::Facts { role, blob, result }
                });
            } else if self.ledger.blobs().used() < limits::AUTO_FETCH_QUOTA_BYTES {
                self.want(blob);
            }
        }
    }

    pub(super) fn on_facts(&mut self, role: BlobRole, blob: BlobRef, result: Result<BlobFacts, BlobError>) {
        self.reading.remove(&(role, blob));
        match result {
            Ok(facts) => {
                let updates = self.ledger.state_mut().blob_arrived(role, blob.id, facts);
                self.on_updates(updates);
            }
            Err(BlobError::Digest { .. }) => {
                tracing::warn!(blob = %blob.id.short(), "damaged on disk: fetched again");
                if let Err(error) = self.ledger.blobs().discard(blob.id) {
                    tracing::error!(%error, "a damaged blob was not removed");
                }
            }
            Err(error) => tracing::warn!(%error, "a blob was not read"),
        }
    }

    fn want(&mut self, blob: BlobRef) {
        let known = self.fetches.active.contains_key(&blob.id) || self.fetches.queued.contains(&blob.id);
        let hopeless = self.fetches.hopeless.get(&blob.id).is_some_and(|since| since.elapsed() < limits::BAN);
        if known || hopeless || self.fetches.queue.len() >= limits::FETCH_QUEUE {
            return;
        }
        self.fetches.queued.insert(blob.id);
        self.fetches.queue.push_back(blob);
    }

    /// A client wants a blob: it is answered when the blob is here, or when nobody delivers it.
    pub(super) fn get_blob(&mut self, blob: BlobRef, answer: oneshot::Sender<Body>) {
        if let Some(bytes) = self.ledger.blobs().len_of(blob.id) {
            let _ = answer.send(stored(self, BlobRef { id: blob.id, bytes }));
            return;
        }
        let waiters = self.fetches.waiters.entry(blob.id).or_default();
        if waiters.len() >= limits::FETCH_WAITERS {
            let message = format!("expected at most {} clients to wait for a blob", limits::FETCH_WAITERS);
            let _ = answer.send(Body::Error { kind: ErrorKind::Busy, message });
            return;
        }
        waiters.push((answer, Instant::now()));
        self.fetches.hopeless.remove(&blob.id);
        self.want(blob);
    }

    /// Starts fetches and asks for chunks, as far as there are places and peers.
    pub(super) fn pump_fetches(&mut self) {
        while self.fetches.active.len() < limits::FETCHES {
            let Some(blob) = self.fetches.queue.pop_front() else { break };
            self.fetches.queued.remove(&blob.id);
            self.fetches.active.insert(blob.id, Fetch::new(blob));
            self.reopen(blob);
        }
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        let active: Vec<BlobId> = self.fetches.active.keys().copied().collect();
        for id in active {
            self.ask_chunks(id, &peers);
            self.append(id);
        }
    }

    fn reopen(&mut self, blob: BlobRef) {
        let blobs = Arc::clone(self.ledger.blobs());
        self.tasks.spawn_blocking(move || {
            let result = blobs.resume(blob).map(Step::Partial);
            Done::Fetched(Box::new(Progress { blob, result }))
        });
    }

    fn ask_chunks(&mut self, id: BlobId, peers: &[PeerId]) {
        while let Some(fetch) = self.fetches.active.get_mut(&id) {
            // Until the file is open, it is not known where to go on.
            let opened = fetch.partial.is_some() || fetch.handed > 0;
            if !opened || fetch.asked.len() >= limits::CHUNKS_IN_FLIGHT {
                return;
            }
            let Some(peer) = fetch.choose(peers) else { return };
            let Some(offset) = fetch.next_offset() else { return };
            let blob = fetch.blob;
            let request = self.ask_chunk(peer, blob, offset);
            if let Some(fetch) = self.fetches.active.get_mut(&id) {
                fetch.asked.insert(request, offset);
            }
        }
    }

    /// Hands chunks to a worker, one batch at a time.
    fn append(&mut self, id: BlobId) {
        let Some(fetch) = self.fetches.active.get_mut(&id) else { return };
        let Some(mut partial) = fetch.partial.take() else { return };
        let chunks = fetch.contiguous();
        let complete = fetch.handed == fetch.blob.bytes;
        if chunks.is_empty() && !complete {
            fetch.partial = Some(partial);
            return;
        }
        let (blob, blobs) = (fetch.blob, Arc::clone(self.ledger.blobs()));
        self.tasks.spawn_blocking(move || {
            let step = move || {
                for (offset, chunk) in &chunks {
                    blobs.append(&mut partial, *offset, chunk)?;
                }
                if complete {
                    blobs.finish(partial)?;
                    return Ok(Step::Complete);
                }
                Ok(Step::Partial(partial))
            };
            let result = step();
            Done::Fetched(Box::new(Progress { blob, result }))
        });
    }

    pub(super) fn on_fetched(&mut self, progress: Progress) {
        let Progress { blob, result } = progress;
        match result {
            Ok(Step::Partial(partial)) => {
                if let Some(fetch) = self.fetches.active.get_mut(&blob.id) {
                    if fetch.handed == 0 && fetch.next == 0 {
                        (fetch.handed, fetch.next) = (partial.written(), partial.written());
                    }
                    fetch.partial = Some(partial);
                }
            }
            Ok(Step::Complete) => {
                self.fetches.active.remove(&blob.id);
                self.tell(Event::BlobFetched { blob: blob.id.to_string(), bytes: blob.bytes });
                for (answer, _) in self.fetches.waiters.remove(&blob.id).unwrap_or_default() {
                    let _ = answer.send(stored(self, blob));
                }
                self.pump_blobs();
            }
            Err(BlobError::Digest { expected, got }) => {
                tracing::warn!(%expected, %got, "peers sent wrong bytes");
                let again = match self.fetches.active.get_mut(&blob.id) {
                    Some(fetch) => {
                        fetch.restart();
                        fetch.attempts < limits::FETCH_ATTEMPTS
                    }
                    None => false,
                };
                if again {
                    self.reopen(blob)
                } else {
                    self.give_up(blob.id, "peers sent wrong bytes again and again")
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a blob was not fetched");
                self.give_up(blob.id, &error.to_string());
            }
        }
    }

    pub(super) fn on_chunk(
        &mut self,
        peer: PeerId,
        request: OutboundRequestId,
        blob: BlobRef,
        offset: u64,
        total: u64,
        bytes: Vec<u8>,
    ) {
        let Some(fetch) = self.fetches.active.get_mut(&blob.id) else { return };
        // Of an attempt that was given up.
        if fetch.asked.remove(&request).is_none() {
            return;
        }
        let expected = limits::CHUNK_BYTES.min(blob.bytes.saturating_sub(offset));
        if total != blob.bytes || bytes.len() as u64 != expected {
            fetch.liars.insert(peer);
            fetch.again.push(offset);
            return;
        }
        fetch.helpers.insert(peer);
        fetch.last_byte = Instant::now();
        fetch.here.insert(offset, bytes);
    }

    /// A peer did not deliver a chunk: somebody else may, or the same one later.
    pub(super) fn on_no_chunk(
        &mut self,
        peer: PeerId,
        request: OutboundRequestId,
        blob: BlobRef,
        lacks: bool,
    ) {
        let Some(fetch) = self.fetches.active.get_mut(&blob.id) else { return };
        if let Some(offset) = fetch.asked.remove(&request) {
            fetch.again.push(offset);
        }
        tracing::debug!(%peer, blob = %blob.id.short(), lacks, "no chunk");
        fetch.lacking.insert(peer, Instant::now());
    }

    /// Fetches without progress make room for others; clients that have waited long enough are told.
    pub(super) fn sweep_fetches(&mut self) {
        let stalled: Vec<BlobId> = self
            .fetches
            .active
            .iter()
            .filter(|(_, fetch)| fetch.last_byte.elapsed() > limits::FETCH_PATIENCE && fetch.asked.is_empty())
            .filter(|(_, fetch)| fetch.partial.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in stalled {
            let Some(fetch) = self.fetches.active.remove(&id) else { continue };
            self.tell_waiters(id, "no connected peer has it");
            // What was written stays, and it is tried again in its turn.
            if !self.fetches.queued.contains(&id) && self.fetches.queue.len() < limits::FETCH_QUEUE {
                self.fetches.queued.insert(id);
                self.fetches.queue.push_back(fetch.blob);
            }
        }
        let late: Vec<BlobId> = self
            .fetches
            .waiters
            .iter()
            .filter(|(id, waiters)| {
                !self.fetches.active.contains_key(id)
                    && waiters.iter().any(|(_, since)| since.elapsed() > limits::FETCH_PATIENCE)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.tell_waiters(id, "no connected peer has it");
        }
        self.fetches.hopeless.retain(|_, since| since.elapsed() < limits::BAN);
    }

    fn give_up(&mut self, id: BlobId, why: &str) {
        self.fetches.active.remove(&id);
        self.fetches.hopeless.insert(id, Instant::now());
        self.tell_waiters(id, why);
    }

    fn tell_waiters(&mut self, id: BlobId, why: &str) {
        for (answer, _) in self.fetches.waiters.remove(&id).unwrap_or_default() {
            let message = format!("blob {id} was not fetched: {why}");
            let _ = answer.send(Body::Error { kind: ErrorKind::Network, message });
        }
    }
}

/// The answer for a blob that is here.
pub(super) fn stored(daemon: &Daemon, blob: BlobRef) -> Body {
    let path = daemon.ledger.blobs().path(blob.id).display().to_string();
    Body::BlobStored { blob: blob.id.to_string(), path, bytes: blob.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(bytes: u64) -> Fetch {
        Fetch::new(BlobRef { id: BlobId::of(b"x"), bytes })
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
        fetch.restart();
        assert!(fetch.liars.is_empty(), "which of the two lied is not known");
        assert_eq!(fetch.choose(&peers), Some(a));
        assert_eq!(fetch.choose(&peers), Some(a));
        fetch.restart();
        assert_eq!(fetch.choose(&peers), Some(b));
        fetch.restart();
        assert_eq!(fetch.choose(&peers), None);
        assert_eq!(fetch.next_offset(), Some(0));
    }

    #[test]
    fn a_peer_that_lacks_the_blob_is_left_alone_for_a_while() {
        let a = PeerId::random();
        let mut fetch = fetch(10);
        fetch.lacking.insert(a, Instant::now());
        assert_eq!(fetch.choose(&[a]), None);
        fetch.lacking.insert(a, Instant::now() - limits::FETCH_RETRY);
        assert_eq!(fetch.choose(&[a]), Some(a));
        assert_eq!(fetch.choose(&[]), None);
    }
}
