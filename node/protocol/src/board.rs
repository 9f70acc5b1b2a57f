//! The leaderboard: a pure function of the kept records, in integers and correctly rounded floating point.

use crate::{Author, Contest, Kind, RecordId, Standing, StatementId, TieRule};
use circuits::ClassId;
use serde::Serialize;
use std::cmp::Reverse;
use unicode_normalization::UnicodeNormalization;

/// A leaderboard. Any two nodes that keep the same records make the same one, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Board {
    /// The competition.
    pub competition: RecordId,
    /// Whether the test set was public before the models were fixed.
    pub open: bool,
    /// Rows of the test set (N), unless it is still sealed.
    pub rows_total: Option<u64>,
    /// Accuracy that counts as reached, in basis points; 0 if there is none.
    pub threshold_bps: u32,
    /// Whether the host has closed the competition.
    pub closed: bool,
    /// What the host has signed two of: if anything, the board is disputed.
    pub disputes: Vec<&'static str>,
    /// The best submission of every competitor: by rank, then by entry id or as ties are drawn; those without rank
    /// last.
    pub rows: Vec<BoardRow>,
}

/// One competitor on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoardRow {
    /// From 1; ties share one ("1224") unless the competition has another rule. None if the host has left out all that
    /// this competitor proved.
    pub rank: Option<u64>,
    /// Whether the host calls it final.
    pub standing: Standing,
    /// What the entry calls itself.
    pub display_name: String,
    /// Whether another competitor's name looks the same: they are told apart by their keys.
    pub namesake: bool,
    /// Peer id of the competitor.
    pub competitor: String,
    /// The entry.
    pub entry: RecordId,
    /// The submission's record.
    pub submission: RecordId,
    /// What it states.
    pub statement: StatementId,
    /// Size class.
    pub class: ClassId,
    /// Proved count K: at least so many of N rows are right.
    pub correct: u64,
    /// Proved accuracy in basis points, rounded down.
    pub accuracy_bps: u32,
    /// 95 % Wilson interval of the proved accuracy, in basis points, rounded outwards.
    pub interval_bps: (u32, u32),
    /// Whether the competition's threshold is reached; true if there is none.
    pub reaches_threshold: bool,
    /// Entries of this competitor that count: the interval holds for one.
    pub entries: u64,
    /// The competitor's claim of when, seconds since 1970.
    pub submitted: u64,
    /// Decides ties: see [`TieRule`].
    #[serde(skip)]
    draw: [u8; 32],
    /// [`skeleton`] of the name.
    #[serde(skip)]
    skeleton: String,
}

impl Board {
    /// The board of a competition.
    pub fn of<M>(contest: &Contest<M>) -> Self {
        let rows = contest.authors().iter().filter_map(|author| row(contest, author)).collect();
        let mut board = Self::around(contest, rows);
        board.rows.sort_by_key(BoardRow::order);
        board.rank(contest.competition().item.body().tie_rule);
        let mut names: Vec<String> = board.rows.iter().map(|row| row.skeleton.clone()).collect();
        names.sort_unstable();
        for row in &mut board.rows {
            let first = names.partition_point(|name| *name < row.skeleton);
            row.namesake = names.get(first + 1).is_some_and(|name| *name == row.skeleton);
        }
        board
    }

    fn around<M>(contest: &Contest<M>, rows: Vec<BoardRow>) -> Self {
        let rules = contest.competition().item.body();
        Self {
            competition: contest.id(),
            open: rules.is_open(),
            rows_total: contest.rows(),
            threshold_bps: rules.threshold_bps,
            closed: contest.is_closed(),
            disputes: contest.disputes().into_iter().map(Kind::as_str).collect(),
            rows,
        }
    }

    /// Makes the board that of `contest` again, after records of one competitor, and of nobody else, have come or gone.
    /// The same as [`Board::of`], without looking at the submissions of all others.
    pub fn update<M>(&mut self, contest: &Contest<M>, author: &Author) {
        let mut rows = std::mem::take(&mut self.rows);
        let name = author.to_string();
        if let Some(at) = rows.iter().position(|row| row.competitor == name) {
            let gone = rows.remove(at);
            rename(&mut rows, &gone.skeleton);
        }
        if let Some(row) = row(contest, author) {
            let skeleton = row.skeleton.clone();
            let at = rows.partition_point(|other| other.order() < row.order());
            rows.insert(at, row);
            rename(&mut rows, &skeleton);
        }
        *self = Self::around(contest, rows);
        self.rank(contest.competition().item.body().tie_rule);
    }

