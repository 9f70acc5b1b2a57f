//! `node verify`: signatures, rules and proofs of a submission again, from records and files alone.

use super::backend::Backend;
use super::context::Context;
use super::output;
use crate::home::{read_input, write_private};
use crate::limits;
use anyhow::Context as _;
use protocol::{Groth16, Signed, Verified, WellFormed, limits as rules, verify_offline};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  node verify 9c01                                 a submission that is known here
  node verify 9c01 --save folder                   and keep everything that it takes
  node verify --from folder                        the same elsewhere, without a node";

/// Names of the files of `--save` and `--from`.
const FILES: [&str; 5] =
    ["competition.record", "entry.record", "submission.record", "verifying.key", "test-set.cbor"];

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Id of the submission, or the start of it.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    submission: Option<String>,
    /// Folder with the files that --save wrote.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// Folder to write the files to.
    #[arg(long, value_name = "FOLDER", conflicts_with = "from")]
    save: Option<PathBuf>,
}

/// Competition, entry, submission, verifying key, test set.
struct Files([Vec<u8>; 5]);

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let files = match (&self.from, &self.submission) {
            (Some(folder), _) => Files::read(folder)?,
            (None, Some(id)) => Files::collect(&mut Backend::open(context)?, id)?,
            (None, None) => anyhow::bail!("expected a submission or --from"),
        };
        let Files([competition, entry, submission, key, set]) = &files;
        let start = Instant::now();
        let verified = verify_offline(&Groth16, competition, entry, submission, key, set)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        if let Some(folder) = &self.save {
            files.write(folder)?;
            output::message(&format!("written to {}", folder.display()));
        }
        report(context, &verified, ms)
    }
}

fn report(context: &Context, v: &Verified, ms: f64) -> anyhow::Result<()> {
    if context.json {
        return output::json(&json!({
            "valid": true,
            "competition": v.competition.to_string(),
            "entry": v.entry.to_string(),
            "submission": v.submission.to_string(),
            "competitor": v.competitor,
            "name": v.display_name,
            "size_class": v.class.as_str(),
            "correct": v.correct,
            "rows": v.rows,
            "accuracy_bps": v.accuracy_bps,
            "interval_bps": v.interval_bps,
            "reaches_threshold": v.reaches_threshold,
            "proofs": 1 + v.chunks,
            "setup": crate::views::setup(v.setup),
            "milliseconds": ms,
        }));
    }
    output::data(&format!(
        "valid: a model that {} committed to gets at least {} of {} rows right ({}); {} proofs in {ms:.0} ms; key: {}",
        v.display_name,
        v.correct,
        v.rows,
        output::percent(v.accuracy_bps),
        1 + v.chunks,
        output::setup(crate::views::setup(v.setup)),
    ))
}

impl Files {
    fn collect(backend: &mut Backend, id: &str) -> anyhow::Result<Self> {
        let found = backend.resolve("submission", id)?;
        let submission = backend.record(&found.id)?;
        let competition = backend.record(&found.competition)?;
        let WellFormed::Submission(record) = WellFormed::parse(&Signed::open(&submission)?)? else {
            anyhow::bail!("expected a submission");
        };
        let entry = backend.record(&record.body().entry.to_string())?;
        let WellFormed::Entry(entry_record) = WellFormed::parse(&Signed::open(&entry)?)? else {
            anyhow::bail!("expected an entry");
        };
        let WellFormed::Competition(contest) = WellFormed::parse(&Signed::open(&competition)?)? else {
            anyhow::bail!("expected a competition");
        };
        let class = entry_record.body().class;
        let admitted = contest.body().admitted(class).context("the entry's size class is not admitted")?;
        let key =
            backend.read_blob(admitted.verifying_key, rules::MAX_VERIFYING_KEY_BYTES, "the verifying key")?;
        let set =
            backend.read_blob(contest.body().test_set, rules::MAX_TEST_SET_BYTES as u64, "the test set")?;
        Ok(Self([competition, entry, submission, key, set]))
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let record = limits::RECORD_MAX_BYTES as u64;
        let max = [record, record, record, rules::MAX_VERIFYING_KEY_BYTES, rules::MAX_TEST_SET_BYTES as u64];
        let mut files: [Vec<u8>; 5] = Default::default();
        for ((file, name), max) in files.iter_mut().zip(FILES).zip(max) {
            *file = read_input(&folder.join(name), max)?;
        }
        Ok(Self(files))
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        for (bytes, name) in self.0.iter().zip(FILES) {
            write_private(&folder.join(name), bytes)?;
        }
        Ok(())
    }
}
