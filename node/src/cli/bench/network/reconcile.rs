//! What reconciling two large sets moves.

use super::{Bound, Figure, Row};
use crate::daemon::rehearse;
use anyhow::ensure;
use protocol::RecordId;
use std::time::Instant;

pub fn row() -> anyhow::Result<Row> {
    let ids = |numbers: std::ops::Range<u32>| -> Vec<RecordId> {
        numbers.map(|n| RecordId::of(&n.to_be_bytes())).collect()
    };
    let start = Instant::now();
    let took = rehearse(&ids(0..100_000), &ids(5..100_005))?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!((took.missing, took.lacking) == (5, 5), "expected 5 differences on each side, got {took:?}");
    let what = "two sets of 100,000 ids that differ in 10 are reconciled";
    let row = Row::new(Figure::Reconcile, what, took.bytes as f64 / 1e3, "kB", Some((Bound::AtMost, 100.0)));
    let note =
        format!("{} questions with their answers, both sides in one process: {seconds:.2} s", took.rounds);
    Ok(row.note(note))
}
