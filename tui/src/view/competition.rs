//! The chosen competition: its rules, whom one trusts, and whether all of its records are here.

use api::{Board, CompetitionSummary, HostRecord, OPEN_LABEL, Prize, SEALED_LABEL};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::{self, Weight};
use super::fields::{self, Field};
use super::{competitions, lines, scrolled};
use crate::state::State;
use crate::text;
use crate::theme::Theme;

/// Everything there is to say, in lines of at most `width` columns.
pub fn text(board: &Board, width: usize, now: u64) -> Vec<(String, Weight)> {
    let c = &board.competition;
    let mut said = vec![(text::clip(&c.title, width), Weight::Title)];
    let mut add = |lines: Vec<String>, weight| said.extend(lines.into_iter().map(|line| (line, weight)));
    add(facts::dispute(c).map(|d| text::wrap(&d, width)).unwrap_or_default(), Weight::Warning);
    for differs in c.prize.iter().flat_map(Prize::differences) {
        add(text::wrap(&differs, width), Weight::Warning);
    }
    add(text::wrap(&board.description, width), Weight::Plain);
    add(fields::lines(&about(c, now), width), Weight::Plain);
    add(vec![String::new(), "Rules".to_owned()], Weight::Title);
    add(fields::lines(&rules(c), width), Weight::Plain);
    add(vec![String::new(), "Trust".to_owned()], Weight::Title);
    let seal = if c.open { (OPEN_LABEL, Weight::Warning) } else { (SEALED_LABEL, Weight::Plain) };
    add(text::wrap(seal.0, width), seal.1);
    add(text::wrap(facts::setup_warning(board.setup), width), Weight::Warning);
    add(fields::lines(&trust(board), width), Weight::Plain);
    add(vec![String::new(), "Records".to_owned()], Weight::Title);
    let lacking = board.peers_most > board.records;
    let weight = if lacking { Weight::Warning } else { Weight::Plain };
    add(text::wrap(&facts::records(board), width), weight);
    add(fields::lines(&records(board), width), Weight::Plain);
    said
}

fn about(c: &CompetitionSummary, now: u64) -> Vec<Field> {
    let mut fields = vec![
        ("phase", format!("{}, {}", c.phase.as_str(), facts::deadline(c, now))),
        ("entries", format!("{}, {} proved", c.entries, text::count(c.submissions, "score", "scores"))),
    ];
    fields.extend(c.prize.as_ref().map(|prize| ("prize", prize.said())));
    fields.extend(c.prize.as_ref().map(|prize| ("contract", prize.place())));
    fields.extend([("host", c.host.clone()), ("id", c.id.clone())]);
    fields
}

/// What may be claimed and handed in.
pub fn rules(c: &CompetitionSummary) -> Vec<Field> {
    let levels = || c.levels_bps.iter().map(|bps| text::percent(*bps)).collect::<Vec<_>>().join(", ");
    let ties = match c.tie_rule.as_str() {
        "shared_rank" => "share a rank",
        "entry_id" => "by entry id",
        other => other,
    };
    let task = format!("{} rows of {} features, {} classes", competitions::rows(c), c.features, c.classes);
    let caps = format!(
        "{}, {} each; {} an entry",
        text::count(u64::from(c.max_entries), "entry", "entries"),
        text::count(u64::from(c.max_withdrawals), "withdrawal", "withdrawals"),
        text::count(u64::from(c.max_submissions), "submission", "submissions"),
    );
    let threshold = || text::percent(c.threshold_bps);
    // Only a sealed competition has a time for entries of its own.
    let commit = (!c.open).then(|| ("commit by", text::date(c.commit_deadline)));
    let mut rules = vec![
        ("test set", task),
        ("size class", c.size_classes.join(", ")),
        ("threshold", if c.threshold_bps > 0 { threshold() } else { "none".to_owned() }),
        ("claims", if c.levels_bps.is_empty() { "every count".to_owned() } else { levels() }),
        ("ties", ties.to_owned()),
        ("caps", caps),
    ];
    rules.extend(commit);
    rules.push(("prove by", text::date(c.prove_deadline)));
    rules
}

fn trust(board: &Board) -> Vec<Field> {
    let c = &board.competition;
    let here = if board.test_set_here { "here" } else { "not here yet" };
    let test_set = match &board.test_set {
        Some(digest) => format!("{here}, BLAKE3 {digest}"),
        None => "sealed".to_owned(),
    };
    let mut fields = vec![("test set", test_set)];
    fields.extend(signed("reveal", &c.reveals));
    fields.extend(signed("close", &c.closes));
    fields
}

/// When a record of the host's was made and came; of several also which, and what each lists.
fn signed(kind: &'static str, records: &[HostRecord]) -> Vec<Field> {
    let one = |record: &HostRecord| {
        let (made, seen) = (text::date(record.created), text::date(record.first_seen));
        let which = match records.len() {
            1 => String::new(),
            _ => format!("{}, ", record.id.chars().take(8).collect::<String>()),
        };
        let (listed, missing) = (record.listed, record.missing);
        let said = format!("{which}{listed} listed, {missing} missing; signed {made}, seen here {seen}");
        (kind, said)
    };
    records.iter().map(one).collect()
}

fn records(board: &Board) -> Vec<Field> {
    let pending = if board.pending > 0 { "being checked or waiting for others" } else { "nothing waits" };
    vec![("pending", format!("{}: {pending}", board.pending)), ("fingerprint", board.fingerprint.clone())]
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let Some(board) = &state.board else {
        return lines(frame, area, [(super::choose_hint(state), theme.dim())]);
    };
    let said = text(board, usize::from(area.width), state.clock.unix);
    let style = |weight| match weight {
        Weight::Title => theme.title(),
        Weight::Warning => theme.warning(),
        Weight::Plain | Weight::Task => Style::new(),
    };
    let said: Vec<_> = said.into_iter().map(|(line, weight)| (line, style(weight))).collect();
    scrolled(frame, area, said, state.scrolls[0], theme);
}
