//! Blobs from whoever has them: several chunks at once, from several peers in turn, written in order, verified at
//! the end. Wrong bytes cannot be blamed on one of several peers, so the next attempt asks one peer alone.
//!
//! ```text
//! fetch      the daemon's part: peers, workers, clients
//! queue      which blob has its turn
//! transfer   one blob on its way here
//! ```

mod queue;
mod transfer;

pub(super) use queue::Fetches;

use super::peers::Offence;
use super::{Daemon, Done};
use crate::blobs::{BlobError, Partial};
use crate::limits;
use api::{Body, ErrorKind, Event};
use libp2p::PeerId;
use libp2p::request_response::OutboundRequestId;
use protocol::{BlobFacts, BlobId, BlobRef, BlobRole};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What a worker did with a blob.
pub(super) struct Progress {
    blob: BlobRef,
    result: Result<Step, BlobError>,
}

enum Step {
    /// Opened, or chunks appended.
    Partial(Partial),
    /// Verified and in its place.
    Complete,
    /// One that was here already was hashed: its length.
    Hashed(Result<u64, BlobError>),
}

impl Daemon {
    /// Reads the blobs that records need and that are here; fetches the others.
    pub(super) fn pump_blobs(&mut self) {
        let now = Instant::now();
        self.fetches.unread.clear();
        for wanted in self.ledger.state().wanted_blobs() {
            let (role, blob) = (wanted.role, wanted.blob);
            if self.ledger.blobs().len_of(blob.id).is_none() {
                self.fetches.want(blob, now);
            } else if self.fetches.unread.len() < limits::FETCH_QUEUE {
                self.fetches.unread.push_back((role, blob));
            }
        }
        // Found damaged when a proof check read them, and deleted.
        for blob in self.ledger.materials().take_damaged() {
            self.fetches.want(blob, now);
        }
        self.read_facts();
    }

    /// A few blobs at a time: each is in memory as a whole while it is read.
    fn read_facts(&mut self) {
        while self.reading.len() < limits::BLOB_READS {
            let Some((role, blob)) = self.fetches.unread.pop_front() else { return };
            if !self.reading.insert((role, blob.id)) {
                continue;
            }
            let materials = Arc::clone(self.ledger.materials());
            self.tasks.spawn_blocking(move || {
                let result = materials.facts(role, blob);
                Done::Facts { role, blob, result }
            });
        }
    }

    pub(super) fn on_facts(&mut self, role: BlobRole, blob: BlobRef, result: Result<BlobFacts, BlobError>) {
        self.reading.remove(&(role, blob.id));
        // Several competitions may name it.
        self.fetches.unread.retain(|(other, unread)| (*other, unread.id) != (role, blob.id));
        match result {
            Ok(facts) => {
                let updates = self.ledger.state_mut().blob_arrived(role, blob.id, facts);
                self.on_updates(updates);
            }
            Err(error @ BlobError::Digest { .. }) => tracing::warn!(%error, "damaged on disk: fetched again"),
            Err(error) => tracing::warn!(%error, "a blob was not read"),
        }
        self.read_facts();
    }

    /// A client wants a blob: it is answered when the blob is here, or when nobody delivers it.
    pub(super) fn get_blob(&mut self, blob: BlobRef, answer: oneshot::Sender<Body>) {
        if let Some(answer) = self.fetches.wait(blob, answer) {
            let message = format!("expected at most {} clients to wait for a blob", limits::FETCH_WAITERS);
            let _ = answer.send(Body::Error { kind: ErrorKind::Busy, message });
            return;
        }
        self.serve_client(blob);
    }

    /// Hashes a blob that is here before a client uses it, or fetches it.
    fn serve_client(&mut self, blob: BlobRef) {
        if self.ledger.blobs().len_of(blob.id).is_none() {
            self.fetches.want_urgently(blob);
        } else if self.fetches.verifying.insert(blob.id) {
            let blobs = Arc::clone(self.ledger.blobs());
            self.tasks.spawn_blocking(move || {
                let result = Ok(Step::Hashed(blobs.verify_or_discard(blob.id)));
                Done::Fetched(Box::new(Progress { blob, result }))
            });
        }
    }

