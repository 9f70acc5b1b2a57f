//! The board printed once, for scripts and for people without a terminal.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use api::{Board, Body, Command, CompetitionSummary};

use crate::args::Format;
use crate::conn::{ConnError, Link};
use crate::state::scale_of;
use crate::update::resolve;
use crate::view::{board, competitions, entries};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Columns of the printed tables.
const WIDTH: u16 = 118;

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// The daemon could not be asked.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// It answered with an error.
    #[error("the daemon answered: {0}")]
    Daemon(String),
    /// No competition, or more than one, has the wanted id.
    #[error("{0}")]
    Unknown(String),
    /// It answered another question.
    #[error("the daemon answered another question than was asked")]
    Unexpected,
    /// A board could not be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The output is closed.
    #[error("writing: {0}")]
    Io(#[from] io::Error),
}

/// Prints the board of `competition` (a prefix of its id), or the list of competitions, to `out`.
///
/// # Errors
///
/// [`OnceError`].
pub async fn print(
    socket: &Path,
    competition: Option<&str>,
    format: Format,
    now: u64,
    out: &mut impl Write,
) -> Result<(), OnceError> {
    let (mut link, _) = Link::open(socket, PATIENCE).await?;
    let known = match link.ask(Command::Competitions).await? {
        Body::Competitions { competitions } => competitions,
        other => return Err(unexpected(other)),
    };
    let Some(prefix) = competition else { return print_list(&known, format, out) };
    let id = resolve(&known, prefix).map_err(OnceError::Unknown)?;
    match link.ask(Command::Board { competition: id }).await? {
        Body::Board(board) => print_board(&board, format, now, out),
        other => Err(unexpected(other)),
    }
}

fn unexpected(body: Body) -> OnceError {
    match body {
        Body::Error { message, .. } => OnceError::Daemon(message),
        _ => OnceError::Unexpected,
    }
}

fn print_list(known: &[CompetitionSummary], format: Format, out: &mut impl Write) -> Result<(), OnceError> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, known)?;
        return Ok(writeln!(out)?);
    }
    if known.is_empty() {
        return Ok(writeln!(out, "No competitions here yet.")?);
    }
    let table = competitions::Table::new(WIDTH);
    writeln!(out, "{:12}  {}", "id", table.heads().trim_end())?;
    for competition in known {
        let id = crate::text::short_hex(&competition.id);
        writeln!(out, "{id:12}  {}", table.line(competition).trim_end())?;
    }
    Ok(())
}

fn print_board(board: &Board, format: Format, now: u64, out: &mut impl Write) -> Result<(), OnceError> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, board)?;
        return Ok(writeln!(out)?);
    }
    for (line, _) in board::facts(board, usize::from(WIDTH)) {
        writeln!(out, "{line}")?;
    }
    for line in entries::rules(&board.competition, usize::from(WIDTH)) {
        writeln!(out, "{line}")?;
    }
    if board.rows.is_empty() {
        return Ok(writeln!(out, "\nNo verified submission yet.")?);
    }
    let table = board::Table::new(WIDTH, scale_of(&board.rows), now);
    writeln!(out, "\n{}", table.heads().trim_end())?;
    for row in &board.rows {
        writeln!(out, "{}", table.line(row).trim_end())?;
    }
    Ok(())
}
