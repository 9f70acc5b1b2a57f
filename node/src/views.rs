//! From records to what clients are shown.

use crate::ledger::Ledger;
use crate::limits;
use crate::store::StoredRecord;
use api::{
    BoardRow, CompetitionSummary, Entry, EntryStanding, ErrorKind, HostRecord, OwnRecord, Phase, SetupTrust,
    Standing, Submission,
};
use circuits::groth16::{self, VerifiedModel};
use protocol::{
    ClaimRule, Close, Contest, Kept, Kind, ProvedSubmission, Record, RecordId, Reveal, TestSetTerms, TieRule,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// An answer, or the kind of error with its message.
pub type Answer<T> = Result<T, (ErrorKind, String)>;

/// The trust of a key as clients see it.
pub fn setup(trust: groth16::SetupTrust) -> SetupTrust {
    match trust {
        groth16::SetupTrust::SingleParty => SetupTrust::SingleParty,
    }
}

fn phase(phase: protocol::Phase) -> Phase {
    match phase {
        protocol::Phase::Announced => Phase::Announced,
        protocol::Phase::Committing => Phase::Committing,
        protocol::Phase::Revealed => Phase::Revealed,
        protocol::Phase::Proving => Phase::Proving,
        protocol::Phase::Closed => Phase::Closed,
    }
}

/// Where a submission stands as clients see it.
pub fn standing(standing: protocol::Standing) -> Standing {
    match standing {
        protocol::Standing::Pending => Standing::Pending,
        protocol::Standing::Final => Standing::Final,
        protocol::Standing::LeftOut => Standing::LeftOut,
    }
}

fn entry_standing(standing: protocol::EntryStanding) -> EntryStanding {
    match standing {
        protocol::EntryStanding::Entered => EntryStanding::Entered,
        protocol::EntryStanding::Withdrawn => EntryStanding::Withdrawn,
        protocol::EntryStanding::BeyondCap => EntryStanding::BeyondCap,
        protocol::EntryStanding::OnRoster => EntryStanding::OnRoster,
        protocol::EntryStanding::LeftOut => EntryStanding::LeftOut,
    }
}

/// What people are told of a competition's test set.
pub fn openness(open: bool) -> &'static str {
    if open { api::OPEN_LABEL } else { api::SEALED_LABEL }
}

fn reveals(contest: &Contest<VerifiedModel>) -> Vec<HostRecord> {
    let view = |kept: &Kept<Arc<Record<Reveal>>>| {
        let body = kept.item.body();
        let here = body.roster.iter().filter(|entry| contest.entry(**entry).is_some()).count();
        host_record(&kept.item, kept.first_seen, body.created, (body.roster.len(), here))
    };
    contest.reveals().iter().map(view).collect()
}

fn closes(contest: &Contest<VerifiedModel>) -> Vec<HostRecord> {
    let view = |kept: &Kept<Arc<Record<Close>>>| {
        let body = kept.item.body();
        let here = body.submissions.iter().filter(|id| contest.statement(**id).is_some()).count();
        host_record(&kept.item, kept.first_seen, body.created, (body.submissions.len(), here))
    };
    contest.closes().iter().map(view).collect()
}

fn host_record<T>(
    record: &Record<T>,
    first_seen: u64,
    created: u64,
    (listed, here): (usize, usize),
) -> HostRecord {
    let (listed, missing) = (listed as u64, listed.saturating_sub(here) as u64);
    HostRecord { id: record.id().to_string(), listed, missing, created, first_seen }
}

fn prize(prize: &protocol::Prize) -> api::Prize {
    let contract = format!("0x{}", hex::encode(prize.contract));
    let status = api::PrizeStatus::default();
    api::Prize { chain_id: prize.chain_id, contract, id: hex::encode(prize.id), status }
}

