//! Whether the disk has room. With too little of it new records are refused as "not now", whoever brings them; reading
//! and serving go on, and taking records goes on by itself once there is room.

use super::{Daemon, Done};
use crate::limits;
use crate::space::{self, NoSpace};
use std::path::PathBuf;
use std::time::Instant;

/// What is known of the disk of the data folder.
pub(super) struct Disk {
    dir: PathBuf,
    no_space: Option<NoSpace>,
    /// When it was last looked at, and whether that is under way.
    looked: (Option<Instant>, bool),
}

impl Disk {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, no_space: None, looked: (None, false) }
    }

    /// Why no records are taken at the moment, if they are not.
    pub(super) fn no_space(&self) -> Option<&NoSpace> {
        self.no_space.as_ref()
    }

    /// What needs somebody's attention, one sentence each: for [`api::Health::warnings`].
    pub(super) fn warnings(&self) -> Vec<String> {
        let refusing = |no_space: &NoSpace| format!("{no_space}; until then new records are refused");
        self.no_space.iter().map(refusing).collect()
    }

    /// The store has found it full.
    pub(super) fn is_full(&mut self, no_space: &NoSpace) {
        if self.no_space.is_none() {
            tracing::error!(free = no_space.free, needed = no_space.needed, "{no_space}");
        }
        self.no_space = Some(no_space.clone());
    }

    fn note(&mut self, free: u64) {
        // Room for some records beside the reserve, so that it does not change with each of them.
        let needed = limits::DISK_RESERVE_BYTES + limits::RECORD_MAX_BYTES as u64;
        if free < needed {
            self.is_full(&NoSpace { path: self.dir.clone(), free, needed });
        } else if self.no_space.take().is_some() {
            tracing::info!(free, "there is room on the disk again");
        }
    }
}

impl Daemon {
    /// Looks at the disk, unless that was done just now. It may block, on a network's disk for instance.
    pub(super) fn look_at_disk(&mut self) {
        let (last, under_way) = self.disk.looked;
        if under_way || last.is_some_and(|last| last.elapsed() < limits::DISK_INTERVAL) {
            return;
        }
        self.disk.looked = (Some(Instant::now()), true);
        let dir = self.disk.dir.clone();
        self.tasks.spawn_blocking(move || Done::Disk(space::free_bytes(&dir)));
    }

    pub(super) fn on_disk(&mut self, free: std::io::Result<u64>) {
        self.disk.looked.1 = false;
        match free {
            Ok(free) => self.disk.note(free),
            Err(error) => tracing::debug!(%error, "the free space is not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_too_few_stops_the_taking_and_one_more_lets_it_go_on() {
        let needed = limits::DISK_RESERVE_BYTES + limits::RECORD_MAX_BYTES as u64;
        let mut disk = Disk::new("data".into());
        assert!(disk.no_space().is_none() && disk.warnings().is_empty());
        disk.note(needed);
        assert!(disk.no_space().is_none());
        disk.note(needed - 1);
        let expected = NoSpace { path: "data".into(), free: needed - 1, needed };
        assert_eq!(disk.no_space(), Some(&expected));
        assert!(disk.warnings()[0].contains(&needed.to_string()), "{:?}", disk.warnings());
        disk.note(needed);
        assert!(disk.no_space().is_none() && disk.warnings().is_empty());
    }
}
