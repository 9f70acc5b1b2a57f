//! What only the store on disk must do: survive kills, full disks, older and newer layouts, and damage.

use super::check::Finding;
use super::compact::{Point, compact_with};
use super::conformance::{ids, record, word};
use super::layout::{INDEX, META, OUTBOX, RECORD, held_key, index_key, key};
use super::migrate::{Old, STEPS, Step, migrate};
use super::open::{Opening, open_db};
use super::{Id, SCHEMA_VERSION, SledStore, Store, StoreError, StoredRecord, check, compact};
use crate::limits;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

struct Folder {
    dir: tempfile::TempDir,
    store: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        Self { dir, store }
    }

    /// As after kill -9: everything as it is on disk at this moment, whoever has it open.
    fn as_after_a_kill(&self) -> Self {
        let copy = Self::new();
        copy_dir(self.dir.path(), copy.dir.path());
        copy
    }

    fn open(&self) -> SledStore {
        SledStore::open(&self.store).unwrap()
    }
}

fn copy_dir(from: &Path, to: &Path) {
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

fn numbered(n: u32) -> StoredRecord {
    let id = *blake3::hash(&n.to_be_bytes()).as_bytes();
    StoredRecord { id, in_outbox: n.is_multiple_of(3), bytes: vec![n as u8; 700], ..record(1, (n % 5) as u8) }
}

fn filled(records: u32) -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    let all: Vec<StoredRecord> = (0..records).map(numbered).collect();
    for page in all.chunks(50) {
        store.put(page).unwrap();
    }
    store.confirm(&[word(b"bob", &[all[0].id])]).unwrap();
    folder
}

/// Everything that a store says.
#[derive(Debug, PartialEq)]
struct Content {
    records: Vec<StoredRecord>,
    by_competition: Vec<Vec<Id>>,
    outbox: Vec<Id>,
    held: Vec<(Id, Vec<Vec<u8>>)>,
}

fn content(store: &dyn Store) -> Content {
    let all = store.ids_after(None, usize::MAX).unwrap();
    assert_eq!(all.len() as u64, store.len());
    let records: Vec<StoredRecord> = all.iter().map(|id| store.get(id).unwrap().unwrap()).collect();
    let competitions: std::collections::BTreeSet<Id> = records.iter().map(|r| r.competition).collect();
    let of = |competition: &Id| store.ids_of(competition, None, usize::MAX).unwrap();
    Content {
        by_competition: competitions.iter().map(of).collect(),
        outbox: store.outbox().unwrap(),
        held: store.confirmations().unwrap().into_iter().collect(),
        records,
    }
}

#[test]
fn what_was_put_is_there_without_being_closed() {
    let folder = Folder::new();
    let store = folder.open();
    store.put(&[StoredRecord { in_outbox: true, ..record(1, 9) }, record(2, 9)]).unwrap();
    let killed = folder.as_after_a_kill();
    assert_eq!(content(&killed.open()), content(&store));
    store.confirm(&[word(b"bob", &ids(&[1]))]).unwrap();
    let killed = folder.as_after_a_kill().open();
    assert_eq!(killed.outbox().unwrap(), ids(&[]));
    assert_eq!(killed.confirmations().unwrap(), [([1; 32], vec![b"bob".to_vec()])].into());
}

#[test]
fn a_store_in_use_says_so() {
    let folder = Folder::new();
    let first = folder.open();
    assert!(matches!(SledStore::open(&folder.store), Err(StoreError::InUse { .. })));
    assert!(matches!(compact(&folder.store, &Opening::default()), Err(StoreError::InUse { .. })));
    drop(first);
    folder.open();
}

#[test]
fn a_kill_while_a_store_is_made_leaves_none() {
    let folder = Folder::new();
    std::fs::create_dir(folder.dir.path().join("store.fresh")).unwrap();
    std::fs::write(folder.dir.path().join("store.fresh/db"), b"half").unwrap();
    assert_eq!(folder.open().len(), 0);
    assert!(!folder.dir.path().join("store.fresh").exists());
}

