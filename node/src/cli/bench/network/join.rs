//! How long a late joiner takes.

use super::nodes::{Watch, add_blobs, publish_all};
use super::records::Records;
use super::{Bound, Figure, Row};
use crate::cli::nodes::{self, Node};
use anyhow::ensure;
use api::{Body, Command as Ask};
use protocol::Signed;

/// Competitions that are over: three records each.
const PAST: u64 = 3334;
/// Competitors of the row with proofs: two records each.
const ENTRANTS: u64 = 250;

pub fn rows(records: &Records) -> anyhow::Result<Vec<Row>> {
    Ok(vec![without_proofs(records)?, with_proofs(records)?])
}

/// The groups of [`Records::past`].
pub fn past(records: &Records) -> anyhow::Result<Vec<Vec<Signed>>> {
    (0..PAST).map(|n| Ok(records.past(n)?.to_vec())).collect()
}

fn without_proofs(records: &Records) -> anyhow::Result<Row> {
    let groups = past(records)?;
    let (seconds, verify_seconds, count) = join(records, &groups)?;
    let what = format!("a fresh node has {count} records of one peer, none with a proof");
    let row = Row::new(Figure::Join, &what, seconds, "s", Some((Bound::AtMost, 5.0)));
    Ok(row.note(format!("{PAST} competitions; {verify_seconds:.2} s of it verifying proofs")))
}

fn with_proofs(records: &Records) -> anyhow::Result<Row> {
    let competition = records.open(0)?;
    let mut groups = vec![vec![competition.clone()]];
    for n in 0..ENTRANTS {
        groups.push(records.entrant(competition.id(), n)?.to_vec());
    }
    let (seconds, verify_seconds, count) = join(records, &groups)?;
    let what = format!("a fresh node has {count} records of one peer, {} with a proof", count - 1);
    let note = format!("{verify_seconds:.2} s of verification, on two threads beside everything else");
    Ok(Row::new(Figure::Join, &what, seconds, "s", None).note(note))
}

/// Seconds from the first connection until a fresh node has stored everything, the time of its proof checks among them
/// (of all threads), and the number of records.
fn join(records: &Records, groups: &[Vec<Signed>]) -> anyhow::Result<(f64, f64, usize)> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let home = folder.path().join("a");
    let origin = Node::start("the origin", &home, &[], false)?;
    add_blobs(&origin, records, folder.path())?;
    // What others refer to comes first.
    let (first, rest) = groups.split_at(1);
    publish_all(&origin, first)?;
    publish_all(&origin, rest)?;
    nodes::stop(&mut [origin])?;
    let count = groups.iter().map(Vec::len).sum();
    let joiner = Node::start("the joiner", &folder.path().join("b"), &[], false)?;
    let watch = Watch::new(&joiner)?;
    let origin = Node::start("the origin", &home, &[&joiner], false)?;
    let start = watch.await_peer()?;
    let stored = watch.await_records(count)?;
    let end = stored.last().map_or(start, |stored| stored.at);
    let verify_us: u64 = stored.iter().map(|stored| stored.verify_us).sum();
    let mut client = joiner.client()?;
    for record in groups.iter().flatten() {
        let found = client.ask(Ask::Record { id: record.id().to_string() })?;
        ensure!(matches!(found, Body::Records { .. }), "expected record {}, got {found:?}", record.id());
    }
    nodes::stop(&mut [joiner, origin])?;
    Ok((end.duration_since(start).as_secs_f64(), verify_us as f64 / 1e6, count))
}
