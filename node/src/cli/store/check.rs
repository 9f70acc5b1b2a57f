//! `node store check`

use crate::cli::context::{CliError, Context};
use crate::cli::output;
use crate::cli::printed::StoreChecked;
use crate::cli::progress::Progress;
use crate::store::{self, Opening, Report, SledStore};

const EXAMPLES: &str = "\
Examples:
  node store check
  node store check --json

Verifies the signature of every record, the index and the outbox against the records, and every file in blobs/ against
its digest. Nothing is changed, but for a store of an older release, which is brought up to date first. Proofs are
verified whenever the store is opened. What is damaged comes back from peers once it has been moved away.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

impl Args {
    #[allow(clippy::unused_self)] // as all commands
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let own = context.home.identity()?.keypair.public().to_peer_id().to_string();
        let progress = Progress::new("checking");
        let told = |step: &str, part: f64| progress.report(step, part);
        let opening = Opening { progress: &told, ..Opening::default() };
        let opened = SledStore::open_with(&context.home.store(), &opening)?;
        let report = store::check(&opened, &context.home.blobs(), &own, &told)?;
        progress.finish();
        tell(context, &report)?;
        match report.findings.len() as u64 + report.more {
            0 => Ok(()),
            findings => Err(CliError::Damaged { findings }.into()),
        }
    }
}

fn tell(context: &Context, report: &Report) -> anyhow::Result<()> {
    if context.json {
        return output::json(&StoreChecked { sound: report.is_sound(), report });
    }
    for finding in &report.findings {
        output::data(&format!("{}: expected {}, got {}", finding.what, finding.expected, finding.got))?;
    }
    if report.more > 0 {
        output::data(&format!("and {} more", report.more))?;
    }
    output::message(&format!(
        "{} records, {} in the outbox, {} confirmations; {} files of {}",
        report.records,
        report.outbox,
        report.confirmations,
        report.blobs,
        output::bytes(report.blob_bytes)
    ));
    Ok(())
}
