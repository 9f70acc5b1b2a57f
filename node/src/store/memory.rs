//! The store in memory: for tests and for nodes that shall leave no trace.

use super::sled_store::{check_peers, check_room};
use super::{Id, Peer, Store, StoreError, StoredRecord, Word};
use crate::limits;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Inner {
    records: BTreeMap<Id, StoredRecord>,
    competitions: BTreeSet<(Id, Id)>,
    outbox: BTreeSet<Id>,
    held: BTreeMap<Id, BTreeSet<Peer>>,
}

/// A [`Store`] that forgets everything when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change below is complete before anything can panic, so a poisoned lock guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn put(&self, records: &[StoredRecord]) -> Result<usize, StoreError> {
        let mut inner = self.inner();
        let mut new: BTreeMap<Id, &StoredRecord> = BTreeMap::new();
        for record in records.iter().filter(|record| !inner.records.contains_key(&record.id)) {
            new.entry(record.id).or_insert(record);
        }
        let to_outbox = new.values().filter(|r| r.in_outbox).count();
        check_room(records, inner.records.len() as u64, inner.outbox.len(), new.len(), to_outbox)?;
        for (id, record) in &new {
            inner.competitions.insert((record.competition, *id));
            if record.in_outbox {
                inner.outbox.insert(*id);
            }
            inner.records.insert(*id, (*record).clone());
        }
        Ok(new.len())
    }

    fn get(&self, id: &Id) -> Result<Option<StoredRecord>, StoreError> {
        let inner = self.inner();
        Ok(inner
            .records
            .get(id)
            .map(|record| StoredRecord { in_outbox: inner.outbox.contains(id), ..record.clone() }))
    }

    fn ids_after(&self, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(*id));
        Ok(self.inner().records.range((from, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect())
    }

    fn ids_of(&self, competition: &Id, after: Option<&Id>, limit: usize) -> Result<Vec<Id>, StoreError> {
        let from = match after {
            Some(id) => Bound::Excluded((*competition, *id)),
            None => Bound::Included((*competition, [0; 32])),
        };
        let to = Bound::Included((*competition, [0xff; 32]));
        if after == Some(&[0xff; 32]) {
            return Ok(Vec::new());
        }
        Ok(self.inner().competitions.range((from, to)).take(limit).map(|(_, id)| *id).collect())
    }

    fn outbox(&self) -> Result<Vec<Id>, StoreError> {
        Ok(self.inner().outbox.iter().take(limits::OUTBOX).copied().collect())
    }

    fn confirm(&self, words: &[Word]) -> Result<(), StoreError> {
        check_peers(words)?;
        let mut inner = self.inner();
        for (peer, id) in words.iter().flat_map(|(peer, ids)| ids.iter().map(move |id| (peer, id))) {
            if !inner.records.contains_key(id) {
                continue;
            }
            inner.outbox.remove(id);
            let holders = inner.held.entry(*id).or_default();
            if holders.len() < limits::HOLDERS {
                holders.insert(peer.clone());
            }
        }
        Ok(())
    }

    fn confirmations(&self) -> Result<BTreeMap<Id, Vec<Peer>>, StoreError> {
        let listed = |(id, peers): (&Id, &BTreeSet<Peer>)| (*id, peers.iter().cloned().collect());
        Ok(self.inner().held.iter().map(listed).collect())
    }

    fn remove(&self, ids: &[Id]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        for id in ids {
            if let Some(record) = inner.records.remove(id) {
                inner.competitions.remove(&(record.competition, *id));
                inner.outbox.remove(id);
                inner.held.remove(id);
            }
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.inner().records.len() as u64
    }
}
