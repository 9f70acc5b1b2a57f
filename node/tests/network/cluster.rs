//! A cluster of nodes, what they have acknowledged, and what must hold at the end.

use super::local::{self, Local, PATIENCE, until};
use super::wires::{Way, Wires};
use api::{Body, Command as Ask, ErrorKind};
use protocol::Signed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Ids that a client was told are stored, by the node that said so.
#[derive(Clone, Default)]
pub struct Acknowledged(Arc<Mutex<BTreeMap<usize, BTreeSet<String>>>>);

impl Acknowledged {
    pub fn of(&self, node: usize) -> BTreeSet<String> {
        self.0.lock().unwrap().get(&node).cloned().unwrap_or_default()
    }

    pub fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().values().flatten().cloned().collect()
    }
}

/// What became of a record that was handed to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Acknowledged,
    NotNow,
    /// The node's own fault: its disk.
    Failed,
    /// It ended before it answered.
    Gone,
}

/// Hands a record to the node in this folder, and takes note of what it acknowledges.
pub fn publish(dir: &Path, node: usize, record: &Signed, noted: &Acknowledged) -> Told {
    match local::ask(dir, &Ask::Publish { record: hex::encode(record.bytes()) }) {
        Some(Body::Published { id, .. }) => {
            assert_eq!(id, record.id().to_string());
            noted.0.lock().unwrap().entry(node).or_default().insert(id);
            Told::Acknowledged
        }
        Some(Body::Error { kind: ErrorKind::Busy, .. }) => Told::NotNow,
        Some(Body::Error { kind: ErrorKind::Internal, message }) => {
            println!("node {node}: {message}");
            Told::Failed
        }
        Some(other) => panic!("{other:?}"),
        None => Told::Gone,
    }
}

struct Seat {
    dir: PathBuf,
    port: u16,
    peer_id: String,
    local: Option<Local>,
}

/// See the module.
pub struct Cluster {
    /// For files that are no node's.
    pub scratch: tempfile::TempDir,
    pub wires: Wires,
    pub acknowledged: Acknowledged,
    seats: Vec<Seat>,
}

impl Cluster {
    /// Makes seats and wires; nobody is started.
    pub fn new(name: &str, way: Way, nodes: usize, ends: &[(usize, usize)]) -> Self {
        println!("{name}: {nodes} nodes, {} wires, {way:?}", ends.len());
        let scratch = tempfile::tempdir().unwrap();
        let seat = |n| Seat {
            dir: scratch.path().join(format!("n{n}")),
            port: 0,
            peer_id: String::new(),
            local: None,
        };
        let seats = (0..nodes).map(seat).collect();
        let wires = Wires::new(way, nodes, ends);
        Self { scratch, wires, acknowledged: Acknowledged::default(), seats }
    }

    /// Starts everybody, those who are dialled first.
    pub fn start(name: &str, way: Way, nodes: usize, ends: &[(usize, usize)]) -> Self {
        let mut cluster = Self::new(name, way, nodes, ends);
        for node in 0..nodes {
            cluster.start_node(node);
        }
        for node in 0..nodes {
            until(PATIENCE, "everybody is connected", || !local::peers(cluster.dir(node)).is_empty());
        }
        cluster
    }

    pub fn len(&self) -> usize {
        self.seats.len()
    }

    pub fn dir(&self, node: usize) -> &Path {
        &self.seats[node].dir
    }

    pub fn dirs(&self) -> Vec<PathBuf> {
        self.seats.iter().map(|seat| seat.dir.clone()).collect()
    }

    pub fn peer_id(&self, node: usize) -> &str {
        &self.seats[node].peer_id
    }

