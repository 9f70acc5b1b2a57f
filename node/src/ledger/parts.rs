//! The durable records by competition and kind: what is compared with peers, part by part.
//!
//! A part is reconciled by ranges (A. Meyer, "Range-Based Set Reconciliation", SRDS 2023; the `negentropy` crate): what
//! is moved grows with the difference and the logarithm of the size. Parts go in the order of kinds, so that what a
//! record refers to is fetched before it. negentropy's own fingerprints are sums, for which collisions could be
//! searched; whether two sets are equal is therefore decided by ours, which are hashes of all ids.

use super::Place;
use negentropy::{Id, NegentropyStorageVector};
use protocol::{Fingerprint, RecordId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The records of one kind in one competition.
#[derive(Debug, Default)]
struct Part {
    ids: BTreeSet<RecordId>,
    fingerprint: Option<Fingerprint>,
    storage: Option<Arc<NegentropyStorageVector>>,
}

/// How a part is told from another of the same competition and kind.
pub type Digest = (u8, u64, Fingerprint);

/// All parts.
#[derive(Debug, Default)]
pub struct Parts(BTreeMap<RecordId, BTreeMap<u8, Part>>);

impl Parts {
    /// Adds a record of a competition.
    pub fn insert(&mut self, competition: RecordId, (kind, id): Place) {
        let part = self.0.entry(competition).or_default().entry(kind).or_default();
        if part.ids.insert(id) {
            (part.fingerprint, part.storage) = (None, None);
        }
    }

    /// Takes a record out, wherever it is.
    pub fn remove(&mut self, competition: RecordId, (kind, id): Place) {
        let Some(kinds) = self.0.get_mut(&competition) else { return };
        if let Some(part) = kinds.get_mut(&kind)
            && part.ids.remove(&id)
        {
            (part.fingerprint, part.storage) = (None, None);
            if part.ids.is_empty() {
                kinds.remove(&kind);
            }
        }
        if kinds.is_empty() {
            self.0.remove(&competition);
        }
    }

    /// Kind, number and fingerprint of every part of a competition, in the order of kinds.
    pub fn digests(&mut self, competition: RecordId) -> Vec<Digest> {
        let Some(kinds) = self.0.get_mut(&competition) else { return Vec::new() };
        kinds.iter_mut().map(|(kind, part)| (*kind, part.ids.len() as u64, part.fingerprint())).collect()
    }

    /// The competitions above one, at most `limit` of them, and whether there are more.
    pub fn competitions(&self, after: Option<RecordId>, limit: usize) -> (Vec<RecordId>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut above = self.0.range((after.map_or(Unbounded, Excluded), Unbounded)).map(|(id, _)| *id);
        let page: Vec<RecordId> = above.by_ref().take(limit).collect();
        (page, above.next().is_some())
    }

    /// The ids of a part, to reconcile it by.
    pub fn storage(&mut self, competition: RecordId, kind: u8) -> Arc<NegentropyStorageVector> {
        match self.0.get_mut(&competition).and_then(|kinds| kinds.get_mut(&kind)) {
            Some(part) => part.storage(),
            None => Arc::new(sealed(std::iter::empty())),
        }
    }
}

impl Part {
    fn fingerprint(&mut self) -> Fingerprint {
        *self.fingerprint.get_or_insert_with(|| Fingerprint::of(self.ids.iter().copied()))
    }

    fn storage(&mut self) -> Arc<NegentropyStorageVector> {
        let ids = &self.ids;
        Arc::clone(self.storage.get_or_insert_with(|| Arc::new(sealed(ids.iter().copied()))))
    }
}

fn sealed(ids: impl Iterator<Item = RecordId>) -> NegentropyStorageVector {
    let mut storage = NegentropyStorageVector::new();
    for id in ids {
        // Refused only once it is sealed.
        let _ = storage.insert(0, Id::from_byte_array(*id.as_bytes()));
    }
    let _ = storage.seal();
    storage
}

#[cfg(test)]
mod tests {
    use super::*;
    use negentropy::Negentropy;

    fn id(n: u32) -> RecordId {
        RecordId::of(&n.to_be_bytes())
    }

    /// Reconciles two parts; rounds, bytes moved, and what the first side has and needs.
    fn reconcile(
        mine: &NegentropyStorageVector,
        theirs: &NegentropyStorageVector,
    ) -> (usize, usize, Vec<Id>, Vec<Id>) {
        let limit = crate::limits::RECONCILE_BYTES;
        let mut client = Negentropy::borrowed(mine, limit).unwrap();
        let mut next = Some(client.initiate().unwrap());
        let (mut rounds, mut bytes, mut have, mut need) = (0, 0, Vec::new(), Vec::new());
        while let Some(message) = next {
            let answer = Negentropy::borrowed(theirs, limit).unwrap().reconcile(&message).unwrap();
            assert!(message.len() as u64 <= limit && answer.len() as u64 <= limit);
            bytes += message.len() + answer.len();
            rounds += 1;
            next = client.reconcile_with_ids(&answer, &mut have, &mut need).unwrap();
        }
        (rounds, bytes, have, need)
    }

    #[test]
    fn a_small_difference_of_large_sets_moves_little() {
        let mine = sealed((0..100_000).map(id));
        let theirs = sealed((5..100_005).map(id));
        let (rounds, bytes, have, need) = reconcile(&mine, &theirs);
        println!("100,000 ids on each side, 10 of them different: {bytes} bytes in {rounds} rounds");
        assert_eq!((have.len(), need.len()), (5, 5));
        assert!(bytes <= 100_000, "{bytes} bytes");
        assert!(rounds <= crate::limits::RECONCILE_ROUNDS);
    }

    #[test]
    fn all_of_a_large_set_is_found_within_the_limits() {
        let theirs = sealed((0..10_000).map(id));
        let (rounds, _, have, mut need) = reconcile(&sealed(std::iter::empty()), &theirs);
        need.sort_unstable();
        need.dedup();
        assert_eq!((have.len(), need.len()), (0, 10_000));
        assert!(rounds <= crate::limits::RECONCILE_ROUNDS, "{rounds} rounds");
    }

    #[test]
    fn parts_are_compared_by_number_and_hash() {
        let (mut a, mut b) = (Parts::default(), Parts::default());
        for n in 0..5 {
            a.insert(id(100), (1, id(n)));
            b.insert(id(100), (1, id(4 - n)));
        }
        assert_eq!(a.digests(id(100)), b.digests(id(100)));
        b.insert(id(100), (4, id(9)));
        assert_eq!(b.digests(id(100)).len(), 2);
        b.remove(id(100), (1, id(0)));
        assert_ne!(a.digests(id(100)), b.digests(id(100)));
        b.insert(id(7), (0, id(7)));
        let (page, more) = b.competitions(None, 1);
        assert_eq!((page.len(), more), (1, true));
        assert_eq!(b.competitions(page.last().copied(), 1).0.len(), 1);
        b.remove(id(7), (0, id(7)));
        assert_eq!(b.competitions(None, 9).0, [id(100)]);
        assert!(a.digests(id(1)).is_empty());
    }
}
