//! Answering peers, and catching up with them: the record set is the truth, gossip only a hint.

use super::catch_up::{self, CatchUp, Part, Step, SyncError};
use super::fetch::Item;
use super::peers::Offence;
use super::records::{Records, Source};
use super::{Daemon, Done, PeerSummary};
use crate::blobs::{BlobError, BlobStore};
use crate::ledger::{Ledger, now};
use crate::limits;
use crate::net::{PartMessage, Request, Response, Summary};
use libp2p::PeerId;
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use protocol::{BlobId, BlobRef, Fingerprint, RecordId};
use serde_bytes::ByteBuf;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// What a request that is under way was for.
pub(super) enum Asked {
    /// `own` tells which own records there were: see [`Ledger::own_changes`].
    Summary {
        after: Option<RecordId>,
        own: u64,
    },
    Reconcile {
        parts: Vec<Part>,
    },
    Records {
        ids: HashSet<RecordId>,
    },
    Have {
        ids: HashSet<RecordId>,
    },
    Blob {
        blob: BlobRef,
        item: Item,
    },
}

/// A request that is being answered.
pub(super) struct Serving {
    peer: PeerId,
    /// Whether it is for bytes of a blob.
    blob: bool,
}

/// A catch-up and its request that is under way.
pub(super) struct Sync {
    catch_up: CatchUp,
    asked: Option<OutboundRequestId>,
    /// Which own records there were when the first of the parts that are reconciled was begun: see [`Ledger::own_changes`].
    own: u64,
    since: Instant,
}

impl Daemon {
    /// Catches up with every peer, as far as there are places.
    pub(super) fn catch_up(&mut self) {
        let mut peers: Vec<PeerId> = self.peers.keys().copied().collect();
        // Those that answer first, and those first whose turn is longest ago.
        peers.sort_by_key(|peer| self.peers.get(peer).map(|info| (!info.answers, info.asked)));
        for peer in peers {
            self.start_sync(peer);
        }
    }

    pub(super) fn start_sync(&mut self, peer: PeerId) {
        // Without room on the disk nothing would be taken.
        if self.disk.no_space().is_some() || self.syncs.contains_key(&peer) || !self.has_place_for_sync(peer)
        {
            return;
        }
        let Some(info) = self.peers.get_mut(&peer) else { return };
        let since = Instant::now();
        info.asked = Some(since);
        let catch_up = CatchUp::new(since, info.slow);
        self.syncs.insert(peer, Sync { catch_up, asked: None, own: 0, since });
        self.step_sync(peer);
    }

    /// Whether there is a place for a catch-up with this peer.
    fn has_place_for_sync(&self, peer: PeerId) -> bool {
        let answers = |peer: &PeerId| self.peers.get(peer).is_some_and(|info| info.answers);
        // Of those that have not answered yet there is only the question here: after a while it takes no place.
        let taken =
            |(peer, sync): &(&PeerId, &Sync)| answers(peer) || sync.since.elapsed() < limits::SYNC_PATIENCE;
        let all = self.syncs.iter().filter(taken).count();
        let unanswered = self.syncs.iter().filter(taken).filter(|(peer, _)| !answers(peer)).count();
        self.peers.contains_key(&peer)
            && all < limits::SYNCS
            && (answers(&peer) || unanswered < limits::SYNCS_UNANSWERED)
    }

    /// Catches up with those that found no place when they came.
    pub(super) fn meet_new_peers(&mut self) {
        let new: Vec<PeerId> =
            self.peers.iter().filter(|(_, info)| info.asked.is_none()).map(|(peer, _)| *peer).collect();
        for peer in new {
            self.start_sync(peer);
        }
    }

    fn note_answer(&mut self, peer: PeerId, answers: bool) {
        if let Some(info) = self.peers.get_mut(&peer) {
            info.answers = answers;
        }
    }

    /// Goes on with the catch-ups that have paused, and ends those that have taken too long.
    pub(super) fn resume_syncs(&mut self) {
        let late: Vec<PeerId> =
            self.syncs.iter().filter(|(_, sync)| sync.catch_up.is_late()).map(|(peer, _)| *peer).collect();
        for peer in late {
            self.syncs.remove(&peer);
            self.note_answer(peer, false);
        }
        let idle: Vec<PeerId> =
            self.syncs.iter().filter(|(_, sync)| sync.asked.is_none()).map(|(peer, _)| *peer).collect();
        for peer in idle {
            self.step_sync(peer);
        }
    }

