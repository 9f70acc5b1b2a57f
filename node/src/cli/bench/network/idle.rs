//! What a node takes that has nothing to do.

use super::join::past;
use super::nodes::{add_blobs, await_peers, cpu_seconds, memory, publish_all};
use super::records::Records;
use super::{Bound, Figure, Row};
use crate::cli::nodes::{self, Node};
use crate::cli::output;
use std::path::Path;
use std::time::{Duration, Instant};

const PEERS: usize = 20;
/// Until everybody has compared his records with everybody.
const SETTLE: Duration = Duration::from_secs(15);
const MEASURE: Duration = Duration::from_secs(60);

pub fn rows(records: &Records) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let home = folder.path().join("hub");
    let hub = Node::start("the node", &home, &[], false)?;
    add_blobs(&hub, records, folder.path())?;
    let groups = past(records)?;
    publish_all(&hub, &groups)?;
    nodes::stop(&mut [hub])?;
    output::message("  the records are there; starting all nodes with them ...");
    // Others with the same records, under keys of their own.
    let mut peers = Vec::new();
    for n in 0..PEERS {
        let dir = folder.path().join(n.to_string());
        for part in ["store", "blobs"] {
            copy(&home.join(part), &dir.join(part))?;
        }
    }
    let hub = Node::start("the node", &home, &[], false)?;
    for n in 0..PEERS {
        let dir = folder.path().join(n.to_string());
        peers.push(Node::start(&format!("peer {n}"), &dir, &[&hub], false)?);
    }
    output::message("  they listen; waiting until they are in step ...");
    await_peers(&hub, PEERS)?;
    std::thread::sleep(SETTLE);
    output::message("  measuring ...");
    let (start, before) = (Instant::now(), cpu_seconds(&hub)?);
    std::thread::sleep(MEASURE);
    let used = (cpu_seconds(&hub)? - before) / start.elapsed().as_secs_f64();
    let bytes = memory(&hub)?;
    peers.push(hub);
    nodes::stop(&mut peers)?;
    let count: usize = groups.iter().map(Vec::len).sum();
    let what = format!("processor of an idle node with {PEERS} peers and {count} records, of one core");
    let cpu = Row::new(Figure::Idle, &what, 100.0 * used, "%", Some((Bound::AtMost, 1.0)));
    let what = format!("resident memory of the same node, its {} competitions included", groups.len());
    Ok(vec![
        cpu.note(format!("over {} s, all in step with it", MEASURE.as_secs())),
        Row::new(Figure::Idle, &what, bytes as f64 / 1e6, "MB", Some((Bound::AtMost, 150.0))),
    ])
}

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
