//! `node enter`

use super::backend::Backend;
use super::context::{CliError, Context};
use super::held::Held;
use super::output;
use super::printed::Entering;
use super::progress::Progress;
use super::score::{admitted, read_model};
use super::submit::proving_key;
use crate::keys;
use crate::prover::{self, Entered, Entrant};
use crate::views;
use anyhow::Context as _;
use circuits::statement::Task;
use circuits::{ClassId, TestSet};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node enter --competition 77b2 --model model.onnx --name Ada
  node enter --competition 77b2 --model mlp.onnx --name Ada --calibrate train.csv --label digit

In a sealed competition this comes first: it fixes the model before anybody has seen the test set, and shows nothing
of it. Several models may be entered, up to the competition's cap; `node withdraw` takes one back before the reveal.
After the host has revealed the test set, `node submit --competition 77b2` proves the score.

What must not be lost is the opening, a file of mode 0600 whose path is printed, and the data folder's `identity.key`
and `secret`: without them nothing can be proved for the entry. They are as secret as the model.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the competition, or the start of it.
    #[arg(long, value_name = "ID")]
    competition: String,
    /// The model.
    #[arg(long, value_name = "FILE.onnx")]
    model: PathBuf,
    /// What the entry is called on the board.
    #[arg(long, default_value = "anonymous")]
    name: String,
    #[command(flatten)]
    calibration: Calibration,
    /// Size class to use [default: the smallest that fits].
    #[arg(long, value_name = "CLASS")]
    size_class: Option<ClassId>,
}

/// Rows to try a model on, while nobody has the test set.
#[derive(clap::Args)]
pub struct Calibration {
    /// Labelled rows of your own, such as the training set: integers are scaled to what occurs there, which keeps more
    /// of a model with a hidden layer. They stay here.
    #[arg(long, value_name = "CSV", requires = "label")]
    calibrate: Option<PathBuf>,
    /// Column of the label in --calibrate.
    #[arg(long, value_name = "COLUMN", requires = "calibrate")]
    label: Option<String>,
}

impl Calibration {
    /// The rows, if any were named.
    pub fn rows(&self, task: &Task) -> anyhow::Result<Option<TestSet>> {
        let Some((path, label)) = self.calibrate.as_ref().zip(self.label.as_ref()) else { return Ok(None) };
        let rows = datasets::import_csv_file_for(task, path, label)
            .with_context(|| format!("reading {}", path.display()))?;
        Ok(Some(rows))
    }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let contest = backend.contest(&id)?;
        let float = read_model(&self.model)?;
        let class = contest.choose_class(&float, self.size_class)?;
        prover::check_name(&contest, class, &self.name)?;
        warn_of_namesakes(&mut backend, &id, &self.name)?;
        let rows = self.calibration.rows(&contest.rules.task)?;
        let (model, report) = datasets::quantise(&float, &contest.rules.task, class.class(), rows.as_ref())
            .map_err(prover::ProverError::Quantise)?;
        let pinned = admitted(&contest, class)?;
        let (path, made_here) = proving_key(context, &mut backend, &pinned)?;
        let load = if made_here { keys::load } else { keys::load_of_others };
        let key = load(&path, pinned.proving_key.id)?;
        let progress = Progress::told("entering", context.home.socket(), &id);
        let entrant = Entrant {
            home: &context.home,
            identity: &identity,
            contest: &contest,
            key: &key,
            progress: &|step, part| progress.report(step, part),
        };
        let opening = entrant.commit(&model)?;
        let entered = entrant.enter(&opening, &self.name, None)?;
        progress.finish();
        let new = backend.publish(entered.entry.bytes())?;
        check_standing(&mut backend, &id, &entered.entry.id().to_string())?;
        let held = Held::wait(&mut backend, &[&entered.entry.id().to_string()]);
        if !context.json {
            output::message(&format!("rounding: {report}"));
        }
        tell(context, &contest, &entered, new, &held)
    }
}

fn tell(
    context: &Context,
    contest: &prover::Contest,
    entered: &Entered,
    new: bool,
    held: &Held,
) -> anyhow::Result<()> {
    let (entry, opening) = (entered.entry.id().to_string(), entered.drafts.opening_path());
    if context.json {
        return output::json(&Entering {
            competition: contest.id.to_string(),
            openness: views::openness(contest.rules.is_open()),
            entry,
            new,
            reused: entered.reused,
            opening: opening.display().to_string(),
            reveal_after: contest.rules.entry_deadline(),
            held: *held,
        });
    }
    if entered.reused {
        output::message("this model was entered before: the entry and its display name stay as they are");
    }
    let dir = context.home.dir().display();
    output::message(&format!(
        "entered. Keep these files, and keep them secret; without them nothing can be proved:\n  \
         {}\n  {dir}/identity.key\n  {dir}/secret\n\
         Back them up, for instance: tar -C {dir} -czf podium-backup.tgz identity.key secret openings",
        opening.display()
    ));
    if !contest.rules.is_open() {
        output::message(&format!(
            "the host reveals the test set some time after {}; then run `node submit --competition {}`",
            output::when(contest.rules.entry_deadline()),
            contest.id.short()
        ));
    }
    held.tell();
    output::data(&entry)
}

/// The same model is the same entry: one that was withdrawn does not come back.
fn check_standing(backend: &mut Backend, competition: &str, entry: &str) -> anyhow::Result<()> {
    let entries = backend.entries(competition)?;
    match entries.iter().find(|other| other.id == entry).map(|entry| entry.standing) {
        Some(api::EntryStanding::Withdrawn) => {
            let reason = format!("this model was entered before, and withdrawn: {entry}; enter another one");
            Err(CliError::Refused { reason }.into())
        }
        Some(api::EntryStanding::BeyondCap) => {
            output::message("note: this is beyond what may be entered, unless you withdraw another entry");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Says so if somebody else's entry has a name that looks the same.
fn warn_of_namesakes(backend: &mut Backend, competition: &str, name: &str) -> anyhow::Result<()> {
    let skeleton = protocol::skeleton(name);
    let same = |entry: &&api::Entry| !entry.mine && protocol::skeleton(&entry.display_name) == skeleton;
    if let Some(other) = backend.entries(competition)?.iter().find(same) {
        let (theirs, key) = (&other.display_name, &other.competitor);
        output::message(&format!(
            "note: {key} has entered as {theirs:?}, which looks the same: boards will mark both names"
        ));
    }
    Ok(())
}
