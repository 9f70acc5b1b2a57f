//! Blobs from whoever has them: several chunks at once, from several peers, each verified before it is written.
//!
//! ```text
//! fetch      the daemon's part: peers, workers, clients
//! queue      which blob has its turn
//! transfer   one blob on its way here
//! ```

mod queue;
mod transfer;

pub(super) use queue::Fetches;
pub(super) use transfer::Item;

use super::peers::Offence;
use super::{Daemon, Done};
use crate::blobs::{BlobError, Opened, Verified, chunk_len};
use crate::limits;
use api::{Body, ErrorKind, Event};
use bytes::Bytes;
use libp2p::PeerId;
use libp2p::request_response::OutboundRequestId;
use protocol::{BlobFacts, BlobId, BlobRef, BlobRole};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What a worker did with a blob.
pub(super) struct Progress {
    blob: BlobRef,
    /// What came from a peer and was checked.
    item: Option<Item>,
    result: Result<Step, BlobError>,
}

enum Step {
    /// It is known what is here.
    Opened(Option<Opened>),
    /// A chunk is right.
    Verified(Verified),
    /// These chunks were written.
    Written(Vec<u32>),
    /// In its place.
    Complete,
    /// One that was here already was hashed: its length.
    Hashed(Result<u64, BlobError>),
}

impl Daemon {
    /// Reads the blobs that records need and that are here; fetches the others.
    pub(super) fn pump_blobs(&mut self) {
        let now = Instant::now();
        self.fetches.unread.clear();
        for (role, blob) in self.ledger.wanted() {
            if self.ledger.blobs().len_of(blob.id).is_none() {
                self.fetches.want(blob, now);
            } else if self.fetches.unread.len() < limits::FETCH_QUEUE {
                self.fetches.unread.push_back((role, blob));
            }
        }
        // Found damaged when a proof check read them, or when a peer asked for a chunk.
        for blob in self.ledger.blobs().take_damaged() {
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
            self.work(blob, None, move || Ok(Step::Hashed(blobs.verify_or_discard(blob.id))));
        }
    }

    /// Runs something on a blocking thread.
    fn work(
        &mut self,
        blob: BlobRef,
        item: Option<Item>,
        work: impl FnOnce() -> Result<Step, BlobError> + Send + 'static,
    ) {
        self.tasks.spawn_blocking(move || {
            let result = work();
            Done::Fetched(Box::new(Progress { blob, item, result }))
        });
    }

    /// Starts fetches and asks for chunks, as far as there are places and peers.
    pub(super) fn pump_fetches(&mut self) {
        let now = Instant::now();
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        self.fetches.meet(&peers, now);
        let (used, quota) = (self.ledger.blobs().used(), self.ledger.blobs().quota());
        while let Some(blob) = self.fetches.next(used, quota, now) {
            if self.ledger.blobs().len_of(blob.id).is_some() {
                // A client has added it in the meantime.
                self.fetches.forget(blob.id);
            } else {
                let room = self.room();
                self.work(blob, None, move || room.make(|blobs| blobs.resume(blob)).map(Step::Opened));
            }
        }
        // Whoever has asked for least goes first: a large blob does not keep a peer from a small one.
        let mut active: Vec<(usize, BlobRef)> =
            self.fetches.active.iter().map(|(blob, fetch)| (fetch.asked(), *blob)).collect();
        active.sort_unstable();
        for (_, blob) in active {
            self.ask_chunks(blob, &peers, now);
            self.complete(blob);
            self.end_if_exhausted(blob, &peers, now);
        }
    }