    /// Asks the next thing, unless too much waits to be checked: then the next sweep goes on.
    fn step_sync(&mut self, peer: PeerId) {
        loop {
            let origin = self.records.origin_of(peer);
            let crowded = self.ledger.state().jobs_of(origin) > limits::SYNC_JOBS
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
                    let own = self.ledger.own_changes();
                    (Request::Summary { after, fingerprint }, Asked::Summary { after, own })
                }
                Step::Records { mut ids } => {
                    // Others may have brought some of them in the meantime.
                    let missing = missing(&self.ledger, &self.records);
                    ids.retain(|id| missing(*id));
                    if ids.is_empty() {
                        continue;
                    }
                    (Request::Records { ids: ids.clone() }, Asked::Records { ids: ids.into_iter().collect() })
                }
                Step::Reconcile { messages } => {
                    let parts = messages.iter().map(|m| (m.competition, m.kind)).collect();
                    (Request::Reconcile { messages }, Asked::Reconcile { parts })
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
            Some(sync) => {
                if sync.catch_up.is_between_parts() {
                    sync.own = self.ledger.own_changes();
                }
                sync.catch_up.begin(part, &own, missing)
            }
            None => Ok(()),
        }
    }

    pub(super) fn ask_blob(&mut self, peer: PeerId, blob: BlobRef, item: Item) -> OutboundRequestId {
        let request = match item {
            Item::Tree => Request::Tree { blob: blob.id },
            Item::Chunk(index) => Request::Chunk { blob: blob.id, index },
        };
        let id = self.ask(peer, request);
        self.asked.insert(id, Asked::Blob { blob, item });
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
        if !matches!(asked, Asked::Blob { .. } | Asked::Have { .. }) {
            self.note_answer(peer, true);
        }
        match (asked, response) {
            (Asked::Summary { after: None, own }, Response::Same { total, time }) => {
                // Unless there are others since it was asked.
                if own == self.ledger.own_changes() {
                    self.peer_has_all(peer);
                }
                if let Some(info) = self.peers.get_mut(&peer) {
                    (info.records, info.summary) = (total, PeerSummary::Same);
                    info.note_time(time);
                }
                self.syncs.remove(&peer);
                return;
            }
            (Asked::Summary { after, .. }, Response::Summary { competitions, more, total, time }) => {
                if let Some(info) = self.peers.get_mut(&peer) {
                    info.note_time(time);
                }
                if let Err(error) = self.on_summary(peer, after, &competitions, more, total) {
                    return self.end_sync(peer, &error);
                }
            }
            (Asked::Reconcile { parts }, Response::Reconciled { messages }) => {
                if let Err(error) = self.on_reconciled(peer, &parts, &messages) {
                    return self.end_sync(peer, &error);
                }
            }
            (Asked::Records { ids }, Response::Records { records }) => {
                if let Err(error) = self.on_records(peer, ids, &records) {
                    return self.end_sync(peer, &error);
                }
            }
            (Asked::Have { ids }, Response::Held { ids: held }) => self.on_held(peer, &ids, &held),
            (Asked::Have { .. }, Response::Busy) => self.not_held(peer),
            (Asked::Have { .. }, _) => {
                self.not_held(peer);
                self.blame(peer, &Offence::Held);
            }
            (Asked::Blob { blob, item: item @ Item::Tree }, Response::Tree { total, hashes }) => {
                self.on_bytes(peer, id, (blob, item), total, hashes.into_vec().into());
            }
            (Asked::Blob { blob, item: item @ Item::Chunk(_) }, Response::Chunk { total, bytes }) => {
                self.on_bytes(peer, id, (blob, item), total, bytes);
            }
            (Asked::Blob { blob, .. }, Response::NotHere) => self.on_no_bytes(peer, id, blob, true),
            (Asked::Blob { blob, .. }, Response::Busy) => self.on_no_bytes(peer, id, blob, false),
            (_, Response::Busy) => {
                self.syncs.remove(&peer);
            }
            (Asked::Blob { blob, .. }, _) => {
                self.on_no_bytes(peer, id, blob, true);
                self.blame(peer, &Offence::NoChunk { blob: blob.id });
            }
            _ => self.end_sync(peer, &SyncError::Unasked),
        }
        self.step_sync(peer);
    }

