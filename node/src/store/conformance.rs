//! What every store must do, run against both.

use super::{Id, MemoryStore, SledStore, Store, StoreError, StoredRecord};
use crate::limits;

fn record(id: u8, competition: u8) -> StoredRecord {
    StoredRecord {
        id: [id; 32],
        competition: [competition; 32],
        first_seen: 1_700_000_000 + u64::from(id),
        verify_us: 42,
        in_outbox: false,
        bytes: vec![id; 100],
    }
}

fn on_both(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let dir = tempfile::tempdir().unwrap();
    check(&SledStore::open(&dir.path().join("store")).unwrap());
}

fn ids(of: &[u8]) -> Vec<Id> {
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
fn the_outbox_remembers_until_it_is_told() {
    on_both(|store| {
        let own = StoredRecord { in_outbox: true, ..record(1, 9) };
        store.put(&[own.clone(), record(2, 9)]).unwrap();
        assert_eq!(store.outbox().unwrap(), ids(&[1]));
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(own));
        store.outbox_remove(&ids(&[1, 2, 3])).unwrap();
        assert_eq!(store.outbox().unwrap(), ids(&[]));
        assert_eq!(store.get(&[1; 32]).unwrap(), Some(record(1, 9)));
    });
}

#[test]
fn what_was_removed_is_gone_everywhere_and_may_come_back() {
    on_both(|store| {
        store.put(&[StoredRecord { in_outbox: true, ..record(1, 9) }, record(2, 9)]).unwrap();
        store.remove(&ids(&[1, 7])).unwrap();
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
        store.outbox_remove(&[all[0].id]).unwrap();
        assert_eq!(store.put(&[more]).unwrap(), 1);
    });
}

#[test]
fn sled_keeps_what_was_put_without_being_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = SledStore::open(&path).unwrap();
    store.put(&[StoredRecord { in_outbox: true, ..record(1, 9) }]).unwrap();
    // As after kill -9: the files are copied while the store is open and nothing of it is dropped.
    let copy = dir.path().join("copy");
    copy_dir(&path, &copy);
    let again = SledStore::open(&copy).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again.get(&[1; 32]).unwrap().unwrap().bytes, vec![1; 100]);
    assert_eq!(again.outbox().unwrap(), ids(&[1]));
}

#[test]
fn a_store_in_use_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let first = SledStore::open(&path).unwrap();
    assert!(matches!(SledStore::open(&path), Err(StoreError::InUse { .. })));
    drop(first);
    SledStore::open(&path).unwrap();
}

#[test]
fn another_schema_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(SledStore::open(&path).unwrap());
    let db = sled::open(&path).unwrap();
    db.insert(b"mschema_version", &7u32.to_be_bytes()).unwrap();
    db.flush().unwrap();
    drop(db);
    assert!(matches!(SledStore::open(&path), Err(StoreError::Schema { expected: 1, got: 7, .. })));
}

#[test]
fn damage_is_an_error_and_never_a_fresh_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(SledStore::open(&path).unwrap());
    for damage in [b"not a database".to_vec(), Vec::new(), vec![0xa5; 70_000]] {
        for file in ["db", "conf"] {
            let broken = dir.path().join("broken");
            copy_dir(&path, &broken);
            std::fs::write(broken.join(file), &damage).unwrap();
            let opened = SledStore::open(&broken);
            let ok = matches!(opened, Err(StoreError::Corrupt { .. } | StoreError::Io(_)));
            // A lost `conf` alone can be made up from defaults without losing a record.
            let harmless = file == "conf" && opened.is_ok();
            assert!(ok || harmless, "{file} with {} bytes", damage.len());
            drop(opened);
            std::fs::remove_dir_all(&broken).unwrap();
        }
    }
    // A folder that somebody emptied is no store either.
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(SledStore::open(&empty), Err(StoreError::Corrupt { .. })));
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
