//! Older layouts, brought to the next version step by step. A step may be killed at any point: what it does in pages can
//! be done again, and the version is raised by its last batch only.
//!
//! | version | what came |
//! |---|---|
//! | 1 | records, index, outbox |
//! | 2 | confirmations: which peers have said that they hold an own record. Whoever confirmed before is not known |

use super::StoreError;
use super::database::Database;
use super::layout::{Key, META, OUTBOX, RECORD, key};
use super::open::{Opening, guarded, sled_error};
use crate::{limits, space};
use std::path::Path;

/// A database, and what a step needs to report.
pub(super) struct Old<'a> {
    pub(super) db: &'a Database,
    pub(super) path: &'a Path,
    pub(super) progress: &'a dyn Fn(f64),
}

/// Brings a layout to the next version: work in pages that may be repeated, then the last changes, which are applied
/// together with the new version.
pub(super) type Step = fn(&Old<'_>) -> Result<sled::Batch, StoreError>;

/// The steps from version 1 on.
pub(super) const STEPS: [Step; super::SCHEMA_VERSION as usize - 1] = [to_version_2];

/// Version 1 took a record out of the outbox when a peer had it, and did not note which. There is nothing to add for
/// those; an entry of the outbox without its record, which version 1 passed over, would be an error from now on.
fn to_version_2(old: &Old<'_>) -> Result<sled::Batch, StoreError> {
    let mut last = sled::Batch::default();
    old.pages(OUTBOX, &mut |page| {
        for (at, _) in page {
            let Some(Key::Outbox(id)) = Key::parse(at) else { continue };
            if !old.db.contains_key(key(RECORD, &id)).map_err(|error| sled_error(old.path, error))? {
                last.remove(at.clone());
            }
        }
        Ok(sled::Batch::default())
    })?;
    Ok(last)
}

/// Keys with their values.
type Page = [(sled::IVec, sled::IVec)];

impl Old<'_> {
    /// Goes through all keys of a prefix, a page at a time, and applies the changes of each page by itself.
    pub(super) fn pages(
        &self,
        prefix: u8,
        change: &mut dyn FnMut(&Page) -> Result<sled::Batch, StoreError>,
    ) -> Result<(), StoreError> {
        let error = |error| sled_error(self.path, error);
        let mut from = vec![prefix];
        loop {
            let page: Vec<(sled::IVec, sled::IVec)> = self
                .db
                .range(from..vec![prefix + 1])
                .take(limits::MIGRATION_PAGE)
                .collect::<Result<_, _>>()
                .map_err(error)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            from = [last.as_ref(), &[0]].concat(); // the least key above it
            // Ids are hashes: their first byte tells how far it is.
            (self.progress)(last.get(1).map_or(0.0, |byte| f64::from(*byte) / 256.0));
            self.db.apply_batch(change(&page)?).map_err(error)?;
            self.db.flush().map_err(error)?;
        }
    }
}

/// Takes the steps that lead from the version found to the last one.
pub(super) fn migrate(
    db: &Database,
    path: &Path,
    steps: &[Step],
    opening: &Opening<'_>,
) -> Result<(), StoreError> {
    let expected = u32::try_from(steps.len()).unwrap_or(u32::MAX).saturating_add(1);
    let found = version(db, path)?;
    if found == 0 || found > expected {
        return Err(StoreError::Schema { path: path.to_owned(), expected, got: found });
    }
    for (step, from) in steps.iter().zip(1..).skip_while(|(_, from)| *from < found) {
        space::check(path, 0, opening.reserve)?;
        let (to, what) = (from + 1, format!("bringing the store from schema version {from} to {}", from + 1));
        tracing::info!(path = %path.display(), from, to, "migrating the store");
        (opening.progress)(&what, 0.0);
        let mut last = step(&Old { db, path, progress: &|part| (opening.progress)(&what, part) })?;
        last.insert(META, &u32::to_be_bytes(to));
        db.apply_batch(last).map_err(|error| sled_error(path, error))?;
        db.flush().map_err(|error| sled_error(path, error))?;
        (opening.progress)(&what, 1.0);
    }
    Ok(())
}

fn version(db: &Database, path: &Path) -> Result<u32, StoreError> {
    let Some(value) = guarded(path, || db.get(META))? else {
        return Err(StoreError::Corrupt { path: path.to_owned(), reason: "no schema version".into() });
    };
    <[u8; 4]>::try_from(value.as_ref()).map(u32::from_be_bytes).map_err(|_| {
        let reason = format!("a schema version of {} bytes", value.len());
        StoreError::Corrupt { path: path.to_owned(), reason }
    })
}
