use super::*;
use crate::space::NoSpace;
use proptest::prelude::*;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

const CHUNK: u64 = limits::CHUNK_BYTES;

fn store(dir: &tempfile::TempDir) -> BlobStore {
    BlobStore::open(&dir.path().join("blobs")).unwrap()
}

fn bytes(len: u64) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

fn chunk(bytes: &[u8], index: u32) -> &[u8] {
    let start = tree::offset(index) as usize;
    &bytes[start..start + chunk_len(bytes.len() as u64, index).unwrap()]
}

/// What is done with a chunk that came.
fn put(blobs: &BlobStore, partial: &Partial, index: u32, bytes: &[u8]) -> Result<(), BlobError> {
    blobs.write(partial, &partial.verify(index, bytes.to_vec().into())?)
}

/// The hashes of these bytes, from a store that has them.
fn hashes(bytes: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let blob = blobs.add_bytes(bytes).unwrap();
    blobs.tree(blob.id).unwrap().hashes().to_vec()
}

#[test]
fn files_and_bytes_are_addressed_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let bytes = vec![7u8; 3 << 20];
    let file = dir.path().join("file");
    std::fs::write(&file, &bytes).unwrap();
    let blob = blobs.add_file(&file, 3 << 20).unwrap();
    assert_eq!(blob, BlobRef::of(&bytes));
    assert_eq!(blobs.add_bytes(&bytes).unwrap(), blob);
    assert_eq!(blobs.read(blob.id, blob.bytes).unwrap(), bytes);
    assert!(matches!(blobs.add_file(&file, (3 << 20) - 1), Err(BlobError::TooLong { .. })));
    assert!(matches!(blobs.add_file(dir.path(), 9), Err(BlobError::Io { .. })));
    assert!(matches!(blobs.read(blob.id, 5), Err(BlobError::TooLong { .. })));
    assert!(matches!(blobs.read(BlobId::of(b"other"), 5), Err(BlobError::Missing { .. })));
    let used = blobs.used();
    assert_eq!(used, blob.bytes + 3 * 32, "the blob and its tree");
    std::fs::write(dir.path().join("blobs").join(".add-left"), b"of a crash").unwrap();
    assert_eq!(store(&dir).used(), used, "no temporary file stays");
    let left: Vec<_> = std::fs::read_dir(dir.path().join("blobs")).unwrap().collect();
    assert_eq!(left.len(), 2);
    blobs.discard(blob.id).unwrap();
    assert_eq!(blobs.used(), 0);
}

#[test]
fn damage_is_noticed_when_a_blob_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let blob = blobs.add_bytes(b"a test set").unwrap();
    std::fs::write(blobs.path(blob.id), b"a best set").unwrap();
    assert!(matches!(blobs.read(blob.id, 99), Err(BlobError::Digest { .. })));
    // A good copy takes its place, though the length is the same.
    assert_eq!(blobs.add_bytes(b"a test set").unwrap(), blob);
    assert_eq!(blobs.read(blob.id, 99).unwrap(), b"a test set");
    assert_eq!((blobs.verify_or_discard(blob.id).unwrap(), blobs.used()), (10, 10));
    std::fs::write(blobs.path(blob.id), b"a best set").unwrap();
    assert!(matches!(blobs.verify_or_discard(blob.id), Err(BlobError::Digest { .. })));
    assert!(matches!(blobs.verify_or_discard(blob.id), Err(BlobError::Missing { .. })));
    assert_eq!(blobs.used(), 0);
}

