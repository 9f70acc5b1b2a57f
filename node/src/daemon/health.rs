//! How the node is. What touches the disk is measured on a blocking task, every few seconds and one at a time; what
//! clients and metrics are told is the latest of it.

use super::{Daemon, Done};
use crate::ledger::now;
use crate::{limits, space};
use api::{Health, Reachability};
use std::path::Path;
use std::time::Instant;

/// What was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vitals {
    store_bytes: u64,
    disk_free_bytes: u64,
    memory_bytes: u64,
}

impl Vitals {
    /// Looks at the disk of the store and at this process. What the system does not tell counts as 0.
    pub(super) fn measure(store: &Path) -> Self {
        let disk = space::free_bytes(store).unwrap_or(0);
        let memory = memory_stats::memory_stats().map_or(0, |memory| memory.physical_mem as u64);
        Self { store_bytes: bytes_below(store, DEPTH), disk_free_bytes: disk, memory_bytes: memory }
    }
}

/// Folders inside the store's folder: sled has one, for values that are too large for its pages.
const DEPTH: usize = 2;

fn bytes_below(dir: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => bytes_below(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(size).fold(0, u64::saturating_add)
}

/// What health is told from, beside the daemon's own state.
pub(super) struct Watch {
    pub(super) started: u64,
    begun: Instant,
    vitals: Vitals,
    measuring: bool,
    measured: Instant,
    /// Since when the outbox has not been empty.
    outbox_since: Option<Instant>,
}

impl Watch {
    pub(super) fn new(vitals: Vitals) -> Self {
        let begun = Instant::now();
        Self { started: now(), begun, vitals, measuring: false, measured: begun, outbox_since: None }
    }
}

impl Daemon {
    /// Measures again if it is time, and tells the metrics how the node is.
    pub(super) fn watch(&mut self) {
        if self.records.outbox.is_empty() {
            self.watch.outbox_since = None;
        } else {
            self.watch.outbox_since.get_or_insert_with(Instant::now);
        }
        if !self.watch.measuring && self.watch.measured.elapsed() >= limits::MEASURE_INTERVAL {
            self.watch.measuring = true;
            let store = self.home.store();
            self.tasks.spawn_blocking(move || Done::Measured(Vitals::measure(&store)));
        }
        let health = self.health();
        self.metrics.observe(&health, self.records.writing());
    }

    pub(super) fn on_measured(&mut self, vitals: Vitals) {
        (self.watch.vitals, self.watch.measured, self.watch.measuring) = (vitals, Instant::now(), false);
    }

    pub(super) fn health(&self) -> Health {
        let mut health = Health {
            warnings: Vec::new(),
            started: self.watch.started,
            records: self.ledger.len() as u64,
            competitions: self.ledger.state().set().contests().count() as u64,
            fingerprint: String::new(), // takes a look at every record: for those who ask
            pending: self.ledger.state().pending(None) as u64,
            checks_waiting: self.ledger.state().jobs_ready() as u64,
            checks_running: self.records.checking() as u64,
            outbox: self.records.outbox.len() as u64,
            peers: self.peers.len() as u64,
            banned: self.book.bans().len() as u64,
            reachability: self.reachability(),
            external: self.external(),
            fetches: self.fetches.len() as u64,
            store_bytes: self.watch.vitals.store_bytes,
            blobs_bytes: self.ledger.blobs().used(),
            blobs_quota_bytes: self.ledger.blobs().quota(),
            disk_free_bytes: self.watch.vitals.disk_free_bytes,
            memory_bytes: self.watch.vitals.memory_bytes,
            clock_offset_s: median(self.peers.values().filter_map(|peer| peer.clock_offset_s).collect()),
        };
        let lonely = self.watch.begun.elapsed() > limits::LONELY;
        let stuck = self.watch.outbox_since.is_some_and(|since| since.elapsed() > limits::OUTBOX_LONG);
        health.warnings = self.disk.warnings();
        health.warnings.extend(warnings(&health, lonely, stuck));
        health
    }
}

/// The middle one; the lower of two.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// What needs somebody's attention, and what to do. `lonely`: peers should have been found by now; `stuck`: own
/// records have waited for long.
fn warnings(health: &Health, lonely: bool, stuck: bool) -> Vec<String> {
    let nearly = |used: u64, of: u64| of > 0 && used / (of / 100).max(1) >= limits::NEARLY_FULL_PERCENT;
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let mut said = Vec::new();
    if health.disk_free_bytes < limits::DISK_LOW_BYTES {
        said.push(format!(
            "the disk has {} free, expected at least {}: make room, or move the data folder",
            gigabytes(health.disk_free_bytes),
            gigabytes(limits::DISK_LOW_BYTES)
        ));
    }
    if nearly(health.records, limits::STORE_MAX_RECORDS) {
        said.push(format!(
            "the store has {} of at most {} records: no new ones will be taken soon; start another data folder for \
             competitions to come",
            health.records,
            limits::STORE_MAX_RECORDS
        ));
    }
    if nearly(health.blobs_bytes, health.blobs_quota_bytes) {
        said.push(format!(
            "blobs take {} of at most {}: others' test sets are no longer fetched; delete data of competitions that \
             are over",
            gigabytes(health.blobs_bytes),
            gigabytes(health.blobs_quota_bytes)
        ));
    }
    if health.peers == 0 && lonely {
        said.push(
            "no peer is connected: nothing comes in and nothing goes out; give a peer's address with --bootstrap"
                .to_owned(),
        );
    }
    if stuck {
        said.push(format!(
            "{} own records have waited for more than {} minutes for a peer that confirms them: `node peers` shows who \
             is connected",
            health.outbox,
            limits::OUTBOX_LONG.as_secs() / 60
        ));
    }
    if let Some(offset) = health.clock_offset_s.filter(|offset| offset.abs() > limits::CLOCK_OFF_S) {
        let (seconds, way) = (offset.abs(), if offset > 0 { "slow" } else { "fast" });
        said.push(format!(
            "this machine's clock is {seconds} s {way} against its peers': set it, by NTP for instance, or deadlines \
             will be missed"
        ));
    }
    if health.reachability == Reachability::Private && health.external.is_empty() {
        said.push(
            "strangers cannot dial this node: forward its port on the router, or find peers that serve as relays"
                .to_owned(),
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Health {
        Health { disk_free_bytes: 100 << 30, blobs_quota_bytes: 32 << 30, peers: 3, ..Health::default() }
    }

    #[test]
    fn each_trouble_is_one_sentence_that_says_what_to_do() {
        let with = |change: fn(&mut Health)| {
            let mut health = healthy();
            change(&mut health);
            health
        };
        assert!(warnings(&healthy(), true, false).is_empty());
        let cases: [(Health, &str); 7] = [
            (with(|h| h.disk_free_bytes = limits::DISK_LOW_BYTES - 1), "make room"),
            (with(|h| h.records = limits::STORE_MAX_RECORDS / 100 * 90), "another data folder"),
            (with(|h| h.blobs_bytes = 29 << 30), "delete data"),
            (with(|h| h.peers = 0), "--bootstrap"),
            (with(|h| h.clock_offset_s = Some(limits::CLOCK_OFF_S + 1)), "61 s slow"),
            (with(|h| h.clock_offset_s = Some(-limits::CLOCK_OFF_S - 1)), "61 s fast"),
            (with(|h| h.reachability = Reachability::Private), "router"),
        ];
        for (health, expected) in cases {
            let said = warnings(&health, true, false);
            assert!(matches!(&said[..], [one] if one.contains(expected)), "{expected}: {said:?}");
        }
        assert!(warnings(&with(|h| h.peers = 0), false, false).is_empty(), "it has just started");
        assert!(warnings(&with(|h| h.clock_offset_s = Some(limits::CLOCK_OFF_S)), true, false).is_empty());
        assert!(matches!(&warnings(&healthy(), true, true)[..], [one] if one.contains("10 minutes")));
    }

    #[test]
    fn one_peer_with_a_wrong_clock_moves_nothing() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![5]), Some(5));
        assert_eq!(median(vec![1, 100_000, 0]), Some(1));
        assert_eq!(median(vec![3, -7]), Some(-7));
    }

    #[test]
    fn a_folder_is_measured_with_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), [0; 1000]).unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        std::fs::write(dir.path().join("b/c"), [0; 24]).unwrap();
        let vitals = Vitals::measure(dir.path());
        assert_eq!(vitals.store_bytes, 1024);
        assert!(vitals.disk_free_bytes > 0 && vitals.memory_bytes > 0);
    }
}
