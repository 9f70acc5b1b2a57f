//! `node submit`

use super::backend::Backend;
use super::context::{CliError, Context};
use super::effort::Effort;
use super::fetching;
use super::held::Held;
use super::output;
use super::printed::{Prepared, Submitted};
use super::progress::Progress;
use super::score::{Choice, Trial, trial};
use crate::keys;
use crate::prover::{self, Entrant, Job, JobFolder, Made, Source, Workbench};
use circuits::groth16::PROOF_BYTES;
use protocol::{AdmittedClass, Competition, WellFormed};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node submit --competition 3fa1 --model model.onnx --name Ada
  node submit --competition 3fa1 --model model.onnx --claim threshold
  node submit --competition 3fa1 --model model.onnx --memory 2GiB --jobs 2
  node submit --competition 77b2                   what was entered in a sealed competition, after the reveal

The weights never leave this machine. A lower claim tells less about the model; the board shows the claim. Running
the same command again is harmless: what has been proved is found, only the rest is proved, and the same entry is
published again. That holds after Ctrl-C and after a kill, too.

Sharing the work among the machines of a batch system, here of 12 chunks (`node score` says how many there are):
  node submit --competition 3fa1 --model model.onnx --name Ada --chunks /shared/job --prepare
  sbatch --wait --array=0-11 --wrap 'node prove-chunk --out /shared/job --chunk $SLURM_ARRAY_TASK_ID'
  node submit --competition 3fa1 --model model.onnx --chunks /shared/job
Name and claim are fixed by --prepare. The last command verifies every file, proves what is missing (unless
--no-prove) and publishes. See `node prove-chunk --help` for what the machines need.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Rows to claim as right: a number, or `threshold` for as few as reach it [default: all that are right].
    #[arg(long, value_name = "N", value_parser = claim)]
    claim: Option<Claim>,
    /// What the entry is called on the board, in an open competition.
    #[arg(long, default_value = "anonymous")]
    name: String,
    /// Take the proofs of chunks from this folder, which an array job has filled.
    #[arg(long, value_name = "DIR")]
    chunks: Option<PathBuf>,
    /// Make the entry, fill the folder of --chunks with what the machines need, and stop.
    #[arg(long, requires = "chunks", conflicts_with = "no_prove")]
    prepare: bool,
    /// Refuse if chunks are missing, instead of proving them here.
    #[arg(long, requires = "chunks")]
    no_prove: bool,
    #[command(flatten)]
    effort: Effort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Threshold,
    Rows(u64),
}

fn claim(text: &str) -> Result<Claim, String> {
    match text {
        "threshold" => Ok(Claim::Threshold),
        number => number
            .parse()
            .map(Claim::Rows)
            .map_err(|_| format!("expected a number or `threshold`, got {text:?}")),
    }
}

/// The count to claim, of a model that gets `reached` of `rows` right.
fn wanted(claim: Option<Claim>, reached: u64, rows: u64, rules: &Competition) -> Result<u64, CliError> {
    let refused = |reason: &str| CliError::Refused { reason: reason.to_owned() };
    match claim {
        None => rules.claims.highest(reached, rows).ok_or_else(|| {
            refused("the model reaches none of the levels that may be claimed in this competition")
        }),
        Some(Claim::Rows(count)) => Ok(count),
        Some(Claim::Threshold) if rules.threshold_bps == 0 => {
            Err(refused("this competition has no threshold: claim a number of rows"))
        }
        Some(Claim::Threshold) => Ok(protocol::threshold_count(rows, rules.threshold_bps)),
    }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let trial = trial(context, &mut backend, &self.choice)?;
        trial.contest.check_open()?;
        backend.check_not_closed(&trial.contest.id.to_string())?;
        prover::check_name(&trial.contest, trial.admitted.class, &self.name)?;
        let folder = self.chunks.as_deref().map(JobFolder::new);
        let claims = self.claims(&trial, folder.as_ref())?;
        let plan = self.effort.plan_of(&trial)?;
        self.effort.check(&plan, &trial)?;
        self.effort.explain(&plan);
        let (path, made_here) = proving_key(context, &mut backend, &trial.admitted)?;
        let load = if made_here { keys::load } else { keys::load_of_others };
        let key = load(&path, trial.admitted.proving_key.id)?;
        let id = trial.contest.id.to_string();
        let progress = Progress::told("proving", context.home.socket(), &id);
        let entrant = Entrant {
            home: &context.home,
            identity: &identity,
            contest: &trial.contest,
            key: &key,
            progress: &|step, part| progress.report(step, part),
        };
        let opening = match trial.opening {
            Some(opening) => opening,
            None => entrant.commit(&trial.scored.model)?,
        };
        let (opening, scoring, set) = (&opening, &trial.scoring, &trial.set);
        let bench = Workbench { entrant, opening, scoring, set, jobs: plan.jobs };
        if let Some(folder) = folder.as_ref().filter(|_| !self.no_prove) {
            let job = bench.prepare(&claims, &self.name, folder, &path)?;
            if self.prepare {
                progress.finish();
                return prepared(context, folder, &job);
            }
        }
        let source = Source { folder: folder.as_ref(), prove: !self.no_prove };
        let made = bench.make(&trial.scored, &claims, &self.name, source)?;
        progress.finish();
        let entry_new = backend.publish(made.entry.bytes())?;
        let submission_new = backend.publish(made.submission.bytes())?;
        let ids = [made.entry.id().to_string(), made.submission.id().to_string()];
        let held = Held::wait(&mut backend, &[&ids[0], &ids[1]]);
        let told = submitted(&made, (entry_new, submission_new), held)?;
        report(context, &made, told)
    }

    /// Rows to claim of each chunk: those of a prepared job, unless another claim was asked for, which will be refused.
    fn claims(&self, trial: &Trial, folder: Option<&JobFolder>) -> anyhow::Result<Vec<u64>> {
        let rules = &trial.contest.rules;
        let job = folder.map(JobFolder::open).transpose()?.flatten();
        let wanted = match (&job, self.claim) {
            (Some(job), None) => job.total(),
            _ => wanted(self.claim, trial.scored.total(), trial.scoring.rows, rules)?,
        };
        Ok(trial.scored.claims(&rules.claims, wanted)?)
    }
}

