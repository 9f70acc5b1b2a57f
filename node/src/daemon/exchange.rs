//! Answering peers, and catching up with them: the record set is the truth, gossip only a hint.

use super::records::Source;
use super::{Daemon, Done};
use crate::ledger::Place;
use crate::limits;
use crate::net::{Request, Response};
use libp2p::PeerId;
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use protocol::{BlobId, BlobRef, RecordId};
use rand::seq::SliceRandom;
use serde_bytes::ByteBuf;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// What a request that is under way was for.
pub(super) enum Asked {
    Ids { after: Option<Place> },
    Records { ids: HashSet<RecordId> },
    Chunk { blob: BlobRef, offset: u64 },
}

/// A catch-up with one peer: pages of ids are read, and the missing records asked for.
pub(super) struct CatchUp {
    since: Instant,
    wanted: VecDeque<RecordId>,
    after: Option<Place>,
    listed: bool,
    pages: usize,
    /// The request that is under way.
    asked: Option<OutboundRequestId>,
}

impl CatchUp {
    fn new(since: Instant) -> Self {
        Self { since, wanted: VecDeque::new(), after: None, listed: false, pages: 0, asked: None }
    }

    fn is_late(&self) -> bool {
        self.since.elapsed() > limits::SYNC_DEADLINE
    }
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
        self.syncs.insert(peer, CatchUp::new(Instant::now()));
        self.step_sync(peer);
    }

    /// Goes on with the catch-ups that have paused, and ends those that have taken too long.
    pub(super) fn resume_syncs(&mut self) {
        self.syncs.retain(|_, sync| !sync.is_late());
        let idle: Vec<PeerId> =
            self.syncs.iter().filter(|(_, sync)| sync.asked.is_none()).map(|(peer, _)| *peer).collect();
        for peer in idle {
            self.step_sync(peer);
        }
    }

    /// Asks the next thing, unless too much waits to be checked: then the next sweep goes on.
    fn step_sync(&mut self, peer: PeerId) {
        let crowded = self.ledger.state().jobs_ready() > limits::SYNC_JOBS
            || self.records.brought_by(peer) + limits::RECORDS_PER_REQUEST > limits::WAITING_PER_PEER;
        let Some(sync) = self.syncs.get_mut(&peer) else { return };
        if sync.asked.is_some() || crowded {
            return;
        }
        let (request, asked) =
            if sync.wanted.len() >= limits::RECORDS_PER_REQUEST || (sync.listed && !sync.wanted.is_empty()) {
                let n = sync.wanted.len().min(limits::RECORDS_PER_REQUEST);
                let ids: Vec<RecordId> = sync.wanted.drain(..n).collect();
                (Request::Records { ids: ids.clone() }, Asked::Records { ids: ids.into_iter().collect() })
            } else if sync.listed {
                self.syncs.remove(&peer);
                return;
            } else {
                (Request::Ids { after: sync.after }, Asked::Ids { after: sync.after })
            };
        let id = self.swarm.behaviour_mut().exchange.send_request(&peer, request);
        sync.asked = Some(id);
        self.asked.insert(id, asked);
    }

    pub(super) fn ask_chunk(&mut self, peer: PeerId, blob: BlobRef, offset: u64) -> OutboundRequestId {
        let request = Request::Chunk { blob: blob.id, offset };
        let id = self.swarm.behaviour_mut().exchange.send_request(&peer, request);
        self.asked.insert(id, Asked::Chunk { blob, offset });
        id
    }

    pub(super) fn on_response(&mut self, peer: PeerId, id: OutboundRequestId, response: Response) {
        let Some(asked) = self.asked.remove(&id) else { return };
        let current = self.syncs.get_mut(&peer).filter(|sync| sync.asked == Some(id));
        if let Some(sync) = current {
            sync.asked = None;
        } else if matches!(asked, Asked::Ids { .. }) {
            // Of a catch-up that took too long.
            return;
        }
        match (asked, response) {
            (Asked::Ids { after }, Response::Ids { ids, more, total, fingerprint }) => {
                if let Some(info) = self.peers.get_mut(&peer) {
                    info.records = total;
                }
                if after.is_none() && fingerprint == self.ledger.fingerprint() {
                    let all: Vec<RecordId> = self.records.outbox.iter().copied().collect();
                    self.peer_has(&all);
                    self.syncs.remove(&peer);
                    return;
                }
                if !in_order(after, &ids) || ids.len() > limits::IDS_PER_PAGE {
                    return self.end_sync(peer, "a page that is out of order or too long");
                }
                self.on_page(peer, &ids, more);
            }
            (Asked::Records { ids }, Response::Records { records }) => {
                for record in records.iter().take(limits::RECORDS_PER_REQUEST) {
                    if !ids.contains(&RecordId::of(record)) {
                        return self.end_sync(peer, "a record that was not asked for");
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
                self.blame(peer);
            }
            _ => self.end_sync(peer, "an answer to another question"),
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

    fn end_sync(&mut self, peer: PeerId, why: &str) {
        tracing::info!(%peer, why, "catch-up ended");
        self.syncs.remove(&peer);
        self.blame(peer);
    }

    fn on_page(&mut self, peer: PeerId, page: &[Place], more: bool) {
        let ids: Vec<RecordId> = page.iter().map(|(_, id)| *id).collect();
        self.peer_has(&ids);
        let state = self.ledger.state();
        let here = |id: &RecordId| state.set().kind_of(*id).is_some() || state.is_pending(*id);
        let missing: Vec<RecordId> =
            ids.into_iter().filter(|id| !here(id) && !self.records.is_settled(id)).collect();
        let Some(sync) = self.syncs.get_mut(&peer) else { return };
        sync.wanted.extend(missing.into_iter().take(limits::SYNC_WANTED.saturating_sub(sync.wanted.len())));
        sync.pages += 1;
        sync.after = page.last().copied().or(sync.after);
        sync.listed = !more || page.is_empty() || sync.pages >= limits::PAGES_PER_SYNC;
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
            Request::Ids { after } => {
                let (ids, more) = self.ledger.page(after, limits::IDS_PER_PAGE);
                let (total, fingerprint) = (self.ledger.len() as u64, self.ledger.fingerprint());
                self.respond(id, channel, Response::Ids { ids, more, total, fingerprint });
            }
            Request::Records { ids } => self.serve_records(id, ids, channel),
            Request::Chunk { blob, offset } => self.serve_chunk(id, blob, offset, channel),
        }
    }

    pub(super) fn respond(
        &mut self,
        id: InboundRequestId,
        channel: ResponseChannel<Response>,
        response: Response,
    ) {
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

/// Strictly ascending, above `after`.
fn in_order(after: Option<Place>, ids: &[Place]) -> bool {
    let above = match (after, ids.first()) {
        (Some(after), Some(first)) => *first > after,
        _ => true,
    };
    above && ids.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_forward_or_the_peer_could_keep_a_catch_up_going_for_ever() {
        let place = |kind, n: u8| (kind, RecordId::new([n; 32]));
        assert!(in_order(None, &[]));
        assert!(in_order(None, &[place(0, 5), place(1, 1), place(1, 2)]));
        assert!(!in_order(None, &[place(1, 2), place(1, 2)]));
        assert!(!in_order(None, &[place(1, 2), place(0, 9)]));
        assert!(!in_order(Some(place(1, 2)), &[place(1, 2)]));
        assert!(in_order(Some(place(1, 2)), &[place(2, 0)]));
    }
}
