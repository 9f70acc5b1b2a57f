//! What the measurements ask of node processes.

use super::records::Records;
use crate::cli::bench::memory_of;
use crate::cli::nodes::Node;
use crate::client::{Client, unexpected};
use anyhow::{Context as _, bail, ensure};
use api::{Body, Command as Ask, Event};
use protocol::Signed;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Clients that publish at once.
const CLIENTS: usize = 16;
/// Nothing may take longer.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Gives a node the files that checking proofs takes.
pub fn add_blobs(node: &Node, records: &Records, folder: &Path) -> anyhow::Result<()> {
    for (n, bytes) in records.blobs().into_iter().enumerate() {
        let path = folder.join(format!("blob-{n}"));
        std::fs::write(&path, bytes)?;
        node.client()?.ask(Ask::AddBlob { path: path.display().to_string() })?;
    }
    Ok(())
}

/// Hands a record to a node, and waits until it is stored.
pub fn publish(client: &mut Client, record: &Signed) -> anyhow::Result<()> {
    match client.ask(Ask::Publish { record: hex::encode(record.bytes()) })? {
        Body::Published { new: true, .. } => Ok(()),
        other => Err(unexpected("publish", &other).into()),
    }
}

/// Publishes groups of records, several groups at once and each in its order.
pub fn publish_all(node: &Node, groups: &[Vec<Signed>]) -> anyhow::Result<()> {
    let publish_some = |groups: &[Vec<Signed>]| -> anyhow::Result<()> {
        let mut client = node.client()?;
        groups.iter().flatten().try_for_each(|record| publish(&mut client, record))
    };
    std::thread::scope(|scope| {
        let share = groups.len().div_ceil(CLIENTS).max(1);
        let clients: Vec<_> =
            groups.chunks(share).map(|groups| scope.spawn(move || publish_some(groups))).collect();
        clients.into_iter().try_for_each(|client| match client.join() {
            Ok(result) => result,
            Err(_) => bail!("a client of the measurement gave up"),
        })
    })
}

/// A record that a node has stored.
pub struct Stored {
    pub id: String,
    pub at: Instant,
    /// Time of its proofs' verification in microseconds.
    pub verify_us: u64,
}

/// A node that is watched.
pub struct Watch {
    /// When it met somebody.
    met: Receiver<Instant>,
    stored: Receiver<Stored>,
}

impl Watch {
    /// From now on. It ends with the node, and when the node was too fast for it.
    pub fn new(node: &Node) -> anyhow::Result<Self> {
        let mut client = node.client()?;
        client.ask(Ask::Subscribe)?;
        let ((tell_met, met), (tell_stored, stored)) = (sync_channel(1 << 10), sync_channel(1 << 16));
        std::thread::spawn(move || {
            while let Ok(event) = client.next_event() {
                let at = Instant::now();
                // Whoever watches may have seen enough.
                let told = match event {
                    Event::RecordAccepted { id, verify_us, .. } => {
                        tell_stored.send(Stored { id, at, verify_us }).is_ok()
                    }
                    Event::PeerConnected { .. } => tell_met.try_send(at).is_ok(),
                    Event::Lagged { .. } => false,
                    _ => true,
                };
                if !told {
                    return;
                }
            }
        });
        Ok(Self { met, stored })
    }

    /// Waits until the node meets somebody.
    pub fn await_peer(&self) -> anyhow::Result<Instant> {
        self.met.recv_timeout(PATIENCE).context("it meets nobody")
    }

    /// Waits until it has stored so many records.
    pub fn await_records(&self, count: usize) -> anyhow::Result<Vec<Stored>> {
        let deadline = Instant::now() + PATIENCE;
        let mut stored = Vec::with_capacity(count);
        while stored.len() < count {
            let (left, got) = (deadline.saturating_duration_since(Instant::now()), stored.len());
            let next = self.stored.recv_timeout(left);
            stored.push(next.with_context(|| format!("expected {count} records, got {got}"))?);
        }
        Ok(stored)
    }
}

/// Waits until a node is connected to so many peers.
pub fn await_peers(node: &Node, count: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        match node.client()?.ask(Ask::Peers)? {
            Body::Peers { peers, .. } if peers.len() >= count => return Ok(()),
            Body::Peers { peers, .. } => {
                ensure!(start.elapsed() < PATIENCE, "expected {count} peers, got {}", peers.len());
            }
            other => return Err(unexpected("peers", &other).into()),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Resident memory of a process in bytes.
pub fn memory(node: &Node) -> anyhow::Result<u64> {
    let process = node.id().context("no process")?.to_string();
    memory_of(&process, "VmRSS:").context("the system does not tell its memory")
}

/// Time that a process has spent on processors, in seconds: user and system time, in steps of a hundredth.
pub fn cpu_seconds(node: &Node) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.id().context("no process")?))?;
    // proc(5): the name may hold anything, so that fields are counted behind it; utime and stime are the 14th and 15th.
    let fields = stat.rsplit_once(')').context("no name in stat")?.1.split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
}