    fn ask_chunks(&mut self, blob: BlobRef, peers: &[PeerId], now: Instant) {
        loop {
            let Some(fetch) = self.fetches.active.get(&blob) else { return };
            let usable = self.sources_of(blob.bytes, &fetch.usable(peers, now));
            let asked = |peer: &PeerId| self.fetches.active.values().map(|f| f.asked_of(peer)).sum::<usize>();
            let free: Vec<PeerId> =
                usable.into_iter().filter(|peer| asked(peer) < limits::CHUNKS_PER_PEER).collect();
            let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
            let Some((peer, item)) = fetch.next(&free, now) else { return };
            let request = self.ask_blob(peer, blob, item);
            if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                fetch.ask(request, peer, item, now);
            }
        }
    }

    fn write_next(&mut self, blob: BlobRef) {
        let next = self.fetches.active.get_mut(&blob).and_then(|fetch| fetch.next_writes());
        let Some((partial, chunks)) = next else { return };
        let blobs = Arc::clone(self.ledger.blobs());
        self.work(blob, None, move || {
            let write = |chunk: Verified| blobs.write(&partial, &chunk).map(|()| chunk.index());
            chunks.into_iter().map(write).collect::<Result<_, _>>().map(Step::Written)
        });
    }

    /// Every chunk is here: the blob takes its place.
    fn complete(&mut self, blob: BlobRef) {
        let Some(partial) = self.fetches.active.get_mut(&blob).and_then(|fetch| fetch.complete()) else {
            return;
        };
        let blobs = Arc::clone(self.ledger.blobs());
        self.work(blob, None, move || blobs.finish(&partial).map(|_| Step::Complete));
    }

    /// Nobody who is connected can deliver it: the place is free at once.
    fn end_if_exhausted(&mut self, blob: BlobRef, peers: &[PeerId], now: Instant) {
        let Some(fetch) =
            self.fetches.active.get(&blob).filter(|fetch| !peers.is_empty() && fetch.has_no_source(peers))
        else {
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
        let Progress { blob, item, result } = progress;
        match result {
            Ok(Step::Opened(opened)) => {
                if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                    fetch.opened(opened);
                }
            }
            Ok(Step::Verified(chunk)) => {
                if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                    fetch.verified(chunk);
                }
                self.write_next(blob);
            }
            Ok(Step::Written(chunks)) => {
                if let Some(fetch) = self.fetches.active.get_mut(&blob) {
                    let now = Instant::now();
                    chunks.into_iter().for_each(|index| fetch.written(index, now));
                }
                self.write_next(blob);
            }
            Ok(Step::Complete) => {
                self.tell(Event::BlobFetched { blob: blob.id.to_string(), bytes: blob.bytes });
                self.delivered(blob);
                self.pump_blobs();
            }
            Ok(Step::Hashed(hashed)) => self.on_hashed(blob.id, hashed),
            Err(error @ (BlobError::Tree { .. } | BlobError::Chunk { .. })) => {
                self.on_lie(blob, item, &error)
            }
            Err(error @ BlobError::NoSpace(_)) => {
                // It goes on by itself once there is room.
                self.fetches.set_aside(blob, false, Instant::now());
                self.tell_waiting(&blob, &error.to_string());
            }
            Err(error) => {
                tracing::warn!(%error, "a blob was not fetched");
                self.give_up(blob, &error.to_string());
            }
        }
    }

    /// Wrong bytes, and it is known whose.
    fn on_lie(&mut self, blob: BlobRef, item: Option<Item>, error: &BlobError) {
        let fetch = self.fetches.active.get_mut(&blob);
        let Some(peer) = fetch.zip(item).and_then(|(fetch, item)| fetch.wrong(item)) else { return };
        tracing::warn!(%peer, %error, "a peer sent wrong bytes");
        self.blame(peer, &Offence::WrongBytes { blob: blob.id });
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

    /// A peer answered with bytes, and with the length that the blob has by what it knows.
    pub(super) fn on_bytes(
        &mut self,
        peer: PeerId,
        request: OutboundRequestId,
        (blob, item): (BlobRef, Item),
        total: u64,
        bytes: Bytes,
    ) {
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        let cut = match item {
            Item::Chunk(index) => chunk_len(blob.bytes, index) != Some(bytes.len()),
            Item::Tree => false,
        };
        if total != blob.bytes || cut {
            // Another length: the peer lies, or whoever named the blob does. A chunk that is cut short is a lie.
            tracing::debug!(%peer, blob = %blob.id.short(), expected = blob.bytes, got = total, "no such chunk");
            if fetch.contradicted(request) && total == blob.bytes {
                self.blame(peer, &Offence::ShortChunk { blob: blob.id, got: bytes.len() });
            }
            return;
        }
        let Some(item) = fetch.answered(request) else { return };
        let blobs = Arc::clone(self.ledger.blobs());
        match (item, fetch.partial()) {
            (Item::Chunk(index), Some(partial)) => {
                self.work(blob, Some(item), move || partial.verify(index, bytes).map(Step::Verified))
            }
            (Item::Tree, _) => self.work(blob, Some(item), move || {
                blobs.begin(blob, &bytes).map(|opened| Step::Opened(Some(opened)))
            }),
            // Chunks are asked for only once there is a place for them.
            (Item::Chunk(_), None) => {}
        }
    }

    /// A peer did not deliver: somebody else may, or the same one later.
    pub(super) fn on_no_bytes(
        &mut self,
        peer: PeerId,
        request: OutboundRequestId,
        blob: BlobRef,
        lacks: bool,
    ) {
        let Some(fetch) = self.fetches.active.get_mut(&blob) else { return };
        let known = if lacks { fetch.lacked(request) } else { fetch.failed(request, Instant::now()) };
        tracing::debug!(%peer, blob = %blob.id.short(), lacks, known, "no chunk");
    }

    /// Blobs on their way, for clients.
    pub(super) fn fetch_list(&self) -> Vec<api::Fetch> {
        self.fetches.view(Instant::now())
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
        self.make_room(now);
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
            Done::Nothing
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
