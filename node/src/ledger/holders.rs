//! Which peers have said that they hold own records: what the store remembers, in memory. A peer's word is only a peer's
//! word: it may have lied, or have lost the record since.

use crate::limits;
use crate::store::{Id, Peer};
use protocol::RecordId;
use std::collections::{BTreeMap, HashMap};

/// See the module. A peer is a number here: there are many records and few peers.
#[derive(Debug, Default)]
pub struct Holders {
    numbers: HashMap<Peer, u32>,
    of: HashMap<RecordId, Vec<u32>>,
}

impl Holders {
    /// What the store remembers.
    pub fn new(confirmations: BTreeMap<Id, Vec<Peer>>) -> Self {
        let mut holders = Self::default();
        for (id, peers) in confirmations {
            for peer in peers {
                holders.note(RecordId::new(id), &peer);
            }
        }
        holders
    }

    /// A peer holds a record; whether that is new.
    pub fn note(&mut self, id: RecordId, peer: &[u8]) -> bool {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = match self.numbers.get(peer) {
            Some(number) => *number,
            None => *self.numbers.entry(peer.to_vec()).or_insert(next),
        };
        let of = self.of.entry(id).or_default();
        let new = of.len() < limits::HOLDERS && !of.contains(&number);
        if new {
            of.push(number);
        }
        new
    }

    /// Peers that hold a record: at most [`HOLDERS`](limits::HOLDERS).
    pub fn count(&self, id: RecordId) -> u64 {
        self.of.get(&id).map_or(0, |of| of.len() as u64)
    }

    /// Whether it would be news that this peer holds a record.
    pub fn is_open(&self, id: RecordId, peer: &[u8]) -> bool {
        let Some(of) = self.of.get(&id) else { return true };
        let number = self.numbers.get(peer);
        of.len() < limits::HOLDERS && number.is_none_or(|number| !of.contains(number))
    }

    /// The record is kept no longer.
    pub fn forget(&mut self, id: RecordId) {
        self.of.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_counts_once_and_so_many_in_all() {
        let (a, b) = (RecordId::new([1; 32]), RecordId::new([2; 32]));
        let mut holders = Holders::new([([1; 32], vec![vec![7], vec![8]])].into());
        assert_eq!((holders.count(a), holders.count(b)), (2, 0));
        assert!(!holders.is_open(a, &[7]) && holders.is_open(b, &[7]));
        assert!(!holders.note(a, &[7]) && holders.note(b, &[7]));
        for peer in 0..=limits::HOLDERS as u16 {
            let peer = peer.to_be_bytes();
            assert!(holders.is_open(b, &peer) == holders.note(b, &peer));
        }
        assert_eq!(holders.count(b), limits::HOLDERS as u64);
        assert!(!holders.is_open(b, b"one more") && !holders.note(b, b"one more"));
        holders.forget(b);
        assert_eq!(holders.count(b), 0);
    }
}
