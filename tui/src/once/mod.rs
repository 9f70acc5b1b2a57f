//! The board printed once, for scripts and for people without a terminal.

mod sheet;
mod sheets;
mod tables;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use api::{
    Ban, Board, Body, Command, CompetitionSummary, Entry, Fetch, Health, Hello, OwnRecord, Peer, Work,
};
use serde::Serialize;

use crate::args::{Format, Screen};
use crate::conn::{ConnError, Link};
use crate::history::{self, History};
use crate::state::scale_of;
use crate::update::resolve;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

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
    /// There is no competition at all.
    #[error("expected a competition to print, got none: the daemon knows none yet")]
    Empty,
    /// It answered another question.
    #[error("the daemon answered another question than was asked")]
    Unexpected,
    /// Something could not be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Something could not be written as comma-separated values.
    #[error("CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The output is closed.
    #[error("writing: {0}")]
    Io(#[from] io::Error),
}

/// What a screen shows.
#[derive(Serialize)]
#[serde(untagged)]
enum Page {
    Competitions(Vec<CompetitionSummary>),
    Competition(Box<Board>),
    Leaderboard(Box<Board>),
    Chart(History),
    Entries(Vec<Entry>),
    Peers { peers: Vec<Peer>, banned: Vec<Ban> },
    Work { work: Vec<Work>, own: Vec<OwnRecord>, fetches: Vec<Fetch> },
    Health { node: Hello, health: Box<Health> },
}

/// What is to be printed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Which screen; none for the leaderboard if a competition is given, otherwise the list.
    pub screen: Option<Screen>,
    /// A prefix of the competition's id; none for the newest.
    pub competition: Option<&'a str>,
    /// How.
    pub format: Format,
    /// Seconds since 1970.
    pub now: u64,
}

/// Prints what a screen would show to `out`.
///
/// # Errors
///
/// [`OnceError`].
pub async fn print(socket: &Path, wanted: Wanted<'_>, out: &mut impl Write) -> Result<(), OnceError> {
    let (mut link, hello) = Link::open(socket, PATIENCE).await?;
    let page = fetch(&mut link, hello, &wanted).await?;
    match wanted.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &page)?;
            Ok(writeln!(out)?)
        }
        Format::Table => Ok(tables::write(&page, wanted.now, out)?),
        Format::Csv => sheets::of(&page).write_csv(out),
        Format::Markdown => Ok(sheets::of(&page).write_markdown(out)?),
    }
}

async fn fetch(link: &mut Link, node: Hello, wanted: &Wanted<'_>) -> Result<Page, OnceError> {
    let usual = if wanted.competition.is_some() { Screen::Leaderboard } else { Screen::Competitions };
    Ok(match wanted.screen.unwrap_or(usual) {
        Screen::Competitions => Page::Competitions(competitions(link).await?),
        Screen::Competition => {
            let mut board = board(link, wanted.competition).await?;
            board.rows.clear();
            Page::Competition(board)
        }
        Screen::Leaderboard => Page::Leaderboard(board(link, wanted.competition).await?),
        Screen::Chart => Page::Chart(chart(link, wanted).await?),
        Screen::Entries => {
            let competition = choose(link, wanted.competition).await?;
            match ask(link, Command::Entries { competition }).await? {
                Body::Entries { entries } => Page::Entries(entries),
                _ => return Err(OnceError::Unexpected),
            }
        }
        Screen::Peers => match ask(link, Command::Peers).await? {
            Body::Peers { peers, banned } => Page::Peers { peers, banned },
            _ => return Err(OnceError::Unexpected),
        },
        Screen::Work => work(link).await?,
        Screen::Health => match ask(link, Command::Health).await? {
            Body::Health(health) => Page::Health { node, health },
            _ => return Err(OnceError::Unexpected),
        },
    })
}

async fn ask(link: &mut Link, command: Command) -> Result<Body, OnceError> {
    match link.ask(command).await? {
        Body::Error { message, .. } => Err(OnceError::Daemon(message)),
        body => Ok(body),
    }
}

async fn competitions(link: &mut Link) -> Result<Vec<CompetitionSummary>, OnceError> {
    match ask(link, Command::Competitions).await? {
        Body::Competitions { competitions } => Ok(competitions),
        _ => Err(OnceError::Unexpected),
    }
}

/// The whole id of the wanted competition, or of the newest.
async fn choose(link: &mut Link, prefix: Option<&str>) -> Result<String, OnceError> {
    let known = competitions(link).await?;
    match prefix {
        Some(prefix) => resolve(&known, prefix).map_err(OnceError::Unknown),
        None => known.into_iter().next().map(|c| c.id).ok_or(OnceError::Empty),
    }
}

async fn board(link: &mut Link, prefix: Option<&str>) -> Result<Box<Board>, OnceError> {
    let competition = choose(link, prefix).await?;
    match ask(link, Command::Board { competition }).await? {
        Body::Board(board) => Ok(board),
        _ => Err(OnceError::Unexpected),
    }
}

async fn chart(link: &mut Link, wanted: &Wanted<'_>) -> Result<History, OnceError> {
    let board = board(link, wanted.competition).await?;
    let competition = board.competition.id.clone();
    let Body::Submissions { submissions } = ask(link, Command::Submissions { competition }).await? else {
        return Err(OnceError::Unexpected);
    };
    Ok(History {
        best: history::best_over_time(&submissions, &board.competition, wanted.now),
        submissions: submissions.len() as u64,
        bins: history::bins(&board.rows, scale_of(&board.rows, board.competition.threshold_bps)),
    })
}

async fn work(link: &mut Link) -> Result<Page, OnceError> {
    let Body::Work { work } = ask(link, Command::Work).await? else { return Err(OnceError::Unexpected) };
    let Body::Own { records: own } = ask(link, Command::Own).await? else {
        return Err(OnceError::Unexpected);
    };
    let Body::Fetches { fetches } = ask(link, Command::Fetches).await? else {
        return Err(OnceError::Unexpected);
    };
    Ok(Page::Work { work, own, fetches })
}
