//! `node bench`: what setup, proving and verification take. Every stage of every workload runs in a process of its
//! own, so that its peak memory is its own.

mod data;
mod floor;
mod network;
mod scale;

use super::context::Context;
use super::output::{self, Align};
use crate::prover::{Calibration, Plan};
use anyhow::{Context as _, bail, ensure};
use circuits::groth16::{
    Floor, ModelProof, ProvingKey, Statement, commit, prove_model, prove_score, verify_batch, verify_model,
    verify_score,
};
use circuits::statement::{Chunk, Competitor, Scope, ScoreClaim};
use circuits::{ClassId, IntegerModel, TestSet};
use clap::ValueEnum;
use data::Workload;
use floor::FloorFigures;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  node bench
  node bench --workload digits-mlp --runs 5 --json
  node bench --floor --runs 5
  node bench --scale --size-class linear-64-10
  node bench --network
  node bench --network --figure gossip --json

Times are medians in seconds of wall-clock time on this machine with all its cores. Peak memory is that of the
process that only proves (the mapped key included) and of the one that only makes the key. The last two columns divide
what `node score` would predict, from a third of a second's measurement, by what was measured.
With --scale: time and memory against rows, cut into chunks, against hidden units and classes, padded into the size
class, and against the size classes themselves.
With --network: node processes on loopback, in temporary folders; some minutes. Records are real and signed. Those
without proofs are competitions that are over, with their reveals and closes.";
/// Score proofs that are verified in one batch.
const BATCH: usize = 100;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this workload; may be repeated.
    #[arg(long, value_enum)]
    workload: Vec<Workload>,
    /// How often proving and verification are measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Compares a proof with its floor: the multi-exponentiations and transforms alone, in the same process.
    #[arg(long)]
    floor: bool,
    /// Prove test sets of growing size instead of the workloads.
    #[arg(long, conflicts_with = "workload")]
    scale: bool,
    /// With --scale: only this size class; may be repeated.
    #[arg(long, value_name = "CLASS", requires = "scale")]
    size_class: Vec<ClassId>,
    /// Measure the network: node processes on this machine that catch up, gossip and idle.
    #[arg(long, conflicts_with_all = ["workload", "floor", "scale"])]
    network: bool,
    /// With --network: only this figure; may be repeated.
    #[arg(long, value_enum, requires = "network")]
    figure: Vec<network::Figure>,
    /// One point of --scale, in this process.
    #[arg(long, hide = true, requires = "key", value_parser = scale::Point::parse)]
    point: Option<scale::Point>,
    /// One stage of one workload, in this process.
    #[arg(long, hide = true, value_enum, requires = "key")]
    stage: Option<Stage>,
    /// The key file between the stages.
    #[arg(long, hide = true)]
    key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    Setup,
    Prove,
    Floor,
}

/// What making the key takes.
#[derive(Serialize, Deserialize)]
struct SetupFigures {
    constraints: usize,
    domain: usize,
    public_inputs: usize,
    proving_key_bytes: u64,
    verifying_key_bytes: u64,
    setup_seconds: f64,
    setup_peak_bytes: Option<u64>,
}

/// What proving and verifying take.
#[derive(Serialize, Deserialize)]
struct ProveFigures {
    rows: usize,
    correct: u64,
    load_seconds: f64,
    prove_model_seconds: f64,
    prove_seconds: f64,
    verify_model_seconds: f64,
    verify_seconds: f64,
    verify_batch_size: usize,
    verify_batch_seconds_per_proof: f64,
    proof_bytes: usize,
    prove_peak_bytes: Option<u64>,
}

/// One line of the table.
#[derive(Serialize)]
struct Figures {
    workload: String,
    size_class: String,
    #[serde(flatten)]
    setup: SetupFigures,
    #[serde(flatten)]
    prove: ProveFigures,
    predicted_seconds: f64,
    predicted_peak_bytes: u64,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        if let (Some(point), Some(key)) = (&self.point, &self.key) {
            return match self.stage {
                Some(Stage::Setup) => output::json(&setup(point.class(), key)?),
                _ => output::json(&point.prove(key)?),
            };
        }
        if let (Some(stage), Some(key)) = (self.stage, &self.key) {
            let Some(workload) = self.workload.first() else { bail!("expected a workload") };
            return match stage {
                Stage::Setup => output::json(&setup(workload.class()?, key)?),
                Stage::Prove => output::json(&prove(*workload, key, self.runs)?),
                Stage::Floor => output::json(&measure_floor(*workload, key, self.runs)?),
            };
        }
        if self.network {
            return network::run(context, &self.figure);
        }
        let seconds_per_unit = Calibration::measure().seconds_per_unit;
        if self.scale {
            return scale::run(context, &self.size_class, seconds_per_unit);
        }
        let all = Workload::value_variants().to_vec();
        let workloads = if self.workload.is_empty() { all } else { self.workload };
        if self.floor {
            return floors(context, &workloads, self.runs);
        }
        let mut figures = Vec::new();
        for workload in workloads {
            output::message(&format!("{} ...", workload.name()));
            figures.push(measure(workload, self.runs, seconds_per_unit)?);
        }
        if context.json { output::json(&figures) } else { output::data(&text(&figures)) }
    }
}

