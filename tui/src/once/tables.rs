//! Every screen as columns for people.

use std::io::{self, Write};

use api::{Board, CompetitionSummary};

use super::Page;
use crate::history::History;
use crate::items::{Job, Neighbour};
use crate::state::scale_of;
use crate::text;
use crate::view::{board, competition, competitions, entries, facts, health, peers, range, work};

/// Columns of the printed tables.
const WIDTH: u16 = 118;
/// The same for lines of text.
const TEXT: usize = WIDTH as usize;

pub(super) fn write(page: &Page, now: u64, out: &mut impl Write) -> io::Result<()> {
    match page {
        Page::Competitions(all) => list(all, now, out),
        Page::Competition(board) => {
            competition::text(board, TEXT, now).iter().try_for_each(|(line, _)| put(out, line))
        }
        Page::Leaderboard(board) => leaderboard(board, now, out),
        Page::Chart(history) => chart(history, out),
        Page::Entries(all) => {
            put(out, &entries::roster(all))?;
            let table = entries::columns(WIDTH, now);
            rows(out, table.heads(), all.iter().map(|entry| table.line(entry)))
        }
        Page::Peers { peers: connected, banned } => {
            if connected.is_empty() && banned.is_empty() {
                return put(out, "No peers connected.");
            }
            let connected = connected
                .iter()
                .map(|peer| Neighbour::Connected { peer: Box::new(peer.clone()), rate: None });
            let all = connected.chain(banned.iter().cloned().map(Neighbour::Banned));
            let table = peers::columns(WIDTH, now);
            rows(out, table.heads(), all.map(|neighbour| table.line(&neighbour)))
        }
        Page::Work { work: under_way, own, fetches } => {
            let jobs: Vec<Job> = (under_way.iter().cloned().map(Job::Work))
                .chain(fetches.iter().cloned().map(Job::Blob))
                .chain(own.iter().cloned().map(Job::Own))
                .collect();
            put(out, &work::summary(&jobs))?;
            let table = work::columns(WIDTH, now);
            rows(out, table.heads(), jobs.iter().map(|job| table.line(job)))
        }
        Page::Health { node, health: how } => {
            health::text(how, Some(node), TEXT).iter().try_for_each(|(line, _)| put(out, line))
        }
    }
}

fn put(out: &mut impl Write, line: &str) -> io::Result<()> {
    writeln!(out, "{}", line.trim_end())
}

fn rows(out: &mut impl Write, heads: String, all: impl Iterator<Item = String>) -> io::Result<()> {
    put(out, &heads)?;
    for line in all {
        put(out, &line)?;
    }
    Ok(())
}

fn list(known: &[CompetitionSummary], now: u64, out: &mut impl Write) -> io::Result<()> {
    if known.is_empty() {
        return put(out, "No competitions here yet.");
    }
    let table = competitions::columns(WIDTH, now);
    let with_id = |c: &CompetitionSummary| format!("{:12}  {}", text::short_hex(&c.id), table.line(c));
    rows(out, format!("{:12}  {}", "id", table.heads()), known.iter().map(with_id))
}

fn leaderboard(board: &Board, now: u64, out: &mut impl Write) -> io::Result<()> {
    for (line, _) in facts::facts(board, TEXT, now) {
        put(out, &line)?;
    }
    if board.rows.is_empty() {
        return put(out, "\nNo verified submission yet.");
    }
    put(out, "")?;
    let threshold = board.competition.threshold_bps;
    let table = board::Table::new(WIDTH, scale_of(&board.rows, threshold), threshold, None, now);
    rows(out, table.heads(), board.rows.iter().map(|row| table.line(row)))
}

fn chart(history: &History, out: &mut impl Write) -> io::Result<()> {
    if history.best.is_empty() {
        return put(out, "No verified submission yet.");
    }
    put(out, &format!("best proved score of {} submissions, at claimed times", history.submissions))?;
    for (at, bps) in &history.best {
        put(out, &format!("{}  {}", text::date(*at), text::percent(*bps)))?;
    }
    put(out, "\ncompetitors by best score")?;
    for bin in history.bins.iter().rev() {
        put(out, &format!("{:>9}  {}", range(bin), bin.count))?;
    }
    Ok(())
}
