//! `node export`

use super::backend::Backend;
use super::context::Context;
use super::output;
use super::printed::Exported;
use super::progress::Progress;
use crate::bundle;
use protocol::{Bundle, limits};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node export 77b2 --out digits.bundle
  node verify digits.bundle                        anywhere: no node, no network, no data folder

The bundle is a tar archive of all signed records of the competition that are known here, its verifying keys and, once
it is public, its test set. Proving keys and training data, which verifying does not take, are left out.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the competition, or the start of it.
    competition: String,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let contest = backend.contest(&id)?;
        let ids = backend.record_ids(&id)?;
        let progress = Progress::new("exporting");
        let mut bundle = Bundle::default();
        for (at, id) in ids.iter().enumerate() {
            bundle.records.push(backend.record(id)?);
            progress.report("records", at as f64 / ids.len().max(1) as f64);
        }
        for admitted in &contest.rules.size_classes {
            let what = format!("the verifying key of {}", admitted.class);
            let max = limits::MAX_VERIFYING_KEY_BYTES;
            bundle.blobs.push(backend.read_blob(admitted.verifying_key, max, &what)?);
        }
        let test_set = contest.scoring(None).ok().map(|scoring| scoring.test_set);
        if let Some(blob) = test_set {
            let max = limits::MAX_TEST_SET_BYTES as u64;
            bundle.blobs.push(backend.read_blob(blob, max, "the test set")?);
        }
        bundle::write(&self.out, &bundle)?;
        progress.finish();
        let (path, records) = (self.out.display().to_string(), bundle.records.len());
        if context.json {
            return output::json(&Exported {
                competition: id,
                file: path,
                records,
                blobs: bundle.blobs.len(),
                bytes: std::fs::metadata(&self.out)?.len(),
                test_set: test_set.is_some(),
            });
        }
        let sealed = if test_set.is_none() { "; the test set is still sealed" } else { "" };
        let records = output::count(records as u64, "record", "records");
        let files = output::count(bundle.blobs.len() as u64, "file", "files");
        output::message(&format!("{records}, {files}{sealed}"));
        output::data(&path)
    }
}
