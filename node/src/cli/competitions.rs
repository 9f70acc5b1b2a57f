//! `node competitions`

use super::backend::Backend;
use super::context::Context;
use super::output::{self, Align};
use api::{CompetitionSummary, Prize};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node competitions\n  node competitions --json")]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let competitions = Backend::open(context)?.competitions()?;
        if context.json {
            return output::json(&competitions);
        }
        if competitions.is_empty() {
            output::message(
                "no competitions are known here yet: host one with `node host`, or connect to peers",
            );
            return Ok(());
        }
        let mut header = vec![
            ("id", Align::Left),
            ("title", Align::Left),
            ("phase", Align::Left),
            ("test set", Align::Left),
            ("entries", Align::Right),
            ("best", Align::Right),
            ("deadline", Align::Left),
            ("rows", Align::Right),
            ("features", Align::Right),
            ("classes", Align::Right),
        ];
        let mut rows: Vec<_> = competitions.iter().map(row).collect();
        if competitions.iter().any(|c| c.prize.is_some()) {
            header.push(("prize", Align::Left));
            for (row, c) in rows.iter_mut().zip(&competitions) {
                row.push(c.prize.as_ref().map_or_else(|| "-".to_owned(), Prize::short));
            }
        }
        output::data(&output::table(&header, &rows))?;
        if competitions.iter().any(|c| c.open) {
            output::message(api::OPEN_LABEL);
        }
        Ok(())
    }
}

fn row(c: &CompetitionSummary) -> Vec<String> {
    let best = c
        .best
        .zip(c.rows)
        .map_or("-".to_owned(), |(best, rows)| output::percent(protocol::accuracy_bps(best, rows)));
    vec![
        output::short(&c.id),
        c.title.clone(),
        phase(c),
        if c.open { "open" } else { "sealed" }.to_owned(),
        c.entries.to_string(),
        best,
        output::when(c.prove_deadline),
        c.rows.map_or_else(|| format!(">= {}", c.min_rows), |rows| rows.to_string()),
        c.features.to_string(),
        c.classes.to_string(),
    ]
}

/// For a column.
pub fn phase(c: &CompetitionSummary) -> String {
    let disputed = if c.disputes.is_empty() { "" } else { ", disputed" };
    format!("{}{disputed}", c.phase.as_str())
}
