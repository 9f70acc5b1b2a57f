//! Connected peers.

use api::Peer;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, lines, table};
use crate::state::{Pane, State};
use crate::table::{Column, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "peer", min: 9, max: 52, align: Align::Left, keep: 255, grow: 2 },
    Column { title: "agent", min: 12, max: 24, align: Align::Left, keep: 200, grow: 1 },
    Column { title: "address", min: 16, max: 48, align: Align::Left, keep: 240, grow: 0 },
    Column { title: "records", min: 7, max: 7, align: Align::Right, keep: 220, grow: 9 },
    Column { title: "refused", min: 7, max: 7, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "score", min: 7, max: 7, align: Align::Right, keep: 190, grow: 9 },
];

fn cell(peer: &Peer, column: usize, width: u16) -> String {
    match column {
        0 => text::short_peer(&peer.peer_id, usize::from(width).saturating_sub(1)),
        1 if peer.agent.is_empty() => "?".to_owned(),
        1 => peer.agent.clone(),
        2 => peer.address.clone(),
        3 => peer.records.to_string(),
        4 => peer.refused.to_string(),
        _ => format!("{:.1}", peer.score),
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if state.peers.items().is_empty() {
        let alone = "No peers connected. Give the daemon an address: node run --bootstrap MULTIADDR";
        let wrapped = text::wrap(alone, usize::from(area.width));
        return lines(frame, area, wrapped.into_iter().map(|l| (l, theme.dim())));
    }
    let placed = arrange(COLUMNS, area.width.saturating_sub(1));
    let focused = state.focus == Pane::Peers;
    table(frame, area, &heads(COLUMNS, &placed), &state.peers, focused, theme, |peer| Row {
        mark: ' ',
        text: line(COLUMNS, &placed, |column, width| cell(peer, column, width)),
        style: if peer.refused > 0 { theme.warning() } else { Style::new() },
    });
}
