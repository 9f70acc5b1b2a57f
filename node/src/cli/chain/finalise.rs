//! `node chain finalise`

use super::link::Link;
use super::printed::Moved;
use super::purse::Purse;
use super::seek::{Found, records, seek};
use super::{Choice, Options};
use crate::chain::send::Order;
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use crate::cli::times::span_text;
use contracts::{Bytes, Phase, U256};

const EXAMPLES: &str = "\
Examples:
  node chain finalise --competition 77b2 --key-file any.key

Settles a competition when its time is over: anybody may, and gains nothing by it. If the host has not revealed, the
entrants share his bond; if nobody reached the threshold, he gets the prize back; else those who won are credited.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let link = Link::open(context, options)?;
        let found = seek(&link, &mut records(&link), &self.choice.competition)?;
        let purse = Purse::open(&link, Some(&found.site))?;
        let what = format!("finalise {}", hex::encode(found.id));
        purse.resume(&what)?;
        let phase = found.phase(&link)?;
        if !phase.is_settled() && phase != Phase::Cancelled {
            let from = match phase {
                Phase::Open => found.terms.revealUntil,
                _ => found.terms.submitUntil,
            };
            not_before(&link, "it can be settled", from)?;
            let data = contracts::finalise(&found.terms);
            let order = found.order(what, data);
            purse.send(&order, "this settles the competition, once and for all")?;
        }
        found.moved(context, &link, &purse)
    }
}

/// Refuses what comes too early on the chain.
pub fn not_before(link: &Link<'_>, what: &str, from: u64) -> anyhow::Result<()> {
    let now = link.now()?;
    match from.checked_sub(now).filter(|left| *left > 0) {
        Some(left) => {
            let reason = format!(
                "{what} from {} on: wait for another {} by the chain's time",
                output::when(from),
                span_text(left)
            );
            Err(CliError::Refused { reason }.into())
        }
        None => Ok(()),
    }
}

/// Refuses what comes too late on the chain.
pub fn not_after(link: &Link<'_>, what: &str, until: u64) -> anyhow::Result<()> {
    let now = link.now()?;
    if now < until {
        return Ok(());
    }
    let past = span_text(now - until);
    let reason = format!("{what} before {}: that was {past} ago by the chain's time", output::when(until));
    Err(CliError::Refused { reason }.into())
}

impl Found {
    /// Where the competition stands.
    pub fn phase(&self, link: &Link<'_>) -> anyhow::Result<Phase> {
        let number = self.site.competition(&link.rpc, self.id)?.phase;
        Phase::of(number).ok_or_else(|| anyhow::anyhow!("expected a phase, got {number}"))
    }

    /// Refuses where the competition is in another phase.
    pub fn expect(&self, link: &Link<'_>, expected: Phase) -> anyhow::Result<()> {
        let got = self.phase(link)?;
        if got == expected {
            return Ok(());
        }
        let (expected, got) = (expected.name(), got.name());
        let reason = format!("expected a competition that is {expected}, got one that is {got}");
        Err(CliError::Refused { reason }.into())
    }

    /// A call of the competitions that carries nothing.
    pub fn order(&self, what: String, data: Bytes) -> Order {
        Order { what, to: Some(self.site.at.contract), value: U256::ZERO, data }
    }

    /// Tells where the competition stands after what was done.
    pub fn moved(&self, context: &Context, link: &Link<'_>, purse: &Purse<'_>) -> anyhow::Result<()> {
        let (competition, phase) = (self.id, self.phase(link)?.name());
        if context.json {
            return output::json(&Moved { competition, phase, done: purse.done() });
        }
        output::message(&format!("the competition is {phase}"));
        output::data(&hex::encode(competition))
    }
}
