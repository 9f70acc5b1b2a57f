//! All records of a store as a plain tar archive, so that another engine can take over:
//!
//! ```text
//! manifest.json    format, version, numbers, and the fingerprint of the record ids
//! blobs/<id>       what checking the records takes, if asked for: verifying keys and test sets; the name is the BLAKE3
//! records/<id>     one signed envelope each; the name is the BLAKE3 of its bytes, the time of the file is when it was
//!                  first seen (seconds since 1970)
//! ```
//!
//! Blobs come first, then records in the order of kinds, so that what a record refers to stands before it. Nothing is
//! believed because of names or times.

use crate::limits;
use protocol::{BlobId, Fingerprint, RecordId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Take};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

const FORMAT: &str = "podium-records";
const VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// Why a file is no archive of records, or was not written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk, or not a tar archive.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system or the decoder says.
        source: std::io::Error,
    },
    /// Something that does not belong there, or is missing.
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

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `podium-records`.
    pub format: String,
    /// 1.
    pub version: u32,
    /// Number of records.
    pub records: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Fingerprint of the records' ids, in hex.
    pub fingerprint: String,
}

impl Manifest {
    /// Of these records and so many blobs.
    pub fn of(records: &BTreeSet<RecordId>, blobs: u64) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            records: records.len() as u64,
            blobs,
            fingerprint: Fingerprint::of(records.iter().copied()).to_string(),
        }
    }
}

/// An archive that is being written: there whole, once it is finished, or not at all.
pub struct Writer {
    path: PathBuf,
    tar: tar::Builder<BufWriter<NamedTempFile>>,
}

impl Writer {
    /// Begins beside `path`.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn create(path: &Path, manifest: &Manifest) -> Result<Self, ArchiveError> {
        let io = io(path);
        let path = std::path::absolute(path).map_err(&io)?;
        let dir = path.parent().unwrap_or(Path::new("."));
        let temp = tempfile::Builder::new().prefix(".archive-").tempfile_in(dir).map_err(&io)?;
        let mut writer = Self { path, tar: tar::Builder::new(BufWriter::new(temp)) };
        let json = serde_json::to_vec_pretty(manifest).map_err(|error| io(error.into()))?;
        writer.append(MANIFEST, 0, json.len() as u64, json.as_slice())?;
        Ok(writer)
    }

    fn append(&mut self, name: &str, time: u64, bytes: u64, content: impl Read) -> Result<(), ArchiveError> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o644);
        header.set_mtime(time);
        self.tar.append_data(&mut header, name, content).map_err(io(&self.path))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn record(&mut self, first_seen: u64, bytes: &[u8]) -> Result<(), ArchiveError> {
        let name = format!("records/{}", RecordId::of(bytes));
        self.append(&name, first_seen, bytes.len() as u64, bytes)
    }

    /// Adds a blob from a file.
    ///
    /// # Errors
    /// If it cannot be read or the disk fails.
    pub fn blob(&mut self, id: BlobId, file: &Path) -> Result<(), ArchiveError> {
        let content = File::open(file).map_err(io(file))?;
        let bytes = content.metadata().map_err(io(file))?.len();
        // A file that changes its length meanwhile must not shift what follows.
        self.append(&format!("blobs/{id}"), 0, bytes, Exactly { file: content.take(bytes), left: bytes })
    }

    /// Flushes it and gives it its name; its length in bytes.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn finish(self) -> Result<u64, ArchiveError> {
        let io = io(&self.path);
        let temp = self.tar.into_inner().and_then(|out| Ok(out.into_inner()?)).map_err(&io)?;
        temp.as_file().sync_all().map_err(&io)?;
        let bytes = temp.as_file().metadata().map_err(&io)?.len();
        temp.persist(&self.path).map_err(|error| io(error.error))?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(&io)?;
        Ok(bytes)
    }
}

/// A file that must not become shorter while it is read.
struct Exactly {
    file: Take<File>,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.left -= n as u64;
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(n)
    }
}