    pub(super) fn on_no_response(&mut self, peer: PeerId, id: OutboundRequestId) {
        match self.asked.remove(&id) {
            Some(Asked::Blob { blob, .. }) => self.on_no_bytes(peer, id, blob, false),
            Some(Asked::Have { .. }) => self.not_held(peer),
            Some(asked) if self.syncs.get(&peer).is_some_and(|sync| sync.asked == Some(id)) => {
                self.syncs.remove(&peer);
                self.note_answer(peer, false);
                if let (Asked::Records { .. }, Some(info)) = (asked, self.peers.get_mut(&peer)) {
                    // A quarter of it the next time.
                    info.slow = (info.slow + 2).min(usize::BITS);
                }
            }
            // Of a catch-up that took too long.
            Some(_) | None => {}
        }
    }

    fn end_sync(&mut self, peer: PeerId, error: &SyncError) {
        self.syncs.remove(&peer);
        self.note_answer(peer, false);
        if error.is_provable() {
            self.blame(peer, &Offence::CatchUp { reason: error.to_string() });
        } else {
            tracing::info!(%peer, %error, "catch-up ended");
        }
    }

    /// Takes records that were asked for, each once.
    fn on_records(
        &mut self,
        peer: PeerId,
        mut asked: HashSet<RecordId>,
        records: &[ByteBuf],
    ) -> Result<(), SyncError> {
        let in_order = records.iter().take_while(|record| asked.remove(&RecordId::of(record))).count();
        if in_order < records.len() {
            for record in records.iter().take(in_order) {
                self.ingest(record, Source::Peer { peer });
            }
            return Err(SyncError::Unasked);
        }
        if let Some(info) = self.peers.get_mut(&peer) {
            info.slow = info.slow.saturating_sub(1);
        }
        if let Some(sync) = self.syncs.get_mut(&peer) {
            sync.catch_up.on_records(records.len())?;
        }
        // The peer looks for the next ones while these are judged.
        self.step_sync(peer);
        for record in records {
            self.ingest(record, Source::Peer { peer });
        }
        Ok(())
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
        let equal: HashSet<Part> = equal.into_iter().collect();
        self.peer_has_of(peer, |_, part| equal.contains(&part));
        if let Some(info) = self.peers.get_mut(&peer) {
            info.records = total;
            info.note(after, page, |id| self.ledger.parts().digests(id));
        }
        Ok(())
    }

