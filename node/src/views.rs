//! From records to what clients are shown.

use crate::ledger::Ledger;
use api::{BoardRow, CompetitionSummary, ErrorKind, Phase, SetupTrust};
use circuits::groth16::{self, VerifiedModel};
use protocol::{Contest, RecordId};

/// An answer, or the kind of error with its message.
pub type Answer<T> = Result<T, (ErrorKind, String)>;

/// The trust of a key as clients see it.
pub fn setup(trust: groth16::SetupTrust) -> SetupTrust {
    match trust {
        groth16::SetupTrust::SingleParty => SetupTrust::SingleParty,
    }
}

/// A line of the list of competitions.
pub fn summary(contest: &Contest<VerifiedModel>, now: u64) -> CompetitionSummary {
    let kept = contest.competition();
    let (record, body, counts) = (&kept.item, kept.item.body(), contest.counts());
    CompetitionSummary {
        id: record.id().to_string(),
        title: body.title.clone(),
        host: record.author().to_string(),
        phase: match body.phase_at(now) {
            protocol::Phase::Proving => Phase::Proving,
            protocol::Phase::Closed => Phase::Closed,
        },
        open: matches!(body.openness, protocol::Openness::Open),
        rows: body.rows,
        features: body.task.features.len() as u64,
        classes: body.task.classes.len() as u64,
        size_classes: body.size_classes.iter().map(|admitted| admitted.class.to_string()).collect(),
        threshold_bps: body.threshold_bps,
        entries: counts.entries,
        submissions: counts.submissions,
        best: contest.submissions().map(|kept| kept.item.record().body().correct()).max(),
        created: body.created,
        prove_deadline: body.prove_deadline,
    }
}

/// All competitions, newest first.
pub fn competitions(ledger: &Ledger, now: u64) -> Vec<CompetitionSummary> {
    let mut all: Vec<_> = ledger.state().set().contests().map(|contest| summary(contest, now)).collect();
    all.sort_by(|a, b| (b.created, &a.id).cmp(&(a.created, &b.id)));
    all
}

/// The competition of this id.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn contest<'a>(ledger: &'a Ledger, id: &str) -> Answer<&'a Contest<VerifiedModel>> {
    let parsed: RecordId = id.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    let unknown = || (ErrorKind::NotFound, format!("no competition {id} is known here"));
    ledger.state().set().contest(parsed).ok_or_else(unknown)
}

/// One competition with its board.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn board(ledger: &Ledger, id: &str, now: u64) -> Answer<api::Board> {
    let contest = contest(ledger, id)?;
    let body = contest.competition().item.body();
    let counts = contest.counts();
    let rows = protocol::Board::of(contest).rows.into_iter();
    Ok(api::Board {
        competition: summary(contest, now),
        description: body.description.clone(),
        // The only kind of key that exists so far.
        setup: SetupTrust::SingleParty,
        test_set_here: ledger.blobs().has(body.test_set),
        test_set: body.test_set.id.to_string(),
        records: 1 + counts.entries + counts.submissions,
        pending: ledger.state().pending(Some(contest.id())) as u64,
        fingerprint: contest.fingerprint().to_string(),
        rows: rows.map(|row| board_row(ledger, contest, body.rows, row)).collect(),
    })
}

fn board_row(
    ledger: &Ledger,
    contest: &Contest<VerifiedModel>,
    rows: u64,
    row: protocol::BoardRow,
) -> BoardRow {
    let kept = contest.submission(row.submission);
    BoardRow {
        rank: row.rank,
        display_name: row.display_name,
        mine: row.competitor == ledger.own(),
        competitor: row.competitor,
        entry: row.entry.to_string(),
        submission: row.submission.to_string(),
        size_class: row.class.to_string(),
        correct: row.correct,
        rows,
        accuracy_bps: row.accuracy_bps,
        interval_bps: row.interval_bps,
        entries: row.entries,
        submitted: row.submitted,
        first_seen: kept.map_or(0, |kept| kept.first_seen),
        // Nothing is kept whose proofs this process has not verified itself.
        checked_here: kept.is_some(),
        verify_us: kept.map_or(0, |kept| kept.verify_us),
        setup: SetupTrust::SingleParty,
    }
}

/// The signed records of a competition in hex: competition, entries, submissions.
///
/// # Errors
/// If the id is malformed or unknown, or there are more bytes than one answer holds.
pub fn records(ledger: &Ledger, id: &str) -> Answer<Vec<String>> {
    let contest = contest(ledger, id)?;
    let bytes: usize = contest.records().map(|(_, bytes)| bytes.len()).sum();
    if bytes > crate::limits::API_RECORDS_BYTES {
        let max = crate::limits::API_RECORDS_BYTES;
        return Err((
            ErrorKind::Busy,
            format!("expected at most {max} bytes of records, got {bytes}: ask for single ones"),
        ));
    }
    Ok(contest.records().map(|(_, bytes)| hex::encode(bytes)).collect())
}

/// The signed record of this id in hex.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn record(ledger: &Ledger, id: &str) -> Answer<String> {
    let parsed: RecordId = id.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    let unknown = || (ErrorKind::NotFound, format!("no record {id} is known here"));
    ledger.stored(parsed).map(|record| hex::encode(record.bytes)).ok_or_else(unknown)
}

/// Every record whose id starts with `prefix` (4 to 64 hexadecimal digits), at most 16 of them.
///
/// # Errors
/// If the prefix is no prefix of an id.
pub fn find(ledger: &Ledger, prefix: &str) -> Answer<Vec<api::Found>> {
    let valid = (4..=64).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    if !valid {
        let shown: String = prefix.chars().take(80).collect();
        return Err((ErrorKind::BadRequest, format!("expected 4 to 64 hexadecimal digits, got {shown:?}")));
    }
    let prefix = prefix.to_ascii_lowercase();
    let mut padded = format!("{prefix:0<64}");
    padded.truncate(64);
    let from: RecordId = padded.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    let mut found = Vec::new();
    for rank in 0..3u8 {
        for (at, id) in ledger.places_from((rank, from)).take(16) {
            if at != rank || !id.to_string().starts_with(&prefix) {
                break;
            }
            if let Some((kind, competition)) = ledger.state().set().kind_of(id) {
                let (id, competition) = (id.to_string(), competition.to_string());
                found.push(api::Found { id, kind: kind.to_string(), competition });
            }
        }
    }
    found.truncate(16);
    Ok(found)
}
