//! `node score`: what a submission would claim, and what its proofs would take, without making one.

use super::backend::Backend;
use super::context::Context;
use super::effort::Effort;
use super::output;
use crate::keys;
use crate::prover::{Calibration, Contest, Plan, Scored};
use circuits::{ClassId, TestSet};
use datasets::FloatModel;
use protocol::AdmittedClass;
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  node score --competition 3fa1 --model model.onnx
  node score --competition 3fa1 --model model.onnx --memory 2GiB

How fast this machine proves is measured once, in a third of a second, and kept in the data folder. Seconds are those
of a machine that does nothing else. What does not fit into the memory is refused (exit code 4), with what would.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
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
    /// Measure again how fast this machine proves.
    #[arg(long)]
    recalibrate: bool,
    #[command(flatten)]
    effort: Effort,
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
    float: FloatModel,
}

impl Trial {
    /// The other admitted size classes that hold the model.
    pub fn other_classes(&self) -> Vec<ClassId> {
        let (task, own) = (&self.contest.rules.task, self.admitted.class);
        let classes = self.contest.rules.size_classes.iter().map(|admitted| admitted.class);
        let holds = |class: &ClassId| datasets::choose_class(&self.float, task, &[*class]).is_ok();
        classes.filter(|class| *class != own && holds(class)).collect()
    }
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
    Ok(Trial { contest, set, admitted, scored, float: model })
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let trial = trial(&mut backend, &self.competition, &self.model, self.size_class)?;
        let plan = self.effort.plan_of(&trial)?;
        let calibration = Calibration::load_or_measure(&context.home, self.recalibrate, &output::message)?;
        let class = trial.admitted.class;
        let key = keys::find(&context.home, class, Some(trial.admitted.proving_key))?;
        let report = Report { trial: &trial, plan: &plan, calibration, key_made_here: key.is_some() };
        if context.json {
            output::json(&report.json())?
        } else {
            output::data(&report.text())?
        }
        Ok(self.effort.check(&plan, &trial)?)
    }
}

/// What is printed.
struct Report<'a> {
    trial: &'a Trial,
    plan: &'a Plan,
    calibration: Calibration,
    key_made_here: bool,
}

impl Report<'_> {
    fn rows(&self) -> u64 {
        self.trial.set.rows() as u64
    }

    fn float_correct(&self) -> u64 {
        self.trial.scored.report.calibration.map_or(0, |report| report.float_correct as u64)
    }

    fn seconds(&self) -> f64 {
        self.plan.seconds(self.calibration.seconds_per_unit)
    }

    fn reaches(&self) -> bool {
        let threshold = self.trial.contest.rules.threshold_bps;
        protocol::reaches_bps(self.trial.scored.total(), self.rows(), threshold)
    }

    fn json(&self) -> serde_json::Value {
        let (trial, plan, rows) = (self.trial, self.plan, self.rows());
        let (scored, float) = (&trial.scored, self.float_correct());
        json!({
            "competition": trial.contest.id.to_string(),
            "size_class": plan.class.as_str(),
            "rows": rows,
            "integer_correct": scored.total(),
            "float_correct": float,
            "integer_accuracy_bps": protocol::accuracy_bps(scored.total(), rows),
            "float_accuracy_bps": protocol::accuracy_bps(float, rows),
            "reaches_threshold": self.reaches(),
            "proving_key": trial.admitted.proving_key.id.to_string(),
            "proving_key_bytes": trial.admitted.proving_key.bytes,
            "proving_key_made_here": self.key_made_here,
            "constraints": plan.cost.constraints,
            "chunks": plan.chunks,
            "proofs": plan.proofs(),
            "estimated_seconds": self.seconds(),
            "seconds_per_proof": plan.cost.seconds(self.calibration.seconds_per_unit),
            "jobs": plan.jobs,
            "estimated_peak_bytes": plan.peak_bytes(),
            "needed_bytes": plan.needed_bytes(),
            "budget_bytes": plan.budget,
            "proofs_at_once_that_fit": plan.fitting,
            "fits": plan.fits(),
            "report": scored.report,
        })
    }

    fn text(&self) -> String {
        let (trial, plan, rows) = (self.trial, self.plan, self.rows());
        let (scored, float) = (&trial.scored, self.float_correct());
        let share = |correct| output::percent(protocol::accuracy_bps(correct, rows));
        let reached = match (trial.contest.rules.threshold_bps, self.reaches()) {
            (0, _) => "none",
            (_, true) => "reached",
            (_, false) => "not reached",
        };
        let key = if self.key_made_here { "made here" } else { "fetched when needed" };
        let size = output::bytes(trial.admitted.proving_key.bytes);
        let total = scored.total();
        [
            format!("integer model  {} ({total} of {rows}): what a proof would say", share(total)),
            format!("float model    {} ({float} of {rows})", share(float)),
            format!("rounding       {}", scored.report),
            format!("threshold      {reached}"),
            format!("size class     {}, {} constraints", plan.class, plan.cost.constraints),
            format!("proving key    {size} ({key})"),
            format!("proofs         {}: one of the model, {} of chunks", plan.proofs(), plan.chunks),
            format!("time           about {:.1} s on this machine", self.seconds()),
            format!("memory         {}", self.memory()),
        ]
        .join("\n")
    }

    fn memory(&self) -> String {
        let plan = self.plan;
        let peak = format!("about {} with {} at once", output::bytes(plan.peak_bytes()), plan.jobs);
        match (plan.budget, plan.fitting) {
            (Some(budget), Some(fitting)) => {
                format!("{peak}; {fitting} at once fit into {}", output::bytes(budget))
            }
            _ => format!("{peak}; how much there is, is not known"),
        }
    }
}
