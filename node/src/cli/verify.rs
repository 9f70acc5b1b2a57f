//! `node verify`: a bundle, or one submission, again from the first signature to the last proof.

use super::backend::Backend;
use super::context::{CliError, Context};
use super::printed::{BundleRow, BundleVerified, Judged, SubmissionVerified};
use super::{leaderboard, output};
use crate::ledger::now;
use crate::{bundle, views};
use protocol::{
    BoardRow, BundleReport, Dossier, Groth16, Signed, Verified, WellFormed, limits as rules, verify_bundle,
    verify_offline,
};
use std::path::Path;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  node verify digits.bundle                        what `node export` wrote: no node, no network, no data folder
  node verify 9c01                                 a submission that is known here

Of a bundle everything is checked: manifest, signatures, seal, roster, rules, keys against their digests, and every
proof; then the board is printed that follows from it. Exit code 0 if all of it holds, 3 if anything does not or is
missing. What a bundle cannot show is whether records were left out of it: compare the fingerprint with a node's.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A bundle, or the id of a submission (or the start of it).
    #[arg(value_name = "FILE|ID")]
    what: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let path = Path::new(&self.what);
        if path.exists() {
            return verify_file(context, path);
        }
        if self.what.contains(['/', '.']) {
            let reason = format!("expected a file or an id, and there is no file {}", self.what);
            return Err(CliError::Usage { reason }.into());
        }
        let files = Files::collect(&mut Backend::open(context)?, &self.what)?;
        let start = Instant::now();
        let verified = verify_offline(&Groth16, &files.dossier())?;
        report(context, &verified, start.elapsed().as_secs_f64() * 1e3)
    }
}

fn verify_file(context: &Context, path: &Path) -> anyhow::Result<()> {
    let bundle = bundle::read(path)?;
    let start = Instant::now();
    let report = verify_bundle(&Groth16, &bundle, now())?;
    let seconds = start.elapsed().as_secs_f64();
    if context.json {
        output::json(&printed(&report, seconds))?;
    } else {
        output::data(&bundle_text(&report, seconds))?;
    }
    if report.is_whole() {
        return Ok(());
    }
    let (refused, undecided, missing) =
        (report.refused.len(), report.undecided.len(), report.missing_entries);
    let reason = format!(
        "{refused} records do not hold, {undecided} cannot be judged, {missing} entries of the roster are missing"
    );
    Err(CliError::Invalid { reason }.into())
}

fn printed(report: &BundleReport, seconds: f64) -> BundleVerified {
    let list = |list: &[(protocol::RecordId, String)]| -> Vec<Judged> {
        let judged = |(id, reason): &(protocol::RecordId, String)| (id.to_string(), reason.clone());
        list.iter().map(judged).map(|(record, reason)| Judged { record, reason }).collect()
    };
    let board = &report.board;
    BundleVerified {
        valid: report.is_whole(),
        competition: board.competition.to_string(),
        title: report.title.clone(),
        openness: views::openness(board.open),
        disputes: board.disputes.clone(),
        closed: board.closed,
        rows: board.rows_total,
        records: report.records,
        proofs: report.proofs,
        fingerprint: report.fingerprint.clone(),
        setup: report.setup.iter().map(|trust| views::setup(*trust)).collect(),
        refused: list(&report.refused),
        undecided: list(&report.undecided),
        missing_entries: report.missing_entries,
        board: board.rows.iter().map(printed_row).collect(),
        seconds,
    }
}

fn printed_row(row: &BoardRow) -> BundleRow {
    BundleRow {
        rank: row.rank,
        standing: views::standing(row.standing),
        name: row.display_name.clone(),
        namesake: row.namesake,
        competitor: row.competitor.clone(),
        entry: row.entry.to_string(),
        submission: row.submission.to_string(),
        size_class: row.class.as_str(),
        correct: row.correct,
        accuracy_bps: row.accuracy_bps,
        interval_bps: row.interval_bps,
        reaches_threshold: row.reaches_threshold,
        entries: row.entries,
    }
}

