//! Answering peers, and catching up with them: the record set is the truth, gossip only a hint.

use super::catch_up::{self, CatchUp, Part, Step, SyncError};
use super::peers::Offence;
use super::records::{Records, Source};
use super::{Daemon, Done, PeerSummary};
use crate::ledger::{Ledger, now};
use crate::limits;
use crate::net::{Request, Response, Summary};
use libp2p::PeerId;
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use protocol::{BlobId, BlobRef, Fingerprint, RecordId};
use rand::seq::SliceRandom;
use serde_bytes::ByteBuf;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// What a request that is under way was for.
pub(super) enum Asked {
    Summary { after: Option<RecordId> },
    Reconcile { part: Part },
    Records { ids: HashSet<RecordId> },
    Chunk { blob: BlobRef, offset: u64 },
}

/// A catch-up and its request that is under way.
pub(super) struct Sync {
    catch_up: CatchUp,
    asked: Option<OutboundRequestId>,
}

impl Daemon {
    /// Catches up with every peer, as far as there are places.
    pub(super) fn catch_up(&mut self) {
        let mut peers: Vec<PeerId> = self.peers.keys().copied().collect();
        // Not always the same ones first: slow ones must not have all places again and again.
        peers.shuffle(&mut rand::thread_rng());
        for peer in peers {
            self.start_sync(peer);
        }
    }

    pub(super) fn start_sync(&mut self, peer: PeerId) {
        if self.syncs.len() >= limits::SYNCS
            || self.syncs.contains_key(&peer)
            || !self.peers.contains_key(&peer)
        {
            return;
        }
        self.syncs.insert(peer, Sync { catch_up: CatchUp::new(Instant::now()), asked: None });
        self.step_sync(peer);
    }

    /// Goes on with the catch-ups that have paused, and ends those that have taken too long.
    pub(super) fn resume_syncs(&mut self) {
        self.syncs.retain(|_, sync| !sync.catch_up.is_late());
        let idle: Vec<PeerId> =
            self.syncs.iter().filter(|(_, sync)| sync.asked.is_none()).map(|(peer, _)| *peer).collect();
        for peer in idle {
            self.step_sync(peer);
        }
    }

    /// Asks the next thing, unless too much waits to be checked: then the next sweep goes on.
    fn step_sync(&mut self, peer: PeerId) {
        loop {
            let crowded = self.ledger.state().jobs_ready() > limits::SYNC_JOBS
                || self.records.brought_by(peer) + limits::RECORDS_PER_REQUEST > limits::WAITING_PER_PEER;
            let Some(sync) = self.syncs.get_mut(&peer) else { return };
            if sync.asked.is_some() || crowded {
                return;
            }
            let (request, asked) = match sync.catch_up.next() {
                Step::Done => {
                    self.syncs.remove(&peer);
                    return;
                }
                Step::Begin { part } => {
                    if let Err(error) = self.begin_part(peer, part) {
                        return self.end_sync(peer, &error);
                    }
                    continue;
                }
                Step::Summary { after } => {
                    let fingerprint = self.ledger.fingerprint();
                    (Request::Summary { after, fingerprint }, Asked::Summary { after })
                }
                Step::Records { ids } => {
                    (Request::Records { ids: ids.clone() }, Asked::Records { ids: ids.into_iter().collect() })
                }
                Step::Reconcile { part: (competition, kind), message } => {
                    let message = ByteBuf::from(message);
                    let request = Request::Reconcile { competition, kind, message };
                    (request, Asked::Reconcile { part: (competition, kind) })
                }
            };
            let id = self.ask(peer, request);
            if let Some(sync) = self.syncs.get_mut(&peer) {
                sync.asked = Some(id);
            }
            self.asked.insert(id, asked);
        }
    }

    fn begin_part(&mut self, peer: PeerId, part: Part) -> Result<(), SyncError> {
        let own = self.ledger.parts().storage(part.0, part.1);
        let missing = missing(&self.ledger, &self.records);
        match self.syncs.get_mut(&peer) {
            Some(sync) => sync.catch_up.begin(part, &own, missing),
            None => Ok(()),
        }
    }

    pub(super) fn ask_chunk(&mut self, peer: PeerId, blob: BlobRef, offset: u64) -> OutboundRequestId {
        let request = Request::Chunk { blob: blob.id, offset };
        let id = self.ask(peer, request);
        self.asked.insert(id, Asked::Chunk { blob, offset });
        id
    }

    fn ask(&mut self, peer: PeerId, request: Request) -> OutboundRequestId {
        self.count_out(peer, request.payload_bytes());
        self.swarm.behaviour_mut().exchange.send_request(&peer, request)
    }

