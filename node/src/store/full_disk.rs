//! A disk without room: a small tmpfs, which only root can mount. Elsewhere these tests say so and check nothing but the
//! reserve.

use super::conformance::{record, word};
use super::open::Opening;
use super::{Id, SledStore, Store, StoreError, StoredRecord, compact};
use crate::limits;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small disk. It is gone with the test.
struct Disk {
    _dir: tempfile::TempDir,
    at: PathBuf,
}

impl Disk {
    fn mount(mib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { _dir: dir, at }),
            other => {
                println!("skipped: no tmpfs could be mounted, which takes root: {other:?}");
                None
            }
        }
    }

    fn grow(&self, mib: u32) {
        let size = format!("remount,size={mib}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.at).status().unwrap().success());
    }

    fn store(&self) -> PathBuf {
        self.at.join("store")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status(); // it goes with the machine otherwise
    }
}

fn numbered(n: u32) -> StoredRecord {
    let id = *blake3::hash(&n.to_be_bytes()).as_bytes();
    // Not to be compressed away, nor alike.
    let bytes = id.iter().cycle().take(30_000).copied().collect();
    StoredRecord { id, bytes, in_outbox: n == 0, ..record(1, 9) }
}

fn open(path: &Path, reserve: u64) -> Result<SledStore, StoreError> {
    SledStore::open_with(path, &Opening { reserve, ..Opening::default() })
}

/// Puts records until that fails; those that were acknowledged, and the error.
fn fill(store: &SledStore, from: u32) -> (Vec<Id>, StoreError) {
    let mut acknowledged = Vec::new();
    for n in from.. {
        let record = numbered(n);
        // sled panics where it has lost hope in its files.
        let put = || store.put(std::slice::from_ref(&record));
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(put)) {
            Ok(Ok(new)) => assert_eq!(new, 1),
            Ok(Err(error)) => return (acknowledged, error),
            Err(_) => return (acknowledged, std::io::Error::other("the database gave up").into()),
        }
        acknowledged.push(record.id);
    }
    unreachable!("a disk without end")
}

fn assert_all_here(store: &SledStore, ids: &[Id]) {
    for id in ids {
        assert!(store.get(id).unwrap().is_some(), "{} is missing", hex::encode(id));
    }
}

#[test]
fn with_a_reserve_the_database_never_meets_a_full_disk_and_goes_on_by_itself() {
    let Some(disk) = Disk::mount(28) else { return };
    let reserve = limits::DISK_RESERVE_BYTES;
    let store = open(&disk.store(), reserve).unwrap();
    let (first, error) = fill(&store, 0);
    let StoreError::NoSpace(no_space) = &error else { panic!("{error:?}") };
    assert!(no_space.free < no_space.needed && no_space.needed > reserve, "{no_space:?}");
    assert!(!error.is_fatal());
    println!("{} records of 30 kB on 28 MiB with 12 MiB in reserve; then: {error}", first.len());
    assert!(first.len() > 100, "{}", first.len());
    // Reading goes on, and what only makes room is done; confirmations wait like records.
    assert_all_here(&store, &first);
    assert!(matches!(store.confirm(&[word(b"bob", &first[..1])]), Err(StoreError::NoSpace(_))));
    store.remove(&first[1..2]).unwrap();
    let more = Opening { reserve: 2 * reserve, ..Opening::default() };
    assert!(matches!(compact(&disk.at.join("other"), &more), Err(StoreError::NoSpace(_))));
    disk.grow(48);
    store.confirm(&[word(b"bob", &first[..1])]).unwrap();
    let (more, error) = fill(&store, 1_000_000);
    assert!(matches!(error, StoreError::NoSpace(_)) && more.len() > 100, "{} {error:?}", more.len());
    assert_all_here(&store, &more);
    drop(store);
    let store = open(&disk.store(), reserve).unwrap();
    assert_all_here(&store, &[&first[..1], &first[2..], &more].concat());
}

/// What a process does whose disk is full all the same: it writes until that fails, is refused from then on, closes the
/// store, and ends.
fn meets_a_full_disk(store: &Path) {
    let store = open(store, 0).unwrap();
    let (acknowledged, error) = fill(&store, 0);
    assert!(error.is_fatal(), "{error:?}");
    assert!(store.put(&[numbered(0)]).is_err_and(|error| error.is_fatal()));
    assert!(store.confirm(&[word(b"bob", &acknowledged)]).is_err_and(|error| error.is_fatal()));
    drop(store); // sled's own destructor would wait for ever
    println!("{ACKNOWLEDGED}{}", acknowledged.len());
}

const STORE: &str = "PODIUM_TEST_FULL_STORE";
const ACKNOWLEDGED: &str = "acknowledged ";

/// Runs [`meets_a_full_disk`] in a process of its own, as an open store stays locked until its process ends.
fn in_a_process(store: &Path) -> String {
    let this = "store::full_disk::a_disk_that_is_full_all_the_same_costs_no_record_that_was_acknowledged";
    let output = Command::new("timeout")
        .arg("60")
        .arg(std::env::current_exe().unwrap())
        .args([this, "--exact", "--nocapture"])
        .env(STORE, store)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn a_disk_that_is_full_all_the_same_costs_no_record_that_was_acknowledged() {
    if let Some(store) = std::env::var_os(STORE) {
        return meets_a_full_disk(Path::new(&store));
    }
    let Some(disk) = Disk::mount(12) else { return };
    drop(open(&disk.store(), 0).unwrap());
    let text = in_a_process(&disk.store());
    let line = text.lines().find_map(|line| line.split_once(ACKNOWLEDGED)).map(|(_, count)| count);
    let count = line.unwrap_or_else(|| panic!("{text}")).parse().unwrap();
    let acknowledged: Vec<Id> = (0..count).map(|n| numbered(n).id).collect();
    assert!(acknowledged.len() > 50);
    // Started again while the disk is full, a node does not touch its database: sled would write, fail once more, and
    // lose its files. With a little room it serves what it has, and with its reserve it goes on.
    let reopen = || open(&disk.store(), limits::DISK_RESERVE_BYTES);
    assert!(matches!(reopen().err(), Some(StoreError::NoSpace(_))));
    let opening_mib = (limits::DISK_OPENING_BYTES >> 20) as u32;
    disk.grow(12 + opening_mib - 1);
    assert!(matches!(reopen().err(), Some(StoreError::NoSpace(_))));
    disk.grow(12 + opening_mib + 1);
    let store = reopen().unwrap();
    assert_all_here(&store, &acknowledged);
    assert!(matches!(store.put(&[numbered(count)]), Err(StoreError::NoSpace(_))));
    drop(store);
    disk.grow(64);
    let store = open(&disk.store(), 0).unwrap();
    assert_all_here(&store, &acknowledged);
    assert_eq!(store.outbox().unwrap(), acknowledged[..1]);
    assert_eq!(store.put(&[numbered(2_000_000)]).unwrap(), 1);
}

#[test]
fn without_room_for_the_reserve_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    assert!(matches!(open(&path, u64::MAX).err(), Some(StoreError::NoSpace(_))));
    assert!(!path.exists());
    drop(open(&path, 0).unwrap());
    let store = open(&path, u64::MAX).unwrap();
    assert!(matches!(store.put(&[record(1, 9)]), Err(StoreError::NoSpace(_))));
    assert_eq!((store.len(), store.get(&[1; 32]).unwrap()), (0, None));
    drop(store);
    let refused = compact(&path, &Opening { reserve: u64::MAX, ..Opening::default() });
    assert!(matches!(refused, Err(StoreError::NoSpace(_))), "{refused:?}");
}
