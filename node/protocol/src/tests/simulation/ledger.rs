//! An honest node's disk: what is on it is there after a crash, and what waits to be flushed is not.

use super::network::Place;
use crate::{BlobId, RecordId};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

#[derive(Default)]
pub(super) struct Ledger {
    flushed: BTreeMap<Place, Arc<[u8]>>,
    places: BTreeMap<RecordId, Place>,
    waiting: BTreeMap<Place, Arc<[u8]>>,
    displaced: BTreeSet<RecordId>,
    pub(super) blobs: BTreeMap<BlobId, Arc<[u8]>>,
}

impl Ledger {
    /// Kept, but not on the disk yet.
    pub(super) fn write(&mut self, place: Place, bytes: Arc<[u8]>) {
        self.displaced.remove(&place.1);
        self.waiting.insert(place, bytes);
    }

    pub(super) fn displace(&mut self, id: RecordId) {
        self.waiting.retain(|place, _| place.1 != id);
        self.displaced.insert(id);
    }

    /// Puts everything on the disk; only then what was displaced goes, so that a crash loses neither.
    pub(super) fn flush(&mut self) -> Vec<RecordId> {
        let waiting = std::mem::take(&mut self.waiting);
        let ids = waiting.keys().map(|place| place.1).collect();
        self.places.extend(waiting.keys().map(|place| (place.1, *place)));
        self.flushed.extend(waiting);
        for id in std::mem::take(&mut self.displaced) {
            self.remove(id);
        }
        ids
    }

    pub(super) fn remove(&mut self, id: RecordId) {
        if let Some(place) = self.places.remove(&id) {
            self.flushed.remove(&place);
        }
    }

    pub(super) fn crash(&mut self) {
        self.waiting.clear();
        self.displaced.clear();
    }

    pub(super) fn has(&self, id: RecordId) -> bool {
        self.places.contains_key(&id)
    }

    pub(super) fn get(&self, id: RecordId) -> Option<&Arc<[u8]>> {
        self.flushed.get(self.places.get(&id)?)
    }

    /// In the order of kinds: what a record refers to comes before it.
    pub(super) fn all(&self) -> Vec<Arc<[u8]>> {
        self.flushed.values().cloned().collect()
    }

    /// The next places after one, and whether there are more.
    pub(super) fn page(&self, after: Option<Place>, most: usize) -> (Vec<Place>, bool) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.flushed.range((from, Bound::Unbounded)).map(|(place, _)| *place);
        let page = rest.by_ref().take(most).collect();
        (page, rest.next().is_some())
    }
}
