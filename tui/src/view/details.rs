//! All of the selected row: whole ids, digests, times, counts.

use api::{BoardRow, Entry, OwnRecord, Peer, SubmissionDetail, Work};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::setup_warning;
use super::fields::{self, COMPETITOR, Field};
use super::{peers, popup, scrolled, work};
use crate::items::{Job, LogLine, Neighbour};
use crate::keymap::Action;
use crate::state::{Pane, State};
use crate::text;
use crate::theme::Theme;

/// Columns of the box: a whole BLAKE3 id in hex beside the names.
const WIDTH: u16 = 76;

/// The lines of the box on a screen of this size, and how wide they are.
pub(super) fn page(state: &State, area: Rect) -> (Vec<String>, u16) {
    let fields = match state.focus {
        Pane::Board => state.rows.current().map(|row| submission(row, state)),
        Pane::Entries => state.entries.current().map(entry),
        Pane::Peers => state.peers.current().map(neighbour),
        Pane::Work => state.jobs.current().map(job),
        Pane::Log => state.log.current().map(event),
        Pane::Competitions | Pane::Competition | Pane::Chart | Pane::Health => None,
    };
    let width = WIDTH.min(area.width.saturating_sub(4));
    // The title of the box takes a line.
    let room = usize::from(area.height.saturating_sub(1));
    let fields = fields.unwrap_or_default();
    let roomy = fields::lines(&fields, usize::from(width));
    // What fits only when cut is cut; what does not fit even then is scrolled.
    let lines = if fields.len() <= room && roomy.len() > room {
        fields::lines_within(&fields, usize::from(width), room)
    } else {
        roomy
    };
    (lines, width)
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let (page, width) = page(state, area);
    let rows = u16::try_from(page.len()).unwrap_or(u16::MAX).min(area.height);
    let inside = popup(frame, area, " Details (Esc closes them) ", (width, rows), theme);
    let page = page.into_iter().map(|line| (line, Style::new())).collect();
    scrolled(frame, inside, page, state.scrolls[2], theme);
}

fn named(name: &str, mine: bool) -> String {
    format!("{name}{}", if mine { " (this node's own)" } else { "" })
}

fn submission(row: &BoardRow, state: &State) -> Vec<Field> {
    let checked = match (row.checked_here, row.verify_us) {
        (true, 0) => "by this node".to_owned(),
        (true, us) => format!("by this node, in {}", text::millis(us)),
        (false, _) => "not by this node".to_owned(),
    };
    let mut fields = vec![("name", named(&row.display_name, row.mine)), (COMPETITOR, row.competitor.clone())];
    if row.namesake {
        let namesake = "go by the key: another competitor's name looks the same".to_owned();
        fields.push(("≈ namesake", namesake));
    }
    let rank = row.rank.map_or_else(|| "no rank".to_owned(), |rank| format!("rank {rank}"));
    let moved = match state.last_visit() {
        Some(visit) => match super::board::movement(row, Some(visit)).as_str() {
            "" => String::new(),
            moved => format!(", {moved} since {}", text::date(visit.at)),
        },
        None => String::new(),
    };
    let correct =
        format!("at least {} of {} rows: {}", row.correct, row.rows, text::percent(row.accuracy_bps));
    fields.extend([
        ("standing", format!("{rank}, {}{moved}", row.standing.as_str())),
        ("proved", correct),
        ("95 % CI", format!("{} %, if there was one try", text::interval(row.interval_bps))),
        ("tries", row.entries.to_string()),
        ("checked", checked),
        ("setup", setup_warning(row.setup).to_owned()),
        ("size class", row.size_class.clone()),
        ("submitted", format!("{} UTC, as claimed", text::date(row.submitted))),
        ("first seen", format!("{} UTC, here", text::date(row.first_seen))),
        ("submission", row.submission.clone()),
        ("entry", row.entry.clone()),
    ]);
    match &state.detail {
        Some(detail) if detail.id == row.submission => fields.extend(proof(detail)),
        _ => fields.push(("statement", "asking for it …".to_owned())),
    }
    let key = state.keymap.key_of(Action::Export);
    let id = state.chosen.as_deref().unwrap_or_default();
    fields.push(("bundle", format!("{key} writes one, as would: {}", export_hint(id))));
    fields
}

/// The command that writes a competition into a bundle.
pub fn export_hint(competition: &str) -> String {
    let short = text::short_hex(competition);
    format!("node export {short} --out {short}.bundle")
}