/// One thing in an archive.
pub enum Item<'a> {
    /// A signed envelope; its signature has not been looked at.
    Record {
        /// What the archive says of when it was first seen.
        first_seen: u64,
        /// The envelope.
        bytes: Vec<u8>,
    },
    /// A blob; not compared with its id yet.
    Blob {
        /// Its id by its name.
        id: BlobId,
        /// Its content.
        content: &'a mut dyn Read,
    },
}

/// An archive of anybody's. What is read of it is bounded.
pub struct Archive {
    path: PathBuf,
    file: File,
}

impl Archive {
    /// Opens a file; nothing but its length is looked at.
    ///
    /// # Errors
    /// If there is none, it is no plain file, or too long.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let io = io(path);
        // Before it is opened: opening a pipe would wait for somebody to write into it.
        let meta = std::fs::metadata(path).map_err(&io)?;
        if !meta.is_file() {
            return Err(io(std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file")));
        }
        check_length(path, meta.len())?;
        Ok(Self { path: path.to_owned(), file: File::open(path).map_err(&io)? })
    }

    /// Hands over everything in the archive, in its order. At the end it is certain that nothing was missing.
    ///
    /// # Errors
    /// If something does not belong there or is missing, or the visitor says so. What came before was handed over.
    pub fn read<E: From<ArchiveError>>(
        self,
        mut visit: impl FnMut(&Manifest, Item<'_>) -> Result<(), E>,
    ) -> Result<Manifest, E> {
        let Self { path, file } = self;
        let mut tar = tar::Archive::new(BufReader::new(file.take(limits::ARCHIVE_BYTES)));
        // Raw: what tar can say beside plain files (long names, sparse files) is refused, not looked at.
        let entries = tar.entries().map_err(io(&path))?.raw(true);
        let mut manifest: Option<Manifest> = None;
        let (mut ids, mut blobs) = (BTreeSet::new(), 0u64);
        for entry in entries {
            let mut entry = entry.map_err(io(&path))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).chars().take(100).collect::<String>();
            if !entry.header().entry_type().is_file() {
                return Err(content(&path, "plain files", name).into());
            }
            let size = entry.header().size().map_err(io(&path))?;
            let Some(manifest) = &manifest else {
                manifest = Some(read_manifest(&path, &name, size, &mut entry)?);
                continue;
            };
            match name.split_once('/') {
                Some(("records", id)) => {
                    let most = limits::RECORD_MAX_BYTES as u64;
                    if size > most || ids.len() as u64 >= manifest.records {
                        let expected = format!("{} records of at most {most} bytes", manifest.records);
                        return Err(content(&path, expected, format!("{name} of {size} bytes")).into());
                    }
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).map_err(io(&path))?;
                    let got = RecordId::of(&bytes);
                    if got.to_string() != id || !ids.insert(got) {
                        let expected = format!("each record once, under its own name, here {got}");
                        return Err(content(&path, expected, name).into());
                    }
                    let first_seen = entry.header().mtime().map_err(io(&path))?;
                    visit(manifest, Item::Record { first_seen, bytes })?;
                }
                Some(("blobs", id)) => {
                    blobs += 1;
                    let Some(id) = id.parse().ok().filter(|_| blobs <= manifest.blobs) else {
                        return Err(content(&path, format!("{} blobs", manifest.blobs), name).into());
                    };
                    visit(manifest, Item::Blob { id, content: &mut entry })?;
                }
                _ => return Err(content(&path, "files in records/ and blobs/", name).into()),
            }
        }
        let Some(manifest) = manifest else {
            return Err(content(&path, "an archive of records", "an empty one").into());
        };
        let got = Manifest::of(&ids, blobs);
        if got != manifest {
            let told = |m: &Manifest| format!("{} records, {} blobs, {}", m.records, m.blobs, m.fingerprint);
            return Err(content(&path, told(&manifest), told(&got)).into());
        }
        Ok(manifest)
    }
}