    fn rank(&mut self, rule: TieRule) {
        let mut last: Option<(u64, u64)> = None;
        for (place, row) in (1u64..).zip(&mut self.rows) {
            if row.standing == Standing::LeftOut {
                row.rank = None;
                continue;
            }
            // "1224": a tie has the rank of the row before it.
            let shared = last.filter(|(correct, _)| rule == TieRule::SharedRank && *correct == row.correct);
            let rank = shared.map_or(place, |(_, rank)| rank);
            row.rank = Some(rank);
            last = Some((row.correct, rank));
        }
    }

    /// Canonical DAG-CBOR, to compare boards by.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The encoder fails only on numbers that are not finite, and there are none.
        serde_ipld_dagcbor::to_vec(self).unwrap_or_default()
    }
}

impl BoardRow {
    /// No two rows have the same entry.
    fn order(&self) -> (bool, Reverse<u64>, [u8; 32], RecordId) {
        (self.standing == Standing::LeftOut, Reverse(self.correct), self.draw, self.entry)
    }
}

/// Says again of all rows with names that look so whether there are several.
fn rename(rows: &mut [BoardRow], skeleton: &str) {
    let several = rows.iter().filter(|row| row.skeleton == skeleton).count() > 1;
    for row in rows.iter_mut().filter(|row| row.skeleton == skeleton) {
        row.namesake = several;
    }
}

/// A competitor's row: the best of what the host has not left out, else the best of what he has.
fn row<M>(contest: &Contest<M>, author: &Author) -> Option<BoardRow> {
    let best = contest.counted_of(author).min_by_key(|(standing, submission)| {
        let (record, body) = (submission.record(), submission.record().body());
        (*standing == Standing::LeftOut, Reverse(body.correct()), body.entry, record.id())
    })?;
    let (standing, submission) = best;
    let rules = contest.competition().item.body();
    let (record, correct) = (submission.record(), submission.record().body().correct());
    let (entry, n) = (contest.entry(record.body().entry)?.item.record(), contest.rows()?);
    Some(BoardRow {
        rank: None,
        standing,
        display_name: entry.body().display_name.clone(),
        namesake: false,
        competitor: author.to_string(),
        entry: entry.id(),
        submission: record.id(),
        statement: submission.statement(),
        class: entry.body().class,
        correct,
        accuracy_bps: accuracy_bps(correct, n),
        interval_bps: wilson_bps(correct, n),
        reaches_threshold: reaches_bps(correct, n, rules.threshold_bps),
        entries: contest.entries_that_count(author),
        submitted: record.body().created,
        draw: draw(contest, entry.id()),
        skeleton: skeleton(&entry.body().display_name),
    })
}

/// The place of an entry among ties. All valid reveals of a competition have the same salt.
fn draw<M>(contest: &Contest<M>, entry: RecordId) -> [u8; 32] {
    match (contest.competition().item.body().tie_rule, contest.reveals().first()) {
        (TieRule::EntryId, Some(reveal)) => {
            let mut hasher = blake3::Hasher::new_derive_key("podium 2025-11 draw among ties v1");
            hasher.update(&reveal.item.body().salt);
            hasher.update(entry.as_bytes());
            *hasher.finalize().as_bytes()
        }
        _ => *entry.as_bytes(),
    }
}

/// What a name looks like: equal for names that people would take for the same one. Compatibility forms, case and
/// spaces do not count, and letters of other scripts are those that they look like (UTS 39, section 4). A capital I looks
/// like an l, and is an i: the three are one.
pub fn skeleton(name: &str) -> String {
    let fold = |text: String| -> String {
        text.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect()
    };
    // Twice: what looks like a letter may have another look in lower case.
    let once: String = unicode_security::skeleton(&fold(name.to_owned())).collect();
    unicode_security::skeleton(&fold(once)).map(|c| if c == 'i' { 'l' } else { c }).collect()
}