/// What only the submission itself tells.
fn proof(detail: &SubmissionDetail) -> Vec<Field> {
    let chunks = match detail.chunks.as_slice() {
        [_] => String::new(),
        many => format!(" in {} chunks", many.len()),
    };
    let reveal = detail.reveal.clone().unwrap_or_else(|| "none: the competition is open".to_owned());
    let test_set = detail.test_set.clone().unwrap_or_else(|| "not known here".to_owned());
    vec![
        ("statement", detail.statement.clone()),
        ("commitment", detail.commitment.clone()),
        ("test set", test_set),
        ("verify key", detail.verifying_key.clone()),
        ("prove key", detail.proving_key.clone()),
        ("reveal", reveal),
        (
            "proof",
            format!(
                "{}{chunks}, record of {}",
                text::bytes(detail.proof_bytes),
                text::bytes(detail.record_bytes)
            ),
        ),
    ]
}

fn entry(entry: &Entry) -> Vec<Field> {
    vec![
        ("name", named(&entry.display_name, entry.mine)),
        (COMPETITOR, entry.competitor.clone()),
        ("standing", entry.standing.as_str().to_owned()),
        ("size class", entry.size_class.clone()),
        ("entered", format!("{} UTC, as claimed", text::date(entry.created))),
        ("first seen", format!("{} UTC, here", text::date(entry.first_seen))),
        ("entry", entry.id.clone()),
    ]
}

fn neighbour(neighbour: &Neighbour) -> Vec<Field> {
    match neighbour {
        Neighbour::Connected { peer, rate } => connected(peer, *rate),
        Neighbour::Banned(ban) => vec![
            ("peer", ban.peer_id.clone()),
            ("kept out", peers::ban_said(ban)),
            ("because", ban.reason.clone()),
        ],
    }
}

fn connected(peer: &Peer, rate: Option<(u64, u64)>) -> Vec<Field> {
    let agent = if peer.agent.is_empty() { "not identified yet" } else { &peer.agent };
    let same = match peer.same {
        Some(true) => "the same records as here",
        Some(false) => "other records than here",
        None => "it has not said what it has",
    };
    let traffic = |total: u64, rate: Option<u64>| {
        let now = rate.map_or_else(String::new, |rate| format!(", {} a second", text::bytes(rate)));
        format!("{}{now}", text::bytes(total))
    };
    let mut fields = vec![
        ("peer", peer.peer_id.clone()),
        ("address", peer.address.clone()),
        ("via", peers::via(peer).to_owned()),
        ("since", format!("{} UTC", text::date(peer.connected))),
        ("agent", agent.to_owned()),
        ("records", format!("{} told of, {same}", peer.records)),
        ("delay", peer.latency_us.map_or_else(|| "not measured".to_owned(), text::millis)),
        ("received", traffic(peer.bytes_in, rate.map(|r| r.0))),
        ("sent", traffic(peer.bytes_out, rate.map(|r| r.1))),
        ("refused", peer.refused.to_string()),
        ("score", format!("{:.3}", peer.score)),
    ];
    fields.extend(peer.last_refusal.clone().map(|why| ("because", why)));
    fields.extend(peer.clock_offset_s.map(|offset| ("clock", format!("{offset:+} s"))));
    fields
}

fn job(job: &Job) -> Vec<Field> {
    match job {
        Job::Work(work) => under_way(work),
        Job::Own(record) => own(record),
        Job::Blob(blob) => vec![
            ("blob", blob.blob.clone()),
            ("here", format!("{} of {}, verified", text::bytes(blob.done), text::bytes(blob.bytes))),
            ("from", text::count(blob.sources, "peer", "peers")),
            ("turn", if blob.active { "now" } else { "it waits" }.to_owned()),
        ],
    }
}

fn under_way(work: &Work) -> Vec<Field> {
    let report = &work.report;
    vec![
        ("task", report.task.clone()),
        ("competition", report.competition.clone().unwrap_or_else(|| "none".to_owned())),
        ("step", report.step.clone()),
        ("done", text::percent(report.done_bps)),
        ("since", format!("{} UTC", text::date(work.started))),
        ("last told", format!("{} UTC", text::clock(work.updated))),
    ]
}

fn own(record: &OwnRecord) -> Vec<Field> {
    let mut fields = vec![
        ("kind", record.kind.clone()),
        ("says", record.summary.clone()),
        ("held", work::held(record)),
        ("stored", format!("{} UTC", text::date(record.first_seen))),
        ("record", record.id.clone()),
        ("competition", record.competition.clone()),
    ];
    if record.opening.is_some() {
        let said = match record.opening {
            Some(true) => "present in the data folder: keep it, and keep it secret",
            _ => "MISSING in the data folder: nothing can be proved for this entry without it",
        };
        fields.push(("opening", said.to_owned()));
    }
    fields
}

fn event(line: &LogLine) -> Vec<Field> {
    vec![("when", format!("{} UTC", text::clock(line.at))), ("event", line.text.clone())]
}
