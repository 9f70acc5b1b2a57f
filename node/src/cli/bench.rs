//! `node bench`: what setup, proving and verification take. Every stage of every workload runs in a process of its
//! own, so that its peak memory is its own.

use super::context::Context;
use super::output::{self, Align};
use anyhow::{Context as _, bail, ensure};
use circuits::groth16::{
    ModelProof, ProvingKey, Statement, commit, prove_model, prove_score, verify_batch, verify_model,
    verify_score,
};
use circuits::model::Layer;
use circuits::statement::{Chunk, Competitor, Scope, ScoreClaim};
use circuits::{ClassId, IntegerModel, TestSet};
use clap::ValueEnum;
use datasets::{CsvOptions, IdxOptions, import_csv, import_idx, quantise, read_onnx, samples};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  node bench
  node bench --workload digits-mlp --runs 5 --json

Times are medians in seconds of wall-clock time on this machine with all its cores. Peak memory is that of the
process that only proves (the mapped key included) and of the one that only makes the key.";

/// Score proofs that are verified in one batch.
const BATCH: usize = 100;

/// The first 2,000 rows would take another size class; this many are in the workload's definition.
const MNIST_ROWS: usize = 1000;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this workload; may be repeated.
    #[arg(long, value_enum)]
    workload: Vec<Workload>,
    /// How often proving and verification are measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Breast cancer, logistic regression, 284 rows.
    BcLinear,
    /// Digits, logistic regression, 898 rows.
    DigitsLinear,
    /// Digits, MLP with 32 hidden units, 898 rows.
    DigitsMlp,
    /// Synthetic images of 784 pixels, MLP with 32 hidden units, 1,000 rows.
    MnistMlp,
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
}

impl Workload {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn class(self) -> anyhow::Result<ClassId> {
        Ok(match self {
            Self::BcLinear => "linear-30-2",
            Self::DigitsLinear => "linear-64-10",
            Self::DigitsMlp => "mlp-64-32-10",
            Self::MnistMlp => "mlp-784-32-10",
        }
        .parse()?)
    }

    fn data(self) -> anyhow::Result<(TestSet, IntegerModel)> {
        let class = self.class()?;
        let sample = |test: &[u8], mut train: &[u8], label: &str, bits, model: &[u8]| {
            let set = import_csv(test, Some(&mut train), &CsvOptions::new(label, bits))?;
            let (model, _) = quantise(&read_onnx(model)?, set.task(), class.class(), Some(&set))?;
            anyhow::Ok((set, model))
        };
        let digits = |model| {
            let (test, train) = (samples::DIGITS_TEST_CSV, samples::DIGITS_TRAIN_CSV);
            sample(test, train, samples::DIGITS_LABEL, samples::DIGITS_FEATURE_BITS, model)
        };
        match self {
            Self::BcLinear => sample(
                samples::BREAST_CANCER_TEST_CSV,
                samples::BREAST_CANCER_TRAIN_CSV,
                samples::BREAST_CANCER_LABEL,
                samples::BREAST_CANCER_FEATURE_BITS,
                samples::BREAST_CANCER_LOGISTIC_ONNX,
            ),
            Self::DigitsLinear => digits(samples::DIGITS_LOGISTIC_ONNX),
            Self::DigitsMlp => digits(samples::DIGITS_MLP_ONNX),
            Self::MnistMlp => synthetic_mnist(class),
        }
    }
}

/// Numbers that look random and are the same everywhere.
struct Numbers(blake3::OutputReader);

impl Numbers {
    fn new(name: &str) -> Self {
        Self(blake3::Hasher::new().update(name.as_bytes()).finalize_xof())
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.fill(&mut byte);
        u8::from_be_bytes(byte)
    }
}

