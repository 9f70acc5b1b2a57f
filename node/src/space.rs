//! Free space on the disk. The database must not meet a full disk: it gives up then, and has to be opened again. So
//! nothing is written unless it leaves a reserve.

use std::path::{Path, PathBuf};

/// There is no room for what was to be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk of {path} is almost full: {free} bytes are free, expected at least {needed}; nothing was written: make \
     room; a running node then goes on by itself"
)]
pub struct NoSpace {
    /// What was to be written to.
    pub path: PathBuf,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that must be free for this write.
    pub needed: u64,
}

/// Bytes that are free for this process on the disk of a file or folder.
///
/// # Errors
/// If the system does not tell.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether `wanted` bytes can be written and `reserve` bytes stay free.
///
/// # Errors
/// If not. A system that does not tell is no reason to refuse: the write itself will fail.
pub fn check(path: &Path, wanted: u64, reserve: u64) -> Result<(), NoSpace> {
    let needed = reserve.saturating_add(wanted);
    match free_bytes(path) {
        Ok(free) if free < needed => Err(NoSpace { path: path.to_owned(), free, needed }),
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "the free space is not known");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_more_than_is_free_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let free = free_bytes(dir.path()).unwrap();
        assert!(free > 0);
        // Others write to this disk too: half of what is free is there a moment later, twice as much is not.
        check(dir.path(), free / 4, free / 4).unwrap();
        let refused = check(dir.path(), 1, 2 * free).unwrap_err();
        assert_eq!(refused.needed, 2 * free + 1);
        assert!(check(dir.path(), u64::MAX, u64::MAX).is_err());
    }
}