/// `floor(10000 K / N)`; 0 without rows.
pub fn accuracy_bps(correct: u64, rows: u64) -> u32 {
    let bps = (u128::from(correct) * 10_000).checked_div(u128::from(rows)).unwrap_or(0);
    u32::try_from(bps).unwrap_or(u32::MAX)
}

/// Whether `10000 K >= bps N`, in integers.
pub fn reaches_bps(correct: u64, rows: u64, bps: u32) -> bool {
    u128::from(correct) * 10_000 >= u128::from(bps) * u128::from(rows)
}

/// The lowest count that reaches `bps` basis points of `rows` rows.
pub fn threshold_count(rows: u64, bps: u32) -> u64 {
    let count = (u128::from(bps) * u128::from(rows)).div_ceil(10_000);
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// 95 % Wilson score interval of K of N, in basis points rounded outwards; everything without rows.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). Only
/// `+ - * /` and the square root are used, which IEEE 754 rounds correctly: the same on every machine.
pub fn wilson_bps(correct: u64, rows: u64) -> (u32, u32) {
    if rows == 0 || correct > rows {
        return (0, 10_000);
    }
    let (k, n) = (correct as f64, rows as f64);
    let centre = k + Z * Z / 2.0;
    let spread = Z * (k * (n - k) / n + Z * Z / 4.0).sqrt();
    let bps = |x: f64| (10_000.0 * x / (n + Z * Z)).clamp(0.0, 10_000.0);
    // At the ends the interval touches 0 or 1 exactly, which rounding might miss.
    let low = if correct == 0 { 0 } else { bps(centre - spread).floor() as u32 };
    let high = if correct == rows { 10_000 } else { bps(centre + spread).ceil() as u32 };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wilson_agrees_with_fifty_digits() {
        // The formula in 50-digit decimal arithmetic gives, in basis points: 2552.89 to 3662.10,
        // 623.86 to 1604.87, 0 to 1611.25, 61.13 to 1717.55, 8830.30 to 10000 and 9298.43 to 9594.49.
        assert_eq!(wilson_bps(81, 263), (2552, 3663));
        assert_eq!(wilson_bps(15, 148), (623, 1605));
        assert_eq!(wilson_bps(0, 20), (0, 1612));
        assert_eq!(wilson_bps(1, 29), (61, 1718));
        assert_eq!(wilson_bps(29, 29), (8830, 10_000));
        assert_eq!(wilson_bps(850, 898), (9298, 9595));
        assert_eq!(wilson_bps(5, 0), (0, 10_000));
    }

    #[test]
    fn thresholds_are_compared_in_integers() {
        assert!(reaches_bps(2, 3, 6666));
        assert!(!reaches_bps(2, 3, 6667));
        assert!(reaches_bps(0, 3, 0));
        assert!(reaches_bps(u64::MAX, u64::MAX, 10_000));
        assert_eq!(accuracy_bps(2, 3), 6666);
        assert_eq!(accuracy_bps(3, 3), 10_000);
        assert_eq!(accuracy_bps(1, 0), 0);
    }

    #[test]
    fn names_that_look_the_same_have_one_skeleton() {
        // Cyrillic letters, full-width letters, case, spaces, a combining accent.
        for (a, b) in [
            ("Ada", "\u{0410}da"),
            ("paypal", "\u{0440}\u{0430}ypal"),
            ("Ada", "\u{ff21}da"),
            ("ada lovelace", "AdaLovelace"),
            ("caf\u{e9}", "cafe\u{301}"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
        }
        assert_ne!(skeleton("Ada"), skeleton("Bob"));
        assert_ne!(skeleton("model 1"), skeleton("model 2"));
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_proved_accuracy(rows in 1u64..=1 << 20, part in 0.0f64..=1.0) {
            let correct = ((rows as f64 * part) as u64).min(rows);
            let (low, high) = wilson_bps(correct, rows);
            prop_assert!(low <= accuracy_bps(correct, rows));
            prop_assert!(accuracy_bps(correct, rows) <= high && high <= 10_000);
        }

        #[test]
        fn the_threshold_count_is_the_lowest_that_reaches_it(rows in 1u64..=1 << 20, bps in 0u32..=10_000) {
            let count = threshold_count(rows, bps);
            prop_assert!(count <= rows && reaches_bps(count, rows, bps));
            prop_assert!(count == 0 || !reaches_bps(count - 1, rows, bps));
        }
    }
}