    fn on_reconciled(&mut self, peer: PeerId, asked: &[Part], messages: &[ByteBuf]) -> Result<(), SyncError> {
        let missing = missing(&self.ledger, &self.records);
        let Some(sync) = self.syncs.get_mut(&peer) else { return Ok(()) };
        let finished = sync.catch_up.on_messages(asked, messages, missing)?;
        // Unless there are own records that it was not compared with.
        if !finished.is_empty() && sync.own == self.ledger.own_changes() {
            let lacks: HashMap<Part, HashSet<RecordId>> =
                finished.into_iter().map(|finished| (finished.part, finished.lacks)).collect();
            self.peer_has_of(peer, |id, part| lacks.get(&part).is_some_and(|lacks| !lacks.contains(&id)));
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
        let blob = matches!(request, Request::Tree { .. } | Request::Chunk { .. });
        if self.is_crowded(peer, blob) {
            return self.respond(id, channel, Response::Busy);
        }
        self.serving.insert(id, Serving { peer, blob });
        match request {
            Request::Summary { after, fingerprint } => {
                let response = self.summary(after, fingerprint);
                self.respond(id, channel, response);
            }
            Request::Reconcile { messages } => self.serve_reconciliation(id, messages, channel),
            Request::Records { ids } => self.serve_records(id, ids, channel),
            Request::Have { ids } => {
                let held = ids.into_iter().take(limits::HAVE_IDS).filter(|id| self.ledger.is_durable(*id));
                let response = Response::Held { ids: held.collect() };
                self.respond(id, channel, response);
            }
            Request::Tree { blob } => self.serve_blob(peer, id, (blob, Item::Tree), channel),
            Request::Chunk { blob, index } => self.serve_blob(peer, id, (blob, Item::Chunk(index)), channel),
            Request::Malformed { reason } => {
                self.respond(id, channel, Response::NotHere);
                self.blame(peer, &Offence::Malformed { reason });
            }
        }
    }

    /// Whether there is no place for another request of a peer. Requests for blobs have fewer, so that there are always
    /// some for records.
    fn is_crowded(&self, peer: PeerId, blob: bool) -> bool {
        let count = |which: &dyn Fn(&Serving) -> bool| self.serving.values().filter(|s| which(s)).count();
        let too_many_blobs = || {
            count(&|serving| serving.blob) >= limits::SERVE_BLOBS_TOTAL
                || count(&|serving| serving.blob && serving.peer == peer) >= limits::SERVE_BLOBS_PER_PEER
        };
        let of_peer = count(&|serving| serving.peer == peer);
        (self.serving.len() >= limits::SERVE_TOTAL && of_peer >= limits::SERVE_RESERVED)
            || of_peer >= limits::SERVE_PER_PEER
            || (blob && too_many_blobs())
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
        if let Some(peer) = self.serving.get(&id).map(|serving| serving.peer) {
            self.count_out(peer, response.payload_bytes());
            self.metrics.answered(false, &response);
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

    fn serve_reconciliation(
        &mut self,
        id: InboundRequestId,
        messages: Vec<PartMessage>,
        channel: ResponseChannel<Response>,
    ) {
        let storage = |part: &PartMessage| self.ledger.parts().storage(part.competition, part.kind);
        let own: Vec<_> = messages.iter().take(limits::RECONCILE_PARTS).map(storage).collect();
        self.tasks.spawn_blocking(move || {
            let response = match catch_up::answer(&own, &messages) {
                Ok(messages) => Response::Reconciled { messages },
                Err(_) => Response::NotHere,
            };
            Done::Answer { id, channel, response }
        });
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

    /// Answers with bytes of a blob as soon as its turn has come at the rate that is allowed.
    fn serve_blob(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        (blob, item): (BlobId, Item),
        channel: ResponseChannel<Response>,
    ) {
        let Some(wait) = self.rates.take(peer, limits::CHUNK_BYTES, Instant::now()) else {
            return self.respond(id, channel, Response::Busy);
        };
        let blobs = Arc::clone(self.ledger.blobs());
        let answer = move || Done::Answer { id, channel, response: bytes_of(&blobs, blob, item) };
        if wait.is_zero() {
            self.tasks.spawn_blocking(answer);
        } else {
            self.tasks.spawn(async move {
                tokio::time::sleep(wait).await;
                // A lost one has dropped its channel: that ends the request.
                tokio::task::spawn_blocking(answer).await.unwrap_or(Done::Nothing)
            });
        }
    }
}

/// What is answered to a request for bytes of a blob.
fn bytes_of(blobs: &BlobStore, blob: BlobId, item: Item) -> Response {
    let response = match item {
        Item::Tree => blobs
            .tree(blob)
            .map(|tree| Response::Tree { total: tree.blob().bytes, hashes: ByteBuf::from(tree.hashes()) }),
        Item::Chunk(index) => {
            blobs.chunk(blob, index).map(|(total, bytes)| Response::Chunk { total, bytes: bytes.into() })
        }
    };
    response.unwrap_or_else(|error| match error {
        BlobError::Busy { .. } => Response::Busy,
        BlobError::Missing { .. } => Response::NotHere,
        error => {
            tracing::warn!(%error, "a blob was not read");
            Response::NotHere
        }
    })
}

/// Whether a record is neither here nor on its way, and would be taken.
fn missing<'a>(ledger: &'a Ledger, records: &'a Records) -> impl Fn(RecordId) -> bool + use<'a> {
    let state = ledger.state();
    move |id| state.set().kind_of(id).is_none() && !state.is_pending(id) && !records.is_settled(&id)
}
