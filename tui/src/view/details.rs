//! All of the selected row: whole ids, times, counts.

use api::{BoardRow, Entry, Peer};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::board::setup_warning;
use super::{lines, popup};
use crate::state::{LogLine, Pane, State};
use crate::text::{self, Align, clip, fit, wrap};
use crate::theme::Theme;

/// Columns of the names of the fields.
const NAMES: usize = 12;
/// The field with a competitor's key.
const COMPETITOR: &str = "competitor";
/// Columns of the box: a whole BLAKE3 id in hex beside the names.
const WIDTH: u16 = 76;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let fields = match state.focus {
        Pane::Competitions => None,
        Pane::Board => state.rows.current().map(competitor),
        Pane::Entries => state.entries.current().map(entry),
        Pane::Peers => state.peers.current().map(peer),
        Pane::Log => state.log.current().map(event),
    };
    let Some(fields) = fields else { return };
    let width = WIDTH.min(area.width.saturating_sub(4));
    let values = usize::from(width).saturating_sub(NAMES).max(1);
    // The title of the box takes a line.
    let room = usize::from(area.height.saturating_sub(1));
    let mut rows = Vec::new();
    for (name, value) in wrapped(fields, values, room) {
        for (i, part) in value.into_iter().enumerate() {
            let label = fit(if i == 0 { name } else { "" }, NAMES, Align::Left);
            rows.push((label + &part, Style::new()));
        }
    }
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(area.height);
    let inside = popup(frame, area, " Details (Esc closes them) ", (width, height), theme);
    lines(frame, inside, rows);
}

type Fields = Vec<(&'static str, String)>;

/// Every field in lines of at most `columns`. Where there are more than `room` of them, the last fields are
/// cut to one line each.
fn wrapped(fields: Fields, columns: usize, room: usize) -> Vec<(&'static str, Vec<String>)> {
    let mut all: Vec<_> = fields.iter().map(|(name, value)| (*name, wrap(value, columns))).collect();
    let mut total: usize = all.iter().map(|(_, lines)| lines.len()).sum();
    for ((_, lines), (name, value)) in all.iter_mut().zip(&fields).rev() {
        if total > room && lines.len() > 1 {
            total -= lines.len() - 1;
            // The end tells keys apart.
            let key = *name == COMPETITOR;
            let line =
                if key { text::short_peer(value, columns.saturating_sub(1)) } else { clip(value, columns) };
            *lines = vec![line];
        }
    }
    all
}

fn competitor(row: &BoardRow) -> Fields {
    let checked = match (row.checked_here, row.verify_us) {
        (true, 0) => "by this node".to_owned(),
        (true, us) => format!("by this node, in {}", text::millis(us)),
        (false, _) => "not by this node".to_owned(),
    };
    let mine = if row.mine { " (this node's own)" } else { "" };
    let name = [("name", format!("{}{mine}", row.display_name)), (COMPETITOR, row.competitor.clone())];
    let namesake = "go by the key: another competitor's name looks the same".to_owned();
    let rank = row.rank.map_or_else(|| "no rank".to_owned(), |rank| format!("rank {rank}"));
    let rest = [
        ("standing", format!("{rank}, {}", row.standing.as_str())),
        (
            "proved",
            format!("at least {} of {} rows: {}", row.correct, row.rows, text::percent(row.accuracy_bps)),
        ),
        ("95 % CI", format!("{} %, if there was one try", text::interval(row.interval_bps))),
        ("tries", row.entries.to_string()),
        ("checked", checked),
        ("setup", setup_warning(row.setup).to_owned()),
        ("size class", row.size_class.clone()),
        ("submitted", format!("{} UTC, as claimed", text::date(row.submitted))),
        ("first seen", format!("{} UTC, here", text::date(row.first_seen))),
        ("submission", row.submission.clone()),
        ("entry", row.entry.clone()),
    ];
    name.into_iter().chain(row.namesake.then_some(("≈ namesake", namesake))).chain(rest).collect()
}

fn entry(entry: &Entry) -> Fields {
    let mine = if entry.mine { " (this node's own)" } else { "" };
    vec![
        ("name", format!("{}{mine}", entry.display_name)),
        (COMPETITOR, entry.competitor.clone()),
        ("standing", entry.standing.as_str().to_owned()),
        ("size class", entry.size_class.clone()),
        ("entered", format!("{} UTC, as claimed", text::date(entry.created))),
        ("first seen", format!("{} UTC, here", text::date(entry.first_seen))),
        ("entry", entry.id.clone()),
    ]
}

fn peer(peer: &Peer) -> Fields {
    let agent = if peer.agent.is_empty() { "not identified yet" } else { &peer.agent };
    vec![
        ("peer", peer.peer_id.clone()),
        ("address", peer.address.clone()),
        ("agent", agent.to_owned()),
        ("records", format!("{} told of", peer.records)),
        ("refused", peer.refused.to_string()),
        ("score", format!("{:.3}", peer.score)),
    ]
}

fn event(line: &LogLine) -> Fields {
    vec![("when", format!("{} UTC", text::clock(line.at))), ("event", line.text.clone())]
}
