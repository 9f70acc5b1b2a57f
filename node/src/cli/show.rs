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
            WellFormed::Withdrawal(withdrawal) => json!({
                "kind": "withdrawal", "id": found.id, "competition": found.competition, "author": author,
                "entry": withdrawal.body().entry.to_string(),
                "created": output::when(withdrawal.body().created),
            }),
            WellFormed::Reveal(reveal) => json!({
                "kind": "reveal", "id": found.id, "competition": found.competition, "author": author,
                "test_set": reveal.body().test_set.id.to_string(), "rows": reveal.body().rows,
                "roster": ids(&reveal.body().roster), "created": output::when(reveal.body().created),
            }),
            WellFormed::Close(close) => json!({
                "kind": "close", "id": found.id, "competition": found.competition, "author": author,
                "final": ids(&close.body().submissions), "created": output::when(close.body().created),
            }),
            WellFormed::Misbehaviour(_, pair) => json!({
                "kind": "misbehaviour", "id": found.id, "competition": found.competition, "author": author,
                "by": pair.records[0].author().to_string(), "twice": pair.kind.as_str(),
                "records": [pair.records[0].id().to_string(), pair.records[1].id().to_string()],
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

/// Whether this node has what its peers have.
fn completeness(board: &api::Board) -> String {
    let (own, most) = (board.records, board.peers_most.max(board.records));
    match board.peers {
        0 => format!("{own}; no peer to compare with"),
        all => format!("{own} of {most}, the same as {} of {all} peers", board.peers_same),
    }
}

fn claims(c: &api::CompetitionSummary) -> String {
    let levels: Vec<String> = c.levels_bps.iter().map(|bps| output::percent(*bps)).collect();
    if levels.is_empty() { "every count".to_owned() } else { format!("only {}", levels.join(", ")) }
}

fn ids<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn describe(board: &api::Board) -> String {
    let c = &board.competition;
    let threshold = match c.threshold_bps {
        0 => "none".to_owned(),
        bps => output::percent(bps),
    };
    let rows = c.rows.map_or_else(|| format!("at least {}", c.min_rows), |rows| rows.to_string());
    let here = if board.test_set_here { "here" } else { "not here yet" };
    let mut lines = vec![
        format!("{}", c.title),
        format!("id            {}", c.id),
        format!("host          {}", c.host),
        format!("phase         {}", phase(c)),
        format!("entries until {}", output::when(c.commit_deadline)),
        format!("proofs until  {}", output::when(c.prove_deadline)),
        format!("test set      {rows} rows, {} features, {} classes ({here})", c.features, c.classes),
        format!("              {}", c.openness),
        format!("size classes  {}", c.size_classes.join(", ")),
        format!("keys          {}", crate::keys::SINGLE_PARTY),
        format!("threshold     {threshold}"),
        format!("prize         {}", c.prize.as_ref().map_or_else(|| "none".to_owned(), api::Prize::said)),
        format!("claims        {}", claims(c)),
        format!(
            "ties          {}",
            if c.tie_rule == "entry_id" { "drawn by entry id" } else { "share a rank" }
        ),
        format!(
            "caps          {} entries and {} withdrawals a competitor, {} submissions an entry",
            c.max_entries, c.max_withdrawals, c.max_submissions
        ),
        format!(
            "entries       {}, submissions {}, being checked {}",
            c.entries, c.submissions, board.pending
        ),
        format!("records       {}", completeness(board)),
        format!("fingerprint   {}", output::short(&board.fingerprint)),
    ];
    for (name, what, records) in
        [("reveal", "entries", &c.reveals), ("close", "final submissions", &c.closes)]
    {
        for record in records {
            lines.push(format!(
                "{name:13} {}, {} {what} ({} not here), first seen {}",
                output::short(&record.id),
                record.listed,
                record.missing,
                output::when(record.first_seen)
            ));
        }
    }
    if let Some(prize) = &c.prize {
        lines.push(format!("contract      {}", prize.place()));
        lines.extend(prize.differences());
    }
    for kind in &c.disputes {
        lines.push(format!("DISPUTED      the host has signed two records of kind {kind}"));
    }
    if !board.description.is_empty() {
        lines.push(String::new());
        lines.push(board.description.clone());
    }
    lines.join("\n")
}
