//! A blob between real nodes over loopback, from the request to the client's answer: fetched, every chunk verified,
//! written and flushed. The system's page cache is warm on the side of the sender.

use super::super::super::demo::nodes::Node;
use super::super::super::output::{self, Align};
use super::super::median;
use crate::client::unexpected;
use anyhow::Context as _;
use api::{Body, Command};
use rand::{RngCore, SeedableRng};
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Length of the blob.
pub const BYTES: u64 = 256 << 20;

/// What was measured.
#[derive(Serialize)]
pub struct Figures {
    /// Length of the blob in bytes.
    pub bytes: u64,
    /// From one node.
    pub one_source: Transfer,
    /// From two nodes at once.
    pub two_sources: Transfer,
    /// Writing and flushing as many bytes alone, on the same disk.
    pub disk_seconds: f64,
}

/// One transfer: medians.
#[derive(Serialize)]
pub struct Transfer {
    /// From the request to the answer.
    pub seconds: f64,
    /// Millions of bytes per second.
    pub mb_per_s: f64,
    /// Processor time of the receiver, where the system tells it.
    pub receiver_cpu_seconds: Option<f64>,
    /// Processor time of the senders together.
    pub senders_cpu_seconds: Option<f64>,
}

/// Fetches a blob of random bytes from one node and from two, so many times each.
///
/// # Errors
/// If a node does not start or does not get the blob.
pub fn measure(bytes: u64, runs: u32) -> anyhow::Result<Figures> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let file = folder.path().join("blob");
    write_random(&file, bytes)?;
    let mut senders = Vec::new();
    for name in ["sender 1", "sender 2"] {
        let sender = Node::start(name, &folder.path().join(name), &[], false)?;
        sender.client()?.ask(Command::AddBlob { path: file.display().to_string() })?;
        senders.push(sender);
    }
    let content = std::fs::read(&file)?;
    let (_, disk_seconds) = median(runs, || {
        let mut temp = tempfile::tempfile_in(folder.path())?;
        temp.write_all(&content)?;
        Ok(temp.sync_all()?)
    })?;
    let blob = protocol::BlobRef::of(&content);
    drop(content);
    let (one, _) = senders.split_at(1);
    Ok(Figures {
        bytes,
        one_source: transfer(folder.path(), one, blob, runs)?,
        two_sources: transfer(folder.path(), &senders, blob, runs)?,
        disk_seconds,
    })
}

fn write_random(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let (mut random, mut chunk) = (rand::rngs::StdRng::seed_from_u64(7), vec![0; 1 << 20]);
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut left = bytes;
    while left > 0 {
        random.fill_bytes(&mut chunk);
        let len = left.min(chunk.len() as u64);
        file.write_all(chunk.get(..len as usize).unwrap_or_default())?;
        left -= len;
    }
    Ok(file.flush()?)
}

fn transfer(dir: &Path, senders: &[Node], blob: protocol::BlobRef, runs: u32) -> anyhow::Result<Transfer> {
    let addresses: Vec<String> =
        senders.iter().filter_map(|sender| sender.hello.listen.first().cloned()).collect();
    let (mut seconds, mut receiver_cpu, mut senders_cpu) = (Vec::new(), Vec::new(), Vec::new());
    let cpu = |nodes: &[Node]| nodes.iter().map(Node::cpu_seconds).sum::<Option<f64>>();
    for _ in 0..runs.max(1) {
        let folder = tempfile::tempdir_in(dir)?;
        let receiver = Node::start("the receiver", folder.path(), &addresses, false)?;
        wait_for_peers(&receiver, senders.len())?;
        let before = cpu(senders).zip(receiver.cpu_seconds());
        let (_, time) = median(1, || {
            let get = Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
            match receiver.client()?.ask(get)? {
                Body::BlobStored { .. } => Ok(()),
                other => Err(unexpected("get blob", &other).into()),
            }
        })?;
        seconds.push(time);
        if let Some(((sent, received), (senders, receiver))) =
            before.zip(cpu(senders).zip(receiver.cpu_seconds()))
        {
            senders_cpu.push(senders - sent);
            receiver_cpu.push(receiver - received);
        }
    }
    let seconds = middle(seconds).context("nothing was run")?;
    Ok(Transfer {
        seconds,
        mb_per_s: blob.bytes as f64 / seconds / 1e6,
        receiver_cpu_seconds: middle(receiver_cpu),
        senders_cpu_seconds: middle(senders_cpu),
    })
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn wait_for_peers(node: &Node, expected: usize) -> anyhow::Result<()> {
    for _ in 0..200 {
        if let Body::Peers { peers, .. } = node.client()?.ask(Command::Peers)?
            && peers.len() >= expected
        {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    anyhow::bail!("expected {expected} peers within 10 s")
}

/// A table for people.
pub fn text(figures: &Figures) -> String {
    let header = [
        ("blob", Align::Left),
        ("size", Align::Right),
        ("time", Align::Right),
        ("rate", Align::Right),
        ("receiver's processor", Align::Right),
        ("senders' processor", Align::Right),
    ];
    let time = |seconds: f64| format!("{seconds:.2} s");
    let known = |seconds: Option<f64>| seconds.map_or("n/a".to_owned(), time);
    let row = |name: &str, seconds: f64, receiver: Option<f64>, senders: Option<f64>| {
        let rate = format!("{:.0} MB/s", figures.bytes as f64 / seconds / 1e6);
        let size = output::bytes(figures.bytes);
        vec![name.to_owned(), size, time(seconds), rate, known(receiver), known(senders)]
    };
    let of = |name: &str, transfer: &Transfer| {
        row(name, transfer.seconds, transfer.receiver_cpu_seconds, transfer.senders_cpu_seconds)
    };
    let rows = [
        of("from one node", &figures.one_source),
        of("from two nodes", &figures.two_sources),
        row("the disk alone", figures.disk_seconds, None, None),
    ];
    output::table(&header, &rows)
}
