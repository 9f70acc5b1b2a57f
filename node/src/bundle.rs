//! Bundles as files: a tar archive with every record and every file that verifying a competition takes.
//!
//! ```text
//! records/<id>     signed records
//! blobs/<id>       verifying keys, and the test set unless it is sealed
//! ```
//!
//! The names help people; nothing is believed because of them.

use crate::home::{HomeError, write_private};
use protocol::limits::{
    MAX_ENTRIES, MAX_RECORD_BYTES, MAX_SIZE_CLASSES, MAX_SUBMISSIONS, MAX_TEST_SET_BYTES,
};
use protocol::{BlobId, Bundle, RecordId};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Most records in a bundle: entries, their withdrawals, submissions, and a few of the host.
const MAX_RECORDS: usize = 2 * MAX_ENTRIES + MAX_SUBMISSIONS + 16;
/// Most blobs in a bundle.
const MAX_BLOBS: usize = MAX_SIZE_CLASSES + 1;
/// Longest bundle that is read: it is held in memory.
const MAX_BYTES: u64 = 1 << 30;

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleFileError {
    /// The disk, or not an archive.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system or the decoder says.
        source: std::io::Error,
    },
    /// The disk.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Something in the archive that does not belong there.
    #[error("{path}: expected {expected}, got {got}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What belongs there.
        expected: String,
        /// What it is.
        got: String,
    },
}

/// Writes a bundle, the same bytes for the same content. The file is there whole or not at all.
///
/// # Errors
/// If the disk fails.
pub fn write(path: &Path, bundle: &Bundle) -> Result<(), BundleFileError> {
    let io = |source| BundleFileError::Io { path: path.to_owned(), source };
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    let records = bundle.records.iter().map(|bytes| (format!("records/{}", RecordId::of(bytes)), bytes));
    let blobs = bundle.blobs.iter().map(|bytes| (format!("blobs/{}", BlobId::of(bytes)), bytes));
    for (name, bytes) in records.chain(blobs) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).map_err(io)?;
    }
    let path = std::path::absolute(path).map_err(io)?;
    Ok(write_private(&path, &archive.into_inner().map_err(io)?)?)
}

/// Reads a bundle of anybody's: lengths and numbers are bounded before anything is kept.
///
/// # Errors
/// If it is no bundle.
pub fn read(path: &Path) -> Result<Bundle, BundleFileError> {
    let io = |source| BundleFileError::Io { path: path.to_owned(), source };
    let content =
        |expected: String, got: String| BundleFileError::Content { path: path.to_owned(), expected, got };
    let file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(io(std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file")));
    }
    if meta.len() > MAX_BYTES {
        return Err(content(format!("at most {MAX_BYTES} bytes"), format!("{} bytes", meta.len())));
    }
    let mut archive = tar::Archive::new(BufReader::new(file.take(MAX_BYTES)));
    let mut bundle = Bundle::default();
    for entry in archive.entries().map_err(io)? {
        let mut entry = entry.map_err(io)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).chars().take(100).collect::<String>();
        let (list, most, longest) = match name.split_once('/') {
            Some(("records", _)) => (&mut bundle.records, MAX_RECORDS, MAX_RECORD_BYTES),
            Some(("blobs", _)) => (&mut bundle.blobs, MAX_BLOBS, MAX_TEST_SET_BYTES),
            _ => return Err(content("files in records/ and blobs/".to_owned(), name)),
        };
        if !entry.header().entry_type().is_file() {
            return Err(content("plain files".to_owned(), name));
        }
        if list.len() >= most {
            return Err(content(format!("at most {most} files of this kind"), name));
        }
        if entry.size() > longest as u64 {
            return Err(content(
                format!("at most {longest} bytes"),
                format!("{name} of {} bytes", entry.size()),
            ));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(io)?;
        list.push(bytes);
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_round_trip_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bundle");
        let bundle = Bundle { records: vec![b"one".to_vec(), b"two".to_vec()], blobs: vec![vec![7; 5000]] };
        write(&path, &bundle).unwrap();
        let again = read(&path).unwrap();
        assert_eq!((again.records, again.blobs), (bundle.records.clone(), bundle.blobs.clone()));
        let other = dir.path().join("b.bundle");
        write(&other, &bundle).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&other, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read(&other), Err(BundleFileError::Io { .. })), "cut off");
        std::fs::write(&other, b"no archive at all").unwrap();
        assert!(read(&other).is_err_and(|error| !matches!(error, BundleFileError::Home(_))));
        assert!(matches!(read(dir.path()), Err(BundleFileError::Io { .. })));
    }

    #[test]
    fn what_does_not_belong_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bundle");
        let archive = |name: &str, bytes: usize, kind: tar::EntryType| {
            let mut archive = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes as u64);
            header.set_entry_type(kind);
            archive.append_data(&mut header, name, vec![0u8; bytes].as_slice()).unwrap();
            std::fs::write(&path, archive.into_inner().unwrap()).unwrap();
            read(&path)
        };
        let plain = tar::EntryType::Regular;
        assert!(archive("records/x", 9, plain).is_ok());
        for (name, bytes, kind) in [
            ("elsewhere/x", 1, plain),
            ("x", 1, plain),
            ("records/x", MAX_RECORD_BYTES + 1, plain),
            ("records/x", 0, tar::EntryType::Directory),
        ] {
            assert!(matches!(archive(name, bytes, kind), Err(BundleFileError::Content { .. })), "{name}");
        }
    }
}
