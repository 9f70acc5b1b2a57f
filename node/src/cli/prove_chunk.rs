//! `node prove-chunk`: one task of an array job.

use super::context::Context;
use super::effort::Effort;
use super::output;
use super::printed::ChunksProved;
use super::progress::Progress;
use crate::drafts::Drafts;
use crate::home::read_secret;
use crate::limits::OPENING_MAX_BYTES;
use crate::prover::{
    Check, Job, JobFolder, Parts, ProverError, Scored, Shared, Stage, prove_all, verify_entry,
};
use anyhow::Context as _;
use circuits::groth16::{Commitment, Opening, ProvingKey, commit};
use circuits::statement::ScoreClaim;
use protocol::ProofBytes;
use rand::RngCore;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node prove-chunk --out /shared/job --chunk 3
  node prove-chunk --out /shared/job --chunk $SLURM_ARRAY_TASK_ID
  node prove-chunk --out /shared/job --chunk 0,2,5-7 --opening /scratch/mine.opening --memory 2GiB

The folder must have been prepared:
  node submit --competition 3fa1 --model model.onnx --name Ada --chunks /shared/job --prepare
It then holds all that is public: competition, test set, proving key, and the entry that the proofs are about. Each
proof becomes a file there; one that is there and holds is not made again. `node submit --chunks /shared/job` puts
them together. No node has to run, and any number of machines may use one data folder for this at the same time.

Only the opening of the entry's commitment, which is as secret as the model, is not in the folder. It is taken from
  1. --opening: a copy of openings/COMPETITION/COMMITMENT.opening of the data folder that prepared the job, or
  2. --model, with a copy of that data folder's `identity.key` and `secret`, or
  3. the data folder itself, if the machines share it: nothing has to be given then.
Keep the folder writable for yourself alone: who can change it decides what is proved.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The prepared folder, to which proofs are written.
    #[arg(long, visible_alias = "chunks", value_name = "DIR")]
    out: PathBuf,
    /// Which chunks, from 0: numbers and ranges, separated by commas.
    #[arg(long, value_name = "N[,N..|N-N]", required = true, value_delimiter = ',', value_parser = range)]
    chunk: Vec<(u32, u32)>,
    /// Id of the competition, or the start of it: refuse another one.
    #[arg(long, value_name = "ID")]
    competition: Option<String>,
    /// File with the opening of the entry's commitment, of mode 0600; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    opening: Option<PathBuf>,
    /// The model that was entered.
    #[arg(long, value_name = "FILE.onnx")]
    model: Option<PathBuf>,
    #[command(flatten)]
    effort: Effort,
}

/// A number, or two with a hyphen between them.
fn range(text: &str) -> Result<(u32, u32), String> {
    let expected = || format!("expected a number such as 3 or a range such as 5-7, got {text:?}");
    let number = |text: &str| text.trim().parse().map_err(|_| expected());
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last { Err(expected()) } else { Ok((first, last)) }
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let folder = JobFolder::new(&self.out);
        let job = folder.require()?;
        let id = job.body.competition.to_string();
        if let Some(prefix) = self.competition.as_ref().filter(|prefix| !id.starts_with(*prefix)) {
            folder.expect("competition", prefix, &id)?;
        }
        let parts = folder.parts(&job)?;
        parts.contest.check_open()?;
        let numbers = parts.select(&self.chunk)?;
        let plan = self.effort.plan(job.body.class, numbers.len(), parts.scoring.test_set.bytes)?;
        plan.check([])?;
        self.effort.explain(&plan);
        let key = folder.key(&parts.admitted)?;
        let (opening, secret) = self.opening(context, &folder, &job, &parts, &key)?;
        let shared = Shared {
            key: &key,
            opening: &opening,
            set: &parts.set,
            secret: &secret,
            scope: job.scope(),
            entry: job.entry.id(),
            roster: parts.scoring.roster,
        };
        let claims = shared.claims(&parts.chunks, &job.claims);
        let wanted: Vec<ScoreClaim> = numbers.iter().filter_map(|&i| claims.get(i).copied()).collect();
        let progress = Progress::told("proving", context.home.socket(), &id);
        let proved = prove(&folder, &job, &shared, &wanted, plan.jobs, progress)?;
        report(context, &folder, &job, &wanted, proved)
    }

    /// What opens the entry's commitment, and a secret for the blinders of the proofs. That need not be the
    /// competitor's: where there is no identity, one that is forgotten afterwards serves as well.
    fn opening(
        &self,
        context: &Context,
        folder: &JobFolder,
        job: &Job,
        parts: &Parts,
        key: &ProvingKey,
    ) -> anyhow::Result<(Opening, [u8; 32])> {
        let mut secret = [0; 32];
        if context.home.is_initialised() {
            secret = context.home.identity()?.secret;
        } else {
            rand::rngs::OsRng.try_fill_bytes(&mut secret).context("drawing a secret")?;
        }
        let opening = match (&self.opening, &self.model) {
            (Some(path), _) => read_opening(&read_secret(path, OPENING_MAX_BYTES)?)
                .with_context(|| format!("reading {}", path.display()))?,
            (None, Some(path)) => {
                context.home.identity()?;
                let model = datasets::read_onnx_file(path).map_err(|error| {
                    anyhow::Error::new(error).context(format!("reading {}", path.display()))
                })?;
                let scored = Scored::new(&parts.contest, &model, job.body.class, &parts.set)?;
                commit(key, &scored.model, parts.contest.id.as_bytes(), &secret)
                    .map_err(ProverError::Prove)?
            }
            (None, None) => {
                context.home.identity()?;
                let bytes = drafts(context, job)?.opening()?.context(
                    "the opening of this entry is not in the data folder: copy it here, or give --opening or --model",
                )?;
                read_opening(&bytes)?
            }
        };
        let commitment = hex::encode(opening.commitment().to_bytes());
        folder.expect("model commitment", commitment, hex::encode(job.body.commitment.0))?;
        Ok((opening, secret))
    }
}

