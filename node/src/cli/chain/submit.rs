//! `node chain submit`

use super::enter::load_key;
use super::finalise::not_after;
use super::link::Link;
use super::printed::Submitted;
use super::purse::Purse;
use super::seek::{Found, records, seek};
use super::{Choice, Options};
use crate::chain::ChainError;
use crate::chain::entrant::Entrant;
use crate::chain::folder::OwnEntry;
use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::effort::Effort;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::keys;
use crate::prover::{ProverError, Scored};
use circuits::groth16::{Proof, ProvingKey};
use circuits::statement::Chunk;
use circuits::{ClassId, TestSet};
use contracts::{Address, B256, Phase, chunks_at_once, entry_id};
use protocol::ClaimRule;

const EXAMPLES: &str = "\
Examples:
  node chain submit --competition 77b2 --keystore ada.json --password-file pw
  node chain submit --competition 77b2 --claim 250 --key-file ada.key

Reads the revealed test set from the chain, proves what the entered model scores, and sends the proofs: several
transactions where one does not hold all chunks. Running it again proves nothing twice and sends nothing twice.
Anybody may carry proofs to the chain; they count for the account that entered.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// One of the own entries, or the start of its id [default: the only one].
    #[arg(long, value_name = "ID", default_value = "")]
    entry: String,
    /// Rows to claim as right [default: all that are right].
    #[arg(long, value_name = "N")]
    claim: Option<u64>,
    #[command(flatten)]
    effort: Effort,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let mut backend = records(&link);
        let found = seek(&link, &mut backend, &self.choice.competition)?;
        let purse = Purse::open(&link, Some(&found.site))?;
        let (entry, id) = self.entry(&link, &found, purse.address())?;
        purse.resume_all(&format!("submit {}", hex::encode(id)))?;
        let stored = found.site.competition(&link.rpc, found.id)?;
        let phase = found.phase(&link)?;
        if phase < Phase::Revealed {
            let reason = format!(
                "the test set is sealed until the host reveals it, before {}",
                output::when(found.terms.revealUntil)
            );
            return Err(CliError::Refused { reason }.into());
        }
        let task = found.contest.as_ref().map(|contest| &contest.rules.task);
        let set = found.site.test_set(&link.rpc, stored.testSet, task)?;
        let opening = found.folder.opening(&entry.commitment)?;
        let scored = Scored::of(opening.model().clone(), &set)?;
        let wanted = self.claim.unwrap_or(scored.total());
        let claims = scored.claims(&ClaimRule::Exact, wanted)?;
        let mut job = Job { found: &found, entry: &entry, id, scored: &scored, claims: &claims, proved: 0 };
        let missing = job.missing(&link)?;
        if !missing.is_empty() {
            found.expect(&link, Phase::Revealed)?;
            not_after(&link, "proofs are taken", found.terms.submitUntil)?;
            let class = opening.model().class().id;
            let key = self.key(context, &mut backend, &found, class)?;
            let identity = context.home.identity()?;
            let progress = Progress::new("proving");
            let entrant = Entrant {
                secret: &identity.secret,
                id: found.id,
                account: entry.account,
                key: &key,
                folder: &found.folder,
                progress: &|step, part| progress.report(step, part),
            };
            let bytes = set.rows() as u64 * (set.features() as u64 + 1);
            let plan = self.effort.plan(class, missing.len(), bytes)?;
            plan.check(std::iter::empty())?;
            self.effort.explain(&plan);
            let chunks: Vec<Chunk> = missing.iter().filter_map(|&i| scored.chunks.get(i).copied()).collect();
            let correct: Vec<u64> = missing.iter().filter_map(|&i| claims.get(i).copied()).collect();
            let (proofs, proved) = entrant.score(&entry, &opening, &set, &chunks, &correct, plan.jobs)?;
            progress.finish();
            job.proved = proved;
            job.send(&link, &purse, &missing, &proofs)?;
        }
        job.report(context, &link, &set, &purse)
    }

    /// The own entry that is meant: of this account, and on the chain.
    fn entry(&self, link: &Link<'_>, found: &Found, account: Address) -> anyhow::Result<(OwnEntry, B256)> {
        let prefix = self.entry.trim_start_matches("0x").to_ascii_lowercase();
        let mut meant = Vec::new();
        for entry in found.folder.entries()? {
            let id = entry_id(found.id, entry.account, &entry.commitment);
            let is_meant = entry.account == account && hex::encode(id).starts_with(&prefix);
            if is_meant && found.site.entry(&link.rpc, id)?.number != 0 {
                meant.push((entry, id));
            }
        }
        if meant.len() > 1 {
            let candidates = meant.iter().map(|(_, id)| format!("entry {}", hex::encode(id))).collect();
            return Err(CliError::Ambiguous { prefix: format!("--entry {prefix}"), candidates }.into());
        }
        Ok(meant.pop().ok_or(ProverError::NotEntered)?)
    }

    /// The key of the terms: what the record pins, or one that was made here.
    fn key(
        &self,
        context: &Context,
        backend: &mut Option<Backend>,
        found: &Found,
        class: ClassId,
    ) -> anyhow::Result<ProvingKey> {
        if let (Some(backend), Some(contest)) = (backend, &found.contest) {
            return load_key(context, backend, &found.class(contest)?);
        }
        let (all, _) = keys::list(&context.home)?;
        let key = all.iter().find(|key| key.class == class && key.key_digest == found.terms.key.0);
        let what = format!("the proving key of {class} with the digest {}", found.terms.key);
        let key = key.ok_or(CliError::NotHere { what })?;
        Ok(keys::load(&key.path, key.blob.id)?)
    }
}

