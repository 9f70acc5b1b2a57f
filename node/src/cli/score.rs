//! `node score`: what a submission would claim, and what its proofs would take, without making one.

use super::backend::Backend;
use super::context::{CliError, Context};
use super::effort::Effort;
use super::output;
use super::printed::Scoring;
use crate::drafts::Drafts;
use crate::keys;
use crate::prover::{Calibration, Contest, Plan, ProverError, Scored};
use anyhow::Context as _;
use circuits::groth16::Opening;
use circuits::{ClassId, TestSet};
use datasets::FloatModel;
use protocol::{AdmittedClass, RecordId};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  node score --competition 3fa1 --model model.onnx
  node score --competition 3fa1 --model model.onnx --memory 2GiB
  node score --competition 77b2                    what was entered in a sealed competition, after the reveal

How fast this machine proves is measured once, in a third of a second, and kept in the data folder. Seconds are those
of a machine that does nothing else. What does not fit into the memory is refused (exit code 4), with what would.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Measure again how fast this machine proves.
    #[arg(long)]
    recalibrate: bool,
    #[command(flatten)]
    effort: Effort,
}

/// Which model, in which competition.
#[derive(clap::Args)]
pub struct Choice {
    /// Id of the competition, or the start of it.
    #[arg(long, value_name = "ID")]
    pub competition: String,
    /// The model, in an open competition. In a sealed one it is the one that was entered.
    #[arg(long, value_name = "FILE.onnx", conflicts_with = "entry")]
    pub model: Option<PathBuf>,
    /// One of the own entries in a sealed competition, or the start of its id [default: the only one].
    #[arg(long, value_name = "ID")]
    pub entry: Option<String>,
    /// Size class to use, in an open competition [default: the smallest that fits].
    #[arg(long, value_name = "CLASS", conflicts_with = "entry")]
    pub size_class: Option<ClassId>,
}

/// A model that has been scored in a competition.
pub struct Trial {
    /// The competition.
    pub contest: Contest,
    /// What scores are about.
    pub scoring: protocol::Scoring,
    /// The test set.
    pub set: TestSet,
    /// The class with its keys.
    pub admitted: AdmittedClass,
    /// The scored model.
    pub scored: Scored,
    /// What opens the commitment of a model that was entered before.
    pub opening: Option<Opening>,
    float: Option<FloatModel>,
}

impl Trial {
    /// The other admitted size classes that hold the model.
    pub fn other_classes(&self) -> Vec<ClassId> {
        // A model that was entered has its class for good.
        let Some(float) = &self.float else { return Vec::new() };
        let (task, own) = (&self.contest.rules.task, self.admitted.class);
        let classes = self.contest.rules.size_classes.iter().map(|admitted| admitted.class);
        let holds = |class: &ClassId| datasets::choose_class(float, task, &[*class]).is_ok();
        classes.filter(|class| *class != own && holds(class)).collect()
    }
}

/// Finds the competition, reads the model (or what was entered) and scores it.
pub fn trial(context: &Context, backend: &mut Backend, choice: &Choice) -> anyhow::Result<Trial> {
    let id = backend.resolve("competition", &choice.competition)?.id;
    let contest = backend.contest(&id)?;
    if contest.rules.is_open() {
        open_trial(backend, contest, choice)
    } else {
        sealed_trial(context, backend, contest, choice)
    }
}

fn open_trial(backend: &mut Backend, contest: Contest, choice: &Choice) -> anyhow::Result<Trial> {
    let usage = |reason: &str| CliError::Usage { reason: reason.to_owned() };
    if choice.entry.is_some() {
        return Err(usage("this competition is open: give the model with --model, not an entry").into());
    }
    let path = choice.model.as_ref().ok_or_else(|| usage("this competition is open: give --model"))?;
    let float = read_model(path)?;
    let class = contest.choose_class(&float, choice.size_class)?;
    let scoring = contest.scoring(None)?;
    let set = read_test_set(backend, &scoring)?;
    let scored = Scored::new(&contest, &float, class, &set)?;
    let admitted = admitted(&contest, class)?;
    Ok(Trial { contest, scoring, set, admitted, scored, opening: None, float: Some(float) })
}

/// The model is the one of an own entry on the roster: a new one could not be scored.
fn sealed_trial(
    context: &Context,
    backend: &mut Backend,
    contest: Contest,
    choice: &Choice,
) -> anyhow::Result<Trial> {
    if choice.model.is_some() || choice.size_class.is_some() {
        let reason = "this competition is sealed: the model is the one that was entered with `node enter`; leave \
                      --model and --size-class out, and choose among several entries with --entry";
        return Err(CliError::Usage { reason: reason.to_owned() }.into());
    }
    contest.scoring(None)?;
    let (entry, drafts) = own_entry(context, &contest, choice.entry.as_deref())?;
    let scoring = contest.scoring(Some(entry))?;
    let bytes = drafts.opening()?.ok_or(ProverError::NotEntered)?;
    let opening = Opening::from_bytes(&bytes).context("reading the opening of the entry")?;
    let set = read_test_set(backend, &scoring)?;
    let scored = Scored::of(opening.model().clone(), &set)?;
    let admitted = admitted(&contest, opening.model().class().id)?;
    Ok(Trial { contest, scoring, set, admitted, scored, opening: Some(opening), float: None })
}

