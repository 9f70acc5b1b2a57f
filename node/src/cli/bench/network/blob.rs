//! A blob between real nodes over loopback, from the request to the client's answer: fetched, every chunk verified,
//! written and flushed. The system's page cache is warm on the side of the sender.

use super::nodes::{await_peers, cpu_seconds};
use super::{Bound, Figure, Row};
use crate::cli::bench::median;
use crate::cli::nodes::{self, Node};
use crate::client::unexpected;
use crate::space;
use api::{Body, Command};
use protocol::BlobRef;
use rand::{RngCore, SeedableRng};
use std::io::Write;
use std::path::Path;

/// Length of the blob.
const BYTES: u64 = 256 << 20;
/// Transfers of each kind: the median counts.
const RUNS: usize = 3;

/// A folder in memory, where there is one: what the network and the verification do, whatever the disk.
const MEMORY: &str = "/dev/shm";

/// What was measured in a folder.
struct Measured {
    one: Transfer,
    two: Transfer,
    /// Seconds in which as many bytes are written and flushed alone.
    alone: f64,
}

/// Fetches a blob of random bytes from one node and from two, in memory and on disk.
pub fn rows() -> anyhow::Result<Vec<Row>> {
    let target = Some((Bound::AtLeast, 200.0));
    let in_memory = Path::new(MEMORY);
    if space::check(in_memory, 6 * BYTES, 0).is_err() || !in_memory.is_dir() {
        return rows_of("on disk", &std::env::temp_dir(), target);
    }
    let mut rows = rows_of("in memory", in_memory, target)?;
    rows.extend(rows_of("on disk", &std::env::temp_dir(), None)?);
    Ok(rows)
}

fn rows_of(place: &str, dir: &Path, target: Option<(Bound, f64)>) -> anyhow::Result<Vec<Row>> {
    let Measured { one, two, alone } = measure(dir)?;
    let rate = |seconds: f64| BYTES as f64 / seconds / 1e6;
    let cpu =
        format!("{:.2} s of the receiver's processor time, {:.2} s of the sender's", one.received, one.sent);
    let alone = format!("writing and flushing as many bytes alone, {place}: {:.0} MB/s", rate(alone));
    let again = format!("{:.0} MB/s from two nodes, {place}", rate(two.seconds));
    let from_one = format!("256 MiB from one node, verified and flushed, {place}");
    let from_two = format!("the same from two nodes, {place}, as a part of the time from one");
    let sources = Some((Bound::AtMost, 1.0)).filter(|_| target.is_some());
    Ok(vec![
        Row::new(Figure::Blob, &from_one, rate(one.seconds), "MB/s", target).note(cpu).note(alone),
        Row::new(Figure::Blob, &from_two, two.seconds / one.seconds, "times", sources).note(again),
    ])
}

fn measure(dir: &Path) -> anyhow::Result<Measured> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir_in(dir)?;
    let mut content = vec![0; BYTES as usize];
    rand::rngs::StdRng::seed_from_u64(7).fill_bytes(&mut content);
    let file = folder.path().join("blob");
    std::fs::write(&file, &content)?;
    let mut senders = Vec::new();
    for name in ["sender-1", "sender-2"] {
        let sender = Node::start(name, &folder.path().join(name), &[], false)?;
        sender.client()?.ask(Command::AddBlob { path: file.display().to_string() })?;
        senders.push(sender);
    }
    let blob = BlobRef::of(&content);
    let (_, alone) = median(RUNS as u32, || {
        let mut temp = tempfile::tempfile_in(folder.path())?;
        temp.write_all(&content)?;
        Ok(temp.sync_all()?)
    })?;
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // By turns, so that what else the machine does falls on both.
        one.push(transfer(folder.path(), senders.get(..1).unwrap_or_default(), blob)?);
        two.push(transfer(folder.path(), &senders, blob)?);
    }
    nodes::stop(&mut senders)?;
    Ok(Measured { one: middle(one), two: middle(two), alone })
}

/// One transfer, in seconds: from the request to the answer, and processor time on both sides.
#[derive(Clone, Copy)]
struct Transfer {
    seconds: f64,
    received: f64,
    sent: f64,
}

fn transfer(dir: &Path, senders: &[Node], blob: BlobRef) -> anyhow::Result<Transfer> {
    let folder = tempfile::tempdir_in(dir)?;
    let dialled: Vec<&Node> = senders.iter().collect();
    let receiver = Node::start("the receiver", folder.path(), &dialled, false)?;
    await_peers(&receiver, senders.len())?;
    let sent = || senders.iter().map(cpu_seconds).sum::<anyhow::Result<f64>>();
    let before = (cpu_seconds(&receiver)?, sent()?);
    let (_, seconds) = median(1, || {
        let get = Command::GetBlob { blob: blob.id.to_string(), bytes: blob.bytes };
        match receiver.client()?.ask(get)? {
            Body::BlobStored { .. } => Ok(()),
            other => Err(unexpected("get blob", &other).into()),
        }
    })?;
    let transfer =
        Transfer { seconds, received: cpu_seconds(&receiver)? - before.0, sent: sent()? - before.1 };
    nodes::stop(&mut [receiver])?;
    Ok(transfer)
}

/// The one of the median time.
fn middle(mut transfers: Vec<Transfer>) -> Transfer {
    transfers.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    transfers.get(transfers.len() / 2).copied().unwrap_or(Transfer {
        seconds: f64::NAN,
        received: 0.0,
        sent: 0.0,
    })
}