fn floors(context: &Context, workloads: &[Workload], runs: u32) -> anyhow::Result<()> {
    let mut figures: Vec<FloorFigures> = Vec::new();
    for workload in workloads {
        output::message(&format!("{} ...", workload.name()));
        let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
        let key = folder.path().join("key");
        stage(*workload, "setup", &key, runs)?;
        figures.push(serde_json::from_slice(&stage(*workload, "floor", &key, runs)?)?);
    }
    if context.json { output::json(&figures) } else { output::data(&floor::text(&figures)) }
}

fn measure(workload: Workload, runs: u32, seconds_per_unit: f64) -> anyhow::Result<Figures> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let key = folder.path().join("key");
    let setup = stage(workload, "setup", &key, runs)?;
    let prove: ProveFigures = serde_json::from_slice(&stage(workload, "prove", &key, runs)?)?;
    let class = workload.class()?;
    let plan = Plan::new(class, 1, (prove.rows * class.class().features) as u64, None, Some(1))?;
    Ok(Figures {
        workload: workload.name(),
        size_class: class.to_string(),
        setup: serde_json::from_slice(&setup)?,
        prove,
        predicted_seconds: plan.cost.seconds(seconds_per_unit),
        predicted_peak_bytes: plan.peak_bytes(),
    })
}

fn stage(workload: Workload, stage: &str, key: &Path, runs: u32) -> anyhow::Result<Vec<u8>> {
    let (name, runs) = (workload.name(), runs.to_string());
    child(key, &["--workload", &name, "--stage", stage, "--runs", &runs])
}

/// What this command prints in a process of its own.
fn child(key: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(std::env::current_exe()?)
        .arg("bench")
        .args(arguments)
        .arg("--key")
        .arg(key)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "bench {} failed: {}", arguments.join(" "), output.status);
    Ok(output.stdout)
}

fn setup(class: ClassId, path: &Path) -> anyhow::Result<SetupFigures> {
    let start = Instant::now();
    let key = ProvingKey::generate(class.class(), &mut rand::rngs::OsRng, &|_, _| {})?;
    let setup_seconds = start.elapsed().as_secs_f64();
    let setup_peak_bytes = peak_bytes();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    key.write(&mut file)?;
    std::io::Write::flush(&mut file)?;
    let shape = key.shape()?;
    Ok(SetupFigures {
        constraints: shape.constraints,
        domain: shape.domain,
        public_inputs: shape.instance.saturating_sub(1),
        proving_key_bytes: std::fs::metadata(path)?.len(),
        verifying_key_bytes: key.verifying_key().to_bytes().len() as u64,
        setup_seconds,
        setup_peak_bytes,
    })
}

const COMPETITION: [u8; 32] = [7; 32];
const SECRET: [u8; 32] = [9; 32];
const SCOPE: Scope = Scope { competition: COMPETITION, competitor: Competitor::Node([1; 32]) };

/// The claim of all rows that the model gets right.
fn claim(set: &TestSet, model: &IntegerModel) -> anyhow::Result<ScoreClaim> {
    let chunks = Chunk::all(set.rows(), model.class());
    let [chunk] = chunks.as_slice() else { bail!("expected one chunk, got {}", chunks.len()) };
    let correct = model.accuracy(set)?.correct as u64;
    let (entry, roster, rows) = ([3; 32], [4; 32], set.rows() as u64);
    Ok(ScoreClaim { scope: SCOPE, entry, roster, chunk: *chunk, rows, correct })
}

fn measure_floor(workload: Workload, path: &Path, runs: u32) -> anyhow::Result<FloorFigures> {
    let (set, model) = workload.data()?;
    let key = crate::keys::load(path, crate::keys::digest(path)?)?;
    let opening = commit(&key, &model, &COMPETITION, &SECRET)?;
    let claim = claim(&set, &model)?;
    let floor = Floor::new(&key, &opening, &set, &claim)?;
    FloorFigures::measure(workload.name(), set.rows(), runs, &floor, || {
        prove_score(&key, &opening, &set, &claim, &SECRET, &|_, _| {})?;
        Ok(())
    })
}

