//! `node bench --network`: what the network takes, measured with node processes on loopback, beside what it may take.

mod blob;
mod gossip;
mod idle;
mod join;
mod machine;
mod nodes;
mod reconcile;
mod records;

use super::{Figures, Workload, measure};
use crate::cli::context::Context;
use crate::cli::output::{self, Align};
use clap::ValueEnum;
use machine::Machine;
use records::Records;
use serde::Serialize;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// A fresh node gets everything from one that has 10,000 records.
    Join,
    /// Two sets of 100,000 ids that differ in 10 are reconciled.
    Reconcile,
    /// Records reach all of 20 nodes.
    Gossip,
    /// A node with 10,000 records and 20 peers that has nothing to do.
    Idle,
    /// 100 proofs of one key are verified together.
    Batch,
    /// A large blob comes from one node, and from two.
    Blob,
}

impl Figure {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Which side of the target is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost,
    AtLeast,
}

/// One line of the table.
#[derive(Serialize)]
struct Row {
    figure: String,
    what: String,
    measured: f64,
    unit: &'static str,
    /// None if it is only for comparison.
    target: Option<(Bound, f64)>,
    met: Option<bool>,
    /// What else was seen, for people.
    notes: Vec<String>,
}

impl Row {
    fn new(
        figure: Figure,
        what: &str,
        measured: f64,
        unit: &'static str,
        target: Option<(Bound, f64)>,
    ) -> Self {
        let met = target.map(|(bound, target)| match bound {
            Bound::AtMost => measured <= target,
            Bound::AtLeast => measured >= target,
        });
        Self { figure: figure.name(), what: what.to_owned(), measured, unit, target, met, notes: Vec::new() }
    }

    fn note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    fn target(&self) -> Option<String> {
        let (bound, target) = self.target?;
        let sign = if bound == Bound::AtMost { "<=" } else { ">=" };
        Some(format!("{sign} {target} {}", self.unit))
    }

    fn verdict(&self) -> String {
        match (self.target(), self.met) {
            (Some(target), Some(true)) => format!(", as it should be ({target})"),
            (Some(target), _) => format!(", NOT as it should be ({target})"),
            (None, _) => String::new(),
        }
    }
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    rows: Vec<Row>,
}

/// Measures some figures, or all of them, and prints them.
pub fn run(context: &Context, figures: &[Figure]) -> anyhow::Result<()> {
    let all = Figure::value_variants();
    let figures = if figures.is_empty() { all } else { figures };
    let records = Records::new(2026)?;
    let mut rows = Vec::new();
    for figure in figures {
        output::message(&format!("{} ...", figure.name()));
        let measured = match figure {
            Figure::Join => join::rows(&records)?,
            Figure::Reconcile => vec![reconcile::row()?],
            Figure::Gossip => gossip::rows(&records)?,
            Figure::Idle => idle::rows(&records)?,
            Figure::Batch => vec![batch()?],
            Figure::Blob => blob::rows()?,
        };
        // It takes minutes: whoever ends it early has seen what there was.
        for row in &measured {
            output::message(&format!("  {}: {}{}", row.what, number(row.measured, row.unit), row.verdict()));
        }
        rows.extend(measured);
    }
    let report = Report { machine: Machine::here(), rows };
    if context.json { output::json(&report) } else { output::data(&text(&report)) }
}

fn batch() -> anyhow::Result<Row> {
    let Figures { prove, .. } = measure(Workload::BcLinear, 3, 1.0)?;
    let ratio = prove.verify_seconds / prove.verify_batch_seconds_per_proof;
    let what = format!("{} proofs of one key verified together, against one by one", prove.verify_batch_size);
    let note = format!(
        "{:.2} ms a proof one by one, {:.2} ms in the batch",
        prove.verify_seconds * 1e3,
        prove.verify_batch_seconds_per_proof * 1e3
    );
    Ok(Row::new(Figure::Batch, &what, ratio, "times", Some((Bound::AtLeast, 3.0))).note(note))
}

fn text(report: &Report) -> String {
    let header = [
        ("figure", Align::Left),
        ("what", Align::Left),
        ("measured", Align::Right),
        ("target", Align::Right),
        ("met", Align::Left),
    ];
    let row = |row: &Row| {
        let target = row.target().unwrap_or_default();
        let met = row.met.map_or("", |met| if met { "yes" } else { "NO" });
        vec![row.figure.clone(), row.what.clone(), number(row.measured, row.unit), target, met.to_owned()]
    };
    let table = output::table(&header, &report.rows.iter().map(row).collect::<Vec<_>>());
    let notes =
        report.rows.iter().flat_map(|row| row.notes.iter().map(|note| format!("{}: {note}", row.figure)));
    [vec![report.machine.to_string(), String::new(), table, String::new()], notes.collect()]
        .concat()
        .join("\n")
}

fn number(value: f64, unit: &str) -> String {
    match value {
        _ if value >= 1000.0 => format!("{value:.0} {unit}"),
        _ if value >= 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}
