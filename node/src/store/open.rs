//! How the database in a folder is locked, made, opened and put in another's place.
//!
//! ```text
//! store/          the database
//! store.lock      held by whoever has it open
//! store.fresh/    one that is being made; of no use until it is renamed to `store`
//! store.before/   what `store` was before a fresh copy took its place
//! ```

use super::database::Database;
use super::layout::META;
use super::{SCHEMA_VERSION, StoreError, migrate};
use crate::{limits, space};
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reports a step, and the part of it that is done (0 to 1).
pub type Progress<'a> = &'a dyn Fn(&str, f64);

/// How a store is opened.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// Bytes that stay free on its disk: with fewer nothing is written.
    pub reserve: u64,
    /// Told how far a migration is.
    pub progress: Progress<'a>,
}

impl Default for Opening<'_> {
    fn default() -> Self {
        Self { reserve: limits::DISK_RESERVE_BYTES, progress: &|_, _| {} }
    }
}

pub(super) fn sibling(path: &Path, what: &str) -> PathBuf {
    path.with_extension(what)
}

const FRESH: &str = "fresh";
const BEFORE: &str = "before";

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options().create(true).append(true).open(sibling(path, "lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Brings to an end what a crash has interrupted. Only for who holds the lock.
pub(super) fn recover(path: &Path) -> Result<(), StoreError> {
    let (fresh, before) = (sibling(path, FRESH), sibling(path, BEFORE));
    if before.exists() {
        if path.exists() {
            std::fs::remove_dir_all(&before)?;
        } else {
            std::fs::rename(&before, path)?;
            sync_parent(path)?;
        }
    }
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    Ok(())
}

/// Where a database is made that shall take the place of the one in `path`: an empty folder.
pub(super) fn fresh(path: &Path) -> Result<PathBuf, StoreError> {
    let fresh = sibling(path, FRESH);
    std::fs::create_dir(&fresh)?;
    Ok(fresh)
}

/// Puts the fresh database in place, once it is on disk. `between` is told when the old one, if there is one, has been
/// moved away: until then it counts, from then on the fresh one does, and [`recover`] tells which it is.
pub(super) fn put_in_place(
    path: &Path,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (fresh, before) = (sibling(path, FRESH), sibling(path, BEFORE));
    sync_tree(&fresh)?;
    if path.exists() {
        std::fs::rename(path, &before)?;
        between()?;
    }
    std::fs::rename(&fresh, path)?;
    sync_parent(path)
}

/// Deletes what was there before [`put_in_place`].
pub(super) fn discard_before(path: &Path) -> Result<(), StoreError> {
    Ok(std::fs::remove_dir_all(sibling(path, BEFORE))?)
}

/// Makes an empty store and renames it to its place: a folder without a schema version is corrupt, never half-made.
pub(super) fn create(path: &Path, opening: &Opening<'_>) -> Result<(), StoreError> {
    space::check(path.parent().unwrap_or(Path::new(".")), 0, opening.reserve)?;
    let fresh = fresh(path)?;
    let db = open_db(&fresh)?;
    let mut first = sled::Batch::default();
    first.insert(META, &SCHEMA_VERSION.to_be_bytes());
    db.apply_batch(first).map_err(|e| sled_error(path, e))?;
    db.flush().map_err(|e| sled_error(path, e))?;
    drop(db);
    put_in_place(path, &mut || Ok(()))
}

/// Opens the database as it is, of whatever schema version.
pub(super) fn open_db(path: &Path) -> Result<Database, StoreError> {
    let open = || {
        guarded(path, || {
            sled::Config::new()
                .path(path)
                .cache_capacity(limits::STORE_CACHE_BYTES)
                .mode(sled::Mode::LowSpace)
                .flush_every_ms(None)
                .open()
                .map(Database::new)
        })
    };
    // Threads of sled may hold its own lock for a moment after a database was closed in this very process. Other
    // processes are kept out by the lock beside the folder, so that waiting a little hides nothing.
    for _ in 0..40 {
        match open() {
            Err(StoreError::InUse { .. }) => std::thread::sleep(Duration::from_millis(25)),
            result => return result,
        }
    }
    open()
}

/// Brings the database to this release's schema version.
pub(super) fn bring_up_to_date(db: &Database, path: &Path, opening: &Opening<'_>) -> Result<(), StoreError> {
    migrate::migrate(db, path, &migrate::STEPS, opening)
}

/// sled panics on some kinds of damage: that is a corrupt store, not the end of the process.
pub(super) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, sled::Error>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| sled_error(path, error)),
        Err(_) => Err(StoreError::Corrupt {
            path: path.to_owned(),
            reason: "the database gave up on reading it".into(),
        }),
    }
}

pub(super) fn sled_error(path: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => {
            StoreError::InUse { path: path.to_owned() }
        }
        sled::Error::Io(io) if io.kind() != std::io::ErrorKind::InvalidData => StoreError::Io(io),
        other => StoreError::Corrupt { path: path.to_owned(), reason: other.to_string() },
    }
}

/// Bytes of all files in a folder and below.
///
/// # Errors
/// If one cannot be read.
pub(super) fn tree_bytes(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { tree_bytes(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

fn sync_tree(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(dir)?.sync_all()
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    Ok(File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?)
}
