//! What every store must do, run against both.

use super::{Id, MemoryStore, SledStore, Store, StoreError, StoredRecord, Word};
use crate::limits;

pub(super) fn record(id: u8, competition: u8) -> StoredRecord {
    StoredRecord {
        id: [id; 32],
        competition: [competition; 32],
        first_seen: 1_700_000_000 + u64::from(id),
        verify_us: 42,
        in_outbox: false,
        bytes: vec![id; 100],
    }
}

/// A peer's word that it holds these.
pub(super) fn word(peer: &[u8], ids: &[Id]) -> Word {
    (peer.to_vec(), ids.to_vec())
}

fn on_both(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let dir = tempfile::tempdir().unwrap();
    check(&SledStore::open(&dir.path().join("store")).unwrap());
}

pub(super) fn ids(of: &[u8]) -> Vec<Id> {
    of.iter().map(|&b| [b; 32]).collect()
}

#[test]
fn what_was_put_comes_back_and_is_not_overwritten() {
    on_both(|store| {
        assert!(store.len() == 0);
        assert_eq!(store.put(&[record(1, 9), record(2, 9), record(1, 9)]).unwrap(), 2);
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(record(1, 9)));
        assert_eq!(store.get(&[3; 32]).unwrap(), None);
        let later = StoredRecord { first_seen: 5, ..record(1, 9) };
        assert_eq!(store.put(&[later]).unwrap(), 0);
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(record(1, 9)), "first seen stays first seen");
        assert_eq!(store.len(), 2);
    });
}

#[test]
fn ids_come_in_order_and_in_pages() {
    on_both(|store| {
        store.put(&[record(3, 8), record(0xff, 9), record(1, 9), record(0, 9), record(2, 0xff)]).unwrap();
        assert_eq!(store.ids_after(None, 9).unwrap(), ids(&[0, 1, 2, 3, 0xff]));
        assert_eq!(store.ids_after(None, 2).unwrap(), ids(&[0, 1]));
        assert_eq!(store.ids_after(Some(&[1; 32]), 2).unwrap(), ids(&[2, 3]));
        assert_eq!(store.ids_after(Some(&[0xff; 32]), 2).unwrap(), ids(&[]));
        assert_eq!(store.ids_of(&[9; 32], None, 9).unwrap(), ids(&[0, 1, 0xff]));
        assert_eq!(store.ids_of(&[9; 32], Some(&[0; 32]), 1).unwrap(), ids(&[1]));
        assert_eq!(store.ids_of(&[9; 32], Some(&[0xff; 32]), 1).unwrap(), ids(&[]));
        assert_eq!(store.ids_of(&[0xff; 32], None, 9).unwrap(), ids(&[2]));
        assert_eq!(store.ids_of(&[7; 32], None, 9).unwrap(), ids(&[]));
    });
}

#[test]
fn the_outbox_remembers_until_a_peer_has_it_and_then_who() {
    on_both(|store| {
        let own = StoredRecord { in_outbox: true, ..record(1, 9) };
        store.put(&[own.clone(), record(2, 9)]).unwrap();
        assert_eq!(store.outbox().unwrap(), ids(&[1]));
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(own));
        assert!(store.confirmations().unwrap().is_empty());
        store.confirm(&[word(b"bob", &ids(&[1, 3]))]).unwrap();
        assert_eq!(store.outbox().unwrap(), ids(&[]));
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(record(1, 9)));
        assert_eq!(store.confirmations().unwrap(), [([1; 32], vec![b"bob".to_vec()])].into());
        store.confirm(&[word(b"ada", &ids(&[1, 1]))]).unwrap();
        store.confirm(&[word(b"bob", &ids(&[1]))]).unwrap();
        let both = vec![b"ada".to_vec(), b"bob".to_vec()];
        assert_eq!(store.confirmations().unwrap(), [([1; 32], both)].into());
    });
}

#[test]
fn so_many_peers_are_remembered_and_no_more() {
    on_both(|store| {
        store.put(&[StoredRecord { in_outbox: true, ..record(1, 9) }]).unwrap();
        for peer in 0..=limits::HOLDERS as u8 {
            store.confirm(&[word(&[peer], &ids(&[1]))]).unwrap();
        }
        let peers: Vec<Vec<u8>> = (0..limits::HOLDERS as u8).map(|peer| vec![peer]).collect();
        assert_eq!(store.confirmations().unwrap(), [([1; 32], peers)].into());
        store.confirm(&[word(&[7; limits::PEER_BYTES], &ids(&[1]))]).unwrap();
        let long = store.confirm(&[word(&[7; limits::PEER_BYTES + 1], &ids(&[1]))]);
        assert!(matches!(long, Err(StoreError::Peer { expected: limits::PEER_BYTES, got: 67 })), "{long:?}");
    });
}

#[test]
fn what_was_removed_is_gone_everywhere_and_may_come_back() {
    on_both(|store| {
        let own = StoredRecord { in_outbox: true, ..record(3, 9) };
        store.put(&[StoredRecord { in_outbox: true, ..record(1, 9) }, record(2, 9), own]).unwrap();
        store.confirm(&[word(b"bob", &ids(&[3]))]).unwrap();
        store.remove(&ids(&[1, 3, 7])).unwrap();
        assert!(store.confirmations().unwrap().is_empty());
        assert_eq!((store.len(), store.get(&[1; 32]).unwrap()), (1, None));
        assert_eq!(store.ids_of(&[9; 32], None, 9).unwrap(), ids(&[2]));
        assert_eq!(store.outbox().unwrap(), ids(&[]));
        assert_eq!(store.put(&[record(1, 9)]).unwrap(), 1);
    });
}

#[test]
fn a_record_too_long_leaves_nothing() {
    on_both(|store| {
        let long = StoredRecord { bytes: vec![0; limits::RECORD_MAX_BYTES + 1], ..record(2, 9) };
        assert!(matches!(store.put(&[record(1, 9), long]), Err(StoreError::TooLong { .. })));
        assert!(store.len() == 0);
        assert_eq!(store.ids_of(&[9; 32], None, 9).unwrap(), ids(&[]));
    });
}

#[test]
fn a_full_outbox_refuses_and_leaves_nothing() {
    on_both(|store| {
        let own = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            StoredRecord { id, in_outbox: true, bytes: vec![1], ..record(1, 9) }
        };
        let all: Vec<_> = (0..limits::OUTBOX).map(own).collect();
        store.put(&all).unwrap();
        let more = own(limits::OUTBOX);
        assert!(matches!(store.put(std::slice::from_ref(&more)), Err(StoreError::OutboxFull { .. })));
        assert_eq!(store.get(&more.id).unwrap(), None);
        store.confirm(&[word(b"bob", &[all[0].id])]).unwrap();
        assert_eq!(store.put(&[more]).unwrap(), 1);
    });
}