    /// Starts fetches and asks for chunks, as far as there are places and peers.
    pub(super) fn pump_fetches(&mut self) {
        let now = Instant::now();
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        self.fetches.meet(&peers, now);
        while let Some(blob) = self.fetches.next(self.ledger.blobs().used(), now) {
            if self.ledger.blobs().len_of(blob.id).is_some() {
                // A client has added it in the meantime.
                self.fetches.forget(blob.id);
            } else {
                self.reopen(blob);
            }
        }
        let active: Vec<BlobRef> = self.fetches.active.keys().copied().collect();
        for blob in active {
            self.ask_chunks(blob, &peers);
            self.append(blob);
            self.end_if_exhausted(blob, &peers, now);
        }
    }

    fn reopen(&mut self, blob: BlobRef) {
        let blobs = Arc::clone(self.ledger.blobs());
        self.tasks.spawn_blocking(move || {
            let result = blobs.resume(blob).map(Step::Partial);
            Done::Fetched(Box::new(Progress { blob, result }))
        });
    }

    fn ask_chunks(&mut self, blob: BlobRef, peers: &[PeerId]) {
        while let Some(fetch) = self.fetches.active.get(&blob) {
            if !fetch.is_open() || fetch.asked.len() >= limits::CHUNKS_IN_FLIGHT {
                return;
            }
            let usable = self.sources_of(blob.bytes, &fetch.usable(peers));
            let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
            let Some(peer) = fetch.choose(&usable) else { return };
            let Some(offset) = fetch.next_offset() else { return };
            let request = self.ask_chunk(peer, blob, offset);
            if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                fetch.asked.insert(request, offset);
            }
        }
    }

    /// Hands chunks to a worker, one batch at a time.
    fn append(&mut self, blob: BlobRef) {
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        let Some(mut partial) = fetch.partial.take() else { return };
        let chunks = fetch.contiguous();
        let complete = fetch.handed == blob.bytes;
        if chunks.is_empty() && !complete {
            fetch.partial = Some(partial);
            return;
        }
        let blobs = Arc::clone(self.ledger.blobs());
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

    /// Nobody who is connected can deliver it: the place is free at once.
    fn end_if_exhausted(&mut self, blob: BlobRef, peers: &[PeerId], now: Instant) {
        let Some(fetch) = self.fetches.active.get(&blob).filter(|fetch| fetch.is_exhausted(peers)) else {
            return;
        };
        let contradicted = fetch.is_contradicted(peers);
        self.fetches.set_aside(blob, contradicted, now);
        if contradicted {
            self.tell_waiting(&blob, "every connected peer knows it with another length or sent wrong bytes");
        } else if self.fetches.patience_is_over(&blob, now) {
            self.tell_waiting(&blob, "no connected peer has it");
        }
        if !contradicted {
            self.seek(blob.id);
        }
    }

    pub(super) fn on_fetched(&mut self, progress: Progress) {
        let Progress { blob, result } = progress;
        match result {
            Ok(Step::Partial(partial)) => {
                if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                    fetch.take_back(partial);
                }
            }
            Ok(Step::Complete) => {
                self.tell(Event::BlobFetched { blob: blob.id.to_string(), bytes: blob.bytes });
                self.delivered(blob);
                self.pump_blobs();
            }
            Ok(Step::Hashed(hashed)) => self.on_hashed(blob.id, hashed),
            Err(BlobError::Digest { expected, got }) => {
                tracing::warn!(%expected, %got, "peers sent wrong bytes");
                self.fetch_again(blob);
            }
            Err(error) => {
                tracing::warn!(%error, "a blob was not fetched");
                self.give_up(blob, &error.to_string());
            }
        }
    }

    fn fetch_again(&mut self, blob: BlobRef) {
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        let liar = fetch.restart();
        if fetch.attempts < limits::FETCH_ATTEMPTS {
            self.reopen(blob);
        } else {
            self.give_up(blob, "peers sent wrong bytes again and again");
        }
        if let Some(peer) = liar {
            self.blame(peer, &Offence::WrongBytes { blob: blob.id });
        }
    }

    /// A blob is here: whoever waits for it is told, whatever length was expected.
    fn delivered(&mut self, blob: BlobRef) {
        self.fetches.forget(blob.id);
        for reference in self.fetches.waiting_for(blob.id) {
            for answer in self.fetches.take_waiting(&reference) {
                let _ = answer.send(stored(self, blob)); // the client may have gone
            }
        }
    }

    fn on_hashed(&mut self, id: BlobId, hashed: Result<u64, BlobError>) {
        self.fetches.verifying.remove(&id);
        match hashed {
            Ok(bytes) => self.delivered(BlobRef { id, bytes }),
            Err(BlobError::Digest { .. } | BlobError::Missing { .. }) => {
                tracing::warn!(blob = %id.short(), "damaged on disk: fetched again");
                for reference in self.fetches.waiting_for(id) {
                    self.fetches.want_urgently(reference);
                }
            }
            Err(error) => {
                for reference in self.fetches.waiting_for(id) {
                    self.tell_waiting(&reference, &error.to_string());
                }
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
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        // Of an attempt that was given up.
        if fetch.asked.remove(&request).is_none() {
            return;
        }
        let expected = limits::CHUNK_BYTES.min(blob.bytes.saturating_sub(offset));
        if total == blob.bytes && bytes.len() as u64 == expected {
            return fetch.keep(peer, offset, bytes, Instant::now());
        }
        // Another length: the peer lies, or whoever named the blob does. A chunk that is cut short is a lie.
        tracing::debug!(%peer, blob = %blob.id.short(), expected = blob.bytes, got = total, "no such chunk");
        fetch.against.insert(peer);
        fetch.again.push(offset);
        if total == blob.bytes {
            let offence = Offence::ShortChunk { blob: blob.id, expected, got: bytes.len() };
            self.blame(peer, &offence);
        }
    }

    /// A peer did not deliver a chunk: somebody else may, or the same one later.
    pub(super) fn on_no_chunk(
        &mut self,
        peer: PeerId,
        request: OutboundRequestId,
        blob: BlobRef,
        lacks: bool,
    ) {
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        let Some(offset) = fetch.asked.remove(&request) else { return };
        fetch.again.push(offset);
        tracing::debug!(%peer, blob = %blob.id.short(), lacks, "no chunk");
        if lacks {
            fetch.absent.insert(peer);
        } else {
            fetch.busy.insert(peer, Instant::now());
        }
    }

    /// Fetches without progress make room for others; clients that have waited long enough are told.
    pub(super) fn sweep_fetches(&mut self) {
        let now = Instant::now();
        let active: Vec<BlobRef> = self.fetches.active.keys().copied().collect();
        for blob in active {
            let Some(fetch) = self.fetches.active.get_mut(&blob) else { continue };
            if fetch.is_stalled(now) {
                // What was written stays.
                self.fetches.set_aside(blob, false, now);
                self.tell_waiting(&blob, "no connected peer has it");
                self.seek(blob.id);
            } else if fetch.is_slow(now) && self.fetches.holds_up_others(&blob) {
                self.fetches.send_to_the_end(blob, now);
            }
        }
        for blob in self.fetches.sweep(now) {
            self.serve_client(blob);
        }
        self.tidy_parts(now);
    }

    fn tidy_parts(&mut self, now: Instant) {
        let tidied = *self.fetches.tidied.get_or_insert(now);
        if now.saturating_duration_since(tidied) < limits::PART_SWEEP {
            return;
        }
        self.fetches.tidied = Some(now);
        let blobs = Arc::clone(self.ledger.blobs());
        self.tasks.spawn_blocking(move || {
            if let Err(error) = blobs.expire_parts(limits::PART_AGE) {
                tracing::warn!(%error, "old partial blobs were not deleted");
            }
            Done::Tidied(Ok(()))
        });
    }

    fn give_up(&mut self, blob: BlobRef, why: &str) {
        self.fetches.set_aside(blob, true, Instant::now());
        self.tell_waiting(&blob, why);
    }

    fn tell_waiting(&mut self, blob: &BlobRef, why: &str) {
        for answer in self.fetches.take_waiting(blob) {
            let message = format!("blob {} was not fetched: {why}", blob.id);
            let _ = answer.send(Body::Error { kind: ErrorKind::Network, message });
        }
    }
}

/// The answer for a blob that is here.
pub(super) fn stored(daemon: &Daemon, blob: BlobRef) -> Body {
    let path = daemon.ledger.blobs().path(blob.id).display().to_string();
    Body::BlobStored { blob: blob.id.to_string(), path, bytes: blob.bytes }
}
