//! `node chain status`

use super::enter::winners;
use super::link::Link;
use super::printed::{OwnEntry, Ranked, Status, Terms};
use super::seek::{Found, records, seek};
use super::{Choice, Options};
use crate::chain::asset::Asset;
use crate::chain::compare::differences;
use crate::cli::backend::Backend;
use crate::cli::context::Context;
use crate::cli::output::{self, Align};
use crate::cli::times::span_text;
use api::Difference;
use circuits::TestSet;
use contracts::{Address, B256, Phase, U256, entry_id};

const EXAMPLES: &str = "\
Examples:
  node chain status --competition 77b2
  node chain status --competition 77b2 --key-file ada.key --json      with what is owed to an account
  node chain status --competition 77b2 --of 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266

Shows prize, terms, deadlines with the time left by the chain's clock, entries, ranking, and whether the chain and the
record that this node has by gossip say the same. Sends nothing.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// The account whose money is shown [default: the own one].
    #[arg(long, value_name = "ADDRESS")]
    of: Option<Address>,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let mut backend = records(&link);
        let found = seek(&link, &mut backend, &self.choice.competition)?;
        let account = match self.of {
            Some(account) => Some(account),
            None if link.has_account() => Some(link.account()?.address()),
            None => None,
        };
        let status = status(&link, &found, &mut backend, account)?;
        if context.json {
            return output::json(&status);
        }
        output::data(&text(&status))
    }
}

fn status(
    link: &Link<'_>,
    found: &Found,
    backend: &mut Option<Backend>,
    account: Option<Address>,
) -> anyhow::Result<Status> {
    let (site, rpc, terms) = (&found.site, &link.rpc, &found.terms);
    let stored = site.competition(rpc, found.id)?;
    let phase = found.phase(link)?;
    let asset = link.asset(terms.token)?;
    let now = link.now()?;
    let reveal_from = terms.enterUntil.saturating_add(site.parameters.finality_s);
    let rows = u64::from(terms.shape.rows);
    let test_set = (!stored.testSet.is_zero()).then_some(stored.testSet);
    let ranked = |(i, place): (usize, contracts::bindings::Competitions::Place)| Ranked {
        rank: i + 1,
        account: place.account,
        entry: place.number,
        correct: place.correct,
        accuracy_bps: protocol::accuracy_bps(place.correct.into(), rows),
    };
    let mut own = Vec::new();
    for entry in found.folder.entries()? {
        let id = entry_id(found.id, entry.account, &entry.commitment);
        let stored = site.entry(rpc, id)?;
        let (number, correct) = (stored.number, stored.correct);
        own.push(OwnEntry { entry: id, number, correct, proved: stored.proved, released: stored.released });
    }
    let owed = account.map(|account| site.owed(rpc, terms.token, account)).transpose()?;
    Ok(Status {
        chain_id: link.chain,
        contract: site.at.contract,
        competition: found.id,
        record: found.contest.as_ref().map(|contest| contest.id.to_string()),
        phase: phase.name(),
        next: next(found, phase, now, reveal_from, stored.entries),
        now,
        terms: for_people(terms, &asset, reveal_from),
        entries: stored.entries.into(),
        proved: stored.proved.into(),
        test_set,
        ranking: site.places(rpc, found.id)?.into_iter().enumerate().map(ranked).collect(),
        account,
        owed: owed.map(|owed| asset.text(owed)),
        own,
        differences: compared(found, backend, test_set),
    })
}

fn for_people(terms: &contracts::Terms, asset: &Asset, reveal_from: u64) -> Terms {
    let money = |units: u128| asset.text(U256::from(units));
    Terms {
        host: terms.host,
        token: terms.token,
        prize: money(terms.prize),
        host_bond: money(terms.hostBond),
        bond: money(terms.bond),
        key: terms.key,
        seal: terms.seal,
        manifest: terms.manifest,
        rows: terms.shape.rows,
        threshold_bps: terms.threshold,
        winners: terms.winners,
        enter_until: terms.enterUntil,
        reveal_from,
        reveal_until: terms.revealUntil,
        submit_until: terms.submitUntil,
        max_entries: terms.maxEntries,
        max_entries_each: terms.maxEntriesEach,
    }
}