    /// Where a node listens on loopback.
    pub fn address(&self, node: usize) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", self.seats[node].port, self.peer_id(node))
    }

    pub fn local(&mut self, node: usize) -> &mut Local {
        self.seats[node].local.as_mut().expect("it runs")
    }

    /// From now on the node lives in another folder: it must not run.
    pub fn move_to(&mut self, node: usize, dir: &Path) {
        assert!(self.seats[node].local.is_none());
        self.seats[node].dir = dir.to_owned();
    }

    /// Starts a node where it was, without waiting for it.
    pub fn spawn(&mut self, node: usize) {
        let dial = |(wire, far): (usize, usize)| {
            let far = &self.seats[far];
            format!("{}/p2p/{}", self.wires.address(wire, far.port), far.peer_id)
        };
        // Who has never run cannot be dialled yet.
        let known = |dialled: &(usize, usize)| !self.seats[dialled.1].peer_id.is_empty();
        let bootstrap: Vec<String> = self.wires.dials(node).filter(known).map(dial).collect();
        let seat = &self.seats[node];
        let (within, listen) = (self.wires.within(node), self.wires.listen(seat.port));
        let local = Local::spawn(&seat.dir, &self.log_of(node), &within, &listen, &bootstrap);
        self.seats[node].local = Some(local);
    }

    /// Waits until a node that was started listens. Whether it does: it may have ended instead.
    pub fn listens(&mut self, node: usize) -> bool {
        let Some(hello) = self.local(node).hello() else { return false };
        let ports = hello.listen.iter().filter_map(|address| address.split('/').nth(4)?.parse().ok());
        let port: u16 = ports.max().expect("a port");
        self.wires.listens(node, port);
        let seat = &mut self.seats[node];
        (seat.port, seat.peer_id) = (port, hello.peer_id);
        true
    }

    pub fn start_node(&mut self, node: usize) {
        self.spawn(node);
        assert!(self.listens(node), "node {node} did not start: {}", self.log(node));
    }

    /// The next start is on this port.
    pub fn set_port(&mut self, node: usize, port: u16) {
        self.seats[node].port = port;
    }

    /// As a power cut would.
    pub fn kill(&mut self, node: usize) {
        self.local(node).kill();
        self.seats[node].local = None;
    }

    /// In good order.
    pub fn stop(&mut self, node: usize) {
        assert_eq!(local::ask(self.dir(node), &Ask::Shutdown), Some(Body::Done));
        assert_eq!(self.local(node).wait(), Some(0), "{}", self.log(node));
        self.seats[node].local = None;
    }

    /// A node that has ended by itself: its exit code.
    pub fn ended(&mut self, node: usize) -> Option<i32> {
        let code = self.local(node).wait();
        self.seats[node].local = None;
        code
    }

    /// Cuts or heals all wires of a node.
    pub fn isolate(&self, node: usize, isolated: bool) {
        self.wires.set(!isolated, |near, far| near == node || far == node);
    }

    pub fn publish(&self, node: usize, record: &Signed) -> Told {
        publish(self.dir(node), node, record, &self.acknowledged)
    }

    /// Gives a file to a node.
    pub fn add_blob(&self, node: usize, bytes: &[u8]) {
        let file = tempfile::NamedTempFile::new_in(self.scratch.path()).unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let answer = local::ask(self.dir(node), &Ask::AddBlob { path: file.path().display().to_string() });
        assert!(matches!(answer, Some(Body::BlobStored { .. })), "{answer:?}");
    }

    /// Everything that this node has acknowledged is there. To be asked while nobody could have brought it back.
    pub fn lost_nothing(&self, node: usize) {
        for id in self.acknowledged.of(node) {
            assert!(local::has(self.dir(node), &id), "node {node} acknowledged {id} and has lost it");
        }
    }

    /// Waits until all nodes that run hold the same records, those that were acknowledged among them.
    pub fn settle(&self, patience: Duration) {
        let running: Vec<&Seat> = self.seats.iter().filter(|seat| seat.local.is_some()).collect();
        let expected = self.acknowledged.all();
        let mut sets = Vec::new();
        let start = std::time::Instant::now();
        loop {
            sets.clear();
            sets.extend(running.iter().map(|seat| local::ids(&seat.dir)));
            if sets.iter().all(|set| *set == sets[0]) && expected.is_subset(&sets[0]) {
                break;
            }
            if start.elapsed() > patience {
                let counts: Vec<(usize, usize)> =
                    sets.iter().map(|set| (set.len(), expected.difference(set).count())).collect();
                let logs: Vec<String> = (0..self.len()).map(|node| self.log(node)).collect();
                panic!("after {patience:?} records and what is missing: {counts:?}\n{}", logs.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let took = start.elapsed();
        println!(
            "  {} records, {} acknowledged, the same everywhere after {took:.1?}",
            sets[0].len(),
            expected.len()
        );
        self.same_boards(&running);
    }

    fn same_boards(&self, running: &[&Seat]) {
        for competition in local::competitions(&running[0].dir) {
            let boards: Vec<api::Board> =
                running.iter().map(|seat| local::board(&seat.dir, &competition.id)).collect();
            for board in &boards {
                assert_eq!(board.fingerprint, boards[0].fingerprint);
                assert_eq!((board.records, board.pending), (boards[0].records, 0));
                assert!(board.rows.iter().all(|row| row.checked_here));
                let places = |board: &api::Board| -> Vec<_> {
                    board.rows.iter().map(|row| (row.rank, row.submission.clone(), row.correct)).collect()
                };
                assert_eq!(places(board), places(&boards[0]));
            }
        }
    }

    fn log_of(&self, node: usize) -> PathBuf {
        self.scratch.path().join(format!("n{node}.log"))
    }

    /// The last lines of a node's log.
    pub fn log(&self, node: usize) -> String {
        let log = std::fs::read_to_string(self.log_of(node)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!("--- node {node}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
    }

    /// Ends all nodes in good order, and reads their logs.
    pub fn finish(mut self) {
        for node in 0..self.len() {
            if self.seats[node].local.is_some() {
                self.stop(node);
            }
            let log = std::fs::read_to_string(self.log_of(node)).unwrap_or_default();
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}
