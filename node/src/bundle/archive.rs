//! Bundles as bytes: a tar archive. It knows of no files, so that fuzzing can have it without the rest.

use protocol::limits::{MAX_RECORD_BYTES, MAX_TEST_SET_BYTES};
use protocol::{BlobId, Bundle, RecordId};
use std::io::Read;

/// How many files of each kind there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Records.
    pub records: usize,
    /// Blobs.
    pub blobs: usize,
}

/// Why bytes are no bundle.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The source of the bytes, or no archive.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something in the archive that does not belong there.
    #[error("expected {expected}, got {got}")]
    Content {
        /// What belongs there.
        expected: String,
        /// What it is.
        got: String,
    },
}

/// The same bytes for the same content.
///
/// # Errors
/// None but those of the archive's format.
pub fn to_bytes(bundle: &Bundle) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    let records = bundle.records.iter().map(|bytes| (format!("records/{}", RecordId::of(bytes)), bytes));
    let blobs = bundle.blobs.iter().map(|bytes| (format!("blobs/{}", BlobId::of(bytes)), bytes));
    for (name, bytes) in records.chain(blobs) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

/// Reads a bundle of anybody's: lengths and numbers are bounded before anything is kept. The length of the whole is
/// the caller's to bound.
///
/// # Errors
/// If it is no bundle.
pub fn read(bytes: impl Read, bounds: Bounds) -> Result<Bundle, ArchiveError> {
    let content = |expected: String, got: String| ArchiveError::Content { expected, got };
    let mut archive = tar::Archive::new(bytes);
    let mut bundle = Bundle::default();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).chars().take(100).collect::<String>();
        let (list, most, longest) = match name.split_once('/') {
            Some(("records", _)) => (&mut bundle.records, bounds.records, MAX_RECORD_BYTES),
            Some(("blobs", _)) => (&mut bundle.blobs, bounds.blobs, MAX_TEST_SET_BYTES),
            _ => return Err(content("files in records/ and blobs/".to_owned(), name)),
        };
        if !entry.header().entry_type().is_file() {
            return Err(content("plain files".to_owned(), name));
        }
        if list.len() >= most {
            return Err(content(format!("at most {most} files of this kind"), name));
        }
        if entry.size() > longest as u64 {
            let got = format!("{name} of {} bytes", entry.size());
            return Err(content(format!("at most {longest} bytes"), got));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        list.push(bytes);
    }
    Ok(bundle)
}