/// What the chain and the gossiped records say differently; of the test set too, once both have revealed it.
fn compared(found: &Found, backend: &mut Option<Backend>, test_set: Option<B256>) -> Vec<Difference> {
    let Some(contest) = &found.contest else { return Vec::new() };
    let host = contest.record.author();
    let mut all = differences(&found.site.at, found.id, &found.terms, &contest.rules, &host);
    let gossiped = backend.as_mut().zip(contest.scoring(None).ok()).and_then(|(backend, scoring)| {
        let max = protocol::limits::MAX_TEST_SET_BYTES as u64;
        let bytes = backend.read_blob(scoring.test_set, max, "the test set").ok()?;
        Some(B256::from(TestSet::from_bytes(&bytes).ok()?.evm_digest()))
    });
    if let (Some(chain), Some(record)) = (test_set, gossiped)
        && chain != record
    {
        all.push(Difference {
            what: "test set".to_owned(),
            chain: chain.to_string(),
            record: record.to_string(),
        });
    }
    all
}

fn next(found: &Found, phase: Phase, now: u64, reveal_from: u64, entries: u32) -> String {
    let terms = &found.terms;
    let left = |until: u64| span_text(until.saturating_sub(now));
    match phase {
        Phase::None => "not posted: `node chain post`".to_owned(),
        Phase::Open if now < terms.enterUntil => {
            format!("models are entered for another {}", left(terms.enterUntil))
        }
        Phase::Open if now < reveal_from => {
            format!("the last entry becomes final; the reveal is possible in {}", left(reveal_from))
        }
        Phase::Open if now < terms.revealUntil && entries == 0 => {
            "nobody has entered: the host may cancel".to_owned()
        }
        Phase::Open if now < terms.revealUntil => {
            format!("the host reveals within {}: `node chain reveal`", left(terms.revealUntil))
        }
        Phase::Open => {
            "the host has not revealed: `node chain finalise` gives his bond to the entrants".to_owned()
        }
        Phase::Revealed if now < terms.submitUntil => {
            format!("scores are proved for another {}: `node chain submit`", left(terms.submitUntil))
        }
        Phase::Revealed => "time is over: `node chain finalise` settles it".to_owned(),
        Phase::Won | Phase::Unwon | Phase::Abandoned => {
            "settled: `node chain release` for bonds, then `node chain claim`".to_owned()
        }
        Phase::Cancelled => "taken back by the host, who may `node chain claim`".to_owned(),
    }
}

fn text(status: &Status) -> String {
    let terms = &status.terms;
    let rule = winners(terms.winners);
    let time = |time: u64| {
        let away = match time.checked_sub(status.now) {
            Some(left) => format!("in {}", span_text(left)),
            None => format!("{} ago", span_text(status.now - time)),
        };
        format!("{} ({away})", output::when(time))
    };
    let mut lines = vec![
        format!("competition  {} at {} of chain {}", status.competition, status.contract, status.chain_id),
        format!("record       {}", status.record.as_deref().unwrap_or("not here")),
        format!("phase        {}: {}", status.phase, status.next),
        format!("prize        {}, {rule}", terms.prize),
        format!("bonds        {} an entry, {} of the host {}", terms.bond, terms.host_bond, terms.host),
        format!("threshold    {} of {} rows", output::percent(terms.threshold_bps.into()), terms.rows),
        format!("models until {}", time(terms.enter_until)),
        format!("reveal from  {}", time(terms.reveal_from)),
        format!("reveal until {}", time(terms.reveal_until)),
        format!("proofs until {}", time(terms.submit_until)),
        format!(
            "entries      {} of at most {}, {} with a score",
            status.entries, terms.max_entries, status.proved
        ),
    ];
    if let (Some(account), Some(owed)) = (status.account, &status.owed) {
        lines.push(format!("owed         {owed} to {account}, of all competitions here"));
    }
    for own in &status.own {
        let said = match (own.number, own.proved) {
            (0, _) => "not on the chain".to_owned(),
            (number, false) => format!("number {number}, nothing proved"),
            (number, true) => format!("number {number}, {} rows proved", own.correct),
        };
        lines.push(format!("own entry    {}: {said}", own.entry));
    }
    match (status.differences.as_slice(), &status.record) {
        ([], Some(_)) => lines.push("gossip       says the same as the chain".to_owned()),
        (all, _) => lines.extend(all.iter().map(|d| {
            format!("MISMATCH     {}: the chain says {}, the record {}", d.what, d.chain, d.record)
        })),
    }
    let header =
        [("rank", Align::Right), ("account", Align::Left), ("entry", Align::Right), ("proved", Align::Right)];
    let row = |place: &Ranked| {
        let proved = format!("{} ({})", output::percent(place.accuracy_bps), place.correct);
        vec![place.rank.to_string(), place.account.to_string(), place.entry.to_string(), proved]
    };
    if !status.ranking.is_empty() {
        lines.push(output::table(&header, &status.ranking.iter().map(row).collect::<Vec<_>>()));
    }
    lines.join("\n")
}