fn bundle_text(report: &BundleReport, seconds: f64) -> String {
    let board = &report.board;
    let keys: Vec<&str> = report.setup.iter().map(|trust| output::setup(views::setup(*trust))).collect();
    let mut lines = vec![
        report.title.clone(),
        views::openness(board.open).to_owned(),
        format!(
            "{} hold, {} verified in {seconds:.2} s; keys: {}; fingerprint {}",
            output::count(report.records, "record", "records"),
            output::count(report.proofs, "proof", "proofs"),
            if keys.is_empty() { "none".to_owned() } else { keys.join(", ") },
            output::short(&report.fingerprint)
        ),
    ];
    lines.extend(leaderboard::disputes(&board.disputes));
    lines.extend(report.refused.iter().map(|(id, reason)| format!("DOES NOT HOLD  {id}: {reason}")));
    lines.extend(report.undecided.iter().map(|(id, reason)| format!("UNDECIDED      {id}: {reason}")));
    let rows = board.rows_total.unwrap_or_default();
    let shown: Vec<_> = board.rows.iter().map(|row| views::board_row(row.clone(), rows, "", None)).collect();
    lines.push(leaderboard::proved_table(&shown));
    lines.join("\n")
}

fn report(context: &Context, v: &Verified, ms: f64) -> anyhow::Result<()> {
    if context.json {
        return output::json(&SubmissionVerified {
            valid: true,
            competition: v.competition.to_string(),
            openness: views::openness(v.open),
            entry: v.entry.to_string(),
            submission: v.submission.to_string(),
            competitor: v.competitor.clone(),
            name: v.display_name.clone(),
            size_class: v.class.as_str(),
            correct: v.correct,
            rows: v.rows,
            accuracy_bps: v.accuracy_bps,
            interval_bps: v.interval_bps,
            reaches_threshold: v.reaches_threshold,
            proofs: 1 + v.chunks,
            setup: views::setup(v.setup),
            milliseconds: ms,
        });
    }
    output::data(&format!(
        "valid: a model that {} committed to gets at least {} of {} rows right ({}); {} proofs in {ms:.0} ms; key: {}; {}",
        v.display_name,
        v.correct,
        v.rows,
        output::percent(v.accuracy_bps),
        1 + v.chunks,
        output::setup(views::setup(v.setup)),
        views::openness(v.open),
    ))
}

/// All that one submission is verified from.
struct Files {
    competition: Vec<u8>,
    entry: Vec<u8>,
    reveal: Option<Vec<u8>>,
    submission: Vec<u8>,
    key: Vec<u8>,
    test_set: Vec<u8>,
}

impl Files {
    fn collect(backend: &mut Backend, id: &str) -> anyhow::Result<Self> {
        let found = backend.resolve("submission", id)?;
        let submission = backend.record(&found.id)?;
        let WellFormed::Submission(record) = WellFormed::parse(&Signed::open(&submission)?)? else {
            anyhow::bail!("expected a submission");
        };
        let contest = backend.contest(&found.competition)?;
        let entry = backend.record(&record.body().entry.to_string())?;
        let WellFormed::Entry(entry_record) = WellFormed::parse(&Signed::open(&entry)?)? else {
            anyhow::bail!("expected an entry");
        };
        let reveal = record.body().reveal.map(|id| backend.record(&id.to_string())).transpose()?;
        let admitted = super::score::admitted(&contest, entry_record.body().class)?;
        let scoring = contest.scoring(Some(record.body().entry))?;
        let max = rules::MAX_VERIFYING_KEY_BYTES;
        let key = backend.read_blob(admitted.verifying_key, max, "the verifying key")?;
        let test_set =
            backend.read_blob(scoring.test_set, rules::MAX_TEST_SET_BYTES as u64, "the test set")?;
        let competition = contest.record.bytes().to_vec();
        Ok(Self { competition, entry, reveal, submission, key, test_set })
    }

    fn dossier(&self) -> Dossier<'_> {
        Dossier {
            competition: &self.competition,
            entry: &self.entry,
            reveal: self.reveal.as_deref(),
            submission: &self.submission,
            key: &self.key,
            test_set: &self.test_set,
        }
    }
}
