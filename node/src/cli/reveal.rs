//! `node reveal`

use super::ask::confirm;
use super::backend::Backend;
use super::context::{CliError, Context};
use super::held::Held;
use super::host::add_bytes;
use super::output;
use super::printed::Revealed;
use super::times::check_passed;
use crate::chain::compare;
use crate::chain::folder::Folder;
use crate::hosted::{Hosted, Once};
use crate::ledger::now;
use crate::prover::Contest;
use anyhow::Context as _;
use api::{Entry, EntryStanding, PrizeStatus};
use circuits::TestSet;
use protocol::{BlobRef, Body, Kind, RecordId, Reveal, Signed, WellFormed, limits::MAX_ROSTER};
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  node reveal 77b2
  node reveal 77b2 --entry 9c01 --entry 4e7a       only these, instead of all that obey the rules

Publishes the test set of an own sealed competition, with what opens the seal and the roster: the entries that may be
scored. It can be done once. Doing it again publishes the same record again, whatever else is asked for: a second,
different one would be held against you for good. Everybody sees which entries were left out.
Where a contract holds a prize, `node chain reveal` comes first: it waits until no block with an entry can be replaced.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the competition, or the start of it.
    competition: String,
    /// An entry to admit, or the start of its id; may be repeated [default: all that obey the rules].
    #[arg(long, value_name = "ID")]
    entry: Vec<String>,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let contest = backend.contest(&id)?;
        let hosted = Hosted::new(&context.home, contest.id);
        let (bytes, salt) = hosted.sealed().context("what opens the seal of this competition")?;
        // Also one that only others still have: this folder may have been restored from an older copy.
        let known = contest.reveals.first().map(|reveal| reveal.bytes().to_vec());
        let kept = match hosted.once(Once::Reveal)?.or(known) {
            Some(kept) => {
                output::message("this was revealed before: the same record is published again");
                kept
            }
            None => {
                let deadline = contest.rules.entry_deadline();
                check_passed("models may be entered until", deadline, now())?;
                check_prize(context, &mut backend, &contest)?;
                backend.settle(&id)?;
                let roster = self.roster(&mut backend, &id)?;
                let body = draft(&contest, &bytes, salt, roster)?;
                let signed = protocol::sign(&identity.keypair, &Body::Reveal(body))?;
                check(&contest, &signed)?;
                let what =
                    "this shows the test set to everybody and fixes who may be scored, once and for all";
                confirm(context, what)?;
                hosted.keep_once(Once::Reveal, signed.bytes())?
            }
        };
        // The test set first: whoever has the reveal asks for it.
        add_bytes(context, &mut backend, &bytes)?;
        backend.publish(&kept)?;
        report(context, &mut backend, &contest, &kept)
    }

    /// The entries to admit, ascending.
    fn roster(&self, backend: &mut Backend, competition: &str) -> anyhow::Result<Vec<RecordId>> {
        let entries = backend.entries(competition)?;
        let chosen: Vec<&Entry> = match self.entry.is_empty() {
            true => {
                // The first that came: whoever makes many keys cannot keep the others from being admitted.
                let entered = entries.iter().filter(|entry| entry.standing == EntryStanding::Entered);
                if entered.clone().count() > MAX_ROSTER {
                    output::message(&format!(
                        "note: a roster holds {MAX_ROSTER} entries: those that were seen first are admitted"
                    ));
                }
                entered.take(MAX_ROSTER).collect()
            }
            false => self.entry.iter().map(|prefix| one(&entries, prefix)).collect::<anyhow::Result<_>>()?,
        };
        let mut roster = BTreeSet::new();
        for entry in &chosen {
            if entry.standing != EntryStanding::Entered {
                let reason = format!("entry {} is {}", entry.id, entry.standing.as_str());
                return Err(CliError::Refused { reason }.into());
            }
            if !roster.insert(entry.id.parse::<RecordId>()?) {
                let reason = format!("entry {} is given twice", entry.id);
                return Err(CliError::Refused { reason }.into());
            }
        }
        if roster.is_empty() {
            let reason = "nobody has entered: there is nothing to reveal the test set for".to_owned();
            return Err(CliError::Refused { reason }.into());
        }
        if roster.len() > MAX_ROSTER {
            let reason = format!("expected at most {MAX_ROSTER} entries on a roster, got {}", roster.len());
            return Err(CliError::Refused { reason }.into());
        }
        Ok(roster.into_iter().collect())
    }
}

