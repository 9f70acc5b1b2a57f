//! Chunks past the page cache. Nobody reads a blob while it arrives, and to copy it into the cache, page by page, costs
//! a receiver more processor time than to decrypt it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where memory, offsets and lengths of such a write begin: no disk has larger blocks.
const BLOCK: usize = 4096;

/// A file that is written past the page cache.
#[derive(Debug)]
pub struct Direct {
    file: File,
    /// Room for one write, with a block to spare for its alignment. One write at a time: a disk is not faster with two.
    room: Mutex<Vec<u8>>,
}

impl Direct {
    /// Opens a file that exists. None where the file system does not know such writes.
    pub fn open(path: &Path) -> Option<Self> {
        let flag = direct_flag()?;
        let file = OpenOptions::new().write(true).custom_flags(flag).open(path).ok()?;
        Some(Self { file, room: Mutex::new(Vec::new()) })
    }

    /// Writes whole blocks. False if these are none, or if the disk wants larger ones: they are to be written otherwise.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write(&self, bytes: &[u8], offset: u64) -> io::Result<bool> {
        if !bytes.len().is_multiple_of(BLOCK) || !offset.is_multiple_of(BLOCK as u64) {
            return Ok(false);
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.len() < bytes.len() + BLOCK {
            room.resize(bytes.len() + BLOCK, 0);
        }
        let start = room.as_ptr().align_offset(BLOCK);
        let Some(aligned) = room.get_mut(start..start.saturating_add(bytes.len())) else { return Ok(false) };
        aligned.copy_from_slice(bytes);
        match self.file.write_all_at(aligned, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(target_os = "linux")]
fn direct_flag() -> Option<i32> {
    Some(rustix::fs::OFlags::DIRECT.bits().cast_signed())
}

#[cfg(not(target_os = "linux"))]
fn direct_flag() -> Option<i32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_are_written_in_their_place_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(Direct::open(&path).is_none(), "it does not create files");
        std::fs::write(&path, vec![1; 5 * BLOCK]).unwrap();
        let Some(direct) = Direct::open(&path) else { return };
        let bytes: Vec<u8> = (0..2 * BLOCK).map(|at| at as u8).collect();
        // Wherever the bytes lie in memory.
        let shifted = [&[0; 3], &bytes[..]].concat();
        let written = direct.write(&shifted[3..], BLOCK as u64).unwrap();
        assert!(!direct.write(&bytes[1..], BLOCK as u64).unwrap(), "a part of a block");
        assert!(!direct.write(&bytes, 1).unwrap(), "between blocks");
        let mut expected = vec![1; 5 * BLOCK];
        if written {
            expected[BLOCK..3 * BLOCK].copy_from_slice(&bytes);
        }
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }
}