fn drafts(context: &Context, job: &Job) -> anyhow::Result<Drafts> {
    let commitment = Commitment::from_bytes(&job.body.commitment.0)?;
    Ok(Drafts::open(&context.home, job.body.competition, &commitment)?)
}

fn read_opening(bytes: &[u8]) -> anyhow::Result<Opening> {
    Ok(Opening::from_bytes(bytes)?)
}

/// Proves what is not there yet, and returns how many that were.
fn prove(
    folder: &JobFolder,
    job: &Job,
    shared: &Shared<'_>,
    wanted: &[ScoreClaim],
    jobs: usize,
    progress: Progress,
) -> anyhow::Result<usize> {
    let verifying_key = shared.key.verifying_key();
    let model = verify_entry(verifying_key, &job.scope(), &job.body)?;
    let check = Check { key: verifying_key, set: shared.set, model: &model };
    let files = folder.chunks();
    let mut missing = Vec::new();
    for claim in wanted {
        match files.find(claim, &check) {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(*claim),
            Err(error) => {
                output::message(&format!("made anew: {error}"));
                missing.push(*claim);
            }
        }
    }
    let all = missing.len();
    let show = |stage: Stage<'_>| {
        let text = match all {
            1 => format!("score proof: {}", stage.step),
            _ => format!("chunks proved: {} of {all}", stage.finished),
        };
        progress.report(&text, stage.parts / all.max(1) as f64);
    };
    let mut keep = |index: usize, proof: ProofBytes| -> Result<(), ProverError> {
        if let Some(claim) = missing.get(index) {
            files.write(claim, &proof)?;
        }
        Ok(())
    };
    prove_all(shared, &missing, jobs, &mut keep, &show)?;
    progress.finish();
    Ok(all)
}

fn report(
    context: &Context,
    folder: &JobFolder,
    job: &Job,
    wanted: &[ScoreClaim],
    proved: usize,
) -> anyhow::Result<()> {
    let files = folder.chunks();
    let paths: Vec<String> = wanted.iter().map(|claim| files.path(claim).display().to_string()).collect();
    if context.json {
        return output::json(&ChunksProved {
            competition: job.body.competition.to_string(),
            entry: job.entry.id().to_string(),
            chunks: wanted.iter().map(|claim| claim.chunk.index).collect(),
            proved,
            found: wanted.len().saturating_sub(proved),
            files: paths,
        });
    }
    if proved < wanted.len() {
        output::message(&format!("{} of them had been proved before", wanted.len().saturating_sub(proved)));
    }
    output::data(&paths.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_numbers_and_ranges() {
        assert_eq!(range("3"), Ok((3, 3)));
        assert_eq!(range("5-7"), Ok((5, 7)));
        for bad in ["", "-1", "7-5", "1-", "a", "1-2-3", "4294967296", "$SLURM_ARRAY_TASK_ID"] {
            assert!(range(bad).is_err(), "{bad:?}");
        }
    }
}