/// Images in IDX files as MNIST has them, a fifth of the pixels set, and a model whose weights are so small that no
/// hidden unit leaves its range. Cost does not depend on the values.
fn synthetic_mnist(class: ClassId) -> anyhow::Result<(TestSet, IntegerModel)> {
    let mut numbers = Numbers::new("podium bench images");
    let rows = u32::try_from(MNIST_ROWS)?;
    let mut images: Vec<u8> = [0x0803u32, rows, 28, 28].iter().flat_map(|n| n.to_be_bytes()).collect();
    for _ in 0..MNIST_ROWS * 784 {
        let set = numbers.byte() < 52;
        images.push(if set { numbers.byte() } else { 0 });
    }
    let mut labels: Vec<u8> = [0x0801u32, rows].iter().flat_map(|n| n.to_be_bytes()).collect();
    labels.extend((0..MNIST_ROWS).map(|i| (i % 10) as u8));
    let options = IdxOptions { feature_bits: 5, white: 255.0, classes: None };
    let set = import_idx(&mut images.as_slice(), &mut labels.as_slice(), &options)?;
    let mut layer = |inputs: usize, outputs: usize| Layer {
        inputs,
        outputs,
        weights: (0..inputs * outputs).map(|_| i32::from(numbers.byte() % 31) - 15).collect(),
        biases: (0..outputs).map(|_| i64::from(numbers.byte()) - 128).collect(),
    };
    let layers = [layer(784, 32), layer(32, 10)];
    Ok((set, IntegerModel::new(class.class(), &layers)?))
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        if let (Some(stage), Some(key)) = (self.stage, &self.key) {
            let Some(workload) = self.workload.first() else { bail!("expected a workload") };
            return match stage {
                Stage::Setup => output::json(&setup(*workload, key)?),
                Stage::Prove => output::json(&prove(*workload, key, self.runs)?),
            };
        }
        let all = Workload::value_variants().to_vec();
        let workloads = if self.workload.is_empty() { all } else { self.workload };
        let mut figures = Vec::new();
        for workload in workloads {
            output::message(&format!("{} ...", workload.name()));
            figures.push(measure(workload, self.runs)?);
        }
        if context.json { output::json(&figures) } else { output::data(&text(&figures)) }
    }
}

fn measure(workload: Workload, runs: u32) -> anyhow::Result<Figures> {
    let folder = tempfile::Builder::new().prefix("podium-bench-").tempdir()?;
    let key = folder.path().join("key");
    let setup = stage(workload, "setup", &key, runs)?;
    let prove = stage(workload, "prove", &key, runs)?;
    Ok(Figures {
        workload: workload.name(),
        size_class: workload.class()?.to_string(),
        setup: serde_json::from_slice(&setup)?,
        prove: serde_json::from_slice(&prove)?,
    })
}

fn stage(workload: Workload, stage: &str, key: &Path, runs: u32) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(std::env::current_exe()?)
        .args([
            "bench",
            "--workload",
            &workload.name(),
            "--stage",
            stage,
            "--runs",
            &runs.to_string(),
            "--key",
        ])
        .arg(key)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{} {stage} failed: {}", workload.name(), output.status);
    Ok(output.stdout)
}

fn setup(workload: Workload, path: &Path) -> anyhow::Result<SetupFigures> {
    let class = workload.class()?;
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

fn prove(workload: Workload, path: &Path, runs: u32) -> anyhow::Result<ProveFigures> {
    let (set, model) = workload.data()?;
    // The pin is taken from the file: this measures loading, it trusts nothing.
    let digest = crate::keys::digest(path)?;
    let start = Instant::now();
    let key = crate::keys::load(path, digest)?;
    let load_seconds = start.elapsed().as_secs_f64();
    let (vk, quiet) = (key.verifying_key(), |_: &str, _: f64| {});
    let (competition, secret) = ([7; 32], [9; 32]);
    let scope = Scope { competition, competitor: Competitor::Node([1; 32]) };
    let opening = commit(&key, &model, &competition, &secret)?;
    let chunks = Chunk::all(set.rows(), workload.class()?.class());
    let [chunk] = chunks.as_slice() else { bail!("expected one chunk, got {}", chunks.len()) };
    let correct = model.accuracy(&set)?.correct as u64;
    let claim = ScoreClaim { scope, entry: [3; 32], chunk: *chunk, rows: set.rows() as u64, correct };
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
fn median<T>(runs: u32, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
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
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
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
        ]
    };
    output::table(&header, &figures.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_data_for_one_proof_of_its_class() {
        for workload in Workload::value_variants() {
            let (set, model) = workload.data().unwrap();
            assert_eq!(model.class().id, workload.class().unwrap());
            assert_eq!(Chunk::all(set.rows(), model.class()).len(), 1, "{workload:?}");
            assert!(model.accuracy(&set).unwrap().correct > 0);
        }
    }
}
