//! One blob on its way here, without I/O: what is asked of whom, what came, and who sent what cannot be right.
//!
//! Every chunk is verified by itself, so that chunks come from whoever is fastest, in any order, and who sends a wrong
//! one is known at once. A peer is asked for few chunks at first, and for more with each that it delivers. What a slow
//! one has been asked for is asked of another one too when nothing else is left: whoever is first is taken.

use crate::blobs::{Opened, Partial, Verified, chunk_len, chunks};
use crate::limits;
use libp2p::PeerId;
use libp2p::request_response::OutboundRequestId;
use protocol::BlobRef;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a peer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::daemon) enum Item {
    /// The hashes of all chunks.
    Tree,
    /// A chunk.
    Chunk(u32),
}

/// A blob that has its turn. `R` names requests.
pub(super) struct Fetch<R = OutboundRequestId> {
    pub(super) blob: BlobRef,
    stage: Stage,
    /// Neither here, nor asked for, nor with a worker.
    missing: VecDeque<Item>,
    asked: HashMap<R, Ask>,
    /// With a worker, and from whom it came.
    checking: HashMap<Item, PeerId>,
    /// Right, but not on disk yet: a disk that pauses does not stop the network at once.
    writing: VecDeque<Verified>,
    /// With the worker that writes. One writes at a time: the disk is not faster with two.
    written_now: Vec<u32>,
    here: Vec<bool>,
    /// Bytes that are here.
    done: u64,
    sources: HashMap<PeerId, Source>,
    /// Peers that know another length or sent wrong bytes: never asked again for this reference.
    pub(super) against: HashSet<PeerId>,
    progressed: bool,
    last_byte: Instant,
    /// When the rate was measured last, and bytes since.
    measured: (Instant, u64),
}

enum Stage {
    /// A worker looks what is here.
    Opening,
    /// The hashes of the chunks are not here.
    Tree,
    /// Chunks are wanted.
    Chunks(Arc<Partial>),
    /// Everything is here, and a worker puts it in its place.
    Finishing,
}

struct Ask {
    peer: PeerId,
    item: Item,
    since: Instant,
}

impl Ask {
    fn is_slow(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= limits::CHUNK_SLOW
    }
}

/// What is known of a peer with regard to this blob. What it lacks, it is asked for again in a later turn.
struct Source {
    /// Requests that it may have open.
    window: usize,
    absent: bool,
    /// Since when it was too busy or did not answer.
    busy: Option<Instant>,
}

impl Default for Source {
    fn default() -> Self {
        Self { window: limits::CHUNKS_AT_FIRST, absent: false, busy: None }
    }
}

impl<R: Copy + Eq + Hash> Fetch<R> {
    pub(super) fn new(blob: BlobRef, against: HashSet<PeerId>, now: Instant) -> Self {
        Self {
            blob,
            stage: Stage::Opening,
            missing: VecDeque::new(),
            asked: HashMap::new(),
            checking: HashMap::new(),
            writing: VecDeque::new(),
            written_now: Vec::new(),
            here: Vec::new(),
            done: 0,
            sources: HashMap::new(),
            against,
            progressed: false,
            last_byte: now,
            measured: (now, 0),
        }
    }

    /// A worker has looked: the hashes of the chunks are missing, or some of the chunks.
    pub(super) fn opened(&mut self, opened: Option<Opened>) {
        self.checking.remove(&Item::Tree);
        let opening = matches!(self.stage, Stage::Opening);
        match opened {
            None if opening => {
                self.stage = Stage::Tree;
                self.missing = VecDeque::from([Item::Tree]);
            }
            Some(Opened { partial, here }) if opening || matches!(self.stage, Stage::Tree) => {
                let len = |index: u32| chunk_len(self.blob.bytes, index).unwrap_or(0) as u64;
                let (there, missing): (Vec<u32>, Vec<u32>) = (0..chunks(self.blob.bytes))
                    .partition(|index| here.get(*index as usize).copied().unwrap_or(false));
                self.done = there.into_iter().map(len).sum();
                self.missing = missing.into_iter().map(Item::Chunk).collect();
                self.here = here;
                self.asked.retain(|_, ask| ask.item != Item::Tree);
                self.stage = Stage::Chunks(partial);
            }
            // Of an earlier turn.
            _ => {}
        }
    }

    /// Bytes that are here.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Bytes that have still to come.
    pub(super) fn remaining(&self) -> u64 {
        self.blob.bytes.saturating_sub(self.done)
    }

    /// Peers that are being asked.
    pub(super) fn sources(&self) -> usize {
        self.asked.values().map(|ask| ask.peer).collect::<HashSet<_>>().len()
    }

    /// Where chunks are written, once that is known.
    pub(super) fn partial(&self) -> Option<Arc<Partial>> {
        match &self.stage {
            Stage::Chunks(partial) => Some(Arc::clone(partial)),
            _ => None,
        }
    }