#[test]
fn damage_is_an_error_and_never_a_fresh_store() {
    let folder = Folder::new();
    drop(folder.open());
    for damage in [b"not a database".to_vec(), Vec::new(), vec![0xa5; 70_000]] {
        for file in ["db", "conf"] {
            let broken = folder.as_after_a_kill();
            std::fs::write(broken.store.join(file), &damage).unwrap();
            let opened = SledStore::open(&broken.store);
            let ok = matches!(opened, Err(StoreError::Corrupt { .. } | StoreError::Io(_)));
            // A lost `conf` alone can be made up from defaults without losing a record.
            let harmless = file == "conf" && opened.is_ok();
            assert!(ok || harmless, "{file} with {} bytes", damage.len());
        }
    }
    // A folder that somebody emptied is no store either.
    let empty = Folder::new();
    std::fs::create_dir(&empty.store).unwrap();
    assert!(matches!(SledStore::open(&empty.store), Err(StoreError::Corrupt { .. })));
}

/// Writes to the database without the store.
fn tampered(folder: &Folder, change: impl FnOnce(&sled::Db)) {
    let db = open_db(&folder.store).unwrap();
    change(db.sled());
    db.flush().unwrap();
}

#[test]
fn a_version_that_is_not_known_is_refused_and_left_alone() {
    let folder = filled(1);
    for got in [0, SCHEMA_VERSION + 1, u32::MAX] {
        tampered(&folder, |db| {
            db.insert(META, &got.to_be_bytes()).unwrap();
        });
        match SledStore::open(&folder.store).err() {
            Some(StoreError::Schema { expected, got: found, .. }) => {
                assert_eq!((expected, found), (SCHEMA_VERSION, got));
            }
            other => panic!("{other:?}"),
        }
        let kept = open_db(&folder.store).unwrap().get(META).unwrap().unwrap();
        assert_eq!(kept.as_ref(), got.to_be_bytes());
    }
    tampered(&folder, |db| {
        db.insert(META, b"three").unwrap();
    });
    assert!(matches!(SledStore::open(&folder.store), Err(StoreError::Corrupt { .. })));
}

#[test]
fn version_1_loses_only_outbox_entries_of_no_record() {
    let folder = filled(9);
    let before = content(&folder.open());
    tampered(&folder, |db| {
        db.insert(META, &1u32.to_be_bytes()).unwrap();
        db.insert(key(OUTBOX, &[0x55; 32]), &[]).unwrap();
    });
    let steps = RefCell::new(Vec::new());
    let progress = |step: &str, part: f64| steps.borrow_mut().push((step.to_owned(), part));
    let opening = Opening { progress: &progress, ..Opening::default() };
    let store = SledStore::open_with(&folder.store, &opening).unwrap();
    assert_eq!(content(&store), before);
    let steps = steps.into_inner();
    assert!(
        steps.iter().all(|(step, _)| step == "bringing the store from schema version 1 to 2"),
        "{steps:?}"
    );
    assert_eq!((steps.first().unwrap().1, steps.last().unwrap().1), (0.0, 1.0));
}

/// A step as a later release may need one: every record gets one byte in front, in pages, once only.
fn to_version_3(old: &Old<'_>) -> Result<sled::Batch, StoreError> {
    old.pages(RECORD, &mut |page| {
        let mut batch = sled::Batch::default();
        for (key, value) in page.iter().filter(|(_, value)| value.len() == 48 + 700) {
            batch.insert(key.clone(), [&[7], value.as_ref()].concat());
        }
        Ok(batch)
    })?;
    let mut last = sled::Batch::default();
    last.insert(b"z", b"the last batch");
    Ok(last)
}

