//! The chosen competition and its leaderboard.

use api::{Board, BoardRow, SetupTrust};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, competitions, lines, table};
use crate::state::{Pane, State};
use crate::table::{Column, Placed, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;

/// What everybody must know of a competition whose test set was known to the competitors.
pub const OPEN: &str = "open: the test set was public before the models were fixed";

const BAR: usize = 4;
const COLUMNS: &[Column] = &[
    Column { title: "#", min: 3, max: 4, align: Align::Right, keep: 254, grow: 7 },
    Column { title: "name", min: 8, max: 24, align: Align::Left, keep: 255, grow: 0 },
    Column { title: "key", min: 7, max: 13, align: Align::Left, keep: 250, grow: 5 },
    Column { title: "at least", min: 8, max: 8, align: Align::Right, keep: 253, grow: 9 },
    Column { title: "", min: 8, max: 24, align: Align::Left, keep: 200, grow: 6 },
    Column { title: "95 % CI", min: 11, max: 12, align: Align::Right, keep: 252, grow: 4 },
    Column { title: "tries", min: 5, max: 5, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "when", min: 4, max: 16, align: Align::Left, keep: 220, grow: 1 },
    Column { title: "check", min: 5, max: 12, align: Align::Left, keep: 240, grow: 3 },
    Column { title: "setup", min: 6, max: 12, align: Align::Left, keep: 190, grow: 2 },
];

/// The columns for a width.
#[derive(Clone, Debug)]
pub struct Table {
    placed: Vec<Placed>,
    scale: (u32, u32),
    now: u64,
}

impl Table {
    /// The columns that fit into `width`; bars on a `scale` in basis points; ages before `now`, in seconds
    /// since 1970.
    pub fn new(width: u16, scale: (u32, u32), now: u64) -> Self {
        Self { placed: arrange(COLUMNS, width), scale, now }
    }

    /// The heads of the columns; the bar's head is its scale.
    pub fn heads(&self) -> String {
        let scale = format!("{}–{} %", self.scale.0 / 100, self.scale.1 / 100);
        let bar = self.placed.iter().any(|(i, _)| *i == BAR);
        if !bar {
            return heads(COLUMNS, &self.placed);
        }
        line(COLUMNS, &self.placed, |i, _| {
            if i == BAR { scale.clone() } else { COLUMNS.get(i).map_or("", |c| c.title).to_owned() }
        })
    }

    /// One competitor.
    pub fn line(&self, row: &BoardRow) -> String {
        line(COLUMNS, &self.placed, |column, width| self.cell(row, column, width))
    }

    fn cell(&self, row: &BoardRow, column: usize, width: u16) -> String {
        let roomy = |wanted: u16| width >= wanted;
        match column {
            0 => row.rank.to_string(),
            1 => row.display_name.clone(),
            2 => text::short_peer(&row.competitor, usize::from(width).saturating_sub(1)),
            3 => text::percent(row.accuracy_bps),
            BAR => bar(row.accuracy_bps, row.interval_bps, self.scale, usize::from(width)),
            5 => text::interval(row.interval_bps),
            6 => row.entries.to_string(),
            7 if roomy(16) => text::date(row.submitted),
            7 => text::age(self.now, row.submitted),
            8 if roomy(12) && row.checked_here && row.verify_us > 0 => {
                format!("yes, {}", text::millis(row.verify_us))
            }
            8 => if row.checked_here { "yes" } else { "no" }.to_owned(),
            _ => match row.setup {
                SetupTrust::SingleParty if roomy(12) => "single party",
                SetupTrust::SingleParty => "single",
            }
            .to_owned(),
        }
    }
}

/// An interval and the value in it, on a scale, as `width` characters: ` ├─●──┤  `.
fn bar(value: u32, (low, high): (u32, u32), scale: (u32, u32), width: usize) -> String {
    let span = u64::from(scale.1.saturating_sub(scale.0)).max(1);
    let last = u64::try_from(width.saturating_sub(1)).unwrap_or(0);
    let place = |bps: u32| {
        let offset = u64::from(bps.clamp(scale.0, scale.1.max(scale.0)) - scale.0);
        usize::try_from((offset * last + span / 2) / span).unwrap_or(0)
    };
    let (from, at, to) = (place(low), place(value), place(high));
    let glyph = |x: usize| match x {
        _ if x == at => '●',
        _ if x == from => '├',
        _ if x == to => '┤',
        _ if from < x && x < to => '─',
        _ => ' ',
    };
    (0..width).map(glyph).collect()
}

/// How much a line about a competition matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Its title.
    Title,
    /// What a reader must know before trusting a row.
    Warning,
    /// How complete this node's view is.
    Completeness,
    /// What can be left out where there is no room.
    Extra,
}