    /// The file, when everything is in it: once.
    pub(super) fn complete(&mut self) -> Option<Arc<Partial>> {
        if self.here.is_empty() || self.here.contains(&false) || !self.checking.is_empty() {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::Finishing) {
            Stage::Chunks(partial) => Some(partial),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Requests that are open for this blob.
    pub(super) fn asked(&self) -> usize {
        self.asked.len()
    }

    /// The same of one peer.
    pub(super) fn asked_of(&self, peer: &PeerId) -> usize {
        self.asked.values().filter(|ask| ask.peer == *peer).count()
    }

    /// What one peer has been asked for and what came of it is still being checked, for this blob.
    fn unproved(&self, peer: &PeerId) -> usize {
        self.asked_of(peer) + self.checking.values().filter(|from| *from == peer).count()
    }

    fn is_usable(&self, peer: &PeerId, now: Instant) -> bool {
        let Some(source) = self.sources.get(peer) else { return !self.against.contains(peer) };
        let busy =
            source.busy.is_some_and(|since| now.saturating_duration_since(since) < limits::FETCH_RETRY);
        !busy && !source.absent && !self.against.contains(peer)
    }

    /// Who of these can be asked.
    pub(super) fn usable(&self, peers: &[PeerId], now: Instant) -> Vec<PeerId> {
        peers.iter().filter(|peer| self.is_usable(peer, now)).copied().collect()
    }

    /// What to ask of whom. `peers` are those that may be asked for another chunk, of whatever blob.
    pub(super) fn next(&mut self, peers: &[PeerId], now: Instant) -> Option<(PeerId, Item)> {
        // Slow ones do not take the places of others.
        let in_flight = self.checking.len() + self.asked.values().filter(|ask| !ask.is_slow(now)).count();
        if in_flight >= limits::CHUNKS_IN_FLIGHT || self.writing.len() >= limits::CHUNKS_UNWRITTEN {
            return None;
        }
        let window = |peer: &PeerId| self.sources.get(peer).map_or(limits::CHUNKS_AT_FIRST, |s| s.window);
        let free = |peer: &&PeerId| self.is_usable(peer, now) && self.unproved(peer) < window(peer);
        let mut free: Vec<PeerId> = peers.iter().filter(free).copied().collect();
        free.sort_by_key(|peer| self.asked_of(peer));
        if let Some(item) = self.missing.front().copied() {
            let peer = *free.first()?;
            self.missing.pop_front();
            return Some((peer, item));
        }
        // The end: what slow peers have been asked for, of one that has time.
        let askers = |item: Item| self.asked.values().filter(move |ask| ask.item == item);
        let mut stuck: Vec<&Ask> =
            self.asked.values().filter(|ask| askers(ask.item).all(|other| other.is_slow(now))).collect();
        stuck.sort_by_key(|ask| ask.since);
        stuck.into_iter().find_map(|ask| {
            let another = free.iter().find(|peer| askers(ask.item).all(|other| other.peer != **peer));
            another.map(|peer| (*peer, ask.item))
        })
    }

    pub(super) fn ask(&mut self, request: R, peer: PeerId, item: Item, now: Instant) {
        self.asked.insert(request, Ask { peer, item, since: now });
        self.sources.entry(peer).or_default();
    }

    /// Bytes came. They are to be checked, unless nobody waits for them any more.
    pub(super) fn answered(&mut self, request: R) -> Option<Item> {
        let Ask { peer, item, .. } = self.asked.remove(&request)?;
        if self.has_come(item) {
            // Somebody else was faster.
            return None;
        }
        self.checking.insert(item, peer);
        Some(item)
    }

    fn is_here(&self, item: Item) -> bool {
        match item {
            Item::Tree => !matches!(self.stage, Stage::Tree),
            Item::Chunk(index) => self.here.get(index as usize).copied().unwrap_or(true),
        }
    }

    /// Whether it is on disk, on its way there, or being checked.
    fn has_come(&self, item: Item) -> bool {
        let unwritten = |index: u32| {
            self.written_now.contains(&index) || self.writing.iter().any(|chunk| chunk.index() == index)
        };
        self.is_here(item)
            || self.checking.contains_key(&item)
            || matches!(item, Item::Chunk(index) if unwritten(index))
    }

    /// A chunk was right: it waits for its turn to be written.
    pub(super) fn verified(&mut self, chunk: Verified) {
        let index = chunk.index();
        // Only a chunk that was right earns a peer more requests at once.
        let Some(peer) = self.checking.remove(&Item::Chunk(index)) else { return };
        let source = self.sources.entry(peer).or_default();
        source.window = (source.window + 1).min(limits::CHUNKS_PER_PEER);
        self.missing.retain(|item| *item != Item::Chunk(index));
        self.writing.push_back(chunk);
    }

    /// What is to be written next, and where; none while something is.
    pub(super) fn next_writes(&mut self) -> Option<(Arc<Partial>, Vec<Verified>)> {
        let idle = self.written_now.is_empty() && !self.writing.is_empty();
        let partial = self.partial().filter(|_| idle)?;
        let count = self.writing.len().min(limits::CHUNKS_WRITTEN_AT_ONCE);
        let chunks: Vec<Verified> = self.writing.drain(..count).collect();
        self.written_now = chunks.iter().map(Verified::index).collect();
        Some((partial, chunks))
    }

    /// A chunk is on disk.
    pub(super) fn written(&mut self, index: u32, now: Instant) {
        self.written_now.retain(|written| *written != index);
        match self.here.get_mut(index as usize) {
            Some(here) if !*here => *here = true,
            _ => return,
        }
        let bytes = chunk_len(self.blob.bytes, index).unwrap_or(0) as u64;
        self.done += bytes;
        self.measured.1 += bytes;
        self.last_byte = now;
        self.progressed = true;
    }

    /// What came was wrong. Returns who sent it, who is never asked again: once, whatever else of it is on its way.
    pub(super) fn wrong(&mut self, item: Item) -> Option<PeerId> {
        let liar = self.checking.remove(&item)?;
        let first = self.against.insert(liar);
        self.wanted_again(item);
        let asked: Vec<R> =
            self.asked.iter().filter(|(_, ask)| ask.peer == liar).map(|(request, _)| *request).collect();
        for request in asked {
            if let Some(ask) = self.asked.remove(&request) {
                self.wanted_again(ask.item);
            }
        }
        first.then_some(liar)
    }

    fn wanted_again(&mut self, item: Item) {
        let asked = self.asked.values().any(|ask| ask.item == item);
        if !asked && !self.has_come(item) && !self.missing.contains(&item) {
            self.missing.push_front(item);
        }
    }

    /// A peer does not have the blob. False if this was not asked in this turn.
    pub(super) fn lacked(&mut self, request: R) -> bool {
        self.unanswered(request, |source| source.absent = true).is_some()
    }

    /// A peer was too busy or did not answer.
    pub(super) fn failed(&mut self, request: R, now: Instant) -> bool {
        let rest =
            |source: &mut Source| (source.busy, source.window) = (Some(now), source.window.div_ceil(2));
        self.unanswered(request, rest).is_some()
    }

    /// A peer knows the blob with another length, or cuts it short.
    pub(super) fn contradicted(&mut self, request: R) -> bool {
        let peer = self.unanswered(request, |_| ());
        self.against.extend(peer);
        peer.is_some()
    }

    fn unanswered(&mut self, request: R, note: impl FnOnce(&mut Source)) -> Option<PeerId> {
        let Ask { peer, item, .. } = self.asked.remove(&request)?;
        note(self.sources.entry(peer).or_default());
        self.wanted_again(item);
        Some(peer)
    }

    /// Whether bytes came in this turn.
    pub(super) fn has_progressed(&self) -> bool {
        self.progressed
    }

    /// Whether nobody who is connected can deliver what is missing.
    pub(super) fn has_no_source(&self, peers: &[PeerId]) -> bool {
        let of_no_use = |peer: &PeerId| {
            self.against.contains(peer) || self.sources.get(peer).is_some_and(|source| source.absent)
        };
        self.is_idle() && peers.iter().all(of_no_use)
    }

    /// Whether everybody knows another length or sent wrong bytes.
    pub(super) fn is_contradicted(&self, peers: &[PeerId]) -> bool {
        !peers.is_empty() && peers.iter().all(|peer| self.against.contains(peer))
    }

    /// Whether it waits neither for a peer nor for a worker.
    fn is_idle(&self) -> bool {
        self.asked.is_empty() && !self.is_with_worker()
    }

    fn is_with_worker(&self) -> bool {
        !self.checking.is_empty()
            || !self.written_now.is_empty()
            || !self.writing.is_empty()
            || matches!(self.stage, Stage::Opening | Stage::Finishing)
    }

    /// Whether no byte came for so long that the place is better used by another. A slow disk is nobody's silence.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let silence = now.saturating_duration_since(self.last_byte);
        let patience = if self.is_idle() { limits::FETCH_PATIENCE } else { 2 * limits::FETCH_PATIENCE };
        !self.is_with_worker() && silence > patience
    }

    /// Whether the last turn was slower than [`limits::FETCH_MIN_RATE`]. Measures anew when it was not.
    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        let (since, bytes) = self.measured;
        let span: Duration = now.saturating_duration_since(since);
        if span < limits::FETCH_TURN || self.is_with_worker() {
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
mod tests;
