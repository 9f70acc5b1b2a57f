//! Files on their way to their place. Whoever is interrupted leaves none of them behind.
//!
//! A process that a signal ends runs no destructors. So the command line catches the first interrupt, removes what is
//! listed here, and ends; what has its name already is whole, and stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static LISTED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn locked() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A set of paths is whole, whatever its user did.
    LISTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As long as this is there, the file is one of those that an interrupt removes.
#[must_use]
pub struct Listed(PathBuf);

/// Lists a temporary file or folder.
pub fn list(path: &Path) -> Listed {
    locked().insert(path.to_owned());
    Listed(path.to_owned())
}

impl Drop for Listed {
    fn drop(&mut self) {
        locked().remove(&self.0);
    }
}

/// Removes what is listed. Nothing can be listed any more afterwards: the process is about to end.
pub fn remove_all() {
    let listed = locked();
    remove(&listed);
    // Held for ever: a thread that goes on for a moment makes no new file.
    std::mem::forget(listed);
}

fn remove(listed: &BTreeSet<PathBuf>) {
    for path in listed {
        // What has been renamed in the meantime is not there any more.
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_goes_and_what_has_its_name_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (on_its_way, done) = (dir.path().join(".key-1"), dir.path().join(".key-2"));
        std::fs::write(&on_its_way, b"half").unwrap();
        std::fs::write(&done, b"whole").unwrap();
        let kept = list(&on_its_way);
        drop(list(&done));
        let own: BTreeSet<PathBuf> =
            locked().iter().filter(|path| path.starts_with(dir.path())).cloned().collect();
        remove(&own);
        assert!(!on_its_way.exists() && done.exists());
        drop(kept);
        assert!(!locked().contains(&on_its_way));
    }
}