fn read_manifest(
    path: &Path,
    name: &str,
    size: u64,
    content_of: &mut impl Read,
) -> Result<Manifest, ArchiveError> {
    if name != MANIFEST || size > limits::MANIFEST_BYTES {
        let expected = format!("{MANIFEST} of at most {} bytes first", limits::MANIFEST_BYTES);
        return Err(content(path, expected, format!("{name} of {size} bytes")));
    }
    let mut bytes = Vec::new();
    content_of.read_to_end(&mut bytes).map_err(io(path))?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| content(path, "a manifest", error.to_string()))?;
    if (manifest.format.as_str(), manifest.version) != (FORMAT, VERSION) {
        let got = format!("{} {}", manifest.format.escape_debug(), manifest.version);
        return Err(content(path, format!("{FORMAT} {VERSION}"), got));
    }
    if manifest.records > limits::STORE_MAX_RECORDS {
        let expected = format!("at most {} records", limits::STORE_MAX_RECORDS);
        return Err(content(path, expected, manifest.records.to_string()));
    }
    Ok(manifest)
}

fn check_length(path: &Path, bytes: u64) -> Result<(), ArchiveError> {
    if bytes > limits::ARCHIVE_BYTES {
        let expected = format!("at most {} bytes", limits::ARCHIVE_BYTES);
        return Err(content(path, expected, format!("{bytes} bytes")));
    }
    Ok(())
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ArchiveError + use<> {
    let path = path.to_owned();
    move |source| ArchiveError::Io { path: path.clone(), source }
}

fn content(path: &Path, expected: impl Into<String>, got: impl Into<String>) -> ArchiveError {
    ArchiveError::Content { path: path.to_owned(), expected: expected.into(), got: got.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: [&[u8]; 3] = [b"one", b"two", b"three"];

    fn manifest(blobs: u64) -> Manifest {
        Manifest::of(&RECORDS.iter().map(|bytes| RecordId::of(bytes)).collect(), blobs)
    }

    fn written(dir: &Path) -> PathBuf {
        let (path, blob) = (dir.join("archive.tar"), dir.join("blob"));
        std::fs::write(&blob, b"a blob").unwrap();
        let mut writer = Writer::create(&path, &manifest(1)).unwrap();
        writer.blob(BlobId::of(b"a blob"), &blob).unwrap();
        for (time, bytes) in (7..).zip(RECORDS) {
            writer.record(time, bytes).unwrap();
        }
        assert!(!path.exists(), "not before it is whole");
        let bytes = writer.finish().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
        path
    }

    /// Records with their times, and blobs with their ids.
    type Content = (Vec<(u64, Vec<u8>)>, Vec<(BlobId, Vec<u8>)>);
    /// What is wrong, the files of an archive, and what the error says.
    type Case<'a> = (&'a str, Vec<(&'a str, Vec<u8>, tar::EntryType)>, &'a str);

    fn read(path: &Path) -> Result<Content, ArchiveError> {
        let (mut records, mut blobs) = (Vec::new(), Vec::new());
        Archive::open(path)?.read::<ArchiveError>(|_, item| {
            match item {
                Item::Record { first_seen, bytes } => records.push((first_seen, bytes)),
                Item::Blob { id, content } => {
                    let mut bytes = Vec::new();
                    content.read_to_end(&mut bytes).unwrap();
                    blobs.push((id, bytes));
                }
            }
            Ok(())
        })?;
        Ok((records, blobs))
    }

    #[test]
    fn a_manifest_beyond_its_bound_is_not_read() {
        let (path, bytes) = (Path::new("archive.tar"), serde_json::to_vec(&manifest(0)).unwrap());
        let read = |size: u64| read_manifest(path, MANIFEST, size, &mut bytes.as_slice());
        read(limits::MANIFEST_BYTES).unwrap();
        let error = read(limits::MANIFEST_BYTES + 1).unwrap_err().to_string();
        assert!(error.contains(&(limits::MANIFEST_BYTES + 1).to_string()), "{error}");
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let (records, blobs) = read(&written(dir.path())).unwrap();
        let expected: Vec<(u64, Vec<u8>)> = (7..).zip(RECORDS.map(<[u8]>::to_vec)).collect();
        assert_eq!(records, expected);
        assert_eq!(blobs, [(BlobId::of(b"a blob"), b"a blob".to_vec())]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
    }

    /// An archive of these files.
    fn archive(dir: &Path, files: &[(&str, Vec<u8>, tar::EntryType)]) -> PathBuf {
        let path = dir.join("made.tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        for (name, bytes, kind) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_entry_type(*kind);
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        tar.finish().unwrap();
        path
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        use tar::EntryType::{Directory, Regular, Symlink};
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &'static str, bytes: &[u8]| (name, bytes.to_vec(), Regular);
        let json = |manifest: &Manifest| file(MANIFEST, &serde_json::to_vec(manifest).unwrap());
        let long = |name: String| -> &'static str { Box::leak(name.into_boxed_str()) };
        let name = |bytes: &[u8]| long(format!("records/{}", RecordId::of(bytes)));
        let record = |bytes: &'static [u8]| file(name(bytes), bytes);
        let one = Manifest::of(&[RecordId::of(b"one")].into(), 0);
        let huge = vec![7; limits::RECORD_MAX_BYTES + 1];
        let with_huge = Manifest::of(&[RecordId::of(&huge)].into(), 0);
        let largest = Manifest { records: limits::STORE_MAX_RECORDS, ..one.clone() };
        let cases: Vec<Case<'_>> = vec![
            ("nothing", vec![], "an archive of records"),
            ("no manifest", vec![record(b"one")], "manifest.json of at most"),
            (
                "a long manifest",
                vec![file(MANIFEST, &vec![b' '; 65_537])],
                "manifest.json of at most 65536 bytes",
            ),
            ("an odd manifest", vec![file(MANIFEST, b"{}")], "a manifest"),
            (
                "another format",
                vec![json(&Manifest { format: "x".into(), ..one.clone() })],
                "podium-records 1",
            ),
            ("another version", vec![json(&Manifest { version: 2, ..one.clone() })], "podium-records 1"),
            ("as many as can be", vec![json(&largest)], "1000000 records, 0 blobs"),
            (
                "one more",
                vec![json(&Manifest { records: largest.records + 1, ..one.clone() })],
                "at most 1000000",
            ),
            ("a record missing", vec![json(&one)], "1 records"),
            ("one too many", vec![json(&one), record(b"one"), record(b"two")], "1 records of at most"),
            ("another one", vec![json(&one), record(b"two")], "1 records, 0 blobs"),
            ("twice", vec![json(&manifest(0)), record(b"one"), record(b"one")], "each record once"),
            ("another name", vec![json(&one), file(name(b"two"), b"one")], "each record once"),
            ("a long record", vec![json(&with_huge), file(name(&huge), &huge)], "1 records of at most"),
            (
                "a blob too many",
                vec![json(&one), file(long(format!("blobs/{}", BlobId::of(b"b"))), b"b")],
                "0 blobs",
            ),
            ("something else", vec![json(&one), file("readme", b"hello")], "files in records/"),
            ("a folder", vec![json(&one), ("records", vec![], Directory)], "plain files"),
            ("a link", vec![json(&one), (name(b"one"), vec![], Symlink)], "plain files"),
            (
                "a long name",
                vec![json(&one), file(long("records/".to_owned() + &"a".repeat(200)), b"one")],
                "plain files",
            ),
        ];
        for (what, files, expected) in cases {
            match read(&archive(dir.path(), &files)) {
                Err(ArchiveError::Content { expected: got, .. }) => {
                    assert!(got.starts_with(expected), "{what}: {got}")
                }
                other => panic!("{what}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let whole = std::fs::read(&path).unwrap();
        // The last kilobytes are the archive's end, of zeros.
        let end = whole.len() - 1024 - 512;
        for cut in (0..end).step_by(256) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path).is_err(), "cut at {cut} of {}", whole.len());
        }
        assert!(matches!(read(dir.path()), Err(ArchiveError::Io { .. })), "a folder is no archive");
        assert!(check_length(&path, limits::ARCHIVE_BYTES).is_ok());
        assert!(matches!(check_length(&path, limits::ARCHIVE_BYTES + 1), Err(ArchiveError::Content { .. })));
    }
}
