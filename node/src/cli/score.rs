//! `node score`: what a submission would claim, without making a proof.

use super::backend::Backend;
use super::context::Context;
use super::output;
use crate::keys;
use crate::prover::{Contest, Scored};
use circuits::groth16::domain;
use circuits::{ClassId, TestSet};
use datasets::FloatModel;
use protocol::AdmittedClass;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node score --competition 3fa1 --model model.onnx")]
pub struct Args {
    /// Id of the competition, or the start of it.
    #[arg(long, value_name = "ID")]
    competition: String,
    /// The model.
    #[arg(long, value_name = "FILE.onnx")]
    model: PathBuf,
    /// Size class to use [default: the smallest that fits].
    #[arg(long, value_name = "CLASS")]
    size_class: Option<ClassId>,
}

/// A model that has been scored in a competition.
pub struct Trial {
    /// The competition.
    pub contest: Contest,
    /// Its test set.
    pub set: TestSet,
    /// The class with its keys.
    pub admitted: AdmittedClass,
    /// The scored model.
    pub scored: Scored,
}

/// Finds the competition, reads the model and scores it.
pub fn trial(
    backend: &mut Backend,
    competition: &str,
    model: &Path,
    class: Option<ClassId>,
) -> anyhow::Result<Trial> {
    let id = backend.resolve("competition", competition)?.id;
    let contest = Contest::parse(backend.record(&id)?)?;
    let model: FloatModel = datasets::read_onnx_file(model)
        .map_err(|error| anyhow::Error::new(error).context(format!("reading {}", model.display())))?;
    let class = contest.choose_class(&model, class)?;
    let max = protocol::limits::MAX_TEST_SET_BYTES as u64;
    let set = TestSet::from_bytes(&backend.read_blob(contest.rules.test_set, max, "the test set")?)?;
    let scored = Scored::new(&contest, &model, class, &set)?;
    // `choose_class` returns admitted classes only.
    let admitted = contest.rules.admitted(class).copied();
    let admitted = admitted.ok_or_else(|| anyhow::anyhow!("size class {class} is not admitted"))?;
    Ok(Trial { contest, set, admitted, scored })
}

/// What one proof takes on two cores, in seconds: proving is about linear in the domain, measured with `node bench`.
fn estimate_seconds(class: ClassId) -> anyhow::Result<f64> {
    const SECONDS_PER_DOMAIN_ROW: f64 = 1.5e-5;
    Ok(SECONDS_PER_DOMAIN_ROW * domain(class.class())? as f64)
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let trial = trial(&mut backend, &self.competition, &self.model, self.size_class)?;
        let (scored, class) = (&trial.scored, trial.admitted.class);
        let rows = trial.set.rows() as u64;
        let float = scored.report.calibration.map_or(0, |report| report.float_correct as u64);
        let made_here = keys::find(&context.home, class, Some(trial.admitted.proving_key))?.is_some();
        // The model proof and one proof a chunk.
        let seconds = estimate_seconds(class)? * (1 + scored.chunks.len()) as f64;
        let threshold = trial.contest.rules.threshold_bps;
        let reaches = protocol::reaches_bps(scored.total(), rows, threshold);
        if context.json {
            return output::json(&json!({
                "competition": trial.contest.id.to_string(),
                "size_class": class.as_str(),
                "rows": rows,
                "integer_correct": scored.total(),
                "float_correct": float,
                "integer_accuracy_bps": protocol::accuracy_bps(scored.total(), rows),
                "float_accuracy_bps": protocol::accuracy_bps(float, rows),
                "reaches_threshold": reaches,
                "proving_key": trial.admitted.proving_key.id.to_string(),
                "proving_key_bytes": trial.admitted.proving_key.bytes,
                "proving_key_made_here": made_here,
                "proofs": 1 + scored.chunks.len(),
                "estimated_seconds": seconds,
                "report": scored.report,
            }));
        }
        let share = |correct| output::percent(protocol::accuracy_bps(correct, rows));
        let reached = match (threshold, reaches) {
            (0, _) => "none",
            (_, true) => "reached",
            (_, false) => "not reached",
        };
        let key = if made_here { "made here" } else { "fetched when needed" };
        let size = output::bytes(trial.admitted.proving_key.bytes);
        let lines = [
            format!(
                "integer model  {} ({} of {rows}): what a proof would say",
                share(scored.total()),
                scored.total()
            ),
            format!("float model    {} ({float} of {rows})", share(float)),
            format!("rounding       {}", scored.report),
            format!("threshold      {reached}"),
            format!("size class     {class}, proving key {size} ({key})"),
            format!("proving        {} proofs, about {seconds:.1} s on two cores", 1 + scored.chunks.len()),
        ];
        output::data(&lines.join("\n"))
    }
}