/// Chunks of a score on their way.
struct Job<'a> {
    found: &'a Found,
    entry: &'a OwnEntry,
    id: B256,
    scored: &'a Scored,
    claims: &'a [u64],
    proved: usize,
}

impl Job<'_> {
    /// Chunks of which fewer rows are proved on the chain than are claimed; the first one at least until anything is proved,
    /// as a score of no row counts too.
    fn missing(&self, link: &Link<'_>) -> anyhow::Result<Vec<usize>> {
        let site = &self.found.site;
        if !site.entry(&link.rpc, self.id)?.proved {
            return Ok((0..self.claims.len()).filter(|&i| i == 0 || self.claims.get(i) > Some(&0)).collect());
        }
        let mut missing = Vec::new();
        for (index, claim) in self.claims.iter().enumerate() {
            if site.correct_in(&link.rpc, self.id, index as u64)? < *claim {
                missing.push(index);
            }
        }
        Ok(missing)
    }

    /// Sends chunks that follow each other together, as many as a transaction takes.
    fn send(
        &self,
        link: &Link<'_>,
        purse: &Purse<'_>,
        missing: &[usize],
        proofs: &[(u32, Proof)],
    ) -> anyhow::Result<()> {
        let found = self.found;
        let cost = found.site.cost(&link.rpc, &found.terms)?;
        let block: u64 = link.rpc.head()?.gas_limit.to();
        let at_once = chunks_at_once(&cost, found.site.parameters.gas_limit.min(block)) as usize;
        let mut rest: &[(usize, &(u32, Proof))] = &missing.iter().copied().zip(proofs).collect::<Vec<_>>();
        while let Some((first, _)) = rest.first() {
            let follow = rest.iter().enumerate().take_while(|(i, (index, _))| *index == first + i).count();
            let (batch, later) = rest.split_at(follow.min(at_once));
            let chunks: Vec<(u32, Proof)> = batch.iter().map(|(_, proof)| **proof).collect();
            let first = u32::try_from(*first).map_err(|_| ChainError::Answer {
                method: "eth_call",
                expected: "chunks of a test set",
                got: format!("chunk {first}"),
            })?;
            let last = first as usize + chunks.len() - 1;
            let total: u64 = chunks.iter().map(|(correct, _)| u64::from(*correct)).sum();
            let what = format!("submit {} chunks {first} to {last} with {total}", hex::encode(self.id));
            let data =
                contracts::submit(&found.terms, self.entry.account, &self.entry.commitment, first, &chunks);
            purse.send(&found.order(what, data), "this proves a score to everybody")?;
            rest = later;
        }
        Ok(())
    }

    fn report(
        &self,
        context: &Context,
        link: &Link<'_>,
        set: &TestSet,
        purse: &Purse<'_>,
    ) -> anyhow::Result<()> {
        let correct = u64::from(self.found.site.entry(&link.rpc, self.id)?.correct);
        let rows = set.rows() as u64;
        let threshold = self.found.terms.threshold;
        let reaches_threshold = protocol::reaches_bps(correct, rows, threshold.into());
        if context.json {
            return output::json(&Submitted {
                competition: self.found.id,
                entry: self.id,
                correct,
                rows,
                chunks_proved: self.proved,
                reaches_threshold,
                done: purse.done(),
            });
        }
        let right = self.scored.total();
        let reached = if reaches_threshold { "reaches" } else { "is below" };
        output::message(&format!(
            "proved on the chain: {} ({correct} of {rows} rows; the model gets {right} right), which {reached} the threshold of {}",
            output::percent(protocol::accuracy_bps(correct, rows)),
            output::percent(threshold.into())
        ));
        output::data(&hex::encode(self.id))
    }
}
