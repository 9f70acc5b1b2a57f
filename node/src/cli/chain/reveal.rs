//! `node chain reveal`

use super::finalise::{not_after, not_before};
use super::link::Link;
use super::purse::Purse;
use super::seek::{Found, records, seek};
use super::{Choice, Options};
use crate::chain::ChainError;
use crate::chain::folder::Folder;
use crate::chain::send::Order;
use crate::chain::site::has_piece;
use crate::cli::ask::confirm;
use crate::cli::context::{CliError, Context};
use crate::hosted::Hosted;
use anyhow::Context as _;
use circuits::TestSet;
use contracts::{Phase, SealedTestSet, U256};

const EXAMPLES: &str = "\
Examples:
  node chain reveal --competition 77b2 --key-file host.key

Stores the test set on the chain, in pieces of at most 24 kB, and opens the seal. From then on everybody can see it, and
entrants prove what their models score. It comes after the last entry is final, and before the deadline of the terms:
who misses that loses the host's bond. `node reveal` does the same off chain, and is a command of its own.";

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
        let what = format!("reveal {}", hex::encode(found.id));
        purse.resume(&what)?;
        if found.phase(&link)? != Phase::Open {
            return found.moved(context, &link, &purse);
        }
        let contest = found.contest.as_ref().ok_or_else(|| CliError::NotHere {
            what: format!("the record of the competition, with the digest {}", found.terms.manifest),
        })?;
        let hosted = Hosted::new(&context.home, contest.id);
        let (bytes, _) = hosted.sealed().context("what opens the seal of this competition")?;
        let sealed = SealedTestSet::new(&TestSet::from_bytes(&bytes)?, hosted.chain_salt()?.into());
        let (expected, got) = (found.terms.seal, sealed.seal(found.terms.host));
        if expected != got {
            let (what, expected, got) = ("seal", expected.to_string(), got.to_string());
            return Err(ChainError::Mismatch { what, expected, got }.into());
        }
        // The pieces show the test set: not before nobody can enter any more, whatever becomes of the last blocks.
        let from = found.terms.enterUntil.saturating_add(found.site.parameters.finality_s);
        not_before(&link, "the test set is revealed", from)?;
        not_after(&link, "the test set is revealed", found.terms.revealUntil)?;
        found.expect_alone(context)?;
        let verifier = found.site.parameters.verifier;
        let why = "this shows the test set to everybody";
        for (hash, data) in sealed.pieces.hashes().into_iter().zip(contracts::store(&sealed.pieces)) {
            let what = format!("store piece {}", hex::encode(hash));
            if purse.resume(&what)?.is_none() && !has_piece(&link.rpc, verifier, hash)? {
                purse.send(&Order { what, to: Some(verifier), value: U256::ZERO, data }, why)?;
            }
        }
        purse.send(&found.order(what, contracts::reveal(&found.terms, &sealed)), why)?;
        found.moved(context, &link, &purse)
    }
}

impl Found {
    /// Asks where the same record has a prize in another contract too: there the last entry may become final later.
    fn expect_alone(&self, context: &Context) -> anyhow::Result<()> {
        for id in Folder::all(&context.home)?.into_iter().filter(|id| *id != self.id) {
            let Some((at, terms)) = Folder::new(&context.home, id).terms()? else { continue };
            if terms.manifest == self.terms.manifest && at != self.site.at {
                let what = format!(
                    "the same test set decides a prize of the contract {} on chain {}: whoever sees it before the last \
                     entry is final there could still enter",
                    at.contract, at.chain
                );
                confirm(context, &what)?;
            }
        }
        Ok(())
    }
}
