//! How long a record takes to reach everybody.

use super::nodes::{Stored, Watch, add_blobs, await_peers, publish};
use super::records::Records;
use super::{Bound, Figure, Row};
use crate::cli::nodes::{self, Node};
use anyhow::Context as _;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

const NODES: usize = 20;
const RECORDS: u64 = 200;
/// Records that come before, until everybody knows everybody and has the files.
const WARM_UP: u64 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// Each node dials three before it: no node is everybody's neighbour.
fn start(folder: &Path) -> anyhow::Result<Vec<Node>> {
    let mut nodes: Vec<Node> = Vec::new();
    for n in 0..NODES {
        let mut dialled = vec![n.checked_sub(1), (n > 1).then_some(n / 2), (n > 3).then_some(n / 3)];
        dialled.dedup();
        let dialled: Vec<&Node> = dialled.into_iter().flatten().filter_map(|n| nodes.get(n)).collect();
        let node = Node::start(&format!("node {n}"), &folder.join(n.to_string()), &dialled, false)?;
        nodes.push(node);
    }
    for node in &nodes {
        await_peers(node, 1)?;
    }
    Ok(nodes)
}

pub fn rows(records: &Records) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let mut nodes = start(folder.path())?;
    add_blobs(nodes.first().context("no nodes")?, records, folder.path())?;
    let watched: Vec<Watch> = nodes.iter().map(Watch::new).collect::<Result<_, _>>()?;
    let published = publish_in_turn(&nodes, records)?;
    let (mut arrivals, mut last) = (Vec::new(), HashMap::new());
    for watched in &watched {
        for Stored { id, at, .. } in watched.await_records((WARM_UP + RECORDS) as usize)? {
            let Some(start) = published.get(&id) else { continue };
            let took = at.duration_since(*start).as_secs_f64();
            arrivals.push(took);
            let last = last.entry(id).or_insert(0.0f64);
            *last = last.max(took);
        }
    }
    nodes::stop(&mut nodes)?;
    let mut last: Vec<f64> = last.into_values().collect();
    let [p50, p99] = [0.5, 0.99].map(|part| percentile(&mut last, part));
    let [one_p50, one_p99] = [0.5, 0.99].map(|part| percentile(&mut arrivals, part));
    let what = format!("a record is stored on all of {NODES} nodes, 99th percentile of {RECORDS}");
    let row = Row::new(Figure::Gossip, &what, p99, "s", Some((Bound::AtMost, 1.0)));
    let row = row.note(format!("half of the records within {p50:.3} s"));
    Ok(vec![row.note(format!("at one node within {one_p50:.3} s (half), {one_p99:.3} s (99 %)"))])
}

/// Publishes one competition after the other, each on another node: when, by id. Those of the warm-up are left out.
fn publish_in_turn(nodes: &[Node], records: &Records) -> anyhow::Result<HashMap<String, Instant>> {
    let mut published = HashMap::new();
    for n in 0..WARM_UP + RECORDS {
        let [competition, ..] = records.past(n)?;
        let node = nodes.get(n as usize % nodes.len()).context("no nodes")?;
        let mut client = node.client()?;
        let start = Instant::now();
        publish(&mut client, &competition)?;
        if n >= WARM_UP {
            published.insert(competition.id().to_string(), start);
            std::thread::sleep(PAUSE);
        } else {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    Ok(published)
}

/// The smallest value that so large a part of all does not exceed.
fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (part * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut values, 0.5), percentile(&mut values, 0.99)), (100.0, 198.0));
        assert_eq!((percentile(&mut [3.0], 0.99), percentile(&mut [], 0.5)), (3.0, 0.0));
    }
}