/// Blocks may be replaced: who sees the test set before the last entry on the chain is final could still enter a model
/// there that knows it. So the chain comes first.
fn check_prize(context: &Context, backend: &mut Backend, contest: &Contest) -> anyhow::Result<()> {
    let name = compare::manifest(&contest.rules, &contest.record.author());
    let mut posted_here = false;
    for id in Folder::all(&context.home)? {
        let terms = Folder::new(&context.home, id).terms()?;
        posted_here |= terms.is_some_and(|(_, terms)| Some(terms.manifest) == name);
    }
    match backend.board(&contest.id.to_string())?.competition.prize.map(|prize| prize.status) {
        None if !posted_here => Ok(()),
        Some(PrizeStatus::Held { phase, .. }) if phase != "open" => Ok(()),
        Some(PrizeStatus::Held { .. }) => {
            let reason =
                "models may still be entered for the prize on the chain, by whoever sees the test set here: \
                          `node chain reveal` comes first"
                    .to_owned();
            Err(CliError::Refused { reason }.into())
        }
        _ => confirm(
            context,
            "this competition has a prize on a chain that this node does not look at; whoever sees the test set before \
             it has been revealed there could enter a model that knows it",
        ),
    }
}

fn one<'a>(entries: &'a [Entry], prefix: &str) -> anyhow::Result<&'a Entry> {
    let wanted = prefix.to_ascii_lowercase();
    let mut found: Vec<&Entry> = entries.iter().filter(|entry| entry.id.starts_with(&wanted)).collect();
    if found.len() > 1 {
        let candidates = found.iter().map(|entry| format!("entry {}", entry.id)).collect();
        return Err(CliError::Ambiguous { prefix: prefix.to_owned(), candidates }.into());
    }
    let unknown = || CliError::Refused { reason: format!("no entry {prefix} is known in this competition") };
    Ok(found.pop().ok_or_else(unknown)?)
}

fn draft(contest: &Contest, set: &[u8], salt: [u8; 32], roster: Vec<RecordId>) -> anyhow::Result<Reveal> {
    let rows = TestSet::from_bytes(set).context("the sealed test set")?.rows() as u64;
    let (competition, test_set) = (contest.id, BlobRef::of(set));
    Ok(Reveal { competition, test_set, rows, salt, roster, created: now() })
}

/// Whether everybody will accept it: before it is kept, as there can be only one.
fn check(contest: &Contest, signed: &Signed) -> anyhow::Result<()> {
    let WellFormed::Reveal(record) = WellFormed::parse(signed)? else {
        anyhow::bail!("expected a {}", Kind::Reveal);
    };
    protocol::check_reveal(&record, &contest.record)
        .map_err(|error| CliError::Refused { reason: error.to_string() }.into())
}

fn report(context: &Context, backend: &mut Backend, contest: &Contest, kept: &[u8]) -> anyhow::Result<()> {
    let signed = Signed::open(kept)?;
    let WellFormed::Reveal(record) = WellFormed::parse(&signed)? else {
        anyhow::bail!("expected a {}", Kind::Reveal);
    };
    let (body, id) = (record.body(), signed.id().to_string());
    let held = Held::wait(backend, &[&id]);
    if context.json {
        return output::json(&Revealed {
            competition: contest.id.to_string(),
            reveal: id,
            test_set: body.test_set.id.to_string(),
            rows: body.rows,
            roster: body.roster.iter().map(ToString::to_string).collect(),
            prove_deadline: contest.rules.prove_deadline,
            held,
        });
    }
    output::message(&format!(
        "revealed: {}, {} on the roster; proofs until {}, then run `node close {}`",
        output::count(body.rows, "row", "rows"),
        output::count(body.roster.len() as u64, "entry", "entries"),
        output::when(contest.rules.prove_deadline),
        contest.id.short()
    ));
    held.tell();
    output::data(&id)
}
