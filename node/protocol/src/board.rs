//! The leaderboard: a pure function of the kept records, in integers and correctly rounded floating point.

use crate::{Author, Contest, ProvedSubmission, RecordId, StatementId};
use circuits::ClassId;
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeMap};

/// A leaderboard. Any two nodes that keep the same records make the same one, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Board {
    /// The competition.
    pub competition: RecordId,
    /// Rows of the test set (N).
    pub rows_total: u64,
    /// Accuracy that counts as reached, in basis points; 0 if there is none.
    pub threshold_bps: u32,
    /// The best submission of every competitor: by rank, then by entry id.
    pub rows: Vec<BoardRow>,
}

/// One competitor on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoardRow {
    /// From 1; ties share one ("1224").
    pub rank: u64,
    /// What the entry calls itself.
    pub display_name: String,
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
    /// Entries of this competitor: the interval holds for one.
    pub entries: u64,
    /// The competitor's claim of when, seconds since 1970.
    pub submitted: u64,
}

impl Board {
    /// The board of a competition.
    pub fn of<M>(contest: &Contest<M>) -> Self {
        let competition = contest.competition().item.body();
        let (n, bps) = (competition.rows, competition.threshold_bps);
        let mut best: Vec<_> = best_by_competitor(contest).into_iter().collect();
        best.sort_by_key(|(_, submission)| {
            let body = submission.record().body();
            (Reverse(body.correct()), body.entry)
        });
        let mut rows: Vec<BoardRow> = Vec::with_capacity(best.len());
        for (place, (author, submission)) in (1u64..).zip(best) {
            let (record, correct) = (submission.record(), submission.record().body().correct());
            let Some(entry) = contest.entry(record.body().entry) else { continue };
            let entry = entry.item.record();
            // "1224": a tie has the rank of the row before it.
            let rank = rows.last().filter(|last| last.correct == correct).map_or(place, |last| last.rank);
            rows.push(BoardRow {
                rank,
                display_name: entry.body().display_name.clone(),
                competitor: author.to_string(),
                entry: entry.id(),
                submission: record.id(),
                statement: submission.statement(),
                class: entry.body().class,
                correct,
                accuracy_bps: accuracy_bps(correct, n),
                interval_bps: wilson_bps(correct, n),
                reaches_threshold: reaches_bps(correct, n, bps),
                entries: contest.entries_of(&author),
                submitted: record.body().created,
            });
        }
        Self { competition: contest.id(), rows_total: n, threshold_bps: bps, rows }
    }

    /// Canonical DAG-CBOR, to compare boards by.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The encoder fails only on numbers that are not finite, and there are none.
        serde_ipld_dagcbor::to_vec(self).unwrap_or_default()
    }
}

/// Highest count; of equal ones the lowest entry id, then the lowest submission id.
fn best_by_competitor<M>(contest: &Contest<M>) -> BTreeMap<Author, &ProvedSubmission> {
    let key = |submission: &ProvedSubmission| {
        let record = submission.record();
        (Reverse(record.body().correct()), record.body().entry, record.id())
    };
    let mut best: BTreeMap<Author, &ProvedSubmission> = BTreeMap::new();
    for kept in contest.submissions() {
        let author = kept.item.record().author();
        let place = best.entry(author).or_insert(&kept.item);
        if key(&kept.item) < key(place) {
            *place = &kept.item;
        }
    }
    best
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
