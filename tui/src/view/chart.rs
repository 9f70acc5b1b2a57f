//! The best proved score over time, and how the competitors' best scores are distributed.

use api::Board;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::{choose_hint, lines};
use crate::history::Bin;
use crate::state::State;
use crate::text::{self, Align, fit};
use crate::theme::Theme;

/// Columns that the distribution takes beside the chart, if there are at least twice as many and some.
const DISTRIBUTION: u16 = 34;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let Some(board) = &state.board else { return lines(frame, area, [(choose_hint(state), theme.dim())]) };
    if state.history.best.is_empty() {
        let said = match (state.rows.items().is_empty(), board.competition.rows) {
            (true, _) => "No verified submission yet.",
            (false, None) => "The number of rows is not known yet.",
            (false, Some(_)) => "Asking for the submissions …",
        };
        return lines(frame, area, [(said.to_owned(), theme.dim())]);
    }
    let beside = DISTRIBUTION.min(area.width * 2 / 5);
    let [left, _, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(2), Constraint::Length(beside)])
            .areas(area);
    over_time(frame, left, board, state, theme);
    distribution(frame, right, &state.history.bins, theme);
}

/// Seconds or basis points as a coordinate: a screen cannot show what is lost beyond 2^53.
fn coordinate(value: u64) -> f64 {
    value as f64
}

fn over_time(frame: &mut Frame<'_>, area: Rect, board: &Board, state: &State, theme: &Theme) {
    let c = &board.competition;
    let [head, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let best = state.history.best.last().map_or(0, |(_, bps)| *bps);
    let all = text::count(state.history.submissions, "proof", "proofs");
    let said = format!("best {} of {all}, times as claimed", text::percent(best));
    lines(frame, head, [(text::clip(&said, usize::from(head.width)), theme.title())]);

    let last = state.history.best.last().map_or(0, |(at, _)| *at);
    let end = state.clock.unix.min(c.prove_deadline).max(last).max(c.created.saturating_add(1));
    let at = |seconds: u64| coordinate(seconds.saturating_sub(c.created));
    let (low, high) = scale(state);
    let level = |bps: u32| f64::from(bps) / 100.0;
    let mut steps: Vec<(f64, f64)> = Vec::with_capacity(2 * state.history.best.len() + 1);
    for (time, bps) in &state.history.best {
        // A score stays the best one until the next: a staircase.
        if let Some((_, before)) = steps.last().copied() {
            steps.push((at(*time), before));
        }
        steps.push((at(*time), level(*bps)));
    }
    steps.push((at(end), level(best)));
    let threshold = [(0.0, level(c.threshold_bps)), (at(end), level(c.threshold_bps))];
    let line = |data, style| {
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(data)
    };
    let mut datasets = Vec::new();
    if c.threshold_bps > 0 {
        datasets.push(line(&threshold, theme.warning()));
    }
    datasets.push(line(&steps, theme.good()));
    let x = Axis::default().bounds([0.0, at(end)]).labels(ends(c.created, end));
    let middle = f64::midpoint(level(low), level(high));
    let y = Axis::default().bounds([level(low), level(high)]).labels([
        format!("{:.0} %", level(low)),
        format!("{middle:.1}"),
        format!("{:.0} %", level(high)),
    ]);
    let chart =
        Chart::new(datasets).style(theme.base()).x_axis(x.style(theme.dim())).y_axis(y.style(theme.dim()));
    frame.render_widget(chart.legend_position(None), below);
}

/// The ends of the time axis, as short as they can be told apart.
fn ends(from: u64, to: u64) -> [String; 2] {
    let (from, to) = (text::date(from), text::date(to));
    let year = |date: &str| date.chars().take(4).collect::<String>();
    let part = |date: &str, skip, take| date.chars().skip(skip).take(take).collect::<String>();
    match year(&from) == year(&to) {
        true => [part(&from, 5, 11), part(&to, 5, 11)],
        false => [part(&from, 0, 10), part(&to, 0, 10)],
    }
}

/// From the first best score, or the threshold, to the last.
fn scale(state: &State) -> (u32, u32) {
    let first = state.history.best.first().map_or(0, |(_, bps)| *bps).min(state.scale.0);
    (first / 100 * 100, state.scale.1)
}

fn distribution(frame: &mut Frame<'_>, area: Rect, bins: &[Bin], theme: &Theme) {
    let head = (text::clip("competitors by best score", usize::from(area.width)), theme.title());
    let rows = bins.iter().rev().map(|bin| (bar(bin, bins, usize::from(area.width)), Style::new()));
    lines(frame, area, std::iter::once(head).chain(rows));
}

/// `97–98 % ████████ 12` in so many columns.
fn bar(bin: &Bin, bins: &[Bin], columns: usize) -> String {
    let label = fit(&range(bin), 9, Align::Right);
    let count = bin.count.to_string();
    let most = bins.iter().map(|b| b.count).max().unwrap_or(0).max(1);
    let room = u64::try_from(columns.saturating_sub(9 + 2 + count.len())).unwrap_or(0);
    // Something is never drawn as nothing.
    let full = (bin.count.saturating_mul(room) / most).max(u64::from(bin.count > 0)).min(room);
    let full = "█".repeat(usize::try_from(full).unwrap_or(0));
    text::clip(&format!("{label} {full} {count}").replace("  ", " "), columns)
}

/// `97–98 %`.
pub fn range(bin: &Bin) -> String {
    format!("{}–{} %", bin.from_bps / 100, bin.to_bps.min(10_000) / 100)
}
