//! The chosen competition's rules, and who has entered it.

use api::{CompetitionSummary, Entry, EntryStanding, HostRecord};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Row, lines, table};
use crate::state::{Pane, State, entry_standing};
use crate::table::{Column, arrange, heads, line};
use crate::text::{self, Align};
use crate::theme::Theme;

const COLUMNS: &[Column] = &[
    Column { title: "name", min: 8, max: 24, align: Align::Left, keep: 255, grow: 1 },
    Column { title: "key", min: 7, max: 13, align: Align::Left, keep: 250, grow: 3 },
    Column { title: "size class", min: 12, max: 16, align: Align::Left, keep: 190, grow: 4 },
    Column { title: "standing", min: 14, max: 20, align: Align::Left, keep: 253, grow: 2 },
    Column { title: "first seen", min: 10, max: 16, align: Align::Left, keep: 240, grow: 0 },
];

fn cell(entry: &Entry, now: u64, column: usize, width: u16) -> String {
    match column {
        0 => entry.display_name.clone(),
        1 => text::short_peer(&entry.competitor, usize::from(width).saturating_sub(1)),
        2 => entry.size_class.clone(),
        3 if width >= 20 => entry.standing.as_str().to_owned(),
        3 => entry_standing(entry.standing).to_owned(),
        _ if width >= 16 => text::date(entry.first_seen),
        _ => text::age(now, entry.first_seen),
    }
}

/// What may be claimed and handed in, and what the host has signed, in lines of at most `width` columns.
pub fn rules(competition: &CompetitionSummary, width: usize) -> Vec<String> {
    let c = competition;
    let levels = || c.levels_bps.iter().map(|bps| text::percent(*bps)).collect::<Vec<_>>().join(", ");
    let claims = if c.levels_bps.is_empty() { "every count".to_owned() } else { levels() };
    let ties = match c.tie_rule.as_str() {
        "shared_rank" => "share a rank",
        "entry_id" => "by entry id",
        other => other,
    };
    let caps = format!(
        "caps: {}, {} each; {} an entry",
        text::count(u64::from(c.max_entries), "entry", "entries"),
        text::count(u64::from(c.max_withdrawals), "withdrawal", "withdrawals"),
        text::count(u64::from(c.max_submissions), "submission", "submissions"),
    );
    // Only a sealed competition has a time for entries of its own.
    let deadlines = (!c.open).then(|| {
        let (commit, prove) = (text::date(c.commit_deadline), text::date(c.prove_deadline));
        format!("deadlines: commit {commit}, prove {prove}")
    });
    // Two lines are enough to see what kind of levels they are.
    let claims = text::clip(&format!("claims: {claims} · ties: {ties}"), 2 * width);
    let said = [claims, caps].into_iter().chain(deadlines);
    let signed = said.chain(signed("reveal", &c.reveals)).chain(signed("close", &c.closes));
    signed.flat_map(|said| text::wrap(&said, width)).collect()
}

/// When a record of the host's was made and came; of several also which, and what each lists.
fn signed(kind: &str, records: &[HostRecord]) -> Vec<String> {
    let one = |record: &HostRecord| {
        let (made, seen) = (text::date(record.created), text::date(record.first_seen));
        format!("{kind} signed {made}, seen here {seen}")
    };
    let of_several = |record: &HostRecord| {
        let id: String = record.id.chars().take(8).collect();
        let (listed, missing, seen) = (record.listed, record.missing, text::date(record.first_seen));
        format!("{kind} {id} ({listed} listed, {missing} missing) seen {seen}")
    };
    match records {
        [only] => vec![one(only)],
        several => several.iter().map(of_several).collect(),
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let Some(board) = &state.board else {
        let hint = "Choose a competition and press Enter.".to_owned();
        return lines(frame, area, [(hint, theme.dim())]);
    };
    let mut rules = rules(&board.competition, usize::from(area.width));
    // Heads and two rows must remain.
    rules.truncate(usize::from(area.height.saturating_sub(3)));
    let used = u16::try_from(rules.len()).unwrap_or(u16::MAX).min(area.height);
    lines(frame, area, rules.into_iter().map(|line| (line, Style::new())));
    let below = Rect { y: area.y + used, height: area.height - used, ..area };
    if state.entries.items().is_empty() {
        return lines(frame, below, [("No entry yet.".to_owned(), theme.dim())]);
    }
    let placed = arrange(COLUMNS, area.width.saturating_sub(1));
    let focused = state.focus == Pane::Entries;
    table(frame, below, &heads(COLUMNS, &placed), &state.entries, focused, theme, |entry| Row {
        mark: if entry.mine { '*' } else { ' ' },
        text: line(COLUMNS, &placed, |column, width| cell(entry, state.clock.unix, column, width)),
        style: match entry.standing {
            _ if entry.mine => theme.mine(),
            EntryStanding::Entered | EntryStanding::OnRoster => Style::new(),
            EntryStanding::Withdrawn | EntryStanding::BeyondCap | EntryStanding::LeftOut => theme.dim(),
        },
    });
}
