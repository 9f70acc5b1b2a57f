//! How an honest node catches up with its peers and fetches blobs, and what it serves.

use super::{
    limits,
    network::{Ix, Message, Ms, Place, Tag, Timer},
    node::Node,
    wishes::Out,
};
use crate::{BlobId, BlobRole, RecordId};
use rand::{Rng, seq::IteratorRandom};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// A catch-up with one peer: pages of ids are read, and the missing records asked for.
pub(super) struct Sync {
    since: Ms,
    after: Option<Place>,
    wanted: VecDeque<RecordId>,
    listed: bool,
    pages: usize,
    asked: Asked,
    tag: Tag,
}

enum Asked {
    Ids,
    Records(BTreeSet<RecordId>),
}

#[derive(Default)]
pub(super) struct Exchange {
    pub(super) syncs: BTreeMap<Ix, Sync>,
    pub(super) blobs: BTreeMap<(Ix, BlobId), Ms>,
}

impl Exchange {
    pub(super) fn forget(&mut self, peer: Ix) {
        self.syncs.remove(&peer);
        self.blobs.retain(|(from, _), _| *from != peer);
    }
}

impl Node {
    pub(super) fn on_message(&mut self, from: Ix, message: Message, out: &mut Out<'_>) {
        match message {
            Message::Gossip(bytes) => self.gossiped(&bytes, from, out),
            Message::AskIds { tag, after } => {
                let (ids, more) = self.ledger.page(after, limits::IDS_PER_PAGE);
                let fingerprint = self.state.set().fingerprint();
                out.sends.push((from, Message::Ids { tag, ids, more, fingerprint }));
            }
            Message::AskRecords(tag, ids) => {
                let ids = ids.iter().take(limits::RECORDS_PER_REQUEST);
                let records = ids.filter_map(|id| self.ledger.get(*id).cloned()).collect();
                out.sends.push((from, Message::Records(tag, records)));
            }
            Message::AskBlob(id) => {
                let bytes = self.ledger.blobs.get(&id).map(Arc::clone);
                out.sends.push((from, Message::Blob(id, bytes)));
            }
            Message::Ids { tag, ids, more, fingerprint } => {
                let Some(sync) = self.exchange.syncs.get(&from).filter(|sync| sync.tag == tag) else {
                    return;
                };
                if sync.after.is_none() && fingerprint == self.state.set().fingerprint() {
                    self.exchange.syncs.remove(&from);
                } else {
                    self.on_ids(from, &ids, more, out);
                }
            }
            Message::Records(tag, records) => {
                if self.exchange.syncs.get(&from).is_some_and(|sync| sync.tag == tag) {
                    self.on_records(from, &records, out);
                }
            }
            Message::Blob(id, bytes) => self.on_blob(from, id, bytes, out),
        }
    }

    pub(super) fn start_sync(&mut self, out: &mut Out<'_>) {
        let late = |sync: &Sync| out.now.saturating_sub(sync.since) > limits::SYNC_DEADLINE;
        self.exchange.syncs.retain(|_, sync| !late(sync));
        if let Some(peer) = self.friends().choose(out.rng) {
            self.sync_with(peer, out);
        }
        out.timers.push((out.rng.gen_range(2500..4500), Timer::Sync));
    }

