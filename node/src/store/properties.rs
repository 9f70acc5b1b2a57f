//! Random sequences of operations: the store on disk says what the one in memory says, also after it was opened again.

use super::conformance::word;
use super::{Id, MemoryStore, SledStore, Store, StoredRecord};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<(u8, bool)>),
    Confirm(u8, Vec<u8>),
    Remove(Vec<u8>),
    Reopen,
}

fn id(n: u8) -> Id {
    // Some ids share their first bytes, some are at the ends.
    match n {
        0 => [0; 32],
        1 => [0xff; 32],
        n => std::array::from_fn(|at| if at < 31 { n / 4 } else { n }),
    }
}

fn record(n: u8, in_outbox: bool) -> StoredRecord {
    StoredRecord {
        id: id(n),
        competition: id(n % 4),
        first_seen: u64::from(n),
        verify_us: u64::from(n) << 32,
        in_outbox,
        bytes: vec![n; usize::from(n) * 40],
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = 0u8..40;
    let some = || proptest::collection::vec(0u8..40, 0..6);
    prop_oneof![
        4 => proptest::collection::vec((number, any::<bool>()), 0..6).prop_map(Operation::Put),
        3 => (0u8..40, some()).prop_map(|(peer, ids)| Operation::Confirm(peer, ids)),
        2 => some().prop_map(Operation::Remove),
        1 => Just(Operation::Reopen),
    ]
}

fn assert_same(a: &dyn Store, b: &dyn Store) {
    assert_eq!(a.len(), b.len());
    assert_eq!(a.outbox().unwrap(), b.outbox().unwrap());
    assert_eq!(a.confirmations().unwrap(), b.confirmations().unwrap());
    for after in [None, Some(id(7)), Some(id(1))] {
        for limit in [1, 5, 100] {
            let after = after.as_ref();
            assert_eq!(a.ids_after(after, limit).unwrap(), b.ids_after(after, limit).unwrap());
            for competition in 0..4 {
                let of = |store: &dyn Store| store.ids_of(&id(competition), after, limit).unwrap();
                assert_eq!(of(a), of(b));
            }
        }
    }
    for n in 0..40 {
        assert_eq!(a.get(&id(n)).unwrap(), b.get(&id(n)).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_two_stores_are_the_same(operations in proptest::collection::vec(operation(), 1..24)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let (memory, mut sled) = (MemoryStore::new(), Some(SledStore::open(&path).unwrap()));
        for operation in operations {
            if matches!(operation, Operation::Reopen) {
                drop(sled.take());
                sled = Some(SledStore::open(&path).unwrap());
            }
            let disk = sled.as_ref().unwrap();
            match operation {
                Operation::Put(records) => {
                    let records: Vec<_> = records.into_iter().map(|(n, outbox)| record(n, outbox)).collect();
                    prop_assert_eq!(memory.put(&records).unwrap(), disk.put(&records).unwrap());
                }
                Operation::Confirm(peer, ids) => {
                    let ids: Vec<Id> = ids.into_iter().map(id).collect();
                    memory.confirm(&[word(&[peer], &ids)]).unwrap();
                    disk.confirm(&[word(&[peer], &ids)]).unwrap();
                }
                Operation::Remove(ids) => {
                    let ids: Vec<Id> = ids.into_iter().map(id).collect();
                    memory.remove(&ids).unwrap();
                    disk.remove(&ids).unwrap();
                }
                Operation::Reopen => {}
            }
            assert_same(&memory, disk);
        }
    }
}