/// The own entry that is meant: the one that is asked for, or the only one on the roster.
fn own_entry(
    context: &Context,
    contest: &Contest,
    asked: Option<&str>,
) -> anyhow::Result<(RecordId, Drafts)> {
    let all = Drafts::entered(&context.home, contest.id)?;
    if all.is_empty() {
        return Err(ProverError::NotEntered.into());
    }
    let prefix = asked.unwrap_or_default().to_ascii_lowercase();
    let meant: Vec<_> = all.into_iter().filter(|(id, _)| id.to_string().starts_with(&prefix)).collect();
    let mut listed: Vec<_> = Vec::new();
    let mut left_out = None;
    for (id, drafts) in meant {
        match contest.scoring(Some(id)) {
            Ok(_) => listed.push((id, drafts)),
            Err(error) => left_out = Some(error),
        }
    }
    if listed.len() > 1 {
        let candidates = listed.iter().map(|(id, _)| format!("entry {id}")).collect();
        return Err(CliError::Ambiguous { prefix: format!("--entry {prefix}"), candidates }.into());
    }
    match (listed.pop(), left_out) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(CliError::Unknown { kind: "own entry", prefix }.into()),
    }
}

/// Reads a model.
pub fn read_model(path: &Path) -> anyhow::Result<FloatModel> {
    datasets::read_onnx_file(path)
        .map_err(|error| anyhow::Error::new(error).context(format!("reading {}", path.display())))
}

fn read_test_set(backend: &mut Backend, scoring: &protocol::Scoring) -> anyhow::Result<TestSet> {
    let max = protocol::limits::MAX_TEST_SET_BYTES as u64;
    Ok(TestSet::from_bytes(&backend.read_blob(scoring.test_set, max, "the test set")?)?)
}

/// The class with its keys.
pub fn admitted(contest: &Contest, class: ClassId) -> anyhow::Result<AdmittedClass> {
    let admitted = contest.rules.admitted(class).copied();
    admitted.ok_or_else(|| anyhow::anyhow!("size class {class} is not admitted"))
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let trial = trial(context, &mut backend, &self.choice)?;
        let plan = self.effort.plan_of(&trial)?;
        let calibration = Calibration::load_or_measure(&context.home, self.recalibrate, &output::message)?;
        let class = trial.admitted.class;
        let key = keys::find(&context.home, class, Some(trial.admitted.proving_key))?;
        let report = Report { trial: &trial, plan: &plan, calibration, key_made_here: key.is_some() };
        if context.json {
            output::json(&report.printed())?
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

    /// Where the model was rounded now.
    fn float_correct(&self) -> Option<u64> {
        Some(self.trial.scored.report.as_ref()?.calibration?.float_correct as u64)
    }

    fn seconds(&self) -> f64 {
        self.plan.seconds(self.calibration.seconds_per_unit)
    }

    fn reaches(&self) -> bool {
        let threshold = self.trial.contest.rules.threshold_bps;
        protocol::reaches_bps(self.trial.scored.total(), self.rows(), threshold)
    }

    fn printed(&self) -> Scoring {
        let (trial, plan, rows) = (self.trial, self.plan, self.rows());
        let (scored, float) = (&trial.scored, self.float_correct());
        Scoring {
            competition: trial.contest.id.to_string(),
            size_class: plan.class.as_str(),
            rows,
            integer_correct: scored.total(),
            float_correct: float,
            integer_accuracy_bps: protocol::accuracy_bps(scored.total(), rows),
            float_accuracy_bps: float.map(|float| protocol::accuracy_bps(float, rows)),
            openness: crate::views::openness(trial.contest.rules.is_open()),
            reaches_threshold: self.reaches(),
            proving_key: trial.admitted.proving_key.id.to_string(),
            proving_key_bytes: trial.admitted.proving_key.bytes,
            proving_key_made_here: self.key_made_here,
            constraints: plan.cost.constraints,
            chunks: plan.chunks,
            proofs: plan.proofs(),
            estimated_seconds: self.seconds(),
            seconds_per_proof: plan.cost.seconds(self.calibration.seconds_per_unit),
            jobs: plan.jobs,
            estimated_peak_bytes: plan.peak_bytes(),
            needed_bytes: plan.needed_bytes(),
            budget_bytes: plan.budget,
            proofs_at_once_that_fit: plan.fitting,
            fits: plan.fits(),
            report: scored.report.as_ref().and_then(|report| serde_json::to_value(report).ok()),
        }
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
        let mut lines =
            vec![format!("integer model  {} ({total} of {rows}): what a proof would say", share(total))];
        if let Some((float, report)) = float.zip(scored.report.as_ref()) {
            lines.push(format!("float model    {} ({float} of {rows})", share(float)));
            lines.push(format!("rounding       {report}"));
        }
        lines.extend([
            format!("threshold      {reached}"),
            format!("size class     {}, {} constraints", plan.class, plan.cost.constraints),
            format!("proving key    {size} ({key})"),
            format!("proofs         {}: one of the model, {} of chunks", plan.proofs(), plan.chunks),
            format!("time           about {:.1} s on this machine", self.seconds()),
            format!("memory         {}", self.memory()),
            format!("test set       {}", crate::views::openness(trial.contest.rules.is_open())),
        ]);
        lines.join("\n")
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
