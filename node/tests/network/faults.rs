//! Nodes that are slow, stopped, out of disk or wrong about the time.

use super::cluster::{Cluster, Told};
use super::local::{self, clock_of, until};
use super::stock::{Publisher, RECORDS, publish_open, publish_past};
use super::wires::{Way, full, star};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SETTLED: Duration = Duration::from_secs(60);

#[test]
fn a_slow_peer_holds_up_nobody_else() {
    // One and two dial zero, one by a thin wire.
    let cluster = Cluster::start("slow peer", Way::Proxies, 3, &star(3));
    cluster.wires.slow(0, 20_000);
    publish_open(&cluster, 0, 0, 1);
    publish_past(&cluster, 0, 0..100);
    let all = |cluster: &Cluster, node| cluster.acknowledged.all().is_subset(&local::ids(cluster.dir(node)));
    let fast = until(Duration::from_secs(20), "the fast one has all", || all(&cluster, 2));
    let slow = until(SETTLED, "the slow one too", || all(&cluster, 1));
    println!("  the fast peer after {fast:.1?}, the slow one {slow:.1?} later");
    cluster.settle(SETTLED);
    cluster.finish();
}

#[test]
fn a_node_that_stands_still_for_a_while_goes_on() {
    let mut cluster = Cluster::start("stopped for a while", Way::best(), 3, &full(3));
    let publisher = Publisher::start(&cluster, 1, 0, Duration::from_millis(20));
    std::thread::sleep(Duration::from_secs(1));
    cluster.local(0).signal("STOP");
    std::thread::sleep(Duration::from_secs(2));
    publish_past(&cluster, 1, 10_000..10_020);
    let all = |node| local::ids(cluster.dir(node)).len();
    until(Duration::from_secs(10), "the others go on", || all(2) >= 60);
    std::thread::sleep(Duration::from_secs(5));
    cluster.local(0).signal("CONT");
    publisher.stop();
    cluster.settle(SETTLED);
    cluster.finish();
}

/// A small disk, where this process may mount one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(dir.path());
        mount.output().ok()?.status.success().then(|| Self(dir))
    }

    /// Fills it to the last byte; the file is to be removed.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::options().append(true).create(true).open(&path).unwrap();
        for bytes in [vec![7; 1 << 20], vec![7; 4096], vec![7; 1]] {
            while std::io::Write::write_all(&mut file, &bytes).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status(); // nothing more can be done
    }
}

#[test]
fn a_full_disk_costs_no_record_that_was_acknowledged() {
    let Some(disk) = Disk::mount("24m") else {
        println!("skipped: this process cannot mount a small disk (it takes root and tmpfs)");
        return;
    };
    let mut cluster = Cluster::new("full disk", Way::best(), 2, &star(2));
    cluster.move_to(1, &disk.0.path().join("n1"));
    cluster.start_node(0);
    cluster.start_node(1);
    publish_past(&cluster, 1, 0..10);
    cluster.settle(SETTLED);
    let filler = disk.fill();
    // Until it says no; it may have room of its own for some.
    let mut told = Told::Acknowledged;
    for record in (10..200).flat_map(|n| RECORDS.past(n).unwrap()) {
        told = cluster.publish(1, &record);
        if told != Told::Acknowledged {
            break;
        }
    }
    println!("  {} acknowledged, then {told:?}", cluster.acknowledged.of(1).len());
    assert_ne!(told, Told::Acknowledged, "a full disk was not noticed");
    // What others publish cannot be kept either, nor is it lost.
    publish_past(&cluster, 0, 300..310);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(local::peers(cluster.dir(0)).len(), usize::from(!cluster.local(1).has_ended()));
    // The power goes while the disk is full.
    if cluster.local(1).has_ended() {
        println!("  it has ended with code {:?}", cluster.ended(1));
    } else {
        cluster.kill(1);
    }
    std::fs::remove_file(filler).unwrap();
    cluster.isolate(1, true);
    cluster.start_node(1);
    cluster.lost_nothing(1);
    cluster.isolate(1, false);
    publish_past(&cluster, 1, 400..405);
    cluster.settle(SETTLED);
    cluster.finish();
}

fn set_clock(dir: &Path, seconds: i64) {
    let new = clock_of(dir).with_extension("new");
    std::fs::write(&new, seconds.to_string()).unwrap();
    std::fs::rename(new, clock_of(dir)).unwrap();
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "only debug builds have a clock that can be set")]
fn clocks_that_jump_change_nothing() {
    const YEAR: i64 = 365 * 24 * 3600;
    let mut cluster = Cluster::new("clock jumps", Way::best(), 3, &full(3));
    set_clock(cluster.dir(1), 10 * YEAR);
    for node in 0..3 {
        cluster.start_node(node);
    }
    publish_open(&cluster, 1, 0, 1);
    publish_past(&cluster, 0, 0..10);
    // Back behind all that has been received, forward again, and back before 1970.
    for (node, seconds) in [(2, -YEAR), (1, -5 * YEAR), (2, 30 * YEAR), (0, -100 * YEAR)] {
        set_clock(cluster.dir(node), seconds);
        let n = 20 + seconds.unsigned_abs();
        publish_past(&cluster, node, n..n + 3);
        publish_past(&cluster, (node + 1) % 3, n + 3..n + 6);
        std::thread::sleep(Duration::from_millis(1500));
    }
    let seen = local::competitions(cluster.dir(1)).len();
    assert!(seen > 10, "{seen}");
    cluster.settle(SETTLED);
    cluster.kill(1);
    set_clock(cluster.dir(1), 0);
    cluster.isolate(1, true);
    cluster.start_node(1);
    cluster.lost_nothing(1);
    cluster.isolate(1, false);
    cluster.settle(SETTLED);
    cluster.finish();
}
