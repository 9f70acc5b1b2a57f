//! `node store`: what keeps the record store in order.

mod check;
mod compact;
mod export;
mod import;

use super::context::Context;
use clap::Subcommand;
pub use import::Taken;

const EXAMPLES: &str = "\
Examples:
  node store check                                 signatures, index, outbox, and files against their digests
  node store export records.tar --files            all records, with what checking them takes
  node store import records.tar
  node store compact                               give back the bytes that the database keeps for itself

check and compact need the store for themselves: stop the node first (exit code 6 otherwise).";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Look for damage. Exit code 1 if there is some.
    Check(check::Args),
    /// Write all records into one file that other programs can read.
    Export(export::Args),
    /// Take in the records of such a file.
    Import(import::Args),
    /// Put a fresh copy of the store in its place.
    Compact(compact::Args),
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Check(args) => args.run(context),
            Command::Export(args) => args.run(context),
            Command::Import(args) => args.run(context),
            Command::Compact(args) => args.run(context),
        }
    }
}
