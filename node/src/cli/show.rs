//! `node show`

use super::backend::Backend;
use super::competitions::phase;
use super::context::Context;
use super::output;
use protocol::{Signed, WellFormed};
use serde_json::json;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node show 3fa1\n  node show 3fa1c0de --json")]
pub struct Args {
    /// Id of a competition, an entry or a submission, or the start of one.
    id: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let found = backend.resolve("", &self.id)?;
        if found.kind == "competition" {
            let board = backend.board(&found.id)?;
            return if context.json { output::json(&board) } else { output::data(&describe(&board)) };
        }
        let signed = Signed::open(&backend.record(&found.id)?)?;
        let author = signed.author().to_string();
        let record = match WellFormed::parse(&signed)? {
            WellFormed::Entry(entry) => json!({
                "kind": "entry", "id": found.id, "competition": found.competition, "author": author,
                "name": entry.body().display_name, "size_class": entry.body().class.as_str(),
                "commitment": hex::encode(entry.body().commitment.0),
                "audit_digest": hex::encode(entry.body().audit_digest),
                "created": output::when(entry.body().created),
            }),
            WellFormed::Submission(submission) => json!({
                "kind": "submission", "id": found.id, "competition": found.competition, "author": author,
                "entry": submission.body().entry.to_string(), "correct": submission.body().correct(),
                "proofs": submission.body().chunks.len(), "created": output::when(submission.body().created),
            }),
            WellFormed::Competition(_) => json!({ "kind": "competition", "id": found.id }),
        };
        if context.json {
            return output::json(&record);
        }
        let fields = record.as_object().into_iter().flatten();
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let lines: Vec<String> = fields.map(|(name, value)| format!("{name:13} {}", text(value))).collect();
        output::data(&lines.join("\n"))
    }
}

fn describe(board: &api::Board) -> String {
    let c = &board.competition;
    let threshold = match c.threshold_bps {
        0 => "none".to_owned(),
        bps => output::percent(bps),
    };
    let openness = match c.open {
        true => {
            "open: the test set is public from the start, so a score may come from its having been memorised"
        }
        false => "sealed",
    };
    let here = if board.test_set_here { "here" } else { "not here yet" };
    let mut lines = vec![
        format!("{}", c.title),
        format!("id            {}", c.id),
        format!("host          {}", c.host),
        format!("phase         {}, until {}", phase(c.phase), output::when(c.prove_deadline)),
        format!("test set      {} rows, {} features, {} classes ({here})", c.rows, c.features, c.classes),
        format!("              {openness}"),
        format!("size classes  {}", c.size_classes.join(", ")),
        format!("keys          {}", crate::keys::SINGLE_PARTY),
        format!("threshold     {threshold}"),
        format!(
            "entries       {}, submissions {}, being checked {}",
            c.entries, c.submissions, board.pending
        ),
        format!("fingerprint   {} of {} records", output::short(&board.fingerprint), board.records),
    ];
    if !board.description.is_empty() {
        lines.push(String::new());
        lines.push(board.description.clone());
    }
    lines.join("\n")
}