#[test]
fn a_migration_that_is_killed_anywhere_is_taken_up_again() {
    let records = 2 * limits::MIGRATION_PAGE as u32 + 100;
    let folder = filled(records);
    drop(folder.open());
    let steps: [Step; 2] = [STEPS[0], to_version_3];
    let kills = RefCell::new(Vec::new());
    {
        let progress = |_: &str, _: f64| kills.borrow_mut().push(folder.as_after_a_kill());
        let opening = Opening { progress: &progress, ..Opening::default() };
        let db = open_db(&folder.store).unwrap();
        migrate(&db, &folder.store, &steps, &opening).unwrap();
        kills.borrow_mut().push(folder.as_after_a_kill());
    }
    let kills = kills.into_inner();
    assert!(kills.len() >= 5, "{}", kills.len());
    for (n, killed) in kills.iter().enumerate() {
        let db = open_db(&killed.store).unwrap();
        migrate(&db, &killed.store, &steps, &Opening::default()).unwrap();
        assert_eq!(db.get(META).unwrap().unwrap().as_ref(), 3u32.to_be_bytes(), "killed at {n}");
        assert_eq!(db.get(b"z").unwrap().unwrap().as_ref(), b"the last batch");
        let values: Vec<sled::IVec> = db.scan_prefix([RECORD]).map(|entry| entry.unwrap().1).collect();
        assert_eq!(values.len(), records as usize);
        assert!(values.iter().all(|value| value.len() == 1 + 48 + 700 && value[0] == 7), "killed at {n}");
        drop(db);
        assert!(matches!(
            SledStore::open(&killed.store),
            Err(StoreError::Schema { expected: 2, got: 3, .. })
        ));
    }
}