/// A line of the list of competitions.
pub fn summary(contest: &Contest<VerifiedModel>, now: u64) -> CompetitionSummary {
    let kept = contest.competition();
    let (record, body, counts) = (&kept.item, kept.item.body(), contest.counts());
    let min_rows = match body.test_set {
        TestSetTerms::Open { rows, .. } => rows,
        TestSetTerms::Sealed { min_rows, .. } => min_rows,
    };
    CompetitionSummary {
        id: record.id().to_string(),
        title: body.title.clone(),
        host: record.author().to_string(),
        phase: phase(contest.phase_at(now)),
        open: body.is_open(),
        openness: openness(body.is_open()).to_owned(),
        disputes: contest.disputes().iter().map(|kind| kind.as_str().to_owned()).collect(),
        rows: contest.rows(),
        min_rows,
        features: body.task.features.len() as u64,
        classes: body.task.classes.len() as u64,
        size_classes: body.size_classes.iter().map(|admitted| admitted.class.to_string()).collect(),
        threshold_bps: body.threshold_bps,
        prize: body.prize.as_ref().map(prize),
        levels_bps: match &body.claims {
            ClaimRule::Exact => Vec::new(),
            ClaimRule::Levels(levels) => levels.clone(),
        },
        tie_rule: match body.tie_rule {
            TieRule::SharedRank => "shared_rank".to_owned(),
            TieRule::EntryId => "entry_id".to_owned(),
        },
        max_entries: body.caps.entries,
        max_withdrawals: body.caps.withdrawals,
        max_submissions: body.caps.submissions,
        entries: counts.entries,
        submissions: counts.submissions,
        best: contest.submissions().map(|kept| kept.item.record().body().correct()).max(),
        created: body.created,
        commit_deadline: body.entry_deadline(),
        prove_deadline: body.prove_deadline,
        reveals: reveals(contest),
        closes: closes(contest),
    }
}

/// All entries of a competition, in the order in which this node saw them.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn entries(ledger: &Ledger, id: &str) -> Answer<Vec<Entry>> {
    let contest = contest(ledger, id)?;
    let mut entries: Vec<Entry> = contest
        .entries()
        .filter_map(|kept| {
            let record = kept.item.record();
            let competitor = record.author().to_string();
            Some(Entry {
                id: record.id().to_string(),
                display_name: record.body().display_name.clone(),
                mine: competitor == ledger.own(),
                competitor,
                size_class: record.body().class.to_string(),
                standing: entry_standing(contest.entry_standing(record.id())?),
                created: record.body().created,
                first_seen: kept.first_seen,
            })
        })
        .collect();
    entries.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
    Ok(entries)
}

/// All submissions of a competition, in the order in which this node saw them.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn submissions(ledger: &Ledger, id: &str) -> Answer<Vec<Submission>> {
    let contest = contest(ledger, id)?;
    let view = |kept: &Kept<ProvedSubmission>| {
        let (record, statement) = (kept.item.record(), kept.item.statement());
        let competitor = record.author().to_string();
        Submission {
            id: record.id().to_string(),
            statement: statement.to_string(),
            entry: record.body().entry.to_string(),
            mine: competitor == ledger.own(),
            competitor,
            correct: record.body().correct(),
            standing: standing(contest.standing(statement)),
            created: record.body().created,
            first_seen: kept.first_seen,
        }
    };
    let mut submissions: Vec<Submission> = contest.submissions().map(view).collect();
    submissions.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
    Ok(submissions)
}

