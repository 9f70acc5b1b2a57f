//! `node leaderboard`

use super::backend::Backend;
use super::context::Context;
use super::output::{self, Align};
use crate::keys;
use api::{Board, BoardRow};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  node leaderboard 3fa1\n  node leaderboard 3fa1 --json")]
pub struct Args {
    /// Id of the competition, or the start of it.
    competition: String,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let mut backend = Backend::open(context)?;
        let id = backend.resolve("competition", &self.competition)?.id;
        let board = backend.board(&id)?;
        if context.json { output::json(&board) } else { output::data(&text(&board)) }
    }
}

/// The columns that follow from the records alone.
const PROVED: [(&str, Align); 8] = [
    ("rank", Align::Right),
    ("name", Align::Left),
    ("key", Align::Left),
    ("proved", Align::Right),
    ("95 % interval", Align::Right),
    ("rows right", Align::Right),
    ("standing", Align::Left),
    ("size class", Align::Left),
];

/// The rows as a table of what follows from the records alone.
pub fn proved_table(rows: &[BoardRow]) -> String {
    table(&PROVED, &rows.iter().map(proved).collect::<Vec<_>>())
}

/// That a board is disputed, for each reason a line.
pub fn disputes<T: std::fmt::Display>(kinds: &[T]) -> Vec<String> {
    let say = |kind| format!("DISPUTED: the host has signed two records of kind {kind}");
    kinds.iter().map(say).collect()
}

fn table(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { "nobody has proved anything yet".to_owned() } else { output::table(header, rows) }
}

/// The board as text.
pub fn text(board: &Board) -> String {
    let here = [
        ("submitted", Align::Left),
        ("first seen here", Align::Left),
        ("checked here", Align::Left),
        ("setup", Align::Left),
        ("submission", Align::Left),
    ];
    let rows: Vec<_> = board.rows.iter().map(row).collect();
    let c = &board.competition;
    let mut text = format!("{}\n{}\nkeys: {}\n", c.title, c.openness, keys::SINGLE_PARTY);
    for line in disputes(&c.disputes) {
        text.push_str(&format!("{line}\n"));
    }
    if let Some(prize) = &c.prize {
        text.push_str(&format!("prize: {}\ncontract: {}\n", prize.said(), prize.place()));
        prize.differences().iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push_str(&table(&[&PROVED[..], &here[..]].concat(), &rows));
    if board.rows.iter().any(|row| row.namesake) {
        text.push_str("\n≈ another competitor's name looks the same: go by the key");
    }
    if board.pending > 0 {
        text.push_str(&format!("\n{} records are still being checked", board.pending));
    }
    text
}

fn proved(row: &BoardRow) -> Vec<String> {
    let (low, high) = row.interval_bps;
    vec![
        row.rank.map_or("-".to_owned(), |rank| rank.to_string()),
        format!(
            "{}{}{}",
            if row.namesake { "≈ " } else { "" },
            row.display_name,
            if row.mine { " (you)" } else { "" }
        ),
        output::key(&row.competitor),
        format!(">= {}", output::percent(row.accuracy_bps)),
        format!("{} to {}", output::percent(low), output::percent(high)),
        format!("{} of {}", row.correct, row.rows),
        row.standing.as_str().to_owned(),
        row.size_class.clone(),
    ]
}

fn row(row: &BoardRow) -> Vec<String> {
    let checked = match (row.checked_here, row.verify_us) {
        (false, _) => "no".to_owned(),
        (true, 0) => "yes".to_owned(),
        (true, us) => format!("yes, {:.1} ms", us as f64 / 1000.0),
    };
    let here = vec![
        output::when(row.submitted),
        output::when(row.first_seen),
        checked,
        output::setup(row.setup).to_owned(),
        output::short(&row.submission),
    ];
    [proved(row), here].concat()
}