    pub(super) fn sync_with(&mut self, peer: Ix, out: &mut Out<'_>) {
        if self.exchange.syncs.len() >= limits::SYNCS || self.exchange.syncs.contains_key(&peer) {
            return;
        }
        let (since, asked, tag) = (out.now, Asked::Ids, out.rng.r#gen());
        let sync = Sync { since, after: None, wanted: VecDeque::new(), listed: false, pages: 0, asked, tag };
        self.exchange.syncs.insert(peer, sync);
        out.sends.push((peer, Message::AskIds { tag, after: None }));
    }

    /// A catch-up whose answers get lost is given up at its deadline; the next one starts again.
    fn step_sync(&mut self, peer: Ix, out: &mut Out<'_>) {
        let Some(sync) = self.exchange.syncs.get_mut(&peer) else { return };
        sync.tag = out.rng.r#gen();
        let tag = sync.tag;
        if sync.wanted.len() >= limits::RECORDS_PER_REQUEST || (sync.listed && !sync.wanted.is_empty()) {
            let n = sync.wanted.len().min(limits::RECORDS_PER_REQUEST);
            let ids: Vec<RecordId> = sync.wanted.drain(..n).collect();
            sync.asked = Asked::Records(ids.iter().copied().collect());
            out.sends.push((peer, Message::AskRecords(tag, ids)));
        } else if sync.listed {
            self.exchange.syncs.remove(&peer);
        } else {
            sync.asked = Asked::Ids;
            out.sends.push((peer, Message::AskIds { tag, after: sync.after }));
        }
    }

    fn on_ids(&mut self, peer: Ix, page: &[Place], more: bool, out: &mut Out<'_>) {
        let here = |id: &RecordId| self.state.set().kind_of(*id).is_some() || self.state.is_pending(*id);
        let missing: Vec<RecordId> = page.iter().map(|place| place.1).filter(|id| !here(id)).collect();
        let Some(sync) = self.exchange.syncs.get_mut(&peer).filter(|sync| matches!(sync.asked, Asked::Ids))
        else {
            return;
        };
        let in_order = page.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let goes_on = page.first().is_none_or(|first| sync.after.is_none_or(|after| *first > after));
        if !goes_on || !in_order || page.len() > limits::IDS_PER_PAGE {
            self.exchange.syncs.remove(&peer);
            return self.blame(peer, out);
        }
        sync.wanted.extend(missing.into_iter().take(limits::WANTED.saturating_sub(sync.wanted.len())));
        sync.pages += 1;
        sync.after = page.last().copied().or(sync.after);
        sync.listed = !more || page.is_empty() || sync.pages >= limits::PAGES_PER_SYNC;
        self.step_sync(peer, out);
    }

    fn on_records(&mut self, peer: Ix, records: &[Arc<[u8]>], out: &mut Out<'_>) {
        let Some(sync) = self.exchange.syncs.get(&peer) else { return };
        let Asked::Records(asked) = &sync.asked else { return };
        let strange = records.iter().any(|bytes| !asked.contains(&RecordId::of(bytes)));
        if strange || records.len() > limits::RECORDS_PER_REQUEST {
            self.exchange.syncs.remove(&peer);
            return self.blame(peer, out);
        }
        for bytes in records {
            self.ingest(bytes, Some(peer), out);
        }
        self.step_sync(peer, out);
    }

    pub(super) fn look_for_blobs(&mut self, out: &mut Out<'_>) {
        self.exchange.blobs.retain(|_, since| out.now.saturating_sub(*since) <= limits::BLOB_DEADLINE);
        for wanted in self.state.wanted_blobs() {
            let id = wanted.blob.id;
            let asked = self.exchange.blobs.keys().any(|(_, asked)| *asked == id);
            if self.ledger.blobs.contains_key(&id) {
                self.read_blob(wanted.role, id, out);
            } else if !asked
                && self.exchange.blobs.len() < limits::FETCHES
                && let Some(peer) = self.friends().choose(out.rng)
            {
                self.exchange.blobs.insert((peer, id), out.now);
                out.sends.push((peer, Message::AskBlob(id)));
            }
        }
        out.timers.push((out.rng.gen_range(300..700), Timer::Blobs));
    }

    fn on_blob(&mut self, from: Ix, id: BlobId, bytes: Option<Arc<[u8]>>, out: &mut Out<'_>) {
        if self.exchange.blobs.remove(&(from, id)).is_none() {
            return;
        }
        let Some(bytes) = bytes else { return };
        if bytes.len() > limits::BLOB_BYTES || BlobId::of(&bytes) != id {
            return self.blame(from, out);
        }
        self.ledger.blobs.insert(id, bytes);
        for role in [BlobRole::VerifyingKey, BlobRole::TestSet] {
            if self.state.wanted_blobs().iter().any(|wanted| (wanted.role, wanted.blob.id) == (role, id)) {
                self.read_blob(role, id, out);
            }
        }
    }
}