#[test]
fn a_damaged_chunk_is_never_served_and_is_all_that_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let bytes = bytes(3 * CHUNK + 5);
    let blob = blobs.add_bytes(&bytes).unwrap();
    let file = File::options().write(true).open(blobs.path(blob.id)).unwrap();
    file.write_all_at(b"?", 2 * CHUNK + 9).unwrap();
    assert_eq!(blobs.chunk(blob.id, 1).unwrap(), (blob.bytes, chunk(&bytes, 1).to_vec()));
    assert!(matches!(blobs.chunk(blob.id, 4), Err(BlobError::Chunk { bytes: 0, .. })), "no such chunk");
    assert!(matches!(blobs.chunk(blob.id, u32::MAX), Err(BlobError::Chunk { .. })));
    assert!(blobs.has(blob), "asking for what there is not does no harm");
    assert!(matches!(blobs.chunk(blob.id, 2), Err(BlobError::Chunk { .. })));
    assert!(matches!(blobs.chunk(blob.id, 2), Err(BlobError::Missing { .. })), "taken out of its place");
    assert_eq!(blobs.take_damaged(), HashSet::from([blob]));
    let opened = blobs.resume(blob).unwrap().unwrap();
    assert_eq!(opened.here, [true, true, false, true]);
    put(&blobs, &opened.partial, 2, chunk(&bytes, 2)).unwrap();
    assert_eq!(blobs.finish(&opened.partial).unwrap(), blob);
    assert_eq!(blobs.read(blob.id, blob.bytes).unwrap(), bytes);

    // Cut short, without a tree, or with a wrong one: worked out again, and then deleted.
    for cut in [true, false] {
        blobs.add_bytes(&bytes).unwrap();
        std::fs::write(blobs.file(&tree_name(blob)), b"nonsense").unwrap();
        let file = File::options().write(true).open(blobs.path(blob.id)).unwrap();
        if cut {
            file.set_len(CHUNK + 1).unwrap()
        } else {
            file.write_all_at(b"?", 7).unwrap()
        };
        let blobs = store(&dir);
        assert!(matches!(blobs.tree(blob.id), Err(BlobError::Digest { .. })));
        assert!(matches!(blobs.tree(blob.id), Err(BlobError::Missing { .. })));
    }
}

#[test]
fn trees_are_worked_out_once_and_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = bytes(2 * CHUNK + 1);
    let blob = store(&dir).add_bytes(&bytes).unwrap();
    let (name, right) = (tree_name(blob), hashes(&bytes));
    for wrong in
        [&right[..64], [&right[..], &[0]].concat().as_slice(), [7; 96].as_slice(), right.get(..0).unwrap()]
    {
        let blobs = store(&dir);
        std::fs::write(blobs.file(&name), wrong).unwrap();
        assert_eq!(blobs.tree(blob.id).unwrap().hashes(), right);
        assert_eq!(std::fs::read(blobs.file(&name)).unwrap(), right, "kept for the next time");
    }
    let blobs = store(&dir);
    std::fs::remove_file(blobs.file(&name)).unwrap();
    let turn = blobs.hashing.lock().unwrap();
    assert!(matches!(blobs.tree(blob.id), Err(BlobError::Busy { .. })), "one at a time");
    drop(turn);
    assert_eq!(blobs.chunk(blob.id, 2).unwrap(), (blob.bytes, chunk(&bytes, 2).to_vec()));
    assert!(blobs.tree(BlobId::of(b"?")).is_err());
    let small = blobs.add_bytes(b"small").unwrap();
    assert!(blobs.tree(small.id).unwrap().hashes().is_empty());
    assert_eq!(blobs.chunk(small.id, 0).unwrap(), (5, b"small".to_vec()));
}

#[test]
fn a_fetch_takes_right_chunks_in_any_order_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let bytes = bytes(2 * CHUNK + 100);
    let (blob, hashes) = (BlobRef::of(&bytes), hashes(&bytes));
    assert!(blobs.resume(blob).unwrap().is_none(), "the hashes come first");
    let lies = blobs.begin(blob, &[hashes[32..].to_vec(), vec![0; 32]].concat());
    assert!(matches!(lies, Err(BlobError::Tree { chunks: 3, bytes: 96, .. })));
    assert!(blobs.resume(blob).unwrap().is_none());
    let opened = blobs.begin(blob, &hashes).unwrap();
    assert_eq!(opened.here, [false; 3]);
    let partial = opened.partial;
    put(&blobs, &partial, 2, chunk(&bytes, 2)).unwrap();
    for (index, wrong) in
        [(0, chunk(&bytes, 1)), (2, &bytes[..100]), (2, &bytes[..101]), (3, &bytes[..0]), (0, &bytes[..0])]
    {
        assert!(matches!(put(&blobs, &partial, index, wrong), Err(BlobError::Chunk { .. })), "{index}");
    }
    assert_eq!(blobs.used(), 100 + 96, "what is wrong is not written");
    put(&blobs, &partial, 0, chunk(&bytes, 0)).unwrap();
    drop(partial);

    // After a crash that has damaged one chunk and left half of another.
    let path = blobs.file(&part_name(blob));
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(b"?", 5).unwrap();
    file.write_all_at(&bytes[CHUNK as usize..][..5000], CHUNK).unwrap();
    let blobs = store(&dir);
    let opened = blobs.resume(blob).unwrap().unwrap();
    assert_eq!((opened.here, blobs.used()), (vec![false, false, true], 100 + 96));
    for index in [1, 0] {
        put(&blobs, &opened.partial, index, chunk(&bytes, index)).unwrap();
    }
    assert_eq!(blobs.finish(&opened.partial).unwrap(), blob);
    assert_eq!(blobs.read(blob.id, blob.bytes).unwrap(), bytes);
    assert_eq!(blobs.used(), blob.bytes + 96);
}

