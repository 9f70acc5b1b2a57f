//! Records that scenarios publish, and a client that publishes them.

use super::cluster::{Acknowledged, Cluster, Told, publish};
use super::records::Records;
use protocol::Signed;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// The same for all scenarios: their clusters never meet.
pub static RECORDS: LazyLock<Records> = LazyLock::new(|| Records::new(7).unwrap());

/// Publishes so many finished competitions on a node, three records each.
pub fn publish_past(cluster: &Cluster, node: usize, numbers: std::ops::Range<u64>) {
    for n in numbers {
        for record in RECORDS.past(n).unwrap() {
            assert_eq!(cluster.publish(node, &record), Told::Acknowledged);
        }
    }
}

/// Publishes an open competition with so many competitors, all with real proofs, on a node that gets the files.
pub fn publish_open(cluster: &Cluster, node: usize, number: u64, competitors: u64) {
    for blob in RECORDS.blobs() {
        cluster.add_blob(node, blob);
    }
    let competition = RECORDS.open(number).unwrap();
    assert_eq!(cluster.publish(node, &competition), Told::Acknowledged);
    for n in 0..competitors {
        for record in RECORDS.entrant(competition.id(), 1000 * number + n).unwrap() {
            assert_eq!(cluster.publish(node, &record), Told::Acknowledged);
        }
    }
}

/// A client that publishes one record after the other, on nodes that it picks, whatever happens to them.
pub struct Publisher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Publisher {
    pub fn start(cluster: &Cluster, seed: u64, from: u64, pause: Duration) -> Self {
        let (dirs, noted) = (cluster.dirs(), cluster.acknowledged.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let of_thread = Arc::clone(&stop);
        let thread = std::thread::spawn(move || run(&dirs, &noted, seed, from, pause, &of_thread));
        Self { stop, thread }
    }

    /// How many competitions it has tried.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn run(
    dirs: &[PathBuf],
    noted: &Acknowledged,
    seed: u64,
    from: u64,
    pause: Duration,
    stop: &AtomicBool,
) -> u64 {
    let mut dice = StdRng::seed_from_u64(seed);
    for n in from.. {
        let node = dice.gen_range(0..dirs.len());
        let records: [Signed; 3] = RECORDS.past(n).unwrap();
        for record in &records {
            // A record whose competition was not taken would only wait.
            if stop.load(Ordering::SeqCst) {
                return n - from;
            }
            if publish(&dirs[node], node, record, noted) != Told::Acknowledged {
                break;
            }
            std::thread::sleep(pause);
        }
    }
    0
}
