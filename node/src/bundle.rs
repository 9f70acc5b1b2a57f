//! Bundles as files: a tar archive with every record and every file that verifying a competition takes.
//!
//! ```text
//! records/<id>     signed records
//! blobs/<id>       verifying keys, and the test set unless it is sealed
//! ```
//!
//! The names help people; nothing is believed because of them.

mod archive;

use crate::home::{HomeError, write_private};
use crate::limits;
use archive::{ArchiveError, Bounds};
use protocol::Bundle;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

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
    /// Something that does not belong there.
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

impl BundleFileError {
    fn of(path: &Path, error: ArchiveError) -> Self {
        let path = path.to_owned();
        match error {
            ArchiveError::Io(source) => Self::Io { path, source },
            ArchiveError::Content { expected, got } => Self::Content { path, expected, got },
        }
    }
}

/// Writes a bundle, the same bytes for the same content. The file is there whole or not at all.
///
/// # Errors
/// If the disk fails.
pub fn write(path: &Path, bundle: &Bundle) -> Result<(), BundleFileError> {
    let bytes = archive::to_bytes(bundle).map_err(|error| BundleFileError::of(path, error))?;
    let path =
        std::path::absolute(path).map_err(|source| BundleFileError::Io { path: path.to_owned(), source })?;
    Ok(write_private(&path, &bytes)?)
}

/// Reads a bundle of anybody's: lengths and numbers are bounded before anything is kept.
///
/// # Errors
/// If it is no bundle.
pub fn read(path: &Path) -> Result<Bundle, BundleFileError> {
    let io = |source| BundleFileError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(io(std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file")));
    }
    if meta.len() > limits::BUNDLE_BYTES {
        return Err(BundleFileError::Content {
            path: path.to_owned(),
            expected: format!("at most {} bytes", limits::BUNDLE_BYTES),
            got: format!("{} bytes", meta.len()),
        });
    }
    let bounds = Bounds { records: limits::BUNDLE_RECORDS, blobs: limits::BUNDLE_BLOBS };
    let bytes = BufReader::new(file.take(limits::BUNDLE_BYTES));
    archive::read(bytes, bounds).map_err(|error| BundleFileError::of(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::limits::MAX_RECORD_BYTES;

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

    /// One empty file of this name, again and again.
    fn repeated(name: &str) -> impl Read {
        let mut header = tar::Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(0);
        header.set_cksum();
        Repeated { block: *header.as_bytes(), at: 0 }
    }

    struct Repeated {
        block: [u8; 512],
        at: usize,
    }

    impl Read for Repeated {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let n = buffer.len().min(self.block.len() - self.at);
            buffer[..n].copy_from_slice(&self.block[self.at..self.at + n]);
            self.at = (self.at + n) % self.block.len();
            Ok(n)
        }
    }

    #[test]
    fn one_file_or_byte_too_many_is_refused() {
        let bounds = Bounds { records: limits::BUNDLE_RECORDS, blobs: limits::BUNDLE_BLOBS };
        for (name, most) in [("records/x", limits::BUNDLE_RECORDS), ("blobs/x", limits::BUNDLE_BLOBS)] {
            let whole = archive::read(repeated(name).take(512 * most as u64), bounds).unwrap();
            assert_eq!(whole.records.len().max(whole.blobs.len()), most);
            let error = archive::read(repeated(name), bounds).unwrap_err();
            assert!(error.to_string().contains(&most.to_string()), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.bundle");
        File::create(&path).unwrap().set_len(limits::BUNDLE_BYTES + 1).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, BundleFileError::Content { .. }), "{error}");
    }
}