fn prove(workload: Workload, path: &Path, runs: u32) -> anyhow::Result<ProveFigures> {
    let (set, model) = workload.data()?;
    // The pin is taken from the file: this measures loading, it trusts nothing.
    let digest = crate::keys::digest(path)?;
    let start = Instant::now();
    let key = crate::keys::load(path, digest)?;
    let load_seconds = start.elapsed().as_secs_f64();
    let (vk, quiet) = (key.verifying_key(), |_: &str, _: f64| {});
    let (scope, secret) = (SCOPE, SECRET);
    let opening = commit(&key, &model, &COMPETITION, &secret)?;
    let claim = claim(&set, &model)?;
    let correct = claim.correct;
    let (model_proof, prove_model_seconds) =
        median(runs, || Ok(prove_model(&key, &opening, &scope, &secret, &quiet)?))?;
    let (proof, prove_seconds) =
        median(runs, || Ok(prove_score(&key, &opening, &set, &claim, &secret, &quiet)?))?;
    let commitment = opening.commitment();
    let checks = runs.max(10);
    let (evidence, verify_model_seconds) =
        median(checks, || Ok(verify_model(vk, &scope, &commitment, &model_proof)?))?;
    let ((), verify_seconds) = median(checks, || Ok(verify_score(vk, &set, &evidence, &claim, &proof)?))?;
    // The same proof again and again: its cost does not depend on that.
    let score =
        Statement::Score { set: &set, model: ModelProof::Verified(&evidence), claim: &claim, proof: &proof };
    let (_, batch_seconds) = median(runs, || {
        let results = verify_batch(vk, &[score; BATCH], &rand::random());
        Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?)
    })?;
    Ok(ProveFigures {
        rows: set.rows(),
        correct,
        load_seconds,
        prove_model_seconds,
        prove_seconds,
        verify_model_seconds,
        verify_seconds,
        verify_batch_size: BATCH,
        verify_batch_seconds_per_proof: batch_seconds / BATCH as f64,
        proof_bytes: proof.to_bytes().len(),
        prove_peak_bytes: peak_bytes(),
    })
}

/// The last result and the median time in seconds.
pub fn median<T>(runs: u32, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        last = Some(work()?);
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or(0.0);
    Ok((last.context("nothing was run")?, middle))
}

/// Peak resident memory of this process, where the system tells it.
fn peak_bytes() -> Option<u64> {
    memory_of("self", "VmHWM:")
}

/// A field of what the system tells of a process's memory, in bytes: proc(5).
fn memory_of(process: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// What was predicted, in parts of what was measured.
fn ratio(predicted: f64, measured: Option<f64>) -> String {
    measured.map_or("n/a".to_owned(), |measured| format!("{:.2}", predicted / measured))
}

fn text(figures: &[Figures]) -> String {
    let header = [
        ("workload", Align::Left),
        ("rows", Align::Right),
        ("constraints", Align::Right),
        ("domain", Align::Right),
        ("proving key", Align::Right),
        ("verifying key", Align::Right),
        ("setup", Align::Right),
        ("load", Align::Right),
        ("prove", Align::Right),
        ("verify", Align::Right),
        ("of 100", Align::Right),
        ("memory", Align::Right),
        ("proof", Align::Right),
        ("time predicted", Align::Right),
        ("memory predicted", Align::Right),
    ];
    let memory = |bytes: Option<u64>| bytes.map_or("n/a".to_owned(), output::bytes);
    let row = |f: &Figures| {
        vec![
            f.workload.clone(),
            f.prove.rows.to_string(),
            f.setup.constraints.to_string(),
            f.setup.domain.to_string(),
            output::bytes(f.setup.proving_key_bytes),
            output::bytes(f.setup.verifying_key_bytes),
            format!("{:.2} s", f.setup.setup_seconds),
            format!("{:.2} s", f.prove.load_seconds),
            format!("{:.2} s", f.prove.prove_seconds),
            format!("{:.2} ms", f.prove.verify_seconds * 1e3),
            format!("{:.2} ms", f.prove.verify_batch_seconds_per_proof * 1e3),
            memory(f.prove.prove_peak_bytes),
            output::bytes(f.prove.proof_bytes as u64),
            ratio(f.predicted_seconds, Some(f.prove.prove_seconds)),
            ratio(f.predicted_peak_bytes as f64, f.prove.prove_peak_bytes.map(|bytes| bytes as f64)),
        ]
    };
    output::table(&header, &figures.iter().map(row).collect::<Vec<_>>())
}
