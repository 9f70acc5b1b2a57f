//! What is said about a competition wherever its board is shown.

use api::{Board, CompetitionSummary, HostRecord, OPEN_LABEL, Phase, SEALED_LABEL, SetupTrust};

use super::competitions;
use crate::items::{DISPUTED, next_deadline};
use crate::text;

/// How much a line about a competition matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Its title.
    Title,
    /// What a reader must know before trusting a row.
    Warning,
    /// What a reader must know before reading a row.
    Plain,
    /// What can be left out where there is little room.
    Task,
}

/// What is said above the rows, in lines of at most `width` columns. `now` in seconds since 1970.
pub fn facts(board: &Board, width: usize, now: u64) -> Vec<(String, Weight)> {
    let mut facts = vec![(text::clip(&board.competition.title, width), Weight::Title)];
    let mut add = |said: &str, weight: Weight| {
        facts.extend(text::wrap(said, width).into_iter().map(|line| (line, weight)));
    };
    let competition = &board.competition;
    if let Some(dispute) = dispute(competition) {
        add(&dispute, Weight::Warning);
    }
    add(&format!("{} · {}", competition.phase.as_str(), deadline(competition, now)), Weight::Plain);
    add(&task(competition), Weight::Task);
    if competition.open {
        add(OPEN_LABEL, Weight::Warning);
    } else {
        add(SEALED_LABEL, Weight::Plain);
    }
    add(setup_warning(board.setup), Weight::Warning);
    add(&completeness(board), Weight::Plain);
    facts
}

/// Which records the host has signed two different ones of, if any.
pub fn dispute(competition: &CompetitionSummary) -> Option<String> {
    let twice = competition.disputes.iter().map(|kind| format!("two {kind}s")).collect::<Vec<_>>();
    (!twice.is_empty()).then(|| format!("{DISPUTED}: the host has signed {}", twice.join(" and ")))
}

/// The deadline that comes next, or the last one, and how long it is until then.
pub(super) fn deadline(competition: &CompetitionSummary, now: u64) -> String {
    let which = match competition.phase {
        Phase::Announced | Phase::Committing => "commit",
        Phase::Revealed | Phase::Proving | Phase::Closed => "prove",
    };
    let at = next_deadline(competition);
    let left = match competition.phase {
        Phase::Closed => String::new(),
        _ => format!(" · {} left", text::left(now, at)).replace("over left", "over"),
    };
    format!("{which} deadline {}{left}", text::date(at))
}

fn task(c: &CompetitionSummary) -> String {
    let threshold = if c.threshold_bps > 0 {
        format!(" · threshold {}", text::percent(c.threshold_bps))
    } else {
        String::new()
    };
    let prize = c.prize.as_ref().map(|prize| format!(" · prize {}", prize.short()));
    let prize = prize.unwrap_or_default();
    format!(
        "{} rows of {} features, {} classes · {}{threshold}{prize}",
        competitions::rows(c),
        c.features,
        c.classes,
        c.size_classes.join(", "),
    )
}

/// What a reader must know of the key that all proofs were made with.
pub fn setup_warning(setup: SetupTrust) -> &'static str {
    match setup {
        SetupTrust::SingleParty => "single-party key: its maker could forge proofs and might read weights",
    }
}

/// How many of the records that anybody has are here.
pub fn records(board: &Board) -> String {
    if board.peers == 0 {
        return text::count(board.records, "record known", "records known");
    }
    let most = board.records.max(board.peers_most);
    let (same, peers) = (board.peers_same, text::count(board.peers, "peer", "peers"));
    format!("{} of {most} records, same fingerprint as {same} of {peers}", board.records)
}

fn completeness(board: &Board) -> String {
    let test_set = if board.test_set_here { "" } else { " · test set not here yet" };
    // What each of several lists stands beside the entries.
    let said = |records: &[HostRecord], say: fn(&HostRecord) -> String, many: &str| match records {
        [] => String::new(),
        [only] => format!(" · {}", say(only)),
        more => format!(" · {} {many}", more.len()),
    };
    let c = &board.competition;
    let host = said(&c.reveals, reveal, "reveals") + &said(&c.closes, close, "closes");
    format!(
        "{}, {} pending{host} · fingerprint {}{test_set}",
        records(board),
        board.pending,
        text::short_hex(&board.fingerprint)
    )
}

/// What a reveal lists.
fn reveal(record: &HostRecord) -> String {
    format!("reveal ({} listed{})", text::count(record.listed, "entry", "entries"), missing(record))
}

/// What a close lists.
fn close(record: &HostRecord) -> String {
    format!("close ({} final{})", record.listed, missing(record))
}

fn missing(record: &HostRecord) -> String {
    if record.missing > 0 { format!(", {} missing here", record.missing) } else { String::new() }
}
