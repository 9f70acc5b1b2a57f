//! The chosen competition and its leaderboard.

use api::{
    Board, BoardRow, CompetitionSummary, HostRecord, OPEN_LABEL, Phase, SEALED_LABEL, SetupTrust, Standing,
};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, competitions, lines, table};
use crate::state::{DISPUTED, Pane, State, standing};
use crate::table::{Column, Placed, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;

const BAR: usize = 4;
const COLUMNS: &[Column] = &[
    Column { title: "#", min: 3, max: 4, align: Align::Right, keep: 254, grow: 7 },
    Column { title: "name", min: 8, max: 24, align: Align::Left, keep: 255, grow: 0 },
    Column { title: "key", min: 7, max: 13, align: Align::Left, keep: 250, grow: 5 },
    Column { title: "at least", min: 8, max: 8, align: Align::Right, keep: 253, grow: 9 },
    Column { title: "", min: 8, max: 24, align: Align::Left, keep: 200, grow: 6 },
    Column { title: "95 % CI", min: 11, max: 12, align: Align::Right, keep: 252, grow: 4 },
    Column { title: "tries", min: 5, max: 5, align: Align::Right, keep: 230, grow: 9 },
    Column { title: "when", min: 4, max: 16, align: Align::Left, keep: 220, grow: 2 },
    Column { title: "state", min: 5, max: 8, align: Align::Left, keep: 245, grow: 1 },
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
            0 => rank(row),
            1 if row.namesake => format!("≈{}", row.display_name),
            1 => row.display_name.clone(),
            2 => text::short_peer(&row.competitor, usize::from(width).saturating_sub(1)),
            3 => text::percent(row.accuracy_bps),
            BAR => bar(row.accuracy_bps, row.interval_bps, self.scale, usize::from(width)),
            5 => text::interval(row.interval_bps),
            6 => row.entries.to_string(),
            7 if roomy(16) => text::date(row.submitted),
            7 => text::age(self.now, row.submitted),
            8 => match row.standing {
                any if roomy(8) => standing(any),
                Standing::Pending => "pend.",
                Standing::Final => "final",
                Standing::LeftOut => "out",
            }
            .to_owned(),
            9 if roomy(12) && row.checked_here && row.verify_us > 0 => {
                format!("yes, {}", text::millis(row.verify_us))
            }
            9 => if row.checked_here { "yes" } else { "no" }.to_owned(),
            _ => match row.setup {
                SetupTrust::SingleParty if roomy(12) => "single party",
                SetupTrust::SingleParty => "single",
            }
            .to_owned(),
        }
    }
}

/// A row's rank; `-` if it has none.
pub fn rank(row: &BoardRow) -> String {
    row.rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string())
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
    /// What a reader must know before reading a row.
    Plain,
    /// What can be left out where there is little room.
    Task,
    /// What is left out first.
    Extra,
}

/// What is said about a competition above its rows, in lines of at most `width` columns.
pub fn facts(board: &Board, width: usize) -> Vec<(String, Weight)> {
    let mut facts = vec![(text::clip(&board.competition.title, width), Weight::Title)];
    let mut add = |said: &str, weight: Weight| {
        facts.extend(text::wrap(said, width).into_iter().map(|line| (line, weight)));
    };
    let competition = &board.competition;
    if let Some(dispute) = dispute(competition) {
        add(&dispute, Weight::Warning);
    }
    add(&text::clip(&board.description, 2 * width), Weight::Extra);
    add(&format!("{} · {}", competition.phase.as_str(), deadline(competition)), Weight::Plain);
    add(&task(competition), Weight::Task);
    if competition.open {
        add(OPEN_LABEL, Weight::Warning);
    } else {
        add(SEALED_LABEL, Weight::Plain);
    }
    add(setup_warning(board.setup), Weight::Warning);
    add(&completeness(board), Weight::Plain);
    facts
}

/// Which records the host has signed two different ones of, if any.
pub fn dispute(competition: &CompetitionSummary) -> Option<String> {
    let twice = competition.disputes.iter().map(|kind| format!("two {kind}s")).collect::<Vec<_>>();
    (!twice.is_empty()).then(|| format!("{DISPUTED}: the host has signed {}", twice.join(" and ")))
}

/// The deadline that comes next, or the last one.
fn deadline(competition: &CompetitionSummary) -> String {
    match competition.phase {
        Phase::Announced | Phase::Committing => {
            format!("commit deadline {}", text::date(competition.commit_deadline))
        }
        Phase::Revealed | Phase::Proving | Phase::Closed => {
            format!("prove deadline {}", text::date(competition.prove_deadline))
        }
    }
}

fn task(c: &CompetitionSummary) -> String {
    let threshold = if c.threshold_bps > 0 {
        format!(" · threshold {}", text::percent(c.threshold_bps))
    } else {
        String::new()
    };
    format!(
        "{} rows of {} features, {} classes · {}{threshold}",
        competitions::rows(c),
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
    // What each of several lists stands beside the entries.
    let said = |records: &[HostRecord], say: fn(&HostRecord) -> String, many: &str| match records {
        [] => String::new(),
        [only] => format!(" · {}", say(only)),
        more => format!(" · {} {many}", more.len()),
    };
    let c = &board.competition;
    let host = said(&c.reveals, reveal, "reveals") + &said(&c.closes, close, "closes");
    let peers = match (board.peers, board.peers_most.saturating_sub(board.records)) {
        (0, _) => String::new(),
        (all, 0) => format!(", the same as {} of {all} peers", board.peers_same),
        (_, more) => format!(", a peer has {more} more"),
    };
    format!(
        "{}{peers}, {} pending{host} · fingerprint {}{test_set}",
        text::count(board.records, "record known", "records known"),
        board.pending,
        text::short_hex(&board.fingerprint)
    )
}

/// What a reveal lists.
fn reveal(record: &HostRecord) -> String {
    format!("reveal ({} listed{})", text::count(record.listed, "entry", "entries"), missing(record))
}

/// What a close lists.
fn close(record: &HostRecord) -> String {
    format!("close ({} final{})", record.listed, missing(record))
}

fn missing(record: &HostRecord) -> String {
    if record.missing > 0 { format!(", {} missing here", record.missing) } else { String::new() }
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
    for spare in [Weight::Extra, Weight::Task] {
        if facts.len() + 5 > usize::from(area.height) {
            facts.retain(|(_, weight)| *weight != spare);
        }
    }
    let used = u16::try_from(facts.len()).unwrap_or(u16::MAX).min(area.height);
    let style = |weight| match weight {
        Weight::Title => theme.title(),
        Weight::Warning => theme.warning(),
        Weight::Plain => Style::new(),
        Weight::Task | Weight::Extra => theme.dim(),
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
        let records = text::count(pending, "record is", "records are");
        format!("No verified submission yet; {records} being checked.")
    } else {
        "No verified submission yet.".to_owned()
    }
}

fn rows(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let columns = Table::new(area.width.saturating_sub(1), state.scale, state.clock.unix);
    let focused = state.focus == Pane::Board;
    table(frame, area, &columns.heads(), &state.rows, focused, theme, |row| {
        let style = match row.standing {
            _ if row.mine => theme.mine(),
            Standing::LeftOut => theme.dim(),
            Standing::Pending | Standing::Final => Style::new(),
        };
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
