//! `node store compact`

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::store::{self, Opening};

const EXAMPLES: &str = "\
Examples:
  node store compact
  node store compact --json

Copies every entry into a fresh database, compares the two, and puts the copy in place; only then the old one is
deleted. Killed at any point, nothing is lost. It needs as much free space as the store takes.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

impl Args {
    #[allow(clippy::unused_self)] // as all commands
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let progress = Progress::new("compacting");
        let told = |step: &str, part: f64| progress.report(step, part);
        let opening = Opening { progress: &told, ..Opening::default() };
        let compacted = store::compact(&context.home.store(), &opening)?;
        progress.finish();
        if context.json {
            return output::json(&compacted);
        }
        output::data(&format!(
            "{} records: {} before, {} after",
            compacted.records,
            output::bytes(compacted.bytes_before),
            output::bytes(compacted.bytes_after)
        ))
    }
}
