//! `node chain cancel`

use super::link::Link;
use super::purse::Purse;
use super::seek::{records, seek};
use super::{Choice, Options};
use crate::cli::context::Context;
use contracts::Phase;

const EXAMPLES: &str = "\
Examples:
  node chain cancel --competition 77b2 --key-file host.key

Takes back an own competition that nobody has entered: prize and bond are credited, and `node chain claim` pays them.";

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
        let what = format!("cancel {}", hex::encode(found.id));
        purse.resume(&what)?;
        if found.phase(&link)? != Phase::Cancelled {
            let order = found.order(what, contracts::cancel(&found.terms));
            purse.send(&order, "this takes the competition back for good")?;
        }
        found.moved(context, &link, &purse)
    }
}
