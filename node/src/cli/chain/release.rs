//! `node chain release`

use super::link::Link;
use super::printed::Released;
use super::purse::Purse;
use super::seek::{records, seek};
use super::{Choice, Options};
use crate::cli::context::{CliError, Context};
use crate::cli::output;
use contracts::entry_id;

const EXAMPLES: &str = "\
Examples:
  node chain release --competition 77b2 --keystore ada.json --password-file pw

Settles the bonds of the own entries in a competition that is settled: they are credited, unless the rules gave them
to the winners. `node chain claim` then pays them.";

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
        let phase = found.phase(&link)?;
        if !phase.is_settled() {
            let reason = format!("expected a competition that is settled, got one that is {}", phase.name());
            return Err(CliError::Refused { reason }.into());
        }
        let mut entries = Vec::new();
        for entry in found.folder.entries()? {
            let id = entry_id(found.id, entry.account, &entry.commitment);
            let what = format!("release {}", hex::encode(id));
            purse.resume(&what)?;
            let stored = found.site.entry(&link.rpc, id)?;
            if stored.number == 0 {
                continue; // it was never entered
            }
            if !stored.released {
                let data = contracts::release(&found.terms, entry.account, &entry.commitment);
                purse.send(&found.order(what, data), "this settles the bonds of own entries")?;
            }
            entries.push(id);
        }
        if context.json {
            return output::json(&Released { competition: found.id, entries, done: purse.done() });
        }
        output::message(&format!("{} settled", output::count(entries.len() as u64, "bond is", "bonds are")));
        entries.iter().try_for_each(|entry| output::data(&hex::encode(entry)))
    }
}
