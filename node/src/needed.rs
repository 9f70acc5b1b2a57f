//! Which blobs competitions need, and what for.

use crate::blobs::{BlobError, BlobStore, Stored};
use crate::home::{Home, HomeError};
use crate::hosted::{Hosted, Once};
use crate::limits;
use circuits::groth16::VerifiedModel;
use protocol::{BlobId, BlobRef, RecordId, RecordSet, Signed, WellFormed};
use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::time::SystemTime;

/// What a competition needs a blob for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Which blob.
    pub blob: BlobRef,
    /// Which competition.
    pub competition: RecordId,
    /// `test_set`, `training`, `verifying_key` or `proving_key`.
    pub role: &'static str,
}

/// What the records that are kept need. A test set that two reveals name differently is needed twice.
pub fn of_records(set: &RecordSet<VerifiedModel>) -> impl Iterator<Item = Use> {
    set.contests().flat_map(|contest| {
        let (competition, rules) = (contest.id(), contest.competition().item.body());
        let named = move |role: &'static str| move |blob: BlobRef| Use { blob, competition, role };
        let open = rules.open_scoring().map(|scoring| scoring.test_set);
        let revealed = contest.reveals().iter().map(|reveal| reveal.item.body().test_set);
        let classes = rules.size_classes.iter();
        open.into_iter()
            .chain(revealed)
            .map(named("test_set"))
            .chain(rules.training.map(named("training")))
            .chain(classes.clone().map(|class| class.verifying_key).map(named("verifying_key")))
            .chain(classes.map(|class| class.proving_key).map(named("proving_key")))
    })
}

/// The test sets of reveals that have been signed here and may not be published yet. Keys and sealed test sets lie in
/// folders of their own.
///
/// # Errors
/// If the folder cannot be read.
pub fn of_drafts(home: &Home) -> Result<HashSet<BlobId>, HomeError> {
    let dir = home.hosted();
    let io = |source| HomeError::Io { path: dir.clone(), source };
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(io(error)),
    };
    let mut needed = HashSet::new();
    for entry in entries {
        let name = entry.map_err(io)?.file_name();
        let Some(Ok(competition)) = name.to_str().map(str::parse::<RecordId>) else { continue };
        let Some(bytes) = Hosted::new(home, competition).once(Once::Reveal)? else { continue };
        // Nobody can publish what cannot be read.
        let Ok(signed) = Signed::open(&bytes) else { continue };
        if let Ok(WellFormed::Reveal(reveal)) = WellFormed::parse(&signed) {
            needed.insert(reveal.body().test_set.id);
        }
    }
    Ok(needed)
}

/// Deletes the blobs that nobody needs and that have lain for a day: until so many bytes are free, or all of them.
/// Returns which; in a rehearsal they stay.
///
/// # Errors
/// If it cannot be told what is needed, or the disk fails.
pub fn collect(
    blobs: &BlobStore,
    home: &Home,
    mut needed: HashSet<BlobId>,
    wanted: Option<u64>,
    rehearsal: bool,
) -> Result<Vec<BlobRef>, CollectError> {
    needed.extend(of_drafts(home)?);
    let gone = blobs.collect(&needed, limits::COLLECT_AGE, wanted, rehearsal)?;
    if !rehearsal && !gone.is_empty() {
        let bytes: u64 = gone.iter().map(|blob| blob.bytes).sum();
        tracing::info!(blobs = gone.len(), bytes, "deleted what no competition needs");
    }
    Ok(gone)
}

/// Why blobs that nobody needs were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It cannot be told what is needed.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// The blobs that are here, the oldest first, and then those that are needed and are not.
///
/// # Errors
/// If the folder cannot be read.
pub fn list(blobs: &BlobStore, uses: impl IntoIterator<Item = Use>) -> Result<Vec<api::Blob>, BlobError> {
    let mut of_blob: BTreeMap<BlobRef, Vec<api::BlobUse>> = BTreeMap::new();
    for Use { blob, competition, role } in uses {
        let named = api::BlobUse { competition: competition.to_string(), role: role.to_owned() };
        of_blob.entry(blob).or_default().push(named);
    }
    let show = |blob: BlobRef, since: Option<u64>, uses: Vec<api::BlobUse>| api::Blob {
        blob: blob.id.to_string(),
        bytes: blob.bytes,
        since,
        uses,
    };
    let mut list = Vec::new();
    for Stored { blob, since } in blobs.list()? {
        let since = since.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        list.push(show(blob, Some(since), of_blob.remove(&blob).unwrap_or_default()));
    }
    list.extend(of_blob.into_iter().map(|(blob, uses)| show(blob, None, uses)));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_needed_or_drafted_or_young_is_never_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")), None).unwrap();
        let host = home.init().unwrap().keypair;
        let blobs = BlobStore::open(&home.blobs()).unwrap();
        let add = |text: &str, days: u64| {
            let blob = blobs.add_bytes(text.as_bytes()).unwrap();
            let file = std::fs::File::options().write(true).open(blobs.path(blob.id)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400 + 60)).unwrap();
            blob
        };
        let (needed, revealed) = (add("needed", 9), add("revealed", 9));
        let (young, old, older) = (add("young", 0), add("old", 2), add("older!", 3));
        let competition = RecordId::of(b"a competition");
        let reveal = protocol::Reveal {
            competition,
            test_set: revealed,
            rows: 1,
            salt: [7; 32],
            roster: vec![RecordId::of(b"an entry")],
            created: 1_700_000_000,
        };
        let reveal = protocol::sign(&host, &protocol::Body::Reveal(reveal)).unwrap();
        Hosted::new(&home, competition).keep_once(Once::Reveal, reveal.bytes()).unwrap();
        let collect = |wanted, rehearsal| {
            collect(&blobs, &home, HashSet::from([needed.id]), wanted, rehearsal).unwrap()
        };
        assert_eq!(collect(None, true), [older, old]);
        assert!(blobs.has(older) && blobs.has(old), "a rehearsal");
        blobs.set_quota(blobs.used());
        assert!(collect(Some(0), false).is_empty(), "there is room");
        assert_eq!(collect(Some(1), false), [older], "no more than has to go, the oldest first");
        assert_eq!(collect(None, false), [old]);
        assert!(collect(None, false).is_empty());
        for blob in [needed, revealed, young] {
            assert!(blobs.has(blob));
        }
        // What a client has just asked for counts as young, needed or not.
        let asked = add("asked", 9);
        blobs.verify_or_discard(asked.id).unwrap();
        assert!(collect(None, false).is_empty());

        // Damaged drafts are no reason to forget what they may need.
        let record = Hosted::new(&home, competition).dir().join("reveal.record");
        std::fs::remove_file(&record).unwrap();
        std::fs::create_dir(&record).unwrap();
        assert!(super::collect(&blobs, &home, HashSet::new(), None, false).is_err());
        assert!(blobs.has(revealed));
    }
}
