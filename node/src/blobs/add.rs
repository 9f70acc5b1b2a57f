//! Files of this machine become blobs.

use super::error::{BlobError, io};
use super::{BlobStore, TEMPORARY, tree};
use protocol::BlobRef;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

impl BlobStore {
    #[cfg(test)]
    pub fn add_bytes(&self, bytes: &[u8]) -> Result<BlobRef, BlobError> {
        self.add_reader(bytes, &self.dir.join("bytes"), bytes.len() as u64)
    }

    /// Stores a copy of a file of at most `max` bytes; hashes while it copies.
    ///
    /// # Errors
    /// If the file cannot be read, is no plain file, is too long, the quota is used up or the disk fails.
    pub fn add_file(&self, path: &Path, max: u64) -> Result<BlobRef, BlobError> {
        // Before it is opened: that alone would wait for ever for the other end of a pipe.
        let meta = std::fs::metadata(path).map_err(io(path))?;
        if !meta.is_file() {
            let source = std::io::Error::new(ErrorKind::InvalidInput, "expected a plain file");
            return Err(io(path)(source));
        }
        if meta.len() > max {
            return Err(BlobError::TooLong { expected: max, got: meta.len() });
        }
        self.usage.check(meta.len())?;
        let file = File::open(path).map_err(io(path))?;
        self.add_reader(file, path, max)
    }

    fn add_reader(&self, reader: impl Read, name: &Path, max: u64) -> Result<BlobRef, BlobError> {
        // One byte more than allowed, to tell a file that grew from one that just fits.
        let mut reader = reader.take(max.saturating_add(1));
        let mut temp =
            tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir).map_err(io(&self.dir))?;
        let (mut builder, mut buffer) = (tree::Builder::default(), Vec::new());
        while tree::next_chunk(&mut reader, &mut buffer).map_err(io(name))? {
            builder.push(&buffer);
            if builder.bytes() > max {
                return Err(BlobError::TooLong { expected: max, got: builder.bytes() });
            }
            self.usage.check(builder.bytes())?;
            self.room(buffer.len() as u64)?;
            temp.write_all(&buffer).map_err(io(temp.path()))?;
        }
        let tree = builder.finish();
        let blob = tree.blob();
        temp.as_file().sync_all().map_err(io(temp.path()))?;
        let target = self.path(blob.id);
        // Also over one that is here: these bytes were hashed just now, those may be damaged.
        temp.persist(&target).map_err(|error| io(&target)(error.error))?;
        self.usage.set(&blob.id.to_string(), blob.bytes);
        self.sync_dir()?;
        self.keep_tree(tree);
        Ok(blob)
    }
}