/// What the machines are told to do.
fn prepared(context: &Context, folder: &JobFolder, job: &Job) -> anyhow::Result<()> {
    let (dir, last) = (folder.dir().display().to_string(), job.claims.len().saturating_sub(1));
    if context.json {
        return output::json(&Prepared {
            competition: job.body.competition.to_string(),
            entry: job.entry.id().to_string(),
            chunks: job.claims.len(),
            correct: job.total(),
            folder: dir,
        });
    }
    output::message(&format!(
        "prepared: the machines run `node prove-chunk --out {dir} --chunk N`, N from 0 to {last}"
    ));
    output::data(&dir)
}

fn submitted(made: &Made, new: (bool, bool), held: Held) -> anyhow::Result<Submitted> {
    let verified = &made.verified;
    let WellFormed::Entry(entry) = WellFormed::parse(&made.entry)? else {
        anyhow::bail!("expected an entry")
    };
    Ok(Submitted {
        competition: verified.competition.to_string(),
        entry: made.entry.id().to_string(),
        entry_new: new.0,
        entry_reused: made.entry_reused,
        commitment: hex::encode(entry.body().commitment.0),
        submission: made.submission.id().to_string(),
        submission_new: new.1,
        submission_reused: made.submission_reused,
        chunks: verified.chunks,
        chunks_proved: made.proved,
        proof_bytes: verified.chunks * PROOF_BYTES,
        record_bytes: made.submission.bytes().len(),
        openness: crate::views::openness(verified.open),
        size_class: verified.class.as_str(),
        correct: verified.correct,
        rows: verified.rows,
        accuracy_bps: verified.accuracy_bps,
        interval_bps: verified.interval_bps,
        reaches_threshold: verified.reaches_threshold,
        held,
    })
}

fn report(context: &Context, made: &Made, told: Submitted) -> anyhow::Result<()> {
    if context.json {
        return output::json(&told);
    }
    // In a sealed competition that is how it goes.
    if made.entry_reused && made.verified.open {
        output::message("this model was entered before: the entry and its display name stay as they are");
    }
    if made.submission_reused {
        output::message("this had been made before: nothing was proved again");
    }
    let (percent, short) = (output::percent(told.accuracy_bps), output::short(&told.competition));
    output::message(&format!(
        "proved and verified: at least {percent} ({} of {} rows)\n\
         commitment  {}\n\
         entry       {}\n\
         proofs      {} of {} B; {} as published\n\
         watch       `node leaderboard {short}`, or `node tui -- --competition {short}`",
        told.correct,
        told.rows,
        told.commitment,
        told.entry,
        told.chunks,
        PROOF_BYTES,
        output::bytes(told.record_bytes as u64),
    ));
    told.held.tell();
    output::data(&told.submission)
}

/// The class's key, and whether it was made here; else it is fetched. It is the competition that pins it.
pub fn proving_key(
    context: &Context,
    backend: &mut Backend,
    admitted: &AdmittedClass,
) -> anyhow::Result<(PathBuf, bool)> {
    let (class, pinned) = (admitted.class, admitted.proving_key);
    if let Some(key) = keys::find(&context.home, class, Some(pinned))? {
        return Ok((key.path, true));
    }
    let size = output::bytes(pinned.bytes);
    output::message(&format!("proving key of {class}, {size}: {}", keys::SINGLE_PARTY));
    let what = format!("the proving key of {class}");
    let get = || backend.get_blob(pinned, &what);
    Ok((fetching::shown(&context.home.socket(), pinned, &what, get)?, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_numbers_or_the_threshold() {
        assert_eq!(claim("850"), Ok(Claim::Rows(850)));
        assert_eq!(claim("threshold"), Ok(Claim::Threshold));
        assert!(claim("-1").is_err());
        assert!(claim("all").is_err());
    }
}