#[test]
fn a_blob_of_one_chunk_needs_no_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    for bytes in [b"".as_slice(), b"0123456789"] {
        let blob = BlobRef::of(bytes);
        let partial = blobs.resume(blob).unwrap().unwrap().partial;
        assert!(put(&blobs, &partial, 0, b"lies").is_err());
        put(&blobs, &partial, 0, bytes).unwrap();
        assert_eq!(blobs.finish(&partial).unwrap(), blob);
        assert!(blobs.has(blob));
    }
}

#[test]
fn another_length_does_not_touch_what_was_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let bytes = bytes(CHUNK + 3);
    let (blob, hashes) = (BlobRef::of(&bytes), hashes(&bytes));
    let partial = blobs.begin(blob, &hashes).unwrap().partial;
    put(&blobs, &partial, 1, chunk(&bytes, 1)).unwrap();
    let shorter = BlobRef { bytes: 5, ..blob };
    assert_eq!(blobs.resume(shorter).unwrap().unwrap().here, [false]);
    let longer = BlobRef { bytes: blob.bytes + 1, ..blob };
    // The hashes alone do not tell: no last chunk will be right.
    let wrong = blobs.begin(longer, &hashes).unwrap().partial;
    assert!(put(&blobs, &wrong, 1, &[chunk(&bytes, 1), &[0]].concat()).is_err());
    assert_eq!(blobs.resume(blob).unwrap().unwrap().here, [false, true]);
    put(&blobs, &partial, 0, chunk(&bytes, 0)).unwrap();
    assert_eq!(blobs.finish(&partial).unwrap(), blob);
}

#[test]
fn what_nobody_goes_on_fetching_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    let whole = blobs.add_bytes(&bytes(CHUNK + 1)).unwrap();
    let bytes = vec![9; CHUNK as usize + 9];
    let old = BlobRef::of(&bytes);
    let partial = blobs.begin(old, &hashes(&bytes)).unwrap().partial;
    put(&blobs, &partial, 1, chunk(&bytes, 1)).unwrap();
    let used = blobs.used();
    blobs.expire_parts(Duration::from_secs(3600)).unwrap();
    assert_eq!((blobs.used(), blobs.resume(old).unwrap().unwrap().here), (used, vec![false, true]));
    let date = |name: &str, time: SystemTime| {
        File::options().write(true).open(blobs.file(name)).unwrap().set_modified(time).unwrap();
    };
    let long_ago = SystemTime::now() - 2 * limits::PART_AGE;
    for name in [part_name(old), tree_name(old), tree_name(whole), whole.id.to_string()] {
        date(&name, long_ago);
    }
    let orphan = tree_name(BlobRef::of(b"?"));
    std::fs::write(blobs.file(&orphan), b"").unwrap();
    date(&orphan, long_ago);
    // One from the future, by a clock that was wrong, stays.
    let future = part_name(BlobRef::of(b"later"));
    std::fs::write(blobs.file(&future), b"").unwrap();
    date(&future, SystemTime::now() + 2 * limits::PART_AGE);
    let blobs = store(&dir);
    assert_eq!((blobs.used(), blobs.has(whole)), (whole.bytes + 64, true));
    assert!(blobs.resume(old).unwrap().is_none());
    assert!(!blobs.file(&orphan).exists() && blobs.file(&future).exists());
}