#[test]
fn a_compaction_that_is_killed_anywhere_loses_nothing() {
    let folder = filled(600);
    // Garbage, for there to be something to give back.
    {
        let store = folder.open();
        for round in 0..4u32 {
            let more: Vec<_> = (0..300).map(|n| numbered(10_000 + 1000 * round + n)).collect();
            store.put(&more).unwrap();
            store.remove(&more.iter().map(|record| record.id).collect::<Vec<_>>()).unwrap();
        }
    }
    let before = content(&folder.open());
    let mut kills = Vec::new();
    let compacted = compact_with(&folder.store, &Opening::default(), &mut |point| {
        kills.push((point, folder.as_after_a_kill()));
        Ok(())
    })
    .unwrap();
    println!("600 records: {} bytes before, {} after", compacted.bytes_before, compacted.bytes_after);
    assert!(compacted.bytes_after < compacted.bytes_before, "{compacted:?}");
    assert_eq!((compacted.records, compacted.entries), (600, 600 * 2 + 200 - 1 + 1 + 1));
    let points: std::collections::BTreeSet<String> = kills.iter().map(|(at, _)| format!("{at:?}")).collect();
    assert_eq!(points.len(), 6, "{points:?}");
    kills.push((Point::Done, folder));
    for (point, killed) in kills {
        assert_eq!(content(&killed.open()), before, "killed at {point:?}");
        let left: Vec<String> = std::fs::read_dir(killed.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(left.len(), 2, "nothing but the store and its lock, killed at {point:?}: {left:?}");
    }
}

#[test]
fn a_compaction_that_fails_leaves_the_store_as_it_was() {
    let folder = filled(600);
    let before = content(&folder.open());
    for fails_at in [Point::Begun, Point::Copying, Point::Copied, Point::Moved] {
        let failed = compact_with(&folder.store, &Opening::default(), &mut |point| match point == fails_at {
            true => Err(std::io::Error::other("as asked").into()),
            false => Ok(()),
        });
        assert!(matches!(failed, Err(StoreError::Io(_))), "{fails_at:?}");
        assert_eq!(content(&folder.open()), before, "{fails_at:?}");
    }
}

/// A signed record of a key.
fn signed(who: &Keypair) -> StoredRecord {
    let body = protocol::Body::Withdrawal(protocol::Withdrawal {
        competition: protocol::RecordId::new([9; 32]),
        entry: protocol::RecordId::new([8; 32]),
        created: 1_700_000_000,
    });
    let signed = protocol::sign(who, &body).unwrap();
    StoredRecord { id: *signed.id().as_bytes(), bytes: signed.bytes().to_vec(), ..record(0, 9) }
}

#[test]
fn whatever_is_wrong_with_a_store_is_found() {
    let (me, other) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
    let own = me.public().to_peer_id().to_string();
    let folder = Folder::new();
    let (mine, theirs) = (StoredRecord { in_outbox: true, ..signed(&me) }, signed(&other));
    let peer = PeerId::random().to_bytes();
    {
        let store = folder.open();
        store.put(&[mine.clone(), theirs.clone()]).unwrap();
        store.confirm(&[word(&peer, &[])]).unwrap();
    }
    let blobs = folder.dir.path().join("blobs");
    std::fs::create_dir(&blobs).unwrap();
    std::fs::write(blobs.join(protocol::BlobId::of(b"a blob").to_string()), b"a blob").unwrap();
    std::fs::write(blobs.join("anything.part"), b"on its way").unwrap();
    let found = |change: &dyn Fn(&Folder)| -> Vec<Finding> {
        let copy = folder.as_after_a_kill();
        change(&copy);
        let report = check(&copy.open(), &copy.dir.path().join("blobs"), &own, &|_, _| {}).unwrap();
        assert_eq!(report.is_sound(), report.findings.is_empty());
        assert_eq!((report.blobs, report.blob_bytes), (1, 6));
        report.findings
    };
    assert_eq!(found(&|_| {}), []);

    let (id, competition) = (mine.id, mine.competition);
    let insert = |key: Vec<u8>, value: Vec<u8>| {
        found(&move |folder: &Folder| tampered(folder, |db| drop(db.insert(&key, value.clone()).unwrap())))
    };
    let remove =
        |key: Vec<u8>| found(&move |folder: &Folder| tampered(folder, |db| drop(db.remove(&key).unwrap())));
    let value = super::layout::value(&mine);
    let mut forged = value.clone();
    *forged.last_mut().unwrap() ^= 1;
    let elsewhere = super::layout::value(&StoredRecord { competition: [7; 32], ..mine.clone() });
    let holders: Vec<Vec<u8>> = (0..=limits::HOLDERS).map(|_| PeerId::random().to_bytes()).collect();
    let crowded = found(&|folder: &Folder| {
        tampered(folder, |db| {
            for peer in &holders {
                db.insert(held_key(&id, peer), &[]).unwrap();
            }
        });
    });
    let cases = [
        ("a changed signature", insert(key(RECORD, &id), forged), "bytes with this digest"),
        ("a value cut short", insert(key(RECORD, &id), value[..40].to_vec()), "a header and an envelope"),
        ("another competition", insert(key(RECORD, &id), elsewhere), "competition 0909"),
        ("no index entry", remove(index_key(&competition, &id)), "an entry in the index"),
        ("no record", remove(key(RECORD, &id)), "a record"),
        ("an index entry too many", insert(index_key(&[1; 32], &id), vec![]), "a record of this competition"),
        ("somebody else's in the outbox", insert(key(OUTBOX, &theirs.id), vec![]), "a record of"),
        ("a confirmation of nothing", insert(held_key(&[1; 32], &peer), vec![]), "a record"),
        ("a confirmation by nobody", insert(held_key(&id, b"nobody"), vec![]), "a peer id"),
        ("too many confirmations", crowded, "at most 32 peers"),
        ("an unknown key", insert(b"unknown".to_vec(), vec![]), "one of a known kind"),
        ("an odd key", insert(vec![INDEX; 40], vec![]), "one of a known kind"),
    ];
    for (what, findings, expected) in cases {
        let hit = |finding: &Finding| finding.expected.starts_with(expected) && !finding.got.is_empty();
        assert!(findings.iter().any(hit), "{what}: {findings:?}");
    }
    let damaged = found(&|folder: &Folder| {
        let path = folder.dir.path().join("blobs").join(protocol::BlobId::of(b"a blob").to_string());
        std::fs::write(path, b"a bloc").unwrap();
    });
    assert!(matches!(&damaged[..], [one] if one.what.starts_with("blob ")), "{damaged:?}");
}

#[test]
fn so_much_that_is_wrong_is_told_and_the_rest_counted() {
    let folder = Folder::new();
    drop(folder.open());
    tampered(&folder, |db| {
        for n in 0..=limits::FINDINGS {
            db.insert(format!("unknown {n}"), &[]).unwrap();
        }
    });
    let report = check(&folder.open(), &folder.dir.path().join("none"), "me", &|_, _| {}).unwrap();
    assert_eq!((report.findings.len(), report.more, report.is_sound()), (limits::FINDINGS, 1, false));
}