/// All of one verified submission.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn submission(ledger: &Ledger, id: &str) -> Answer<api::SubmissionDetail> {
    let parsed: RecordId = id.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    let unknown = || (ErrorKind::NotFound, format!("no submission {id} is known here"));
    let (_, competition) = ledger.state().set().kind_of(parsed).ok_or_else(unknown)?;
    let contest = ledger.state().set().contest(competition).ok_or_else(unknown)?;
    let kept = contest.submission(parsed).ok_or_else(unknown)?;
    let (record, statement) = (kept.item.record(), kept.item.statement());
    let body = record.body();
    let entry = contest.entry(body.entry).ok_or_else(unknown)?.item.record();
    let rules = contest.competition().item.body();
    let admitted = rules.admitted(entry.body().class).ok_or_else(unknown)?;
    Ok(api::SubmissionDetail {
        id: record.id().to_string(),
        statement: statement.to_string(),
        competition: competition.to_string(),
        entry: body.entry.to_string(),
        reveal: body.reveal.map(|reveal| reveal.to_string()),
        display_name: entry.body().display_name.clone(),
        competitor: record.author().to_string(),
        size_class: entry.body().class.to_string(),
        commitment: hex::encode(entry.body().commitment.0),
        verifying_key: admitted.verifying_key.id.to_string(),
        proving_key: admitted.proving_key.id.to_string(),
        test_set: contest.test_set().map(|blob| blob.id.to_string()),
        correct: body.correct(),
        rows: contest.rows().unwrap_or(0),
        chunks: body.chunks.iter().map(|chunk| chunk.correct).collect(),
        proof_bytes: body.chunks.iter().map(|chunk| chunk.proof.0.len() as u64).sum(),
        record_bytes: ledger.stored(parsed).map_or(0, |record| record.bytes.len() as u64),
        standing: standing(contest.standing(statement)),
        created: body.created,
        first_seen: kept.first_seen,
        verify_us: kept.verify_us,
    })
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

/// What peers have of a competition.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerCounts {
    /// Peers that have said so.
    pub all: u64,
    /// Those with the same records.
    pub same: u64,
    /// Most records that one has.
    pub most: u64,
}

/// One competition with its board.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn board(
    ledger: &Ledger,
    id: &str,
    now: u64,
    peers: &dyn Fn(RecordId, u64) -> PeerCounts,
) -> Answer<api::Board> {
    let contest = contest(ledger, id)?;
    let view = |row: protocol::BoardRow| {
        let kept = contest.submission(row.submission).map(|kept| (kept.first_seen, kept.verify_us));
        board_row(row, contest.rows().unwrap_or(0), ledger.own(), kept)
    };
    let rows = ledger.board(contest).rows.into_iter().map(view).collect();
    Ok(api::Board { rows, ..outline(ledger, id, now, peers)? })
}

/// The same without the rows: what is said of a competition and its records.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn outline(
    ledger: &Ledger,
    id: &str,
    now: u64,
    peers: &dyn Fn(RecordId, u64) -> PeerCounts,
) -> Answer<api::Board> {
    let contest = contest(ledger, id)?;
    let body = contest.competition().item.body();
    let counts = contest.counts();
    let test_set = contest.test_set();
    let peers = peers(contest.id(), counts.records);
    Ok(api::Board {
        competition: summary(contest, now),
        description: body.description.clone(),
        // The only kind of key that exists so far.
        setup: SetupTrust::SingleParty,
        test_set_here: test_set.is_some_and(|blob| ledger.blobs().has(blob)),
        test_set: test_set.map(|blob| blob.id.to_string()),
        records: counts.records,
        peers: peers.all,
        peers_same: peers.same,
        peers_most: peers.most,
        pending: ledger.state().pending(Some(contest.id())) as u64,
        fingerprint: contest.fingerprint().to_string(),
        rows: Vec::new(),
    })
}

/// A row as clients see it. `own` is this node's peer id; `kept` says when the submission was first seen here, and how
/// long its proofs took: nothing is kept whose proofs this process has not verified itself.
pub fn board_row(row: protocol::BoardRow, rows: u64, own: &str, kept: Option<(u64, u64)>) -> BoardRow {
    let (first_seen, verify_us) = kept.unwrap_or_default();
    BoardRow {
        rank: row.rank,
        standing: standing(row.standing),
        namesake: row.namesake,
        display_name: row.display_name,
        mine: row.competitor == own,
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
        first_seen,
        checked_here: kept.is_some(),
        verify_us,
        setup: SetupTrust::SingleParty,
    }
}

/// The signed records of a competition in hex: competition, entries, submissions.
///
/// # Errors
/// If the id is malformed or unknown, or there are more bytes than one answer holds.
pub fn records(ledger: &Ledger, id: &str) -> Answer<Vec<String>> {
    let contest = contest(ledger, id)?;
    let bytes: usize = contest.records().map(|kept| kept.item.2.len()).sum();
    if bytes > limits::API_RECORDS_BYTES {
        let max = limits::API_RECORDS_BYTES;
        return Err((
            ErrorKind::Busy,
            format!("expected at most {max} bytes of records, got {bytes}: ask for single ones"),
        ));
    }
    Ok(contest.records().map(|kept| hex::encode(kept.item.2)).collect())
}