#[test]
fn the_quota_holds_for_files_and_fetches() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = store(&dir);
    blobs.set_quota(100);
    blobs.add_bytes(&[1; 60]).unwrap();
    assert!(matches!(blobs.add_bytes(&[2; 41]), Err(BlobError::Quota { .. })));
    let wanted = BlobRef { id: BlobId::of(b"x"), bytes: 41 };
    assert!(matches!(blobs.resume(wanted), Err(BlobError::Quota { quota: 100, used: 60, wanted: 41 })));
    let large = BlobRef { bytes: 2 * CHUNK, ..wanted };
    assert!(
        matches!(blobs.resume(large), Err(BlobError::Quota { .. })),
        "before anybody is asked for hashes"
    );
    let huge = BlobRef { bytes: limits::BLOB_MAX_BYTES + 1, ..wanted };
    assert!(matches!(blobs.resume(huge), Err(BlobError::TooLong { .. })));
    // Two fetches for which there is room, but not for both.
    let (one, two) = ([3; 30], [4; 30]);
    let first = blobs.resume(BlobRef::of(&one)).unwrap().unwrap().partial;
    let second = blobs.resume(BlobRef::of(&two)).unwrap().unwrap().partial;
    put(&blobs, &first, 0, &one).unwrap();
    assert!(matches!(put(&blobs, &second, 0, &two), Err(BlobError::Quota { .. })));
    blobs.finish(&first).unwrap();
    assert_eq!(blobs.used(), 90);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever order chunks come in, however often, whatever else comes, and wherever it breaks off: what is counted
    /// as here is on disk and right, and at the end the blob is there.
    #[test]
    fn any_order_of_chunks_losses_and_breaks_ends_with_the_blob(
        len in 2 * CHUNK..4 * CHUNK,
        steps in prop::collection::vec((0u32..5, 0u8..8), 1..16),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let content = bytes(len);
        let (blob, hashes) = (BlobRef::of(&content), hashes(&content));
        let mut blobs = store(&dir);
        let mut opened = blobs.begin(blob, &hashes).unwrap();
        for (index, kind) in steps {
            match (kind, chunk_len(len, index)) {
                (0, _) => {
                    // Broken off.
                    let before = opened.here.clone();
                    blobs = store(&dir);
                    opened = blobs.resume(blob).unwrap().unwrap();
                    prop_assert_eq!(before, opened.here.clone());
                }
                (1, Some(_)) => {
                    let mut wrong = chunk(&content, index).to_vec();
                    let middle = wrong.len() / 2;
                    wrong[middle] ^= 1;
                    prop_assert!(put(&blobs, &opened.partial, index, &wrong).is_err());
                }
                (_, Some(_)) => {
                    put(&blobs, &opened.partial, index, chunk(&content, index)).unwrap();
                    opened.here[index as usize] = true;
                }
                (_, None) => prop_assert!(put(&blobs, &opened.partial, index, &content[..9]).is_err()),
            }
        }
        for index in (0..chunks(len)).rev() {
            if !opened.here[index as usize] {
                put(&blobs, &opened.partial, index, chunk(&content, index)).unwrap();
            }
        }
        prop_assert_eq!(blobs.finish(&opened.partial).unwrap(), blob);
        prop_assert_eq!(blobs.read(blob.id, len).unwrap(), content);
    }
}

#[test]
fn a_disk_that_is_almost_full_takes_neither_files_nor_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let roomy = store(&dir);
    let here = roomy.add_bytes(b"here").unwrap();
    let bytes = b"123456789";
    let wanted = BlobRef::of(bytes);
    let Opened { partial, .. } = roomy.begin(wanted, &[]).unwrap();
    let full = BlobStore { reserve: u64::MAX, ..roomy };
    let NoSpace { free, needed, .. } = match full.add_bytes(b"more") {
        Err(BlobError::NoSpace(no_space)) => no_space,
        other => panic!("{other:?}"),
    };
    assert!(free > 0 && needed == u64::MAX);
    assert!(matches!(put(&full, &partial, 0, bytes), Err(BlobError::NoSpace(_))));
    assert!(matches!(full.resume(wanted), Err(BlobError::NoSpace(_))));
    assert_eq!(full.read(here.id, 9).unwrap(), b"here", "what is here is served");
    let again = BlobStore { reserve: 0, ..full };
    put(&again, &partial, 0, bytes).unwrap();
    again.add_bytes(b"more").unwrap();
}