    pub(super) fn on_response(&mut self, peer: PeerId, id: OutboundRequestId, response: Response) {
        let Some(asked) = self.asked.remove(&id) else { return };
        let current = self.syncs.get_mut(&peer).filter(|sync| sync.asked == Some(id));
        if let Some(sync) = current {
            sync.asked = None;
        } else if matches!(asked, Asked::Summary { .. } | Asked::Reconcile { .. }) {
            // Of a catch-up that took too long.
            return;
        }
        match (asked, response) {
            (Asked::Summary { after: None }, Response::Same { total, time }) => {
                let all: Vec<RecordId> = self.records.outbox.iter().copied().collect();
                self.peer_has(&all);
                if let Some(info) = self.peers.get_mut(&peer) {
                    (info.records, info.summary) = (total, PeerSummary::Same);
                    info.note_time(time);
                }
                self.syncs.remove(&peer);
                return;
            }
            (Asked::Summary { after }, Response::Summary { competitions, more, total, time }) => {
                if let Some(info) = self.peers.get_mut(&peer) {
                    info.note_time(time);
                }
                if let Err(error) = self.on_summary(peer, after, &competitions, more, total) {
                    return self.end_sync(peer, &error);
                }
            }
            (Asked::Reconcile { part }, Response::Reconciled { message }) => {
                if let Err(error) = self.on_reconciled(peer, part, &message) {
                    return self.end_sync(peer, &error);
                }
            }
            (Asked::Records { ids }, Response::Records { records }) => {
                for record in records.iter().take(limits::RECORDS_PER_REQUEST) {
                    if !ids.contains(&RecordId::of(record)) {
                        return self.end_sync(peer, &SyncError::Unasked);
                    }
                    self.ingest(record, Source::Peer { peer });
                }
            }
            (Asked::Chunk { blob, offset }, Response::Chunk { total, bytes }) => {
                self.on_chunk(peer, id, blob, offset, total, bytes.into_vec());
            }
            (Asked::Chunk { blob, .. }, Response::NotHere) => self.on_no_chunk(peer, id, blob, true),
            (Asked::Chunk { blob, .. }, Response::Busy) => self.on_no_chunk(peer, id, blob, false),
            (_, Response::Busy) => {
                self.syncs.remove(&peer);
            }
            (Asked::Chunk { blob, .. }, _) => {
                self.on_no_chunk(peer, id, blob, true);
                self.blame(peer, &Offence::NoChunk { blob: blob.id });
            }
            _ => self.end_sync(peer, &SyncError::Unasked),
        }
        self.step_sync(peer);
    }

    pub(super) fn on_no_response(&mut self, peer: PeerId, id: OutboundRequestId) {
        match self.asked.remove(&id) {
            Some(Asked::Chunk { blob, .. }) => self.on_no_chunk(peer, id, blob, false),
            Some(_) if self.syncs.get(&peer).is_some_and(|sync| sync.asked == Some(id)) => {
                self.syncs.remove(&peer);
            }
            // Of a catch-up that took too long.
            Some(_) | None => {}
        }
    }

    fn end_sync(&mut self, peer: PeerId, error: &SyncError) {
        self.syncs.remove(&peer);
        self.blame(peer, &Offence::CatchUp { reason: error.to_string() });
    }

    fn on_summary(
        &mut self,
        peer: PeerId,
        after: Option<RecordId>,
        page: &[Summary],
        more: bool,
        total: u64,
    ) -> Result<(), SyncError> {
        let Some(sync) = self.syncs.get_mut(&peer) else { return Ok(()) };
        let ledger = &mut self.ledger;
        let equal = sync.catch_up.on_summary(after, page, more, |id| ledger.parts().digests(id))?;
        let have: Vec<RecordId> = self
            .records
            .outbox
            .iter()
            .filter(|id| equal.iter().any(|part| self.ledger.is_in_part(**id, *part)))
            .copied()
            .collect();
        self.peer_has(&have);
        if let Some(info) = self.peers.get_mut(&peer) {
            info.records = total;
            info.note(after, page, |id| self.ledger.parts().digests(id));
        }
        Ok(())
    }

    fn on_reconciled(&mut self, peer: PeerId, part: Part, message: &[u8]) -> Result<(), SyncError> {
        let missing = missing(&self.ledger, &self.records);
        let Some(sync) = self.syncs.get_mut(&peer) else { return Ok(()) };
        let finished = sync.catch_up.on_message(part, message, missing)?;
        if let Some(part) = finished.part {
            let has = |id: &&RecordId| !finished.lacks.contains(*id) && self.ledger.is_in_part(**id, part);
            let have: Vec<RecordId> = self.records.outbox.iter().filter(has).copied().collect();
            self.peer_has(&have);
        }
        Ok(())
    }

