//! All of the selected row: whole ids, times, counts.

use api::{BoardRow, Peer};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::board::setup_warning;
use super::{lines, popup};
use crate::state::{LogLine, Pane, State};
use crate::text::{self, Align, fit, wrap};
use crate::theme::Theme;

/// Columns of the names of the fields.
const NAMES: usize = 12;
/// Columns of the box: a whole BLAKE3 id in hex beside the names.
const WIDTH: u16 = 76;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let fields = match state.focus {
        Pane::Competitions => None,
        Pane::Board => state.rows.current().map(competitor),
        Pane::Peers => state.peers.current().map(peer),
        Pane::Log => state.log.current().map(event),
    };
    let Some(fields) = fields else { return };
    let width = WIDTH.min(area.width.saturating_sub(4));
    let values = usize::from(width).saturating_sub(NAMES).max(1);
    let mut rows = Vec::new();
    for (name, value) in fields {
        for (i, part) in wrap(&value, values).into_iter().enumerate() {
            let label = fit(if i == 0 { name } else { "" }, NAMES, Align::Left);
            rows.push((label + &part, Style::new()));
        }
    }
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(area.height);
    let inside = popup(frame, area, " Details (Esc closes them) ", (width, height), theme);
    lines(frame, inside, rows);
}

type Fields = Vec<(&'static str, String)>;

fn competitor(row: &BoardRow) -> Fields {
    let checked = match (row.checked_here, row.verify_us) {
        (true, 0) => "by this node".to_owned(),
        (true, us) => format!("by this node, in {}", text::millis(us)),
        (false, _) => "not by this node".to_owned(),
    };
    let mine = if row.mine { " (this node's own)" } else { "" };
    vec![
        ("name", format!("{}{mine}", row.display_name)),
        ("competitor", row.competitor.clone()),
        ("rank", row.rank.to_string()),
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
