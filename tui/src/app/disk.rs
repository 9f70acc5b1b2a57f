//! The thread that keeps ranks from visit to visit: one file a competition, in the folder of the program's state.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use crate::update::Msg;
use crate::visit::Visit;

/// Jobs that wait. When there are more, a save is left out: the next one holds the same and more.
const QUEUE: usize = 8;
/// Competitions whose ranks are kept; those not looked at for longest are forgotten.
const MAX_FILES: usize = 256;
/// Longest file that is read: [`crate::visit::MAX_RANKS`] ranks take 1.3 MB.
const MAX_BYTES: u64 = 4 << 20;
/// How long the end of the program waits for the last save.
const PATIENCE: Duration = Duration::from_secs(2);

enum Job {
    Load(String),
    Save(String, Visit),
}

pub(super) struct Disk {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Disk {
    pub(super) fn start(folder: Option<PathBuf>, answers: Sender<Msg>) -> io::Result<Self> {
        let (jobs, received) = sync_channel(QUEUE);
        let work = move || serve(folder.as_deref(), &received, &answers);
        let thread = std::thread::Builder::new().name("disk".to_owned()).spawn(work)?;
        Ok(Self { jobs, thread })
    }

    /// Asks for the ranks at the last visit. False if too much waits already.
    pub(super) fn load(&self, competition: String) -> bool {
        self.jobs.try_send(Job::Load(competition)).is_ok()
    }

    pub(super) fn save(&self, competition: String, visit: Visit) {
        // The next one holds the same and more.
        let _ = self.jobs.try_send(Job::Save(competition, visit));
    }

    pub(super) fn stop(self) {
        drop(self.jobs);
        let until = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(folder: Option<&Path>, jobs: &Receiver<Job>, answers: &Sender<Msg>) {
    for job in jobs {
        match job {
            Job::Load(id) => {
                // What cannot be read was never written: then there was no visit.
                let visit = folder.and_then(|folder| load(folder, &id).ok()).unwrap_or_default();
                if answers.blocking_send(Msg::Visit(id, visit)).is_err() {
                    return;
                }
            }
            Job::Save(id, visit) => {
                // Nobody's board depends on it.
                let _ = folder.map(|folder| save(folder, &id, &visit));
            }
        }
    }
}

/// The competition's file: its id comes from the daemon, and must not lead anywhere else.
fn path(folder: &Path, id: &str) -> io::Result<PathBuf> {
    let hex = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { Ok(folder.join(format!("{id}.json"))) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn load(folder: &Path, id: &str) -> io::Result<Visit> {
    let mut bytes = Vec::new();
    File::open(path(folder, id)?)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn save(folder: &Path, id: &str, visit: &Visit) -> io::Result<()> {
    let path = path(folder, id)?;
    std::fs::create_dir_all(folder)?;
    // Under another name first: a reader finds the old ranks or the new ones.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(visit)?)?;
    file.persist(path)?;
    forget_oldest(folder)
}

fn forget_oldest(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        files.push((file.metadata()?.modified()?, file.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(MAX_FILES);
    files.into_iter().take(surplus).try_for_each(|(_, path)| std::fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn id(n: usize) -> String {
        format!("{n:064x}")
    }

    #[test]
    fn what_is_kept_is_found_and_other_names_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("visits");
        let visit = Visit { at: 7, ranks: HashMap::from([("a".to_owned(), 1)]) };
        assert!(load(&folder, &id(1)).is_err());
        save(&folder, &id(1), &visit).unwrap();
        assert_eq!(load(&folder, &id(1)).unwrap(), visit);
        for bad in ["", "../../etc/passwd", &"/".repeat(64), &"ü".repeat(32)] {
            assert!(save(&folder, bad, &visit).is_err(), "{bad}");
        }
        std::fs::write(folder.join(format!("{}.json", id(2))), b"{nonsense").unwrap();
        assert!(load(&folder, &id(2)).is_err());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MAX_FILES + 5 {
            save(dir.path(), &id(n), &Visit::default()).unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), MAX_FILES);
        assert!(load(dir.path(), &id(MAX_FILES + 4)).is_ok());
    }
}