    pub(super) fn on_request(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        request: Request,
        channel: ResponseChannel<Response>,
    ) {
        let of_peer = self.serving.values().filter(|served| **served == peer).count();
        if self.serving.len() >= limits::SERVE_TOTAL || of_peer >= limits::SERVE_PER_PEER {
            return self.respond(id, channel, Response::Busy);
        }
        self.serving.insert(id, peer);
        match request {
            Request::Summary { after, fingerprint } => {
                let response = self.summary(after, fingerprint);
                self.respond(id, channel, response);
            }
            Request::Reconcile { competition, kind, message } => {
                let own = self.ledger.parts().storage(competition, kind);
                self.tasks.spawn_blocking(move || {
                    let response = match catch_up::answer(&own, &message) {
                        Ok(message) => Response::Reconciled { message: ByteBuf::from(message) },
                        Err(_) => Response::NotHere,
                    };
                    Done::Answer { id, channel, response }
                });
            }
            Request::Records { ids } => self.serve_records(id, ids, channel),
            Request::Chunk { blob, offset } => self.serve_chunk(id, blob, offset, channel),
        }
    }

    fn summary(&mut self, after: Option<RecordId>, theirs: Fingerprint) -> Response {
        let total = self.ledger.len() as u64;
        if after.is_none() && self.ledger.fingerprint() == theirs {
            return Response::Same { total, time: now() };
        }
        let (page, more) = self.ledger.parts().competitions(after, limits::SUMMARY_PAGE);
        let summary = |competition| Summary { competition, parts: self.ledger.parts().digests(competition) };
        Response::Summary { competitions: page.into_iter().map(summary).collect(), more, total, time: now() }
    }

    pub(super) fn respond(
        &mut self,
        id: InboundRequestId,
        channel: ResponseChannel<Response>,
        response: Response,
    ) {
        if let Some(peer) = self.serving.get(&id).copied() {
            self.count_out(peer, response.payload_bytes());
        }
        if self.swarm.behaviour_mut().exchange.send_response(channel, response).is_err() {
            // The peer has gone: there is nobody to answer.
            self.served(id);
        }
    }

    /// The bytes of a response have left (or never will): only now its place is free, so that a peer which asks
    /// and does not read cannot pin more than its share of memory.
    pub(super) fn served(&mut self, id: InboundRequestId) {
        self.serving.remove(&id);
    }

    fn serve_records(
        &mut self,
        id: InboundRequestId,
        ids: Vec<RecordId>,
        channel: ResponseChannel<Response>,
    ) {
        let store = Arc::clone(self.ledger.store());
        self.tasks.spawn_blocking(move || {
            let (mut records, mut bytes) = (Vec::new(), 0);
            for record in ids.iter().take(limits::RECORDS_PER_REQUEST) {
                let record = match store.get(record.as_bytes()) {
                    Ok(Some(record)) => record.bytes,
                    Ok(None) => continue,
                    Err(error) => {
                        tracing::warn!(%error, "a record was not read");
                        continue;
                    }
                };
                bytes += record.len();
                if bytes > limits::RECORDS_PAGE_BYTES {
                    break;
                }
                records.push(ByteBuf::from(record));
            }
            Done::Answer { id, channel, response: Response::Records { records } }
        });
    }

    fn serve_chunk(
        &mut self,
        id: InboundRequestId,
        blob: BlobId,
        offset: u64,
        channel: ResponseChannel<Response>,
    ) {
        let blobs = Arc::clone(self.ledger.blobs());
        self.tasks.spawn_blocking(move || {
            let response = match blobs.read_chunk(blob, offset, limits::CHUNK_BYTES) {
                Ok(Some((total, bytes))) => Response::Chunk { total, bytes: ByteBuf::from(bytes) },
                Ok(None) => Response::NotHere,
                Err(error) => {
                    tracing::warn!(%error, "a blob was not read");
                    Response::NotHere
                }
            };
            Done::Answer { id, channel, response }
        });
    }
}

/// Whether a record is neither here nor on its way, and would be taken.
fn missing<'a>(ledger: &'a Ledger, records: &'a Records) -> impl Fn(RecordId) -> bool + use<'a> {
    let state = ledger.state();
    move |id| state.set().kind_of(id).is_none() && !state.is_pending(id) && !records.is_settled(&id)
}