/// The ids of all records of a competition, in the order of kinds.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn record_ids(ledger: &Ledger, id: &str) -> Answer<Vec<String>> {
    Ok(contest(ledger, id)?.records().map(|kept| kept.item.0.to_string()).collect())
}

/// The signed record of this id in hex.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn record(ledger: &Ledger, id: &str) -> Answer<String> {
    stored(ledger, id).map(|record| hex::encode(record.bytes))
}

/// The record of this id as it is stored.
///
/// # Errors
/// If the id is malformed or unknown.
pub fn stored(ledger: &Ledger, id: &str) -> Answer<StoredRecord> {
    let parsed: RecordId = id.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    ledger.stored(parsed).ok_or_else(|| (ErrorKind::NotFound, format!("no record {id} is known here")))
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
    for rank in Kind::ALL.map(|kind| kind as u8) {
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

/// One line for people.
pub fn describe(ledger: &Ledger, id: RecordId, kind: Kind, competition: RecordId) -> String {
    let Some(contest) = ledger.state().set().contest(competition) else { return String::new() };
    let rules = contest.competition().item.body();
    let name = |entry| contest.entry(entry).map_or("?", |kept| &kept.item.record().body().display_name);
    match kind {
        Kind::Competition => format!("competition {:?}", rules.title),
        Kind::Entry => format!("{:?} entered {:?}", name(id), rules.title),
        Kind::Withdrawal => format!("an entry of {:?} was withdrawn", rules.title),
        Kind::Reveal => match contest.reveal(id).map(|kept| kept.item.body().roster.len()) {
            Some(listed) => format!("the test set of {:?} is revealed, {listed} entries", rules.title),
            None => String::new(),
        },
        Kind::Submission => match contest.submission(id).map(|kept| kept.item.record().body()) {
            Some(body) => {
                let (name, rows) = (name(body.entry), contest.rows().unwrap_or_default());
                format!("{name:?} proved {} of {rows} in {:?}", body.correct(), rules.title)
            }
            None => String::new(),
        },
        Kind::Close => format!("the host has closed {:?}", rules.title),
        Kind::Misbehaviour => format!("the host of {:?} has contradicted himself: disputed", rules.title),
    }
}

/// The records of the own key, newest first; `waiting` are those in the outbox.
pub fn own(ledger: &Ledger, waiting: &BTreeSet<RecordId>) -> Vec<OwnRecord> {
    let ids = ledger.own_records().iter();
    let mut own: Vec<OwnRecord> =
        ids.filter_map(|id| own_record(ledger, *id, waiting.contains(id))).collect();
    own.sort_by(|a, b| (b.first_seen, &b.id).cmp(&(a.first_seen, &a.id)));
    own.truncate(limits::API_OWN);
    own
}

/// One record of the own key. `id` is whole, in hex.
///
/// # Errors
/// If the id is malformed, or of no record of the own key.
pub fn held(ledger: &Ledger, id: &str, waiting: &BTreeSet<RecordId>) -> Answer<OwnRecord> {
    let id: RecordId = id.parse().map_err(|error| (ErrorKind::BadRequest, format!("{error}")))?;
    let own = ledger.own_records().contains(&id).then(|| own_record(ledger, id, waiting.contains(&id)));
    own.flatten().ok_or_else(|| (ErrorKind::NotFound, format!("no record of the own key has the id {id}")))
}

fn own_record(ledger: &Ledger, id: RecordId, waiting: bool) -> Option<OwnRecord> {
    let (kind, competition) = ledger.state().set().kind_of(id)?;
    let first_seen = ledger.state().set().contest(competition)?.record(id, kind)?.first_seen;
    Some(OwnRecord {
        id: id.to_string(),
        kind: kind.to_string(),
        competition: competition.to_string(),
        summary: describe(ledger, id, kind, competition),
        first_seen,
        held_by: ledger.holders().count(id),
        waiting,
        opening: None,
    })
}