/// What is said about a competition above its rows, in lines of at most `width` columns.
pub fn facts(board: &Board, width: usize) -> Vec<(String, Weight)> {
    let mut facts = vec![(text::clip(&board.competition.title, width), Weight::Title)];
    let mut add = |said: &str, weight: Weight| {
        facts.extend(text::wrap(said, width).into_iter().map(|line| (line, weight)));
    };
    add(&text::clip(&board.description, 2 * width), Weight::Extra);
    add(&task(board), Weight::Extra);
    if board.competition.open {
        add(OPEN, Weight::Warning);
    }
    add(setup_warning(board.setup), Weight::Warning);
    add(&completeness(board), Weight::Completeness);
    facts
}

fn task(board: &Board) -> String {
    let c = &board.competition;
    let threshold = if c.threshold_bps > 0 {
        format!(" · threshold {}", text::percent(c.threshold_bps))
    } else {
        String::new()
    };
    format!(
        "{} until {} · {} rows of {} features, {} classes · {}{threshold}",
        competitions::phase(c.phase),
        text::date(c.prove_deadline),
        c.rows,
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

fn completeness(board: &Board) -> String {
    let test_set = if board.test_set_here { "" } else { " · test set not here yet" };
    format!(
        "{} records known, {} pending · fingerprint {}{test_set}",
        board.records,
        board.pending,
        text::short_hex(&board.fingerprint)
    )
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let Some(board) = &state.board else {
        let hint = match &state.chosen {
            Some(id) => format!("Asking for competition {} …", text::short_hex(id)),
            None => "Choose a competition and press Enter.".to_owned(),
        };
        return lines(frame, area, [(hint, theme.dim())]);
    };
    let mut facts = facts(board, usize::from(area.width));
    // Heads and a few rows must remain; the warnings always do.
    if facts.len() + 5 > usize::from(area.height) {
        facts.retain(|(_, weight)| *weight != Weight::Extra);
    }
    let used = u16::try_from(facts.len()).unwrap_or(u16::MAX).min(area.height);
    let style = |weight| match weight {
        Weight::Title => theme.title(),
        Weight::Warning => theme.warning(),
        Weight::Completeness => Style::new(),
        Weight::Extra => theme.dim(),
    };
    lines(frame, area, facts.into_iter().map(|(line, weight)| (line, style(weight))));
    let below = Rect { y: area.y + used, height: area.height - used, ..area };
    if state.rows.items().is_empty() {
        return lines(frame, below, [(nobody(board.pending), theme.dim())]);
    }
    rows(frame, below, state, theme);
}

fn nobody(pending: u64) -> String {
    if pending > 0 {
        format!("No verified submission yet; {pending} records are being checked.")
    } else {
        "No verified submission yet.".to_owned()
    }
}

fn rows(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let columns = Table::new(area.width.saturating_sub(1), state.scale, state.clock.unix);
    let focused = state.focus == Pane::Board;
    table(frame, area, &columns.heads(), &state.rows, focused, theme, |row| {
        let style = if row.mine { theme.mine() } else { Style::new() };
        Row { mark: if row.mine { '*' } else { ' ' }, text: columns.line(row), style }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_width_whatever_they_are_given() {
        assert_eq!(bar(5_000, (2_500, 7_500), (0, 10_000), 9), "  ├─●─┤  ");
        assert_eq!(bar(9_999, (9_990, 10_000), (0, 10_000), 5), "    ●");
        for value in [0, 1, 5_000, 10_000, u32::MAX] {
            for width in 0..30 {
                let odd = bar(value, (u32::MAX, 0), (9_000, 9_000), width);
                assert_eq!(odd.chars().count(), width);
            }
        }
    }
}
