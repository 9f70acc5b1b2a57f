//! `node bench --floor`: what of a proof's time its multi-exponentiations and transforms are.

use super::median;
use crate::cli::output::{self, Align};
use circuits::groth16::{Floor, FloorPart};
use serde::{Deserialize, Serialize};

/// One part of the floor.
#[derive(Serialize, Deserialize)]
struct Part {
    part: String,
    /// Terms whose scalar is not 0; for the transforms, elements.
    terms: usize,
    /// Those wider than 32 bits.
    wide: usize,
    seconds: f64,
    /// The same with arkworks' multi-exponentiations and transforms.
    arkworks_seconds: f64,
}

/// A proof beside its floor, measured in one process.
#[derive(Serialize, Deserialize)]
pub struct FloorFigures {
    workload: String,
    rows: usize,
    prove_seconds: f64,
    /// All parts as a proof runs them.
    floor_seconds: f64,
    /// Of a proof to its floor.
    ratio: f64,
    /// Sum of the parts with arkworks.
    arkworks_seconds: f64,
    parts: Vec<Part>,
}

impl FloorFigures {
    /// Measures proofs and floors in turn, so that both see the same machine.
    pub fn measure(
        workload: String,
        rows: usize,
        runs: u32,
        floor: &Floor<'_>,
        mut prove: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let (mut proofs, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            proofs.push(median(1, &mut prove)?.1);
            floors.push(timed(1, || floor.run())?);
        }
        let (prove_seconds, floor_seconds) = (middle(&mut proofs), middle(&mut floors));
        let arkworks = floor.arkworks();
        let mut parts = Vec::new();
        for part in FloorPart::ALL {
            let (terms, wide) = floor.terms(part);
            let seconds = timed(runs, || floor.run_part(part))?;
            let arkworks_seconds = timed(runs, || arkworks.run_part(part))?;
            parts.push(Part { part: format!("{part:?}"), terms, wide, seconds, arkworks_seconds });
        }
        Ok(Self {
            workload,
            rows,
            prove_seconds,
            floor_seconds,
            ratio: prove_seconds / floor_seconds,
            arkworks_seconds: parts.iter().map(|part| part.arkworks_seconds).sum(),
            parts,
        })
    }
}

/// Median seconds of work that cannot fail.
fn timed(runs: u32, mut work: impl FnMut()) -> anyhow::Result<f64> {
    let run = || {
        work();
        Ok(())
    };
    Ok(median(runs, run)?.1)
}

fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// One table a workload.
pub fn text(figures: &[FloorFigures]) -> String {
    figures.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn one(figures: &FloorFigures) -> String {
    let header = [
        ("part", Align::Left),
        ("terms", Align::Right),
        ("wide", Align::Right),
        ("alone", Align::Right),
        ("arkworks", Align::Right),
    ];
    let ms = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let row = |p: &Part| {
        vec![p.part.clone(), p.terms.to_string(), p.wide.to_string(), ms(p.seconds), ms(p.arkworks_seconds)]
    };
    let rows: Vec<_> = figures.parts.iter().map(row).collect();
    format!(
        "{}, {} rows: proof {}, floor {}, ratio {:.2}; the same parts with arkworks {}\n{}",
        figures.workload,
        figures.rows,
        ms(figures.prove_seconds),
        ms(figures.floor_seconds),
        figures.ratio,
        ms(figures.arkworks_seconds),
        output::table(&header, &rows)
    )
}
