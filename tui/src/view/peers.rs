//! Connected peers, and those that are kept out.

use api::{Ban, Peer};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, lines, table};
use crate::items::Neighbour;
use crate::state::{Pane, State};
use crate::table::{Column, Table};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "peer", min: 9, max: 52, align: Align::Left, keep: 255, grow: 3 },
    Column { title: "agent", min: 10, max: 20, align: Align::Left, keep: 200, grow: 1 },
    Column { title: "address", min: 16, max: 60, align: Align::Left, keep: 254, grow: 0 },
    Column { title: "via", min: 5, max: 5, align: Align::Left, keep: 180, grow: 9 },
    Column { title: "records", min: 7, max: 9, align: Align::Left, keep: 240, grow: 2 },
    Column { title: "delay", min: 6, max: 8, align: Align::Right, keep: 210, grow: 9 },
    Column { title: "in/s", min: 8, max: 8, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "out/s", min: 8, max: 8, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "bad", min: 3, max: 5, align: Align::Right, keep: 235, grow: 9 },
    Column { title: "score", min: 6, max: 7, align: Align::Right, keep: 190, grow: 9 },
];

/// The columns that fit into `width`; what is left of a ban from `now`, in seconds since 1970.
pub fn columns(width: u16, now: u64) -> Table<Neighbour> {
    Table::new(COLUMNS, width, now, cell)
}

/// A peer's cell in a column. Of one that is kept out, the reason stands where the address would.
fn cell(neighbour: &Neighbour, now: u64, column: usize, width: u16) -> String {
    match (neighbour, column) {
        (_, 0) => text::short_peer(neighbour.peer_id(), usize::from(width).saturating_sub(1)),
        (Neighbour::Connected { peer, rate }, column) => connected(peer, *rate, column),
        (Neighbour::Banned(_), 1) => "kept out".to_owned(),
        (Neighbour::Banned(ban), 2) => format!("{} left: {}", text::left(now, ban.until), ban.reason),
        (Neighbour::Banned(_), _) => String::new(),
    }
}

fn connected(peer: &Peer, rate: Option<(u64, u64)>, column: usize) -> String {
    let a_second = |rate: Option<u64>, total: u64| match rate {
        Some(rate) => text::bytes(rate),
        // Nothing to compare with yet: what it was in all.
        None => format!("={}", text::bytes(total)),
    };
    match column {
        1 if peer.agent.is_empty() => "?".to_owned(),
        1 => peer.agent.clone(),
        2 => peer.address.clone(),
        3 => via(peer).to_owned(),
        4 => {
            let same = match peer.same {
                Some(true) => " =",
                Some(false) => " ≠",
                None => "",
            };
            format!("{}{same}", peer.records)
        }
        5 => peer.latency_us.map_or_else(|| "?".to_owned(), |us| text::millis(us).replace(" ms", "ms")),
        6 => a_second(rate.map(|r| r.0), peer.bytes_in),
        7 => a_second(rate.map(|r| r.1), peer.bytes_out),
        8 => peer.refused.to_string(),
        _ => format!("{:.1}", peer.score),
    }
}

/// Who has called whom, and how.
pub(super) fn via(peer: &Peer) -> &'static str {
    match (peer.relayed, peer.dialled) {
        (true, _) => "relay",
        (false, true) => "out",
        (false, false) => "in",
    }
}

/// What is said of a ban.
pub(super) fn ban_said(ban: &Ban) -> String {
    format!("from {} to {} UTC", text::date(ban.since), text::date(ban.until))
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if state.peers.items().is_empty() {
        let alone = "No peers connected. Give the daemon an address: node run --bootstrap MULTIADDR";
        let wrapped = text::wrap(alone, usize::from(area.width));
        return lines(frame, area, wrapped.into_iter().map(|l| (l, theme.dim())));
    }
    let columns = columns(area.width.saturating_sub(1), state.clock.unix);
    let focused = state.focus == Pane::Peers;
    table(frame, area, &columns.heads(), &state.peers, focused, theme, |neighbour| Row {
        mark: ' ',
        text: columns.line(neighbour),
        style: match neighbour {
            Neighbour::Connected { peer, .. } if peer.refused > 0 => theme.warning(),
            Neighbour::Connected { .. } => Style::new(),
            Neighbour::Banned(_) => theme.error(),
        },
    });
}
