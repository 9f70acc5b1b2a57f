//! How the node is.

use api::{Health, Hello, Reachability};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::Weight;
use super::fields::{self, Field};
use super::scrolled;
use crate::state::State;
use crate::text;
use crate::theme::Theme;

/// Everything there is to say, in lines of at most `width` columns.
pub fn text(health: &Health, node: Option<&Hello>, width: usize) -> Vec<(String, Weight)> {
    let mut said: Vec<(String, Weight)> = Vec::new();
    for warning in &health.warnings {
        said.extend(text::wrap(&format!("! {warning}"), width).into_iter().map(|l| (l, Weight::Warning)));
    }
    if health.warnings.is_empty() {
        said.push(("Nothing needs attention.".to_owned(), Weight::Title));
    }
    said.extend(fields::lines(&all(health, node), width).into_iter().map(|line| (line, Weight::Plain)));
    said
}

/// Names and values.
pub fn all(health: &Health, node: Option<&Hello>) -> Vec<Field> {
    let h = health;
    let reach = match h.reachability {
        Reachability::Unknown => "nobody has tried to dial it",
        Reachability::Public => "strangers can dial it",
        Reachability::Private => "only through a relay",
    };
    let clock = h.clock_offset_s.map_or_else(
        || "no peer to compare with".to_owned(),
        |offset| format!("{offset:+} s is the median of the peers' clocks"),
    );
    let quota = text::basis_points(h.blobs_bytes, h.blobs_quota_bytes).unwrap_or(0) / 100;
    let batches = text::count(h.checks_running, "batch", "batches");
    let checks = format!("{} waiting, {batches} running, {} records pending", h.checks_waiting, h.pending);
    let records = format!("{} in {}", h.records, text::count(h.competitions, "competition", "competitions"));
    let blobs = format!("{} of {} ({quota} %)", text::bytes(h.blobs_bytes), text::bytes(h.blobs_quota_bytes));
    let mut fields = vec![
        ("up since", format!("{} UTC", text::date(h.started))),
        ("records", records),
        ("checks", checks),
        ("outbox", format!("{} not confirmed by any peer", h.outbox)),
        ("peers", format!("{} connected, {} kept out", h.peers, h.banned)),
        ("reach", reach.to_owned()),
        ("clock", clock),
        ("fetches", text::count(h.fetches, "blob on its way", "blobs on their way")),
        ("blobs", blobs),
        ("store", text::bytes(h.store_bytes)),
        ("disk free", text::bytes(h.disk_free_bytes)),
        ("memory", text::bytes(h.memory_bytes)),
        ("fingerprint", h.fingerprint.clone()),
    ];
    fields.extend(h.external.iter().map(|address| ("reached at", address.clone())));
    if let Some(node) = node {
        fields.extend([
            ("peer id", node.peer_id.clone()),
            ("agent", node.agent.clone()),
            ("data", node.data_dir.clone()),
        ]);
        fields.extend(node.listen.iter().map(|address| ("listens on", address.clone())));
    }
    fields
}

/// The lines of the pane.
pub(super) fn page(state: &State, width: usize) -> Vec<(String, Weight)> {
    match &state.health {
        Some(health) => text(health, state.node.as_ref(), width),
        None => vec![("Asking how the node is …".to_owned(), Weight::Task)],
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let style = |weight| match weight {
        Weight::Title => theme.good(),
        Weight::Warning => theme.warning(),
        Weight::Task => theme.dim(),
        Weight::Plain => Style::new(),
    };
    let page = page(state, usize::from(area.width));
    let page: Vec<_> = page.into_iter().map(|(line, weight)| (line, style(weight))).collect();
    scrolled(frame, area, page, state.scrolls[1], theme);
}
